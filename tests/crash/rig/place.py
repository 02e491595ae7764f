"""A home directory with a relayrc and a queue, and the program run in it.

    place = Place(base / "k1", binary, port, messages_in_flight=1)
    done = place.run(["-odq", "ok@k1.test"], MESSAGE)       Done(status, out, err); status < 0: ended by that signal
    done = place.disturb(tracer, ["-k", "-n", "57"], ["-q"])    the same, and done.hit: the Call, or None
    place.recover()                                         sendmail -qf until the queue is empty
    place.left()                                            ["deferred/1MG…", …]: every file in the queue
"""
import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

TIMEOUT = 20


@dataclass
class Call:
    process: int
    number: int     # of this process's calls, from 1
    name: str
    args: list
    nth: int = 0    # of this process's calls of this name


@dataclass
class Done:
    status: int
    out: str
    err: str
    hit: Call = None
    calls: list = field(default_factory=list)   # of all processes, with -l
    exits: dict = field(default_factory=dict)   # process -> status


def call_names():
    text = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read_text()
    return {int(n): name for name, n in re.findall(r"#define __NR_(\w+)\s+(\d+)", text)}


class Tracer:
    """rig/inject.c, compiled."""

    def __init__(self, folder):
        self.path = Path(folder, "inject")
        self.names = call_names()
        self.numbers = {name: n for n, name in self.names.items()}
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O1", "-o", self.path, Path(__file__).with_name("inject.c")], check=True)

    def then(self, names):
        """These fail after the disturbed call, too."""
        return ["-m", ",".join(str(self.numbers[n]) for n in sorted(names))]

    def at(self, call):
        """That call of an undisturbed run, found by its name: how often a process waits may differ."""
        return ["-p", call.process, "-c", self.numbers[call.name], "-n", call.nth]

    def read(self, text, done):
        counts = Counter()
        for line in text.splitlines():
            kind, *words = line.split()
            numbers = [int(w) for w in words]
            if kind in ("hit", "call"):
                call = Call(*numbers[:2], self.names.get(numbers[2], str(numbers[2])), numbers[3:])
                counts[call.process, call.name] += 1
                call.nth = counts[call.process, call.name]
                done.hit = done.hit or (call if kind == "hit" else None)
                done.calls += [call] if kind == "call" else []
            elif kind == "exit":
                done.exits[numbers[0]] = os.waitstatus_to_exitcode(numbers[1])
        done.status = done.exits.get(0, done.status)
        return done


class Place:
    def __init__(self, path, binary, port, **settings):
        self.path, self.binary = Path(path), str(binary)
        self.queue = self.path / ".local/state/relay/queue"
        self.log = self.path / "log"
        self.path.mkdir(mode=0o700, parents=True)
        self.configure(port, **settings)

    def configure(self, port, **settings):
        values = {"host": "127.0.0.1", "port": port, "tls": "off", "from": "sender@mail.test", "timeout": 10,
                  "logfile": "~/log"} | settings
        rc = self.path / ".relayrc"
        rc.write_text("account default\n" + "".join(f"{k} {v}\n" for k, v in values.items() if v is not None))
        rc.chmod(0o600)

    def add(self, text):
        """… to the configuration."""
        with open(self.path / ".relayrc", "a") as rc:
            rc.write(text)

    @property
    def environment(self):
        kept = {k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")}
        return {"HOME": str(self.path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TMPDIR": str(self.path)} | kept

    def run(self, args, stdin=b"", under=(), timeout=TIMEOUT, env=None):
        done = subprocess.run([*under, self.binary, *args], input=stdin, capture_output=True, timeout=timeout,
                              env=self.environment | (env or {}), cwd=self.path)
        return Done(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def disturb(self, tracer, how, args, stdin=b"", timeout=TIMEOUT):
        result = self.path / "result"
        done = self.run(args, stdin, under=[tracer.path, *map(str, how), result], timeout=timeout)
        assert done.status == 0, f"the tracer failed: {done}"
        return tracer.read(result.read_text(), done)

    def left(self, *folders):
        """Names in the queue but those of the lock files."""
        found = [str(f.relative_to(self.queue)) for f in self.queue.rglob("*") if not f.is_dir() or f.is_symlink()]
        return sorted(f for f in found if not f.startswith("sessions/") and (not folders or f.split("/")[0] in folders))

    def waiting(self):
        return self.left("incoming", "deferred")

    def recover(self, times=3):
        """What cron would do. The last run; none is needed when nothing waits."""
        done = None
        for _ in range(times):
            if not self.waiting():
                break
            done = self.run(["-qf"])
            assert done.status == 0, f"a queue run failed: {done}"
        return done

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
