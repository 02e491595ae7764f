"""Floods of the service of the machine, and a listener that is as quick as they are.

    with QuickService(machine) as service:          as machine.serve(), from a process of its own: no thread of ours is in its way
        with Flood(machine, "alice") as flood:      a process of hers makes connections, faster than anybody can serve them
            …
            flood.wait(10_000)                      until there were so many
        service.counts()                            Counts(accepted, served, hung_up, running, most, memory_kb)

    stream(sock, megabytes)                         so much text, in lines, from one piece of memory
"""
import contextlib
import mmap
import os
import resource
import select
import signal
import socket
import struct
import time
from collections import namedtuple

from .machine import short

Counts = namedtuple("Counts", "accepted served hung_up running most memory_kb")
LINES = (b"x" * 998 + b"\r\n") * 1000


class Shared:
    """Numbers that two processes see; only one of them writes each."""

    def __init__(self, count):
        self.memory, self.format = mmap.mmap(-1, 8 * count), f"{count}q"

    def get(self):
        return struct.unpack(self.format, self.memory[:])

    def put(self, *numbers):
        self.memory[:] = struct.pack(self.format, *numbers)


class Helper:
    """A process that runs self.work() until it is stopped."""

    def start(self, become):
        self.pid = os.fork()
        if self.pid == 0:
            with contextlib.suppress(BaseException):
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                become()
                self.work()
            os._exit(1)

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class QuickService(Helper):
    """Accept=yes and MaxConnections of systemd: whoever is one too many is hung up on."""

    def __init__(self, machine, most=64, waiting=1024):
        self.most, self.shared, self.running = most, Shared(6), set()
        self.environment = {"PATH": "/usr/sbin:/usr/bin"} | machine.environment
        self.listener = socket.socket(socket.AF_UNIX)
        path = machine.root / "run/relay/submit"
        path.unlink(missing_ok=True)
        with short(path) as name:
            self.listener.bind(name)
        path.chmod(0o666)
        self.listener.listen(waiting)
        self.start(machine.become("relay"))
        self.listener.close()

    def end(self, *_):
        for pid in self.running:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    def work(self):
        signal.signal(signal.SIGTERM, self.end)
        self.null = os.open("/dev/null", os.O_RDWR)
        self.memory_kb = 0
        accepted = served = most = 0
        while True:
            ready = select.select([self.listener], [], [], 0.1)[0]
            self.reap()
            if ready:
                client, _ = self.listener.accept()
                accepted += 1
                if len(self.running) < self.most:
                    served += 1
                    self.running.add(self.serve(client))
                    most = max(most, len(self.running))
                client.close()
            self.shared.put(accepted, served, accepted - served, len(self.running), most, self.memory_kb)

    def serve(self, client):
        files = [(os.POSIX_SPAWN_DUP2, client.fileno(), 0), (os.POSIX_SPAWN_DUP2, client.fileno(), 1), (os.POSIX_SPAWN_DUP2, self.null, 2)]
        return os.posix_spawn("/usr/sbin/sendmail", ["/usr/sbin/sendmail", "-bs"], self.environment, file_actions=files)

    def reap(self):
        """Those that have ended; the most memory that one of them had is noted."""
        while self.running:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            self.running.discard(pid)
            self.memory_kb = max(self.memory_kb, usage.ru_maxrss)

    def counts(self):
        return Counts(*self.shared.get())

    def wait_idle(self, seconds=30):
        """Until every session has ended, with what it does behind it."""
        deadline = time.monotonic() + seconds
        while self.counts().running:
            assert time.monotonic() < deadline, self.counts()
            time.sleep(0.02)


class Flood(Helper):
    """Connections of one user: closed at once, left without a word, in the middle of a message; as many as he may have are open."""

    def __init__(self, machine, user, held=6000):
        self.held, self.shared = held, Shared(1)
        self.start(machine.become(user))

    def work(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        words = [None, b"", b"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\nx", None, b"XQUEUE list\r\n", None, b"\0" * 4096, b"MAIL"]
        kept, made = [], 0
        while True:
            client = socket.socket(socket.AF_UNIX)
            client.connect("/run/relay/submit")
            made += 1
            word = words[made % len(words)]
            if word is None:
                client.close()
            else:
                with contextlib.suppress(OSError):
                    client.send(word)
                kept.append(client)
            if len(kept) > min(self.held, hard - 50):
                kept.pop(0).close()
            self.shared.put(made)

    def made(self):
        return self.shared.get()[0]

    def wait(self, count, seconds=60):
        deadline = time.monotonic() + seconds
        while self.made() < count:
            assert time.monotonic() < deadline, f"{self.made()} connections"
            time.sleep(0.01)


def stream(sock, megabytes):
    """False: the other side does not want so much."""
    for _ in range(megabytes):
        try:
            sock.sendall(LINES)
        except (BrokenPipeError, ConnectionResetError):
            return False
    return True
