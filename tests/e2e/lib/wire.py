"""One accepted connection of the scripted server: bytes in, bytes out, TLS, and every way of hanging up.

Owns the socket. Replies are collected and written when the client has nothing more on its way (as real servers do), so
that `flights` counts the bursts of client bytes between two of our writes. TLS runs over memory buffers, because only
then can a test close with or without close_notify, or write raw bytes below TLS.
"""
import ctypes
import select
import socket
import ssl
import struct
import time

CHUNK = 256 * 1024


class Closed(Exception):
    """The connection is over. `how`: close_notify, eof (no close_notify), reset, timeout, tls, ours."""

    def __init__(self, how, detail=""):
        super().__init__(f"{how} {detail}".strip())
        self.how = how
        self.detail = detail


class Wire:
    def __init__(self, sock, settle=0.004, idle=60.0):
        self.sock = sock
        self.settle = settle        # seconds without input after which the client is believed to wait for us
        self.idle = idle            # seconds after which a silent client is given up
        self.buffer = bytearray()   # plaintext not consumed yet
        self.flights = 0
        self.bytes_in = 0
        self.tls = None
        self.drip = None            # seconds between single bytes, or None
        self._out = bytearray()
        self._answered = True
        self._eof = False

    # -- reading ----------------------------------------------------------------------------------------------

    def readable(self, seconds):
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def fill(self, settle=None):
        """Wait until there is more plaintext in the buffer. Replies are written after `settle` quiet seconds."""
        before = len(self.buffer)
        while not self._grown(before):
            if self._eof:
                raise Closed("eof")
            if self._has_output() and not self.readable(self.settle if settle is None else settle):
                self.flush()
            self._feed(self._receive())

    def gather(self, quiet=0.03):
        """Take in whatever is on its way, until nothing has come for `quiet` seconds."""
        while not self._eof and self.readable(quiet):
            self._feed(self._receive())
        try:
            self._grown(len(self.buffer))
        except Closed:
            pass        # the next fill() says it again

    def line(self, limit=65536):
        """One line with its end. A line longer than `limit` is returned unfinished."""
        start = 0
        while (end := self.buffer.find(b"\n", start)) < 0:
            start = len(self.buffer)
            if start > limit:
                return self.take(start)
            self.fill()
        return self.take(end + 1)

    def take(self, count):
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def _receive(self):
        if not self.readable(self.idle):
            raise Closed("timeout")
        try:
            data = self.sock.recv(CHUNK)
        except OSError as error:
            raise Closed("reset", str(error)) from None
        if self._answered and data:
            self.flights += 1
            self._answered = False
        self.bytes_in += len(data)
        return data

    def _feed(self, data):
        if not data:
            self._eof = True
        elif self.tls is None:
            self.buffer += data
        else:
            self._bio_in.write(data)

    def _grown(self, before):
        """Move what TLS has decrypted to the buffer; is the buffer now longer than `before`?"""
        try:
            while self.tls is not None:
                data = self.tls.read(CHUNK)
                if not data:        # the client's close_notify
                    if len(self.buffer) <= before:
                        raise Closed("close_notify")
                    break
                self.buffer += data
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise Closed("tls", str(error)) from None
        return len(self.buffer) > before

    # -- writing ----------------------------------------------------------------------------------------------

    def put(self, data):
        self._out += data

    def flush(self):
        data, self._out = bytes(self._out), bytearray()
        if self.drip is None:
            self._write(data)
        else:
            for byte in data:
                self._write(bytes([byte]))
                time.sleep(self.drip)

    def _write(self, data):
        if self.tls is not None:
            if data:
                try:
                    self.tls.write(data)
                except ssl.SSLError as error:
                    raise Closed("tls", str(error)) from None
            data = self._bio_out.read()
        self.raw(data)

    def raw(self, data):
        """Bytes as they are, below TLS."""
        if data:
            self._answered = True
            try:
                self.sock.sendall(data)
            except OSError as error:
                raise Closed("reset", str(error)) from None

    # -- TLS --------------------------------------------------------------------------------------------------

    def start_tls(self, context):
        """Handshake as the server. What is left in the plaintext buffer is returned, and forgotten."""
        left = self.take(len(self.buffer))
        self._bio_in, self._bio_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self._bio_in, self._bio_out, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.raw(self._bio_out.read())
                data = self._receive()
                if not data:
                    raise Closed("eof", "in the TLS handshake") from None
                self._bio_in.write(data)
            except ssl.SSLError as error:
                self.raw(self._bio_out.read())
                raise Closed("tls", str(error)) from None
        self.tls = tls      # what is in _bio_out now (session tickets) goes out with our next reply
        return left

    def _has_output(self):
        return bool(self._out) or (self.tls is not None and self._bio_out.pending > 0)

    # -- hanging up -------------------------------------------------------------------------------------------

    def close(self, how="clean"):
        """clean: close_notify, then FIN. fin: FIN without close_notify. rst: a reset. drop: plain close()."""
        try:
            if how in ("clean", "fin"):
                self.flush()
                if how == "clean" and self.tls is not None:
                    self._close_notify()
                self.sock.shutdown(socket.SHUT_WR)
                self._drain()
            elif how == "rst":
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (OSError, Closed):
            pass
        self.sock.close()

    def _close_notify(self):
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        self.raw(self._bio_out.read())

    def _drain(self):
        """Read until the client hangs up, so that our last bytes are not lost to a reset."""
        while self.readable(2.0) and self.sock.recv(CHUNK):
            pass


def tls_exporter(tls, label=b"EXPORTER-Channel-Binding", length=32):
    """RFC 9266 channel binding of an ssl.SSLObject, which Python does not offer: ask OpenSSL itself."""
    library = ctypes.CDLL("libssl.so.3")
    # CPython's object: reference count, type, weak reference to the socket, then the SSL pointer.
    inner = id(tls._sslobj)
    pointer = ctypes.c_void_p.from_address(inner + 3 * ctypes.sizeof(ctypes.c_void_p)).value
    out = ctypes.create_string_buffer(length)
    export = library.SSL_export_keying_material
    export.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t,
                       ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    if export(pointer, out, length, label, len(label), b"", 0, 1) != 1:
        raise RuntimeError("SSL_export_keying_material failed")
    return out.raw
