"""A network of its own for a test: no way out, IPv6 and IPv4 on its loopback, its own /etc/hosts and DNS server.

    with PrivateNet({"both.test": [IPV6, IPV4]}) as net:
        server = net.run(scripted)              everything that opens sockets or starts programs goes through run()
        net.run(run_sendmail, …)
    PrivateNet(dns=NameServer(…))               names that /etc/hosts has not are asked there

Owns one thread with network and mount namespaces of its own; sockets and programs made in it stay in them. Only root
can: others get NoNetwork.
"""
import concurrent.futures
import ctypes
import fcntl
import os
import socket
import struct
import tempfile
import threading
import time
from pathlib import Path

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR = 0x8913, 0x8914, 0x8916
IFF_UP = 1
# Addresses that are not loopback's, though they are on it: the resolver gives IPv6 only to who has one, and so IPv4.
IPV6, IPV4 = "2001:db8::1", "192.0.2.1"


class NoNetwork(Exception):
    """A private network cannot be made here; the text says why."""


class PrivateNet:
    def __init__(self, hosts=None, dns=None, ipv6=True):
        self._hosts, self._dns, self._ipv6 = hosts or {}, dns, ipv6
        self._libc = ctypes.CDLL(None, use_errno=True)

    def __enter__(self):
        self._thread = concurrent.futures.ThreadPoolExecutor(max_workers=1)
        self._files = tempfile.TemporaryDirectory()
        try:
            self.run(self._enter)
        except OSError as error:
            self.__exit__()
            raise NoNetwork(f"no private network: {error}") from None
        return self

    def __exit__(self, *_):
        if self._dns is not None:
            self._dns.stop()
        self._thread.shutdown()     # the namespaces end with their last thread, socket and program
        self._files.cleanup()

    def run(self, function, *args, **kwargs):
        return self._thread.submit(function, *args, **kwargs).result()

    def _enter(self):
        self._call("unshare", CLONE_NEWNS | CLONE_NEWNET)
        self._call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
        lines = [f"{address} {name}\n" for name, addresses in self._hosts.items() for address in addresses]
        self._cover("/etc/hosts", "".join(lines))
        self._cover("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n")
        self._cover("/etc/nsswitch.conf", "hosts: files dns\n")
        self._loopback_up()
        if self._dns is not None:
            self._dns.start()

    def _call(self, name, *args):
        if getattr(self._libc, name)(*args) != 0:
            error = ctypes.get_errno()
            raise OSError(error, f"{name}: {os.strerror(error)}")

    def _cover(self, path, text):
        if not os.path.exists(path):
            raise OSError(f"there is no {path}")
        own = Path(self._files.name) / os.path.basename(path)
        own.write_text(text)
        own.chmod(0o644)
        self._call("mount", str(own).encode(), os.path.realpath(path).encode(), None, MS_BIND, None)

    def _loopback_up(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            flags, = struct.unpack_from("H", fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16sH14x", b"lo", 0)), 16)
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
            address = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(IPV4))
            fcntl.ioctl(sock, SIOCSIFADDR, struct.pack("16s16s", b"lo:1", address))
        if self._ipv6:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
                address = socket.inet_pton(socket.AF_INET6, IPV6)
                fcntl.ioctl(sock, SIOCSIFADDR, struct.pack("16sIi", address, 128, socket.if_nametoindex("lo")))
                self._until_usable(sock)

    def _until_usable(self, sock):
        """A new IPv6 address is tentative until the kernel has got round to it."""
        deadline = time.monotonic() + 10
        while True:
            try:
                sock.bind((IPV6, 0))
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.002)


class NameServer:
    """DNS on 127.0.0.1:53 of a private network. `zone`: name -> addresses; a name that is not there does not exist.
    `silent`: a set of query types ("A", "AAAA") that are never answered."""

    TYPES = {1: "A", 28: "AAAA"}

    def __init__(self, zone=None, silent=()):
        self.zone, self.silent = zone or {}, silent
        self.asked = []
        self._sock = None

    def start(self):
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self):
        if self._sock is None:      # the network did not come up
            return
        self._sock.sendto(b"", ("127.0.0.1", 53))
        self._thread.join(10)
        self._sock.close()

    def _serve(self):
        while True:
            query, peer = self._sock.recvfrom(4096)
            if not query:
                return
            answer = self._answer(query)
            if answer:
                self._sock.sendto(answer, peer)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        end = at + 5
        name, kind = ".".join(labels).lower(), self.TYPES.get(struct.unpack_from("!H", query, at + 1)[0], "?")
        self.asked.append((name, kind))
        if kind in self.silent:
            return None
        family = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}.get(kind)
        addresses = [a for a in self.zone.get(name, ()) if family and (":" in a) == (kind == "AAAA")]
        records = [socket.inet_pton(family, a) for a in addresses]
        code = 0x8180 if name in self.zone else 0x8183
        return (query[:2] + struct.pack("!HHHHH", code, 1, len(records), 0, 0) + query[12:end] +
                b"".join(b"\xc0\x0c" + query[at + 1:end] + struct.pack("!IH", 60, len(r)) + r for r in records))
