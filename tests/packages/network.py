"""The network of a Booted machine: its own loopback, and of the world only what is let through.

    network = Network(pid)              the one that this process has
    network.let_through(port)           who connects to 127.0.0.1:port there is connected to that port here
    network.connect("::1", 25)          a socket in it
    network.close()
"""
import concurrent.futures
import contextlib
import ctypes
import os
import socket
import threading

CLONE_NEWNET = 0x40000000


class Network:
    def __init__(self, pid):
        self._listeners = []
        # A socket stays in the network in which it was made; this thread is there for good.
        self._thread = concurrent.futures.ThreadPoolExecutor(max_workers=1)
        self._thread.submit(self._enter, pid).result()

    @staticmethod
    def _enter(pid):
        with open(f"/proc/{pid}/ns/net") as network:
            if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def close(self):
        for listener in self._listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._thread.shutdown()

    def connect(self, host, port, timeout=30):
        return self._thread.submit(socket.create_connection, (host, port), timeout).result()

    def let_through(self, port):
        self._listeners.append(self._thread.submit(socket.create_server, ("127.0.0.1", port)).result())
        threading.Thread(target=_accept, args=[self._listeners[-1], port], daemon=True).start()


def _accept(listener, port):
    with contextlib.suppress(OSError):      # it was closed
        while True:
            one, _ = listener.accept()
            other = socket.create_connection(("127.0.0.1", port))
            for pair in (one, other), (other, one):
                threading.Thread(target=_copy, args=pair, daemon=True).start()


def _copy(source, target):
    with contextlib.suppress(OSError), source:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
