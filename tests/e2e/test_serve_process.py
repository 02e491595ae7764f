"""sendmail -bs as a process: a client that goes away, signals, what goes on in the background, the other options."""
import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from lib.hostile import hold, on
from lib.serving import WAYS, ended, hang_up, kept, queue, run, talk


# -- a client that is gone, signals ------------------------------------------------------------------------------------

@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("last", ["DATA\r\nSubject: x\r\n\r\nhalf", "DATA\r\nSubject: x\r\n\r\nhi\r\n.", "BDAT 99 LAST\r\nSubject"],
                         ids=["in DATA", "before the last CRLF", "in BDAT"])
def test_a_client_that_is_lost_sends_nothing(talk, scripted, kept, queue, environment, tmp_path, way, last):
    server = scripted()
    (tmp_path / "tmp").mkdir()
    environment["TMPDIR"] = str(tmp_path / "tmp")
    raw = talk(way, kept(server))
    raw.say("EHLO me")
    raw.send("MAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\n" + last)
    raw.replies(3 if "DATA" in last else 2)
    if raw.sock:
        raw.sock.shutdown(socket.SHUT_WR)
    else:
        hang_up(raw.process)
    assert raw.process.wait(10) == 0
    assert server.connections == [] and queue.places() == {} and not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("way", WAYS)
def test_a_client_that_closes_everything(talk, scripted, relayrc, way):
    """The whole message was here: it is sent, though nobody hears of it (RFC 5321 6.1)."""
    server = scripted()
    raw = talk(way, relayrc(server))
    raw.send("EHLO me\r\nMAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\nDATA\r\n")
    raw.replies(4)
    raw.send("Subject: x\r\n\r\nhi\r\n.\r\n")
    if raw.sock:
        raw.sink.close()
        raw.sock.close()
    else:
        hang_up(raw.process)
        raw.process.stdout.close()
    assert raw.process.wait(10) == 0
    assert len(server.settle().messages) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda s: s.name)
def test_a_signal_between_messages_says_nothing_that_is_not_smtp(talk, kept, queue, way, number):
    raw = talk(way, kept())
    raw.say("EHLO me")
    raw.send("MAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\nDATA\r\nSubject: x\r\n\r\nhalf")
    raw.replies(3)
    raw.process.send_signal(number)
    assert raw.is_over() and raw.process.wait(10) == 75
    assert queue.places() == {}


@pytest.mark.parametrize("way", WAYS)
def test_a_signal_waits_for_the_answer(talk, scripted, relayrc, way):
    """The server has the message: its client must hear so."""
    release = threading.Event()
    server = scripted(rules=[on("BODY", hold(release))])
    raw = talk(way, relayrc(server))
    raw.send("EHLO me\r\nMAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n.\r\n")
    server.wait_for("BODY")
    raw.process.terminate()
    release.set()
    assert raw.replies(5)[-1].startswith("250 2.0.0 ")
    assert raw.is_over() and raw.process.wait(10) == 75
    assert len(server.settle().messages) == 1


# -- other options ---------------------------------------------------------------------------------------------------

def test_odq_only_queues(talk, scripted, kept, queue):
    server = scripted()
    raw = talk("pipe", kept(server), "-odq")
    for n in (1, 2):
        assert raw.letter().startswith("250 2.0.0 Ok: queued")
        assert list(queue.places().values()) == ["deferred"] * n
    assert ended(raw) and server.connections == []


@pytest.mark.parametrize("way", WAYS)
def test_odb_answers_before_it_is_sent_and_lets_the_client_go(talk, scripted, kept, queue, way):
    """What goes on in the background has none of the client's descriptors, nor does the session wait for it."""
    release = threading.Event()
    server = scripted(rules=[on("EHLO", hold(release))])
    raw = talk(way, kept(server, tls="none"), "-odb")
    raw.say("EHLO me")
    assert raw.letter().startswith("250 2.0.0 Ok: queued")
    server.wait_for("EHLO")
    assert len(queue.places()) == 1
    assert ended(raw)
    release.set()
    server.wait_for("QUIT").settle()
    assert [m.accepted for m in server.messages] == [["a@x.test"]]


def test_account_and_settings_of_the_command_line(talk, scripted, relayrc):
    one, two = scripted(), scripted()
    rc = relayrc(one) + relayrc(two).replace("account default", "account other")
    raw = talk("pipe", rc, "-a", "other", "--allow-from-override=off", "-X", os.devnull)
    assert raw.letter().startswith("250 ")
    assert ended(raw)
    assert one.connections == [] and [m.sender for m in two.settle().messages] == ["sender@mail.test"]


@pytest.mark.parametrize("option", ["-t", "--read-envelope-from", "-fother@x.test", "-i"])
def test_the_envelope_is_that_of_the_dialogue(talk, scripted, relayrc, option):
    server = scripted()
    raw = talk("pipe", relayrc(server), option)
    text = "From: own@x.test\r\nTo: other@x.test\r\nSubject: x\r\n\r\nhi\r\n"
    assert raw.letter(text=text).startswith("250 ") and ended(raw)
    assert [(m.sender, m.accepted) for m in server.settle().messages] == [("s@x.test", ["a@x.test"])]
    assert b"\r\nTo: other@x.test\r\n" in server.messages[0].data


def test_recipients_on_the_command_line_are_refused(run_sendmail, relayrc):
    done = run_sendmail(["-bs", "a@x.test"], b"QUIT\r\n", relayrc(host="127.0.0.1", port=9, tls="off"))
    assert done.rc == 64 and done.out == "" and done.err.startswith("sendmail: ") and done.err.count("\n") == 1


def test_input_from_a_file(run_sendmail, scripted, relayrc):
    """A batch, as of BSMTP callers: -bs < file."""
    server = scripted()
    done = run_sendmail(["-bs"], b"HELO me\nMAIL FROM:<s@x.test>\nRCPT TO:<a@x.test>\nDATA\nSubject: x\n\nhi\n.\n",
                        relayrc(server))
    assert done.rc == 0 and done.err == "" and [line[:3] for line in done.out.splitlines()] == [
        "220", "250", "250", "250", "354", "250"]
    assert len(server.settle().messages) == 1


def test_v_traces_nothing_into_the_session(talk, scripted, relayrc):
    """-v is for standard error, which under inetd is the connection."""
    server = scripted(refuse={"no@x.test": "550 5.1.1 no"})
    raw = talk("tcp", relayrc(server), "-v")
    raw.say("EHLO me")
    assert raw.letter().startswith("250 ") and raw.letter(to=["no@x.test"]).startswith("550 5.1.1 ")
    assert ended(raw)


def test_it_waits_without_processor_time(talk, relayrc):
    raw = talk("tcp", relayrc(host="127.0.0.1", port=9, tls="off"))
    ticks = lambda: sum(int(n) for n in Path(f"/proc/{raw.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13])
    before = ticks()
    threading.Event().wait(0.3)
    assert ticks() - before <= 1
    assert ended(raw)
