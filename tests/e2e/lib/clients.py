"""Clients to prove the test servers with, instead of our own program.

One that waits as seldom as the protocol allows, an smtplib session, a SCRAM client, and bytes sent as they are.
"""
import base64
import hashlib
import hmac
import smtplib
import socket
import ssl

from .wire import tls_exporter

USER, PASSWORD = "user@mail.test", "secret"
MESSAGE = b"Subject: proof\r\nFrom: a@b.test\r\n\r\n.one dot\r\n..\r\nFrom me\r\n\r\nend\r\n"


class Pipelining:
    """A client that waits for the server as seldom as the protocol allows."""

    def __init__(self, host, port, pki, tls, recipients=("r@mail.test",), message=MESSAGE, auth=True):
        self.host, self.pki = host, pki
        self.sock = socket.create_connection((host, port), timeout=20)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = None
        if tls == "implicit":
            self.secure()
        self.stream = self.stream or self.sock.makefile("rb")
        self.greeting = self.reply()
        self.ehlo = self.ask(b"EHLO client.test\r\n")
        if tls == "starttls":
            self.ask(b"STARTTLS\r\n")
            self.secure()
            self.ehlo = self.ask(b"EHLO client.test\r\n")
        login = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
        group = [b"AUTH PLAIN " + login + b"\r\n"] if auth else []
        group.append(b"MAIL FROM:<a@b.test>\r\n")
        group += [b"RCPT TO:<%s>\r\n" % r.encode() for r in recipients]
        group.append(b"BDAT %d LAST\r\n%s" % (len(message), message))
        self.sock.sendall(b"".join(group) + b"QUIT\r\n")
        self.replies = [self.reply() for _ in group]
        self.sock.close()
        self.stream.close()

    def secure(self):
        context = ssl.create_default_context(cafile=self.pki.ca)
        self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
        self.stream = self.sock.makefile("rb")

    def reply(self):
        lines = []
        while True:
            lines.append(self.stream.readline())
            if lines[-1][3:4] != b"-":
                return b"".join(lines)

    def ask(self, line):
        self.sock.sendall(line)
        return self.reply()


def login(server, pki, tls, port=None, timeout=10):
    """An smtplib session, logged in unless tls is none."""
    context = ssl.create_default_context(cafile=pki.ca)
    if tls == "implicit":
        client = smtplib.SMTP_SSL(server.host, port or server.port, timeout=timeout, context=context)
    else:
        client = smtplib.SMTP(server.host, port or server.port, timeout=timeout)
    if tls == "starttls":
        client.starttls(context=context)
    if tls != "none":
        client.login(USER, PASSWORD)
    return client


def scram_client(server, pki, mechanism, binding, password):
    """An independent client side of RFC 5802; the last reply."""
    name = {"1": "sha1", "256": "sha256"}[mechanism.removesuffix("-PLUS").split("-")[-1]]
    context = ssl.create_default_context(cafile=pki.ca)
    sock = context.wrap_socket(socket.create_connection((server.host, server.port)), server_hostname="localhost")
    with sock, sock.makefile("rwb") as stream:
        def ask(line):
            stream.write(line + b"\r\n")
            stream.flush()
            while (answer := stream.readline())[3:4] == b"-":
                pass
            return answer
        stream.readline()
        ask(b"EHLO x")
        gs2, data = b"n,,", b""
        if mechanism.endswith("-PLUS"):
            gs2 = f"p={binding},,".encode()
            data = sock.get_channel_binding() if binding == "tls-unique" else tls_exporter(sock)
        bare = f"n={USER},r=abcdef".encode()
        answer = ask(f"AUTH {mechanism} ".encode() + base64.b64encode(gs2 + bare))
        first = base64.b64decode(answer[4:])
        nonce, salt, count = (f.split(b"=", 1)[1] for f in first.split(b","))
        without = b"c=" + base64.b64encode(gs2 + data) + b",r=" + nonce
        signed = bare + b"," + first + b"," + without
        salted = hashlib.pbkdf2_hmac(name, password.encode(), base64.b64decode(salt), int(count))
        key = hmac.digest(salted, b"Client Key", name)
        proof = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.new(name, key).digest(), signed, name)))
        answer = ask(base64.b64encode(without + b",p=" + base64.b64encode(proof)))
        if answer.startswith(b"334"):
            verifier = hmac.digest(hmac.digest(salted, b"Server Key", name), signed, name)
            assert base64.b64decode(answer[4:]) == b"v=" + base64.b64encode(verifier), "server signature"
            answer = ask(b"")
        return answer


def raw(server, data=b"", want=None, timeout=5):
    """Send bytes, read to the end (or until `want` has come); (bytes, "eof" | "reset" | "silence" | "enough")."""
    got = b""
    with socket.create_connection((server.host, server.port), timeout=timeout) as sock:
        try:
            sock.sendall(data)
            while chunk := sock.recv(65536):
                got += chunk
                if want is not None and (want in got if isinstance(want, bytes) else len(got) > want):
                    return got, "enough"
            return got, "eof"
        except TimeoutError:
            return got, "silence"
        except OSError:
            return got, "reset"
