"""Who gets the message, who sent it, and what its header looks like: recipients, sender, header fields, aliases, DSN.

Each test hands one message to the program and looks at what a scripted server got.
"""
import email
import email.header
import email.policy
import email.utils
import re
import socket
import time
from pathlib import Path

import pytest

ME = "sender@mail.test"
COMPLETE = (b"Date: Sat, 21 Nov 2026 12:00:00 +0900\r\nFrom: Me <sender@mail.test>\r\nMessage-ID: <1@mail.test>\r\n"
            b"Subject: test\r\n")


def message(*fields, body=b"text\n"):
    """A message with these header lines (str)."""
    return "".join(f + "\n" for f in fields).encode() + b"\n" + body


def sent(result):
    """The one message that the server of `submit` got, after a silent success."""
    done, server = result
    assert (done.rc, done.err, done.out) == (0, "", "")
    [got] = server.messages
    return got


def header_of(got):
    return got.data.partition(b"\r\n\r\n")[0] + b"\r\n"


def fields_of(got):
    return email.message_from_bytes(got.data, policy=email.policy.SMTP)


# -- recipients -----------------------------------------------------------------------------------------------------

HEADER_RECIPIENTS = {
    "To, Cc and Bcc": ("To: a@x.test\nCc: b@x.test\nBcc: c@x.test", "a b c"),
    "several To fields": ("To: a@x.test\nTo: b@x.test", "a b"),
    "a list": ("To: a@x.test, b@x.test ,c@x.test,, d@x.test", "a b c d"),
    "display names": ('To: Anna <a@x.test>, "Doe, John" <b@x.test>, C. C. <c@x.test>', "a b c"),
    "encoded display name": ("To: =?utf-8?B?SsO2cmc=?= <a@x.test>", "a"),
    "UTF-8 display name": ("To: Jörg Müller <a@x.test>", "a"),
    "comments": ("To: (one) a@x.test (two (nested \\) ) ), b (three) @ (four) x.test", "a b"),
    "comment with comma and bracket": ("To: a@x.test (hello, <no@x.test>)", "a"),
    "group": ("To: Friends: a@x.test, B <b@x.test>;, c@x.test", "a b c"),
    "empty group": ("To: undisclosed-recipients:;\nCc: a@x.test", "a"),
    "folded": ("To: a@x.test,\n b@x.test\n\t, Anna\n  <c@x.test>", "a b c"),
    "value on the next line": ("To:\n a@x.test", "a"),
    "case of names": ("tO: a@x.test\nCC: b@x.test\nbCC: c@x.test", "a b c"),
    "no blank behind the colon": ("To:a@x.test", "a"),
    "blank before the colon": ("To : a@x.test", "a"),
    "route": ("To: <@r.test,@s.test:a@x.test>", "a"),
    "same address twice": ("To: a@x.test\nCc: A <a@X.TEST>, b@x.test", "a b"),
    "empty fields": ("To:\nCc: \nBcc: a@x.test", "a"),
    "not in other fields": ("To: a@x.test\nReply-To: no@x.test\nFrom: no@x.test\nX-To: no@x.test\nApparently-To: no@x.test",
                            "a"),
    "not in the body": ("To: a@x.test\n\nCc: no@x.test", "a"),
    "Resent-To beats To": ("Resent-To: a@x.test\nTo: no@x.test\nCc: no@x.test\nBcc: no@x.test", "a"),
    "Resent-Cc and Resent-Bcc": ("Resent-Cc: a@x.test\nResent-Bcc: b@x.test\nTo: no@x.test", "a b"),
    "all Resent blocks": ("Resent-From: r@x.test\nResent-To: a@x.test\nReceived: by x\nResent-From: s@x.test\n"
                          "Resent-To: b@x.test\nTo: no@x.test", "a b"),
    "Resent without recipients": ("Resent-From: r@x.test\nResent-Date: Sat, 21 Nov 2026 12:00:00 +0900\nTo: a@x.test", "a"),
}


@pytest.mark.parametrize("case", HEADER_RECIPIENTS, ids=str)
def test_recipients_of_the_header(submit, case):
    header, expected = HEADER_RECIPIENTS[case]
    got = sent(submit(["-t"], message(header)))
    assert got.recipients == [f"{name}@x.test" for name in expected.split()]


EXACT_ADDRESSES = {
    '"john doe"@x.test': '"john doe"@x.test',
    '"a,b"@x.test': '"a,b"@x.test',
    '"a@b"@x.test': '"a@b"@x.test',
    '"a\\"b\\\\c"@x.test': '"a\\"b\\\\c"@x.test',
    '"john"@x.test': "john@x.test",
    '"a>b"@x.test': '"a>b"@x.test',
    "a@[192.0.2.1]": "a@[192.0.2.1]",
    "a@[IPv6:2001:db8::1]": "a@[IPv6:2001:db8::1]",
    "!#$%&'*+-/=?^_`{|}~@x.test": "!#$%&'*+-/=?^_`{|}~@x.test",
    "MiXed@x.test": "MiXed@x.test",
}


@pytest.mark.parametrize("source", ["argv", "header"])
def test_unusual_addresses_reach_the_envelope_unchanged(submit, source):
    if source == "argv":
        result = submit(EXACT_ADDRESSES, message("Subject: x"))
    else:
        result = submit(["-t"], message(*(f"To: {a}" for a in EXACT_ADDRESSES)))
    assert sent(result).recipients == list(EXACT_ADDRESSES.values())


ARGUMENTS = [
    (["a@x.test"], "a"),
    (["a@x.test", "b@x.test"], "a b"),
    (["a@x.test,b@x.test"], "a b"),
    (["a@x.test, b@x.test ,c@x.test"], "a b c"),
    (["Name <a@x.test>", "<b@x.test>", "c@x.test (comment)"], "a b c"),
    (["Team: a@x.test, b@x.test;"], "a b"),
    (["a@x.test", "-i", "b@x.test", "-F", "name"], "a b"),
    (["a@x.test", "a@x.test"], "a"),
    (["-B", "8BITMIME", "-B7BIT", "-Nnever", "-Rhdrs", "-Vx", "-bm", "-oi", "a@x.test"], "a"),
    (["-i", "--", "-a@x.test", "b@x.test"], "-a b"),
]


@pytest.mark.parametrize("args,expected", ARGUMENTS, ids=lambda v: str(v))
def test_recipients_of_the_command_line_alone(submit, args, expected):
    got = sent(submit(args, message("To: no@x.test", "Cc: no@x.test", "Resent-To: no@x.test")))
    assert got.recipients == [f"{name}@x.test" for name in expected.split()]


@pytest.mark.parametrize("header,expected", [("To: b@x.test\nBcc: c@x.test, a@x.test", "a b c"),
                                             ("Resent-To: b@x.test\nTo: no@x.test", "a b"), ("Subject: x", "a")])
def test_with_t_the_command_line_adds_recipients(submit, header, expected):
    got = sent(submit(["-ti", "a@x.test"], message(header)))
    assert sorted(got.recipients) == [f"{name}@x.test" for name in expected.split()]


def test_smtputf8_is_asked_for_only_when_an_address_needs_it(submit):
    assert "SMTPUTF8" not in sent(submit(["a@x.test"], message("To: Jörg <a@x.test>", "Subject: ü"))).mail_params
    for args, header in ((["jörg@x.test"], "Subject: x"), (["a@x.test"], "To: jörg@x.test")):
        assert "SMTPUTF8" in sent(submit(args, message(header))).mail_params


# -- Bcc ------------------------------------------------------------------------------------------------------------

BCC = (b"Bcc: b@x.test\r\n", b"BCC : b@x.test,\r\n c@x.test,\r\n\td@x.test\r\n", b"bcc:\r\n", b"Resent-Bcc: e@x.test\r\n",
       b"rEsent-bCC: e@x.test,\r\n f@x.test\r\n")


@pytest.mark.parametrize("args", [["-t"], ["a@x.test"], ["-t", "a@x.test"]], ids=" ".join)
@pytest.mark.parametrize("ends", [b"\r\n", b"\n"], ids=["CRLF", "LF"])
def test_bcc_never_leaves(submit, args, ends):
    first = b"Resent-Date: x\r\nResent-From: f@x.test\r\nResent-Message-ID: <1@x.test>\r\nTo: a@x.test\r\n"
    second = b"X-Bcc: stays\r\nBc: stays\r\n"
    header = COMPLETE + BCC[0] + first + b"".join(BCC[1:4]) + second + BCC[4]
    got = sent(submit(args, (header + b"\r\nBcc: body@x.test\r\n").replace(b"\r\n", ends)))
    assert got.data == COMPLETE + first + second + b"\r\nBcc: body@x.test\r\n"


def test_remove_bcc_headers_off_keeps_them(submit):
    got = sent(submit(["-t"], COMPLETE + BCC[0] + b"\r\n", {"remove_bcc_headers": "off"}))
    assert got.data == COMPLETE + BCC[0] + b"\r\n"


# -- header ---------------------------------------------------------------------------------------------------------

def test_what_is_there_is_not_changed_by_a_byte(submit):
    header = COMPLETE + b"Received: from x\r\n\tby y;  z\r\nX-Odd :  \x01 \t\r\nX-Long: " + b"y" * 990 + b"\r\nTo: a@x.test\r\n"
    assert sent(submit(["-t"], header + b"\r\nbody\r\n")).data == header + b"\r\nbody\r\n"


@pytest.mark.parametrize("missing", ["Date", "From", "Message-ID"])
def test_one_missing_field_is_added_and_the_rest_kept(submit, missing):
    rest = b"".join(f + b"\r\n" for f in COMPLETE.splitlines() if not f.startswith(missing.encode()))
    got = header_of(sent(submit(["a@x.test"], rest + b"\r\n")))
    added = b"".join(f for f in got.splitlines(True) if f not in rest)
    assert re.fullmatch(rb"%s: [^\r\n]+\r\n" % missing.encode(), added)
    assert got.replace(added, b"") == rest


def test_added_fields_are_right(submit):
    before = int(time.time())
    first, second = (sent(submit(["a@x.test"], b"Subject: x\n\n")) for _ in range(2))
    fields = fields_of(first)
    assert before <= email.utils.parsedate_to_datetime(fields["Date"]).timestamp() <= time.time() + 1
    assert re.fullmatch(rb"Date: [A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}",
                        header_of(first).splitlines()[0])
    assert re.fullmatch(r"<[A-Za-z0-9.]+@[A-Za-z0-9.-]+>", fields["Message-ID"])
    assert fields["Message-ID"] != fields_of(second)["Message-ID"]
    assert fields["From"] == ME


def test_fields_are_added_also_in_the_zone_of_the_user(submit):
    got = sent(submit(["a@x.test"], b"Subject: x\n\n", env={"TZ": "JST-9"}))
    date = fields_of(got)["Date"]
    assert date.endswith("+0900")
    assert abs(email.utils.parsedate_to_datetime(date).timestamp() - time.time()) < 60


def test_header_in_a_message_without_one(submit):
    got = sent(submit(["a@x.test"], b"disk is full\nTo: nobody\n"))
    assert got.data.endswith(b"\r\n\r\ndisk is full\r\nTo: nobody\r\n")
    assert [name for name, _ in fields_of(got).items()] == ["Date", "From", "Message-ID"]


def test_resent_message_keeps_its_own_fields_and_gets_resent_ones(submit):
    original = b"Subject: old\r\nTo: b@x.test\r\nDate: d\r\nFrom: f@x.test\r\nMessage-ID: <m@x.test>\r\n"
    got = header_of(sent(submit(["-t"], b"Resent-From: r@x.test\r\nResent-To: a@x.test\r\n" + original + b"\r\n")))
    lines = got.splitlines()
    assert got.endswith(b"Resent-From: r@x.test\r\nResent-To: a@x.test\r\n" + original)
    assert sorted(line.partition(b":")[0] for line in lines[:2]) == [b"Resent-Date", b"Resent-Message-ID"]
    assert len(lines) == 9


def test_author_of_the_message_as_sender(submit):
    """from %F, as in msmtp."""
    settings = {"from": "%F"}
    assert sent(submit(["a@x.test"], message("From: Joe <joe@home.test>"), settings)).sender == "joe@home.test"
    resent = message("Resent-From: jim@home.test", "Resent-To: x@x.test", "From: joe@home.test")
    assert sent(submit(["a@x.test"], resent, settings)).sender == "jim@home.test"
    assert sent(submit(["-f", "f@x.test", "a@x.test"], message("From: joe@home.test"), settings)).sender == "f@x.test"
    assert "@" in sent(submit(["a@x.test"], message("Subject: nobody"), settings)).sender


@pytest.mark.parametrize("settings,names", [({"set_date_header": "off"}, "From Message-ID"),
                                            ({"set_msgid_header": "off"}, "Date From"),
                                            ({"set_from_header": "off"}, "Date Message-ID")])
def test_fields_that_shall_not_be_added(submit, settings, names):
    got = sent(submit(["a@x.test"], b"\ntext\n", settings))
    assert [name for name, _ in fields_of(got).items()] == names.split()


def test_set_from_header_on_replaces_from(submit):
    got = sent(submit(["a@x.test"], COMPLETE + b"\r\n", {"set_from_header": "on", "from_full_name": "It is me"}))
    assert header_of(got) == COMPLETE.replace(b"Me <sender", b"It is me <sender")


@pytest.mark.parametrize("value,field", [("on", b"To: a@x.test, b@x.test\r\n"),
                                         ("undisclosed_recipients", b"To: undisclosed-recipients:;\r\n")])
def test_set_to_header(submit, value, field):
    got = sent(submit(["-t"], COMPLETE + b"To: A <a@x.test>\r\nCc: b@x.test\r\n\r\n", {"set_to_header": value}))
    assert header_of(got) == COMPLETE + field


NAMES = {"Anna": "Anna <sender@mail.test>", "Anna Smith": "Anna Smith <sender@mail.test>",
         "Smith, Anna": '"Smith, Anna" <sender@mail.test>', 'A "b" \\c': '"A \\"b\\" \\\\c" <sender@mail.test>', "": ME,
         "J. (x) <y>": '"J. (x) <y>" <sender@mail.test>'}


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_full_name_in_an_added_from(submit, name):
    got = header_of(sent(submit(["-F", name, "a@x.test"], b"Subject: x\n\n")))
    assert f"From: {NAMES[name]}\r\n".encode() in got


def test_full_name_that_is_not_ascii_is_encoded(submit):
    name = "Jörg Müller aus Österreich mit einem sehr langen Namen, der nicht in eine Zeile paßt 日本語"
    got = sent(submit(["-F", name, "a@x.test"], b"Subject: x\n\n"))
    assert header_of(got).isascii()
    raw = re.search(r"^From: (.*(?:\r\n .*)*)\r\n", header_of(got).decode(), re.MULTILINE)[1]
    # decode_header, as the newer interface keeps the blanks between encoded-words.
    assert str(email.header.make_header(email.header.decode_header(raw))) == f"{name} <{ME}>"
    assert max(map(len, header_of(got).splitlines())) <= 78


def test_full_name_changes_no_from_that_is_there(submit):
    assert sent(submit(["-F", "Other", "a@x.test"], COMPLETE + b"\r\n")).data == COMPLETE + b"\r\n"


# -- sender ---------------------------------------------------------------------------------------------------------

SENDERS = [
    (["-f", "u@y.test"], "u@y.test"), (["-fu@y.test"], "u@y.test"), (["-r", "u@y.test"], "u@y.test"),
    (["--from=u@y.test"], "u@y.test"), (["-f", "<u@y.test>"], "u@y.test"), (["-f", "The User <u@y.test>"], "u@y.test"),
    (["-f", "root@y.test (Cron Daemon)"], "root@y.test"), (["-f", "root@y.test (fcron)"], "root@y.test"),
    (["-f", '"two words"@y.test'], '"two words"@y.test'),
    (["-f", "a@y.test", "-f", "b@y.test"], "b@y.test"), ([], ME),
]


@pytest.mark.parametrize("args,sender", SENDERS, ids=lambda v: str(v))
def test_sender(submit, args, sender):
    got = sent(submit([*args, "a@x.test"], b"Subject: x\n\n", {"maildomain": "dom.test"}))
    assert got.sender == sender
    assert fields_of(got)["From"].addresses[0].addr_spec == sender


@pytest.mark.parametrize("value", ["", "<>", " <> "])
def test_null_sender(submit, value):
    got = sent(submit(["-f", value, "a@x.test"], b"Subject: x\n\n"))
    assert got.sender == ""
    # From needs an address all the same.
    assert fields_of(got)["From"] == ME


def test_sender_from_the_header(submit):
    header = b"From: Anna <anna@y.test>, b@y.test\n\n"
    assert sent(submit(["--read-envelope-from", "a@x.test"], header)).sender == "anna@y.test"
    assert sent(submit(["--read-envelope-from", "-f", "c@y.test", "a@x.test"], header)).sender == "c@y.test"
    assert sent(submit(["a@x.test"], header)).sender == ME


def test_allow_from_override_off(submit):
    settings = {"allow_from_override": "off"}
    assert sent(submit(["-f", "u@y.test", "a@x.test"], b"\n", settings)).sender == ME
    assert sent(submit(["-f", "<>", "a@x.test"], b"\n", settings)).sender == ""


# -- names without a domain -----------------------------------------------------------------------------------------

def test_maildomain_qualifies_recipients(submit):
    got = sent(submit(["-t", "root"], message("To: admin, \"two words\", a@x.test"), {"maildomain": "dom.test"}))
    assert sorted(got.recipients) == ['"two words"@dom.test', "a@x.test", "admin@dom.test", "root@dom.test"]


def test_without_maildomain_the_machine_qualifies(submit):
    mailname = Path("/etc/mailname")
    name = mailname.read_text().split()[0] if mailname.exists() else socket.gethostname()
    [recipient] = sent(submit(["root"], b"\n")).recipients
    assert re.fullmatch(rf"root@{re.escape(name)}(\..+)?", recipient)


ALIASES = """# a comment
root: admin, Boss@x.test
admin: a@x.test,
  b@x.test   # behind a blank
Postmaster: root
self: self, c@x.test
"""


@pytest.mark.parametrize("rest,args,expected", [
    ("", ["root"], "a@x.test b@x.test Boss@x.test"),
    ("", ["ROOT", "postmaster", "a@x.test"], "a@x.test b@x.test Boss@x.test"),
    ("", ["self"], "self@dom.test c@x.test"),
    ("", ["unknown"], "unknown@dom.test"),
    ("", ["root@other.test"], "root@other.test"),
    ("default: d@x.test\n", ["unknown", "admin"], "d@x.test a@x.test b@x.test"),
])
def test_aliases(submit, tmp_path, rest, args, expected):
    (tmp_path / "aliases").write_text(ALIASES + rest)
    settings = {"aliases": tmp_path / "aliases", "maildomain": "dom.test"}
    got = sent(submit(args, COMPLETE + b"To: root\r\n\r\n", settings))
    assert sorted(got.recipients) == sorted(expected.split())
    # Aliases change the envelope, and nothing else.
    assert got.data.startswith(COMPLETE + b"To: root")


@pytest.mark.parametrize("text,line", [("root: |cmd\n", 1), ("\nroot: /var/mail/a\n", 2), ("root: :include:/nowhere/x\n", 1),
                                       (None, None)])
def test_aliases_that_leave_nobody_send_nothing(submit, tmp_path, text, line):
    """Mistakes in the file: test_aliases_file.py."""
    file = tmp_path / "aliases"
    if text is not None:
        file.write_text(text)
    done, server = submit(["root"], b"\n", {"aliases": file})
    assert done.rc == 78 and server.connections == []
    assert (f"{file}:{line}: " if line else str(file)) in done.err and done.err.count("\n") == 1


# -- delivery reports -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args,mail,rcpt", [
    (["-N", "never"], {}, {"NOTIFY": "NEVER"}),
    (["-N", "failure,delay,success"], {}, {"NOTIFY": "SUCCESS,FAILURE,DELAY"}),
    (["-Ndelay"], {}, {"NOTIFY": "DELAY"}),
    (["-R", "hdrs"], {"RET": "HDRS"}, {}), (["-R", "full"], {"RET": "FULL"}, {}),
    (["-V", "id=1 +x"], {"ENVID": "id+3D1+20+2Bx"}, {}), ([], {}, {}),
])
def test_delivery_reports_are_asked_for(submit, args, mail, rcpt):
    got = sent(submit([*args, "a@x.test"], b"\n"))
    assert {k: v for k, v in got.mail_params.items() if k in ("RET", "ENVID")} == mail
    notify = {k: ",".join(sorted(v.split(","))) for k, v in got.rcpt_params[0].items() if k == "NOTIFY"}
    assert notify == {k: ",".join(sorted(v.split(","))) for k, v in rcpt.items()}


def test_delivery_reports_are_left_out_when_not_offered(submit):
    got = sent(submit(["-N", "success", "-R", "full", "-V", "x", "a@x.test"], b"\n", without=["DSN"]))
    assert set(got.mail_params) <= {"SIZE", "BODY"} and got.rcpt_params == [{}]
