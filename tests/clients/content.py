"""What a reader finds in a message, compared with what its writer meant.

    written = messages(call)            what a call submits, one message mostly: octets with LF
    check_content(call, written[0], arrived)    header fields and all parts decode to what was written
    check_declared(written[0], arrived)     8-bit octets stand only where MIME says so
    check_origin(written[0], arrived)   who wrote it is still to be read, when From got another address

The caller's message is read here by Python, from its octets: so that a change is the program's and not this file's, what is
taken from it is only what sendmail has always done (line ends, mbox lines, the lone dot).
"""
import email
import email.policy
import re

POLICY = email.policy.default
# Fields that are addresses, or that we may change or remove; the others arrive as they decode.
OURS = ("from", "to", "cc", "bcc", "sender", "reply-to", "resent-from", "resent-to", "resent-cc", "resent-bcc", "mime-version",
        "content-type", "content-transfer-encoding", "content-disposition", "return-path", "message-id", "date",
        "resent-sender")


def ignores_dots(argv):
    """-i, alone or behind letters without an argument; -oi, -o i; and by its long name."""
    return ("-o", "i") in zip(argv, argv[1:]) or any(
        re.match(r"-(oi$|OIgnoreDots$|[^-fFBoNRrCaOXLhpADJezbdMqV]*i)", word) for word in argv)


def messages(call):
    """As sendmail reads them: LF, a space for CRs in a line, no mbox line, nothing behind the lone dot."""
    data = re.sub(rb"\r+(\n|\Z)", b"\n", call.stdin)
    data = re.sub(rb"\r+", b" ", data)
    if "-bs" in call.argv:
        found = re.findall(rb"^DATA\n(.*?\n)\.\n", data, re.MULTILINE | re.DOTALL | re.IGNORECASE)
        return [re.sub(rb"^\.", b"", message, flags=re.MULTILINE) for message in found]
    if not ignores_dots(call.argv):
        data = re.split(rb"^\.(?:\n|\Z)", data, maxsplit=1, flags=re.MULTILINE)[0]
    data = re.sub(rb"\A>?From [^\n]*\n", b"", data)
    return [data if data.endswith(b"\n") else data + b"\n"]


def _readable(octets):
    """A header as str, in which Python's parser decodes encoded-words; None when it is in no charset that is known."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return None


def _leaves(mail):
    return [part for part in mail.walk() if not part.is_multipart()]


def _lines(part):
    """Its octets; of text, the lines: in base64 they end with CRLF, and the last one may have got its end from us."""
    octets = part.get_payload(decode=True)
    return octets.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n" if part.get_content_maintype() == "text" else octets


def check_content(call, written, arrived):
    expected = call.expected("text")
    if expected:
        assert _lines(arrived.mail) == expected[0].encode()
        return
    header, _, body = written.partition(b"\n\n")
    if call.expected("body") == ["same"]:
        assert arrived.body == body
    original = email.message_from_bytes(written, policy=POLICY)
    for ours, theirs in zip(_leaves(arrived.mail), _leaves(original), strict=True):
        assert _lines(ours) == _lines(theirs)
        assert ours.get_content_type() == theirs.get_content_type()
        assert ours.get_filename() == theirs.get_filename()
    text = _readable(header)
    if text is not None:
        check_fields(email.message_from_string(text + "\n\n", policy=POLICY), arrived.mail)
        check_names(email.message_from_string(text + "\n\n", policy=POLICY), arrived.mail)


def check_fields(written, mail):
    for name in {n.lower() for n in written.keys()} - set(OURS):
        assert [str(v) for v in mail.get_all(name, [])] == [str(v) for v in written.get_all(name)], name


def check_names(written, mail):
    """Display names of recipients; addresses that had a domain are unchanged."""
    for name in ("to", "cc", "reply-to"):
        if name not in mail or mail.get(name) is None:
            continue
        got = [a for v in mail.get_all(name, []) for a in v.addresses]
        for want in (a for v in written.get_all(name, []) for a in v.addresses):
            if want.domain:
                assert (want.display_name, want.addr_spec) in [(a.display_name, a.addr_spec) for a in got], name


def check_declared(written, arrived):
    """As a strict server does, and a reader who wants a charset; one that the caller did not name is not made up."""
    for part in arrived.mail.walk():
        encoding = str(part.get("Content-Transfer-Encoding", "7bit")).lower()
        if not part.is_multipart() and encoding != "8bit":
            assert part.get_payload().isascii(), f"8-bit octets in {part.get_content_type()}, {encoding}"
    if not arrived.body.isascii():
        assert str(arrived.mail["MIME-Version"]).startswith("1.0")
    if not written.partition(b"\n\n")[2].isascii() and not re.search(rb"(?im)^content-type:", written):
        assert arrived.mail.get_content_charset()


def check_origin(written, arrived):
    """The words of the old From are in the new one; the old one is kept where the address changed."""
    header = _readable(written.partition(b"\n\n")[0])
    fields = email.message_from_string((header or "") + "\n\n", policy=POLICY).get_all("From", [])
    if len(fields) != 1:
        return
    old, shown = fields[0], str(arrived.mail["From"])
    for word in re.findall(r"\w{3,}", re.sub(r"<[^>]*>|\S+@\S+", "", str(old))):
        assert word.lower() in shown.lower(), f"{word} of {old!s} is not in {shown}"
    addresses = {a.addr_spec for a in old.addresses if a.domain}
    if addresses and not addresses & {a.addr_spec for a in arrived.mail["From"].addresses}:
        kept = " ".join(map(str, arrived.mail.get_all("X-Original-From", [])))
        assert all(a in kept for a in addresses), f"From was {old!s}, X-Original-From is {kept!r}"
