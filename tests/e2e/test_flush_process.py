"""sendmail -q as a process: what a terminal shows, its children, signals, and -q15m that stays."""
import fcntl
import os
import pty
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

import pytest

from lib.hostile import call, on, reply, silence
from lib.sessions import CountedServer


def fill(queue, count, **more):
    return [queue.put("deferred", recipients=[f"r{n}@mail.test"], **more) for n in range(count)]


def received(server):
    return sorted(r for m in server.settle().messages for r in m.accepted)


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.01)
    return found


def children(pid):
    """pid -> state, of the children that pid has."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid:
            found[int(stat.parent.name)] = state
    return found


# -- a terminal ----------------------------------------------------------------------------------------------------

class Terminal:
    """The program with standard error, and perhaps standard output, on a terminal."""

    def __init__(self, start, args, columns=80, stdout=True, term="xterm", **popen):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        env = {"HOME": start.home, "PATH": "/usr/bin:/bin", "TERM": term}
        self.process = start(args, stderr=slave, env=env, stdin=subprocess.DEVNULL,
                             stdout=slave if stdout else subprocess.PIPE, **popen)
        os.close(slave)

    def read(self):
        data = b""
        while True:
            assert select.select([self.master], [], [], 20)[0]
            try:
                data += os.read(self.master, 65536)
            except OSError:         # the last one has closed it
                break
        os.close(self.master)
        self.process.wait(20)
        return data.decode()


@pytest.fixture
def on_terminal(start, environment):
    start.home = environment["HOME"]        # the function has room for it
    return lambda *args, **options: Terminal(start, args, **options)


@pytest.fixture
def slow_server(pki):
    """Half a second goes by over its messages."""
    pause = lambda session, normal: time.sleep(0.1) or reply(normal)(session, normal)
    with CountedServer(pki, rules=[on("BODY", pause, nth=n) for n in range(1, 6)]) as running:
        yield running


@pytest.mark.parametrize("columns", [80, 50, 30, 3])
def test_a_bar_fits_the_terminal_and_is_gone_at_the_end(slow_server, account, queue, on_terminal, columns):
    account(slow_server, max_connections=1, messages_in_flight=1)
    fill(queue, 6)
    begin = time.monotonic()
    terminal = on_terminal("-q", columns=columns, stdout=False)
    shown = terminal.read()
    seconds = time.monotonic() - begin
    drawn = shown.split("\r")
    assert drawn[0] == "" and drawn[-1] == "\x1b[K"
    bars = [d.removesuffix("\x1b[K") for d in drawn[1:-1]]
    assert all(len(bar) < columns for bar in bars)
    assert 3 <= len(bars) <= 2 + 10 * seconds
    if columns == 80:
        assert all(re.fullmatch(r"\[#*-*\] [0-6]/6  0 deferred  0 failed  \d+/s", bar) for bar in bars)
        assert len({bar.split("]")[0] for bar in bars}) > 2        # it moves
    elif columns == 50:
        assert all(bar.startswith("[") for bar in bars)
    assert terminal.process.stdout.read().startswith(b"relay: 6 sent, 0 deferred, 0 failed, in ")


def test_a_line_does_not_hang_at_the_end_of_the_bar(pki, account, queue, on_terminal):
    """No state can be written: who sends says so, while the run draws."""
    server_rules = [on("BODY", call(lambda session, normal: time.sleep(0.05)), nth=None)]
    with CountedServer(pki, rules=server_rules, refuse={"r9@mail.test": "450 4.2.0 later"}) as server:
        account(server, max_connections=1, messages_in_flight=1)
        fill(queue, 15)
        terminal = on_terminal("-q", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
        text = terminal.read()
        assert terminal.process.returncode == 75 and "14 sent, 0 deferred, 0 failed, 1 with an error" in text
        assert re.search("\\[#.*/s\x1b\\[K\r\x1b\\[Ksendmail: cannot write .*: File too large\r\n", text), repr(text)


@pytest.mark.parametrize("args,term", [(["-q", "-v"], "xterm"), (["-q"], "dumb")])
def test_no_bar_among_other_lines_or_on_a_dumb_terminal(pki, account, queue, on_terminal, args, term):
    with CountedServer(pki) as server:
        account(server)
        fill(queue, 3)
        shown = on_terminal(*args, term=term).read()
    assert "/s\x1b[K" not in shown and "\x1b" not in shown
    assert "relay: 3 sent, 0 deferred, 0 failed, in " in shown
    assert ("MAIL FROM" in shown) == ("-v" in args)


def test_a_person_is_told_what_a_script_is_not(pki, account, queue, on_terminal):
    with CountedServer(pki) as server:
        account(server)
    assert on_terminal("-q").read() == "relay: nothing to send\r\n"
    now = int(time.time())
    fill(queue, 2, last=now, next_try=now + 600, reasons={"r0@mail.test": "450 later", "r1@mail.test": "450 later"})
    assert on_terminal("-q").read() == "relay: 2 messages wait for the next try\r\n"
    shown = on_terminal("-qf", term="dumb").read()
    assert re.search(r"^sendmail: account default: cannot connect to .*refused\r$", shown, re.MULTILINE)
    assert "relay: 0 sent, 2 deferred" in shown


# -- children and signals ------------------------------------------------------------------------------------------

@pytest.fixture
def stuck(pki, account, queue, start):
    """A run whose only worker waits for a server that is silent after its greeting."""
    with CountedServer(pki, rules=[on("EHLO", silence(), conn=0)]) as server:
        account(server)
        ids = fill(queue, 5)
        process = start(["-q"], stdin=subprocess.DEVNULL)
        server.wait_for("EHLO")
        yield server, ids, process, until(lambda: list(children(process.pid)))[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_run_and_its_children(stuck, queue, run_sendmail, number):
    server, ids, process, worker = stuck
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 75 and out == b""
    assert err == b"sendmail: stopped by a signal; what was not sent stays in the queue\n"
    assert not Path(f"/proc/{worker}").exists()
    assert queue.places() == dict.fromkeys(ids, "deferred")
    assert run_sendmail(["-q"]).out.startswith("relay: 5 sent")
    assert len(received(server)) == 5


def test_a_killed_run_leaves_no_child_and_loses_nothing(stuck, queue, run_sendmail):
    server, ids, process, worker = stuck
    process.kill()
    process.wait()
    until(lambda: not Path(f"/proc/{worker}").exists())
    assert run_sendmail(["-q"]).out.startswith("relay: 5 sent")
    assert len(received(server)) == 5


def test_a_worker_that_dies_is_said_and_the_rest_goes_on_without_it(stuck, queue):
    server, ids, process, worker = stuck
    os.kill(worker, signal.SIGKILL)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 75
    assert re.fullmatch(rb"sendmail: account default: a process was ended by signal 9 \(Killed\); its messages stay in "
                        rb"the queue\n", err)
    sent = received(server)
    assert sent and out.startswith(b"relay: %d sent, 0 deferred, 0 failed" % len(sent))
    # What it had in its hands waits for the next run.
    assert len(sent) + len(queue.places()) == 5 and set(queue.places().values()) <= {"deferred"}


def test_signals_of_the_caller_are_as_they_were(pki, account, queue, start):
    """nohup sendmail -q: SIGHUP stays ignored, also in the children."""
    with CountedServer(pki, rules=[on("EHLO", silence(), conn=0)]) as server:
        account(server, timeout=2)
        fill(queue, 1)
        process = start(["-q"], stdin=subprocess.DEVNULL,
                        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        server.wait_for("EHLO")
        worker = until(lambda: list(children(process.pid)))[0]
        for pid in (process.pid, worker):
            os.kill(pid, signal.SIGHUP)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (0, b"") and out.startswith(b"relay: 0 sent, 1 deferred")


# -- -q15m ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_staying_sends_again_and_again_with_the_configuration_of_the_day(pki, account, queue, start, number):
    with CountedServer(pki) as first, CountedServer(pki) as second:
        account(first)
        fill(queue, 1)
        process = start(["-q1s"], stdin=subprocess.DEVNULL)
        first.wait_for("QUIT")
        account(second)
        queue.put("deferred", recipients=["later@mail.test"])
        said = [process.stdout.readline().split(b",")[0] for _ in range(2)]
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out, err) == (0, b"", b"")
        assert said == [b"relay: 1 sent", b"relay: 1 sent"]
        assert received(first) == ["r0@mail.test"] and received(second) == ["later@mail.test"]


def test_staying_goes_on_after_a_round_that_failed(pki, account, queue, start, home):
    with CountedServer(pki) as server:
        home(".relayrc", "nonsense\n")
        fill(queue, 1)
        process = start(["-q1s"], stdin=subprocess.DEVNULL)
        assert b".relayrc:1:" in process.stderr.readline()
        account(server)
        server.wait_for("QUIT")
        process.terminate()
        assert process.wait(10) == 0


def test_staying_ends_in_the_middle_of_a_round(pki, account, queue, start):
    with CountedServer(pki, rules=[on("EHLO", silence(), conn=0)]) as server:
        account(server)
        ids = fill(queue, 2)
        process = start(["-q1h"], stdin=subprocess.DEVNULL)
        server.wait_for("EHLO")
        process.terminate()
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out, err) == (0, b"", b"")
        assert set(queue.places()) == set(ids)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare, for a PID namespace")
def test_staying_as_the_first_process_of_a_container(pki, account, queue, environment, relay):
    """The children of others become its own: they are not left as zombies. It ends when it is told."""
    with CountedServer(pki) as server:
        account(server)
        fill(queue, 1)
        # The shell's second child outlives it; exec makes the program the first process.
        shell = 'sh -c "sleep 0.2 & sleep 0.3 &" & exec "$0" -q1h'
        process = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", shell, relay],
                                   env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            server.wait_for("QUIT")
            init = until(lambda: list(children(process.pid)))[0]
            until(lambda: not children(init))
            os.kill(init, signal.SIGTERM)
            out, err = process.communicate(timeout=10)
        finally:
            process.kill()
        assert process.returncode == 0 and err == b"" and out.startswith(b"relay: 1 sent")


def test_no_processor_time_is_spent_on_waiting(stuck):
    """Neither for a worker nor for the next round."""
    server, ids, process, worker = stuck
    ticks = lambda: sum(int(n) for n in Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13])
    before = ticks()
    threading.Event().wait(0.5)
    assert ticks() - before <= 1
