"""The hostile local user against the service of the machine: he reads no secret, changes nothing of others, stops nobody from
sending, and makes the service write nowhere but in its queue. Floods and huge messages: test_system_flood.py."""
import contextlib
import errno
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from lib.machine import USERS, acting_as, machine      # noqa: F401

LETTER = b"To: b@far.test\nSubject: x\n\nhi\n"
SECRET = "password correct-horse-battery\n"


@pytest.fixture
def here(machine, scripted):
    made = machine(scripted(keep_body=False), more=SECRET)
    made.serve()
    yield made
    assert made.strays() == []


def denied(call, *args):
    with acting_as(USERS["alice"]), pytest.raises(OSError) as caught:
        call(*args)
    return caught.value.errno in (errno.EACCES, errno.EPERM)


def test_files_of_the_machine_are_closed(here):
    assert here.run(["-odq", "-t"], LETTER, user="root").rc == 0
    spool, run = here.queue.path, here.root / "run/relay"
    id = next(iter(here.queue.places()))
    for call, *args in [(open, here.root / "etc/relayrc"), (os.listdir, spool), (open, here.queue.file(id)), (os.unlink, here.queue.file(id)),
                        (os.unlink, run / "submit"), (os.rename, run / "submit", run / "x"), (os.symlink, "/", run / "x"), (os.mkdir, run / "x"),
                        (os.rename, spool, here.root / "tmp/spool"), (os.chmod, run / "submit", 0o600), (os.symlink, "/etc", spool / "x"),
                        (os.rmdir, spool)]:
        assert denied(call, *args), (call, args)


def test_links_to_what_is_closed_lead_nowhere(here):
    """Hard links where the kernel lets everybody make them, and symbolic ones; as configuration, queue, log and password."""
    assert here.run(["-odq", "-t"], LETTER, user="root").rc == 0
    id = next(iter(here.queue.places()))
    closed = ["etc/relayrc", "run/relay/submit", "var/spool/relay", f"var/spool/relay/deferred/{id}"]
    before = here.queue.file(id).read_bytes(), (here.root / "etc/relayrc").read_bytes()
    names = []
    with acting_as(USERS["alice"]):
        for n, target in enumerate(closed):
            os.symlink(f"/{target}", here.root / f"tmp/soft{n}")
            names.append(f"/tmp/soft{n}")
            with contextlib.suppress(PermissionError):
                os.link(here.root / target, here.root / f"tmp/hard{n}")
                names.append(f"/tmp/hard{n}")
    own = "account default\nhost 127.0.0.1\nport 9\ntls off\nauth off\nfrom a@b.test\n"
    for name in names:
        for more in ("queue_directory {}", "queue off\nlogfile {}", "queue off\naliases {}",
                     "queue off\nauth plain\nauth_cleartext on\nuser u\npassword_file {}"):
            here.put("home/alice/.relayrc", own + more.format(name) + "\n", owner="alice", mode=0o600)
            done = here.run(["-t"], LETTER)
            assert done.rc != 0 and SECRET.split()[1] not in done.err and done.err.startswith("sendmail: "), (name, more, done.err)
        done = here.run(["-C", name, "-t"], LETTER)
        assert done.rc == 78 and done.err.count("\n") == 1
    (here.root / "home/alice/.relayrc").unlink()
    os.symlink("/etc/relayrc", here.root / "home/alice/.relayrc")
    assert here.run(["-t"], LETTER).rc == 78
    assert before == (here.queue.file(id).read_bytes(), (here.root / "etc/relayrc").read_bytes())
    assert here.run(["-t"], LETTER, user="bob").rc == 0


def test_a_process_of_the_service_is_closed(here):
    client = here.connect("alice")
    client.say("EHLO me")
    pid = here.services[0].newest().pid
    for name in "environ", "mem", "maps", "auxv", "io", "syscall":
        assert denied(open, f"/proc/{pid}/{name}"), name
    assert denied(os.listdir, f"/proc/{pid}/fd") and denied(os.readlink, f"/proc/{pid}/cwd")
    for number in signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, 0:
        assert denied(os.kill, pid, number)
    assert SECRET.split()[1] not in Path(f"/proc/{pid}/cmdline").read_text() + Path(f"/proc/{pid}/environ").read_text()
    assert client.say("NOOP").startswith("250 ")


def test_a_flood_of_connections_stops_nobody_else(here):
    """As many as there can be, and more all the time."""
    with contextlib.ExitStack() as held:
        for _ in range(300):
            held.enter_context(here.socket("alice"))
        began = time.monotonic()
        for _ in range(3):
            assert here.run(["-t"], LETTER, user="bob").rc == 0
        assert time.monotonic() - began < 30
        assert sum(p.poll() is None for p in here.services[0].running) <= 25


def test_slow_clients_hold_their_own_places_alone(here):
    with contextlib.ExitStack() as held:
        slow = [held.enter_context(here.socket("alice")) for _ in range(20)]
        for n, client in enumerate(slow):
            client.sendall([b"", b"EHLO", b"EHLO me\r\nMAIL FROM:<>\r\n", b"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\nx",
                            b"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nBDAT 1000000\r\nx"][n % 5])
        assert here.run(["-t"], LETTER, user="bob").rc == 0
        assert here.run(["-t"], LETTER, user="root").rc == 0


def test_nothing_is_smuggled(here):
    client = here.connect("alice")
    client.say("EHLO me")
    for command in "MAIL FROM:<alice>", "RCPT TO:<a@b.test>", "DATA":
        client.say(command)
    client.send(b"Subject: x\r\n\r\nhi\n.\nMAIL FROM:<root>\nRCPT TO:<c@d.test>\nDATA\nx\n.\r\n.\r\n")
    assert client.reply().startswith("554 ")
    for command in "MAIL FROM:<alice>\r\nRCPT TO:<a@b.test>", "MAIL FROM:<a\0b>", "MAIL FROM:<alice> AUTH=<root>", "MAIL FROM:<alice\x0b>":
        client.send(command + "\r\n")
        client.reply()
        client.say("RSET")
    assert here.queue.places() == {}


def test_a_message_cannot_add_lines_to_a_queue_file(here):
    here.configure((here.root / "etc/relayrc").read_text() + "delivery_mode queue\n")
    for command in ("MAIL FROM:<\"a\\\r\nuid: 0\"@x.test>", "MAIL FROM:<a@x.test> ENVID=a+0Auid:+200", "MAIL FROM:<a@x.test> ENVID=a+0D+0Auid:0"):
        client = here.connect("alice")
        client.say("EHLO me")
        client.send(command + "\r\nRCPT TO:<a@x.test>\r\nDATA\r\nQUIT\r\n")
        while client.reply():
            pass
    client = here.connect("alice")
    client.say("EHLO me")
    assert client.letter("alice", text="uid: 0\r\n\r\nuid: 0\r\n").startswith("250 ")
    [id] = here.queue.places()
    lines = here.queue.file(id).read_bytes().split(b"\n\n")[0].splitlines()
    assert [line for line in lines if line.startswith(b"uid:")] == [b"uid: %d" % USERS["alice"]] and lines[1].startswith(b"uid:")


def test_the_log_is_the_machines(here):
    here.configure((here.root / "etc/relayrc").read_text() + "logfile /var/spool/relay/log\n")
    for name in "X", "-logfile":
        assert here.run([f"-{name}", "/tmp/x", "-t"], LETTER).rc == 0
    log = (here.queue.path / "log").read_text()
    assert log.count(f" uid={USERS['alice']} from=<") == 2 and list((here.root / "tmp").iterdir()) == []


def test_a_planted_service_is_not_asked(here):
    """Only root can be at /run/relay/submit; a socket anywhere else means nothing."""
    for env in {"XDG_RUNTIME_DIR": "/tmp"}, {"HOME": "/tmp"}, {"TMPDIR": "/tmp"}:
        with socket.socket(socket.AF_UNIX) as evil:
            path = here.root / "tmp/evil"
            evil.bind(str(path))
            evil.listen()
            evil.settimeout(0.2)
            assert here.run(["-t"], LETTER, env=env).rc == 0
            with pytest.raises(TimeoutError):
                evil.accept()
            path.unlink()


def test_what_is_wrong_with_the_file_is_not_told(here):
    """A word on a line of its own can be the password; also one who was there before the mistake does not hear it."""
    assert here.run(["-t", "-odq"], LETTER).rc == 0
    held = here.connect("alice")
    held.say("EHLO me")
    here.configure((here.root / "etc/relayrc").read_text() + "password\ncorrect-horse-battery\n")
    said = [here.run(["-t"], LETTER), here.run([], name="mailq"), here.run(["-q"])]
    said += [here.run(["queue", *words], name="relay") for words in (["list", "--json"], ["flush", "--now"], ["delete", "ALL"], ["show", "X"])]
    assert all("the configuration of the machine is wrong; root sees it with relay check" in done.err for done in said)
    answer = held.letter("alice")
    assert answer == "451 4.3.5 the configuration of the machine is wrong; root sees it with relay check"
    assert "battery" not in "".join(done.out + done.err for done in said)
    assert "battery: unknown setting" in here.run(["check"], name="relay", user="root").err


def test_what_passwordeval_says_is_not_told(here):
    here.install("/bin/sh", "bin/sh")
    here.configure((here.root / "etc/relayrc").read_text().replace(SECRET, "passwordeval echo tried battery >&2; exit 1\n")
                   .replace("auth off", "auth plain\nauth_cleartext on\nuser u"))
    done = here.run(["-t"], LETTER)
    assert done.rc == 0 and "battery" not in done.err
    flushed = here.run(["queue", "flush", "--now"], name="relay")
    assert "1 deferred" in flushed.out and "battery" not in flushed.out + flushed.err + here.run([], name="mailq").out
    assert "tried battery" in here.run(["queue", "flush", "--now"], name="relay", user="root").err
