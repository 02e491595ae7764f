"""sendmail -bs: SMTP on standard input and output, for a program on a pipe, and on a socket as inetd and systemd give it.

Each message goes the way of every other: 250 means that the server has it, or that it is fsynced in the queue.
"""
import os
import threading

import pytest

from lib.hostile import on, reply
from lib.serving import SOCKETS, WAYS, ended, kept, queue, run, smtp, talk

OFFERED = ["PIPELINING", "SIZE 100000", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES"]


# -- a session -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("way", WAYS)
def test_smtplib_sends_several_messages_in_a_session(run, scripted, relayrc, way):
    server = scripted()
    process, sock = run(way, relayrc(server, message_size_limit=100000))
    client = smtp(process, sock)
    assert client.ehlo()[0] == 250
    assert sorted(f"{k} {v}".upper().strip() for k, v in client.esmtp_features.items()) == sorted(OFFERED)
    for n in range(3):
        assert client.sendmail("s@x.test", [f"a{n}@x.test", "b@x.test"], f"Subject: {n}\n\n.dot\n..\n") == {}
    assert client.quit()[0] == 221
    assert process.wait(10) == 0
    assert server.settle().violations == []
    assert [(m.sender, m.accepted) for m in server.messages] == [
        ("s@x.test", [f"a{n}@x.test", "b@x.test"]) for n in range(3)]
    for n, message in enumerate(server.messages):
        assert message.data.endswith(b"Subject: %d\r\n\r\n.dot\r\n..\r\n" % n)


@pytest.mark.parametrize("way", WAYS)
def test_everything_at_once(talk, scripted, relayrc, way):
    """One write for two messages, a refused command between them, and QUIT."""
    server = scripted()
    raw = talk(way, relayrc(server))
    letter = "MAIL FROM:<s@x.test>\r\nRCPT TO:<{0}@x.test>\r\nDATA\r\nSubject: {0}\r\n\r\nhi\r\n.\r\n"
    raw.send("EHLO me\r\n" + letter.format("a") + "AUTH PLAIN x\r\nSTARTTLS\r\n" + letter.format("b") + "QUIT\r\n")
    codes = [r[:3] for r in raw.replies(12)]
    assert codes == ["250", *["250", "250", "354", "250"], "502", "502", *["250", "250", "354", "250"], "221"]
    assert raw.is_over() and raw.process.wait(10) == 0
    assert [m.accepted for m in server.settle().messages] == [["a@x.test"], ["b@x.test"]]


@pytest.mark.parametrize("way", WAYS)
def test_bdat(talk, scripted, relayrc, way):
    server = scripted()
    raw = talk(way, relayrc(server))
    raw.say("EHLO me")
    raw.send("MAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\nBDAT 14\r\nSubject: x\r\n\r\nBDAT 7 LAST\r\n.\r\nQUIT")
    assert [r[:3] for r in raw.replies(3)] == ["250"] * 3
    assert raw.reply().startswith("250 2.0.0 ")
    assert ended(raw)
    assert server.settle().messages[0].data.endswith(b"\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n")


@pytest.mark.parametrize("way", WAYS)
def test_a_client_that_reads_late(talk, relayrc, way):
    """More replies than the pipe or the socket holds: they wait, in order, and none is lost."""
    raw = talk(way, relayrc(host="127.0.0.1", port=9, tls="off"))
    sending = threading.Thread(target=raw.send, args=("NOOP\r\nVRFY x\r\n" * 20_000,))
    sending.start()
    sending.join(0.2)
    said = raw.replies(40_000)
    sending.join()
    assert {r[:3] for r in said[::2]} == {"250"} and {r[:3] for r in said[1::2]} == {"252"}
    assert ended(raw)


def test_commands_without_a_message(talk, relayrc):
    raw = talk("pipe", relayrc(host="127.0.0.1", port=9, tls="off"))
    said = [raw.say(c)[:3] for c in ("NOOP", "HELO me", "VRFY root", "RCPT TO:<a@x.test>", "DATA", "MAIL FROM:<a@x.test>",
                                     "MAIL FROM:<b@x.test>", "DATA", "RSET", "RCPT TO:<a@x.test>", "NONSENSE", "EXPN x")]
    assert said == ["250", "250", "252", "503", "503", "250", "503", "503", "250", "503", "500", "502"]
    assert ended(raw)


# -- line ends -----------------------------------------------------------------------------------------------------

def test_lf_ends_a_line_on_a_pipe(talk, scripted, relayrc):
    server = scripted()
    raw = talk("pipe", relayrc(server))
    raw.send("MAIL FROM:<s@x.test>\nRCPT TO:<a@x.test>\nDATA\nSubject: x\n\n..x\nhi\n.\nQUIT\n")
    assert [r[:3] for r in raw.replies(5)] == ["250", "250", "354", "250", "221"]
    assert raw.process.wait(10) == 0
    assert server.settle().messages[0].data.endswith(b"\r\nSubject: x\r\n\r\n.x\r\nhi\r\n")


@pytest.mark.parametrize("way", SOCKETS)
@pytest.mark.parametrize("end", ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r"], ids=repr)
def test_no_message_is_smuggled_over_a_socket(talk, scripted, relayrc, way, end):
    """What looks like the end of data elsewhere is not, and the message that has it is refused."""
    server = scripted()
    raw = talk(way, relayrc(server))
    raw.say("EHLO me")
    raw.send("MAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\nDATA\r\nSubject: x\r\n\r\nhi" + end +
             "MAIL FROM:<evil@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\nSubject: evil\r\n\r\nhi\r\n.\r\n")
    codes = [r[:3] for r in raw.replies(4)]
    assert codes[:3] == ["250", "250", "354"] and codes[3] == "554"
    assert raw.letter(to=["good@x.test"]).startswith("250 ")
    assert ended(raw)
    assert [m.accepted for m in server.settle().messages] == [["good@x.test"]]


def test_a_bare_lf_at_a_command_ends_the_session_over_a_socket(talk, relayrc):
    raw = talk("tcp", relayrc(host="127.0.0.1", port=9, tls="off"))
    raw.send("EHLO me\nMAIL FROM:<a@x.test>\r\n")
    assert raw.reply()[:1] in "45" and raw.is_over()
    assert raw.process.wait(10) == 76


# -- what becomes of a message -------------------------------------------------------------------------------------

@pytest.mark.parametrize("way", WAYS)
def test_a_refused_recipient_is_heard_of(talk, scripted, kept, queue, way):
    server = scripted(refuse={"no@x.test": "550 5.1.1 no such user here"})
    raw = talk(way, kept(server))
    raw.say("EHLO me")
    said = raw.letter(to=["no@x.test"])
    assert said.startswith("550 5.1.1 ") and "no such user here" in said
    # Nobody else is told of it, and the next one is not the worse for it.
    assert queue.places() == {}
    assert raw.letter().startswith("250 2.0.0 ")
    assert ended(raw)
    assert [m.accepted for m in server.settle().messages] == [["a@x.test"]]


def test_a_refused_message_is_heard_of(talk, scripted, kept, queue):
    server = scripted(rules=[on("BODY", reply("554 5.7.1 we do not like it"), nth=None)])
    raw = talk("pipe", kept(server))
    said = raw.letter()
    assert said.startswith("554 5.7.1 ") and "we do not like it" in said and queue.places() == {}
    assert ended(raw)


@pytest.mark.parametrize("with_queue", [True, False])
def test_several_fates(talk, scripted, kept, relayrc, queue, with_queue):
    """One is sent, one refused, one later. With a queue the client's 250 is true: a report about the refused one is on
    its way, and the late one is kept. Without, it hears of what failed."""
    server = scripted(refuse={"no@x.test": "550 5.1.1 no", "late@x.test": "450 4.2.0 later"})
    raw = talk("pipe", kept(server) if with_queue else relayrc(server))
    said = raw.letter(to=["a@x.test", "no@x.test", "late@x.test"])
    assert said.startswith("250 2.0.0 " if with_queue else "450 4.2.0 ")
    assert ended(raw)
    sent = [["a@x.test"], ["s@x.test"]] if with_queue else [["a@x.test"]]
    assert [m.accepted for m in server.wait_for("BODY", nth=len(sent)).settle().messages] == sent
    if with_queue:
        report = server.messages[1]
        assert report.sender == "" and b"\r\nFinal-Recipient: rfc822; no@x.test\r\n" in report.data
        assert b"late@x.test" not in report.data
        id, = queue.places()
        assert id in said and queue.place(id) == "deferred"
        assert [queue.state(id)[f"recipient {n}"].split()[0] for n in (1, 2, 3)] == ["sent", "refused", "waiting"]


@pytest.mark.parametrize("way", WAYS)
def test_server_that_is_down(talk, kept, relayrc, queue, way):
    raw = talk(way, kept())
    raw.say("EHLO me")
    said = raw.letter()
    assert said.startswith("250 2.0.0 Ok: queued as ")
    assert queue.places() == {said.split()[-1]: "deferred"}
    assert ended(raw)

    raw = talk(way, relayrc(host="127.0.0.1", port=9, tls="off"))
    raw.say("EHLO me")
    assert raw.letter().startswith("451 4.4.1 ")
    assert ended(raw)


@pytest.mark.parametrize("broken,words", [("nonsense on\n", ":2: nonsense: unknown setting; relayrc(5) has them all"),
                                          ("host h\nfrom a@\n", ":3: from: not a mail address: in the value: column 2: "
                                               'nothing stands behind the "@"; write it as in name@example.org')])
def test_configuration_that_is_wrong_is_told_with_the_message(talk, broken, words):
    raw = talk("pipe", "queue off\n" + broken)
    said = raw.letter()
    assert said.startswith("451 4.3.5 /") and said.endswith("/relayrc" + words)
    assert raw.say("QUIT").startswith("221 ") and raw.process.wait(10) == 0


def test_null_sender_and_names_without_domain(talk, scripted, relayrc):
    server = scripted()
    raw = talk("pipe", relayrc(server, from_=None, maildomain="here.test"))
    assert raw.letter(sender="", to=["root"]).startswith("250 ")
    assert raw.letter(sender="cron", to=['"a, b"@x.test']).startswith("250 ")
    assert ended(raw)
    assert [(m.sender, m.accepted) for m in server.settle().messages] == [
        ("", ["root@here.test"]), ("cron@here.test", ['"a, b"@x.test'])]


# -- limits --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("way", WAYS)
def test_size_limit(talk, scripted, kept, queue, way):
    server = scripted()
    raw = talk(way, kept(server, message_size_limit=1000))
    assert "SIZE 1000" in raw.say("EHLO me")
    assert raw.say("MAIL FROM:<s@x.test> SIZE=1001").startswith("552 5.3.4 ")
    assert raw.letter(text="Subject: x\r\n\r\n" + "hi\r\n" * 1000).startswith("552 5.3.4 ")
    assert raw.letter().startswith("250 ")
    assert ended(raw)
    assert len(server.settle().messages) == 1 and queue.places() == {}


def test_refused_messages_leave_no_descriptor_open(talk, scripted, relayrc):
    raw = talk("pipe", relayrc(scripted(), message_size_limit=1000))
    fds = lambda: sorted(os.listdir(f"/proc/{raw.process.pid}/fd"))
    before = fds()
    for n in range(3):
        assert raw.letter(text="Subject: x\r\n\r\n" + "hi\r\n" * 1000).startswith("552 5.3.4 ")
        assert fds() == before
    assert raw.letter().startswith("250 ") and fds() == before
    assert ended(raw)


def test_a_thousand_recipients(run, scripted, relayrc):
    server = scripted()
    process, sock = run("tcp", relayrc(server))
    names = [f"r{n}@x.test" for n in range(1000)]
    client = smtp(process, sock)
    assert client.sendmail("s@x.test", names, "Subject: x\r\n\r\nhi\r\n") == {}
    client.quit()
    assert process.wait(10) == 0
    assert [m.accepted for m in server.settle().messages] == [names]


@pytest.mark.parametrize("way", WAYS)
def test_large_message(run, scripted, relayrc, way):
    server = scripted(keep_body=False)
    process, sock = run(way, relayrc(server))
    client = smtp(process, sock)
    client.sendmail("s@x.test", "a@x.test", b"Subject: x\r\n\r\n" + b"A line of the message.\r\n" * 200_000)
    client.quit()
    assert process.wait(10) == 0
    assert server.settle().messages[0].size > 24 * 200_000


def test_too_many_mistakes(talk, relayrc):
    raw = talk("tcp", relayrc(host="127.0.0.1", port=9, tls="off"))
    raw.send("NONSENSE\r\n" * 30)
    said = [r for r in raw.replies(25) if r]
    assert len(said) <= 21 and said[-1].startswith("421 ")
    assert raw.process.wait(10) == 76
