"""Messages that are not MIME, as cron and shell scripts write them: what leaves is accepted everywhere, and reads as it was
written. Decoded with Python's email package and compared with the input.

The generated ones are in test_repair_generated.py, large ones in test_repair_large.py, servers without 8BITMIME in
test_seven_bit.py.
"""
import base64
import email
import email.policy
import quopri
import re

import pytest

FIELDS = b"Date: Sat, 21 Nov 2026 12:00:00 +0900\nFrom: sender@mail.test\nMessage-ID: <1@mail.test>\n"
GERMAN = "Grüße aus Köln, viele Zeilen mit wenigen Umlauten.\n" * 5
JAPANESE = "ディスクの空き容量がありません。\n" * 5


@pytest.fixture
def leaves(submit):
    """leaves(message, args) -> what the server got, after the checks that hold for every message."""
    def call(message, args=("-i",), settings=None, **options):
        done, server = submit([*args, "r@mail.test"], message, settings, **options)
        assert (done.rc, done.err, done.out) == (0, "", "")
        [got] = server.messages
        assert got.mail_params["SIZE"] == str(len(got.data))
        assert (got.mail_params.get("BODY") == "8BITMIME") == (not got.data.isascii())
        assert b"\0" not in got.data and re.search(rb"\r(?!\n)|(?<!\r)\n", got.data) is None
        assert max(map(len, got.data.split(b"\r\n"))) <= 998
        return got.data
    return call


def read(data):
    return email.message_from_bytes(data, policy=email.policy.default)


def text_of(data):
    return read(data).get_content().replace("\r\n", "\n")


def body_of(data):
    """Its content, as bytes, and its charset."""
    mail = read(data)
    assert mail["MIME-Version"] == "1.0" and mail.get_content_type() == "text/plain" and not mail.defects
    return mail.get_payload(decode=True).replace(b"\r\n", b"\n"), mail.get_content_charset()


# -- bodies ---------------------------------------------------------------------------------------------------------

CRON = (b"From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@host> backup\nX-Cron-Env: <SHELL=/bin/sh>\n"
        b"X-Cron-Env: <HOME=/root>\n\n")


def test_output_of_a_cron_job(leaves):
    """As vixie-cron writes it: no word about the charset."""
    data = leaves(CRON + GERMAN.encode(), ["-i", "-FCronDaemon", "-oem"], {"system_mail": "r@mail.test"})
    assert data.isascii()
    assert body_of(data) == (GERMAN.encode(), "utf-8")
    assert [v for k, v in read(data).items() if k == "X-Cron-Env"] == ["<SHELL=/bin/sh>", "<HOME=/root>"]


CHARSETS = {
    "UTF-8": (GERMAN.encode(), "utf-8"),
    "emoji": ("backup ok ✅ 👩‍👩‍👧‍👦\n".encode(), "utf-8"),
    "latin-1": (GERMAN.encode("latin-1"), "unknown-8bit"),
    "Shift_JIS": (JAPANESE.encode("shift_jis"), "unknown-8bit"),
    "broken UTF-8": ("größe".encode() + b"\xc3\n\xff\xfe cut \xe2\x82\n", "unknown-8bit"),
    "UTF-8 and latin-1": ("größe ".encode() + "größe\n".encode("latin-1"), "unknown-8bit"),
    "surrogates": (b"\xed\xa0\x80\n", "unknown-8bit"),
    "all bytes": (bytes(c for c in range(256) if c not in (10, 13)) + b"\n", "unknown-8bit"),
}


@pytest.mark.parametrize("case", CHARSETS)
def test_8_bit_body_that_says_nothing(leaves, case):
    text, charset = CHARSETS[case]
    for message in (FIELDS + b"\n" + text, text):
        data = leaves(message)
        assert data.isascii()
        assert body_of(data) == (text, charset)
        assert max(map(len, data.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76


def test_iso_2022_jp_is_7_bit_and_stays(leaves):
    """Undeclared too: it needs no repair, and who reads it knows the escape sequences."""
    text = JAPANESE.encode("iso-2022-jp")
    assert leaves(FIELDS + b"\n" + text).endswith(b"\r\n\r\n" + text.replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("charset", ["iso-2022-jp", "shift_jis", "euc-jp", "iso-8859-1", "utf-8"])
@pytest.mark.parametrize("encoding", ["8bit", None])
def test_body_that_says_what_it_is_stays(leaves, charset, encoding):
    text = (GERMAN if charset == "iso-8859-1" else JAPANESE).encode(charset)
    header = FIELDS + b"MIME-Version: 1.0\nContent-Type: text/plain; charset=%s\n" % charset.encode()
    header += b"Content-Transfer-Encoding: %s\n" % encoding.encode() if encoding else b""
    data = leaves(header + b"\n" + text)
    assert data.partition(b"\r\n\r\n")[2] == text.replace(b"\n", b"\r\n")
    label = b"Content-Transfer-Encoding: 8bit\r\n" if not encoding and not text.isascii() else b""
    assert data.partition(b"\r\n\r\n")[0] + b"\r\n" == header.replace(b"\n", b"\r\n") + label


def test_type_without_version(leaves):
    """As some crons write it."""
    data = leaves(FIELDS + b"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n" + GERMAN.encode())
    assert read(data)["MIME-Version"] == "1.0" and text_of(data) == GERMAN


LINES = {
    "a megabyte": b"x" * 1_000_000 + b"\n",
    "a megabyte, no newline": b"x" * 1_000_000,
    "999": b"y" * 999 + b"\n",
    "a long line of words": b"word " * 1000 + b"\nshort\n",
    "NUL": b"one\0two\n\0\nend\n",
    "NUL and dots": b"a\n\0.\n.\0\n.\n..\n",
    "NUL last": b"a\0",
    "long, NUL and 8-bit": b"\0" * 2000 + "ü".encode() * 2000 + b"\n",
    "blanks at the end": "ü \t\n \n\t\nx \n".encode(),
    "From and dots": "ü\nFrom me\n.\n..\n".encode(),
    "equals signs": "ü=3D==\n=\n".encode(),
}


@pytest.mark.parametrize("case", LINES)
@pytest.mark.parametrize("via", ["BDAT", "DATA"])
def test_body_that_no_server_takes(leaves, case, via):
    text = LINES[case]
    data = leaves(FIELDS + b"\n" + text, without=[] if via == "BDAT" else ["CHUNKING"])
    assert body_of(data) == (text + b"\n" * (not text.endswith(b"\n")), "us-ascii" if text.isascii() else "utf-8")


def test_bare_cr_becomes_a_blank(leaves):
    assert body_of(leaves(FIELDS + "\nü 10%\r20%\r\r\r30%\r\n".encode()))[0] == "ü 10% 20% 30%\n".encode()


def test_998_octets_stay(leaves):
    assert leaves(FIELDS + b"\n" + b"x" * 998 + b"\n").endswith(b"\r\n\r\n" + b"x" * 998 + b"\r\n")


@pytest.mark.parametrize("text, encoding", [(GERMAN, "quoted-printable"), (JAPANESE, "base64"), ("ü" * 9, "base64"),
                                            ("x" * 5000 + "\n", "quoted-printable"), ("\0" * 5000 + "\n", "base64")],
                         ids=["German", "Japanese", "short", "long", "NUL"])
def test_the_shorter_encoding_is_taken(leaves, text, encoding):
    data = leaves(FIELDS + b"\n" + text.encode())
    assert read(data)["Content-Transfer-Encoding"] == encoding
    size = len(data.partition(b"\r\n\r\n")[2])
    as_base64, as_quoted = base64.encodebytes(text.encode()), quopri.encodestring(text.encode())
    assert size <= min(len(s) + s.count(b"\n") for s in (as_base64, as_quoted)) + 8


def test_part_with_a_long_line(leaves):
    """A MIME message: only the part is changed."""
    parts = [b"--b\nContent-Type: text/plain\n\nshort\n",
             b"--b\nContent-Type: text/html; charset=utf-8\n\n<p>%s\n" % (b"x" * 2000)]
    header = FIELDS + b"MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n"
    data = leaves(header + parts[0] + parts[1] + b"--b--\n")
    assert data.startswith((header + parts[0]).replace(b"\n", b"\r\n"))
    mail = read(data)
    assert [p.get_content_type() for p in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert mail.get_payload(1).get_content() == "<p>" + "x" * 2000


def test_message_size_limit_counts_what_comes_in(submit):
    text = FIELDS + b"\n" + JAPANESE.encode() * 100
    size = len(text.replace(b"\n", b"\r\n"))
    done, server = submit(["r@mail.test"], text, {"message_size_limit": size})
    assert done.rc == 0 and len(server.messages[0].data) > size
    assert submit(["r@mail.test"], text, {"message_size_limit": size - 1})[0].rc == 65


# -- headers --------------------------------------------------------------------------------------------------------

HEADERS = {
    "Subject": ["Zürich", "日本語の件名 " * 20, "Backup ✅ " + "fertig " * 30 + "ü", "ß" * 300, "a  b\tü c",
                "=?UTF-8?Q?no=3F? ü"],
    "From": ['Zoë <sender@mail.test>', '"Müller, Jürgen" <sender@mail.test>', "sender@mail.test (Jürgen Müller)",
             "山田太郎 <sender@mail.test>"],
    "To": ["Zoë <r@mail.test>, 山田 <s@mail.test>, plain <t@mail.test>", '"Ä, B" <r@mail.test>, x@mail.test (Ü)',
           ", ".join(f"Empfänger Nummer {n} <r{n}@mail.test>" for n in range(30)), "Gruppe Ä: a@mail.test, b@mail.test;"],
    "X-Note": ["naïve " * 60],
}


@pytest.mark.parametrize("name, value", [pytest.param(k, v, id=f"{k}-{n}") for k, values in HEADERS.items()
                                         for n, v in enumerate(values)])
def test_raw_utf8_in_the_header(leaves, name, value):
    fields = FIELDS if name != "From" else FIELDS.replace(b"From: sender@mail.test\n", b"")
    data = leaves(fields + f"{name}: {value}\n".encode() + b"\nhi\n")
    header = data.partition(b"\r\n\r\n")[0]
    assert header.isascii()
    [lines] = re.findall(rb"(?m)^%s:.*\r\n(?:[ \t].*\r\n)*" % name.encode(), header + b"\r\n")
    assert max(map(len, lines.split(b"\r\n"))) <= 78
    if name in ("From", "To"):
        got, wanted = read(data)[name], email.message_from_string(f"{name}: {value}\n\n", policy=email.policy.default)[name]
        assert [a.addr_spec for a in got.addresses] == [a.addr_spec for a in wanted.addresses]
        assert [a.display_name for a in got.addresses] == [a.display_name for a in wanted.addresses]
    # What a reader sees that decodes the words in it, comments too.
    field = re.sub(r"\r\n", "", email.message_from_bytes(data)[name])
    seen = str(email.header.make_header(email.header.decode_header(field)))
    plain = re.compile(r'[\s"]+')
    assert plain.sub("", seen) == plain.sub("", value)


def test_bytes_in_the_header_that_are_not_utf8(leaves):
    data = leaves(FIELDS + b"Subject: gr\xfc\xdfe\n\nhi\n")
    [(raw, charset)] = email.header.decode_header(email.message_from_bytes(data)["Subject"])
    assert (raw, charset) == (b"gr\xfc\xdfe", "unknown-8bit")


def test_header_in_the_charset_that_is_declared(leaves):
    subject, text = "表ソ能の件名".encode("shift_jis"), JAPANESE.encode("shift_jis")
    data = leaves(FIELDS + b"Subject: " + subject + b"\nMIME-Version: 1.0\nContent-Type: text/plain; charset=Shift_JIS\n"
                  b"Content-Transfer-Encoding: 8bit\n\n" + text)
    assert read(data)["Subject"] == "表ソ能の件名" and text_of(data) == JAPANESE


def test_long_field_is_folded(leaves):
    words = b"word " * 1000
    data = leaves(FIELDS + b"Subject: " + words + b"\nX-One: " + b"x" * 5000 + b"\n\nhi\n")
    assert read(data)["Subject"].split() == ["word"] * 1000
    assert re.sub(r"\s", "", read(data)["X-One"]) == "x" * 5000


def test_name_on_the_command_line(leaves):
    data = leaves(b"Subject: x\n\nhi\n", ["-F", "Zoë Müller"])
    assert data.isascii() and read(data)["From"].addresses[0].display_name == "Zoë Müller"


def test_header_is_8_bit_and_the_body_is_not(leaves):
    """8BITMIME is about what leaves: nothing is 8-bit any more (see `leaves`). The body keeps its bytes."""
    data = leaves(FIELDS + "Subject: Zürich\n\nplain\n".encode())
    assert data.endswith(b"\r\n\r\nplain\r\n") and b"MIME-Version" not in data


# -- what must not be changed ---------------------------------------------------------------------------------------

def sealed(kind, text):
    return (FIELDS + b'MIME-Version: 1.0\nContent-Type: multipart/%s; boundary="b"\n\n--b\nContent-Type: text/plain; '
            b"charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n%s\n--b\nContent-Type: application/pgp-signature\n\nx\n\n--b--\n"
            % (kind, text))


@pytest.mark.parametrize("kind", [b"signed", b"encrypted"])
def test_signed_and_encrypted_stay(leaves, kind):
    message = sealed(kind, GERMAN.encode() + b" trailing blanks \t\n")
    assert leaves(message) == message.replace(b"\n", b"\r\n")


def test_dkim_signed_stays(leaves):
    message = FIELDS + b"Subject: gr\xc3\xbc\xc3\x9fe\nDKIM-Signature: v=1; b=x\n\n" + GERMAN.encode()
    assert leaves(message, settings={"set_from_header": "off"}) == message.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("kind", [b"signed", b"encrypted"])
@pytest.mark.parametrize("text, what", [(b"x" * 999, "a line of more than 998 octets"), (b"a\0b", "a NUL")],
                         ids=["long", "NUL"])
@pytest.mark.parametrize("lines", [1, 30_000])
def test_what_must_be_changed_and_must_not_is_refused(submit, kind, text, what, lines):
    done, server = submit(["-i", "r@mail.test"], sealed(kind, b"short\n" * lines + text))
    assert done.rc == 65 and server.connections == []
    assert done.err == (f"sendmail: a part that is {kind.decode()} has {what}, in line {lines + 5} of its body: the program "
                        "that made it must encode that (quoted-printable or base64)\n")


@pytest.mark.parametrize("lines", [1, 30_000])
@pytest.mark.parametrize("args", [[], ["-odq"]])
def test_nothing_of_a_refused_message_is_in_the_queue(run_sendmail, scripted, account, queue, args, lines):
    account(server := scripted())
    done = run_sendmail([*args, "r@mail.test"], sealed(b"signed", b"short\n" * lines + b"\0"))
    assert done.rc == 65 and done.err.count("\n") == 1
    assert server.settle().connections == []
    assert [f for place in ("incoming", "deferred") for f in queue.folder(place).iterdir()] == []
