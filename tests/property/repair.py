#!/usr/bin/env python3
"""Generated messages through src/mail's repair, and what Python's email package reads in the result.

    repair.py DRIVER [COUNT [SEED]]

DRIVER is the program built from repair.c. Every message is made from a seed of its own; a failure names it, so that
`repair.py DRIVER 1 SEED` does it again. The last line is the number of messages.
"""
import email
import email.header
import email.policy
import email.utils
import random
import re
import subprocess
import sys

BLANKS = b" \t"
WORDS = ["Zürich", "naïve", "Grüße", "日本語", "件名テスト", "😀", "👩‍👩‍👧‍👦", "e\u0301te\u0301", "Ωmega", "Привет", "مرحبا", "ñ", "ﬁ",
         "𝔘𝔫𝔦", "\u00a0x", "€5", "\ufeffbom", "長い" * 40]
ASCII = ["hello", "a=b", "x" * 30, "=?x", "?=", "100%", "it's", "_under_", "[tag]", "Re:", "a.b", "=?UTF-8?Q?=C3=A4?=",
         "1+1", "-", "{}", "~", "w" * 70]
WORD = b"=?UTF-8?Q?=C3=A4?="
NAMES = ["John", "Doe", "J.", "van", "O'Neil", "Zoë", "Müller", "山田", "太郎", "😀", "Nuñez", "x" * 40, "Ærø" * 15,
         "(not a comment)", "a,b", "<x>", "quo\"te", "back\\slash", "@home", "semi;colon", "colon:"]


class Driver:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def repair(self, message, mode, chunk):
        self.process.stdin.write(b"%s %d %d\n%s" % (mode.encode(), len(message), chunk, message))
        self.process.stdin.flush()
        status, size = self.process.stdout.readline().split()
        return status == b"ok", self.process.stdout.read(int(size))


# -- what the wire form is, written once more ---------------------------------------------

def wire_form(message):
    """CRLF line ends; a CR in a line is a blank; no mbox line first; the last line is complete."""
    if re.match(rb">?From [^:]", message) or message in (b"From ", b">From "):
        message = message.partition(b"\n")[2]
    if not message:
        return b""
    lines = message.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join(re.sub(rb"\r+", b" ", line.rstrip(b"\r")) + b"\r\n" for line in lines)


def split(message):
    """Header and body of a message in wire form; the header ends where no field is."""
    at = 0
    while at < len(message):
        end = message.index(b"\r\n", at)
        line = message[at:end]
        if not line:
            return message[:at], message[end + 2:]
        is_more = at > 0 and line[:1] in (b" ", b"\t")
        if not is_more and not re.match(rb"[!-9;-~]+[ \t]*:", line[:999]):
            return message[:at], message[at:]
        at = end + 2
    return message, b""


def fields(header):
    return [(m[1].decode(), m[0], m[2]) for m in
            re.finditer(rb"([!-9;-~]+)[ \t]*:((?:[^\n]*\n)(?:[ \t][^\n]*\n)*)", header)]


# -- generators ----------------------------------------------------------------------------

def some_bytes(r, size):
    return bytes(r.choice(b"abc \xe4\xf6\xfc\xff\x80\xc3\xe2\x82") for _ in range(size))


def some_text(r):
    """Words with blanks between them, in one encoding; no line end, no blank at the ends, not empty."""
    kind = r.choice(["utf8"] * 4 + ["ascii", "latin1", "sjis", "jis", "broken", "nul"])
    is_ascii = kind in ("ascii", "nul")
    words = [r.choice(ASCII if is_ascii or r.random() < 0.5 else WORDS) for _ in range(r.randint(1, 14))]
    gaps = [r.choice([" ", " ", " ", "  ", "\t", " \t "]) for _ in words]
    gaps[-1] = ""
    text = "".join(w + g for w, g in zip(words, gaps))
    if kind in ("utf8", "ascii"):
        raw = text.encode()
    elif kind == "latin1":
        raw = text.encode("latin-1", "replace") + "é".encode("latin-1")
    elif kind == "sjis":
        raw = text.encode("shift_jis", "replace") + "表ソ能".encode("shift_jis")
    elif kind == "jis":
        raw = text.encode("iso2022_jp", "replace")
    elif kind == "broken":
        raw = text.encode() + b" x" + some_bytes(r, r.randint(1, 60)) + b"\xc3"
    else:
        raw = text.encode() + b"a\0b"
    return raw.strip(b" \t")


def some_body(r):
    lines = []
    for _ in range(r.choice([0, 1, 1, 2, 5, 20])):
        what = r.random()
        line = b"" if what < 0.1 else some_text(r)
        if what > 0.9:
            line = r.choice([b".", b"..", b"From x", b"--b", b"-- ", b"=", b"trailing \t ", b" lead", b"a\rb\r\rc", b"\r",
                             b"=3D"])
        if r.random() < 0.05:
            line = (line + b" x") * r.choice([100, 400])
        if r.random() < 0.03:
            line = b"y" * r.choice([77, 997, 998, 999, 1000, 1023, 1024, 1025, 1026, 1027, 3000, 70000])
        if r.random() < 0.03:
            line = bytes(r.randrange(256) for _ in range(300)).replace(b"\n", b"")
        lines.append(line + r.choice([b"\n", b"\n", b"\r\n"]))
    body = b"".join(lines)
    return body[:-1] if r.random() < 0.1 else body


def quoted(text):
    return '"%s"' % re.sub(r'(["\\])', r"\\\1", text)


def some_mailbox(r):
    """(as written, display name, address)"""
    spec = r.choice(["a@example.org", "first.last+tag@sub.example.org", '"odd local"@example.org', "x@[192.0.2.1]",
                     "bü@exämple.org"])
    parts = [r.choice(NAMES) for _ in range(r.choice([0, 1, 1, 2, 3]))]
    if not parts:
        return r.choice([spec, "<%s>" % spec]), "", spec
    name = " ".join(parts)
    is_plain = all(re.fullmatch(r"[\w'.\U0001f600]+", p) for p in parts)
    if is_plain and r.random() < 0.6:
        written = name
    elif all(re.fullmatch(r"[^\s\"\\(),<>@;:]+", p) for p in parts) and r.random() < 0.5:
        written = " ".join(p if is_plain and r.random() < 0.5 else quoted(p) for p in parts)
    else:
        written = quoted(name)
    return "%s <%s>" % (written, spec), name, spec


# -- readers -------------------------------------------------------------------------------

def decoded(value):
    """The bytes that a field's text stands for, folding undone, and the charsets in it."""
    value = re.sub(r"\r?\n", "", value)
    parts = email.header.decode_header(value)
    raw = b"".join(p if isinstance(p, bytes) else p.encode() for p, _ in parts)
    return raw, {c for _, c in parts if c}


def meaning(raw):
    """What a reader is to see of a field's text: a token that is an encoded-word already is decoded, the rest is text."""
    out, after_word = b"", False
    for token, blanks in re.findall(rb"([^ \t]+)([ \t]*)", raw):
        is_word = token == WORD
        if is_word and after_word:
            out = out.rstrip(BLANKS)
        out += ("ä".encode() if is_word else token) + blanks
        after_word = is_word
    return out


def expect(condition, what, *details):
    if not condition:
        raise AssertionError(what + "".join("\n    %.2000r" % (d,) for d in details))


def check_lines(out, is_7bit):
    expect(b"\0" not in out, "a NUL came out")
    expect(out == b"" or out.endswith(b"\r\n"), "no line end last", out[-80:])
    expect(out.count(b"\r") == out.count(b"\n") == out.count(b"\r\n"), "a bare CR or LF")
    expect(all(len(line) <= 998 for line in out.split(b"\r\n")), "a long line")


def check_encoded_words(field):
    for line in field.split(b"\r\n"):
        ours = [w for w in re.findall(rb"=\?[^? ]+\?[BQ]\?[^? ]*\?=", line)]
        expect(all(len(w) <= 75 for w in ours), "an encoded-word that is too long", line)
        # One comes in as text and goes out as it is.
        if [w for w in ours if w != WORD] and b"<" not in line:
            expect(len(line) <= 78, "a line that is too long", line)
        for word in ours:
            charset, encoding, text = word[2:-2].split(b"?")
            raw = email.header.decode_header(word.decode())[0][0]
            if charset == b"UTF-8":
                raw.decode()
            if charset.lower() == b"shift_jis":
                raw.decode("shift_jis")


def is_utf8(raw):
    try:
        raw.decode()
        return True
    except UnicodeDecodeError:
        return False


def addresses(value):
    """All of them; a Python that is strict takes x@[192.0.2.1] for none."""
    try:
        return email.utils.getaddresses([value], strict=False)
    except TypeError:
        return email.utils.getaddresses([value])


def needs(raw, with_8bit=True):
    return b"\0" in raw or any(len(x) > 998 for x in raw.split(b"\r\n")) or (with_8bit and not raw.isascii())


# -- properties ----------------------------------------------------------------------------

def plain_message(r):
    """A message that says nothing about itself: header fields of text, and any body."""
    header = b""
    names = ["Subject", "X-Note", "Comments", "Organization", "Content-Description", "X-" + "n" * 70]
    for name in r.sample(names, r.randint(0, 4)):
        text = some_text(r)
        if r.random() < 0.2:
            text = re.sub(rb" (?=\S)", lambda m: r.choice([b" ", b"\n ", b"\r\n\t"]), text)
        header += name.encode() + r.choice([b": ", b":", b":  "]) + text + r.choice([b"\n", b"\r\n"])
    body = some_body(r)
    shape = r.random()
    if shape < 0.1:
        message = header
    elif shape < 0.2:
        message = body
    else:
        message = header + r.choice([b"\n", b"\r\n"]) + body
    if r.random() < 0.1:
        message = r.choice([b"From ", b">From "]) + b"me@x Thu Jan  1 00:00:00 1970\n" + message
    return message


def check_plain(driver, r):
    message, is_7bit = plain_message(r), r.random() < 0.3
    ok, out = driver.repair(message, "7bit" if is_7bit else "8bit", r.choice([1, 3, 100, 1 << 20]))
    expect(ok, "refused", message, out)
    header, body = split(wire_form(message))
    check_lines(out, is_7bit)
    expect(out.isascii(), "8-bit came out", out)
    m = email.message_from_bytes(out)
    new_header, new_body = split(out)
    for (name, whole, value), (_, new_whole, _), (new_name, new_value) in \
            zip(fields(header), fields(new_header), m.items()):
        expect(name == new_name, "another order", name, new_name)
        if not needs(whole):
            expect(new_whole == whole, "a field was touched", whole, new_whole)
            continue
        check_encoded_words(new_whole)
        raw, charsets = decoded(new_value)
        want = meaning(value.replace(b"\r\n", b"").strip(BLANKS))
        expect(raw == want, "another text", raw, want, new_whole)
        charset = "utf-8" if is_utf8(value) else "unknown-8bit"
        expect(charsets <= {"utf-8", charset}, "charset", charsets)
    if needs(body):
        expect(m["MIME-Version"] == "1.0", "no MIME-Version")
        expect(m.get_content_type() == "text/plain", "another type")
        has_jis = b"\x1b$" in body
        charset = "utf-8" if is_utf8(body) else "unknown-8bit"
        charset = charset if not body.isascii() else "iso-2022-jp" if has_jis else "us-ascii"
        expect(m.get_content_charset() == charset, "charset", m["Content-Type"], charset)
        got = m.get_payload(decode=True)
        expect(got.replace(b"\r\n", b"\n") == body.replace(b"\r\n", b"\n"), "another body", body, new_body)
        expect(all(len(x) <= 76 for x in new_body.split(b"\r\n")), "a long encoded line")
        other = "quoted-printable" if m["Content-Transfer-Encoding"] == "base64" else "base64"
        size = len(encode(body, other))
        expect(len(new_body) <= size * 1.02 + 80, "the longer encoding", len(new_body), size)
    else:
        expect(new_body == body, "the body was touched", body, new_body)
        expect("Content-Type" not in m, "a field was added")
    return out


def encode(body, how):
    import binascii
    import quopri
    if how == "base64":
        return b"".join(binascii.b2a_base64(body[i:i + 57]) + b"\r" for i in range(0, len(body), 57))
    return quopri.encodestring(body.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")


def check_addresses(driver, r):
    boxes = [some_mailbox(r) for _ in range(r.randint(1, 6))]
    name = r.choice(["From", "To", "Cc", "Reply-To", "Resent-To", "Sender", "resent-from",
                     "Disposition-Notification-To"])
    text = boxes[0][0]
    for box in boxes[1:]:
        text += r.choice([", ", ",", ",\r\n ", " , "]) + box[0]
    message = ("%s: %s\r\n\r\nx\r\n" % (name, text)).encode()
    ok, out = driver.repair(message, r.choice(["7bit", "8bit"]), r.choice([1, 7, 1 << 20]))
    expect(ok, "refused", text, out)
    check_lines(out, False)
    header = split(out)[0]
    for line in header.split(b"\r\n"):
        expect(len(line) <= 78 or b"@" in line, "a long line", line)
    value = re.sub("\r\n", "", header.decode().partition(":")[2])
    found = addresses(value)
    specs = [box[2] for box in boxes]
    expect([spec for _, spec in found] == specs, "other addresses", text, header)
    for (found_name, _), (_, want, _) in zip(found, boxes):
        got = decoded(found_name)[0].decode()
        expect(re.sub(r"\s+", " ", got) == re.sub(r"\s+", " ", want), "another name", want, got, header)
    if all(spec.isascii() for spec in specs):
        expect(header.isascii(), "8-bit came out", header)
        modern = email.message_from_bytes(out, policy=email.policy.SMTP)[name]
        if name != "Sender" and name != "Disposition-Notification-To":
            expect([a.addr_spec for a in modern.addresses] == specs, "other addresses (policy)", header)
            # Python puts a blank where two encoded-words meet.
            got, want = ([re.sub(r"\s", "", x) for x in names] for names in
                         ([a.display_name for a in modern.addresses], [box[1] for box in boxes]))
            expect(got == want or "=?" not in value, "other names (policy)", header, got, want)
        if "=?" in value:
            for word in re.findall(rb"\S+", header):
                check_encoded_words(word)
    return out


def check_declared(driver, r):
    """8-bit text in a charset that the message names; it stays while the server takes it."""
    charset, text = r.choice([
        ("iso-2022-jp", "日本語のメール"), ("shift_jis", "表ソ能の日本語"), ("euc-jp", "日本語"),
        ("iso-8859-1", "Zürich é"), ("windows-1252", "naïve €"), ("koi8-r", "Привет"), ("big5", "中文許功蓋"),
        ("gb18030", "中文𠀀")])
    raw, is_7bit = text.encode(charset), r.random() < 0.5
    subject = b" ".join(raw if r.random() < 0.7 else b"plain" for _ in range(r.randint(1, 20)))
    body = b"\r\n".join(raw * r.randint(0, 20) for _ in range(5)) + b"\r\n"
    version = b"MIME-Version: 1.0\r\n" if r.random() < 0.5 else b""
    encoding = r.choice([b"", b"Content-Transfer-Encoding: 8bit\r\n"])
    header = b"Subject: %s\r\n%sContent-Type: text/plain; charset=%s\r\n%s" % (
        subject, version, charset.encode(), encoding)
    ok, out = driver.repair(header + b"\r\n" + body, "7bit" if is_7bit else "8bit", r.choice([1, 5, 1 << 20]))
    expect(ok, "refused", out)
    check_lines(out, is_7bit)
    m = email.message_from_bytes(out)
    expect(m["MIME-Version"] == "1.0", "no MIME-Version")
    expect(m.get_content_charset() == charset, "another charset")
    expect(m.get_payload(decode=True) == body, "another body")
    if body.isascii() or not is_7bit:
        expect(split(out)[1] == body, "the body was touched")
        expect(body.isascii() or m["Content-Transfer-Encoding"] == "8bit", "no label")
    expect(out.isascii() or not is_7bit, "8-bit came out")
    if not subject.isascii():
        got, charsets = decoded(m["Subject"])
        expect(got == subject and charsets == {charset}, "another subject", got, subject, charsets)
        check_encoded_words(split(out)[0].partition(b"\r\nMIME")[0])
    return out


def some_entity(r, depth, in_digest=False):
    """A MIME entity in wire form: header, blank line, body without a last line end."""
    kind = r.choice(["leaf"] * 5 + ["mixed", "mixed", "digest", "signed", "rfc822", "rfc822"]) if depth < 4 else "leaf"
    if kind == "leaf":
        encoding = r.choice([b"", b"8bit", b"7bit", b"binary", b"base64", b"quoted-printable"])
        head = r.choice([b"", b"Content-Type: text/plain; charset=utf-8\r\n",
                         b"Content-Type: application/octet-stream; name=x\r\n",
                         b"Content-Type: text/html\r\nX-Raw: \xc3\xa4 x\r\n"])
        body = wire_form(some_body(r))[:-2]
        if in_digest and not head:
            # A message: it may not be encoded, and a blank at its start is for some a header, for others not.
            encoding, body = b"", body.lstrip(b" \t\r\n")
        if encoding == b"base64":
            body = encode(body, "base64").replace(b"\n\r", b"\r\n" if r.random() < 0.7 else b"")
        elif encoding == b"quoted-printable":
            body = encode(body, "quoted-printable")
            if r.random() < 0.3:
                body = body.replace(b"=\r\n", b"")
        if encoding:
            head += b"Content-Transfer-Encoding: %s\r\n" % encoding
        return head + b"\r\n" + body
    if kind == "rfc822":
        inner = r.choice([b"Subject: \xc3\xa4\r\n", b"Subject: x\r\n", b"From me Thu\r\nSubject: y\r\n"])
        return b"Content-Type: message/rfc822\r\n\r\n" + inner + some_entity(r, depth + 1)
    boundary = b"=_%d_%d" % (depth, r.randrange(10 ** 6))
    parts = [some_entity(r, depth + 1, kind == "digest") for _ in range(r.choice([1, 2, 3]))]
    out = b"Content-Type: multipart/%s; %sboundary=\"%s\"\r\n" % (kind.encode(), r.choice([b"", b"\r\n\t"]), boundary)
    out += r.choice([b"", b"Content-Transfer-Encoding: 8bit\r\n"])
    out += b"\r\n" + r.choice([b"", b"preamble\r\n", b"pre\xc3\xa4\r\n"])
    for part in parts:
        out += b"--" + boundary + r.choice([b"", b" "]) + b"\r\n" + part + b"\r\n"
    if kind == "signed" or r.random() < 0.95:
        out += b"--" + boundary + b"--\r\n" + r.choice([b"", b"epilogue"])
    return out


def same_tree(old, new, path=""):
    expect(old.get_content_type() == new.get_content_type(), "another type at " + path, old["Content-Type"], new["Content-Type"])
    if old.get_content_type() == "multipart/signed":
        return
    expect(old.is_multipart() == new.is_multipart(), "another shape at " + path)
    if old.is_multipart():
        a, b = old.get_payload(), new.get_payload()
        expect(len(a) == len(b), "another number of parts at " + path, len(a), len(b))
        for i, (x, y) in enumerate(zip(a, b)):
            same_tree(x, y, "%s/%d" % (path, i))
        return
    a, b = old.get_payload(decode=True), new.get_payload(decode=True)
    same = a.replace(b"\r\n", b"\n").rstrip(b"\n") == b.replace(b"\r\n", b"\n").rstrip(b"\n")
    expect(same, "another body at " + path, a, b, old["Content-Transfer-Encoding"], new["Content-Transfer-Encoding"])


def signed_parts(message):
    """What stands between the boundaries of each multipart/signed that is not in another."""
    found = []
    start = rb'Content-Type: multipart/signed; (?:\r\n\t)?boundary="([^"]*)"\r\n(?:[^\r\n]+\r\n)*\r\n'
    for match in re.finditer(start, message):
        end = message.find(b"--" + match[1] + b"--", match.end())
        found.append(message[match.end():end if end >= 0 else len(message)])
    return found


def check_mime(driver, r):
    message = b"MIME-Version: 1.0\r\n" + some_entity(r, 0)
    message += b"" if message.endswith(b"\r\n") else b"\r\n"
    # The generator can put anything in a body, also a line that ends the header.
    is_7bit = r.random() < 0.7
    ok, out = driver.repair(message, "7bit" if is_7bit else "8bit", r.choice([1, 11, 1000, 1 << 20]))
    wire = wire_form(message)
    has_trouble = needs(wire, is_7bit)
    if not ok:
        expect(any(needs(s, is_7bit) for s in signed_parts(wire)), "refused", message, out)
        expect(b"signed" in out, "another reason", out)
        return b""
    check_lines(out, is_7bit)
    if not has_trouble and is_7bit:
        expect(out == wire, "touched", wire, out)
    expect(out.isascii() or not is_7bit, "8-bit came out", out)
    same_tree(email.message_from_bytes(wire), email.message_from_bytes(out))
    for part in signed_parts(wire):
        expect(part in out, "a signed part was touched", part, out)
    return out


def check_parameters(driver, r):
    name = r.choice(["Zürich Foto.pdf", "日本語.txt", "😀" * 30 + ".png", "a\"b\\cé.txt", "é;x.txt", "é"])
    written = quoted(name)
    if r.random() < 0.2 and re.fullmatch(r"[^\s\"\\;]+", name):
        written = name
    header = ("Content-Type: text/plain; charset=us-ascii;\r\n\tname=%s\r\n"
              "Content-Disposition: attachment; size=1; filename=%s; x=y\r\n" % (written, written))
    ok, out = driver.repair(header.encode() + b"MIME-Version: 1.0\r\n\r\nbody\r\n", "8bit", 1 << 20)
    expect(ok, "refused", out)
    check_lines(out, True)
    expect(out.isascii(), "8-bit came out", out)
    expect(all(len(line) <= 78 for line in out.split(b"\r\n")), "a long line", out)
    m = email.message_from_bytes(out)
    expect(m.get_filename() == name, "another filename", name, m.get_filename(), out)
    expect(email.utils.collapse_rfc2231_value(m.get_param("name")) == name, "another name", name, out)
    expect(m.get_content_charset() == "us-ascii", "another charset", out)
    expect(m.get_param("x", header="content-disposition") == "y", "a parameter is lost", out)
    return out


def unescaped(value, mark):
    """What hex digits behind `mark` stand for, and comments without their encoded-words."""
    value = re.sub(rb"=\?[^? ]+\?[BQ]\?[^? ]*\?=", lambda m: email.header.decode_header(m[0].decode())[0][0], value)
    return re.sub(mark + rb"([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), value)


def check_structured(driver, r):
    """Encoded-words can stand nowhere in these but in comments: hex digits say what was there."""
    name, mark = r.choice([("Message-ID", b"="), ("In-Reply-To", b"="), ("References", b"="), ("Received", b"="), ("Date", b"="),
                           ("Authentication-Results", b"="), ("List-Unsubscribe", b"%"), ("Content-ID", b"%")])
    pieces = ["<%s@b>", "%s", "\"%s x\"", "<mailto:%s>", "a.%s", "(%s)"]
    value = " ".join(r.choice(pieces) % r.choice(["ä", "日本語", "x", "\udce4", "é" * 40]) for _ in range(r.randint(1, 8)))
    raw = value.encode("utf-8", "surrogateescape")
    is_signed, is_7bit = r.random() < 0.2, r.random() < 0.3
    header = name.encode() + b": " + raw + b"\r\n" + b"DKIM-Signature: x\r\n" * is_signed
    ok, out = driver.repair(header + b"\r\nx\r\n", "7bit" if is_7bit else "8bit", r.choice([1, 7, 1 << 20]))
    expect(ok, "refused", out)
    check_lines(out, is_7bit)
    if is_signed and not is_7bit:
        expect(out.startswith(header), "a signed field was touched", out)
        return out
    expect(out.isascii(), "8-bit came out", out)
    # Neighbours in comments may have become one word, with the blank between them in it.
    same = [re.sub(rb"\s", b"", x) for x in (raw, unescaped(re.sub(rb"\r\n", b"", fields(out)[0][2]), mark))]
    expect(same[0] == same[1], "another value", raw, out)
    return out


def check_junk(driver, r):
    """Anything at all: it is refused or becomes something that can be sent."""
    pieces = [
        b"From:", b"To: ", b"Subject: ", b"X:", b"Content-Type: ", b"Content-Disposition: a; filename=", b"filename*=",
        b"Content-Type: multipart/mixed; boundary=b\r\n", b"multipart/digest; boundary=b", b"message/rfc822",
        b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: quoted-printable\n", b"--b", b"--b--",
        b"\r\n", b"\n", b"\n\n", b"\r", b"\xc3\xa4", b"\xff", b"\0", b"(", b")", b"\"", b"<", b">", b",", b";", b":",
        b"\\", b"[", b"=?", b"?=", b"?Q?", b"=", b"=C3=A4", b" ", b"\t", b" " * 40, b"a", b"z" * 1000]
    message = b"".join(r.choice(pieces) for _ in range(r.randint(0, 60)))
    ok, out = driver.repair(message, r.choice(["7bit", "8bit"]), r.choice([1, 2, 1 << 20]))
    if ok:
        check_lines(out, False)
        header = split(out)[0]
        for name, whole, _ in fields(header):
            expect(whole.isascii() or name in ("From", "To") or b"DKIM" in header, "8-bit came out", whole, message)
    return out if ok else b""


CHECKS = ([check_plain] * 4 + [check_addresses] * 3 + [check_mime] * 3 +
          [check_declared, check_parameters, check_structured, check_junk])


def main():
    driver = Driver(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    for seed in range(first, first + count):
        r = random.Random(seed)
        check = r.choice(CHECKS)
        try:
            out = check(driver, r)
            # What was repaired needs no repair, and how it is cut does not matter.
            if out and check is not check_junk:
                again, same = driver.repair(out, "8bit", r.choice([2, 1 << 20]))
                expect(again and same == out, "repaired twice", out, same)
        except Exception as e:
            print("seed %d, %s: %s: %s" % (seed, check.__name__, type(e).__name__, e))
            return 1
    print("%d messages" % count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
