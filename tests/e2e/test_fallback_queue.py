"""Fallback accounts and the queue: queue runs, bursts, the background, and SMTP clients; and back to the first server."""
import contextlib
import os
import signal
import threading
import time

import pytest

from lib import judge
from lib.accounts import several, servers_of
from lib.hostile import hold, on, reply_then_close
from lib.serving import Raw
from lib.sessions import CountedServer

BUSY = {"rules": [on("GREETING", reply_then_close("fin", "421 4.3.2 busy"), nth=None)]}


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def two(pki, home, log):
    """two(**options of the first server): both servers; the first one's account is the default."""
    with contextlib.ExitStack() as running:
        def make(first, second=None, spare=None, **settings):
            servers = [running.enter_context(CountedServer(pki, **(options or {}))) for options in (first, second)]
            home(".relayrc", several(pki, {"default": {"server": servers[0], "fallback": "two"},
                                           "two": {"server": servers[1], **(spare or {})}},
                                     queue="on", logfile=log, **settings))
            return servers
        yield make


def put(queue, count, **more):
    return [queue.put("deferred", sender="sender@mail.test", recipients=[f"r{n}@mail.test"], **more) for n in range(count)]


def received(server):
    return sorted(r for m in server.settle().messages for r in m.accepted)


def all_of(count):
    return sorted(f"r{n}@mail.test" for n in range(count))


@pytest.mark.parametrize("count", [1, 40])
def test_queue_run_finds_out_once_that_the_first_is_down(two, queue, run_sendmail, log, count):
    first, second = two(BUSY)
    put(queue, count)
    done = run_sendmail(["-q"])
    assert (done.rc, done.err) == (0, "")
    assert done.out.startswith(f"relay: {count} sent, 0 deferred, 0 failed")
    assert len(first.settle().connections) == 1
    assert received(second) == all_of(count) and queue.places() == {}
    assert {line[2:] for line in servers_of(log)} == {("two", "sent")}


def test_the_first_goes_down_in_the_middle_of_a_queue_run(two, queue, run_sendmail):
    closing = reply_then_close("fin", "421 4.3.2 shutting down")
    first, second = two({"rules": [on("MAIL", closing, nth=11, conn=0), *BUSY["rules"]][:1] + [
        on("GREETING", reply_then_close("fin", "421 4.3.2 busy"), conn=n) for n in range(1, 9)]}, max_connections=1)
    put(queue, 30)
    done = run_sendmail(["-q"])
    assert (done.rc, done.err) == (0, "")
    assert done.out.startswith("relay: 30 sent, 0 deferred, 0 failed")
    got = received(first)
    assert 10 <= len(got) < 30
    assert sorted(got + received(second)) == all_of(30)


def test_when_all_are_down_each_is_asked_once(two, queue, run_sendmail):
    first, second = two(BUSY, BUSY)
    ids = put(queue, 20)
    done = run_sendmail(["-q"])
    assert (done.rc, done.err) == (0, "")
    assert done.out.startswith("relay: 0 sent, 20 deferred, 0 failed")
    assert len(first.settle().connections) == len(second.settle().connections) == 1
    for id in ids:
        reason = queue.state(id)["recipient 1"]
        assert "421 4.3.2 busy; account two: " in reason, reason


def test_the_first_is_used_again_when_it_is_up(two, queue, run_sendmail, log):
    first, second = two({"rules": [on("GREETING", reply_then_close("fin", "421 4.3.2 busy"), conn=0)]})
    for n in range(2):
        done = run_sendmail([f"r{n}@mail.test"], judge.MESSAGE)
        assert (done.rc, done.err) == (0, "")
    put(queue, 1)
    assert run_sendmail(["-q"]).rc == 0
    assert received(second) == ["r0@mail.test"] and received(first) == ["r0@mail.test", "r1@mail.test"]
    assert [line[2] for line in servers_of(log)] == ["two", "default", "default"]


def test_waits_for_the_first_account_all_the_same(two, queue, run_sendmail, home, environment):
    """What waits is tried with the first again, not with the account that was tried last."""
    first, second = two({"rules": [on("GREETING", reply_then_close("fin", "421 4.3.2 busy"), conn=0)]}, BUSY)
    assert run_sendmail(["r0@mail.test"], judge.MESSAGE).rc == 0
    assert list(queue.places().values()) == ["deferred"]
    assert run_sendmail(["-qf"]).out.startswith("relay: 1 sent")
    assert received(first) == ["r0@mail.test"] and second.messages == []


# -- sessions ------------------------------------------------------------------------------------------------------

def send_many(relay, environment, count):
    import subprocess
    processes = []
    for n in range(count):
        processes.append(subprocess.Popen([relay, "-i", f"r{n}@mail.test"], stdin=subprocess.PIPE,
                                          stderr=subprocess.PIPE, env=environment))
        processes[-1].stdin.write(judge.MESSAGE)
        processes[-1].stdin.close()
        processes[-1].stdin = None
    return [(p.communicate(timeout=60)[1], p.returncode) for p in processes]


@pytest.mark.parametrize("most", [1, 2])
def test_a_burst_keeps_to_the_sessions_of_the_fallback(two, queue, relay, environment, run_sendmail, most):
    first, second = two(BUSY, spare={"max_connections": most}, max_connections=4, minimal_backoff_time="1s",
                        maximal_backoff_time="1s")
    assert set(send_many(relay, environment, 24)) == {(b"", 0)}
    deadline = time.monotonic() + 30
    while queue.places() and time.monotonic() < deadline:       # those that found no session wait for a queue run
        assert run_sendmail(["-qf"]).rc == 0
    assert received(second) == all_of(24)
    assert second.most <= most and received(first) == []


def test_no_session_is_free_at_the_fallback(two, queue, run_sendmail, start):
    free = threading.Event()
    first, second = two(BUSY, {"rules": [on("EHLO", hold(free), conn=0)]}, spare={"max_connections": 1})
    one = start(["-i", "r0@mail.test"], stdin=open(os.devnull, "rb"))
    second.wait_for("EHLO")
    done = run_sendmail(["-v", "r1@mail.test"], judge.MESSAGE)
    assert done.rc == 0 and "421 4.3.2 busy; account two: all its sessions are in use" in done.err
    free.set()
    assert one.wait(20) == 0
    assert received(second) == ["r0@mail.test"] and list(queue.places().values()) == ["deferred"]


@pytest.mark.parametrize("how", ["call", "run"])
def test_who_found_the_sessions_of_an_account_taken_by_its_role_as_fallback(two, queue, run_sendmail, start, how):
    """Whoever had them looks for its mail, too; nobody runs the queue after that."""
    free = threading.Event()
    first, second = two(BUSY, {"rules": [on("EHLO", hold(free), conn=0)]}, spare={"max_connections": 1})
    if how == "run":
        assert run_sendmail(["-odq", "r0@mail.test"], judge.MESSAGE).rc == 0
    one = start(["-q"] if how == "run" else ["-i", "r0@mail.test"], stdin=open(os.devnull, "rb"))
    second.wait_for("EHLO")
    assert run_sendmail(["-a", "two", "r1@mail.test"], judge.MESSAGE).rc == 0
    free.set()
    assert one.wait(20) == 0
    deadline = time.monotonic() + 20        # a call goes on in the background
    while queue.places() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert queue.places() == {} and received(second) == ["r0@mail.test", "r1@mail.test"]


# -- other ways to send ---------------------------------------------------------------------------------------------

def test_in_the_background(two, queue, run_sendmail):
    first, second = two(BUSY)
    done = run_sendmail(["-odb", "r0@mail.test"], judge.MESSAGE)
    assert (done.rc, done.err) == (0, "")
    second.wait_for("QUIT")
    assert received(second) == ["r0@mail.test"]


def test_queued_first(two, queue, run_sendmail):
    first, second = two(BUSY)
    assert run_sendmail(["-odq", "r0@mail.test"], judge.MESSAGE).rc == 0
    assert first.connections == [] and list(queue.places().values()) == ["deferred"]
    assert run_sendmail(["-q"]).out.startswith("relay: 1 sent")
    assert received(second) == ["r0@mail.test"] and len(first.connections) == 1


@pytest.mark.parametrize("second_is", ["up", "down"])
def test_smtp_client(two, queue, start, second_is):
    first, second = two(BUSY, BUSY if second_is == "down" else {})
    client = Raw(start(["-bs"]))
    said = client.letter(to=("r0@mail.test", "r1@mail.test"))
    assert said.startswith("250 2.0.0 ")
    assert client.say("QUIT").startswith("221")
    assert client.process.wait(10) == 0
    if second_is == "up":
        assert received(second) == ["r0@mail.test", "r1@mail.test"] and queue.places() == {}
    else:
        assert list(queue.places().values()) == ["deferred"]


def test_killed_while_the_fallback_has_it(two, queue, run_sendmail, start, log):
    """It is in the queue folder all the time."""
    free = threading.Event()
    first, second = two(BUSY, {"rules": [on("MAIL", hold(free), conn=0)], "without": ["PIPELINING"]})
    one = start(["-i", "r0@mail.test"])
    one.stdin.write(judge.MESSAGE)
    one.stdin.close()
    one.stdin = None
    second.wait_for("MAIL")
    one.send_signal(signal.SIGKILL)
    one.wait()
    free.set()
    assert list(queue.places().values()) == ["incoming"]
    assert run_sendmail(["-q"]).out.startswith("relay: 1 sent")
    assert received(second) == ["r0@mail.test"] and queue.places() == {}
