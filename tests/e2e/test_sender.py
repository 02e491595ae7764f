"""Who a message is from: the envelope sender, From, Sender, Reply-To and their Resent- forms, on the wire.

Programs of the machine send as root, cron or nobody; the server takes only the account's own address.
"""
import email
import email.policy
import email.utils
import re
import socket
import subprocess

import pytest

from lib.jail import NoJail
from lib.postfix import Postfix

ME = "sender@mail.test"
HOST = socket.gethostname()


def sent(result):
    """The one message that the server of `submit` got, after a silent success."""
    done, server = result
    assert (done.rc, done.err, done.out) == (0, "", "")
    [got] = server.messages
    return got


def fields(data):
    """[(name, value)] as they stand there, without those that every message gets."""
    header = data.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b"\t").decode()
    pairs = [tuple(line.split(": ", 1)) for line in header.split("\r\n")]
    return [p for p in pairs if p[0] not in ("Date", "Message-ID", "Subject")]


def origin(name, comment=None):
    plain = f"{name} on {HOST}" + (f" ({comment})" if comment else "")
    return f'"{plain}" <{ME}>' if comment or "." in HOST else f"{plain} <{ME}>"


# -- what the programs of a machine pass ------------------------------------------------------------------------------

PROGRAMS = {
    "cron": (["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"],
             "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@box> echo\nX-Cron-Env: <LOGNAME=root>\n", "Cron Daemon"),
    "cronie": (["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"],
               'From: "(Cron Daemon)" <root>\nTo: root\nSubject: Cron <root@box> echo\n', "Cron Daemon"),
    "anacron": (["-FAnacron", "-odi", "root"], "From: Anacron <root>\nTo: root\nSubject: Anacron job\n", "Anacron"),
    "systemd-cron": (["-i", "-B8BITMIME", "root"], "From: root (systemd-cron)\nTo: root\nSubject: x\n", "systemd-cron"),
    "arpwatch": (["-odi", "root"], "From: root (Arpwatch box)\nTo: root\nSubject: new station\n", "Arpwatch box"),
    "sudo": (["-t"], "To: root\nFrom: root\nAuto-Submitted: auto-generated\nSubject: *** SECURITY ***\n", None),
    "logwatch": (["-t"], "To: root\nFrom: root\nSubject: Logwatch for box\n", None),
    "unattended-upgrades": (["-oi", "-t"], "Subject: upgrades\nTo: root\nFrom: root\nAuto-Submitted: auto-generated\n", None),
    "mailutils": (["-oi", "-f", f"root@{HOST}", "-t"], f"To: root\nFrom: root <root@{HOST}>\nSubject: x\n", None),
}


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_mail_of_programs_is_from_the_account_and_says_where_it_comes_from(submit, program):
    args, header, comment = PROGRAMS[program]
    got = sent(submit(args, header.encode() + b"\ntext\n", {"system_mail": ME}))
    assert (got.sender, got.recipients) == (ME, [ME])
    found = dict(fields(got.data))
    assert found["From"] == origin("root", comment)
    assert "@" in found["X-Original-From"] and "root" in found["X-Original-From"]
    assert "@" in found["To"] and "Reply-To" not in found
    assert not comment or comment in found["X-Original-From"]


class Strict(Postfix):
    """A provider that takes nothing but what belongs to the login, and no header without domains."""

    def configure(self):
        super().configure()
        self.put("etc/postfix/strict", f"if /^From:/\n!/^From: ([^<>]* <)?{re.escape(ME)}>?$/ REJECT 5.7.1 not your From\n"
                 "endif\n/^(To|Cc|Sender|Reply-To): [^@]*$/ REJECT 5.7.1 no domain\n")


@pytest.fixture(scope="module")
def strict(pki):
    settings = (f"header_checks = regexp:/etc/postfix/strict\nsmtpd_sender_login_maps = inline:{{ {ME}=user@mail.test }}\n"
                "smtpd_sender_restrictions = reject_non_fqdn_sender, reject_sender_login_mismatch\n")
    try:
        with Strict(pki, settings=settings) as server:
            yield server
    except NoJail as reason:
        pytest.skip(f"postfix: {reason}")


@pytest.mark.parametrize("program", [*PROGRAMS, "at"], ids=str)
def test_a_strict_provider_takes_it(strict, relayrc, run_sendmail, program):
    args, header, comment = PROGRAMS.get(program, (["-i", "root"], "Subject: Output from your job\nTo: root\n", None))
    rc = relayrc(strict, port=strict.ports["smtps"], tls="implicit", user="user@mail.test", password="secret",
                 system_mail="admin@mail.test")
    strict.clear()
    done = run_sendmail(args, header.encode() + b"\ntext\n", rc)
    assert (done.rc, done.err) == (0, "")
    [message] = strict.wait_messages(1)
    assert (message.sender, message.recipients) == (ME, ["admin@mail.test"])
    mail = email.message_from_bytes(message.sent, policy=email.policy.default)
    assert not comment or comment in mail["From"].addresses[0].display_name
    assert program == "at" or mail["Reply-To"].addresses[0].addr_spec == "admin@mail.test"


def test_the_strict_provider_is_strict(strict, relayrc, run_sendmail):
    rc = relayrc(strict, port=strict.ports["smtps"], tls="implicit", user="user@mail.test", password="secret")
    for args, header in (([], "From: other@mail.test"), (["-f", "other@mail.test"], f"From: {ME}"), ([], "From: a b@c@d")):
        done = run_sendmail([*args, "r@mail.test"], header.encode() + b"\n\ntext\n", rc)
        assert done.rc != 0 and "5.7.1" in done.err


# -- the envelope -----------------------------------------------------------------------------------------------------

LOCAL = ["root", "cron", "Root@LocalHost", f"root@{HOST}", f"root@{HOST} (Cron Daemon)", "<root>", "Cron Daemon <root>",
         "root@localhost.localdomain", '"two words"']


@pytest.mark.parametrize("sender", LOCAL)
@pytest.mark.parametrize("override", ["on", "off"])
def test_a_local_envelope_sender_is_the_accounts_address(submit, sender, override):
    got = sent(submit(["-f", sender, "a@x.test"], b"Subject: x\n\n", {"allow_from_override": override}))
    assert got.sender == ME and fields(got.data) == [("From", ME)]


@pytest.mark.parametrize("sender,expected", [("root", "root@dom.test"), ('"two words"', '"two words"@dom.test'),
                                             ("root@localhost", "root@localhost"), (None, None)])
def test_without_an_address_of_the_account_it_gets_a_domain(submit, sender, expected):
    args = ["-f", sender] if sender else []
    got = sent(submit([*args, "a@x.test"], b"Subject: x\n\n", {"from": None, "maildomain": "dom.test"}))
    assert got.sender == expected if expected else got.sender.endswith("@dom.test")


@pytest.mark.parametrize("sender,override,expected", [
    ("u@y.test", "on", "u@y.test"), ("u@y.test (comment)", "on", "u@y.test"), ("u@y.test", "off", ME),
    ("", "on", ""), ("<>", "on", ""), ("", "off", ""), ("<>", "off", ""), (f"SENDER@{ME.partition('@')[2]}", "off", ME),
])
def test_a_sender_elsewhere(submit, sender, override, expected):
    got = sent(submit(["-f", sender, "a@x.test"], b"Subject: x\n\n", {"allow_from_override": override}))
    assert got.sender == expected
    assert fields(got.data) == [("From", expected or ME)]


def test_one_name_in_another_place_is_no_local_name(submit):
    """The account's domain may be the machine's own name."""
    settings = {"from": f"me@{HOST}.test"}
    assert sent(submit(["-f", f"joe@{HOST}.test", "a@x.test"], b"\n", settings)).sender == f"joe@{HOST}.test"


# -- set_from_header --------------------------------------------------------------------------------------------------

ALICE = "From: Alice <alice@y.test>"
AUTO, ON, OFF = ({"set_from_header": word} for word in ("auto", "on", "off"))
NAMED = {"from_full_name": "It is me"}
FROM_FIELDS = [
    (AUTO, ALICE, [("From", "Alice <alice@y.test>")]),
    (AUTO | NAMED, "From: root (x)", [("From", origin("root", "x")), ("X-Original-From", "root@dom.test (x)")]),
    (AUTO | NAMED, "X: y", [("From", f"It is me <{ME}>"), ("X", "y")]),
    (AUTO, f"{ALICE}\nfrom: root", [("From", "Alice <alice@y.test>"), ("X-Original-From", "root@dom.test")]),
    (AUTO, "From: a@y.test, b@y.test", [("From", "a@y.test, b@y.test"), ("Sender", ME)]),
    (AUTO, "From: Team: a@y.test, root;", [("From", f"a at y.test <{ME}>".replace("a at y.test", '"a at y.test"')),
                                            ("Reply-To", f"a@y.test, {ME}"), ("X-Original-From", "Team: a@y.test, root@dom.test;")]),
    (AUTO, "From: A Program", [("From", f"A Program <{ME}>"), ("X-Original-From", "A Program")]),
    (AUTO, "From: <root@y.test", [("From", "<root@y.test")]),
    (AUTO, "From:", [("From", ME)]),
    (AUTO, "From: a@y.test\nSender: root (r)", [("From", "a@y.test"), ("Sender", origin("root", "r")),
                                                 ("X-Original-Sender", "root@dom.test (r)")]),
    (ON, ALICE, [("From", f"Alice <{ME}>"), ("Reply-To", "Alice <alice@y.test>"), ("X-Original-From", "Alice <alice@y.test>")]),
    (ON, f"{ALICE}\nReply-To: b@y.test", [("From", f"Alice <{ME}>"), ("X-Original-From", "Alice <alice@y.test>"),
                                          ("Reply-To", "b@y.test")]),
    (ON | NAMED, ALICE, [("From", f"It is me <{ME}>"), ("Reply-To", "Alice <alice@y.test>"),
                         ("X-Original-From", "Alice <alice@y.test>")]),
    (ON, f"From: Me\t<{ME}>", [("From", f"Me\t<{ME}>")]),
    (ON, "From: sender+cron@mail.test", [("From", "sender+cron@mail.test")]),
    (OFF, "From: root", [("From", "root")]),
    (OFF, "From: root\nFrom: b", [("From", "root"), ("From", "b")]),
    (OFF, "X: y", [("X", "y")]),
]


@pytest.mark.parametrize("settings,header,expected", FROM_FIELDS, ids=lambda v: str(v)[:60])
def test_set_from_header(submit, settings, header, expected):
    got = sent(submit(["a@x.test"], header.encode() + b"\n\ntext\n", {"maildomain": "dom.test"} | settings))
    assert fields(got.data) == expected


@pytest.mark.parametrize("aliases,reply", [("root: boss@y.test", "boss@y.test"), ("root: a@y.test, b@y.test", None),
                                           (f"root: {ME}", None), ("root: \"|/bin/true\"", None), ("joe: j@y.test", "admin@y.test")])
def test_replies_go_to_who_reads_the_mail_of_the_local_name(submit, tmp_path, aliases, reply):
    (tmp_path / "aliases").write_text(aliases + "\n")
    settings = {"aliases": tmp_path / "aliases", "system_mail": "admin@y.test"}
    found = dict(fields(sent(submit(["a@x.test"], b"From: root\n\n", settings)).data))
    assert found.get("Reply-To") == reply


def test_a_name_that_is_not_ascii_is_encoded_and_folded(submit):
    name = "Jörg Müller aus Österreich mit einem sehr langen Namen, der nicht in eine Zeile paßt"
    for settings, header in ((AUTO, f"From: {name.replace(',', '')} <root>"), (ON, f'From: "{name}" <a@y.test>')):
        data = sent(submit(["a@x.test"], f"{header}\n\n".encode(), settings)).data
        header = data.partition(b"\r\n\r\n")[0]
        assert header.isascii() and max(map(len, header.split(b"\r\n"))) <= 78
        mail = email.message_from_bytes(data, policy=email.policy.SMTP)
        assert mail["From"].addresses[0].addr_spec == ME and "Österreich" in mail["From"].addresses[0].display_name


HOSTILE = ["From: root (a\r\n b)\r\n", 'From: "a\\\r\n b" <root>\r\n', "From: root\rBcc: evil@x.test\n", "From: " + "(" * 5000 + "root\n",
           "From: root (" + "x" * 100_000 + ")\n", "From: " + ", ".join(["root"] * 20_000) + "\n",
           "From: " + "\n ".join(["a"] * 1000) + "\n", "From: \0root\n", "From: =?utf-8?q?a=0D=0ABcc:_b?= <root>\n",
           "From:" + " \n \t" * 300 + " root\n", "From: root (\x1b[2J\x07)\n"]


@pytest.mark.parametrize("header", HOSTILE, ids=lambda h: repr(h[:25]))
@pytest.mark.parametrize("settings", [AUTO, ON], ids=str)
def test_nothing_from_the_header_begins_a_field(submit, header, settings):
    data = sent(submit(["a@x.test"], b"X-A: 1\n" + header.encode() + b"X-B: 2\n\ntext\n", settings)).data
    head = data.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert set(names) <= {b"Date", b"Message-ID", b"X-A", b"From", b"Reply-To", b"X-Original-From", b"X-B"}
    assert names.count(b"From") == 1 and names[-1] == b"X-B"
    assert b"\r" not in head.replace(b"\r\n", b"") and b"\n" not in head.replace(b"\r\n", b"") and b"\0" not in head


# -- sent again, signed -----------------------------------------------------------------------------------------------

OLD = (b"Received: from a by b\r\nFrom: Alice <alice@y.test>\r\nTo: root, bob\r\nCc: joe\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
       b"Message-ID: <1@y.test>\r\nSubject: x\r\n")


def test_a_bounced_message_keeps_all_but_its_return_path(submit):
    """As mutt does it: its fields above, and the recipients as arguments."""
    resent = b"Resent-From: root (Joe)\r\nResent-Date: Sat, 21 Nov 2026 13:00:00 +0000\r\nResent-Message-ID: <2@box>\r\n" \
             b"Resent-To: bob@x.test\r\n"
    got = sent(submit(["--", "bob@x.test"], resent + b"Return-Path: <alice@y.test>\r\n" + OLD + b"\r\ntext\r\n"))
    assert got.data == resent.replace(b"root (Joe)", origin("root", "Joe").encode()) + OLD + b"\r\ntext\r\n"


SIGNED = b"DKIM-Signature: v=1; a=rsa-sha256; h=from:to:cc;\r\n b=x\r\n" + OLD.replace(b"Alice <alice@y.test>", b"alice")


@pytest.mark.parametrize("settings", [AUTO, OFF], ids=str)
def test_a_signed_message_is_not_touched(submit, settings):
    assert sent(submit(["b@x.test"], SIGNED + b"\r\ntext\r\n", settings)).data == SIGNED + b"\r\ntext\r\n"


def test_a_signature_that_is_broken_is_told(submit, tmp_path):
    done, server = submit(["b@x.test"], SIGNED + b"\r\ntext\r\n", ON | {"logfile": tmp_path / "log"})
    assert done.rc == 0 and re.fullmatch(r"sendmail: [^\n]*DKIM[^\n]*set_from_header on[^\n]*\n", done.err)
    assert "DKIM" in (tmp_path / "log").read_text()
    found = fields(server.messages[0].data)
    assert found[2:4] == [("From", origin("alice")), ("X-Original-From", f"alice@{dict(found)['X-Original-From'].partition('@')[2]}")]
    assert ("To", "root, bob") in found


# -- substitutions ----------------------------------------------------------------------------------------------------

WHO = {"USER": "ursula", "HOSTNAME": "hilda"}


@pytest.mark.parametrize("settings,sender", [
    ({"from": "%U@x.test"}, "ursula@x.test"), ({"from": "%U+%H@x.test"}, "ursula+hilda@x.test"), ({"from": "root@%H.test"}, "root@hilda.test"),
    ({"from": None, "maildomain": "%H.test", "auto_from": "on"}, "%LOGIN@hilda.test"), ({"from": "100%@x.test"}, "100%@x.test"),
])
def test_substitutions_in_the_sender(submit, settings, sender):
    got = sent(submit(["a@x.test"], b"\n", settings, env=WHO))
    login = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
    assert got.sender == sender.replace("%LOGIN", login)
    assert fields(got.data) == [("From", got.sender)]


def test_substitutions_in_domain_and_none_in_names(submit):
    done, server = submit(["a@x.test"], b"\n", {"domain": "%H.test", "from_full_name": "%U of %H"}, env=WHO)
    [got] = server.messages
    assert fields(got.data) == [("From", f"%U of %H <{ME}>")]
    assert re.search(rb"^Message-ID: <[^@]+@hilda.test>\r$", got.data, re.MULTILINE)
    assert server.connections[0].helo == "hilda.test"


def test_mail_that_waits_keeps_its_sender(account, scripted, run_sendmail, queue):
    with_name = scripted(tls="none")
    account(with_name, from_="%U@x.test")
    assert run_sendmail(["-odq", "a@x.test"], b"From: root\n\n", env={"USER": "first"}).rc == 0
    assert run_sendmail(["-q"], env={"USER": "second"}).rc == 0
    [got] = with_name.settle().messages
    assert got.sender == "first@x.test" and dict(fields(got.data))["From"].endswith("<first@x.test>")
