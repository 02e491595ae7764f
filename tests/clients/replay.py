"""Makes the calls of the catalogue, without the clients: the real binary, and of its caller only what it can see.

    replayer = Replayer(binary, folder)         a folder that every user may enter
    done = replayer.run(call, server)           -> Replayed: rc, stdout, stderr, waiting (recipients in the queue)

The settings are catalogue.ACCOUNT without TLS and login, and a queue; their file is handed over with -C, the only words that
are added to the call. A call of SMTP (-bs) is a dialogue: what the client wrote is written line by line, and each command
waits for its answer. If root runs it, a call of another user is made as one whom the machine does not know.
"""
import contextlib
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import catalogue

NOBODY_KNOWN = 64321        # for users with names: they may not be of this machine
SECONDS = 30


@dataclass
class Replayed:
    rc: int
    stdout: bytes
    stderr: bytes
    waiting: list       # recipients of what is in the queue
    refused: list       # answers of -bs that are not of success


def account(host, port):
    text = catalogue.ACCOUNT.format(host=host, port=port, ca="")
    return re.sub(r"^(tls_trust_file|auth|user|password) .*\n", "", text, flags=re.MULTILINE) + "tls off\n"


class Replayer:
    def __init__(self, binary, folder):
        self.folder = Path(folder)
        self.program = shutil.copy(binary, self.folder / "sendmail")

    def run(self, call, host, port):
        with tempfile.TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True) as own:
            os.chmod(own, 0o755)
            return Replay(self.program, call, Path(own)).run(host, port)


class Replay:
    def __init__(self, program, call, own):
        self.program, self.call, self.own = program, call, own
        self.user = call.facts.get("user", "root")
        self.uid = NOBODY_KNOWN if not self.user.isdigit() else int(self.user)
        self.is_other = os.geteuid() == 0 and self.user != "root"
        self.queue = own / "queue"
        self.queue.mkdir(0o700)
        if self.is_other:
            os.chown(self.queue, self.uid, self.uid)

    def settings(self, host, port):
        text = account(host, port) + f"queue_directory {self.queue}\nsyslog off\n"
        if "aliases" in self.call.facts:
            (self.own / "aliases").write_text(self.call.facts["aliases"])
            text += f"aliases {self.own}/aliases\n"
        (self.own / "relayrc").write_text(text)

    def command(self, argv):
        """Whatever path it was called by: the name counts."""
        return [argv[0], "-C", str(self.own / "relayrc"), *argv[1:]]

    def environment(self):
        kept = {k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")}
        return self.call.env | kept

    def become(self):
        """What the caller of the child has made of it."""
        for name in self.call.ignored:
            signal.signal(getattr(signal, f"SIG{name}"), signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, [getattr(signal, f"SIG{name}") for name in self.call.blocked])
        os.umask(int(self.call.facts.get("umask", "022"), 8))

    def start(self, argv, **streams):
        other = {"user": self.uid, "group": self.uid, "extra_groups": []} if self.is_other else {}
        return subprocess.Popen(self.command(argv), executable=self.program, env=self.environment(), cwd="/",
                                preexec_fn=self.become, **other, **streams)

    def run(self, host, port):
        self.settings(host, port)
        facts, refused = self.call.facts, []
        source = self.source()
        streams = {name: self.sink(name) for name in ("stdout", "stderr")}
        if "before" in facts:
            self.probe(shlex.split(facts["before"]), source)
        process = self.start(self.call.argv, stdin=source, **streams)
        if "-bs" in self.call.argv:
            refused, out, err = talk(process, self.call.stdin)
        else:
            data = self.call.stdin if source == subprocess.PIPE else None
            out, err = process.communicate(data, timeout=SECONDS)
        deadline = time.monotonic() + SECONDS
        while "-odb" in self.call.argv and self.waiting() and time.monotonic() < deadline:
            time.sleep(0.01)        # a process of its own is at work
        return Replayed(process.returncode, out or self.written("stdout"), err or self.written("stderr"), self.waiting(),
                        refused)

    def source(self):
        kind = self.call.facts.get("stdin", "pipe")
        if kind == "null":
            return subprocess.DEVNULL
        if kind != "file":
            return subprocess.PIPE
        (self.own / "stdin").write_bytes(self.call.stdin)
        return open(self.own / "stdin", "rb", buffering=0)

    def sink(self, name):
        kind = self.call.facts.get(name, "pipe")
        if kind == "null":
            return subprocess.DEVNULL
        return open(self.own / name, "wb") if kind == "file" else subprocess.PIPE

    def written(self, name):
        file = self.own / name
        return file.read_bytes() if file.exists() else b""

    def probe(self, argv, source):
        """A call that must fail, and leave the shared standard input where it was."""
        process = self.start(argv, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=SECONDS)
        assert process.returncode == os.EX_USAGE and err.count(b"\n") == 1, err
        assert source.tell() == 0, "standard input was read"

    def waiting(self):
        files = [f for place in ("incoming", "deferred") for f in sorted((self.queue / place).glob("*"))]
        found = []
        for file in files:
            with contextlib.suppress(FileNotFoundError):        # it has just been sent
                found += re.findall(r"^recipient: <(.*)>$", file.read_bytes().split(b"\n\n")[0].decode(), re.MULTILINE)
        return found


def talk(process, written):
    """-bs: what the client wrote, when it would have written it -> (refusals, rest of stdout, stderr)."""
    answers = _Answers(process.stdout)
    refused, is_data = [], False
    assert answers.next()[:3] == b"220"
    for line in written.splitlines(keepends=True):
        process.stdin.write(line)
        process.stdin.flush()
        if is_data and line.rstrip(b"\r\n") != b".":
            continue
        answer = answers.next()
        is_data = answer[:3] == b"354"
        if answer[:1] not in b"23":
            refused.append(answer.decode())
    process.stdin.close()
    process.stdin = None        # or communicate() stumbles
    out, err = process.communicate(timeout=SECONDS)
    return refused, answers.rest + out, err


class _Answers:
    def __init__(self, stream):
        self.fd, self.rest = stream.fileno(), b""

    def next(self):
        """One answer of SMTP, all its lines."""
        answer = b""
        while not re.search(rb"^\d{3}( .*)?\r\n", answer, re.MULTILINE):
            while b"\r\n" not in self.rest:
                assert select.select([self.fd], [], [], SECONDS)[0], "no answer"
                more = os.read(self.fd, 65536)
                assert more, "hung up"
                self.rest += more
            line, _, self.rest = self.rest.partition(b"\r\n")
            answer += line + b"\r\n"
        return answer
