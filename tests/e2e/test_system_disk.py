"""A user of the service cannot take the disk from the others."""
import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from lib.machine import USERS, machine      # noqa: F401

MB = b"x" * 998 + b"\r\n"
LETTER = b"To: b@far.test\nSubject: x\n\nhi\n"


def inside(here, *command):
    """In the mount namespace of the machine."""
    return subprocess.run(["nsenter", f"--mount=/proc/{here.holder.pid}/ns/mnt", *command], capture_output=True, text=True)


@pytest.fixture
def small(machine):
    """A machine whose queue is on a file system of 200 MB of its own."""
    here = machine(more="delivery_mode queue\n")
    if here.namespace is None:
        pytest.skip("needs a mount namespace")
    done = inside(here, "mount", "-t", "tmpfs", "-o", f"size=200m,mode=700,uid={USERS['relay']},gid={USERS['relay']}", "tmpfs",
                  here.root / "var/spool/relay")
    if done.returncode:
        pytest.skip("no file system can be mounted")
    here.serve()
    return here


def begin(here, user):
    client = here.connect(user)
    client.say("EHLO me")
    for command in f"MAIL FROM:<{user}>", "RCPT TO:<b@far.test>", "DATA":
        said = client.say(command)
        if said[0] not in "23":
            return client, said
    client.send(b"Subject: x\r\n\r\n")
    return client, None


def test_many_large_messages_leave_room_for_others(small):
    for sent in range(100):
        client, refusal = begin(small, "alice")
        if refusal:
            break
        client.sock.sendall(MB * 2000)
        answer = client.say(".")
        assert answer.startswith("250 "), answer
    assert refusal.startswith("452 4.3.1 your messages take more of the disk than is left") and 20 < sent < 80
    assert small.run(["-t"], LETTER + b"x\n" * 500000, user="bob").rc == 0
    assert small.run(["-t"], LETTER, user="alice").rc == 75
    assert small.run(["-t"], LETTER, user="root").rc == 0


def test_messages_that_do_not_end_leave_room_for_others(small):
    """As much as there is place for, in all the sessions that he may have; none goes on."""
    with contextlib.ExitStack() as held:
        for _ in range(20):
            client, refusal = begin(small, "alice")
            held.callback(client.sock.close)
            assert refusal is None
            for _ in range(99):
                client.sock.sendall(MB * 1000)
        assert small.run(["-t"], LETTER + b"x\n" * 100000, user="bob").rc == 0
        assert client.say(".").startswith("452 4.3.1 there is no room for so large a message")


def test_messages_that_end_at_once_leave_room_for_others(small):
    """Each is there twice for a moment: as it came, and in the queue."""
    with contextlib.ExitStack() as held:
        clients = [begin(small, "alice")[0] for _ in range(20)]
        for client in clients:
            held.callback(client.sock.close)
        for _ in range(8):
            for client in clients:
                client.sock.sendall(MB * 1000)
        for client in clients:
            client.send(b".\r\n")
        for _ in range(10):
            done = small.run(["-t"], LETTER, user="bob")
            assert (done.rc, done.err) == (0, "")
        for client in clients:
            assert client.reply()[:4] in ("250 ", "452 ")


def test_what_finds_no_place_there_does_not_go_elsewhere(small):
    """A file system without inodes: the message does not come to stand in /var/tmp, where others have theirs."""
    inside(small, "mount", "-o", "remount,nr_inodes=40", small.root / "var/spool/relay")
    inside(small, "sh", "-c", f"cd {small.root}/var/spool/relay; i=0; while : > full.$i; do i=$((i+1)); done")
    client, refusal = begin(small, "alice")
    files = [os.readlink(fd) for fd in Path(f"/proc/{small.services[0].newest().pid}/fd").iterdir()]
    assert refusal.startswith("452 4.3.1 ") and not [name for name in files if name.startswith(f"{small.root}/var/tmp")]
    inside(small, "sh", "-c", f"rm {small.root}/var/spool/relay/full.*")
    assert small.run(["-t"], LETTER, user="bob").rc == 0
