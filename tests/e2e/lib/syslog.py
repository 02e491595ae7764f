"""/dev/log of a jail: what its programs log.

    log = Syslog(root / "dev/log")
    log.lines           what has come so far
    log.close()
"""
import socket
import threading


class Syslog:
    def __init__(self, path):
        self.lines = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        path.chmod(0o666)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(10)
        self._socket.close()

    def _read(self):
        while line := self._socket.recv(65536):
            self.lines.append(line.decode(errors="replace"))
