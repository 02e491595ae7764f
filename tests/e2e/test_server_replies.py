"""What a server may answer, and what it means for the caller: refusals, wrong codes, garbage, attacks on STARTTLS."""
import pytest

from lib import judge
from lib.hostile import before, call, flood_line, on, reply, reply_then_close, swap, then

TO = ["-i", "r@mail.test"]
WITHOUT = [(), ("PIPELINING",), ("CHUNKING",), ("PIPELINING", "CHUNKING")]
MODES = pytest.mark.parametrize("without", WITHOUT, ids=lambda w: "-".join(w) or "all")


def in_all_modes(cases):
    """Each case with each set of extensions; where there is BDAT there is no reply to DATA."""
    return [(*case, without) for case in cases for without in WITHOUT if case[0] != "DATA" or "CHUNKING" in without]


@pytest.fixture
def send(scripted, relayrc, run_sendmail):
    def call_it(rules, tls="none", login=True, **options):
        server = scripted(tls=tls, auth=["PLAIN"] if login else [], users=judge.USERS, rules=rules, **options)
        done = run_sendmail(TO, judge.MESSAGE, relayrc(server, timeout=5, **(judge.LOGIN if login else {})))
        server.settle()
        return done, server
    return call_it


# -- refusals -----------------------------------------------------------------------------------------------------


REFUSALS = [
    # event, reply, exit status
    ("GREETING", "421 4.3.2 shutting down", 75), ("GREETING", "450 not now", 75), ("GREETING", "554 5.3.2 no mail", 75),
    ("EHLO", "421 4.7.0 closing", 75), ("EHLO", "451 later", 75), ("EHLO", "550 5.7.1 not you", 75),
    ("EHLO", "504 5.5.4 bad name", 75),
    ("STARTTLS", "454 4.7.0 TLS not available", 75), ("STARTTLS", "421 4.7.0 closing", 75),
    ("STARTTLS", "500 5.5.2 what", 75), ("STARTTLS", "530 5.7.0 no", 75), ("STARTTLS", "554 5.7.0 no", 75),
    ("AUTH-END", "535 5.7.8 wrong password", 75), ("AUTH-END", "534 5.7.9 too weak", 75),
    ("AUTH-END", "454 4.7.0 try later", 75), ("AUTH-END", "421 4.7.0 too many errors", 75),
    ("AUTH-END", "432 4.7.12 password change needed", 75), ("AUTH-END", "538 5.7.11 encryption needed", 75),
    ("MAIL", "421 4.3.2 closing", 75), ("MAIL", "451 4.3.0 later", 75), ("MAIL", "452 4.3.1 disk full", 75),
    ("MAIL", "530 5.7.0 log in first", 75), ("MAIL", "550 5.7.1 sender refused", 69),
    ("MAIL", "553 5.1.8 bad sender", 69), ("MAIL", "555 5.5.4 unknown parameter", 69),
    ("MAIL", "552 5.3.4 too big", 69),
    ("RCPT", "421 4.3.2 closing", 75), ("RCPT", "450 4.2.1 busy", 75), ("RCPT", "452 4.5.3 too many", 75),
    ("RCPT", "550 5.1.1 unknown", 67), ("RCPT", "553 5.1.3 bad address", 67), ("RCPT", "554 5.7.1 relay denied", 67),
    ("DATA", "421 4.3.2 closing", 75), ("DATA", "451 4.3.0 later", 75), ("DATA", "554 5.7.1 no", 69),
    ("BODY", "421 4.3.2 closing", 75), ("BODY", "451 4.7.1 greylisted", 75), ("BODY", "452 4.3.1 disk full", 75),
    ("BODY", "552 5.3.4 too big", 69), ("BODY", "550 5.7.1 spam", 65), ("BODY", "554 5.6.0 bad message", 65),
    ("BODY", "550 5.1.1 unknown after all", 67),
]


@pytest.mark.parametrize("event, said, status, without", in_all_modes(REFUSALS))
def test_refusal(send, event, said, status, without):
    done, server = send([on(event, reply(said), nth=None)], tls="starttls" if event == "STARTTLS" else "none",
                        without=without)
    judge.failed(done, status, most=1)
    assert said in done.err
    assert server.messages == []
    assert ("try again later" in done.err) <= (status == 75)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("event, said, status", [("AUTH-END", "535 5.7.8 no", 75), ("MAIL", "550 5.7.1 no", 69),
                                                 ("RCPT", "550 5.1.1 no", 67), ("BODY", "554 5.6.0 no", 65)])
def test_refusal_over_tls(send, tls, event, said, status):
    done, server = send([on(event, reply(said))], tls=tls)
    judge.failed(done, status, most=1)
    assert said in done.err and server.messages == []


@pytest.mark.parametrize("said", ["221 bye", "421 bye", "500 what", "554 no", "garbage", "250 ok"])
@MODES
def test_what_is_said_to_quit_does_not_matter(send, said, without):
    done, server = send([on("QUIT", reply(said))], without=without)
    assert (done.rc, done.err) == (0, "")
    assert [m.data for m in server.messages] == [judge.MESSAGE]


@pytest.mark.parametrize("event", ["MAIL", "RCPT", "BODY"])
@MODES
def test_refusal_in_many_lines(send, event, without):
    said = ["550-5.7.1 Our system has found that", "550-5.7.1 this mail is not wanted.",
            "550 5.7.1 See https://x.test/1"]
    done, _ = send([on(event, reply(said))], without=without)
    judge.failed(done, done.rc, most=1)
    assert done.rc in (65, 67, 69)
    assert "this mail is not wanted. See https://x.test/1" in done.err.replace("5.7.1 ", "")


# -- 421 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls, event", [("none", e) for e in ("GREETING", "EHLO", "AUTH-END", "MAIL", "RCPT", "BODY")] +
                         [("starttls", "STARTTLS"), ("implicit", "GREETING"), ("implicit", "BODY")])
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_421_and_closed(send, tls, event, how):
    done, server = send([on(event, reply_then_close(how, "421 4.3.2 mail.test is shutting down"), nth=None)], tls=tls)
    judge.failed(done, most=1)
    assert "421 4.3.2 mail.test is shutting down" in done.err or how == "rst"
    assert judge.MAYBE not in done.err or how == "rst"


@MODES
@pytest.mark.parametrize("event", ["EHLO", "AUTH-END", "MAIL", "RCPT"])
def test_421_that_nobody_asked_for(send, event, without):
    done, _ = send([on(event, then("421 4.4.2 idle too long"), nth=None)], without=without)
    judge.failed(done)
    assert "421 4.4.2 idle too long" in done.err


# -- wrong codes and garbage --------------------------------------------------------------------------------------


WRONG = {"GREETING": ["250 ok", "354 go", "221 bye", "334 more", "235 in"],
         "EHLO": ["354 go", "334 more", "299-half\r\n250 ok"],
         "STARTTLS": ["250 ok", "354 go", "221 bye", "334 more"],
         "AUTH-END": ["354 go"],
         "MAIL": ["354 go", "334 more"], "RCPT": ["354 go", "334 more"],
         "DATA": ["250 ok", "220 hi", "235 in", "334 more"],
         "BODY": ["354 go", "334 more", "221 bye", "220 hi", "235 in"]}


@pytest.mark.parametrize("event, said, without", in_all_modes((e, s) for e, texts in WRONG.items() for s in texts))
def test_wrong_code(send, event, said, without):
    done, server = send([on(event, reply(said.encode() + b"\r\n"), nth=None)],
                        tls="starttls" if event == "STARTTLS" else "none", without=without)
    judge.failed(done)
    if event != "BODY":
        assert server.messages == []


GARBAGE = {"nul": b"250 nul\0byte\r\n", "nothing": b"\r\n", "short": b"25\r\n", "http": b"HTTP/1.1 400 Bad Request\r\n",
           "ssh": b"SSH-2.0-OpenSSH_9.2\r\n", "bytes": bytes(range(128, 256)) + b"\r\n", "letter": b"25O Ok\r\n",
           "glued": b"250Ok\r\n", "cr": b"250 one\r250 two\r\n", "0": b"000 zero\r\n", "199": b"199 low\r\n",
           "999": b"999 high\r\n", "codes": b"250-one\r\n550 two\r\n", "sign": b"+250 Ok\r\n", "blank": b" 250 Ok\r\n",
           "tls": b"\x15\x03\x01\x00\x02\x02\x0a\r\n", "long": b"250 " + b"x" * 100_000 + b"\r\n"}


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("event", ["GREETING", "EHLO", "AUTH-END", "MAIL", "RCPT", "BODY"])
def test_garbage(send, event, garbage):
    done, server = send([on(event, reply(GARBAGE[garbage]), nth=None)])
    judge.failed(done)
    # What begins with the right digit is success to the server, and it goes on.
    assert server.messages == [] or event == "BODY" or GARBAGE[garbage][:1] == b"2"


@pytest.mark.parametrize("event", ["GREETING", "EHLO", "AUTH-END", "MAIL", "RCPT", "BODY"])
def test_garbage_before_a_reply(send, event):
    judge.failed(send([on(event, before(b"\x00\xff\x1b[2J garbage\r\n"), nth=None)])[0])


@pytest.mark.parametrize("event", ["GREETING", "EHLO", "MAIL", "RCPT", "BODY"])
@pytest.mark.parametrize("evil", [b"\x1b[31mred\x07", "\u202eright to left".encode(), b"\x9b31m\xff\xfe", b"tab\there",
                                  "\u2028line\u0085break".encode(), "日本語 ok".encode(), b"sendmail: forged\x0bline"])
def test_what_servers_say_is_made_harmless(send, event, evil):
    done, _ = send([on(event, reply(b"550 5.7.1 " + evil + b"\r\n"), nth=None)])
    judge.failed(done, done.rc)
    assert done.rc in (65, 67, 69, 75)


@pytest.mark.parametrize("event", ["AUTH-END", "MAIL"])
def test_a_server_that_repeats_the_login_does_not_show_it(scripted, relayrc, run_sendmail, event):
    seen = []
    rules = [on(event, call(lambda session, _: f"550 5.7.1 you said {session.record.commands[1]}"), nth=None)]
    for options in ([], ["-v"]):
        server = scripted(auth=["PLAIN"], users=judge.USERS, rules=rules)
        seen.append(run_sendmail([*TO, *options], judge.MESSAGE, relayrc(server, **judge.LOGIN)))
    for done in seen:
        assert done.rc in (69, 75)
        for secret in judge.SECRETS:
            assert secret not in done.err


@pytest.mark.parametrize("text", ["250-one\r\n250-two\r\n250 three", "250", "250 ", "250-\r\n250"])
@pytest.mark.parametrize("event", ["MAIL", "RCPT", "BODY"])
def test_unusual_but_right(send, event, text):
    done, server = send([on(event, reply(text.encode() + b"\r\n"))])
    assert (done.rc, done.err) == (0, "")
    assert [m.data for m in server.messages] == [judge.MESSAGE]


@pytest.mark.parametrize("login", [False, True])
def test_line_feeds_only(send, login):
    rules = [on(e, call(lambda _, normal: normal.encode() + b"\n"))
             for e in ("GREETING", "EHLO", "AUTH-END", "MAIL", "RCPT", "BODY")]
    done, server = send(rules, login=login)
    assert (done.rc, done.err) == (0, "")
    assert [m.data for m in server.messages] == [judge.MESSAGE]


@pytest.mark.parametrize("without", [("PIPELINING",), ("PIPELINING", "CHUNKING")], ids=["bdat", "data"])
def test_an_answer_too_many_before_the_message(send, without):
    """Where the client waits for each reply, one too many is never taken for the acceptance of the message."""
    for event in ("EHLO", "AUTH-END", "MAIL", "RCPT"):
        done, _ = send([on(event, then("250 2.0.0 one more")), on("BODY", reply("554 5.6.0 no"))], without=without)
        judge.failed(done, done.rc)
        assert done.rc in (65, 75)


def test_swapped_recipients_do_not_mix_up_the_outcome(send):
    done, server = send([on("MAIL", swap()), on("BODY", reply("554 5.6.0 no"))])
    judge.failed(done, 65)
    assert server.messages == []


# -- TLS that is not ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("injected", ["250 SIZE 1", b"x", "250-mail.test\r\n250 AUTH PLAIN",
                                      "220 2.0.0 Ready to start TLS"])
def test_injection_behind_starttls(send, injected):
    done, server = send([on("STARTTLS", then(injected))], tls="starttls")
    judge.failed(done, most=1)
    assert "tamper" in done.err
    assert server.commands[1:] == ["STARTTLS"]
    assert server.connections[0].tls_version is None


def test_starttls_is_taken_away(send):
    def strip(session, normal):
        return normal.replace("250-STARTTLS\n", "").replace("\n250 STARTTLS", "").replace("250-SIZE", "250 SIZE")
    for rule in (call(strip), call(lambda s, normal: normal.replace("STARTTLS", "XXXXXXXA"))):
        done, server = send([on("EHLO", rule)], tls="starttls")
        judge.failed(done, most=1)
        assert "STARTTLS" in done.err
        assert set(server.connections[0].verbs) <= {"EHLO", "QUIT"}


def test_what_was_offered_before_tls_is_forgotten(send):
    def rich(session, normal):
        return normal.replace("250-STARTTLS", "250-CHUNKING\n250-STARTTLS").replace(
            "250 STARTTLS", "250-CHUNKING\n250 STARTTLS")
    done, server = send([on("EHLO", call(rich))], tls="starttls", without=["CHUNKING"])
    assert (done.rc, done.err, server.violations) == (0, "", [])
    assert server.messages[0].via == "DATA"


def test_the_wrong_kind_of_port(scripted, relayrc, run_sendmail):
    for have, wanted in (("none", "implicit"), ("implicit", "starttls"), ("implicit", "none")):
        server = scripted(tls=have)
        judge.failed(run_sendmail(TO, judge.MESSAGE, relayrc(server, tls=wanted, timeout=1)))
        assert server.messages == []


@pytest.mark.parametrize("answer", [b"\x15\x03\x03\x00\x02\x02\x28", b"220 mail.test ESMTP\r\n",
                                    b"\x16\x03\x03\xff\xff", b"\0" * 64, b"\x80" * 64])
def test_garbage_instead_of_a_handshake(send, answer):
    def garbage(session, normal):
        session.wire.raw(answer)
        return reply_then_close("fin", b"")(session, normal)
    for tls in ("implicit", "starttls"):
        judge.failed(send([on("HANDSHAKE", garbage)], tls=tls)[0], most=1)


def test_an_endless_line_in_the_clear_before_tls(send):
    judge.failed(send([on("STARTTLS", flood_line(b"220 "))], tls="starttls")[0])
