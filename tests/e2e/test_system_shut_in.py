"""Services that let their users do little: root without CAP_SETUID, so that he cannot become the user `relay`; a queue that is
read-only, or everything."""
import ctypes
import os

import pytest

from lib.machine import LIBC, RC, USERS, machine        # noqa: F401

LETTER = b"To: b@far.test\nSubject: x\n\nhi\n"
PR_CAPBSET_DROP, CAP_SETGID, CAP_SETUID = 24, 6, 7
CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND = 0x20000, 1, 32, 4096


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), "not allowed here")


def without_setuid():
    check(LIBC.prctl(PR_CAPBSET_DROP, CAP_SETUID, 0, 0, 0))


def without_setgid():
    check(LIBC.prctl(PR_CAPBSET_DROP, CAP_SETGID, 0, 0, 0))


def read_only():
    """As ProtectSystem=strict."""
    path = b"/var/spool/relay"
    check(LIBC.unshare(CLONE_NEWNS))
    check(LIBC.mount(path, path, None, MS_BIND, None))
    check(LIBC.mount(path, path, None, MS_BIND | MS_REMOUNT | MS_RDONLY, None))


def both():
    without_setuid()
    read_only()


WAYS = pytest.mark.parametrize("way", [without_setuid, without_setgid, read_only, both], ids=lambda way: way.__name__)


@WAYS
def test_the_service_sends_for_root(machine, scripted, way):
    server = scripted()
    here = machine(server)
    here.serve()
    done = here.run(["-t"], LETTER, user="root", more=way)
    assert (done.rc, done.out, done.err) == (0, "", "")
    [message] = server.settle().messages
    assert message.sender == "machine@mail.test" and b"\nFrom: root on " in message.data


@WAYS
def test_what_waits_is_roots_and_he_has_all_of_the_queue(machine, way):
    here = machine()
    here.serve()
    assert here.run(["-t"], LETTER, user="alice").rc == 0
    done = here.run(["-t", "-f", "alice"], LETTER, user="root", more=way)
    assert (done.rc, done.err) == (0, "")
    heads = [here.queue.file(id).read_text() for id in sorted(here.queue.places())]
    assert sum("\nuid: 0\n" in head for head in heads) == 1 and len(heads) == 2
    shown = here.run([], name="mailq", user="root", more=way)
    assert (shown.rc, shown.err, shown.out.count("b@far.test")) == (0, "", 2)
    [id, _] = sorted(here.queue.places())
    assert here.run(["queue", "delete", id], name="relay", user="root", more=way).rc == 0
    assert len(here.queue.places()) == 1


@WAYS
def test_who_called_a_set_uid_program_is_not_root(machine, way):
    def set_uid():
        way()
        os.setresuid(USERS["alice"], 0, 0)
    here = machine()
    here.serve()
    assert here.run(["-t"], LETTER, user="root", more=set_uid).rc == 0
    [id] = here.queue.places()
    assert f"\nuid: {USERS['alice']}\n" in here.queue.file(id).read_text()
    assert "is another user of this machine; you are alice" in here.run(["-t", "-f", "root"], LETTER, user="root", more=set_uid).err


@WAYS
def test_nothing_of_his_environment_counts(machine, scripted, way):
    server, other = scripted(), scripted()
    here = machine(server)
    here.serve()
    env = {"RELAY_HOST": other.host, "RELAY_PORT": str(other.port), "RELAY_TLS": "off", "RELAY_AUTH": "off"}
    assert here.run(["-t", "-X", "/tmp/log"], LETTER, user="root", env=env, more=way).rc == 0
    assert len(server.settle().messages) == 1 and other.connections == [] and not (here.root / "tmp/log").exists()


def test_a_file_of_his_own_is_his_own(machine, scripted):
    """-C and ~/.relayrc: root is a user like others there, and needs no rights."""
    server = scripted()
    here = machine()
    here.put("root/own", RC.format(host=server.host, port=server.port) + "queue off\n", mode=0o600)
    assert here.run(["-C", "/root/own", "-t"], LETTER, user="root", more=both).rc == 0
    (here.root / "root/own").rename(here.root / "root/.relayrc")
    assert here.run(["-t"], LETTER, user="root", more=both).rc == 0
    assert len(server.settle().messages) == 2


def test_without_the_service(machine, scripted):
    """What root can do without a queue he does; and says what he cannot do."""
    server = scripted()
    here = machine(server)
    assert here.run(["-t"], LETTER, user="root", more=read_only).rc == 0
    assert len(server.settle().messages) == 1
    done = here.run(["-t"], LETTER, user="root", more=without_setuid)
    assert (done.rc, done.err) == (os.EX_TEMPFAIL, "sendmail: cannot become the user relay: Operation not permitted\n")


def test_a_service_that_does_not_answer(machine):
    here = machine()
    here.serve()
    here.stop()
    done = here.run(["-t"], LETTER, user="root", more=both)
    assert done.rc == os.EX_TEMPFAIL and "systemctl start relay-submit.socket" in done.err and done.err.count("\n") == 1


def test_what_is_about_an_account(machine):
    here = machine(more="aliases /etc/aliases\n")
    here.serve()
    done = here.run([], name="newaliases", user="root", more=without_setuid)
    assert done.rc == os.EX_CONFIG and done.err.count("\n") == 1
    assert "root may not become the user relay here" in done.err and "goes through /run/relay/submit" in done.err
    assert "account: the machine's, by /run/relay/submit" in here.run(["-bv", "b@far.test"], user="root", more=without_setuid).out


# -- a message too large for memory, and no place for a file --------------------------------------------------------

LARGE = LETTER + (b"x" * 70 + b"\n") * 3000


@pytest.mark.parametrize("has_shm", [True, False])
def test_a_large_message_where_nothing_can_be_written(machine, scripted, has_shm):
    server = scripted()
    here = machine(server)
    here.serve()
    for path in ("tmp", "var/tmp"):
        here.directory(path)
    here.directory("dev/shm", mode=0o1777 if has_shm else 0o755)
    done = here.run(["-t"], LARGE)
    if has_shm:
        assert (done.rc, done.err) == (0, "") and server.settle().messages[0].data.count(b"x") > 200_000
        assert list((here.root / "dev/shm").iterdir()) == []
    else:
        assert (done.rc, server.connections) == (os.EX_TEMPFAIL, [])
        assert done.err == "sendmail: cannot make a temporary file in $TMPDIR, /var/tmp, /tmp or /dev/shm: Permission denied\n"
