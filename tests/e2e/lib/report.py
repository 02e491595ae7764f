"""A delivery report, checked against RFC 3464, 6522, 6533 and 5322 in every line, and taken apart.

    report = Report(message)            a Message of the scripted server; AssertionError when a rule is broken
    report.of_one["Status"]             the only recipient's fields
    report.recipients["b@y.test"]       by the address in Final-Recipient
    report.message["Reporting-MTA"]     the fields about the whole message

Fields are unfolded text. `mail`, `text` and `original` are parts as the email package reads them.
"""
import base64
import email
import email.policy
import quopri
import re

ATOM = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+"
DATE = (r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
        r"\d\d:\d\d:\d\d [+-]\d{4}")
DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?)*"
MTA = rf"dns; ((?![\d.]+$){DOMAIN}|\[\d+(\.\d+){{3}}\]|\[IPv6:[0-9A-Fa-f:.]+\])"
ADDRESS = rf"{ATOM}; ?\S.*"
MESSAGE_FIELDS = {"Original-Envelope-Id": r"\S.*", "Reporting-MTA": MTA, "Arrival-Date": DATE, "X-Relay-Queue-ID": r"\w{15}"}
RECIPIENT_FIELDS = {
    "Original-Recipient": ADDRESS, "Final-Recipient": ADDRESS, "Action": r"failed|delayed|relayed",
    "Status": r"[245]\.\d{1,3}\.\d{1,3}", "Remote-MTA": MTA, "Diagnostic-Code": rf"{ATOM}; ?\S.*", "Last-Attempt-Date": DATE,
    "Will-Retry-Until": DATE}
CLASSES = {"failed": "45", "delayed": "4", "relayed": "2"}
STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
ORIGINAL_TYPES = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")


def fields_of(lines, allowed):
    """name -> text of a block of fields; each must be one that is allowed, once, and of its form."""
    found = {}
    for line in re.sub(r"\r\n(?=[ \t])", "", lines).split("\r\n"):
        name, _, value = line.partition(": ")
        assert name in allowed and name not in found, line
        assert re.fullmatch(allowed[name], value), line
        found[name] = value
    return found


def encoding_of(part):
    return str(part.get("Content-Transfer-Encoding", "7bit")).lower()


def check_lines(data):
    assert data.endswith(b"\r\n") and b"\0" not in data
    bare = data.replace(b"\r\n", b"")
    assert b"\r" not in bare and b"\n" not in bare
    assert max(map(len, data.split(b"\r\n"))) <= 998


class Report:
    def __init__(self, message):
        self.envelope = message
        assert message.sender == "" and len(message.accepted) <= 1
        check_lines(message.data)
        self.mail = email.message_from_bytes(message.data, policy=email.policy.default)
        self._check_header()
        self.text, status, self.original = self.mail.get_payload()
        for part in (self.mail, self.text, status, self.original):
            assert not part.defects, part.defects
        assert self.text.get_content_type() == "text/plain" and self.text.get_content().strip()
        assert self.original.get_content_type() in ORIGINAL_TYPES
        self._take_apart(status)
        self._check_encodings(status)

    def _check_header(self):
        mail = self.mail
        assert mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "delivery-status"
        head = self.envelope.data.split(b"\r\n\r\n")[0] + b"\r\n"
        for once in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Auto-Submitted"):
            assert len(re.findall(rb"^" + once.encode() + rb": *[^\s]", head, re.M)) == 1, once
        assert mail["MIME-Version"] == "1.0" and mail["Auto-Submitted"] == "auto-replied"
        assert len(mail["To"].addresses) == len(mail["From"].addresses) == 1
        assert re.fullmatch(r"<[^\s<>@]+@[^\s<>@]+>", mail["Message-ID"]) and re.fullmatch(DATE, str(mail["Date"]))

    def _take_apart(self, status):
        """By hand: the email package forgives too much."""
        assert status.get_content_type() in STATUS_TYPES
        data = self.envelope.data
        boundary = b"\r\n--" + self.mail.get_boundary().encode()
        parts = data.split(boundary)
        assert len(parts) == 5 and parts[4] == b"--\r\n", "the boundary stands in a part"
        self.head, self.parts = parts[0], parts[1:4]
        block = parts[2].split(b"\r\n\r\n", 1)[1]
        decode = {"quoted-printable": quopri.decodestring, "base64": base64.b64decode}.get(encoding_of(status), bytes)
        block = decode(block).decode()
        about, *groups = block.strip("\r\n").split("\r\n\r\n")
        self.message = fields_of(about, MESSAGE_FIELDS)
        assert "Reporting-MTA" in self.message and groups
        self.recipients = {}
        for group in groups:
            one = fields_of(group, RECIPIENT_FIELDS)
            assert {"Final-Recipient", "Action", "Status"} <= set(one), group
            assert one["Status"][0] in CLASSES[one["Action"]], group
            assert ("Will-Retry-Until" in one) <= (one["Action"] == "delayed")
            address = one["Final-Recipient"].split("; ", 1)[1]
            assert address not in self.recipients, address
            self.recipients[address] = one
        assert len({one["Action"] for one in self.recipients.values()}) == 1

    def _check_encodings(self, status):
        """What is not ASCII says so, in the part and in all around it."""
        says = [encoding_of(p) for p in (self.text, status, self.original)]
        for part, encoding in zip(self.parts, says):
            assert part.isascii() or encoding == "8bit", encoding
        if "8bit" in says:
            assert encoding_of(self.mail) == "8bit"
            assert self.envelope.mail_params.get("BODY") == "8BITMIME"
        assert status.get_content_type() != STATUS_TYPES[0] or says[1] == "7bit"
        assert self.original.get_content_type() != "message/rfc822" or says[2] in ("7bit", "8bit")

    @property
    def action(self):
        return next(iter(self.recipients.values()))["Action"]

    @property
    def of_one(self):
        [found] = self.recipients.values()
        return found
