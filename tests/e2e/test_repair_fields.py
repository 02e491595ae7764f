"""Fields in which no encoded-word can stand leave as ASCII, too, whatever the server offers; and fields that a message has
once leave once. Read with Python's email package."""
import email
import re
import urllib.parse

import pytest

FIELDS = {
    "Date": "Sat, 21 Nov 2026 12:00:00 +0900", "From": "sender@mail.test", "To": "r@mail.test", "Message-ID": "<1@mail.test>",
}
SERVERS = {"modern": [], "7-bit": ["8BITMIME", "SMTPUTF8"]}


def message(fields, body="hi\n"):
    return ("".join(f"{k}: {v}\n" for k, v in fields) + "\n" + body).encode("utf-8", "surrogateescape")


@pytest.fixture(params=SERVERS)
def arrives(submit, request):
    """arrives(fields, body) -> the message that the server got, parsed, and its bytes."""
    def call(fields, body="hi\n"):
        done, server = submit(["-i", "r@mail.test"], message(fields, body), {"set_from_header": "off"},
                              without=SERVERS[request.param])
        assert (done.rc, done.err, done.out) == (0, "", "")
        [got] = server.messages
        return email.message_from_bytes(got.data), got.data
    return call


HEX = {
    "Message-ID": ("<ä@b>", "<=C3=A4@b>"),
    "In-Reply-To": ("<ä@b> <c@d>", "<=C3=A4@b> <c@d>"),
    "References": ("<c@d> <ä@b>", "<c@d> <=C3=A4@b>"),
    "Received": ("from ä (ü) by b; x", "from =C3=A4 (=?UTF-8?B?w7w=?=) by b; x"),
    "Date": ("M\udcf6n, 1 Jan 2026", "M=F6n, 1 Jan 2026"),
    "Authentication-Results": ("b; x=ä", "b; x==C3=A4"),
    "List-Id": ("Ü <ä.b>", "=?UTF-8?B?w5w=?= <=C3=A4.b>"),
    "List-Unsubscribe": ("<mailto:ä@b>, <http://b/ä>", "<mailto:%C3%A4@b>, <http://b/%C3%A4>"),
    "Content-ID": ("<ä@b>", "<%C3%A4@b>"),
    "Keywords": ("ä, b, c", "=?UTF-8?B?w6Q=?= , b, c"),
    "Content-Disposition": ("inline; ä=b; ä", "inline; %C3%A4=b; %C3%A4"),
    "To": ("a@b <r@mail.test> ä", "a@b <r@mail.test> =?UTF-8?B?w6Q=?="),
}


@pytest.mark.parametrize("name", HEX)
def test_no_byte_above_127_leaves_in_a_field(arrives, name):
    given, wanted = HEX[name]
    mail, data = arrives((FIELDS | {name: given}).items())
    assert data.isascii()
    assert re.sub(r"\s+", " ", mail[name]) == wanted


@pytest.mark.parametrize("given, wanted", [("täxt/html; charset=utf-8", "text/plain"), ("image/ä", "application/octet-stream"),
                                           ("text/html (ä); charset=utf-8", "text/html")])
def test_type_that_cannot_be_read_is_shown(arrives, given, wanted):
    mail, data = arrives([*FIELDS.items(), ("MIME-Version", "1.0"), ("Content-Type", given)], "Grüße\n")
    assert data.partition(b"\r\n\r\n")[0].isascii()
    assert mail.get_content_type() == wanted
    # Python reads no extended parameter with a hyphen in its name.
    assert mail.get_param("x-original-type*") == "UTF-8''" + urllib.parse.quote(given.partition(";")[0], safe="")
    assert mail.get_payload(decode=True) == "Grüße\r\n".encode()
    assert mail.get_content_charset() == ("utf-8" if "charset" in given else None)


TWICE = {
    "Subject": ("one", "two"), "Date": (FIELDS["Date"], "Sun, 22 Nov 2026 12:00:00 +0900"), "Message-ID": ("<1@mail.test>", "<2@x>"),
    "Sender": ("a@mail.test", "b@mail.test"), "In-Reply-To": ("<a@b>", "<c@d>"), "References": ("<a@b>", "<c@d>"),
    "MIME-Version": ("1.0", "1.0"), "Content-Type": ("text/plain; charset=utf-8", "text/html"),
    "Content-Transfer-Encoding": ("7bit", "base64"),
}


@pytest.mark.parametrize("name", TWICE)
def test_the_first_of_several_stays(arrives, name):
    first, second = TWICE[name]
    others = [f for f in FIELDS.items() if f[0] != name] + [("MIME-Version", "1.0")] * (name != "MIME-Version")
    mail, _ = arrives([*others, (name, first), ("X-Between", "x"), (name, second), (name.upper(), "")])
    assert mail.get_all(name) == [first]
    assert mail.get_all("X-Original-" + name) == [second]


@pytest.mark.parametrize("mark", [("DKIM-Signature", "x"), ("Resent-From", "a@mail.test")], ids=lambda m: m[0])
def test_messages_of_others_keep_them(arrives, mark):
    mail, _ = arrives([mark, *FIELDS.items(), ("Subject", "one"), ("Subject", "two")])
    assert mail.get_all("Subject") == ["one", "two"]


def test_a_signed_message_stays_while_the_server_takes_it(submit):
    fields = [("DKIM-Signature", "x"), *(FIELDS | {"Message-ID": "<ä@b>"}).items()]
    done, server = submit(["-i", "r@mail.test"], message(fields), {"set_from_header": "off"})
    assert done.rc == 0 and server.messages[0].data == message(fields).replace(b"\n", b"\r\n")
