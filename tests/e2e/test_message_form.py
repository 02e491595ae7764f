"""The bytes of a message on their way from standard input to the server: line ends, dots, large and odd messages.

Every case is sent both with BDAT and with DATA, and the server's bytes are compared with what they must be. No input may
end DATA early, start a second message, or put a CR or LF outside a CRLF on the wire.
"""
import hashlib
import os
import random
import re

import pytest

HEADER = (b"Date: Sat, 21 Nov 2026 12:00:00 +0900\r\nFrom: sender@mail.test\r\nMessage-ID: <1@mail.test>\r\n"
          b"Subject: test\r\n")
LF_HEADER = HEADER.replace(b"\r\n", b"\n")
# With this, 8-bit text stays as it is; without, it is encoded (test_repair.py).
MIME = (b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n")
LF_MIME = MIME.replace(b"\r\n", b"\n")
VIA = pytest.mark.parametrize("via", ["BDAT", "DATA"])


@pytest.fixture
def arrives(submit):
    """arrives(via, args, stdin) -> the message as the server has it, which must have been the only one."""
    def call(via, args, stdin, settings=None, **options):
        without = [] if via == "BDAT" else ["CHUNKING"]
        done, server = submit([*args, "a@x.test"], stdin, settings, without=without, **options)
        assert (done.rc, done.err, done.out) == (0, "", "")
        [message], [connection] = server.messages, server.connections
        assert message.via == via
        assert set(connection.verbs) == {"EHLO", "MAIL", "RCPT", via, "QUIT"}
        if message.data is not None:
            assert re.search(rb"\r(?!\n)|(?<!\r)\n", message.data) is None
        return message
    return call


# Behind the blank line: what is given, and what must arrive.
BODIES = {
    "LF": (b"one\ntwo\n", b"one\r\ntwo\r\n"),
    "CRLF": (b"one\r\ntwo\r\n", b"one\r\ntwo\r\n"),
    "LF and CRLF mixed": (b"one\r\ntwo\nthree\r\n", b"one\r\ntwo\r\nthree\r\n"),
    "no line end last": (b"one\ntwo", b"one\r\ntwo\r\n"),
    "CR last": (b"one\r", b"one\r\n"),
    "CR in a line": (b"one\rtwo\n", b"one two\r\n"),
    "CRs in a line": (b"one\r\r\rtwo\n", b"one two\r\n"),
    "CR before CRLF": (b"one\r\r\ntwo\n", b"one\r\ntwo\r\n"),
    "CR first in a line": (b"\rone\n", b" one\r\n"),
    "empty": (b"", b""),
    "empty lines": (b"\n\r\n\n\n", b"\r\n\r\n\r\n\r\n"),
    "blanks at the ends of lines": (b"one \n\ttwo\t\n \n", b"one \r\n\ttwo\t\r\n \r\n"),
    "control bytes": (b"\1\2\3\x0b\x0c\x1a\x1b[31m\x7f\n", b"\1\2\3\x0b\x0c\x1a\x1b[31m\x7f\r\n"),
    "From in the body": (b"From me to you\n>From x\n", b"From me to you\r\n>From x\r\n"),
    "998 in a line": (b"x" * 998 + b"\n" + b"y" * 998 + b"\n", b"x" * 998 + b"\r\n" + b"y" * 998 + b"\r\n"),
    "dots that are not alone": (b"..\n...\n.x\n. \n .\nx.\n.\t\n", b"..\r\n...\r\n.x\r\n. \r\n .\r\nx.\r\n.\t\r\n"),
    "commands": (b"QUIT\r\nRSET\r\nDATA\r\nBDAT 0 LAST\r\n", b"QUIT\r\nRSET\r\nDATA\r\nBDAT 0 LAST\r\n"),
}


@VIA
@pytest.mark.parametrize("args", [[], ["-i"]], ids=["", "-i"])
@pytest.mark.parametrize("case", BODIES, ids=str)
def test_body(arrives, via, args, case):
    given, expected = BODIES[case]
    assert arrives(via, args, LF_HEADER + b"\n" + given).data == HEADER + b"\r\n" + expected


@VIA
def test_8_bit_body_that_says_what_it_is(arrives, via):
    every = bytes(range(128, 256))
    assert arrives(via, [], LF_HEADER + LF_MIME + b"\n" + every + b"\n").data == HEADER + MIME + b"\r\n" + every + b"\r\n"


LONE_DOTS = {
    "LF": b"one\n.\ntwo\n", "CRLF": b"one\r\n.\r\ntwo\r\n", "LF then CRLF": b"one\n.\r\ntwo\n", "CRLF then LF": b"one\r\n.\ntwo\n",
    "last without line end": b"one\n.", "last with CR": b"one\n.\r", "two": b"one\n.\n.\n",
}


@VIA
@pytest.mark.parametrize("case", LONE_DOTS, ids=str)
def test_lone_dot_ends_the_input_without_i(arrives, via, case):
    assert arrives(via, [], LF_HEADER + b"\n" + LONE_DOTS[case]).data == HEADER + b"\r\none\r\n"


@VIA
@pytest.mark.parametrize("option", ["-i", "-oi", "-tioi"])
@pytest.mark.parametrize("case", LONE_DOTS, ids=str)
def test_lone_dot_is_text_with_i(arrives, via, option, case):
    given = LONE_DOTS[case]
    lines = re.sub(rb"\r?\n|\r$", b"\r\n", given if given.endswith(b"\n") or given.endswith(b"\r") else given + b"\n")
    assert arrives(via, [option], LF_HEADER + b"\n" + given).data == HEADER + b"\r\n" + lines


def test_lone_dot_in_the_header_ends_the_input(arrives):
    assert arrives("DATA", [], LF_HEADER + b".\nTo: no@x.test\n\nbody\n").data == HEADER + b"\r\n"


SECOND = b"MAIL FROM:<evil@x.test>\r\nRCPT TO:<victim@x.test>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\nQUIT\r\n"
ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\r.\n", b"\n.\r", b"\n\n.\r\r\n",
        b"\r\r\n.\r\n", b"\r\n.\r\r\n", b"\r\n..\r\n", b"\r\n.\r\n.\r\n", b"\x85.\x85"]


def short_lines(size):
    return (b"x" * 70 + b"\r\n") * (size // 72) + b"x" * (size % 72)


@VIA
@pytest.mark.parametrize("padding", [0, 65536, 16384], ids=lambda n: f"at {n}")
def test_no_input_starts_a_second_message(arrives, via, padding):
    """All of it stays one message, also where it falls on the borders of our buffers."""
    body = b""
    for end in ENDS:
        fill = padding - len(LF_HEADER + LF_MIME) - 1 - len(body) % padding if padding else 0
        for shift in range(4 if padding else 1):
            body += short_lines(max(0, fill - shift)) + b"text" + end + SECOND
    data = arrives(via, ["-i"], LF_HEADER + LF_MIME + b"\n" + body).data
    assert data.count(b"evil@x.test") == body.count(b"evil@x.test")
    squeezed = [re.sub(rb"[\r\n ]", b"", part) for part in (HEADER + MIME + b"\r\n" + body, data)]
    assert squeezed[0] == squeezed[1]


@pytest.mark.parametrize("field", [b"Subject: a\rMAIL FROM:<evil@x.test>\n", b"Subject: a\r.\r\n", b"X:\r\r\n y\n"])
def test_cr_in_the_header_is_no_line_end(arrives, field):
    data = arrives("DATA", [], b"To: a@x.test\n" + field + b"\nbody\n").data
    assert data.endswith(b"\r\n\r\nbody\r\n") and b"\nMAIL" not in data and b"\n." not in data


@pytest.mark.parametrize("line", [b"From sender@mail.test Sat Nov 21 12:00:00 2026\n", b"From x\r\n",
                                  b">From x Sat Nov 21 12:00:00 2026\n"])
def test_mbox_line_is_dropped(arrives, line):
    assert arrives("BDAT", [], line + LF_HEADER + b"\nFrom here\n").data == HEADER + b"\r\nFrom here\r\n"


@pytest.mark.parametrize("text", [b"only text\n", b"only text", b" begins with a blank\n", b"Not a field: yes\n",
                                  b"http://example.org\n  x\n", b"\nempty line first\n", b"\n", b""])
def test_message_without_header(arrives, text):
    data = arrives("BDAT", [], text).data
    header, _, body = data.partition(b"\r\n\r\n")
    assert [line.partition(b":")[0] for line in header.split(b"\r\n")][:3] == [b"Date", b"From", b"Message-ID"]
    if not text.startswith(b"http"):
        # What follows an empty line is the body; without one, all of it is.
        text = text.removeprefix(b"\n")
        assert body == (text.rstrip(b"\n") + b"\n").replace(b"\n", b"\r\n") * bool(text)


def test_header_without_a_body(arrives):
    for ends in (b"\n", b"\n\n", b""):
        assert arrives("DATA", [], LF_HEADER.rstrip(b"\n") + ends).data == HEADER + b"\r\n"


def test_header_ends_at_the_first_line_that_is_no_field(arrives):
    data = arrives("DATA", ["-t"], LF_HEADER + b"oops, no field\nCc: no@x.test\n").data
    assert data == HEADER + b"\r\noops, no field\r\nCc: no@x.test\r\n"


@VIA
def test_large_header(arrives, via):
    fields = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 70) for n in range(10_000))
    assert arrives(via, [], HEADER + fields + b"\r\nbody\r\n").data == HEADER + fields + b"\r\nbody\r\n"


def test_endless_header_is_refused(submit):
    done, server = submit(["a@x.test"], b"Subject: x\n" + b"X: yyyyyyyy\n" * 3_000_000)
    assert done.rc == 65 and server.connections == []
    assert re.fullmatch(r"sendmail: the header is larger than \d+ MiB\n", done.err)


@VIA
@pytest.mark.parametrize("size", [65535, 65536, 65537, 1_000_003])
def test_random_body_is_exact(arrives, via, size):
    dice = random.Random(size)
    text = b"".join(dice.choice([b".", b"..", b"\n", b"\n.", b"\n.\n", b"x", b"yz" * 40, b"\r\n", b"\xe9"])
                    for _ in range(size))[:size]
    expected = re.sub(rb"\r?\n", b"\r\n", text.rstrip(b"\r") + b"\n" * (not text.endswith(b"\n")))
    assert arrives(via, ["-i"], LF_HEADER + LF_MIME + b"\n" + text).data == HEADER + MIME + b"\r\n" + expected


@VIA
def test_large_message_is_exact(arrives, via):
    """Beyond what waits in memory."""
    line = os.urandom(30).hex().encode() + b"\n"
    text = (line + b".\n" + line) * 150_000
    got = arrives(via, ["-i"], LF_HEADER + b"\n" + text, keep_body=False)
    expected = HEADER + b"\r\n" + text.replace(b"\n", b"\r\n")
    assert (got.size, got.sha256) == (len(expected), hashlib.sha256(expected).hexdigest())


@pytest.mark.parametrize("body,extensions,params", [
    (b"seven\n", [], {"SIZE"}), (b"\xc3\xa9\n", [], {"SIZE", "BODY"}), (b"\xc3\xa9\n", ["SIZE"], {"BODY"}),
    (b"seven\n", ["SIZE", "8BITMIME"], set()),
])
def test_size_and_body_type_are_declared(arrives, body, extensions, params):
    options = {"size_limit": None} if "SIZE" in extensions else {}
    message = arrives("DATA", [], LF_HEADER + LF_MIME + b"\n" + body, **options)
    assert set(message.mail_params) == params
    assert "SIZE" not in params or int(message.mail_params["SIZE"]) >= len(message.data)
    assert message.mail_params.get("BODY", "8BITMIME") == "8BITMIME"
