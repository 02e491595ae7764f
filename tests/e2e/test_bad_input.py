"""Input that is short of something, too much, or contradicts itself: it arrives whole, or one clear line says why not.

Line ends, dots and large bodies are in test_message_form.py, addresses in test_bad_address.py, repair of generated
messages in tests/property and test_repair_generated.py. Here the caller's mistakes are given to the program as it is.
"""
import email
import email.policy
import os
import re

import pytest

from lib.observed import Meter, sanitized

NOBODY = "sendmail: no recipients: name them as arguments, or use -t and name them in To, Cc or Bcc\n"


@pytest.fixture
def arrives(submit):
    """arrives(args, stdin) -> the only message: no bare CR or LF, no line over 998, no NUL."""
    def call(args, stdin, settings=None, **options):
        done, server = submit(args, stdin, settings, **options)
        assert (done.rc, done.err, done.out) == (0, "", "")
        [message] = server.messages
        assert re.search(rb"\r(?!\n)|(?<!\r)\n|\0", message.data) is None
        assert max(map(len, message.data.split(b"\r\n"))) <= 998
        return message
    return call


def read(message):
    return email.message_from_bytes(message.data, policy=email.policy.default)


def body(message):
    """Decoded, with LF line ends."""
    return read(message).get_payload(decode=True).replace(b"\r\n", b"\n")


# -- parts that are missing -------------------------------------------------------------------------------------------


# Standard input, and what must arrive: Subject (None: there is none) and body.
SHORT = {
    "header without a body": (b"Subject: x\nTo: b@x.test\n", "x", b""),
    "header with its blank line": (b"Subject: x\n\n", "x", b""),
    "header without a line end": (b"Subject: x", "x", b""),
    "header that ends in folding": (b"Subject: x\n\ty\n \n", "x y", b""),
    "body without a header": (b"hello\nthere\n", None, b"hello\nthere\n"),
    "body behind a blank line": (b"\nSubject: x\n", None, b"Subject: x\n"),
    "body that begins with a blank": (b" hello\nSubject: x\n", None, b" hello\nSubject: x\n"),
    "no line end last": (b"Subject: x\n\nbody", "x", b"body\n"),
    "nothing": (b"", None, b""),
    "one line end": (b"\n", None, b""),
    "a dot": (b".\n", None, b""),
    "a dot behind the header": (b"Subject: x\n.\nbody\n", "x", b""),
    "mbox line": (b"From joe@x.test Sat Nov 21 12:00:00 2026\nSubject: x\n\nbody\n", "x", b"body\n"),
    "mbox line alone": (b"From joe@x.test Sat Nov 21 12:00:00 2026\n", None, b""),
    "mbox line and CRLF": (b"From joe@x.test Sat Nov 21 12:00:00 2026\r\nSubject: x\r\n\r\nbody\r\n", "x", b"body\n"),
    # It is one message for us, as for every sendmail; what is behind the second line must not get lost.
    "mbox of two": (b"From a@x Sat Nov 21 12:00:00 2026\nSubject: x\n\none\n\nFrom b@x Sat Nov 21 12:00:01 2026\n"
                    b"Subject: y\n\ntwo\n", "x", b"one\n\nFrom b@x Sat Nov 21 12:00:01 2026\nSubject: y\n\ntwo\n"),
    "CRLF in the header, LF in the body": (b"Subject: x\r\nX: y\r\n\r\none\ntwo\n", "x", b"one\ntwo\n"),
    "LF in the header, CRLF in the body": (b"Subject: x\nX: y\n\none\r\ntwo\r\n", "x", b"one\ntwo\n"),
    "blank line of CRLF behind LF": (b"Subject: x\n\r\nbody\n", "x", b"body\n"),
    "line in the header that is no field": (b"Subject: x\noops\nX: y\n\nbody\n", "x", b"oops\nX: y\n\nbody\n"),
    "field without a name": (b"Subject: x\n: y\n\nbody\n", "x", b": y\n\nbody\n"),
}


@pytest.mark.parametrize("case", SHORT)
def test_parts_that_are_missing(arrives, case):
    stdin, subject, text = SHORT[case]
    message = arrives(["a@x.test"], stdin)
    assert message.recipients == ["a@x.test"]
    got = read(message)["Subject"]
    assert (got if got is None else " ".join(got.split()), body(message)) == (subject, text)
    assert all(read(message)[name] for name in ("From", "Date", "Message-ID"))


@pytest.mark.parametrize("stdin", [b"", b"\n", b"Subject: x\n\nTo: a@x.test\n", b"To:\nCc: ,,\nBcc: none:;\n\nbody\n",
                                   b"To: (nobody)\n\nbody\n", b"hello\n", b"\0\0"], ids=range(7))
def test_nobody_to_send_to(submit, stdin):
    done, server = submit(["-t"], stdin)
    assert (done.rc, done.err, done.out, server.connections) == (64, NOBODY, "", [])


# -- bytes that have no place in mail ---------------------------------------------------------------------------------


def test_nul_in_header_and_body(arrives):
    message = arrives(["-t"], b"Subject: a\0b\nTo: \"J\\oe\" <a@x.test>\n\nb\0dy\n")
    # Python gives up at a NUL in an encoded-word, but for its oldest functions.
    [(subject, charset)] = email.header.decode_header(email.message_from_bytes(message.data)["Subject"])
    assert subject in (b"a\0b", b"a?b") and message.recipients == ["a@x.test"]
    assert body(message) == b"b\0dy\n"


def test_nul_in_an_address_of_the_header(submit):
    done, server = submit(["-t"], b"Subject: x\nTo: a@x.test,\n b\0@x.test\n\nbody\n")
    assert (done.rc, server.connections) == (65, [])
    assert done.err == 'sendmail: To: line 2, column 3: address "b\\x00@x.test": a NUL byte; leave it out\n'


def test_nul_where_a_header_should_begin(arrives):
    assert body(arrives(["a@x.test"], b"\0\0\nSubject: x\n\nbody\n")) == b"\0\0\nSubject: x\n\nbody\n"


@pytest.mark.parametrize("before", [b"", b"Subject: x\n\n"], ids=["first line", "body"])
@pytest.mark.parametrize("after", [b"", b"\n", b"\nmore\n"], ids=["", "LF", "more"])
@pytest.mark.parametrize("byte", [b"x", b"=", b".", b"\xe3"], ids=repr)
def test_a_megabyte_without_a_line_end(arrives, before, byte, after):
    text = byte * 1_000_000
    assert body(arrives(["-i", "a@x.test"], before + text + after)) == text + (after or b"\n")


def test_a_megabyte_of_carriage_returns(arrives):
    """In a row they are one blank, or belong to the line end."""
    crs = b"\r" * 1_000_000
    assert body(arrives(["a@x.test"], b"Subject: x\n\none" + crs + b"two" + crs + b"\nthree\n")) == b"one two\nthree\n"


# -- too much ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Subject", "X-Long", "References", "X-Very-" + "Long" * 200])
@pytest.mark.parametrize("value", ["words of text " * 70_000, "w" * 1_000_000, "日本語" * 110_000,
                                   "<id@x.test> " * 80_000], ids=["words", "one word", "UTF-8", "ids"])
def test_megabyte_header_field(arrives, name, value):
    given = f"{name}: {value}".rstrip()
    message = arrives(["a@x.test"], given.encode() + b"\nX-Last: there\n\nbody\n")
    assert read(message)["X-Last"] == "there" and body(message) == b"body\n"
    if name == "Subject" and "<" not in value:
        raw = email.message_from_bytes(message.data, policy=email.policy.compat32)["Subject"].replace("\r\n", "")
        parts = [(p if isinstance(p, bytes) else p.encode()).decode(c or "ascii") for p, c in email.header.decode_header(raw)]
        assert "".join(parts).split() == value.split()


def test_megabyte_of_folding(arrives):
    message = arrives(["-t"], b"To: a@x.test,\n" + b" \n" * 300_000 + b" b@x.test\n\nbody\n")
    assert message.recipients == ["a@x.test", "b@x.test"]


def test_ten_thousand_fields(arrives):
    message = arrives(["a@x.test"], b"".join(b"X-%d: %d\n" % (i, i) for i in range(10_000)) + b"\nbody\n")
    assert [read(message)[f"X-{i}"] for i in (0, 5_000, 9_999)] == ["0", "5000", "9999"]


MANY = [f"u{i}@x.test" for i in range(10_000)]
WAYS = {
    "arguments": (MANY, b"Subject: x\n\nbody\n"),
    "arguments that are lists": ([",".join(MANY[:5000]), ",".join(MANY[5000:])], b"Subject: x\n\nbody\n"),
    "-t": (["-t"], b"To: " + ",".join(MANY).encode() + b"\n\nbody\n"),
    "-t, folded": (["-t"], b"To: " + ",\n\t".join(MANY).encode() + b"\n\nbody\n"),
    "-t, a field each": (["-t"], "".join(f"Bcc: {one}\n" for one in MANY).encode() + b"\nbody\n"),
    "-t and arguments": (["-t", *MANY[5000:]], b"Cc: " + ",".join(MANY).encode() + b"\n\nbody\n"),
}


def test_megabyte_of_recipients(arrives):
    given = [f"u{i}@example.test" for i in range(53_000)]
    message = arrives(["-t"], b"To: " + ",".join(given).encode() + b"\n\nbody\n")
    assert sorted(message.recipients) == sorted(given)


@pytest.mark.parametrize("way", WAYS)
def test_ten_thousand_recipients(arrives, way):
    args, stdin = WAYS[way]
    assert sorted(arrives(args, stdin).recipients) == sorted(MANY)


def test_ten_thousand_recipients_of_a_server_that_takes_a_hundred(submit):
    done, server = submit(MANY, b"Subject: x\n\nbody\n", extra=["LIMITS RCPTMAX=100"])
    assert (done.rc, done.err) == (0, "")
    assert sorted(r for m in server.messages for r in m.recipients) == sorted(MANY)
    assert {len(m.recipients) for m in server.messages} == {100}


@pytest.mark.parametrize("way", ["arguments", "-t"])
def test_memory_of_ten_thousand_recipients(run_sendmail, scripted, relayrc, relay, tmp_path, way):
    if sanitized(relay):
        pytest.skip("a sanitizer's memory is not ours")
    meter, (args, stdin) = Meter(tmp_path), WAYS[way]
    with open(tmp_path / "rc", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as rc:
        rc.write(relayrc(scripted()))
    done = run_sendmail(["-C", tmp_path / "rc", *args], stdin, under=meter.under)
    assert (done.rc, done.err) == (0, "") and meter.peak < 24 << 20


# -- options that contradict each other -------------------------------------------------------------------------------


DIALOGUE = b"EHLO x\r\nMAIL FROM:<m@x.test>\r\nRCPT TO:<r@x.test>\r\nDATA\r\n\r\nx\r\n.\r\nQUIT\r\n"


@pytest.mark.parametrize("args, words", [
    ("-bp a@x.test", "a@x.test: the list of the queue (-bp, mailq) takes no recipients; to send a message leave it out"),
    ("-bi a@x.test", "a@x.test: the check of the aliases (-bi, newaliases) takes no recipients; to send a message leave it out"),
    ("-q a@x.test", "a@x.test: a queue run (-q) takes no recipients; to send a message leave it out"),
    ("-q -t", "-t cannot stand beside a queue run (-q): no message is sent"),
    ("-bp -t", "-t cannot stand beside the list of the queue (-bp, mailq): no message is sent"),
    ("-bv -t a@x.test", "-t cannot stand beside -bv: no message is read"),
    ("-bs -t", "-t cannot stand beside -bs: recipients come in the SMTP dialogue"),
    ("-t -bs", "-t cannot stand beside -bs: recipients come in the SMTP dialogue"),
    ("-bs a@x.test", "with -bs recipients come in the SMTP dialogue, not on the command line"),
    ("-bv -bs a@x.test", "with -bs recipients come in the SMTP dialogue, not on the command line"),
    ("-bd a@x.test", "-bd: relay is not a mail server and never listens; to flush the queue again and again use -q15m"),
    ("-N never,failure a@x.test", "command line: dsn_notify: must be off, never, or some of: failure, delay, success"),
    ("-bv", NOBODY[10:-1]), ("--", NOBODY[10:-1]), ("", NOBODY[10:-1])])
def test_a_call_that_cannot_be_meant(submit, args, words):
    done, server = submit(args.split(), DIALOGUE)
    assert (done.rc, done.err, done.out, server.connections) == (64, f"sendmail: {words}\n", "", [])


@pytest.mark.parametrize("args, sender", [
    ("-f a@x.test -f b@x.test", "b@x.test"), ("-fa@x.test -r b@x.test", "b@x.test"),
    ("-f a@x.test --from=b@x.test", "b@x.test"), ("-odq -odi", "sender@mail.test"), ("-odi -odq", "sender@mail.test"),
    ("-odq", "sender@mail.test"), ("-ODeliveryMode=q -ODeliveryMode=i", "sender@mail.test"), ("-bp -bm", "sender@mail.test"),
    ("-bv -bm", "sender@mail.test"), ("-i -oi -i", "sender@mail.test"), ("-t -t", "sender@mail.test"),
    ("-B8BITMIME -B7BIT", "sender@mail.test"), ("-N never -N failure", "sender@mail.test"),
    ("--read-envelope-from -f b@x.test", "b@x.test")])
def test_of_two_options_the_last_counts(arrives, args, sender):
    """-odq too: without a queue the message is sent at once."""
    message = arrives([*args.split(), "a@x.test"], b"From: me@x.test\n\nbody\n")
    assert (message.sender, message.recipients) == (sender, ["a@x.test"])


@pytest.mark.parametrize("args", ["-P -bs", "-bs -P", "--pretend -bm a@x.test", "-P -t", "--version -bs", "-bs --help",
                                  "-bs -bv a@x.test", "-bm -bv a@x.test", "--version a@x.test"])
def test_who_only_asks_sends_nothing(submit, args):
    done, server = submit(args.split(), DIALOGUE)
    assert done.rc == 0 and done.out and server.connections == []


def test_last_delivery_mode_with_a_queue(account, scripted, run_sendmail, queue):
    server = scripted()
    account(server)
    assert run_sendmail(["-odq", "-odi", "a@x.test"], b"one\n").rc == 0
    server.settle()
    assert len(server.messages) == 1 and queue.places() == {}
    assert run_sendmail(["-odi", "-odq", "a@x.test"], b"two\n").rc == 0
    server.settle()
    assert len(server.messages) == 1 and len(queue.places()) == 1
