"""What is disturbed: one call of the program, with what it finds in its queue and what it was given.

    act = SCENES["partial"].act(place, "k1")        the queue is prepared
    act.args, act.stdin                             for the call

Every recipient has exactly one message.
"""
import base64
import time
from dataclasses import dataclass, field

from lib.queuefiles import QueueFiles

FOLDERS = ("incoming", "deferred", "state", "sessions", "failed")   # made before, so that they are opened and not made


def wire(name, size=60):
    """A message that nothing is added to."""
    text = (f"From: sender@mail.test\r\nTo: someone@mail.test\r\nSubject: {name}\r\nMessage-ID: <{name}@mail.test>\r\n"
            f"Date: Sun, 22 Nov 2026 01:46:40 +0000\r\n\r\n").encode()
    line = f"{name} ".encode() * 8 + b"\r\n"
    return text + line * (size // len(line) + 1) + b"the end\r\n"


def unfit(name, size):
    """A message that must not leave as it is, and what it becomes: text for which base64 is the shorter encoding."""
    header = wire(name).partition(b"\r\n\r\n")[0] + b"\r\n"
    line = f"本文の一行です {name}\r\n".encode()
    text = line * (size // len(line) + 1)
    fields = (b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n"
              b"Content-Transfer-Encoding: base64\r\n\r\n")
    return header + b"\r\n" + text, header + fields + base64.encodebytes(text).replace(b"\n", b"\r\n")


@dataclass
class Act:
    args: list
    stdin: bytes = b""
    status: int = 0                                 # of the undisturbed call
    accounts: str = ""                              # more of them
    bodies: dict = field(default_factory=dict)      # recipient -> the bytes that must arrive
    durable: set = field(default_factory=set)       # recipients that were in the queue before
    refused: set = field(default_factory=set)       # recipients that the server refuses for good
    reported: set = field(default_factory=set)      # of these: nobody but a report tells it to the sender

    @property
    def wanted(self):
        return set(self.bodies) - self.refused


@dataclass
class Scene:
    """`mine`: recipients of the message of this call; `queued`: of messages that wait, one each, in deferred/, or in
    incoming/ when there is a message of this call. `is_unfit`: this message must be repaired. The server refuses never@
    for good, and later@ at first. two@ is another account's; "ok+two" has one message for both."""
    name: str
    mine: tuple = ()
    queued: tuple = ()
    args: tuple = ()
    size: int = 60
    fresh: bool = False         # there is no queue folder
    is_unfit: bool = False
    status: int = 0

    def act(self, place, key):
        sender = f"sender@{key}.test"
        act = Act(list(self.args), status=self.status)
        if any("two" in word for word in (*self.mine, *self.queued)):
            act.accounts = "account two : default\nto two*@*\n"
            place.add(act.accounts)
        if not self.fresh:
            queue = QueueFiles(place.queue)
            for name in FOLDERS:
                queue.folder(name)
        for word in self.queued:
            ours, *theirs = [f"{w}@{key}.test" for w in word.split("+")]
            text = wire(f"{word}.{key}", self.size)
            head = "".join(f"via: <{sender}> two\nrecipient: <{r}> via=1\n" for r in theirs)
            queue.put("incoming" if self.mine else "deferred", sender=sender, recipients=[ours], message=text,
                      arrival=time.time() - 60, head=head)
            act.bodies |= dict.fromkeys([ours, *theirs], text)
            act.durable |= {ours, *theirs}
        if self.mine:
            addresses = [f"{word}@{key}.test" for word in self.mine]
            act.stdin = arrives = wire(key, self.size)
            if self.is_unfit:
                act.stdin, arrives = unfit(key, self.size)
            act.args += ["-i", "-f", sender, *addresses]
            act.bodies |= dict.fromkeys(addresses, arrives)
        act.refused = {a for a in act.bodies if a.startswith("never")}
        act.reported = act.refused & act.durable
        return act


SCENES = {s.name: s for s in (
    Scene("enqueue", ["ok"], args=["-odq"], fresh=True),
    Scene("bulk", ["ok"], args=["-odq"], size=600 << 10),
    Scene("direct", ["ok"]),
    Scene("large", ["ok"], size=600 << 10),
    Scene("mend", ["ok"], size=600 << 10, is_unfit=True),
    Scene("mendbulk", ["ok"], args=["-odq"], size=600 << 10, is_unfit=True),
    Scene("later", ["later"]),
    Scene("partial", ["ok", "later", "never"], status=67),
    Scene("background", ["ok"], args=["-odb"]),
    Scene("drain", ["ok"], queued=["ok1", "ok2"]),
    Scene("flush", queued=["ok1", "ok2", "ok3"], args=["-qf"]),
    Scene("split", ["ok", "two", "never"], status=67),
    Scene("splitflush", queued=["ok1+two1", "ok2+two2"], args=["-qf"]),
    Scene("report", queued=["never", "ok"], args=["-qf"]),
    Scene("postpone", queued=["later", "ok"], args=["-qf"]),
)}
