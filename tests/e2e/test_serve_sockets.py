"""sendmail -bs behind a port, as sample-config/ has it: under Debian's inetd and xinetd, and under systemd's socket activation with
Accept=yes (systemd-socket-activate, or what it does, in Python)."""
import os
import shutil
import smtplib
import socket
import subprocess
import time

import pytest

from lib.inetd import UID, Inetd, Xinetd, owner
from lib.jail import NoJail, free_ports
from lib.observed import sanitized
from lib.queuefiles import QueueFiles
from lib.serving import Raw, kept, queue

DOWN = {"host": "127.0.0.1", "port": 9, "tls": "off"}


def connect(port):
    """A raw client on that port, as soon as somebody listens."""
    deadline = time.monotonic() + 20
    while True:
        try:
            raw = Raw(sock=socket.create_connection(("127.0.0.1", port), 20))
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert raw.greeting.startswith("220 ")
    return raw


class Systemd:
    """systemd-socket-activate --inetd --accept: a process for each connection, with it as standard input and output."""

    def __init__(self, binary, rc, environment, folder):
        [self.port] = free_ports(1)
        self.ports = {"smtp": self.port}
        file = folder / "relayrc"
        file.touch(0o600)
        file.write_text(rc)
        self.process = subprocess.Popen(
            ["systemd-socket-activate", "--inetd", "--accept", f"--listen=127.0.0.1:{self.port}",
             *(f"--setenv={k}" for k in environment), binary, "-bs", "-C", file],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def close(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(params=["inetd", "xinetd", "systemd"])
def serving(request, relay, environment, tmp_path):
    """serving(rc) -> what listens; .ports["smtp"]"""
    running = []

    def start(rc):
        if request.param == "systemd":
            if not shutil.which("systemd-socket-activate"):
                pytest.skip("no systemd-socket-activate; test_serve.py does the same")
            running.append(Systemd(relay, rc, environment, tmp_path))
            return running[-1]
        if sanitized(relay):
            pytest.skip("sanitizers want a /proc, which the jail has not")
        try:
            running.append({"inetd": Inetd, "xinetd": Xinetd}[request.param](relay, rc).__enter__())
        except NoJail as reason:
            pytest.skip(f"{request.param}: {reason}")
        return running[-1]
    yield start
    for one in running:
        one.close() if isinstance(one, Systemd) else one.__exit__()


@pytest.fixture
def rc(relayrc):
    """Without queue_directory: the machine has its own."""
    return lambda server=None, **settings: relayrc(server, tls="none", queue="on", **settings) if server else relayrc(**DOWN, queue="on")


def test_programs_send_through_it(serving, scripted, rc):
    server = scripted()
    port = serving(rc(server)).ports["smtp"]
    connect(port).send("QUIT\r\n")
    clients = [smtplib.SMTP("127.0.0.1", port, timeout=20) for _ in range(3)]
    for n, client in enumerate(clients):
        assert client.sendmail("s@x.test", [f"a{n}@x.test"], f"Subject: {n}\n\nhi\n") == {}
    for client in clients:
        assert client.sendmail("s@x.test", ["b@x.test"], "Subject: again\n\nhi\n") == {} and client.quit()[0] == 221
    got = sorted(m.accepted[0] for m in server.settle().messages)
    assert got == ["a0@x.test", "a1@x.test", "a2@x.test"] + ["b@x.test"] * 3 and server.violations == []


@pytest.mark.parametrize("end", ["\n.\n", "\n.\r\n", "\r\n.\n"], ids=repr)
def test_a_bare_lf_is_refused(serving, scripted, rc, end):
    server = scripted()
    raw = connect(serving(rc(server)).ports["smtp"])
    raw.say("EHLO me")
    raw.send("MAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\nDATA\r\nSubject: x\r\n\r\nhi" + end + "NOOP\r\n.\r\n")
    assert [r[:3] for r in raw.replies(4)] == ["250", "250", "354", "554"]
    assert raw.say("NOOP").startswith("250 ")
    raw.send("NOOP\n")
    assert raw.reply().startswith("521 ") and raw.is_over() and server.settle().messages == []


def test_what_cannot_be_sent_is_queued_by_the_user_of_the_service(serving, rc, request):
    where = serving(rc())
    raw = connect(where.ports["smtp"])
    raw.say("EHLO me")
    said = raw.letter()
    assert said.startswith("250 2.0.0 Ok: queued as ")
    assert raw.say("QUIT").startswith("221 ") and raw.is_over()
    if isinstance(where, Inetd):
        assert QueueFiles(where.queue).place(said.split()[-1]) == "deferred"
        assert owner(where.queue) == UID and owner(where.queue / "deferred" / said.split()[-1]) == UID


def test_a_wrong_configuration_is_told_with_the_message(serving):
    where = serving("nonsense on\n")
    raw = connect(where.ports["smtp"])
    raw.say("EHLO me")
    if isinstance(where, Inetd):        # the machine's mail, whose settings are nobody's business
        said = raw.say("MAIL FROM:<s@x.test>")
        assert said == "451 4.3.5 the configuration of the machine is wrong; root sees it with relay check"
    else:
        said = raw.letter()
        assert said.startswith("451 4.3.5 ") and "nonsense: unknown setting" in said
    assert raw.say("QUIT").startswith("221 ") and raw.is_over()
