"""Is what arrived what was given? Read with Python's email package, which knows nothing of us.

    faults(given, arrived)      [] or lines that say what became wrong
    is_sound(given)             the given message has no fault of its own: then its parts and Subject must be the same
"""
import contextlib
import email
import email.header
import re
from email import policy

LINE_MAX = 998


def faults(given, arrived):
    found = list(_form(arrived))
    if is_sound(given):
        before, after = _describe(given), _describe(arrived)
        if len(before) != len(after):
            found.append(f"{len(before)} parts became {len(after)}")
        found += [f"{was!r:.150} became {now!r:.150}" for was, now in zip(before, after) if was != now]
    return found


def is_8bit_header(given):
    return re.search(rb"[\x80-\xff]", re.split(rb"\r?\n\r?\n", given)[0]) is not None


def is_sound(given):
    message = _read(given)
    return not any(part.defects for part in message.walk()) and not given.startswith((b"\n", b"\r\n", b" ")) \
        and b"\0" not in given and bool(message.keys())


def _form(arrived):
    if re.search(rb"\r(?!\n)|(?<!\r)\n", arrived):
        yield "a bare CR or LF"
    longest = max(map(len, arrived.split(b"\r\n")))
    if longest > LINE_MAX:
        yield f"a line of {longest} octets"
    if b"\0" in arrived:
        yield "a NUL"
    if re.search(rb"[\x80-\xff]", arrived.partition(b"\r\n\r\n")[0]):
        yield "8-bit in the header"


def _read(raw):
    return email.message_from_bytes(raw, policy=policy.compat32)


def _describe(raw):
    message = _read(raw)
    subject = next((value for name, value in message.raw_items() if name.lower() == "subject"), "")
    parts = [("Subject", _decoded(subject))]
    for part in message.walk():
        if not part.is_multipart():
            parts.append((part.get_content_type(), part.get_filename(), _content(part)))
        else:
            parts.append((part.get_content_type(),))
    return parts


def _decoded(value):
    """Blanks in a row are one, as folding may change them; raw 8-bit is UTF-8 when it can be."""
    pieces = []
    for piece, charset in email.header.decode_header(re.sub(r"\r?\n", "", value)):
        raw = piece if isinstance(piece, bytes) else piece.encode("ascii", "surrogateescape")
        pieces.append(_text(raw, charset))
    return re.sub(r"\s+", " ", "".join(pieces)).strip()


def _text(raw, charset):
    for name in (charset, "utf-8"):
        with contextlib.suppress(LookupError, UnicodeDecodeError, TypeError):
            return str(raw, name)
    return raw.decode("latin-1")


def _content(part):
    """Octets, with line ends as lines; what is encoded for transport is exact."""
    payload = part.get_payload(decode=True) or b""
    is_encoded = str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64" and b"\n" not in payload[:80]
    if is_encoded and part.get_content_maintype() != "text":
        return payload
    lines = re.sub(rb"\r+(?=\n|\Z)", b"", payload)
    return re.sub(rb"\r+", b" ", lines).rstrip(b"\n")
