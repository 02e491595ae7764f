"""Messages far larger than the memory a mail may cost: exact bytes, flat memory, nothing left on disk.

The largest is 1 GB; RELAY_LARGE=MEGABYTES makes it another size.
"""
import hashlib
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from lib.hostile import on, silence
from lib.observed import Meter, sanitized

MEGABYTE = 1_000_000
LARGEST = int(os.environ.get("RELAY_LARGE", "1000")) * MEGABYTE
HEADER = (b"From: sender@mail.test\nTo: r@mail.test\nSubject: large\nDate: Sat, 21 Nov 2026 12:00:00 +0900\n"
          b"Message-ID: <1@mail.test>\n\n")
# Lines of every kind, dots among them; no length in it divides a power of two.
BLOCK = b"".join(b"." * (n % 3) + b"%06d" % n + b"x" * (n % 71) + b"\n" for n in range(22_111))


def crlf(data):
    return data.replace(b"\n", b"\r\n")


class Source(threading.Thread):
    """Writes a message of at least `size` bytes into a pipe; knows what must arrive."""

    def __init__(self, size):
        super().__init__(daemon=True)
        self.read_end, self._write_end = os.pipe()
        self.blocks = -(-size // len(BLOCK))
        self.size = len(crlf(HEADER)) + self.blocks * len(crlf(BLOCK))      # when it arrives
        self.hold = threading.Event()       # set: everything may be written
        self.hold.set()

    def run(self):
        with open(self._write_end, "wb", buffering=0) as pipe:
            try:
                pipe.write(HEADER)
                for count in range(self.blocks):
                    pipe.write(BLOCK)
                    if count == self.blocks // 2:
                        self.hold.wait(60)
            except BrokenPipeError:
                pass

    def sha256(self):
        """Of the message as it must arrive: with CRLF."""
        digest = hashlib.sha256(crlf(HEADER))
        block = crlf(BLOCK)
        for _ in range(self.blocks):
            digest.update(block)
        return digest.hexdigest()


@pytest.fixture
def spool(tmp_path):
    """$TMPDIR of the program."""
    directory = tmp_path / "spool"
    directory.mkdir()
    return directory


@pytest.fixture
def begin(relay, relayrc, environment, tmp_path, spool):
    """begin(server, source) -> the running program, which reads from the source."""
    running = []

    def call(server, source, under=(), args=("-i", "r@mail.test"), **settings):
        rc = tmp_path / "relayrc"
        rc.touch(0o600)
        rc.write_text(relayrc(server, **settings))
        source.start()
        running.append(subprocess.Popen(
            [*under, relay, "-C", rc, *args], stdin=source.read_end, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=environment | {"TMPDIR": str(spool)}))
        os.close(source.read_end)
        return running[-1]
    yield call
    for process in running:
        process.kill()
        process.communicate()


def finish(process, timeout=300):
    out, err = process.communicate(timeout=timeout)
    assert out == ""
    return process.returncode, err


def peak_of(begin, scripted, tmp_path, size, via, tls="none"):
    """Send so many bytes, look at what arrived; peak memory."""
    server = scripted(tls=tls, keep_body=False, without=[] if via == "BDAT" else ["CHUNKING"])
    source, meter = Source(size), Meter(tmp_path)
    assert finish(begin(server, source, under=meter.under)) == (0, "")
    [message] = server.settle().messages
    assert (message.size, message.sha256, message.via) == (source.size, source.sha256(), via)
    assert server.violations == []
    return meter.peak


@pytest.mark.parametrize("tls", ["none", "implicit"])
@pytest.mark.parametrize("via", ["BDAT", "DATA"])
def test_100_megabytes_take_no_more_memory_than_one(relay, begin, scripted, tmp_path, spool, via, tls):
    small = peak_of(begin, scripted, tmp_path, MEGABYTE, via, tls)
    large = peak_of(begin, scripted, tmp_path, 100 * MEGABYTE, via, tls)
    assert list(spool.iterdir()) == []
    assert sanitized(relay) or (large < 10_000_000 and large - small < 1_000_000)


def test_largest_message(relay, begin, scripted, tmp_path, spool):
    if shutil.disk_usage(spool).free < LARGEST * 1.2:
        pytest.skip(f"no room for {LARGEST} bytes")
    small = peak_of(begin, scripted, tmp_path, MEGABYTE, "BDAT")
    large = peak_of(begin, scripted, tmp_path, LARGEST, "BDAT")
    assert list(spool.iterdir()) == []
    assert sanitized(relay) or (large < 10_000_000 and large - small < 1_000_000)


# -- the temporary file ---------------------------------------------------------------------------------------------


def open_in(process, directory, seconds=20):
    """Wait until the process has a file of the directory open; its link in /proc."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            for link in Path(f"/proc/{process.pid}/fd").iterdir():
                if os.readlink(link).startswith(f"{directory}/"):
                    return link
        except FileNotFoundError:
            pass
        except PermissionError:
            pytest.skip("cannot look at the descriptors of a process that is not dumpable")
        time.sleep(0.005)
    raise AssertionError(f"no file of {directory} is open")


def test_message_waits_in_tmpdir_without_a_name(begin, scripted, spool):
    source = Source(8 * MEGABYTE)
    source.hold.clear()
    server = scripted(keep_body=False)
    process = begin(server, source)
    link = open_in(process, spool)
    assert "(deleted)" in os.readlink(link) and list(spool.iterdir()) == []
    assert os.stat(link).st_mode & 0o777 == 0o600
    assert server.connections == []         # the network is not touched before the message is here
    source.hold.set()
    assert finish(process) == (0, "")
    assert server.settle().messages[0].sha256 == source.sha256()
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("when", ["reading", "sending"])
def test_nothing_is_left_behind_by_a_signal(begin, scripted, spool, number, when):
    source = Source(8 * MEGABYTE)
    server = scripted(keep_body=False, rules=[on("EHLO", silence())])
    if when == "reading":
        source.hold.clear()
    process = begin(server, source)
    open_in(process, spool)
    if when == "sending":
        server.wait_for("EHLO")
    process.send_signal(number)
    status, err = finish(process, timeout=20)
    source.hold.set()
    assert server.settle().messages == [] and list(spool.iterdir()) == []
    if number == signal.SIGKILL:
        assert (status, err) == (-number, "")
    else:
        assert status == 75 and err.startswith("sendmail: ") and err.count("\n") == 1


def test_tmpdir_that_does_not_exist_is_no_reason_to_fail(begin, scripted, spool):
    spool.rmdir()
    server, source = scripted(keep_body=False), Source(MEGABYTE)
    assert finish(begin(server, source)) == (0, "")
    assert server.settle().messages[0].sha256 == source.sha256() and not spool.exists()
