"""The service of the machine under a flood: ten thousand connections of one user, and messages of a gigabyte. Nobody else is kept
from sending, memory stays small, and nothing of it is left on the disk."""
import contextlib
import shutil
import subprocess
import time

import pytest

from lib.flood import Flood, QuickService, stream
from lib.machine import DOWN, machine      # noqa: F401
from lib.observed import sanitized

LETTER = b"To: b@far.test\nSubject: x\n\nhi\n"
GIGABYTE = 1000     # megabytes
# Of a process of the service, with what the one has that started it.
MEMORY_KB = 48 << 10
ROOM = 8 << 30


def blocks(here):
    """Of all but the records of what each user has."""
    return sum(f.stat().st_blocks for f in here.queue.path.rglob("*") if f.is_file() and f.parent.name != "users")


def is_small(here, service):
    return sanitized(here.binary) or service.counts().memory_kb < MEMORY_KB


@pytest.fixture
def service(machine):
    """Messages stay in the queue: the machine sends nothing."""
    here = machine(more="delivery_mode queue\n")
    with QuickService(here) as running:
        running.here = here
        yield running
    assert here.strays() == []


def all_send(here, users, seconds):
    """At the same time, each a message; how long it took."""
    began = time.monotonic()
    with contextlib.ExitStack() as running:
        calls = [running.enter_context(here.start(["/usr/sbin/sendmail", "-t"], user, stdin=subprocess.PIPE, stderr=subprocess.PIPE))
                 for user in users]
        for call in calls:
            call.stdin.write(LETTER)
            call.stdin.close()
        for user, call in zip(users, calls):
            assert (user, call.wait(seconds), call.stderr.read()) == (user, 0, b"")
    return time.monotonic() - began


@pytest.mark.parametrize("places", ["many", "few"])
def test_ten_thousand_connections(machine, scripted, places):
    """Few: so many are refused that those who have sessions and those who wait for one leave nearly no place to anybody else."""
    server = scripted(keep_body=False)
    here = machine(server)
    connections = 500 if sanitized(here.binary) else 10_000
    users = ["bob", "carol", "www-data"]
    with QuickService(here, most=64 if places == "many" else 26, waiting=min(connections // 8, 1024)) as service:
        with Flood(here, "alice") as flood:
            flood.wait(connections // 10)
            assert all_send(here, users, 100) < 70
            flood.wait(connections)
            assert all_send(here, ["root"], 20) < 10
        assert all_send(here, ["alice", "bob"], 60) < 60
        service.wait_idle()
        counts = service.counts()
        assert is_small(here, service), counts
    assert counts.accepted > connections - 1024 and counts.most <= (64 if places == "many" else 26)
    assert len(server.settle().messages) == 6 and here.queue.places() == {} and here.strays() == []
    assert blocks(here) == 0


def begin(here, how):
    client = here.connect("alice")
    client.sock.settimeout(60)
    client.say("EHLO me")
    for command in "MAIL FROM:<alice>", "RCPT TO:<a@b.test>":
        assert client.say(command).startswith("250 ")
    if how == "text":
        assert client.say("DATA").startswith("354 ")
        client.send(b"\r\n")
    else:
        client.send(b"BDAT %d LAST\r\n\r\n" % (GIGABYTE * 1000 * 1000 + 2))
    return client


@pytest.mark.parametrize("how", ["text", "chunk"])
def test_a_gigabyte_is_refused(service, how):
    """It may come: nothing of it is kept."""
    here = service.here
    client = begin(here, how)
    assert stream(client.sock, GIGABYTE - 1) and blocks(here) == 0
    assert here.run(["-t"], LETTER, user="bob").rc == 0
    assert stream(client.sock, 1)
    if how == "text":
        client.send(b".\r\n")
    assert client.reply(60).startswith("552 5.3.4 ")
    # It goes on, in step.
    assert client.letter("alice").startswith("250 ") and len(here.queue.places()) == 2
    assert client.say("QUIT").startswith("221 ")
    service.wait_idle()
    assert is_small(here, service)


def test_a_gigabyte_that_is_announced_is_refused_at_once(service):
    client = service.here.connect("alice")
    client.say("EHLO me")
    assert client.say(f"MAIL FROM:<alice> SIZE={GIGABYTE * 1000 * 1000}").startswith("552 5.3.4 ")
    assert client.letter("alice").startswith("250 ")
    assert client.say("QUIT").startswith("221 ")


def test_what_does_not_end_is_hung_up_on(service):
    client = begin(service.here, "text")
    assert not stream(client.sock, 2 * GIGABYTE)
    assert client.reply().startswith("421 4.7.0 ")
    service.wait_idle()
    assert is_small(service.here, service) and service.here.queue.places() == {}


def test_a_gigabyte_is_taken_where_it_may_be(service):
    """And its sender can take it out again."""
    here = service.here
    kind = subprocess.run(["stat", "-f", "-c", "%T", here.root], capture_output=True, text=True).stdout.strip()
    if kind == "tmpfs" or shutil.disk_usage(here.root).free < ROOM:
        pytest.skip("needs a disk with 8 GB of room")
    # With so few sessions a message may take a larger part of the room.
    here.configure(DOWN + "delivery_mode queue\nmessage_size_limit 1100000000\nsubmit_concurrency_limit 2\n")
    client = begin(here, "text")
    assert stream(client.sock, GIGABYTE)
    assert here.run(["-t"], LETTER, user="bob").rc == 0
    client.send(b".\r\n")
    answer = client.reply(180)
    assert answer.startswith("250 2.0.0 Ok: queued as ")
    assert client.say("QUIT").startswith("221 ")
    service.wait_idle()
    assert is_small(here, service) and blocks(here) >= GIGABYTE * 1000 * 1000 // 512
    assert here.run(["queue", "delete", "ALL"], name="relay").out == "deleted 1 message\n"
    assert len(here.queue.places()) == 1 and blocks(here) < 100
