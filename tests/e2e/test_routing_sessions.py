"""Several accounts for one message, and the sessions that each account allows."""
import os
import subprocess
import threading
import time

import pytest

from lib.hostile import hold, on
from lib.parts import A, ALL, B, C, DOWN, SENDER, envelopes, log, received, three

MESSAGE = b"Subject: x\n\nhi\n"


def emptied(queue, seconds=30):
    """Those that hold the sessions have sent all of it; nobody runs the queue."""
    deadline = time.monotonic() + seconds
    while queue.places() and time.monotonic() < deadline:
        time.sleep(0.01)
    return queue.places() == {}


def feed(process, text=MESSAGE):
    process.stdin.write(text)
    process.stdin.close()
    process.stdin = None


def test_no_session_is_free_for_one_account(three, run_sendmail, start, queue):
    """The others send now; what is left goes with those who have the sessions."""
    free = threading.Event()
    servers = three({}, {"rules": [on("EHLO", hold(free), conn=0)]}, each={"two": {"max_connections": 1}})
    one = start(["first@two.test"])
    feed(one)
    servers[1].wait_for("EHLO")
    done = run_sendmail(["-v", *ALL], MESSAGE)
    assert done.rc == 0 and "all sessions are in use; they send it when one is free" in done.err
    assert [len(servers[n].messages) for n in (0, 2)] == [1, 1]
    assert sorted(queue.places().values()) == ["incoming", "incoming"]
    [left] = filter(None, map(queue.state, queue.places()))
    assert (left["attempts"], left["recipient 1"].split()[0], "recipient 2" in left) == ("0", "sent", False)
    free.set()
    assert one.wait(20) == 0 and emptied(queue)
    assert [received(s) for s in servers] == [[A], [B, "first@two.test"], [C]]
    assert len(servers[1].connections) == 1


def test_no_session_is_free_and_the_holder_dies(three, run_sendmail, start, queue):
    free = threading.Event()
    servers = three({}, {"rules": [on("EHLO", hold(free), conn=0)]}, each={"two": {"max_connections": 1}})
    one = start(["first@two.test"])
    feed(one)
    servers[1].wait_for("EHLO")
    assert run_sendmail([*ALL], MESSAGE).rc == 0
    one.kill()
    one.wait()
    free.set()
    assert run_sendmail(["-q"]).rc == 0     # or the second call, which goes on in the background, takes them along
    assert emptied(queue) and [received(s) for s in servers] == [[A], [B, "first@two.test"], [C]]


def test_no_session_is_free_and_another_account_is_down(three, run_sendmail, start, queue):
    free = threading.Event()
    servers = three(DOWN, {"rules": [on("EHLO", hold(free), conn=0)]}, each={"two": {"max_connections": 1}})
    one = start(["first@two.test"])
    feed(one)
    servers[1].wait_for("EHLO")
    done = run_sendmail([*ALL], MESSAGE)
    assert (done.rc, done.err) == (0, "") and received(servers[2]) == [C]
    assert sorted(queue.places().values()) == ["deferred", "incoming"]
    free.set()
    assert one.wait(20) == 0
    assert run_sendmail(["-qf"]).out.startswith("relay: 0 sent, 1 deferred")
    assert received(servers[1]) == [B, "first@two.test"]


def test_who_sends_a_part_takes_those_along_who_found_the_session_taken(three, run_sendmail, start, queue):
    """A queue run for one account has the other's only session for a while; nobody runs the queue after that."""
    free = threading.Event()
    servers = three({}, {"rules": [on("EHLO", hold(free), conn=0)]}, each={"two": {"max_connections": 1}})
    assert run_sendmail(["-odq", A, B], MESSAGE).rc == 0
    run = start(["-q"], stdin=subprocess.DEVNULL)
    servers[1].wait_for("EHLO")
    assert run_sendmail(["late@two.test"], MESSAGE).rc == 0
    assert sorted(queue.places().values()) == ["deferred", "incoming"]
    free.set()
    assert run.wait(20) == 0 and queue.places() == {}
    assert received(servers[1]) == [B, "late@two.test"]


@pytest.mark.parametrize("most", [1, 3])
def test_a_burst(three, relay, environment, queue, most):
    """Nobody runs the queue: whoever holds a session takes the others' mail along."""
    servers = three(each={"two": {"max_connections": 1}}, max_connections=most)
    calls = [subprocess.Popen([relay, *ALL], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
             for _ in range(20)]
    for one in calls:
        feed(one)
    assert {(one.communicate(timeout=60)[1], one.returncode) for one in calls} == {(b"", 0)}
    assert emptied(queue)
    for server, recipient in zip(servers, ALL):
        assert received(server) == [recipient] * 20
    assert servers[0].most <= most and servers[1].most == 1 and servers[2].most <= most


@pytest.mark.parametrize("first_is", ["up", "down"])
def test_many_messages_need_few_open_files(three, run_sendmail, queue, first_is):
    servers = three(DOWN if first_is == "down" else {}, max_connections=1)
    head = f"via: <{SENDER}> two\n"
    for n in range(250):
        queue.put("deferred", sender=SENDER, recipients=[A], head=f"{head}recipient: <{B}> via=1\n")
    done = run_sendmail(["-q"], under=["prlimit", "--nofile=150"])
    sent = 250 if first_is == "up" else 0
    assert (done.rc, done.err) == (0, "") and done.out.startswith(f"relay: {sent} sent, {250 - sent} deferred")
    assert [len(received(s)) for s in servers] == [sent, 250, 0] and len(queue.places()) == 250 - sent


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
@pytest.mark.parametrize("first_is", ["up", "down"])
def test_nothing_is_sent_whose_rest_could_not_be_kept_on_a_full_disk(three, run_sendmail, queue, tmp_path, first_is):
    """Else every run would send it once more to those who have it."""
    first = {} if first_is == "up" else {"user": "u", "password_file": tmp_path / "none"}
    servers = three({}, DOWN if first_is == "up" else {}, each={"default": first})
    waiting = queue.put("deferred", sender=SENDER, recipients=[A], head=f"via: <{SENDER}> two\nrecipient: <{B}> via=1\n")
    full = (f"mkdir {tmp_path}/m && mount -t tmpfs -o size=64k,mode=700 none {tmp_path}/m && "
            f"cp -a {queue.path} {tmp_path}/m && mount --bind {tmp_path}/m/queue {queue.path} && "
            f"mkdir -m 700 -p {queue.path}/state {queue.path}/incoming && "
            f"{{ cat /dev/zero >{tmp_path}/m/fill; }} 2>/dev/null; \"$@\"; \"$@\"; test -f {queue.path}/deferred/{waiting}")
    done = run_sendmail(["-qf"], under=["unshare", "--mount", "sh", "-c", full, "full"])
    assert done.rc == 0 and "No space left on device" in done.err and "1 with an error" in done.out
    assert [received(s) for s in servers] == [[], [], []]


def test_workers_share_the_sessions_of_an_account(three, run_sendmail, queue):
    """What finds none is not put off, and goes with the next run at the latest."""
    servers = three(each={"two": {"max_connections": 1}}, max_connections=4)
    head = f"via: <{SENDER}> two\n"
    for n in range(100):
        queue.put("deferred", sender=SENDER, recipients=[A], head=f"{head}recipient: <{B}> via=1\n")
    for _ in range(5):
        assert run_sendmail(["-q"]).rc == 0
    assert [len(received(s)) for s in servers[:2]] == [100, 100] and queue.places() == {}
    assert servers[1].most == 1
