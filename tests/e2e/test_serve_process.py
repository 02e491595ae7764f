"""sendmail -bs as a process: a client that goes away, signals, what goes on in the background, the other options."""
import os
import signal
import socket
import threading
import time
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


SHUT = "421 4.3.2 "


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda s: s.name)
@pytest.mark.parametrize("at", ["greeting", "EHLO", "after a message", "MAIL", "DATA", "half a message", "half a chunk", "half a line"])
def test_a_signal_ends_the_session_with_421(talk, kept, queue, scripted, way, number, at):
    """What is not complete is forgotten; what has its answer is there."""
    server = scripted()
    raw = talk(way, kept(server))
    if at != "greeting":
        raw.say("EHLO me")
    if at == "after a message":
        assert raw.letter().startswith("250 ")
    elif at in ("MAIL", "DATA", "half a message", "half a chunk"):
        raw.send("MAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\n")
        raw.replies(2)
        raw.send({"DATA": "DATA\r\n", "half a message": "DATA\r\nSubject: x\r\n\r\nhalf", "half a chunk": "BDAT 100 LAST\r\nSubject"}.get(at, ""))
        if at in ("DATA", "half a message"):
            assert raw.reply().startswith("354 ")
    elif at == "half a line":
        raw.send("MAIL FR")
    raw.process.send_signal(number)
    assert raw.reply().startswith(SHUT) and raw.is_over()
    assert raw.process.wait(10) == 0
    assert raw.process.stderr is None or raw.process.stderr.read() == b""
    assert queue.places() == {} and len(server.settle().messages) == (at == "after a message")


def test_a_signal_that_is_ignored_stays_so(talk, relayrc):
    """nohup."""
    raw = talk("pipe", relayrc(host="127.0.0.1", port=9, tls="off"), preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    raw.process.send_signal(signal.SIGHUP)
    assert raw.say("NOOP").startswith("250 ") and ended(raw)


def test_a_signal_while_the_client_does_not_read(talk, relayrc):
    """It gets some seconds for its 421, and the answers before it; then it is over."""
    raw = talk("pipe", relayrc(host="127.0.0.1", port=9, tls="off"))
    sending = threading.Thread(target=lambda: pytest.raises(BrokenPipeError, raw.send, "HELP\r\n" * 400_000))
    sending.start()
    sending.join(0.3)
    begin = time.monotonic()
    raw.process.terminate()
    assert raw.process.wait(30) == 0 and 3 < time.monotonic() - begin < 20
    sending.join()


def test_a_busy_client_hears_of_the_signal_too(talk, relayrc):
    """Input that is always there does not keep the session open."""
    raw = talk("tcp", relayrc(host="127.0.0.1", port=9, tls="off"))
    stop = threading.Event()

    def chat():
        try:
            while not stop.is_set():
                raw.send("NOOP\r\n" * 1000)
        except OSError:
            pass
    sending = threading.Thread(target=chat)
    sending.start()
    raw.replies(100)
    raw.process.terminate()
    try:
        while (said := raw.reply()).startswith("250 "):
            pass
        assert said.startswith(SHUT)
    except ConnectionResetError:        # what it sent and nobody read: its end, not ours
        pass
    stop.set()
    assert raw.process.wait(10) == 0
    raw.sock.close()
    sending.join()


@pytest.mark.parametrize("way", WAYS)
def test_a_signal_waits_for_the_answer(talk, scripted, relayrc, way):
    """The server has the message: its client must hear so, and then that the session is over."""
    release = threading.Event()
    server = scripted(rules=[on("BODY", hold(release))])
    raw = talk(way, relayrc(server))
    raw.send("EHLO me\r\nMAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n.\r\n")
    server.wait_for("BODY")
    raw.process.terminate()
    release.set()
    assert raw.replies(5)[-1].startswith("250 2.0.0 ")
    assert raw.reply().startswith(SHUT) and raw.is_over() and raw.process.wait(10) == 0
    assert len(server.settle().messages) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("with_queue", [True, False])
def test_a_signal_to_all_of_its_processes(talk, scripted, kept, relayrc, queue, way, with_queue):
    """systemd stops the whole control group: the delivery ends at once. 250 says that the message is in the queue."""
    release = threading.Event()
    server = scripted(rules=[on("EHLO", hold(release))])
    raw = talk(way, kept(server, tls="none") if with_queue else relayrc(server, tls="none"), start_new_session=True)
    raw.send("EHLO me\r\nMAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n.\r\n")
    server.wait_for("EHLO")
    os.killpg(raw.process.pid, signal.SIGTERM)
    assert raw.replies(5)[-1].startswith("250 2.0.0 Ok: queued" if with_queue else "451 4.")
    assert raw.reply().startswith(SHUT) and raw.is_over() and raw.process.wait(10) == 0
    release.set()
    assert server.settle().messages == [] and list(queue.places().values()) == ["incoming"] * with_queue


# -- other options ---------------------------------------------------------------------------------------------------

def test_odq_only_queues(talk, scripted, kept, queue):
    server = scripted()
    raw = talk("pipe", kept(server), "-odq")
    for n in (1, 2):
        said = raw.letter()
        assert said.startswith("250 2.0.0 Ok: queued as ") and queue.place(said.split()[-1]) == "deferred"
        assert list(queue.places().values()) == ["deferred"] * n
    assert ended(raw) and server.connections == []


@pytest.mark.parametrize("way", WAYS)
def test_odb_answers_before_it_is_sent_and_lets_the_client_go(talk, scripted, kept, queue, way):
    """What goes on in the background has none of the client's descriptors, nor does the session wait for it."""
    release = threading.Event()
    server = scripted(rules=[on("EHLO", hold(release))])
    raw = talk(way, kept(server, tls="none"), "-odb")
    raw.say("EHLO me")
    said = raw.letter()
    assert said.startswith("250 2.0.0 Ok: queued as ")
    server.wait_for("EHLO")
    assert list(queue.places()) == [said.split()[-1]]
    assert ended(raw)
    release.set()
    server.wait_for("QUIT").settle()
    assert [m.accepted for m in server.messages] == [["a@x.test"]]


def test_the_answer_has_the_id_when_all_sessions_are_in_use(talk, scripted, kept, queue):
    release = threading.Event()
    server = scripted(rules=[on("EHLO", hold(release), conn=0)])
    rc = kept(server, tls="none", max_connections=1)
    first, second = talk("pipe", rc), talk("pipe", rc)
    first.send("MAIL FROM:<s@x.test>\nRCPT TO:<a@x.test>\nDATA\n\nhi\n.\n")
    server.wait_for("EHLO")
    said = second.letter()
    assert said.startswith("250 2.0.0 Ok: queued as ") and queue.place(said.split()[-1]) == "incoming"
    release.set()
    assert first.replies(4)[-1].startswith("250 ") and ended(first) and ended(second)
    server.wait_for("QUIT")
    assert len(server.settle().messages) == 2 and queue.places() == {}


def test_account_and_settings_of_the_command_line(talk, scripted, relayrc):
    one, two = scripted(), scripted()
    rc = relayrc(one) + relayrc(two).replace("account default", "account other")
    raw = talk("pipe", rc, "-a", "other", "--allow-from-override=off", "-X", os.devnull)
    assert raw.letter().startswith("250 ")
    assert ended(raw)
    assert one.connections == [] and [m.sender for m in two.settle().messages] == ["sender@mail.test"]


@pytest.mark.parametrize("option", ["--read-envelope-from", "-fother@x.test", "-i"])
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


@pytest.mark.parametrize("option,words", [("--protocol=foo", "protocol: must be one of"), ("--port=x", "port: must be a number"),
                                          ("-Rsome", "dsn_return: must be one of"), ("-V" + "x" * 101, "-V: ")])
def test_a_wrong_option_is_told_at_once(run_sendmail, relayrc, option, words):
    done = run_sendmail(["-bs", option], b"QUIT\r\n", relayrc(host="127.0.0.1", port=9, tls="off"))
    assert done.rc == 64 and done.out == "" and words in done.err and done.err.count("\n") == 1


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
