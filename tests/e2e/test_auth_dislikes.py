"""Servers that dislike commands sent behind AUTH in the same flight: the mail arrives exactly once all the same.

Whatever such a server does with the flight, there is a second try, one step at a time, and the program ends with 0 and
says nothing.
"""
import pytest

from lib.hostile import close, on, reply, reply_then_close, swap

MESSAGE = (b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nFrom: Me <sender@mail.test>\r\nTo: You <r@mail.test>\r\n"
           b"Message-ID: <1@mail.test>\r\nSubject: one step\r\n\r\n.\r\n..dots\r\nend\r\n")
LOGIN = {"user": "user@mail.test", "password": "secret", "auth": "plain", "auth_cleartext": "on"}
NAMES = ["a@mail.test", "b@mail.test", "c@mail.test"]
TLS = pytest.mark.parametrize("tls", ["none", "implicit"])
DATA = pytest.mark.parametrize("without", [(), ("CHUNKING",)], ids=["bdat", "data"])


class Followed:
    """Rules that take an action where a command was followed by others in its flight, and note how many bytes did."""

    def __init__(self):
        self.bytes = []     # (connection, event, bytes behind it)

    def rule(self, event, action=None, nth=1):
        def look(session, normal):
            session.wire.gather(0.01)
            size = len(session.wire.buffer)
            self.bytes.append((session.record.index, event, size))
            return (action if action and size else reply(normal))(session, normal)
        return on(event, look, nth=nth)

    def rules(self):
        """For the rest of the transaction: only look."""
        return [self.rule("MAIL", nth=None), self.rule("RCPT", nth=None)]

    def last_try(self):
        """What stood behind MAIL and RCPT when they came for the last time."""
        start = max(i for i, (_, event, _) in enumerate(self.bytes) if event == "MAIL")
        return sum(size for _, _, size in self.bytes[start:])


def check(server, done, names=NAMES):
    """It arrived once, and nothing was said."""
    assert (done.rc, done.err, done.out) == (0, "", "")
    server.settle()
    assert [(m.accepted, m.data) for m in server.messages] == [(names, MESSAGE)]


@DATA
@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
@pytest.mark.parametrize("after_auth", ["503", "503-quit"])
@pytest.mark.parametrize("names", [NAMES[:1], NAMES], ids=["one", "three"])
def test_refused_as_a_bad_sequence(scripted, relayrc, run_sendmail, tls, without, after_auth, names):
    followed = Followed()
    server = scripted(tls=tls, auth=["PLAIN"], without=without, after_auth=after_auth,
                      rules=[followed.rule("AUTH-END"), *followed.rules()])
    check(server, run_sendmail(["-i", *names], MESSAGE, relayrc(server, **LOGIN)), names)
    assert len(server.connections) <= 2
    assert followed.last_try() == 0


@TLS
@DATA
def test_swallowed(scripted, relayrc, run_sendmail, tls, without):
    followed = Followed()
    server = scripted(tls=tls, auth=["PLAIN"], without=without, after_auth="swallow",
                      rules=[followed.rule("AUTH-END"), *followed.rules()])
    check(server, run_sendmail(["-i", *NAMES], MESSAGE, relayrc(server, timeout=1, **LOGIN)))
    assert len(server.connections) == 2
    assert followed.last_try() == 0


def challenge(session, normal):
    """334, though the initial response is there: the next line is taken for the response."""
    session.wire.put(b"334 \r\n")
    session.wire.flush()
    session.wire.line()
    return reply("501 5.5.2 cannot decode that")(session, normal)


@TLS
@DATA
@pytest.mark.parametrize("action", [
    reply_then_close("fin"), reply_then_close("clean"), reply_then_close("rst"), close("fin"), close("rst"),
    reply_then_close("fin", "554 SMTP synchronization error"), reply_then_close("fin", "503 5.5.1 no pipelining"),
    reply("500 5.5.2 line too long"), reply("501 5.5.4 malformed AUTH input"), reply("502 5.5.1 unknown"),
    reply("503 5.5.1 bad sequence"), reply("504 5.5.4 mechanism unknown"), challenge, swap(),
], ids=["235-then-fin", "235-then-close-notify", "235-then-reset", "fin", "reset", "554-and-close", "503-and-close",
        "500", "501", "502", "503", "504", "334", "swapped"])
def test_dislike_at_auth(scripted, relayrc, run_sendmail, tls, without, action):
    followed = Followed()
    server = scripted(tls=tls, auth=["PLAIN"], without=without, rules=[followed.rule("AUTH-END", action)])
    check(server, run_sendmail(["-i", *NAMES], MESSAGE, relayrc(server, **LOGIN)))
    assert followed.bytes[0][2] > 0
    if len(server.connections) > 1:
        assert [size for _, _, size in followed.bytes[1:]] == [0]


@TLS
@DATA
@pytest.mark.parametrize("text", ["530 5.7.0 Authentication required", "503 5.5.1 bad sequence", "250 2.1.0 ok"])
def test_auth_answered_behind_mail(scripted, relayrc, run_sendmail, tls, without, text):
    """The login takes its time, and MAIL is answered meanwhile: as one that is not logged in, or as one that is."""
    followed = Followed()
    rules = [followed.rule("AUTH-END", swap()), on("MAIL", reply(text), conn=0)]
    server = scripted(tls=tls, auth=["PLAIN"], without=without, rules=rules)
    check(server, run_sendmail(["-i", *NAMES], MESSAGE, relayrc(server, **LOGIN)))


@TLS
@DATA
@pytest.mark.parametrize("event, said", [
    ("MAIL", "503 5.5.1 bad sequence"), ("MAIL", "502 5.5.1 not now"), ("MAIL", "530 5.7.0 authentication required"),
    ("MAIL", "334 more"), ("RCPT", "503 5.5.1 bad sequence"), ("RCPT", "500 5.5.2 unknown"), ("RCPT", "354 go ahead")])
def test_wrong_answer_behind_auth(scripted, relayrc, run_sendmail, tls, without, event, said):
    """MAIL or RCPT goes wrong, but only where something followed it."""
    followed = Followed()
    rules = [followed.rule(event, reply(said), nth=None), *followed.rules()]
    server = scripted(tls=tls, auth=["PLAIN"], without=without, rules=rules)
    check(server, run_sendmail(["-i", *NAMES[:1]], MESSAGE, relayrc(server, **LOGIN)), NAMES[:1])
    assert followed.last_try() == 0


@TLS
@DATA
@pytest.mark.parametrize("event", ["MAIL", "RCPT"])
def test_answers_behind_auth_are_swapped(scripted, relayrc, run_sendmail, tls, without, event):
    server = scripted(tls=tls, auth=["PLAIN"], without=without, rules=[on(event, swap())])
    check(server, run_sendmail(["-i", *NAMES], MESSAGE, relayrc(server, **LOGIN)))


@TLS
@pytest.mark.parametrize("password, said", [("wrong", "535 5.7.8")])
@pytest.mark.parametrize("after_auth", ["ok", "503", "503-quit"])
def test_a_refused_login_is_no_dislike(scripted, relayrc, run_sendmail, tls, password, said, after_auth):
    server = scripted(tls=tls, auth=["PLAIN"], after_auth=after_auth)
    done = run_sendmail(["-i", *NAMES], MESSAGE, relayrc(server, **LOGIN | {"password": password}))
    assert done.rc == 75
    assert done.err.count("\n") == 1
    for word in (said, "PLAIN", "user@mail.test", "login"):
        assert word in done.err
    assert password not in done.err.replace("wrong name", "")
    server.settle()
    assert (len(server.connections), server.messages) == (1, [])


@pytest.mark.parametrize("names", [NAMES[:1], NAMES], ids=["one", "three"])
def test_a_second_try_after_a_loss_is_logged_as_a_possible_duplicate(scripted, relayrc, run_sendmail, tmp_path, names):
    """The connection is lost before anything behind EHLO is answered, but the whole message had been sent."""
    for event, action, word in (("BODY", close("rst"), True), ("AUTH-END", reply("503 5.5.1 bad sequence"), False)):
        log = tmp_path / f"log-{event}"
        server = scripted(tls="implicit", auth=["PLAIN"], rules=[on(event, action, conn=0)])
        done = run_sendmail(["-i", *names], MESSAGE, relayrc(server, logfile=log, **LOGIN))
        assert (done.rc, done.err) == (0, "")
        assert [c.verbs.count("MAIL") for c in server.settle().connections] == [1, 1]
        assert log.read_text().count("status=sent") == len(names)
        assert log.read_text().count("possible duplicate") == (len(names) if word else 0)


def test_a_login_in_several_steps_is_never_followed(scripted, relayrc, run_sendmail):
    for mechanism in ("LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"):
        server = scripted(tls="implicit", auth=[mechanism])
        check(server, run_sendmail(["-i", *NAMES], MESSAGE, relayrc(server, **LOGIN | {"auth": mechanism.lower()})))
        assert server.violations == [] and len(server.connections) == 1


def test_perhaps_sent_stays_perhaps_sent(scripted, relayrc, run_sendmail):
    """The first attempt is lost without an answer; what the second is told does not make the first undone."""
    server = scripted(tls="implicit", auth=["PLAIN"],
                      rules=[on("AUTH-END", close("rst"), conn=0), on("RCPT", reply("550 5.1.1 no such user"), conn=1)])
    log = relayrc(server, user="user@mail.test", password="secret")
    done = run_sendmail(["r@mail.test"], b"Subject: x\n\nx\n", log)
    assert len(server.settle().connections) == 2
    assert done.rc == 75 and "perhaps sent" in done.err and "550 5.1.1" in done.err
