"""sendmail -q and relay queue flush: which messages are sent, over which sessions, and what is said about it."""
import contextlib
import os
import re
import socket
import threading
import time

import pytest

from lib.hostile import hold, on, reply, reply_then_close
from lib.sessions import CountedServer

HOUR = 3600


@pytest.fixture
def server(pki):
    with CountedServer(pki) as running:
        yield running


@pytest.fixture
def flush(run_sendmail):
    """flush("-qf"), flush("relay", "--now", "ID")"""
    def call(*args, **options):
        if args[0] == "relay":
            return run_sendmail(["queue", "flush", *args[1:]], name="relay", **options)
        return run_sendmail(args, **options)
    return call


def later(queue, count=1, **more):
    """Messages that were tried a moment ago: they are not due for an hour."""
    now = int(time.time())
    ids = [queue.put("deferred", recipients=[f"r{n}@mail.test"], arrival=now - 60, last=now - 1, next_try=now + HOUR // 2,
                     reasons={f"r{n}@mail.test": "450 4.2.0 later"}, **more) for n in range(count)]
    return ids if count > 1 else ids[0]


def received(server):
    return sorted(r for m in server.settle().messages for r in m.accepted)


# -- which messages ------------------------------------------------------------------------------------------------

def test_without_a_queue_there_is_nothing_to_do_and_nothing_is_made(server, account, flush, environment):
    account(server)
    done = flush("-q")
    assert (done.rc, done.out, done.err) == (0, "", "")
    assert os.listdir(environment["HOME"]) == [".relayrc"]


def test_only_what_is_due_is_sent_and_silence_when_nothing_is(server, account, queue, flush):
    account(server)
    waiting = later(queue)
    done = flush("-q")
    assert (done.rc, done.out, done.err) == (0, "", "")
    due = queue.put("deferred", recipients=["due@mail.test"], arrival=time.time() - HOUR, next_try=int(time.time()) - 1,
                    reasons={"due@mail.test": "450 later"})
    fresh = queue.put("incoming", recipients=["fresh@mail.test"])
    done = flush("-q")
    assert done.rc == 0 and done.err == ""
    assert re.fullmatch(r"relay: 2 sent, 0 deferred, 0 failed, in \d+\.\d s \(\d+/s\)\n", done.out)
    assert received(server) == ["due@mail.test", "fresh@mail.test"]
    assert queue.places() == {waiting: "deferred"}
    assert queue.state(due) is None and queue.state(fresh) is None


@pytest.mark.parametrize("args", [["-qf"], ["-q", "-qf"], ["relay", "--now"], ["relay", "ALL"]])
def test_now_means_all_of_it(server, account, queue, flush, args):
    account(server)
    later(queue, 3)
    held = queue.put("hold")
    failed = queue.put("failed", status={"b@y.test": "refused"})
    assert flush(*args).out.startswith("relay: 3 sent, 0 deferred, 0 failed, in ")
    assert received(server) == [f"r{n}@mail.test" for n in range(3)]
    assert queue.places() == {held: "hold", failed: "failed"}


@pytest.mark.parametrize("args,sent", [
    (["-qI{1}"], [1]),
    (["-qI", "{2}"], [2]),
    (["-qRone@"], [1]),
    (["-qR", "ONE@mail"], [1]),
    (["-qR", "mail.test"], [0, 1, 2]),
    (["-qSsecond"], [1, 2]),
    (["-qS", "second", "-qR", "two"], [2]),
    (["-qS", "nobody"], []),
    (["relay", "{0}"], [0]),
    (["relay", "{0}", "{2}"], [0, 2]),
])
def test_a_selection_is_sent_at_once_and_nothing_else(server, account, queue, flush, args, sent):
    account(server)
    now = int(time.time())
    names = ["zero@mail.test", "one@mail.test", "two@mail.test"]
    senders = ["first@mail.test", "second@mail.test", "second@mail.test"]
    # IDs differ at their end: an ID may be cut short there, too.
    ids = [queue.put("deferred", sender=s, recipients=[r], last=now, next_try=now + 600, reasons={r: "450 later"})
           for s, r in zip(senders, names)]
    done = flush(*[a.format(*ids) for a in args])
    assert (done.rc, done.err) == (0, "")
    assert received(server) == sorted(names[n] for n in sent)
    assert set(queue.places()) == {i for n, i in enumerate(ids) if n not in sent}


@pytest.mark.parametrize("args", [["-qI{0}", "-qR", "nobody"], ["-qS", "nobody", "-qI{0}"], ["-a", "other", "-qI{0}"],
                                  ["relay", "-a", "other", "{0}"]], ids=" ".join)
def test_an_id_and_another_choice_must_both_fit(server, pki, relayrc, home, queue, flush, args):
    text = relayrc(server, tls="none", queue="on")
    home(".relayrc", text + text.replace("account default", "account other"))
    id = later(queue)
    done = flush(*[a.format(id) for a in args])
    assert done.rc == 64 and done.out == ""
    assert done.err.endswith(f": {id}: not sent: what else was asked for, by -a, -qR or -qS, does not fit it\n")
    assert received(server) == [] and queue.place(id) == "deferred"


@pytest.mark.parametrize("args", [["-qI"], ["relay"]], ids=" ".join)
def test_what_a_killed_writer_has_left_is_no_message(server, account, queue, flush, args):
    account(server)
    id = queue.put("incoming")
    queue.file(id).write_bytes(queue.file(id).read_bytes().replace(b"complete", b"writing ", 1))
    done = flush(*args, id)
    assert done.rc == 66 and done.err.endswith(f": {id}: it is not in the queue any more\n")
    assert done.out == "" and queue.places() == {}
    damaged = queue.put("deferred", size=1000)
    for again in range(2):
        done = flush(*args, damaged)
        assert done.rc == 65 and f": {damaged}: " in done.err and "damaged" in done.err and done.err.count("\n") == 1
    assert queue.places() == {damaged: "corrupt"}


def test_an_id_may_be_cut_short(server, account, queue, flush):
    account(server)
    first, second = later(queue, 2)
    assert flush(f"-qI{first[-6:]}").rc == 0
    assert queue.places() == {second: "deferred"}


def test_wrong_ids_are_said_and_the_others_are_sent(server, account, queue, flush):
    account(server)
    wanted, busy = later(queue, 2)
    held, failed = queue.put("hold"), queue.put("failed", status={"b@y.test": "refused"})
    damaged = queue.put("corrupt")
    with queue.locked(busy):
        done = flush("relay", "nosuchid", wanted, held, failed, damaged, busy)
    assert done.rc != 0
    lines = done.err.splitlines()
    assert lines == [
        "relay queue: nosuchid: there is no such message in the queue",
        f"relay queue: {held}: it is on hold; to have it sent: relay queue release",
        f"relay queue: {failed}: it was given up; to have it tried again: relay queue retry",
        f"relay queue: {damaged}: it is damaged; see relay-queue(7)",
        f"relay queue: {busy}: another process works with it now",
    ]
    assert received(server) == ["r0@mail.test"]
    done = flush("-qI", "nosuchid")
    assert done.rc != 0 and done.err == "sendmail: nosuchid: there is no such message in the queue\n"


def test_recipients_that_have_their_outcome_are_left_alone(server, account, queue, flush):
    account(server)
    names = ["got@mail.test", "bad@mail.test", "new@mail.test"]
    queue.put("deferred", recipients=names, status={names[0]: "sent", names[1]: "refused told", names[2]: "waiting"},
              reasons={names[2]: "450 4.2.0 later"})
    flush("-qf")
    assert received(server) == ["new@mail.test"]
    assert flush("-qR", "got@").out == ""


# -- sessions ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("max_connections", [1, 3])
def test_sessions_are_reused_and_never_too_many(server, account, queue, flush, max_connections):
    account(server, max_connections=max_connections)
    later(queue, 60)
    assert flush("-qf").out.startswith("relay: 60 sent, 0 deferred, 0 failed")
    assert len(received(server)) == 60 and server.violations == []
    assert 1 <= len(server.connections) <= max_connections
    assert server.most <= max_connections
    assert sum(server.transactions) == 60


def test_a_few_messages_need_one_session(server, account, queue, flush):
    account(server)
    later(queue, 3)
    flush("-qf")
    server.settle()
    assert server.transactions == [3]


def test_each_account_has_its_own_server_and_one_that_is_down_stops_no_other(server, pki, relayrc, home, queue, flush):
    with CountedServer(pki) as other, contextlib.closing(socket.create_server(("127.0.0.1", 0))) as dead:
        port = dead.getsockname()[1]
        dead.close()
        home(".relayrc", relayrc(server, tls="none", queue="on") + f"account two : default\nport {other.port}\n"
             f"account three : default\nport {port}\n")
        for n in range(3):
            for name in ("default", "two", "three"):
                queue.put("deferred", recipients=[f"{name}{n}@mail.test"], account=name)
        done = flush("-q")
        assert (done.rc, done.err) == (0, "")
        assert done.out.startswith("relay: 6 sent, 3 deferred, 0 failed")
        assert received(server) == [f"default{n}@mail.test" for n in range(3)]
        assert received(other) == [f"two{n}@mail.test" for n in range(3)]
        assert server.transactions == other.transactions == [3]


def test_only_one_account(server, pki, relayrc, home, queue, flush):
    home(".relayrc", relayrc(server, tls="none", queue="on") + "account two : default\n")
    one = queue.put("deferred", recipients=["one@mail.test"])
    queue.put("deferred", recipients=["two@mail.test"], account="two")
    flush("-q", "-a", "two")
    assert received(server) == ["two@mail.test"] and queue.places() == {one: "deferred"}


DOWN = {
    "hangs up": {"rules": [on("CONNECT", reply_then_close(text=[]), nth=None)]},
    "refuses": {"rules": [on("GREETING", reply_then_close(text="554 5.3.2 closed"), nth=None)]},
    "refuses the login": {"auth": ["PLAIN"]},
}


@pytest.mark.parametrize("way", DOWN)
def test_one_failed_connection_settles_an_account(pki, account, queue, flush, way):
    with CountedServer(pki, **DOWN[way]) as server:
        account(server, **({"user": "user@mail.test", "password": "wrong", "auth": "plain", "auth_cleartext": "on"}
                           if "auth" in DOWN[way] else {}))
        ids = later(queue, 30)
        done = flush("-qf")
        assert (done.rc, done.err) == (0, "")
        assert done.out.startswith("relay: 0 sent, 30 deferred, 0 failed")
        server.settle()
        assert len(server.connections) == 1
    for id in ids:
        state = queue.state(id)
        assert queue.place(id) == "deferred"
        assert int(state["attempts"]) == 2 and int(state["next"].split()[0]) > time.time()
    assert flush("-q").out == ""        # none is due


def test_a_server_that_takes_fewer_sessions_gets_them_all_over_those(pki, account, queue, flush):
    with CountedServer(pki, rules=[on("GREETING", reply_then_close(text="421 4.7.0 too many"), conn=n)
                                   for n in range(1, 9)]) as server:
        account(server)
        later(queue, 100)
        done = flush("-qf")
        assert done.rc == 0
        sent = len(received(server))
        # What the refused workers had in their hands waits for the next run; nothing else does.
        assert sent >= 97 and done.out.startswith(f"relay: {sent} sent, {100 - sent} deferred, 0 failed")


def test_an_account_that_is_gone_keeps_its_mail_and_says_why(server, account, queue, flush):
    account(server)
    gone = queue.put("deferred", account="gone")
    config = queue.put("deferred", head="config: /nonexistent/relayrc\n")
    queue.put("deferred", recipients=["here@mail.test"])
    done = flush("-qf")
    assert (done.rc, done.err) == (0, "")
    assert done.out.startswith("relay: 1 sent, 2 deferred, 0 failed")
    assert received(server) == ["here@mail.test"]
    assert "gone" in queue.state(gone)["recipient 1"]
    assert "/nonexistent/relayrc: there is no such file" in queue.state(config)["recipient 1"]


def test_when_others_have_all_sessions_the_run_does_not_wait_for_them(pki, account, queue, flush, start):
    free = threading.Event()
    with CountedServer(pki, rules=[on("EHLO", lambda session, normal: free.wait(30) and reply(normal)(session, normal))]
                       ) as server:
        account(server, max_connections=1)
        later(queue, 8)
        first = start(["-qf"])
        server.wait_for("EHLO")
        done = flush("-qf")
        assert (done.rc, done.err) == (0, "")
        assert re.fullmatch(r"relay: 0 sent, 0 deferred, 0 failed, \d left \(all sessions are in use\), in .*\n", done.out)
        free.set()
        out, err = first.communicate(timeout=20)
        assert out.startswith(b"relay: 8 sent") and err == b""
        assert len(received(server)) == 8 and len(server.connections) == 1


def test_what_is_left_behind_is_not_said_to_be_in_the_hands_of_others(pki, account, queue, flush, start, tmp_path):
    """A program that sends a message of its own has the session: it will not touch what is deferred."""
    free = threading.Event()
    with CountedServer(pki, rules=[on("BODY", hold(free), conn=0)]) as server:
        account(server, max_connections=1)
        id = later(queue)
        (tmp_path / "own").write_text("Subject: x\n\nhi\n")
        with open(tmp_path / "own") as message:
            sender = start(["-i", "own@mail.test"], stdin=message)
        server.wait_for("BODY")
        done = flush("relay", id)
        assert (done.rc, done.err) == (0, "") and ", 1 left (all sessions are in use), in" in done.out
        free.set()
        assert sender.wait(20) == 0
        assert received(server) == ["own@mail.test"] and queue.places() == {id: "deferred"}


# -- what is not as it should be -----------------------------------------------------------------------------------

def test_a_killed_writers_file_is_removed_and_a_damaged_one_set_aside_and_named(server, account, queue, flush):
    account(server, logfile=queue.path.parent / "log")
    good = queue.put("deferred", recipients=["good@mail.test"])
    left = queue.put("incoming")
    file = queue.file(left)
    file.write_bytes(file.read_bytes().replace(b"complete", b"writing ", 1))
    writing = queue.put("incoming")
    file = queue.file(writing)
    file.write_bytes(file.read_bytes().replace(b"complete", b"writing ", 1))
    damaged = queue.put("deferred")
    queue.file(damaged).write_bytes(b"relay-queue 1 complete nonsense\n\n")
    (queue.folder("deferred") / "README").write_text("not a message\n")
    with queue.locked(writing):
        done = flush("-q")
    assert done.rc == 0 and done.out.startswith("relay: 1 sent, 0 deferred, 0 failed")
    assert re.fullmatch(f"sendmail: {damaged}: damaged \\(.+\\): set aside in {queue.path}/corrupt\n", done.err)
    assert damaged in (queue.path.parent / "log").read_text()
    assert received(server) == ["good@mail.test"]
    assert queue.places() == {writing: "incoming", damaged: "corrupt", "README": "deferred"}
    assert queue.place(good) is None
    assert flush("-q").err == ""


def test_given_up_mail_is_removed_when_its_sender_has_known_for_long(server, account, queue, flush):
    account(server, bounce_queue_lifetime="7d")
    day, now = 86400, int(time.time())
    told = {"b@y.test": "refused told"}
    old = queue.put("failed", status=told, arrival=now - 9 * day, last=now - 8 * day)
    young = queue.put("failed", status=told, arrival=now - 9 * day, last=now - 6 * day)
    untold = queue.put("failed", status={"b@y.test": "refused"}, arrival=now - 90 * day, last=now - 80 * day)
    for args in (["-qR", "x"], ["-qS", "x"], ["relay", old]):
        flush(*args)
    assert queue.place(old) == "failed"
    done = flush("-q")
    assert (done.rc, done.out, done.err) == (0, "", "")
    assert queue.places() == {young: "failed", untold: "failed"}
    assert queue.state(old) is None


@pytest.mark.parametrize("settings", [{}, {"user": "u", "password_file": "/nonexistent"}], ids=["up", "no password"])
def test_what_was_given_up_before_a_crash_goes_to_failed(server, account, queue, flush, settings):
    """Also when its account cannot be used now: nothing is to be sent."""
    account(server, **settings)
    given_up = queue.put("deferred", status={"b@y.test": "refused told"}, attempts=3)
    assert flush("-qf").rc == 0
    assert queue.places() == {given_up: "failed"} and queue.state(given_up)["attempts"] == "3"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
def test_nothing_is_sent_that_could_not_be_removed(server, account, queue, flush):
    """A read-only file system: else every run would send the message once more."""
    account(server)
    waiting = queue.put("deferred")
    mount = f'mount --bind {queue.path} {queue.path} && mount -o remount,bind,ro {queue.path} && exec "$@"'
    done = flush("-q", under=["unshare", "--mount", "sh", "-c", mount, "mount"])
    assert (done.rc, done.out) == (75, "")
    assert done.err == (f"sendmail: {queue.path}: nothing is sent, since it could not be removed afterwards: "
                        "Read-only file system\n")
    assert server.connections == [] and queue.places() == {waiting: "deferred"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
def test_nothing_is_sent_that_would_have_to_stay_on_a_full_disk(pki, account, queue, flush, tmp_path):
    """A confirmation was asked for, and can be written neither now nor later: else every run would send the message."""
    with CountedServer(pki, without=["DSN"]) as server:
        account(server)
        waiting = queue.put("deferred", head="notify: success\n")
        full = (f"mkdir {tmp_path}/m && mount -t tmpfs -o size=64k,mode=700 none {tmp_path}/m && "
                f"cp -a {queue.path} {tmp_path}/m && mount --bind {tmp_path}/m/queue {queue.path} && "
                f"mkdir -m 700 -p {queue.path}/state {queue.path}/incoming && "
                f"{{ cat /dev/zero >{tmp_path}/m/fill; }} 2>/dev/null; \"$@\"; \"$@\"; test -f {queue.path}/deferred/{waiting}")
        done = flush("-qf", under=["unshare", "--mount", "sh", "-c", full, "full"])
        assert done.rc == 0 and "No space left on device" in done.err and "1 with an error" in done.out
        assert received(server) == []


@pytest.mark.parametrize("what,status", [("queue", 75), ("config", 78)])
def test_exit_status_says_when_the_run_itself_could_not_be(server, account, queue, flush, home, what, status):
    account(server)
    waiting = later(queue)
    if what == "queue":
        queue.path.chmod(0o777)
    else:
        home(".relayrc", "account default\nhots mail.test\n")
    done = flush("-qf")
    assert (done.rc, done.out) == (status, "")
    assert done.err.count("\n") == 1 and (str(queue.path) if what == "queue" else "hots") in done.err
    assert queue.places() == {waiting: "deferred"}
