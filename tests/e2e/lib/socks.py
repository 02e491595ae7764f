"""SOCKS5 proxies that do not do what they should; the good one is network.SocksProxy.

    with BadProxy([b"\\x05\\x00", b"\\x05\\x07"]) as proxy:     these answers, one for each thing the client sends
    BadProxy(answers, then="silence")                       afterwards: close (default), reset, silence, drip
    with GluedProxy() as proxy:                             good, but the server's greeting is glued to the reply
"""
import socket
import struct
import threading
import time

from .network import REPLY_OK, SocksProxy


class BadProxy:
    def __init__(self, answers, then="close"):
        self.answers, self.then = answers, then
        self.heard = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._over = threading.Event()

    def __enter__(self):
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()

    def _serve(self):
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        with sock:
            try:
                for answer in self.answers:
                    self.heard.append(sock.recv(4096))
                    sock.sendall(answer)
                self._end(sock)
            except OSError:
                pass        # the client has had enough

    def _end(self, sock):
        if self.then == "silence":
            self._over.wait(60)
        while self.then == "drip" and not self._over.is_set():
            sock.sendall(b"\0")
            time.sleep(0.05)
        if self.then == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class GluedProxy(SocksProxy):
    """Speaks only once the server has, and then says both in one write."""

    def _negotiate(self, client):
        return super()._negotiate(_Held(client))


class _Held:
    """A client to whom the last reply of the proxy is not sent yet; it is when the server's first bytes are."""

    def __init__(self, sock):
        self._sock = sock

    def recv(self, size):
        return self._sock.recv(size)

    def sendall(self, data):
        if data == REPLY_OK:
            data += b"220 glued to the reply\r\n"
        self._sock.sendall(data)
