"""The program as an SMTP server: sendmail -bs, driven raw or by smtplib, on pipes or on a socket.

    client = Raw(process)                   process.stdin and process.stdout, or with sock= a socket
    client.say("EHLO me")                   one command -> its reply, all lines
    client.send(b"..."); client.reply()     for what is pipelined
    ByPipe(process)                         an smtplib.SMTP that talks to the process's pipes
    BySocket(sock)                          … and one that talks over a socket that is connected already

Fixtures, for tests to import:

    queue, kept         a queue folder, and kept(server, **settings): the text of a relayrc that uses it
    run                 run(way, rc, *args): the program, and its client's end: a socket, or None on pipes
    talk                talk(way, rc, *args): a Raw that has read the greeting
"""
import io
import select
import smtplib
import socket
import time

import pytest

from .queuefiles import QueueFiles

WAYS = ["pipe", "socketpair", "tcp"]
SOCKETS = WAYS[1:]


class Raw:
    def __init__(self, process=None, sock=None):
        self.source = sock.fileno() if sock else process.stdout.fileno()
        self.sock, self.process = sock, process
        self.sink = sock.makefile("wb", 0) if sock else process.stdin
        self.reader = io.FileIO(self.source, "rb", closefd=False)
        self.buffer = b""
        self.greeting = self.reply()

    def send(self, data):
        self.sink.write(data if isinstance(data, bytes) else data.encode())
        self.sink.flush()

    def _more(self, seconds):
        assert select.select([self.source], [], [], seconds)[0], f"no reply; so far {self.buffer!r}"
        data = self.reader.read(65536)
        self.buffer += data
        return data

    def reply(self, seconds=20):
        """One reply; "" when the server has hung up."""
        lines = []
        deadline = time.monotonic() + seconds
        while True:
            line, found, rest = self.buffer.partition(b"\r\n")
            if found:
                self.buffer = rest
                lines.append(line.decode())
                if line[3:4] != b"-":
                    return "\n".join(lines)
            elif not self._more(max(0, deadline - time.monotonic())):
                return ""

    def say(self, line, end="\r\n"):
        self.send(line + end)
        return self.reply()

    def replies(self, count):
        return [self.reply() for _ in range(count)]

    def letter(self, sender="s@x.test", to=("a@x.test",), text="Subject: x\r\n\r\nhi\r\n"):
        """A whole message -> the reply to its end."""
        for command, code in [(f"MAIL FROM:<{sender}>", "250"), *((f"RCPT TO:<{r}>", "250") for r in to), ("DATA", "354")]:
            said = self.say(command)
            assert said.startswith(code), (command, said)
        return self.say(text + ".")

    def is_over(self):
        """The server has closed, and said nothing more. Over a socket we close too: it waits for that."""
        is_over = self.reply() == "" and self.buffer == b""
        if self.sock:
            self.sink.close()
            self.sock.close()
        return is_over


class _Pipes:
    """What smtplib wants of a socket."""

    def __init__(self, process):
        self.process = process

    def sendall(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def makefile(self, mode):
        return self.process.stdout

    def close(self):
        self.process.stdin.close()
        self.process.stdin = None       # or communicate() stumbles


class ByPipe(smtplib.SMTP):
    """Made without a host, and connected to what runs already."""

    def __init__(self, process):
        self.transport = _Pipes(process)
        super().__init__("-bs", local_hostname="client.test")

    def _get_socket(self, host, port, timeout):
        return self.transport


class BySocket(ByPipe):
    def __init__(self, sock):
        sock.settimeout(20)
        self.transport = sock
        smtplib.SMTP.__init__(self, "-bs", local_hostname="client.test")


def accept_one(launch):
    """As inetd does it: a TCP connection, accepted, as the program's descriptors 0, 1 and 2 -> our end, the process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    with accepted:
        return ours, launch(accepted)


@pytest.fixture
def queue(tmp_path):
    return QueueFiles(tmp_path / "queue")


@pytest.fixture
def kept(relayrc, queue):
    return lambda server=None, **settings: relayrc(server, queue_directory=queue.path, **(
        {} if server else {"host": "127.0.0.1", "port": 9, "tls": "off"}) | settings)


@pytest.fixture
def run(start):
    opened = []

    def call(way, rc=None, *args, **more):
        launch = lambda sock: start(["-bs", *args], rc, stdin=sock, stdout=sock, stderr=sock, **more)
        if way == "pipe":
            return start(["-bs", *args], rc, **more), None
        if way == "tcp":
            ours, process = accept_one(launch)
        else:
            ours, theirs = socket.socketpair()
            with theirs:
                process = launch(theirs)
        opened.append(ours)
        return process, ours
    yield call
    for ours in opened:
        ours.close()


@pytest.fixture
def talk(run):
    def call(way, rc=None, *args, **more):
        process, sock = run(way, rc, *args, **more)
        raw = Raw(process, sock)
        raw.process = process
        assert raw.greeting.startswith("220 ")
        return raw
    return call


def smtp(process, sock):
    return BySocket(sock) if sock else ByPipe(process)


def hang_up(process):
    process.stdin.close()
    process.stdin = None        # or communicate() stumbles


def ended(raw, status=0):
    """QUIT, and what the process said besides SMTP: nothing."""
    assert raw.say("QUIT").startswith("221 2.0.0 ")
    assert raw.is_over()
    assert raw.process.wait(10) == status
    return raw.process.stderr is None or raw.process.stderr.read() == b""
