"""Exit status and the lines on standard error: what every refusal, loss and mixture of them tells the caller."""
import re
import socket

import pytest

from lib.hostile import close, on, reply, reply_then_close, silence

BODY = b"Subject: x\n\ntext\n"


def lines_of(done):
    """Each line is plain and begins with the program's name."""
    assert done.out == "" and done.err.isprintable() is False and done.err.endswith("\n")
    lines = done.err.splitlines()
    for line in lines:
        assert line.startswith("sendmail: ") and line.isprintable()
    return lines


REFUSALS = [
    # event, reply, exit status
    ("GREETING", "421 4.3.2 come back later", 75), ("GREETING", "554 5.7.1 no service for you", 75),
    ("EHLO", "421 4.3.2 come back later", 75),
    ("MAIL", "450 4.1.8 sender domain not found", 75), ("MAIL", "421 4.7.0 too busy", 75),
    ("MAIL", "452 4.3.1 disk full", 75), ("MAIL", "550 5.7.1 not your address", 69),
    ("MAIL", "553 5.1.8 bad sender", 69), ("MAIL", "552 5.3.4 message too big", 69),
    ("RCPT", "450 4.2.1 mailbox busy", 75), ("RCPT", "451 4.7.1 greylisted", 75), ("RCPT", "421 4.7.0 too many", 75),
    ("RCPT", "550 5.1.1 no such user", 67), ("RCPT", "551 not local", 67), ("RCPT", "554 5.7.1 relaying denied", 67),
    ("DATA", "451 4.3.0 try again", 75), ("DATA", "554 5.5.0 no thanks", 69),
    ("BODY", "451 4.3.0 try again", 75), ("BODY", "421 4.3.0 shutting down", 75), ("BODY", "452 4.2.2 over quota", 75),
    ("BODY", "554 5.6.0 malformed message", 65), ("BODY", "550 5.7.1 looks like spam", 65), ("BODY", "552 5.2.2 quota", 67),
    ("BODY", "552 5.3.4 too large", 69),
    # Not the mail but the session is at fault.
    ("MAIL", "503 5.5.1 bad sequence of commands", 75), ("MAIL", "530 5.7.0 authentication required", 75),
]


@pytest.mark.parametrize("via", ["BDAT", "DATA"])
@pytest.mark.parametrize("event,text,status", REFUSALS, ids=lambda v: str(v))
def test_refusal(submit, via, event, text, status):
    if event == "DATA" and via == "BDAT":
        event = "BODY"
        status = {554: 65}.get(int(text[:3]), status)
    without = [] if via == "BDAT" else ["CHUNKING"]
    done, server = submit(["a@x.test"], BODY, {"timeout": 5}, rules=[on(event, reply(text), nth=None)], without=without)
    assert (done.rc, server.messages) == (status, [])
    lines = lines_of(done)
    assert len(lines) == 1 and text[4:].split(" ", 1)[-1] in lines[0]


@pytest.mark.parametrize("event", ["CONNECT", "GREETING", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "IN-BODY"])
@pytest.mark.parametrize("how", ["clean", "rst"])
def test_server_that_hangs_up(submit, event, how):
    done, server = submit(["a@x.test"], BODY + b"x" * 300_000, {"timeout": 5}, without=["CHUNKING"],
                          rules=[on(event, close(how), nth=None, at=1000)])
    # Where the server took the message but could not say so, it is on the server's record, unconfirmed.
    assert done.rc == 75 and not any(m.confirmed for m in server.messages)
    [line] = lines_of(done)
    assert re.search("lost|closed|reset|hung up", line)
    if event == "BODY":
        assert "the whole message was sent" in line


@pytest.mark.parametrize("event", ["GREETING", "EHLO", "MAIL", "BODY"])
def test_server_that_says_nothing(submit, event):
    done, server = submit(["a@x.test"], BODY, {"timeout": 1}, rules=[on(event, silence(), nth=None)])
    assert done.rc == 75 and not any(m.confirmed for m in server.messages)
    [line] = lines_of(done)
    assert re.search("in time", line) and (event != "BODY" or "the whole message was sent" in line)


def test_connection_refused(run_sendmail, relayrc):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        done = run_sendmail(["a@x.test"], BODY, relayrc(host="127.0.0.1", port=bound.getsockname()[1], tls="off"))
    assert done.rc == 75
    [line] = lines_of(done)
    assert "127.0.0.1" in line and "refused" in line.lower()


def test_unknown_host_and_missing_socket(run_sendmail, relayrc, tmp_path):
    done = run_sendmail(["a@x.test"], BODY, relayrc(host="no-such-host.invalid", port=25, tls="off", timeout=5))
    assert done.rc == 75 and "no-such-host.invalid" in lines_of(done)[0] and len(lines_of(done)) == 1
    done = run_sendmail(["a@x.test"], BODY, relayrc(socket=tmp_path / "nobody", tls="off"))
    assert done.rc == 75 and "nobody" in lines_of(done)[0] and len(lines_of(done)) == 1


def test_tls_trouble_is_temporary(submit, pki):
    for settings, options in (({"tls_trust_file": "system"}, {"tls": "implicit"}),
                              ({"tls_trust_file": "system"}, {"tls": "starttls"}),
                              ({"tls": "on", "tls_starttls": "on", "tls_trust_file": pki.ca}, {"tls": "none"})):
        done, server = submit(["a@x.test"], BODY, settings | {"timeout": 5}, **options)
        assert done.rc == 75 and server.messages == [] and len(lines_of(done)) == 1


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"])
def test_refused_login_is_temporary_and_plain(submit, mechanism):
    settings = {"user": "user@mail.test", "password": "Wr0ng-passw0rd"}
    done, server = submit(["a@x.test"], BODY, settings, tls="implicit", auth=[mechanism])
    assert done.rc == 75 and server.messages == []
    [line] = lines_of(done)
    assert mechanism in line and "user@mail.test" in line and "Wr0ng" not in line


def test_no_common_mechanism_is_temporary(submit):
    settings = {"user": "user@mail.test", "password": "secret", "auth": "scram-sha-256"}
    done, _ = submit(["a@x.test"], BODY, settings, tls="implicit", auth=["PLAIN"])
    assert done.rc == 75 and len(lines_of(done)) == 1


REFUSED = {"no@x.test": "550 5.1.1 <no@x.test>: no such user", "busy@x.test": "450 4.2.1 <busy@x.test>: mailbox busy",
           "gone@x.test": "550 5.1.6 <gone@x.test>: has moved"}


@pytest.mark.parametrize("via", ["BDAT", "DATA"])
@pytest.mark.parametrize("recipients,status", [
    (["a@x.test", "no@x.test", "b@x.test"], 67), (["no@x.test", "a@x.test", "gone@x.test"], 67),
    (["a@x.test", "busy@x.test"], 75), (["no@x.test", "a@x.test", "busy@x.test"], 75),
    (["no@x.test", "gone@x.test"], 67), (["busy@x.test", "no@x.test"], 75),
], ids=lambda v: str(v))
def test_partial_success(submit, via, recipients, status):
    without = [] if via == "BDAT" else ["CHUNKING"]
    done, server = submit(recipients, BODY, refuse=REFUSED, without=without)
    good = [r for r in recipients if r not in REFUSED]
    assert [m.recipients for m in server.messages] == ([good] if good else [])
    assert done.rc == status
    # One line for each of the others, with the server's words.
    lines, bad = lines_of(done), [r for r in recipients if r in REFUSED]
    assert len(lines) == len(bad)
    for line, address in zip(lines, bad):
        assert line.startswith(f"sendmail: {address}: ") and REFUSED[address].split(": ")[1] in line


def test_lmtp_recipients_succeed_and_fail_alone(submit, tmp_path):
    replies = {"no@x.test": "550 5.2.1 disabled", "busy@x.test": "452 4.2.2 over quota"}
    recipients = ["a@x.test", "no@x.test", "busy@x.test"]
    for count, status in ((1, 0), (2, 67), (3, 75)):
        path = tmp_path / f"lmtp{count}"
        settings = {"socket": path, "protocol": "lmtp", "host": None, "port": None}
        done, server = submit(recipients[:count], BODY, settings, lmtp=True, listen=f"unix:{path}", data_replies=replies)
        assert [m.accepted for m in server.messages] == [["a@x.test"]]
        assert done.rc == status and len(done.err.splitlines()) == count - 1


def test_too_large_for_the_server(submit):
    done, server = submit(["a@x.test"], BODY + b"x" * 5000, size_limit=1000)
    assert done.rc in (65, 69) and "MAIL" not in [c.split()[0] for c in server.commands]
    assert "1000" in lines_of(done)[0]


def test_message_size_limit(submit):
    done, server = submit(["a@x.test"], BODY + b"x" * 5000, {"message_size_limit": 1000})
    assert done.rc == 65 and server.connections == []
    assert "message_size_limit" in lines_of(done)[0] and len(lines_of(done)) == 1


def test_server_words_are_shown_but_cannot_play_with_the_terminal(submit):
    text = b"550-5.1.1 first line\r\n550 5.1.1 red \x1b[31m \xff\x07 \xc2\x9b end\r\n"
    done, _ = submit(["a@x.test"], BODY, rules=[on("RCPT", reply(text))])
    [line] = lines_of(done)
    assert done.rc == 67 and "first line" in line and "end" in line


def test_loss_after_quit_is_no_failure(submit):
    for rule in (on("QUIT", close("fin")), on("QUIT", silence()), on("QUIT", reply("500 what?"))):
        done, server = submit(["a@x.test"], BODY, {"timeout": 2}, rules=[rule])
        assert (done.rc, done.err, len(server.messages)) == (0, "", 1)


def test_hanging_up_right_behind_the_acceptance_is_success(submit):
    done, server = submit(["a@x.test"], BODY, rules=[on("BODY", reply_then_close("rst"))])
    assert done.rc in (0, 75)
    done, server = submit(["a@x.test"], BODY, rules=[on("BODY", reply_then_close("fin"))])
    assert (done.rc, done.err) == (0, "")
