"""The hostile local user at the queue of the machine: with the commands that he may give for his own messages he does nothing to
those of others."""
import subprocess
import threading
import time

import pytest

from lib.hostile import hold, on
from lib.machine import machine      # noqa: F401

LETTER = b"To: b@far.test\nSubject: x\n\nhi\n"


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_who_hangs_up_does_not_stop_what_is_sent_for_others(machine, scripted):
    """A queue run sends also what came meanwhile and found no session; whose run it is must not decide what becomes of that."""
    own, other, is_there = threading.Event(), threading.Event(), threading.Event()
    bodies = []

    def one_after_another(session, normal):
        bodies.append(session)
        if len(bodies) == 2:
            is_there.set()
        return hold(own if len(bodies) == 1 else other)(session, normal)
    server = scripted(rules=[on("BODY", one_after_another, nth=None)])
    here = machine(server, more="max_connections 1\n")
    service = here.serve()
    assert here.run(["-odq", "-t"], LETTER, user="alice").rc == 0
    with here.socket("alice") as client:
        client.sendall(b"XQUEUE flush ALL\r\n")
        until(lambda: bodies)
        assert here.run(["-t"], LETTER, user="bob").rc == 0
        assert sorted(here.queue.places().values()) == ["deferred", "incoming"]
        own.set()
        assert is_there.wait(20)
    time.sleep(0.3)
    other.set()
    until(lambda: all(p.poll() is not None for p in service.running))
    until(lambda: here.queue.places() == {})
    assert here.run(["-qf"], user="root").rc == 0
    assert len(server.settle().messages) == 2


SUBORDINATE = "alice:100000:65536\n64802:200000:65536\n"


def subordinate(here, uid, sender="<>"):
    """What a process of a container hears of its message."""
    client = here.connect(uid)
    if not client.greeting.startswith("220 "):
        return client.greeting
    client.say("EHLO me")
    said = client.say(f"MAIL FROM:{sender}")
    return said if said[0] != "2" else [client.say(command) for command in ("RCPT TO:<b@far.test>", "DATA", "Subject: x\r\n\r\nhi\r\n.")][-1]


@pytest.fixture
def containers(machine):
    """A machine whose user alice has 65,536 more user IDs, as for her containers."""
    def make(more):
        here = machine(more=f"delivery_mode queue\n{more}\n")
        here.put("etc/subuid", SUBORDINATE)
        here.serve()
        return here
    return make


def test_the_sessions_of_a_users_containers_are_his(containers):
    here = containers("submit_concurrency_limit 3")
    held = [here.connect(uid) for uid in ("alice", 100000, 165535)]
    assert [client.greeting[:4] for client in held] == ["220 "] * 3
    for uid in "alice", 100001:
        assert here.connect(uid).greeting.startswith("421 4.3.2 ")
    for uid in "bob", 200000, 99999, 165536, 300000:
        assert subordinate(here, uid).startswith("250 "), uid


def test_the_messages_of_a_users_containers_count_together(containers):
    here = containers("submit_queue_limit 3")
    assert [subordinate(here, uid)[:4] for uid in ("alice", 100000, 100001)] == ["250 "] * 3
    assert subordinate(here, 100002).startswith("452 4.3.2 user uid100002 has 3 messages in the queue")
    for uid in "bob", 200000, 300000:
        assert subordinate(here, uid).startswith("250 "), uid


def test_who_may_not_send_may_not_from_a_container(containers):
    here = containers("authorized_submit_users !alice static:all")
    assert subordinate(here, 100000) == "554 5.7.1 user uid100000 may not send mail here (authorized_submit_users)"
    assert subordinate(here, 200000).startswith("250 ") and subordinate(here, 300000).startswith("250 ")


def test_a_container_is_not_its_user(containers):
    """It sees its own messages alone, and has no user's name."""
    here = containers("")
    assert subordinate(here, 100000).startswith("250 ") and subordinate(here, "alice").startswith("250 ")
    assert subordinate(here, 100001, "<alice>").startswith("553 5.7.1 ")
    client = here.socket(100001)
    with client:
        client.sendall(b"XQUEUE list\r\n")
        assert b"Mail queue is empty" in b"".join(iter(lambda: client.recv(4096), b""))
    assert here.run(["queue", "list"], name="relay").out.count("b@far.test") == 1


def test_a_queue_run_does_not_tell_what_is_sent_for_others(machine, scripted):
    """Neither how much that was, nor what was wrong with it."""
    own, bodies = threading.Event(), []

    def hold_first(session, normal):
        bodies.append(session)
        return hold(own)(session, normal)
    server = scripted(rules=[on("BODY", hold_first, nth=None)])
    here = machine(server, more="max_connections 1\n")
    here.serve()
    assert here.run(["-odq", "-t"], LETTER, user="alice").rc == 0
    run = here.start(["/usr/bin/relay", "queue", "flush", "ALL"], "alice", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    until(lambda: bodies)
    assert here.run(["-t"], LETTER, user="bob").rc == here.run(["-t"], LETTER, user="bob").rc == 0
    own.set()
    said = run.communicate(timeout=20)[0]
    assert said.startswith(b"relay: 1 sent, 0 deferred, 0 failed") and run.returncode == 0
    assert len(server.settle().messages) == 3 and here.queue.places() == {}
