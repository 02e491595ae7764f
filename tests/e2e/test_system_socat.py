"""The service of the machine without systemd: sample-config/relay.socat, with Debian's socat."""
import re
import shutil
import stat
import time
from pathlib import Path

import pytest

from lib.machine import USERS, machine      # noqa: F401

LETTER = b"To: b@far.test\nSubject: x\n\nhi\n"
SAMPLE = Path(__file__).resolve().parents[2] / "sample-config/relay.socat"


def command():
    """The command of the sample: its last line, without `exec`."""
    return re.search(r"^exec (socat .*)\Z", SAMPLE.read_text().replace("\\\n", " ").rstrip(), re.M)[1]


@pytest.fixture
def served(machine):
    if not shutil.which("socat"):
        pytest.skip("no socat")
    running = []

    def make(server=None, line=None):
        here = machine(server)
        for program in ("socat", "sh"):
            here.install(shutil.which(program), f"usr/bin/{program}")
        running.append(here.start(["/usr/bin/sh", "-c", "exec " + (line or command())], "root"))
        path = here.root / "run/relay/submit"
        deadline = time.monotonic() + 20
        while not path.exists() or stat.S_IMODE(path.stat().st_mode) != 0o666:
            assert time.monotonic() < deadline and running[-1].poll() is None
            time.sleep(0.01)
        return here
    yield make
    for one in running:
        one.terminate()
        one.wait(10)


def test_mail_goes_through_it(served, scripted):
    server = scripted()
    here = served(server)
    for user in "alice", "bob":
        done = here.run(["-t"], LETTER, user=user)
        assert (done.rc, done.err) == (0, "")
    assert len(server.settle().messages) == 2


def test_it_knows_who_calls(served):
    here = served()
    assert here.run(["-t"], LETTER, user="bob").rc == 0
    [id] = here.queue.places()
    assert f"\nuid: {USERS['bob']}\n" in here.queue.file(id).read_text() and here.queue.file(id).stat().st_uid == USERS["relay"]


def test_a_pair_of_sockets_between_is_nobody(served):
    """Without nofork socat stands between us and the client: then nothing is believed, least of all that it is root."""
    here = served(line=command().replace(",nofork", ""))
    done = here.run(["-t"], LETTER, user="bob")
    assert done.rc == 69 and "553 5.7.1 a user of this machine cannot be the sender: the service does not see who calls" in done.err
    assert here.run(["-t", "-f", "bob@far.test"], LETTER, user="bob").rc == 0
    [id] = here.queue.places()
    assert "\nuid: " not in here.queue.file(id).read_text()
