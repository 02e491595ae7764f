"""SMTP and LMTP extensions: used when offered and only then, and what arrives is always the exact message.

The scripted server notes a violation for everything that was not offered, so each test ends with `violations == []`.
"""
import email
import email.policy
import itertools

import pytest

from lib.hostile import call, on, reply

FIELDS = (b"Date: Sat, 21 Nov 2026 12:00:00 +0000\nFrom: Me <sender@mail.test>\nTo: You <r@mail.test>\n"
          b"Message-ID: <1@mail.test>\nSubject: extensions\n")
DOTS = b"\n.\n..\n.leading dot\n\nFrom the middle\n. \nthe end.\n"
ASCII = FIELDS + DOTS
MIME = b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
EIGHT = (FIELDS + MIME + DOTS + "Grüße, こんにちは\n".encode())
LOGIN = {"user": "user@mail.test", "password": "secret", "auth_cleartext": "on"}
SWITCHED = ("PIPELINING", "CHUNKING", "8BITMIME", "DSN", "SIZE")


def wire(message):
    return message.replace(b"\n", b"\r\n")


def content(data):
    """What a reader sees of it."""
    mail = email.message_from_bytes(data, policy=email.policy.default)
    return mail["Subject"], mail["From"], mail["To"], mail.get_content()


def deliver(run_sendmail, relayrc, server, message=ASCII, recipients=("r@mail.test",), options=(), is_mended=False, **settings):
    """Send it; it must arrive silently, exactly once, unchanged (is_mended: another form of it) and without a violation.
    The Message."""
    done = run_sendmail(["-i", *options, *recipients], message, relayrc(server, **settings))
    assert (done.rc, done.err, done.out) == (0, "", "")
    server.settle()
    assert server.violations == []
    [got] = server.messages
    if is_mended:
        assert got.data.isascii() and content(got.data) == content(wire(message))
    else:
        assert got.data == wire(message)
    assert sorted(got.recipients) == sorted(recipients)
    return got


# -- every combination --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offered", [c for n in range(6) for c in itertools.combinations(SWITCHED, n)],
                         ids=lambda c: "+".join(c) or "nothing")
def test_every_combination_of_extensions(scripted, relayrc, run_sendmail, offered):
    server = scripted(without=[e for e in SWITCHED if e not in offered],
                      size_limit=1 << 20 if "SIZE" in offered else None)
    got = deliver(run_sendmail, relayrc, server, EIGHT, ["r1@mail.test", "r2@mail.test"],
                  ["-N", "failure,delay", "-R", "hdrs", "-V", "id+1"], is_mended="8BITMIME" not in offered)
    assert got.via == ("BDAT" if "CHUNKING" in offered else "DATA")
    wanted = {}
    if "SIZE" in offered:
        wanted["SIZE"] = str(got.size)
    if "8BITMIME" in offered:
        wanted["BODY"] = "8BITMIME"
    if "DSN" in offered:
        wanted |= {"RET": "HDRS", "ENVID": "id+2B1"}
    assert got.mail_params == wanted
    for params in got.rcpt_params:
        assert sorted(params.pop("NOTIFY", "").split(",")) == (["DELAY", "FAILURE"] if "DSN" in offered else [""])
        assert set(params) <= ({"ORCPT"} if "DSN" in offered else set())
    # Every command in one flight, or one flight a command: EHLO, MAIL, RCPT, RCPT, (DATA,) message.
    chunking = "CHUNKING" in offered
    if "PIPELINING" in offered:
        assert got.connection.flights == (2 if chunking else 3)
    else:
        assert got.connection.flights >= (5 if chunking else 6)


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
@pytest.mark.parametrize("without", [(), ("PIPELINING",), ("CHUNKING",), ("PIPELINING", "CHUNKING")],
                         ids=lambda w: "-".join(w) or "all")
def test_every_combination_with_login_and_tls(scripted, relayrc, run_sendmail, tls, mechanism, without):
    server = scripted(tls=tls, auth=[mechanism], without=without)
    got = deliver(run_sendmail, relayrc, server, auth=mechanism.lower(), **LOGIN)
    assert got.connection.auth_user == "user@mail.test"
    assert got.connection.auth_mechanism == mechanism
    assert (got.connection.tls_version is None) == (tls == "none")
    assert got.via == ("DATA" if "CHUNKING" in without else "BDAT")


@pytest.mark.parametrize("without", [(), ("CHUNKING",), ("PIPELINING",), ("PIPELINING", "CHUNKING")],
                         ids=lambda w: "-".join(w) or "all")
@pytest.mark.parametrize("size", [0, 1, 100_000, 5_000_000])
def test_large_and_empty_bodies(scripted, relayrc, run_sendmail, without, size):
    line = b".0123456789abcdefghijklmnopqrstuvwxyz.0123456789abcdefghijklmnopqrstuvwxyz\n"
    body = line * (size // len(line)) if size > 1 else b".\n" * size
    server = scripted(without=without)
    deliver(run_sendmail, relayrc, server, FIELDS + b"\n" + body)


@pytest.mark.parametrize("case", [str.lower, str.title])
def test_keywords_are_not_case_sensitive(scripted, relayrc, run_sendmail, case):
    server = scripted(extensions=[case(e) for e in ("PIPELINING", "8BITMIME", "CHUNKING", "DSN")])
    got = deliver(run_sendmail, relayrc, server, EIGHT, options=["-R", "full"])
    assert (got.via, got.connection.flights) == ("BDAT", 2)
    assert {"BODY", "SIZE", "RET"} <= set(got.mail_params)


def test_unknown_and_malformed_keywords_are_passed_over(scripted, relayrc, run_sendmail):
    server = scripted(size_limit=None, extra=["X-UNKNOWN with = words", "SIZE many", "LIMITS RCPTMAX=x MAILMAX", "AUTH",
                                              "\x7f", "PIPELININGX", "250 inside", "=", "8BITMIME=NO"])
    deliver(run_sendmail, relayrc, server, EIGHT)


# -- SIZE ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_too_large_is_refused_before_sending(scripted, relayrc, run_sendmail, tls):
    server = scripted(tls=tls, size_limit=1000, auth=["PLAIN"])
    done = run_sendmail(["-i", "r@mail.test"], FIELDS + b"\n" + b"x\n" * 500, relayrc(server, auth="plain", **LOGIN))
    assert done.rc == 69
    assert "1000" in done.err and "r@mail.test" in done.err and done.err.count("\n") == 1
    assert set(server.settle().connections[0].verbs) <= {"EHLO", "QUIT"}


def test_exactly_the_largest_message_is_sent(scripted, relayrc, run_sendmail):
    message = FIELDS + b"\n" + b"x\n" * 400
    deliver(run_sendmail, relayrc, scripted(size_limit=len(wire(message))), message)
    smaller = scripted(size_limit=len(wire(message)) - 1)
    assert run_sendmail(["-i", "r@mail.test"], message, relayrc(smaller)).rc == 69


@pytest.mark.parametrize("extra, limit", [(["SIZE"], None), ([], 0), (["SIZE 99999999999999999999999999"], None)])
def test_size_without_a_limit(scripted, relayrc, run_sendmail, extra, limit):
    deliver(run_sendmail, relayrc, scripted(size_limit=limit, extra=extra))


def test_too_large_said_at_mail(scripted, relayrc, run_sendmail):
    server = scripted(rules=[on("MAIL", reply("552 5.3.4 Error: message file too big"))])
    done = run_sendmail(["-i", "r@mail.test"], ASCII, relayrc(server))
    assert done.rc == 69 and "552 5.3.4 Error: message file too big" in done.err
    assert server.settle().messages == []


# -- 8BITMIME, SMTPUTF8, DSN --------------------------------------------------------------------------------------


def test_8bitmime_is_not_asked_for_ascii(scripted, relayrc, run_sendmail):
    assert "BODY" not in deliver(run_sendmail, relayrc, scripted()).mail_params


@pytest.mark.parametrize("sender, recipient, header, needed", [
    ("sender@mail.test", "r@mail.test", FIELDS, False),
    ("sender@mail.test", "grüße@mail.test", FIELDS, True),
    ("grüße@mail.test", "r@mail.test", FIELDS, True),
    ("sender@mail.test", "r@mail.test", FIELDS + "Cc: zoë@mail.test\n".encode(), True),
    ("sender@mail.test", "r@mail.test", EIGHT.partition(b"\n\n")[0] + b"\n", False),
], ids=["ascii", "recipient", "sender", "header-address", "8bit-body"])
def test_smtputf8_only_when_needed(scripted, relayrc, run_sendmail, sender, recipient, header, needed):
    mime = b"" if b"MIME-Version" in header else MIME
    message = header + mime + b"\n" + "Grüße\n".encode()
    got = deliver(run_sendmail, relayrc, scripted(), message, [recipient], ["-f", sender])
    assert ("SMTPUTF8" in got.mail_params) == needed
    assert got.sender == sender


def test_without_smtputf8_only_those_who_need_it_are_refused(scripted, relayrc, run_sendmail):
    server = scripted(without=["SMTPUTF8"])
    done = run_sendmail(["-i", "grüße@mail.test", "r@mail.test"], ASCII, relayrc(server))
    assert done.rc == 65
    assert "grüße@mail.test" in done.err and "SMTPUTF8" in done.err and done.err.count("\n") == 1
    [got] = server.settle().messages
    assert (got.accepted, got.data) == (["r@mail.test"], wire(ASCII))
    assert server.violations == []


def test_without_smtputf8_a_sender_who_needs_it_is_refused(scripted, relayrc, run_sendmail):
    server = scripted(without=["SMTPUTF8"])
    done = run_sendmail(["-i", "-f", "grüße@mail.test", "r@mail.test"], ASCII, relayrc(server))
    assert done.rc == 65 and "SMTPUTF8" in done.err
    assert "MAIL" not in server.settle().connections[0].verbs


# -- ENHANCEDSTATUSCODES ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said, status, dsn", [
    ("550 5.1.1 no such user", 67, "5.1.1"), ("550 no such user", 65, "5.0.0"),
    ("554 5.6.0 bad message", 65, "5.6.0"), ("552 5.3.4 too big", 69, "5.3.4"), ("452 4.3.1 disk full", 75, "4.3.1"),
    ("550 4.1.1 classes differ", 65, "5.0.0"), ("550 5.1.1", 67, "5.1.1")])
def test_enhanced_codes_decide_and_are_logged(scripted, relayrc, run_sendmail, tmp_path, said, status, dsn):
    server = scripted(rules=[on("BODY", reply(said))])
    done = run_sendmail(["-i", "r@mail.test"], ASCII, relayrc(server, logfile=tmp_path / "log"))
    assert done.rc == status
    assert said in done.err
    assert f"dsn={dsn}," in (tmp_path / "log").read_text()


# -- HELO ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["500 5.5.1 unknown", "502 not implemented"])
@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_helo_when_ehlo_is_not_known(scripted, relayrc, run_sendmail, tls, said):
    server = scripted(tls=tls, rules=[on("EHLO", reply(said), nth=None)])
    got = deliver(run_sendmail, relayrc, server, EIGHT, ["r1@mail.test", "r2@mail.test"], ["-N", "never"], is_mended=True)
    assert got.connection.verbs == ["EHLO", "HELO", "MAIL", "RCPT", "RCPT", "DATA", "QUIT"]
    assert (got.mail_params, got.rcpt_params) == ({}, [{}, {}])


@pytest.mark.parametrize("tls, settings", [("starttls", {}), ("implicit", LOGIN)])
def test_helo_is_not_enough_for_tls_and_login(scripted, relayrc, run_sendmail, tls, settings):
    server = scripted(tls=tls, auth=["PLAIN"], rules=[on("EHLO", reply("500 unknown"), nth=None)])
    done = run_sendmail(["-i", "r@mail.test"], ASCII, relayrc(server, **settings))
    assert done.rc == 75 and done.err.count("\n") == 1
    assert set(server.settle().connections[0].verbs) <= {"EHLO", "HELO", "QUIT"}


@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_domain_is_said_in_ehlo_and_in_message_id(scripted, relayrc, run_sendmail, tls):
    server = scripted(tls=tls)
    done = run_sendmail(["-i", "r@mail.test"], b"Subject: x\n\nx\n", relayrc(server, domain="my.host.test"))
    assert (done.rc, done.err) == (0, "")
    assert set(c for c in server.settle().commands if c.startswith("EHLO")) == {"EHLO my.host.test"}
    assert b"@my.host.test>" in server.messages[0].data


# -- CHUNKING that is a lie ---------------------------------------------------------------------------------------


def lie(session, normal):
    """Offers CHUNKING in EHLO's reply, though the server does not know BDAT."""
    return normal.replace("250-SIZE", "250-CHUNKING\n250-SIZE").replace("250 SIZE", "250-CHUNKING\n250 SIZE")


@pytest.mark.parametrize("said", ["500 5.5.2 unknown command", "502 5.5.1 not implemented", "503 5.5.1 bad sequence",
                                  "504 5.5.4 not implemented"])
@pytest.mark.parametrize("without", [("CHUNKING",), ("CHUNKING", "PIPELINING")], ids=["pipelining", "one-step"])
@pytest.mark.parametrize("tls, settings", [("none", {}), ("implicit", LOGIN | {"auth": "plain"})])
def test_chunking_is_a_lie(scripted, relayrc, run_sendmail, tls, settings, without, said):
    server = scripted(tls=tls, auth=["PLAIN"] if settings else [], without=without,
                      rules=[on("EHLO", call(lie), nth=None), on("BDAT", reply(said), nth=None)])
    done = run_sendmail(["-i", "r1@mail.test", "r2@mail.test"], ASCII, relayrc(server, **settings))
    assert (done.rc, done.err) == (0, "")
    [got] = server.settle().messages
    assert (got.via, got.data, got.accepted) == ("DATA", wire(ASCII), ["r1@mail.test", "r2@mail.test"])
    assert got.connection.violations == []


# -- recipients ---------------------------------------------------------------------------------------------------


def test_limits_on_recipients_are_kept(scripted, relayrc, run_sendmail):
    server = scripted(extra=["LIMITS RCPTMAX=2"])
    names = [f"r{i}@mail.test" for i in range(5)]
    done = run_sendmail(["-i", *names], ASCII, relayrc(server))
    assert (done.rc, done.err) == (0, "")
    assert [m.recipients for m in server.settle().messages] == [names[:2], names[2:4], names[4:]]
    assert all(m.data == wire(ASCII) for m in server.messages)
    assert (len(server.connections), server.violations) == (1, [])


@pytest.mark.parametrize("without", [(), ("PIPELINING",), ("CHUNKING",)], ids=lambda w: "-".join(w) or "all")
@pytest.mark.parametrize("refused, status, quick", [
    ({"b": "550 5.1.1 unknown"}, 67, "try again later"), ({"b": "450 4.2.0 greylisted"}, 75, None),
    ({"a": "550 5.1.1 unknown", "c": "451 4.3.0 later"}, 75, None),
    ({"a": "550 5.1.1 unknown", "b": "550 5.7.1 denied", "c": "554 5.7.1 no"}, 67, "try again later")])
def test_the_accepted_get_it_and_the_others_are_named(scripted, relayrc, run_sendmail, without, refused, status, quick):
    server = scripted(without=without, refuse={f"{k}@mail.test": v for k, v in refused.items()})
    names = ["a@mail.test", "b@mail.test", "c@mail.test"]
    done = run_sendmail(["-i", *names], ASCII, relayrc(server))
    assert done.rc == status
    assert done.err.count("\n") == len(refused)
    for name, said in refused.items():
        assert any(f"{name}@mail.test" in line and said in line for line in done.err.splitlines())
    if quick:
        assert quick not in done.err
    accepted = [n for n in names if n[0] not in refused]
    assert [m.accepted for m in server.settle().messages] == ([accepted] if accepted else [])
    assert all(m.data == wire(ASCII) for m in server.messages)
    assert server.violations == []


# -- LMTP ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listen", ["unix", "127.0.0.1"])
@pytest.mark.parametrize("without", [(), ("PIPELINING",), ("CHUNKING",), ("PIPELINING", "CHUNKING")],
                         ids=lambda w: "-".join(w) or "all")
@pytest.mark.parametrize("replies, status", [
    ({}, 0), ({"b": "452 4.2.2 full"}, 75), ({"b": "552 5.2.2 full"}, 67),
    ({"a": "550 5.2.1 off", "b": "452 full"}, 75),
    ({"a": "554 5.6.0 bad", "b": "554 5.6.0 bad", "c": "554 5.6.0 bad"}, 65)])
def test_lmtp_answers_for_each_recipient(scripted, relayrc, run_sendmail, tmp_path, listen, without, replies, status):
    path = tmp_path / "lmtp"
    server = scripted(lmtp=True, listen=f"unix:{path}" if listen == "unix" else listen, without=without,
                      data_replies={f"{k}@mail.test": v for k, v in replies.items()})
    where = {"host": None, "port": None, "socket": path, "tls": None} if listen == "unix" else {}
    names = ["a@mail.test", "b@mail.test", "c@mail.test"]
    done = run_sendmail(["-i", *names], EIGHT, relayrc(server, protocol="lmtp", **where))
    assert done.rc == status
    assert done.err.count("\n") == len(replies)
    for name, said in replies.items():
        assert any(f"{name}@mail.test" in line and said in line for line in done.err.splitlines())
    accepted = [n for n in names if n[0] not in replies]
    assert [m.accepted for m in server.settle().messages] == ([accepted] if accepted else [])
    assert all(m.data == wire(EIGHT) for m in server.messages)
    assert server.violations == [] and server.connections[0].verbs[0] == "LHLO"


def test_lmtp_says_lhlo_and_nothing_else(scripted, relayrc, run_sendmail):
    done = run_sendmail(["-i", "r@mail.test"], ASCII, relayrc(scripted(), protocol="lmtp"))
    assert done.rc == 75 and "LHLO" in done.err
