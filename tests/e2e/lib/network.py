"""Things between a client and its server, other than the counting proxy.

    with SocksProxy({"mail.test": ("127.0.0.1", port)}) as proxy:   a SOCKS5 proxy without authentication
        proxy.requests                          [("mail.test", 465, "name")]: what was asked for, and as what
    with BlackHole("::1", port):                an address that never answers a SYN
"""
import select
import socket
import struct
import threading
import time

REPLY_OK = b"\x05\x00\x00\x01\0\0\0\0\0\0"


class SocksProxy:
    def __init__(self, routes=None, refuse=None):
        """`routes`: asked-for host -> (host, port); others are connected to as asked. `refuse`: a SOCKS reply code."""
        self.routes = routes or {}
        self.refuse = refuse
        self.requests = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._sockets = []
        self._threads = []

    def __enter__(self):
        self._run(self._accept)
        return self

    def __exit__(self, *_):
        for sock in [self._listener, *self._sockets]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in list(self._threads):
            thread.join(10)
        for sock in [self._listener, *self._sockets]:
            sock.close()

    def _run(self, function, *args):
        thread = threading.Thread(target=function, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            self._run(self._serve, client)

    def _serve(self, client):
        try:
            server = self._negotiate(client)
        except (OSError, struct.error, IndexError):
            server = None
        if server is not None:
            self._sockets.append(server)
            _relay(client, server)
        client.close()

    def _negotiate(self, client):
        """RFC 1928; the connected server, or None after a refusal."""
        version, count = _exactly(client, 2)
        _exactly(client, count)
        client.sendall(b"\x05\x00")
        _, command, _, kind = _exactly(client, 4)
        if kind == 3:
            host = _exactly(client, _exactly(client, 1)[0]).decode()
        elif kind == 1:
            host = socket.inet_ntop(socket.AF_INET, _exactly(client, 4))
        else:
            host = socket.inet_ntop(socket.AF_INET6, _exactly(client, 16))
        port, = struct.unpack("!H", _exactly(client, 2))
        self.requests.append((host, port, {1: "ipv4", 3: "name", 4: "ipv6"}[kind]))
        if self.refuse is not None or version != 5 or command != 1:
            client.sendall(REPLY_OK[:1] + bytes([self.refuse or 7]) + REPLY_OK[2:])
            return None
        try:
            server = socket.create_connection(self.routes.get(host, (host, port)))
        except OSError:
            client.sendall(REPLY_OK[:1] + b"\x05" + REPLY_OK[2:])
            return None
        client.sendall(REPLY_OK)
        return server


class BlackHole:
    """A listening socket whose queue is full: the kernel drops every further SYN, as a firewall would."""

    def __init__(self, host, port=0):
        self.host, self._wanted = host, port

    def __enter__(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.socket(family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.host, self._wanted))
        self._listener.listen(0)
        self.port = self._listener.getsockname()[1]
        self._fillers = []
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            filler = socket.socket(family)
            filler.setblocking(False)
            filler.connect_ex((self.host, self.port))
            self._fillers.append(filler)
            if not select.select([], [filler], [], 0.1)[1]:
                return self         # this one hangs, and so will all after it
        raise RuntimeError("the queue does not fill up")

    def __exit__(self, *_):
        for sock in [*self._fillers, self._listener]:
            sock.close()


def _exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return data


def _relay(one, other):
    """Copy both ways until both have ended."""
    peer = {one: other, other: one}
    while peer:
        for source in select.select(list(peer), [], [])[0]:
            sink = other if source is one else one
            try:
                data = source.recv(65536)
                sink.sendall(data) if data else sink.shutdown(socket.SHUT_WR)
            except OSError:
                data = b""
            if not data:
                del peer[source]
