"""A scripted server that knows how many sessions its clients had open at once.

    with CountedServer(pki, tls="none") as server:
        …
        server.most         the most connections open at any time
        server.transactions     MAIL commands of each connection

A connection counts until its client has closed it: the kernel knows that before our thread has read the last bytes.
"""
import socket
import threading

from .scripted import ScriptedServer

ESTABLISHED = 1


class CountedServer(ScriptedServer):
    def __init__(self, pki=None, **options):
        super().__init__(pki, **options)
        self.most = 0
        self._open = set()
        self._counting = threading.Lock()

    def _serve(self, sock, record):
        with self._counting:
            self._open.add(sock)
            self.most = max(self.most, sum(is_open(s) for s in self._open))
        try:
            super()._serve(sock, record)
        finally:
            with self._counting:
                self._open.discard(sock)

    @property
    def transactions(self):
        return [c.verbs.count("MAIL") for c in self.connections]


def is_open(sock):
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED
    except OSError:
        return False
