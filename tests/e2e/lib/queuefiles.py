"""A queue folder as relay-queue(7) says, written and looked at by a test.

    queue = QueueFiles(path)
    id = queue.put("deferred", recipients=["b@y.test"], reasons={"b@y.test": "450 4.2.0 later"})
    queue.place(id)                 "deferred", or None when it is nowhere
    with queue.locked(id): …        as a process that delivers it does
"""
import contextlib
import fcntl
import os
import time
from pathlib import Path

PLACES = ("incoming", "deferred", "hold", "failed", "corrupt")
DIGITS = "0123456789ABCDEFGHJKLMNPQRSTVWXY"


def number(value, count):
    return "".join(DIGITS[value >> 5 * i & 31] for i in reversed(range(count)))


class QueueFiles:
    def __init__(self, path):
        self.path = Path(path)
        self.count = 0
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def new_id(self, at):
        self.count += 1
        return number(int(at), 7) + number(self.count & 0xfffff, 4) + number(self.count * 77777 & 0xfffff, 4)

    def folder(self, name):
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def put(self, place, sender="a@x.test", recipients=("b@y.test",), message=b"Subject: x\r\n\r\nhi\r\n", arrival=None,
            account="default", status=None, reasons=None, attempts=1, last=None, next_try=None, head="", size=None):
        """status: recipient -> "waiting", "sent" or "refused" (with " told"); reasons: recipient -> text. Both, and
        next_try, make a state file."""
        arrival = int(time.time()) - 60 if arrival is None else int(arrival)
        id = self.new_id(arrival)
        text = f"relay-queue 1 complete size={len(message) if size is None else size:020d} body=7bit     \n"
        assert len(text) == 64
        text += f"arrival: {arrival}\naccount: {account}\nsender: <{sender}>\n"
        text += "".join(f"recipient: <{r}>\n" for r in recipients) + head + "\n"
        file = self.folder(place) / id
        file.write_bytes(text.encode(errors="surrogateescape") + message)
        file.chmod(0o600)
        if status or reasons or next_try is not None:
            lines = [f"relay-state 1\nid: {id}\nattempts: {attempts}\nsince: {arrival}\nlast: {last or arrival}\n"
                     f"next: {next_try or 0}"]
            for i, r in enumerate(recipients, 1):
                word = (status or {}).get(r, "waiting")
                reason = (reasons or {}).get(r, "")
                if word != "waiting" or reason:
                    code = "" if word == "waiting" else "5.1.1"
                    lines.append(f"recipient: {i} {word} dsn={code}{' ' if reason else ''}{reason}")
            state = self.folder("state") / id
            state.write_text("\n".join(lines) + "\nend\n", encoding="utf-8", errors="surrogateescape")
            state.chmod(0o600)
        return id

    def file(self, id):
        return next((self.path / p / id for p in PLACES if (self.path / p / id).exists()), None)

    def place(self, id):
        file = self.file(id)
        return file and file.parent.name

    def places(self):
        return {f.name: p for p in PLACES if (self.path / p).is_dir() for f in (self.path / p).iterdir()}

    def state(self, id):
        """The state file's lines, as a dictionary; recipients under "recipient 1" …; None when there is none."""
        file = self.path / "state" / id
        if not file.exists():
            return None
        lines = file.read_text().splitlines()
        assert lines[0] == "relay-state 1" and lines[-1] == "end"
        values = {}
        for line in lines[1:-1]:
            name, _, value = line.partition(": ")
            if name == "recipient":
                index, _, value = value.partition(" ")
                name = f"recipient {index}"
            values[name] = value
        return values

    @contextlib.contextmanager
    def locked(self, id):
        fd = os.open(self.file(id), os.O_RDWR)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(fd)
