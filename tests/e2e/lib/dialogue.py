"""The scripted server's side of one SMTP or LMTP session.

Owns: greeting, TLS, AUTH, the order in which verbs are allowed, and what is noted as a violation when the client breaks
a rule of the protocol; MAIL to BDAT are in transaction.py. What to do instead of a normal reply is decided by the rules
of hostile.py, all in `answer`.
"""
import base64
import binascii

from . import hostile
from .sasl_server import MECHANISMS, AuthFailed, Credentials
from .transaction import Transactions
from .wire import Closed, tls_exporter

MUST_END_A_GROUP = ("EHLO", "HELO", "LHLO", "STARTTLS", "DATA", "VRFY", "EXPN", "QUIT", "NOOP")
ONE_STEP = ("PLAIN", "EXTERNAL", "XOAUTH2", "OAUTHBEARER")


class Dialogue(Transactions):
    def __init__(self, server, wire, record):
        super().__init__()
        self.server = server
        self.opt = server.options
        self.wire = wire
        self.record = record
        self.held = None            # a reply kept back by hostile.swap
        self._counts = {}
        self._greeted = None        # the verb the client greeted with
        self._offered = set()       # extension keywords of the last EHLO reply
        self._authenticated = False
        self._refuse_until = 0      # bytes of the buffer that are refused, after AUTH

    # -- the run of a session ---------------------------------------------------------------------------------

    def run(self):
        self.event("CONNECT")
        if self.opt.tls == "implicit":
            self.start_tls()
        self.wire.gather(self.opt.listen_before_greeting)
        if self.wire.buffer:
            self.violation("spoke before the greeting")
        self.answer("GREETING", f"220 {self.opt.name} {'LMTP' if self.opt.lmtp else 'ESMTP'} scripted")
        while True:
            self.command()

    def command(self):
        raw = self.wire.line()
        refused = self._refuse_until > 0
        self._refuse_until = max(0, self._refuse_until - len(raw))
        self.record.flights = self.wire.flights
        line = raw.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
        if not raw.endswith(b"\r\n") or b"\0" in raw or b"\r" in raw[:-2]:
            self.violation(f"malformed command line {raw[:80]!r}")
        verb, _, argument = line.partition(" ")
        verb = verb.upper()
        self.record.note_command(line)
        self._check_pipelining(verb, argument)
        if refused and not (verb == "QUIT" and self.opt.after_auth == "503-quit"):
            if verb == "BDAT":
                self._skip_chunk(argument)
            self.answer(verb, "503 5.5.1 Error: bad sequence of commands")
            return
        handler = getattr(self, f"do_{verb.lower()}", None)
        if handler is None:
            self.violation(f"unknown command {line[:80]!r}")
            self.answer(verb, "500 5.5.2 Error: command not recognized")
        else:
            handler(argument)

    def _check_pipelining(self, verb, argument):
        if not self.wire.buffer or verb == "BDAT":
            return
        mechanism, _, initial = argument.upper().partition(" ")
        if verb == "AUTH" and not (mechanism in ONE_STEP and initial):
            self.violation(f"pipelined after AUTH {mechanism}")
        elif verb in MUST_END_A_GROUP:
            self.violation(f"pipelined after {verb}")
        elif "PIPELINING" not in self._offered:
            self.violation(f"pipelined after {verb}, but PIPELINING was not offered")

    def violation(self, text):
        self.record.violations.append(text)

    # -- replies ----------------------------------------------------------------------------------------------

    def answer(self, event, normal):
        """Reply as the rules say; True if the command is to have its normal effect."""
        held, self.held = self.held, None
        rule = self._rule_for(event)
        if rule is not None:
            effect = rule.action(self, normal)
        else:
            self.wire.put(hostile.wire_form(normal))
            effect = True
        if held is not None:
            self.wire.put(held)
        return effect

    def event(self, event):
        """An event without a reply of its own."""
        rule = self._rule_for(event)
        if rule is not None:
            rule.action(self, b"")

    def _rule_for(self, event):
        self._counts[event] = count = self._counts.get(event, 0) + 1
        self.server.note_event(event)
        for rule in self.opt.rules:
            if rule.matches(event, count, self.record.index):
                return rule
        return None

    # -- greeting and TLS -------------------------------------------------------------------------------------

    def start_tls(self):
        self.event("HANDSHAKE")
        left = self.wire.start_tls(self.server.tls_context(self.record)) if self.opt.tls != "none" else b""
        if left and self.opt.tls == "starttls":
            self.violation("plaintext sent behind STARTTLS")
        tls = self.wire.tls
        self.record.tls_version = tls.version()
        self.record.tls_cipher = tls.cipher()[0]
        certificate = tls.getpeercert()
        if certificate:
            subject = dict(pair for rdn in certificate["subject"] for pair in rdn)
            self.record.client_certificate = subject.get("commonName")
        self._offered = set()
        self._greeted = None
        self.event("TLS")

    def _extensions(self):
        lines = [e for e in self.opt.extensions if e.split()[0].upper() not in self.opt.without]
        lines += self.opt.extra
        if self.opt.size_limit is not None:
            lines.append(f"SIZE {self.opt.size_limit}")
        if self.opt.tls == "starttls" and self.wire.tls is None:
            lines.append("STARTTLS")
        if self.opt.auth and (self.wire.tls is not None or self.opt.auth_without_tls) and not self._authenticated:
            lines.append("AUTH " + " ".join(self.opt.auth))
        return lines

    def do_ehlo(self, argument):
        self._hello("EHLO", argument, self.opt.lmtp)

    def do_lhlo(self, argument):
        self._hello("LHLO", argument, not self.opt.lmtp)

    def _hello(self, verb, argument, wrong):
        if wrong:
            self.answer(verb, "500 5.5.1 wrong protocol")
            return
        lines = [self.opt.name] + self._extensions()
        text = "\n".join(f"250{'-' if i < len(lines) - 1 else ' '}{line}" for i, line in enumerate(lines))
        self.record.helo = argument
        if self.answer(verb, text):
            self._greeted = verb
            self._offered = {line.split()[0].upper() for line in lines[1:]}
            self.message = None

    def do_helo(self, argument):
        self.record.helo = argument
        if self.answer("HELO", f"250 {self.opt.name}"):
            self._greeted = "HELO"
            self._offered = set()

    def do_starttls(self, argument):
        if "STARTTLS" not in self._offered:
            self.violation("STARTTLS was not offered")
            self.answer("STARTTLS", "502 5.5.1 Error: command not implemented")
            return
        if self.answer("STARTTLS", "220 2.0.0 Ready to start TLS"):
            self.wire.flush()
            self.start_tls()

    # -- AUTH -------------------------------------------------------------------------------------------------

    def do_auth(self, argument):
        name, _, initial = argument.partition(" ")
        name = name.upper()
        if "AUTH" not in self._offered or name not in self.opt.auth or name not in MECHANISMS:
            self.violation(f"AUTH {name} was not offered")
            self.answer("AUTH", "504 5.5.4 Unrecognized authentication type")
            return
        if self._authenticated or self.message is not None:
            self.answer("AUTH", "503 5.5.1 Error: already authenticated, or in a transaction")
            return
        creds = self._credentials()
        try:
            user = self._exchange(MECHANISMS[name](creds, self._decode(initial) if initial else None))
            text = "235 2.7.0 Authentication successful"
        except AuthFailed as failure:
            user, text = None, failure.reply
        except (KeyError, ValueError, UnicodeError) as error:
            self.violation(f"malformed {name} response: {error!r}")
            user, text = None, "501 5.5.2 malformed authentication data"
        self.record.auth_mechanism, self.record.auth_seen = name, creds.seen
        if self.opt.after_auth != "ok" and user is not None:
            self.wire.gather()
            if self.opt.after_auth == "swallow":
                self.wire.buffer.clear()
            self._refuse_until = len(self.wire.buffer)
        if self.answer("AUTH-END", text) and user is not None:
            self._authenticated = True
            self.record.auth_user = user

    def _credentials(self):
        bindings = {}
        if self.wire.tls is not None:
            if self.wire.tls.version() == "TLSv1.2":
                bindings["tls-unique"] = self.wire.tls.get_channel_binding("tls-unique")
            else:
                bindings["tls-exporter"] = tls_exporter(self.wire.tls)
            bindings["tls-server-end-point"] = self.server.certificate_hash()
        return Credentials(users=self.opt.users, tokens=self.opt.tokens, bindings=bindings,
                           certificate_user=self.record.client_certificate,
                           plus_offered=any(m.endswith("-PLUS") for m in self.opt.auth),
                           wrong_signature=self.opt.scram_wrong_signature, iterations=self.opt.scram_iterations,
                           server_nonce=self.opt.scram_nonce)

    def _exchange(self, mechanism):
        """Drive the mechanism's generator; the user name it returns."""
        challenge = None
        event = "AUTH"
        try:
            challenge = next(mechanism)
            while True:
                if not self.answer(event, "334 " + base64.b64encode(challenge).decode()):
                    raise AuthFailed("503 5.5.1 Error: exchange abandoned")
                event = "AUTH-STEP"
                line = self.wire.line().rstrip(b"\r\n").decode("ascii", "replace")
                self.record.flights = self.wire.flights
                self.record.note_response(line)
                if line == "*":
                    raise AuthFailed("501 5.7.0 Authentication aborted")
                challenge = mechanism.send(self._decode(line))
        except StopIteration as done:
            return done.value

    def _decode(self, text):
        if text == "=":
            return b""
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise ValueError(str(error)) from None

    # -- the rest ---------------------------------------------------------------------------------------------

    def do_rset(self, argument):
        self.message = None
        self.answer("RSET", "250 2.0.0 Ok")

    def do_noop(self, argument):
        self.answer("NOOP", "250 2.0.0 Ok")

    def do_vrfy(self, argument):
        self.answer("VRFY", "252 2.0.0 maybe")

    def do_quit(self, argument):
        if self.answer("QUIT", "221 2.0.0 Bye"):
            self.wire.flush()
            self.wire.close("clean")
            raise Closed("quit")
