"""What the scripted server writes down: one Connection for each connection, one Message for each transaction."""
from dataclasses import dataclass, field

from .body import Body


@dataclass
class Connection:
    index: int
    peer: object = None
    helo: str = None
    tls_version: str = None             # "TLSv1.3"
    tls_cipher: str = None
    sni: str = None
    client_certificate: str = None      # its common name
    auth_mechanism: str = None          # the last one tried
    auth_user: str = None               # set once a login has succeeded
    auth_seen: dict = field(default_factory=dict)   # what the mechanism saw: password, gs2 header, binding …
    commands: list = field(default_factory=list)    # command lines, without line ends
    responses: list = field(default_factory=list)   # lines the client sent within AUTH
    violations: list = field(default_factory=list)  # rules of the protocol the client broke
    flights: int = 0                    # bursts of client bytes up to the last command (TLS handshake included)
    ended: str = None                   # quit, close_notify, eof, reset, timeout, tls, ours; None while it lasts
    detail: str = ""                    # more about the end, such as the TLS alert

    def note_command(self, line):
        self.commands.append(line)

    def note_response(self, line):
        self.responses.append(line)

    @property
    def verbs(self):
        return [c.split(" ")[0].upper() for c in self.commands]


@dataclass
class Message:
    sender: str
    mail_params: dict
    body: Body
    connection: Connection
    recipients: list = field(default_factory=list)  # accepted at RCPT
    rcpt_params: list = field(default_factory=list) # one dict for each of them
    refused: list = field(default_factory=list)     # refused at RCPT
    accepted: list = field(default_factory=list)    # the message was accepted for these
    via: str = None                                 # DATA or BDAT
    chunks: int = 0
    confirmed: bool = False                         # the reply to the end of data has been given

    @property
    def data(self):
        """The exact bytes, dot-unstuffed; None with keep_body=False."""
        return self.body.data

    @property
    def size(self):
        return self.body.size

    @property
    def sha256(self):
        return self.body.sha256
