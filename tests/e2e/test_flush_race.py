"""Many processes at one queue: every message is delivered, once, over no more sessions than allowed."""
import itertools
import subprocess
import threading
import time
from collections import Counter

import pytest

from lib.hostile import hold, on
from lib.observed import sanitized
from lib.sessions import CountedServer


@pytest.fixture
def spawn(relay, environment, tmp_path):
    """spawn(args, stdin): the program, started; its output goes to files. stdin None: a pipe. Ended after the test."""
    running, numbers = [], itertools.count()

    def call(args, stdin=b""):
        n = next(numbers)
        files = [tmp_path / f"{n}.{name}" for name in ("in", "out", "err")]
        files[0].write_bytes(stdin or b"")
        with open(files[0], "rb") as source, open(files[1], "wb") as out, open(files[2], "wb") as err:
            process = subprocess.Popen([relay, *args], stdin=subprocess.PIPE if stdin is None else source, stdout=out,
                                       stderr=err, env=environment, start_new_session=True)
        process.files = files
        running.append(process)
        return process
    yield call
    for process in running:
        process.kill()
        process.wait()


def scale(relay, count):
    """Fewer where each process costs as much as ten."""
    return count // 5 if sanitized(relay) else count


def once(names):
    return Counter(dict.fromkeys(names, 1))


def received(server):
    return Counter(r for m in server.settle(30).messages for r in m.accepted)


def outputs(processes):
    return {p.files[k].read_bytes() for p in processes for k in (1, 2)} - {b""}


def wait_empty(queue, seconds=60):
    """The messages that other processes took over are on their way."""
    deadline = time.monotonic() + seconds
    while queue.places():
        assert time.monotonic() < deadline, queue.places()
        time.sleep(0.02)


def test_ten_flushes_at_once_deliver_each_message_once(pki, relay, account, queue, spawn):
    with CountedServer(pki) as server:
        account(server)
        names = [f"r{n}@mail.test" for n in range(200)]
        for name in names:
            queue.put("deferred", recipients=[name])
        flushes = [spawn(["-q"]) for _ in range(10)]
        assert [p.wait(60) for p in flushes] == [0] * 10
        assert received(server) == once(names)
        assert queue.places() == {} and list((queue.path / "state").glob("*")) == []
        assert server.most <= 4 and server.violations == []
        said = [p.files[1].read_text() for p in flushes]
        assert all(p.files[2].read_bytes() == b"" for p in flushes)
        assert sum(int(line.split()[1]) for line in said if line) == 200


def test_flushes_that_fail_try_each_message_once(pki, account, queue, spawn):
    """-qf at once, with the server down: what one of them has tried just now is not tried by the others."""
    with CountedServer(pki) as server:
        account(server)
    ids = [queue.put("deferred") for _ in range(50)]
    flushes = [spawn(["-qf"]) for _ in range(5)]
    assert [p.wait(60) for p in flushes] == [0] * 5
    deferred = sum(int(line.split()[3]) for p in flushes if (line := p.files[1].read_text()))
    assert deferred == sum(int(queue.state(id)["attempts"]) for id in ids)
    assert set(queue.places()) == set(ids)


def test_flushes_beside_submissions(pki, relay, account, queue, spawn):
    with CountedServer(pki) as server:
        account(server)
        count = scale(relay, 200)
        names = [f"s{n}@mail.test" for n in range(count)]
        stop = threading.Event()
        flushes = []

        def flush_on():
            while not stop.is_set():
                flushes.append(spawn(["-qf"]))
                assert flushes[-1].wait(60) == 0
        flusher = threading.Thread(target=flush_on)
        flusher.start()
        try:
            sent = [spawn(["-i", *([] if n % 3 else ["-odq"]), name], b"Subject: x\n\nhi\n") for n, name in enumerate(names)]
            assert [p.wait(60) for p in sent] == [0] * count
        finally:
            stop.set()
            flusher.join()
        assert spawn(["-qf"]).wait(60) == 0
        wait_empty(queue)
        assert received(server) == once(names)
        assert server.most <= 4 and server.violations == []
        assert outputs(sent) == set()
        assert {p.files[2].read_bytes() for p in flushes} == {b""}


@pytest.mark.parametrize("max_connections", [1, 4])
def test_a_burst_of_submissions(pki, relay, account, queue, spawn, max_connections):
    """All wait for the end of their message, which comes for all at once. They are delivered without any flush, over no
    more sessions than allowed at any time."""
    with CountedServer(pki) as server:
        account(server, max_connections=max_connections)
        count = scale(relay, 500 if max_connections == 4 else 100)
        names = [f"b{n}@mail.test" for n in range(count)]
        sent = [spawn(["-i", name], None) for name in names]
        for p in sent:
            p.stdin.write(b"Subject: burst\n\nhi\n")
            p.stdin.close()
        assert [p.wait(60) for p in sent] == [0] * count
        assert outputs(sent) == set()
        wait_empty(queue)
        assert received(server) == once(names)
        assert server.most <= max_connections and server.violations == []


def test_no_submission_waits_for_the_mail_of_others(pki, relay, account, queue, spawn):
    """One session is stuck with its message: those who find no other one go, and its end serves them."""
    release = threading.Event()
    with CountedServer(pki, rules=[on("BODY", hold(release), conn=0)]) as server:
        account(server, max_connections=1)
        first = spawn(["-i", "first@mail.test"], b"Subject: x\n\nhi\n")
        server.wait_for("BODY")
        names = [f"later{n}@mail.test" for n in range(20)]
        others = [spawn(["-i", name], b"Subject: x\n\nhi\n") for name in names]
        assert [p.wait(20) for p in others] == [0] * 20
        assert first.poll() is None and outputs(others) == set()
        assert set(queue.places().values()) == {"incoming"}
        release.set()
        assert first.wait(20) == 0
        wait_empty(queue)
        assert received(server) == once(["first@mail.test", *names])
        assert server.most == 1
