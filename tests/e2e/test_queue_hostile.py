"""The queue among enemies: races at its locks, what was planted in its folder, an environment that wants to break it."""
import os
import subprocess
import threading
import time

import pytest

from lib.hostile import hold, on
from lib.sessions import CountedServer

BODY = b"Subject: x\n\nhi\n"
NOBODY = 54321      # a user without a passwd entry


@pytest.fixture
def submit(start, tmp_path):
    """submit(recipient, args, **popen): sendmail with a small message, running."""
    source = tmp_path / "message"
    source.write_bytes(BODY)

    def call(recipient, args=(), **popen):
        with open(source, "rb") as stdin:
            return start(["-i", *args, recipient], stdin=stdin, **popen)
    return call


def received(server):
    return sorted(r for m in server.settle(20).messages for r in m.accepted)


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.01)
    return found


# -- races ---------------------------------------------------------------------------------------------------------

def test_message_that_was_busy_at_the_last_look(pki, submit, account, queue):
    """Its process holds it while the one with the session looks for the last time, and finds no session afterwards: the
    one with the session is the only one left that can see it."""
    first, second = threading.Event(), threading.Event()
    with CountedServer(pki, rules=[on("BODY", hold(first), conn=0), on("BODY", hold(second), conn=1)]) as server:
        account(server, max_connections=1)
        own = submit("own@mail.test")
        server.wait_for("BODY")
        assert submit("next@mail.test").wait(20) == 0
        busy = queue.put("incoming", recipients=["busy@mail.test"])
        with queue.locked(busy):
            first.set()
            server.wait_for("BODY", nth=2)
            assert own.wait(20) == 0
        second.set()
        until(lambda: not queue.places())
        assert received(server) == ["busy@mail.test", "next@mail.test", "own@mail.test"]
        assert server.most == 1


def test_who_is_refused_does_not_wait_for_others(pki, submit, account, queue):
    """Such a session asks for the next message when the caller could have its answer already."""
    release = threading.Event()
    with CountedServer(pki, without=("PIPELINING",), refuse={"own@mail.test": "550 5.1.1 no"},
                       rules=[on("BODY", hold(release))]) as server:
        account(server, max_connections=1)
        queue.put("incoming", recipients=["other@mail.test"])
        own = submit("own@mail.test")
        server.wait_for("BODY")
        assert own.wait(5) == 67
        release.set()
        until(lambda: not queue.places())
        assert received(server) == ["other@mail.test"]


# -- the environment -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("mask", [0o777, 0o400, 0o200], ids=oct)
def test_umask_that_forbids_the_owner(pki, relay_for_all, public, environment, mask):
    """Root may open any file: so this is another user."""
    home = public / "home"
    home.mkdir()
    rc = home / ".relayrc"
    with CountedServer(pki) as server:
        rc.write_text(f"account default\nhost {server.host}\nport {server.port}\ntls off\nfrom a@b.test\n")
        rc.chmod(0o600)
        os.chown(home, NOBODY, NOBODY)
        os.chown(rc, NOBODY, NOBODY)

        def run(umask, *args):
            return subprocess.run([relay_for_all, *args], input=BODY, capture_output=True, cwd="/", timeout=30, umask=umask,
                                  user=NOBODY, group=NOBODY, extra_groups=[], env=environment | {"HOME": str(home)})
        for _ in range(2):
            assert run(mask, "-odq", "x@y.test").returncode == 0
        done = run(mask, "-q")
        assert (done.returncode, done.stderr) == (0, b"")
        assert received(server) == ["x@y.test"] * 2


def test_list_that_cannot_be_read_is_not_empty(pki, run_sendmail, account, queue):
    with CountedServer(pki) as server:
        account(server)
        queue.put("deferred")
        os.chmod(queue.path / "deferred", 0o755)
        done = run_sendmail(["-bp"])
        assert (done.rc, done.out) == (75, "") and "chmod 700" in done.err


# -- the files -----------------------------------------------------------------------------------------------------

def test_message_that_cannot_be_read_blocks_no_other(pki, start, account, queue):
    """Its head is good, so it is taken; what is wrong with its end is found in the middle of the session."""
    release = threading.Event()
    large = b"Subject: x\r\n\r\n" + b"A line of the message.\r\n" * 100_000
    with CountedServer(pki, rules=[on("RCPT", hold(release), conn=0)]) as server:
        account(server, max_connections=1)
        bad = queue.put("deferred", recipients=["bad@mail.test"], message=large)
        good = [f"good{n}@mail.test" for n in range(5)]
        for name in good:
            queue.put("deferred", recipients=[name])
        flush = start(["-q"])
        server.wait_for("RCPT")
        os.truncate(queue.file(bad), 100_000)
        release.set()
        assert flush.communicate(timeout=20)[1] == b"" and flush.returncode == 0
        assert received(server) == good
        assert "was cut while it was read" in queue.state(bad)["recipient 1"]


def test_settings_that_a_queue_run_would_not_take(pki, run_sendmail, account, queue):
    """Each argument is below the kernel's limit; a message with all of them could never be sent."""
    with CountedServer(pki) as server:
        account(server)
        settings = [f"--logfile-time-format={'x' * 60_000}"] * 18
        done = run_sendmail(["-odq", *settings, "a@b.test"], BODY)
        assert (done.rc, queue.places()) == (64, {}) and "too long" in done.err


def test_queue_run_finds_what_was_queued_without_a_file(pki, relayrc, home, run_sendmail, queue, tmp_path):
    """With --host no file is read, so the message is in the default folder; the file says another one."""
    with CountedServer(pki) as server:
        where = ["--host=" + server.host, f"--port={server.port}", "--tls=off"]
        assert run_sendmail(["-odq", "--queue=on", *where, "a@b.test"], BODY).rc == 0
        assert list(queue.places().values()) == ["deferred"]
        home(".relayrc", relayrc(server, tls="none", queue_directory=str(tmp_path / "other")))
        assert run_sendmail(["-q"]).rc == 0
        assert received(server) == ["a@b.test"]
