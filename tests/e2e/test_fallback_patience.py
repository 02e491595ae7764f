"""Servers that do not answer: how long a program that calls is kept waiting, when there are several of them."""
import contextlib
import socket
import time

import pytest

from lib import judge
from lib.accounts import several, servers_of
from lib.parts import A, B, C, log

TO = ["-i", "r@mail.test"]
HOSTS = [f"127.0.0.{n}" for n in range(1, 4)]
LATER = "; the queue run tries the others, which there was no time for"


@pytest.fixture
def silent():
    """silent(count) -> a port, and the sockets at it of so many of HOSTS; they take connections, and say nothing."""
    with contextlib.ExitStack() as opened:
        def make(count):
            sockets = [opened.enter_context(socket.create_server((HOSTS[0], 0)))]
            port = sockets[0].getsockname()[1]
            sockets += [opened.enter_context(socket.create_server((host, port))) for host in HOSTS[1:count]]
            return port, sockets
        yield make


def was_called(listener):
    listener.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        listener.accept()[0].close()
        return True
    return False


def timed(run_sendmail, *args, **options):
    begin = time.monotonic()
    return run_sendmail(*args, **options), time.monotonic() - begin


@pytest.fixture
def three(silent, pki, home, log):
    """three(spare=server, **settings): the account's servers are silent; the fallback account has more time."""
    port, sockets = silent(3)

    def make(spare=None, **settings):
        accounts = {"default": {"host": " ".join(HOSTS[:3]), "port": port, "tls": "off", "timeout": 1}}
        if spare:
            accounts["default"]["fallback"] = "spare"
            accounts["spare"] = {"server": spare, "timeout": 20}
        home(".relayrc", several(pki, accounts, logfile=log, **settings))
        return sockets
    return make


def test_a_caller_does_not_wait_for_all_of_them(three, run_sendmail, queue):
    sockets = three(queue="on")
    done, seconds = timed(run_sendmail, ["-v", *TO], judge.MESSAGE)
    assert done.rc == 0 and 2 <= seconds < 8
    [id] = queue.places()
    assert f"kept in the queue as {id}: " in done.err and LATER in done.err
    assert LATER in queue.state(id)["recipient 1"]
    assert [was_called(s) for s in sockets] == [True, True, False]


def test_an_account_that_has_more_time_is_still_tried(three, scripted, run_sendmail, queue, log):
    sockets = three(scripted(), queue="on")
    assert run_sendmail(TO, judge.MESSAGE).rc == 0
    assert [was_called(s) for s in sockets] == [True, True, False]
    assert [line[2:] for line in servers_of(log)] == [("spare", "sent")] and queue.places() == {}


@pytest.mark.parametrize("how", ["run", "no-queue"])
def test_a_queue_run_has_time_and_so_has_a_call_without_a_queue(three, scripted, run_sendmail, queue, log, how):
    sockets = three(scripted(), queue="on" if how == "run" else "off")
    assert run_sendmail([*(["-odq"] if how == "run" else []), *TO], judge.MESSAGE).rc == 0
    assert how == "no-queue" or run_sendmail(["-q"]).out.startswith("relay: 1 sent")
    assert [was_called(s) for s in sockets] == [True] * 3
    assert [line[2:] for line in servers_of(log)] == [("spare", "sent")]


@pytest.mark.parametrize("reached, tried", [(False, [True, True, False]), (True, [True, True, True])])
def test_accounts_of_one_message_share_the_time(silent, scripted, pki, run_sendmail, home, queue, log, reached, tried):
    """But what a server takes that can be used is not counted."""
    port, sockets = silent(3)
    if reached:
        sockets[1].close()
        good = scripted(listen=HOSTS[1], port=port)
    accounts = {name: {"host": host, "port": port, "tls": "off", "to": to}
                for name, host, to in zip(("default", "two", "three"), HOSTS, (None, "two.test", "three.test"))}
    accounts["two"]["timeout"] = 20 if reached else 1
    home(".relayrc", several(pki, accounts, queue="on", logfile=log, timeout=1))
    done, seconds = timed(run_sendmail, ["-i", A, B, C], judge.MESSAGE)
    assert (done.rc, done.err) == (0, "") and 2 <= seconds < 8
    called = [good.connections != [] if reached and n == 1 else was_called(s) for n, s in enumerate(sockets)]
    assert called == tried
    assert ("not tried, since the servers of other accounts did not answer in time" in log.read_text()) == (not reached)
