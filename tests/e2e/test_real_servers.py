"""Submission to real servers: Postfix with Cyrus and with Dovecot SASL, Exim, OpenSMTPD.

Every listener, every login mechanism each offers, many and refused recipients, exact bytes, delivery reports.
"""
import re
import time

import pytest

USER, PASSWORD = "user@mail.test", "secret"
LOGIN = {"user": USER, "password": PASSWORD, "timeout": 20}
HEADER = ("From: sender@mail.test\nTo: r@mail.test\nSubject: real\nDate: Sat, 21 Nov 2026 12:00:00 +0900\n"
          "Message-ID: <1@mail.test>\n").encode()
MESSAGE = HEADER + b"\nA line.\n"

FIVE = ["plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256"]
OFFERED = {"postfix": FIVE, "exim": ["plain", "login", "cram-md5"], "opensmtpd": ["plain", "login"]}
POSTFIX = ["starttls", "smtps", "dovecot_starttls", "dovecot_smtps", "poor_starttls", "poor_smtps"]
SECURE = [("postfix", port) for port in POSTFIX] + [(name, port) for name in ("exim", "opensmtpd")
                                                     for port in ("starttls", "smtps")]
OPEN = [("postfix", "plain"), ("postfix", "poor_plain"), ("exim", "plain"), ("opensmtpd", "plain")]
SMTPS = [("postfix", "smtps"), ("postfix", "poor_smtps"), ("exim", "smtps"), ("opensmtpd", "smtps")]


class Account:
    """An account at one listener of a real server, and what the server logs meanwhile."""

    def __init__(self, server, port, relayrc, run_sendmail, log):
        self.server, self.port, self.log = server, port, log
        self._relayrc, self._run = relayrc, run_sendmail
        self._seen = {file: file.stat().st_size for file in self._logs()}

    def send(self, args, message=MESSAGE, **settings):
        tls = "none" if "plain" in self.port else "implicit" if self.port.endswith("smtps") else "starttls"
        if self.port not in ("plain", "poor_plain"):
            settings = LOGIN | settings
        rc = self._relayrc(self.server, port=self.server.ports[self.port], tls=tls, logfile=self.log, **settings)
        return self._run(["-i", *args], message, rc, timeout=60)

    def deliver(self, args, message=MESSAGE, count=1, **settings):
        """Send, in silence; the message as it was delivered."""
        done = self.send(args, message, **settings)
        assert (done.rc, done.err, done.out) == (0, "", "")
        return self.server.wait_messages(1, recipients=count)[0]

    def _logs(self):
        return [f for f in (self.server.root / "var/log").rglob("*") if f.is_file()]

    def server_log(self):
        """What the server has logged since this account was made."""
        return "".join(f.read_bytes()[self._seen.get(f, 0):].decode(errors="replace") for f in self._logs())

    def wait_log(self, pattern, seconds=10):
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.server_log())):
            assert time.monotonic() < deadline, f"no {pattern} in {self.server_log()}"
            time.sleep(0.01)
        return found


@pytest.fixture
def at(request, relayrc, run_sendmail, tmp_path):
    def account(server, port):
        return Account(request.getfixturevalue(server), port, relayrc, run_sendmail, tmp_path / "log")
    return account


# -- login ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server,port,mechanism", [(s, p, m) for s, p in SECURE for m in OFFERED[s]])
def test_each_mechanism_logs_in(at, server, port, mechanism):
    account = at(server, port)
    message = account.deliver(["r@mail.test"], auth=mechanism)
    assert (message.sender, message.recipients, message.sent) == ("sender@mail.test", ["r@mail.test"], MESSAGE)
    name = mechanism.upper()
    assert re.search(rf"\b{re.escape(name)}\b", account.log.read_text())
    if server == "postfix":
        assert message.info == f"sasl_method={name},sasl_username={USER}"
    elif server == "exim":
        account.wait_log(f"A={mechanism.partition('-')[0]}:{USER}")


@pytest.mark.parametrize("mechanism", FIVE)
def test_login_without_tls_when_the_account_says_so_by_name(at, mechanism):
    settings = {"auth": mechanism} | ({"auth_cleartext": "on"} if mechanism in ("plain", "login") else {})
    message = at("postfix", "plain_auth").deliver(["r@mail.test"], **settings)
    assert message.info == f"sasl_method={mechanism.upper()},sasl_username={USER}"


@pytest.mark.parametrize("settings", [{}, {"auth": "on"}, {"auth": "plain"}], ids=str)
def test_no_password_without_tls_and_two_switches(at, settings):
    account = at("postfix", "plain_auth")
    done = account.send(["r@mail.test"], **settings)
    if settings == {"auth": "on"}:
        assert done.rc == 0 and "sasl_method=SCRAM-SHA-256," in account.server.wait_messages(1)[0].info
    else:
        assert done.rc != 0 and len(done.err.splitlines()) == 1 and PASSWORD not in done.err
        assert account.server.messages() == [] and "sasl_method" not in account.server_log()


@pytest.mark.parametrize("server,chosen", [("postfix", "SCRAM-SHA-256"), ("exim", "PLAIN"), ("opensmtpd", "PLAIN")])
def test_strongest_mechanism_is_chosen(at, server, chosen):
    account = at(server, "smtps")
    account.deliver(["r@mail.test"])
    assert re.search(rf"\b{chosen}\b", account.log.read_text())


@pytest.mark.parametrize("server,port,mechanism", [(s, p, m) for s, p in SMTPS + [("postfix", "dovecot_starttls")]
                                                    for m in OFFERED[s]])
def test_refused_login(at, server, port, mechanism):
    account = at(server, port)
    done = account.send(["r@mail.test"], auth=mechanism, password="Wr0ng")
    assert done.rc == 75 and done.out == ""
    [line] = done.err.splitlines()
    assert line.startswith("sendmail: ") and mechanism.upper() in line and USER in line and "Wr0ng" not in line
    assert account.server.messages() == []


# -- recipients -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server,port", SECURE + OPEN)
def test_100_recipients(at, server, port):
    names = [f"r{n}@mail.test" for n in range(100)]
    account = at(server, port)
    message = account.deliver(names, count=100, auth="plain" if port not in ("plain", "poor_plain") else None)
    assert sorted(message.recipients) == sorted(names)
    log = account.log.read_text()
    assert log.count("status=sent") == 100 and all(f"to=<{name}>" in log for name in names)


MIXED = [
    # server's refusals, exit status
    (["refused@mail.test"], 67), (["refused1@mail.test", "refused2@mail.test"], 67),
    (["later@mail.test"], 75), (["refused@mail.test", "later@mail.test"], 75),
]


# OpenSMTPD cannot refuse a recipient for now.
@pytest.mark.parametrize("server,port,others,status", [(*at, *case) for at in SMTPS for case in MIXED
                                                       if at[0] != "opensmtpd" or case[1] == 67], ids=str)
@pytest.mark.parametrize("good", [[], ["a@mail.test", "b@mail.test"]], ids=["nobody", "some"])
def test_refused_recipients_are_named_and_the_others_get_it(at, server, port, good, others, status):
    account = at(server, port)
    done = account.send([*good[:1], *others, *good[1:]], auth="plain")
    assert done.rc == status and done.out == ""
    lines = done.err.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [["sendmail", other] for other in others]
    assert all(re.search("refused" in line and r"\b5[05]\d\b" or r"\b45\d\b", line) for line in lines)
    if good:
        [message] = account.server.wait_messages(1, recipients=2)
        assert sorted(message.recipients) == good and message.sent == MESSAGE
    else:
        assert account.server.messages() == []


# -- bytes ----------------------------------------------------------------------------------------------------------

BODIES = {
    "lone dots": b".\n..\n...\n.x\n. \n\n.\n.\n",
    "From lines": b"From me\n>From me\nFrom \n",
    "UTF-8": "Grüße, こんにちは, 🦀\n".encode(),
    "8-bit": bytes(range(0x80, 0x100)) + b"\n",
    "empty lines at the end": b"text\n\n\n",
    "a long line": b"x" * 990 + b"\n",
    "a line of 78 dots": b"." * 78 + b"\n",
    "trailing blanks": b"text \t \n \n\t\n",
    "commands": b"QUIT\nRSET\nMAIL FROM:<a@b>\nBDAT 0 LAST\n",
}
WITH_8BIT = (b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n")


@pytest.mark.parametrize("server,port", SMTPS + [("postfix", "plain"), ("exim", "starttls"), ("opensmtpd", "plain")])
def test_bytes_arrive_as_they_were_given(at, server, port):
    account = at(server, port)
    for body in BODIES.values():
        message = HEADER + (WITH_8BIT if not body.isascii() else b"") + b"\n" + body
        for form in (message, message.replace(b"\n", b"\r\n")):
            account.server.clear()
            assert account.deliver(["r@mail.test"], form, **_plain(port)).sent == message


@pytest.mark.parametrize("server,port", SMTPS)
def test_last_line_is_ended_and_a_bare_cr_does_not_leave(at, server, port):
    account = at(server, port)
    got = account.deliver(["r@mail.test"], HEADER + b"\none\rtwo\r\r\nthree\n.\r.\nno end", **_plain(port)).sent
    header, _, body = got.partition(b"\n\n")
    assert header + b"\n" == HEADER and b"\r" not in body
    assert body.endswith(b"\nthree\n. .\nno end\n") and body.startswith(b"one two")


@pytest.mark.parametrize("server,port", SMTPS)
def test_two_megabytes(at, server, port):
    body = b"".join(b"%07d 0123456789012345678901234567890123456789012345678901234567890\n" % n for n in range(28_000))
    got = at(server, port).deliver(["r@mail.test"], HEADER + b"\n" + body, **_plain(port))
    assert got.sent == HEADER + b"\n" + body


@pytest.mark.parametrize("server,port", SMTPS)
def test_empty_message_and_null_sender(at, server, port):
    message = at(server, port).deliver(["-f", "", "r@mail.test"], b"", **_plain(port))
    assert message.sender == "" and message.recipients == ["r@mail.test"]
    assert re.search(rb"^From: .*sender@mail\.test", message.sent, re.MULTILINE | re.IGNORECASE)


@pytest.mark.parametrize("server,port", [("postfix", "smtps"), ("postfix", "poor_smtps"), ("exim", "smtps")])
def test_utf8_recipient(at, server, port):
    assert at(server, port).deliver(["jörg@mail.test"], **_plain(port)).recipients == ["jörg@mail.test"]


def test_utf8_recipient_at_a_server_that_cannot(at):
    account = at("opensmtpd", "smtps")
    done = account.send(["jörg@mail.test"])
    [line] = done.err.splitlines()
    assert done.rc == 65 and "jörg@mail.test" in line and "SMTPUTF8" in line and account.server.messages() == []


@pytest.mark.parametrize("server,port", SMTPS)
def test_recipients_of_the_header_and_no_bcc(at, server, port):
    message = HEADER.replace(b"To: r@mail.test", b"To: \"R, r\" <r@mail.test>\nBcc: hidden@mail.test\n"
                             b"Cc: Friends: c1@mail.test,\n c2@mail.test;")
    got = at(server, port).deliver(["-t"], message + b"\ntext\n", count=4, **_plain(port))
    assert sorted(got.recipients) == ["c1@mail.test", "c2@mail.test", "hidden@mail.test", "r@mail.test"]
    assert b"hidden" not in got.sent and b"Bcc" not in got.sent


def _plain(port):
    return {"auth": "plain"} if port not in ("plain", "poor_plain") else {}


# -- delivery reports -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server,port", SMTPS)
@pytest.mark.parametrize("amount", ["hdrs", "full"])
def test_delivery_report_of_success(at, server, port, amount):
    account = at(server, port)
    done = account.send(["-N", "success", "-R", amount, "-V", "id+17", "r@mail.test"], MESSAGE, **_plain(port))
    assert (done.rc, done.err) == (0, "")
    found = account.server.wait_messages(2)
    [report] = [m for m in found if m.sender == ""]
    assert report.recipients == ["sender@mail.test"]
    assert re.search(rb"r@mail\.test", report.data)
    # A report of success never gives back the body, at servers that know RFC 3461 well.
    assert (b"\nA line." in report.data) == (server == "opensmtpd" and amount == "full")
    if server != "opensmtpd":
        # Exim shows the identifier in the form in which it travels.
        envid = b"id+2B17" if server == "exim" else b"id+17"
        assert b"\noriginal-envelope-id: " + envid + b"\n" in report.data.lower().replace(b"+2b", b"+2B")


# -- manners --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", POSTFIX + ["plain", "poor_plain"])
def test_postfix_sees_a_client_with_manners(at, port):
    """Each command is accepted, QUIT is among them, nothing came too early, and the connection was not torn down."""
    account = at("postfix", port)
    account.deliver(["r1@mail.test", "r2@mail.test"], count=2, **_plain(port))
    summary = account.wait_log(r"disconnect from \S+ (.*)")[1]
    assert re.search(r"\bmail=1 rcpt=2 (bdat|data)=1 quit=1 commands=\d+$", summary) and "/" not in summary
    assert not re.search("pipelining|lost connection|timeout|warning|TLS.*error|non-SMTP|too many errors",
                         account.server_log())
