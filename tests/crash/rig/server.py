"""A small and fast SMTP server without TLS, whose answers depend on the address of the recipient.

    with Server() as server:
        … ok@k1.test … later@k1.test … never@k1.test …
        server.delivered("k1")      [Delivery]: what was accepted for recipients and senders of the domain k1.test
        server.heal("k1")           from now on later@ is accepted, too

One server serves a whole sweep, whose points each have a domain of their own. What begins with `later` is refused for
now until the domain was healed, what begins with `never` for good, everything else is accepted. A `Delivery` is on
record just before its 250 is written.

`drop` is a function that is told of each step ("connect", "EHLO", "RCPT", "body", "end", "accepted", …) and drops the
connection when it returns True, with the replies that were not written yet: at "end" the message is not accepted, at
"accepted" it is, but the client is not told.
"""
import re
import socket
import threading
from dataclasses import dataclass

EHLO = b"250-k.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 0\r\n250 ENHANCEDSTATUSCODES\r\n"
CHUNKING = b"250-CHUNKING\r\n"


@dataclass
class Delivery:
    sender: str
    recipients: list
    data: bytes
    healed: bool            # when it was accepted
    confirmed: bool = False     # its 250 was written


class Dropped(Exception):
    pass


def domain(address):
    return address.rpartition("@")[2].removesuffix(".test")


class Server:
    host = "127.0.0.1"

    def __init__(self, drop=None, chunking=True):
        self.drop = drop
        self.ehlo = EHLO.replace(b"250-SIZE", CHUNKING + b"250-SIZE") if chunking else EHLO
        self.healed = set()
        self.errors = []
        self._deliveries = {}
        self._open = set()
        self._lock = threading.Lock()

    def __enter__(self):
        self._listener = socket.create_server((self.host, 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()
        if self.errors and kind is None:
            raise self.errors[0]

    def heal(self, key):
        self.healed.add(key)

    def delivered(self, key):
        with self._lock:
            return list(self._deliveries.get(key, ()))

    def all(self):
        with self._lock:
            return [d for one in self._deliveries.values() for d in one]

    def note(self, delivery):
        with self._lock:
            for key in {domain(a) for a in delivery.recipients}:
                self._deliveries.setdefault(key, []).append(delivery)

    def settle(self):
        """The connections that there are now have ended: what their dead clients have sent was read."""
        for is_over in list(self._open):
            assert is_over.wait(20), "a connection does not end"

    def answer_to(self, recipient):
        if recipient.startswith("never"):
            return b"550 5.1.1 no such user"
        if recipient.startswith("later") and domain(recipient) not in self.healed:
            return b"450 4.2.0 not now"
        return b"250 2.1.5 Ok"

    def _accept(self):
        while True:
            try:
                sock = self._listener.accept()[0]
            except OSError:
                return
            is_over = threading.Event()
            self._open.add(is_over)
            threading.Thread(target=self._serve, args=(sock, is_over), daemon=True).start()

    def _serve(self, sock, is_over):
        try:
            with sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    Session(self, sock).run()
                except Dropped:
                    # Without a reset, so that what was written before is read.
                    sock.shutdown(socket.SHUT_WR)
                    sock.settimeout(10)
                    while sock.recv(1 << 18):
                        pass
        except OSError:
            pass
        except Exception as error:      # shown by __exit__
            self.errors.append(error)
        finally:
            self._open.discard(is_over)
            is_over.set()


class Session:
    def __init__(self, server, sock):
        self.server, self.sock = server, sock
        self.input, self.at, self.out = b"", 0, []
        self.unconfirmed = []
        self.step_of = server.drop or (lambda step: False)
        self.reset()

    def reset(self):
        self.sender, self.recipients, self.body = None, [], []

    def step(self, name):
        if self.step_of(name):
            raise Dropped

    def say(self, *lines):
        self.out += [line + b"\r\n" for line in lines]

    def flush(self):
        if self.out:
            out, self.out = b"".join(self.out), []
            self.sock.sendall(out)
            for delivery in self.unconfirmed:
                delivery.confirmed = True
            self.unconfirmed = []

    def fill(self):
        self.flush()
        more = self.sock.recv(1 << 18)
        if not more:
            raise ConnectionResetError
        self.input, self.at = self.input[self.at:] + more, 0

    def line(self):
        while (end := self.input.find(b"\r\n", self.at)) < 0:
            self.fill()
        line, self.at = self.input[self.at:end], end + 2
        return line

    def take(self, size):
        while len(self.input) - self.at < size:
            self.fill()
        data, self.at = self.input[self.at:self.at + size], self.at + size
        return data

    def run(self):
        self.step("connect")
        self.say(b"220 k.test ESMTP")
        while True:
            line = self.line()
            verb = line.split(b" ", 1)[0].upper().decode()
            self.step(verb)
            if verb == "QUIT":
                self.say(b"221 2.0.0 Bye")
                self.flush()
                return
            getattr(self, "do_" + verb.lower())(line)

    def do_ehlo(self, line):
        self.out.append(self.server.ehlo)

    def do_rset(self, line):
        self.reset()
        self.say(b"250 2.0.0 Ok")

    def do_noop(self, line):
        self.say(b"250 2.0.0 Ok")

    def do_mail(self, line):
        self.reset()
        self.sender = re.match(rb"MAIL FROM:<([^>]*)>", line)[1].decode()
        self.say(b"250 2.1.0 Ok")

    def do_rcpt(self, line):
        recipient = re.match(rb"RCPT TO:<([^>]*)>", line)[1].decode()
        answer = self.server.answer_to(recipient)
        if answer.startswith(b"2"):
            self.recipients.append(recipient)
        self.say(answer)

    def do_data(self, line):
        if not self.recipients:
            self.say(b"554 5.5.1 no valid recipients")
            return
        self.say(b"354 go on")
        self.step("body")
        while (line := self.line()) != b".":
            self.body.append(line.removeprefix(b".") + b"\r\n")
        self.end()

    def do_bdat(self, line):
        words = line.split()
        self.step("body")
        self.body.append(self.take(int(words[1])))
        if not self.recipients:
            self.say(b"554 5.5.1 no valid recipients")
        elif len(words) > 2:
            self.end()
        else:
            self.say(b"250 2.0.0 Ok")

    def end(self):
        self.step("end")
        done = Delivery(self.sender, self.recipients, b"".join(self.body), domain(self.recipients[0]) in self.server.healed)
        self.server.note(done)
        self.reset()
        self.step("accepted")
        self.unconfirmed.append(done)
        self.say(b"250 2.0.0 Ok: accepted")
