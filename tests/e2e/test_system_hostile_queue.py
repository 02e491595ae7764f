"""The hostile local user at the queue of the machine: with the commands that he may give for his own messages he does nothing to
those of others."""
import threading
import time

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
