"""The scripted server's MAIL, RCPT, DATA and BDAT.

Owns: the syntax of paths and parameters, which extension a parameter needs, reading a body, and recording the message.
A mixin of dialogue.Dialogue, which has `answer`, `violation`, `wire` and the options.
"""
import re

from .body import Body, DataReader
from .records import Message

PATH = re.compile(r"<([^<>\s]*|\"(?:[^\"\\]|\\.)*\"@[^<>\s]+)>(?: (.*))?$", re.DOTALL)
NEEDS = {"SIZE": "SIZE", "BODY": "8BITMIME", "SMTPUTF8": "SMTPUTF8", "AUTH": "AUTH", "RET": "DSN", "ENVID": "DSN",
         "NOTIFY": "DSN", "ORCPT": "DSN", "REQUIRETLS": "REQUIRETLS", "BY": "DELIVERBY", "MT-PRIORITY": "MT-PRIORITY"}

# In the middle of a chunk the client owes us bytes and cannot be waiting for us, however slowly it comes along.
IN_CHUNK = 0.5


class Transactions:
    message = None      # the transaction under way
    _bodies = 0         # bodies begun in this connection

    def __init__(self):
        self._fired = set()     # IN-BODY rules that have fired

    def do_mail(self, argument):
        parsed = self._path("MAIL", "FROM:", argument)
        if parsed is None:
            return
        sender, params = parsed
        declared = params.get("SIZE", "0")
        if self._greeted is None:
            self.answer("MAIL", "503 5.5.1 Error: send HELO/EHLO first")
        elif self.opt.auth_required and not self._authenticated:
            self.answer("MAIL", "530 5.7.0 Authentication required")
        elif self.message is not None:
            self.violation("nested MAIL")
            self.answer("MAIL", "503 5.5.1 Error: nested MAIL command")
        elif self.opt.size_limit and declared.isdigit() and int(declared) > self.opt.size_limit:
            self.answer("MAIL", "552 5.3.4 Error: message too large")
        elif self.answer("MAIL", "250 2.1.0 Ok"):
            self.message = Message(sender=sender, mail_params=params, body=Body(self.opt.keep_body),
                                   connection=self.record)

    def do_rcpt(self, argument):
        parsed = self._path("RCPT", "TO:", argument)
        if parsed is None:
            return
        recipient, params = parsed
        if self.message is None:
            self.answer("RCPT", "503 5.5.1 Error: need MAIL command")
            return
        text = self.opt.refuse.get(recipient, "250 2.1.5 Ok")
        if self.answer("RCPT", text) and text.startswith("2"):
            self.message.recipients.append(recipient)
            self.message.rcpt_params.append(params)
        else:
            self.message.refused.append(recipient)

    def _path(self, verb, prefix, argument):
        """(address, parameters), or None after a syntax error was answered."""
        match = PATH.match(argument[len(prefix):]) if argument.upper().startswith(prefix) else None
        if match is None:
            self.violation(f"bad syntax: {verb} {argument[:80]!r}")
            self.answer(verb, f"501 5.5.4 Syntax: {verb} {prefix}<address>")
            return None
        params = {}
        for word in (match[2] or "").split(" ") if match[2] else []:
            name, _, value = word.partition("=")
            params[name.upper()] = value
            if NEEDS.get(name.upper()) not in self._offered:
                self.violation(f"{verb} parameter {name}, but its extension was not offered")
        if "SMTPUTF8" not in params and not match[1].isascii() and verb == "MAIL":
            self.violation("address is not ASCII, and SMTPUTF8 is not asked for")
        return match[1], params

    def do_data(self, argument):
        if self.message is None or not (self.message.recipients or self.opt.data_without_recipients):
            self.answer("DATA", "554 5.5.1 Error: no valid recipients" if self.message else
                        "503 5.5.1 Error: need RCPT command")
            return
        if not self.answer("DATA", "354 End data with <CR><LF>.<CR><LF>"):
            return
        self.message.via = "DATA"
        self._bodies += 1
        reader = DataReader(self.message.body)
        rest = None
        while rest is None:
            if not self.wire.buffer:
                self.wire.fill()
            rest = reader.feed(self.wire.take(self._step(reader.body.size)))
            self._in_body(reader.body.size)
        self.wire.buffer[:0] = rest
        self.record.flights = self.wire.flights
        self._end_of_body()

    def do_bdat(self, argument):
        words = argument.upper().split()
        if "CHUNKING" not in self._offered or not words or not words[0].isdigit() or words[1:] not in ([], ["LAST"]):
            self.violation(f"BDAT {argument[:80]!r} refused")
            self.answer("BDAT", "503 5.5.1 Error: BDAT was not offered, or has a bad argument")
            return
        count = int(words[0])
        if self.message is None or not self.message.recipients:
            self._skip_chunk(argument)
            self.answer("BDAT", "554 5.5.1 Error: no valid recipients" if self.message else
                        "503 5.5.1 Error: need MAIL command")
            return
        body = self.message.body
        if self.message.via is None:
            self.message.via = "BDAT"
            self._bodies += 1
        while count:
            if not self.wire.buffer:
                self.wire.fill(settle=IN_CHUNK)
            data = self.wire.take(min(count, self._step(body.size)))
            body.add(data)
            count -= len(data)
            self._in_body(body.size)
        self.record.flights = self.wire.flights
        self.message.chunks += 1
        if words[1:]:
            self._end_of_body()
        else:
            self.answer("BDAT", f"250 2.0.0 Ok: {words[0]} bytes")

    def _skip_chunk(self, argument):
        count = int((argument.split() or ["0"])[0])
        while count:
            if not self.wire.buffer:
                self.wire.fill()
            size = len(self.wire.take(count))
            count -= size
            self._refuse_until = max(0, self._refuse_until - size)

    def _step(self, size):
        """How many bytes of a body to take at once, so that IN-BODY rules fire at their byte."""
        points = [r.at - size for r in self.opt.rules if r.event == "IN-BODY" and r.at > size]
        return min(points, default=len(self.wire.buffer))

    def _in_body(self, size):
        for rule in self.opt.rules:
            if rule.event == "IN-BODY" and size >= rule.at and self._fires_in_body(rule):
                rule.action(self, b"")

    def _fires_in_body(self, rule):
        """Each such rule fires once in a message; its nth counts messages."""
        key = (id(rule), id(self.message))
        if rule.conn not in (None, self.record.index) or key in self._fired or rule.nth not in (None, self._bodies):
            return False
        self._fired.add(key)
        self.server.note_event("IN-BODY")
        return True

    def _end_of_body(self):
        """Replies to the end of data. The message is on record before the client hears of it."""
        message, self.message = self.message, None
        if message.body.is_8bit and message.mail_params.get("BODY") != "8BITMIME":
            self.violation("8-bit data without BODY=8BITMIME")
        if not message.recipients:
            if message.size:
                self.violation("a message was sent to no recipient")
            self.answer("BODY", "554 5.5.1 Error: no valid recipients")
            return
        for recipients in [[r] for r in message.recipients] if self.opt.lmtp else [message.recipients]:
            text = "250 2.0.0 Ok: queued as SCRIPTED"
            if self.opt.lmtp:
                text = self.opt.data_replies.get(recipients[0], text)
            if text.startswith("2"):
                self.server.note_delivery(message, recipients)
            if not self.answer("BODY", text):
                self.server.take_back(message, recipients)
        message.confirmed = True
