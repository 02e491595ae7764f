"""The bytes of a message as they come in, by DATA or BDAT.

Owns: finding the end of DATA (CRLF . CRLF and nothing else), dot-unstuffing, and storing what is left: in memory, or,
for messages of a gigabyte, only as length and SHA-256.
"""
import hashlib


class Body:
    def __init__(self, keep=True):
        self.kept = bytearray() if keep else None
        self.size = 0
        self.is_8bit = False
        self._hash = hashlib.sha256()

    def add(self, data):
        self.size += len(data)
        self.is_8bit = self.is_8bit or not data.isascii()
        if self.kept is None:
            self._hash.update(data)
        else:
            self.kept += data

    @property
    def data(self):
        return None if self.kept is None else bytes(self.kept)

    @property
    def sha256(self):
        return self._hash.hexdigest() if self.kept is None else hashlib.sha256(self.kept).hexdigest()


class DataReader:
    """Feed it DATA's bytes; `feed` returns None until the end is there, then the bytes behind the end."""

    def __init__(self, body):
        self.body = body
        self._tail = b"\r\n"        # as if a line had just ended: the first line may be the lone dot
        self._skip = 2

    def feed(self, data):
        pending = self._tail + data
        end = pending.find(b"\r\n.\r\n")
        if end >= 0:
            self._emit(pending[:end + 2])
            return pending[end + 5:]
        cut = pending.rfind(b"\r\n")
        if cut < 0 or len(pending) - cut > 4:
            # Inside a long line: only a final CR may still become a line end.
            keep = 1 if pending.endswith(b"\r") else 0
            cut = len(pending) - keep
        self._emit(pending[:cut])
        self._tail = pending[cut:]
        return None

    def _emit(self, data):
        data = data.replace(b"\r\n.", b"\r\n")
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self.body.add(data[skipped:])
