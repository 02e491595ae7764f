"""A scripted SMTP and LMTP server, for tests: well-behaved by default, hostile where a test says so.

    with ScriptedServer(pki, tls="implicit", auth=["PLAIN"], users={"joe": "secret"}) as s:
        … let a client submit to s.host, s.port …
        s.settle()                              # all connections have ended
        assert s.violations == []
        assert s.messages[0].data == b"Subject: x\r\n\r\nhello\r\n"

    rules=[on("RCPT", reply("550 5.1.1 no"), nth=2)]     see hostile.py

It listens on a port of loopback that the kernel chooses, or on a Unix socket (listen="unix:/path"), with one thread for
each connection. Options below, records in records.py, the dialogue in dialogue.py and transaction.py.
"""
import hashlib
import os
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field

from .dialogue import Dialogue
from .records import Connection
from .wire import Closed, Wire

EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES")


@dataclass
class Options:
    tls: str = "none"                   # none, starttls, implicit
    listen: str = "127.0.0.1"           # or ::1, or unix:/path
    port: int = 0                       # 0: one that the kernel chooses
    name: str = "mail.test"
    lmtp: bool = False
    extensions: tuple = EXTENSIONS      # EHLO lines, without SIZE, STARTTLS and AUTH
    without: tuple = ()                 # keywords left out of `extensions`
    extra: tuple = ()                   # more EHLO lines
    size_limit: int = 2 << 30           # SIZE; None: not offered
    refuse: dict = field(default_factory=dict)          # recipient -> reply to RCPT
    data_replies: dict = field(default_factory=dict)    # LMTP: recipient -> reply to the end of data
    data_without_recipients: bool = False               # 354 to DATA even when every recipient was refused
    keep_body: bool = True              # False: only size and SHA-256 of each message
    rules: tuple = ()                   # of hostile.on
    listen_before_greeting: float = 0.0 # seconds in which a client that talks first is caught
    narrow: bool = False                # almost nothing fits into the buffers of the connection
    settle: float = 0.004               # seconds without input after which replies are written
    idle: float = 60.0                  # seconds after which a silent client is given up
    # TLS
    certificate: object = None          # a pki.Cert; default pki.server
    client_ca: object = None            # ask for a client certificate signed by this CA file
    client_required: bool = False
    min_tls: str = "TLSv1_2"
    max_tls: str = "TLSv1_3"
    ciphers: str = None
    # AUTH
    auth: tuple = ()                    # mechanisms offered, e.g. ["PLAIN", "SCRAM-SHA-256"]
    users: dict = field(default_factory=lambda: {"user@mail.test": "secret"})
    tokens: dict = field(default_factory=lambda: {"user@mail.test": "token"})
    auth_required: bool = None          # default: if any mechanism is offered
    auth_without_tls: bool = None       # default: with tls="none"
    after_auth: str = "ok"              # pipelined input after AUTH: ok, swallow, 503, 503-quit (QUIT still works)
    scram_wrong_signature: bool = False
    scram_iterations: int = 4096
    scram_nonce: str = None

    def __post_init__(self):
        if self.auth_required is None:
            self.auth_required = bool(self.auth)
        if self.auth_without_tls is None:
            self.auth_without_tls = self.tls == "none"


class ScriptedServer:
    def __init__(self, pki=None, **options):
        self.options = Options(**options)
        self.pki = pki
        self.connections = []
        self.messages = []              # accepted, in order (see Message.accepted, .confirmed)
        self.errors = []                # exceptions of our own: a broken test, not a broken client
        self._events = []
        self._changed = threading.Condition()
        self._threads = []
        self._sockets = []
        if self.options.tls != "none" and self.options.certificate is None:
            self.options.certificate = pki.server

    # -- starting and stopping --------------------------------------------------------------------------------

    def __enter__(self):
        where = self.options.listen
        if where.startswith("unix:"):
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(where[5:])
            self.host, self.port, self.path = None, None, where[5:]
        else:
            family = socket.AF_INET6 if ":" in where else socket.AF_INET
            self._listener = socket.socket(family)
            if self.options.narrow:
                self._make_narrow()
            if self.options.port:
                self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((where, self.options.port))
            self.host, self.port, self.path = where, self._listener.getsockname()[1], None
        self._listener.listen(128)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, kind, value, trace):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(10)
        self._listener.close()
        for sock in self._sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(10)
        if self.path:
            os.unlink(self.path)
        if self.errors and kind is None:
            raise self.errors[0]

    def _make_narrow(self):
        """Of accepted connections. The client's own buffers grow with the segments, so these are small too."""
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)

    def _accept(self):
        while True:
            try:
                sock, peer = self._listener.accept()
            except OSError:
                return
            record = Connection(len(self.connections), peer)
            thread = threading.Thread(target=self._serve, args=(sock, record), daemon=True)
            with self._changed:
                self.connections.append(record)
                self._sockets.append(sock)
                self._threads.append(thread)
            thread.start()

    def _serve(self, sock, record):
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = Wire(sock, self.options.settle, self.options.idle)
        ended, detail = "failed", ""
        try:
            Dialogue(self, wire, record).run()
        except Closed as closed:
            ended, detail = closed.how, closed.detail
        except Exception as error:      # shown by __exit__
            self.errors.append(error)
        finally:
            wire.close("clean" if ended in ("close_notify", "eof") else "drop")
            with self._changed:
                record.ended, record.detail = ended, detail
                self._changed.notify_all()

    # -- what a test asks -------------------------------------------------------------------------------------

    @property
    def commands(self):
        return [line for c in self.connections for line in c.commands]

    @property
    def violations(self):
        return [v for c in self.connections for v in c.violations]

    def settle(self, seconds=10):
        """Wait until every connection has ended; returns self."""
        return self._wait(lambda: all(c.ended for c in self.connections), seconds, "connections are still open")

    def wait_for(self, event, nth=1, seconds=10):
        """Wait until the server has met `event` (a verb or one of hostile.py's) `nth` times, over all connections."""
        return self._wait(lambda: self._events.count(event) >= nth, seconds, f"no {event}")

    def _wait(self, condition, seconds, complaint):
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition():
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    raise TimeoutError(f"after {seconds} s: {complaint}")
        return self

    # -- for the dialogue -------------------------------------------------------------------------------------

    def note_event(self, event):
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def note_delivery(self, message, recipients):
        with self._changed:
            message.accepted += recipients
            if recipients and message not in self.messages:
                self.messages.append(message)

    def take_back(self, message, recipients):
        with self._changed:
            message.accepted = [r for r in message.accepted if r not in recipients]
            if not message.accepted and message in self.messages:
                self.messages.remove(message)

    def tls_context(self, record):
        opt = self.options
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = getattr(ssl.TLSVersion, opt.min_tls)
        context.maximum_version = getattr(ssl.TLSVersion, opt.max_tls)
        context.load_cert_chain(*opt.certificate.files)
        if opt.ciphers:
            context.set_ciphers(opt.ciphers)
        if opt.client_ca:
            context.load_verify_locations(opt.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED if opt.client_required else ssl.CERT_OPTIONAL

        def note_name(tls, name, context):
            record.sni = name
        context.sni_callback = note_name
        return context

    def certificate_hash(self):
        """tls-server-end-point (RFC 5929): our certificates are signed with SHA-256."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.options.certificate.cert.read_text())).digest()
