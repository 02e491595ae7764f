"""Messages that must be repaired and do not fit into memory: they leave decodable and whole, once, whatever way they come,
with flat memory, and leave nothing behind.
"""
import email
import os
import signal
import subprocess
from pathlib import Path

import pytest

from lib.hostile import on, silence
from lib.observed import Meter, sanitized
from lib.serving import ByPipe

HEADER = (b"From: sender@mail.test\nTo: r@mail.test\nDate: Sat, 21 Nov 2026 12:00:00 +0900\nMessage-ID: <1@mail.test>\n"
          b"Subject: large\n\n")
BODIES = {
    "UTF-8": "Zeile mit Umlaut: Grüße und viel Text dahinter\n".encode() * 60_000,
    "Japanese": "日本語の本文です。\n".encode() * 100_000,
    "one line": b"x" * 3_000_000,
    "NULs": b"text\0" * 600_000 + b"\n",
    "broken": (b"\xff\xfe broken \xc3\n" + b"y" * 1500 + b"\n") * 2000,
    "grows out of memory": "ü".encode() * 32_000 + b"\n",
}


@pytest.fixture
def spool(tmp_path, environment):
    directory = tmp_path / "spool"
    directory.mkdir()
    environment["TMPDIR"] = str(directory)
    return directory


def check(message, text):
    assert message.data.isascii() and max(map(len, message.data.split(b"\r\n"))) <= 998
    mail = email.message_from_bytes(message.data)
    assert mail["Subject"] == "large" and "BODY" not in message.mail_params
    assert mail.get_payload(decode=True).replace(b"\r\n", b"\n") == text + b"\n" * (not text.endswith(b"\n"))


def files_of(queue):
    return [f for place in ("incoming", "deferred", "hold", "failed", "corrupt", "state") for f in queue.folder(place).iterdir()]


@pytest.mark.parametrize("case", BODIES)
def test_without_a_queue(run_sendmail, relayrc, scripted, spool, case):
    server = scripted()
    done = run_sendmail(["-i", "r@mail.test"], HEADER + BODIES[case], relayrc(server))
    assert (done.rc, done.err) == (0, "")
    [message] = server.settle().messages
    check(message, BODIES[case])
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize("case", BODIES)
def test_with_a_queue_at_once(run_sendmail, account, scripted, queue, spool, case):
    account(server := scripted())
    done = run_sendmail(["-i", "r@mail.test"], HEADER + BODIES[case])
    assert (done.rc, done.err) == (0, "")
    [message] = server.settle().messages
    check(message, BODIES[case])
    assert files_of(queue) == [] and list(spool.iterdir()) == []


@pytest.mark.parametrize("case", BODIES)
def test_through_the_queue(run_sendmail, account, scripted, queue, case):
    account(server := scripted())
    done = run_sendmail(["-odq", "-i", "r@mail.test"], HEADER + BODIES[case])
    assert (done.rc, done.err, server.settle().messages) == (0, "", [])
    [file] = files_of(queue)
    head, _, data = file.read_bytes().partition(b"\n\n")
    assert head.startswith(b"relay-queue 1 complete size=%020d body=7bit " % len(data)) and data.isascii()
    assert run_sendmail(["-q"]).rc == 0
    [message] = server.settle().messages
    assert message.data == data
    check(message, BODIES[case])
    assert files_of(queue) == []


@pytest.mark.parametrize("mode", ["interactive", "queue"])
def test_through_bs(start, run_sendmail, account, scripted, queue, mode):
    account(server := scripted(), delivery_mode=mode)
    process = start(["-bs"])
    client = ByPipe(process)
    client.ehlo()
    for text in BODIES.values():
        assert client.docmd("MAIL FROM:<sender@mail.test>")[0] == client.docmd("RCPT TO:<r@mail.test>")[0] == 250
        data = HEADER + text
        process.stdin.write(b"BDAT %d LAST\r\n" % len(data) + data)
        process.stdin.flush()
        assert client.getreply()[0] == 250
    client.quit()
    assert process.wait(10) == 0
    assert len(files_of(queue)) == (len(BODIES) if mode == "queue" else 0)
    assert run_sendmail(["-q"]).rc == 0
    messages = server.settle().messages
    assert len(messages) == len(BODIES) and files_of(queue) == []
    found = {len(m.data): m for m in messages}
    assert len(found) == len(BODIES)
    for message in messages:
        [text] = [t for t in BODIES.values() if email.message_from_bytes(message.data).get_payload(decode=True)[:20] ==
                  t.replace(b"\n", b"\r\n")[:20]]
        check(message, text)


@pytest.mark.parametrize("queued", [False, True])
def test_memory_does_not_grow_with_the_message(relay, relayrc, environment, home, scripted, tmp_path, spool, queued):
    peaks = []
    for megabytes in (2, 60):
        server, meter = scripted(keep_body=False), Meter(tmp_path)
        home(".relayrc", relayrc(server, queue="on" if queued else "off"))
        with open(tmp_path / "message", "wb") as file:
            file.write(HEADER)
            for _ in range(megabytes):
                file.write("Zeile mit ü\n".encode() * (1_000_000 // 13))
        with open(tmp_path / "message", "rb") as source:
            done = subprocess.run([*meter.under, relay, "-i", "r@mail.test"], stdin=source, capture_output=True,
                                  env=environment, timeout=120)
        assert (done.returncode, done.stderr) == (0, b"")
        [message] = server.settle().messages
        assert message.size > megabytes * 1_000_000 and server.violations == []
        peaks.append(meter.peak)
    assert sanitized(relay) or (peaks[1] < 12_000_000 and peaks[1] - peaks[0] < 1_000_000), peaks


@pytest.mark.parametrize("queued", [False, True])
def test_disk_that_is_full_in_the_middle(run_sendmail, account, scripted, queue, spool, queued):
    """The first file fits, the second not: a clear failure, and nothing of either stays."""
    account(server := scripted())
    text = "ü".encode() * 400_000 + b"\n"
    done = run_sendmail([*([] if queued else ["--queue=off"]), "-i", "r@mail.test"], HEADER + text,
                        under=["prlimit", "--fsize=950000"])
    assert done.rc in (71, 75) and done.err.count("\n") == 1 and "too large" in done.err
    assert server.settle().messages == [] and files_of(queue) == [] and list(spool.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_signal_after_the_repair(start, run_sendmail, account, scripted, queue, number):
    """While it is sent, the queue has it, repaired; a later run sends it."""
    server = scripted(rules=[on("EHLO", silence(), conn=0)])
    account(server)
    process = start(["-i", "r@mail.test"])
    process.stdin.write(HEADER + BODIES["UTF-8"])
    process.stdin.close()
    process.stdin = None
    server.wait_for("EHLO")
    [file] = files_of(queue)
    assert file.read_bytes().startswith(b"relay-queue 1 complete ") and file.read_bytes().isascii()
    process.send_signal(number)
    assert process.wait(20) == (0 if number == signal.SIGTERM else -number)
    assert run_sendmail(["-q"]).rc == 0
    [message] = server.settle().messages
    check(message, BODIES["UTF-8"])
    assert files_of(queue) == []
