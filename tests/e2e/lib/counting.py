"""A TCP proxy that counts round trips: how often does a client wait for the server?

    with CountingProxy("127.0.0.1", server_port) as proxy:
        … submit to proxy.host, proxy.port …
        proxy.settle()
        assert proxy.flights == 5
        proxy.rtts                          # when the server had the client's last counted byte, in round trips

A flight is a run of client bytes for whose answer the client then waits. The TCP handshake is one, and so is waiting
for a server that speaks first. The ideal submission takes 5 with implicit TLS 1.3, 7 with STARTTLS, 4 without TLS.

Every byte is held `delay` seconds in each direction, so one flight reaches us as one burst however it was written, and
a client that waits is silent for at least two delays. That is the rule: client bytes begin a new flight if server bytes
have reached the client since its last bytes, and it had been silent for more than 1.5 delays. A client that streams on
while replies come in is not charged. Last bytes whose answer the client does not wait for (QUIT or a close_notify, and
it hangs up) are not a flight.
"""
import queue
import socket
import threading
import time

CHUNK = 65536


class Counted:
    """One connection through the proxy."""

    def __init__(self, delay):
        self.delay = delay
        self.start = time.monotonic()
        self.bursts = []            # [time of the first byte, time of the last byte, bytes, answered?]
        self.server_first = False
        self.up = self.down = 0     # bytes from and to the client
        self.ended = False
        self._hung_up = False
        self._fresh_answer = False
        self._lock = threading.Lock()

    def note_up(self, size):
        now = time.monotonic()
        with self._lock:
            self.up += size
            last = self.bursts[-1] if self.bursts else None
            if last is None or (self._fresh_answer and now - last[1] > 1.5 * self.delay):
                self.bursts.append([now, now, size, False])
            else:
                last[1] = now
                last[2] += size
            self._fresh_answer = False

    def note_down(self, size):
        with self._lock:
            self.down += size
            self._fresh_answer = True
            if self.bursts:
                self.bursts[-1][3] |= not self._hung_up
            elif not self.server_first:
                self.server_first = True

    def note_end_of_client(self):
        with self._lock:
            self._hung_up = True

    @property
    def flights(self):
        return 1 + int(self.server_first) + len(self._counted())

    def _counted(self):
        """The bursts, without a last one that was not answered."""
        return self.bursts if not self.bursts or self.bursts[-1][3] else self.bursts[:-1]

    @property
    def rtts(self):
        """From connect until the server has the last counted byte, in round trips (so n flights take n - 0.5)."""
        counted = self._counted()
        return 1 + (counted[-1][1] + self.delay - self.start) / (2 * self.delay) if counted else 1.0

    def __str__(self):
        parts = ", ".join(f"{(first - self.start) * 1e3:.0f} ms: {size} B{'' if answered else ' unanswered'}"
                          for first, _, size, answered in self.bursts)
        return f"{self.flights} flights (server first: {self.server_first}; {parts})"


class CountingProxy:
    def __init__(self, host, port, delay=0.04, listen="127.0.0.1"):
        self.target = (host, port)
        self.delay = delay
        self.connections = []
        self._listener = socket.create_server((listen, 0), backlog=64,
                                              family=socket.AF_INET6 if ":" in listen else socket.AF_INET)
        self.host, self.port = listen, self._listener.getsockname()[1]
        self._sockets = []
        self._threads = []

    def __enter__(self):
        self._run(self._accept)
        return self

    def __exit__(self, *_):
        for sock in [self._listener, *self._sockets]:
            _shutdown(sock, socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(10)
        for sock in [self._listener, *self._sockets]:
            sock.close()

    @property
    def flights(self):
        """Of the only connection; with several, ask self.connections."""
        assert len(self.connections) == 1, f"{len(self.connections)} connections"
        return self.connections[0].flights

    @property
    def rtts(self):
        assert len(self.connections) == 1, f"{len(self.connections)} connections"
        return self.connections[0].rtts

    def settle(self, seconds=10):
        """Wait until every connection has ended; returns self."""
        deadline = time.monotonic() + seconds
        for thread in list(self._threads)[1:]:
            thread.join(max(0, deadline - time.monotonic()))
            if thread.is_alive():
                raise TimeoutError(f"after {seconds} s: a connection is still open")
        return self

    # -- threads ----------------------------------------------------------------------------------------------

    def _run(self, function, *args):
        thread = threading.Thread(target=function, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            counted = Counted(self.delay)
            self.connections.append(counted)
            self._run(self._serve, client, counted)

    def _serve(self, client, counted):
        # The kernel has answered the client's SYN already: Counted.rtts adds that round trip.
        try:
            server = socket.create_connection(self.target)
        except OSError:
            client.close()
            counted.ended = True
            return
        self._sockets += [client, server]
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pumps = [self._run(self._pump, client, server, 0.0, counted.note_up, None,
                           counted.note_end_of_client),
                 self._run(self._pump, server, client, counted.start + self.delay, None, counted.note_down)]
        for pump in pumps:
            pump.join()
        counted.ended = True
        for sock in (client, server):
            _shutdown(sock, socket.SHUT_RDWR)

    def _pump(self, source, sink, not_before, on_read, on_written, on_end=None):
        """Copy source to sink, `delay` later. Nothing leaves before `not_before`: until then, the server would not
        have seen the end of the TCP handshake."""
        line = queue.Queue(maxsize=512)
        writer = self._run(self._deliver, line, sink, on_written)
        while True:
            try:
                data = source.recv(CHUNK)
            except OSError:
                data = b""
            if data and on_read:
                on_read(len(data))
            line.put((max(time.monotonic(), not_before) + self.delay, data))
            if not data:
                if on_end:
                    on_end()
                break
        writer.join()

    def _deliver(self, line, sink, on_written):
        broken = False
        while True:
            due, data = line.get()
            time.sleep(max(0, due - time.monotonic()))
            if not data:
                break
            if on_written:
                on_written(len(data))
            try:
                if not broken:
                    sink.sendall(data)
            except OSError:
                broken = True       # go on reading, so that the other side does not block
        _shutdown(sink, socket.SHUT_WR)


def _shutdown(sock, how):
    try:
        sock.shutdown(how)
    except OSError:
        pass
