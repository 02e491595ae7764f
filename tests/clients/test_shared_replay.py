"""The calls of the catalogue once more, by a user who has no account: what the machine's service makes of them is the same, but
that who says to be root is the one who calls.

What only root may do, is root's call: -f root, newaliases with aliases of the machine's own.
"""
import re
import subprocess

import pytest

import catalogue
from lib.jail import free_ports
from lib.machine import DOWN, USERS, Machine
from replay import Replay, account
from test_replay import CALLS, check_call, good, has_full_name, server_of, wants_full_name      # noqa: F401


def roots(call):
    words = " ".join(call.argv)
    return call.facts.get("user") == "root" or re.search(r"(^| )-[fr] ?root\b|newaliases|-bi", words)


class SharedReplay(Replay):
    def __init__(self, machine, call, own):
        super().__init__("/usr/sbin/sendmail", call, own)
        self.machine, self.queue = machine, machine.queue.path
        self.user = "root" if roots(call) else self.user if self.user in set(USERS) - {"root"} else "alice"

    def settings(self, host, port):
        text = account(host, port)
        if "aliases" in self.call.facts:
            self.machine.put("etc/aliases", self.call.facts["aliases"])
            text += "aliases /etc/aliases\n"
        self.machine.configure(text)

    def command(self, argv):
        return argv

    def start(self, argv, **streams):
        return self.machine.start(argv, self.user, self.call.env, self.become, executable=self.program, **streams)

    def read(self, written):
        """Nobody is root but root."""
        return written if self.user == "root" else re.sub(rb"(?mi)^(From:.*)\broot\b(?!@[\w-]+\.)", rb"\1" + self.user.encode(), written)


@pytest.fixture(scope="module")
def shared(relay, has_full_name):
    with Machine(relay, DOWN) as running:
        known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
        library = re.search(r"/\S+/libidn2\.so\.0$", known, re.M)
        if library:
            running.install(library[0], library[0][1:])
        running.serve()
        yield running


@pytest.fixture
def machine(shared):
    yield shared
    for file in shared.queue.path.glob("*/*"):
        file.unlink(missing_ok=True)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.id)
def test_call(machine, wants_full_name, server_of, call, tmp_path):
    server = server_of(call)
    replay = SharedReplay(machine, call, tmp_path)
    done = replay.run("127.0.0.1", server.port if server else free_ports(1)[0])
    check_call(call, done, server, replay.read)
    if done.waiting:
        [id] = machine.queue.places()
        assert f"\nuid: {USERS[replay.user]}\n" in machine.queue.file(id).read_text()
