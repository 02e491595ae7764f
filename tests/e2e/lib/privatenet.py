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
    """DNS on 127.0.0.1:53 of a private network, UDP and TCP. `zone`: name -> records; a name that is not there does not
    exist. A record is an address; (priority, weight, port, target) for SRV, with "" for the root; or the bytes of an
    answer to any question. `silent`, `failing`: sets of query types ("A", "AAAA", "SRV") that are never answered, or
    with SERVFAIL. More than 512 bytes come only over TCP. `asked`: [(name, type)]."""

    TYPES = {1: "A", 28: "AAAA", 33: "SRV"}

    def __init__(self, zone=None, silent=(), failing=()):
        self.zone, self.silent, self.failing = zone or {}, silent, failing
        self.asked = []
        self._sockets = []

    def start(self):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 53))
        tcp = socket.create_server(("127.0.0.1", 53))
        self._sockets = [udp, tcp]
        self._threads = [threading.Thread(target=run, args=[sock], daemon=True)
                         for run, sock in ((self._serve_udp, udp), (self._serve_tcp, tcp))]
        for thread in self._threads:
            thread.start()

    def stop(self):
        if not self._sockets:       # the network did not come up
            return
        self._sockets[0].sendto(b"", ("127.0.0.1", 53))
        self._sockets[1].shutdown(socket.SHUT_RDWR)
        for thread, sock in zip(self._threads, self._sockets):
            thread.join(10)
            sock.close()

    def _serve_udp(self, sock):
        while True:
            query, peer = sock.recvfrom(4096)
            if not query:
                return
            answer = self._answer(query)
            if answer and len(answer) > 512:
                answer = query[:2] + b"\x83\x80" + query[4:6] + bytes(6) + query[12:]
            if answer:
                sock.sendto(answer, peer)

    def _serve_tcp(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock, sock.makefile("rb") as stream:
                answer = self._answer(stream.read(struct.unpack("!H", stream.read(2))[0]))
                if answer:
                    sock.sendall(struct.pack("!H", len(answer)) + answer)

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
        records = [] if kind in self.failing else [self._data(r, kind) for r in self.zone.get(name, ())]
        records = [r for r in records if r is not None]
        code = 0x8182 if kind in self.failing else 0x8180 if name in self.zone else 0x8183
        return (query[:2] + struct.pack("!HHHHH", code, 1, len(records), 0, 0) + query[12:end] +
                b"".join(b"\xc0\x0c" + query[at + 1:end] + struct.pack("!IH", 60, len(r)) + r for r in records))

    @staticmethod
    def _data(record, kind):
        """None: it is no answer to this question."""
        if isinstance(record, bytes):
            return record
        if isinstance(record, tuple):
            *numbers, target = record
            labels = b"".join(bytes([len(label)]) + label.encode() for label in target.split(".") if label)
            return struct.pack("!HHH", *numbers) + labels + b"\0" if kind == "SRV" else None
        if kind != ("AAAA" if ":" in record else "A"):
            return None
        return socket.inet_pton(socket.AF_INET6 if kind == "AAAA" else socket.AF_INET, record)
