"""Every system call of a call of the program fails, or does only half of its work: exit status 0 is never given for a
message that is lost, the program never crashes or hangs, and says in one clear line what it could not do.

Not disturbed are calls before main(): there the loader speaks, not the program; and calls that cannot fail. EINTR only
comes to calls that wait, and must not be seen at all. RELAY_CRASH_ALL=1: each call with each error; else each call with
one of them in turn, and those that use the disk with both of a disk's.
"""
import errno
import os
import re
import subprocess

import pytest

from rig.checks import judge, sent_by_state
from rig.place import Done
from rig.scenes import SCENES

ERRORS = {n: getattr(errno, n) for n in ("ENOSPC", "EIO", "EMFILE", "EINTR")}
# Without a result, or one that is no error number; and waiting for a child that is there.
CANNOT_FAIL = {"exit_group", "exit", "rt_sigreturn", "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid",
               "umask", "getrandom", "brk", "wait4"}
DISK = {"openat", "write", "pwrite64", "fsync", "mkdir", "mkdirat", "renameat", "unlinkat", "ftruncate"}
NEEDS_SPACE = {"openat", "write", "pwrite64", "fsync", "mkdir", "mkdirat", "renameat"}
MAKES_DESCRIPTOR = {"openat", "socket", "eventfd2", "signalfd4", "accept4", "dup", "dup2", "pipe2"}
WAITS = {"read", "pread64", "write", "pwrite64", "recvfrom", "sendto", "poll", "fsync", "flock"}
LINE = re.compile(r"(sendmail|relay|mailq)[^:]*: .+")
CRASHES = {70, 125, 126, 127} | set(range(129, 160))
SCENE_NAMES = list(SCENES)


class Sweep:
    def __init__(self, scene, place, server, tracer):
        self.scene, self.place, self.server, self.tracer = scene, place, server, tracer
        self.refused_but_kept = []

    def point(self, key, *how, invisible=False, may_repeat=False):
        place = self.place(key, timeout=3)
        act = self.scene.act(place, key)
        try:
            done = place.disturb(self.tracer, how, act.args, act.stdin, timeout=15)
        except subprocess.TimeoutExpired:
            return Done(None, "", ""), ["it hangs"]
        self.server.settle()
        before = self.server.delivered(key)
        known = sent_by_state(place)
        waiting = place.waiting()
        self.server.heal(key)
        place.recover()
        after = self.server.delivered(key)
        hit = done.hit
        log = place.log.read_text() if place.log.exists() else ""
        may_repeat = may_repeat or "maybe" in log or "duplicate" in log or "perhaps" in log \
            or "with an error" in done.out
        wrong = judge(act, done, before, after, known, place.left(), may_repeat)
        wrong += self.judge_end(done, invisible)
        is_fsync = hit and not invisible and (hit.process, hit.name) == (0, "fsync")
        if is_fsync and self.scene.mine and done.status in (0, act.status):
            got = {r for d in before for r in d.recipients}
            wrong += [f"{r} was promised a message that is perhaps not on disk" for r in act.wanted - act.durable - got]
        if self.scene.mine and done.status != act.status and done.status and waiting and not act.durable:
            self.refused_but_kept.append(f"{hit}: {done.status}, {done.err}")
        place.remove()
        return done, [f"{w}; {done.status} {done.err}" for w in wrong]

    def judge_end(self, done, invisible):
        wrong = [f"process {p} ended with {s}" for p, s in done.exits.items() if s < 0 or s in CRASHES]
        if invisible and (done.status != self.scene.status or (done.err and not self.scene.status)):
            wrong.append("it was noticed")
        said = done.err.splitlines()
        wrong += [f"an unclear line: {line!r}" for line in said if not LINE.fullmatch(line)]
        hit = done.hit
        if done.status and not said and not (hit and hit.name == "write" and hit.args[0] == 2):
            wrong.append("it failed and said nothing")
        return wrong

    def calls(self):
        """The calls of a run from main() on."""
        done, wrong = self.point(f"{self.scene.name}-0", "-l")
        assert wrong == [] and done.status == self.scene.status, (done, wrong)
        first = next(n for n, c in enumerate(done.calls) if c.name == "fcntl" and c.args[0] == 0)
        return [c for c in done.calls[first:] if c.name not in CANNOT_FAIL]

    def check(self, each, points, may_keep=False, **more):
        """points: (Call, arguments for the tracer)."""
        def run(numbered):
            n, (call, how) = numbered
            done, wrong = self.point(f"{self.scene.name}-{n + 1}", *self.tracer.at(call), *how, **more)
            return done, [f"{call.process} {call.name} {call.nth}, {' '.join(map(str, how))}: {w}" for w in wrong]
        results = each(run, enumerate(points))
        wrong = [w for _, found in results for w in found]
        assert not wrong, f"{len(wrong)} of {len(results)}:\n" + "\n".join(wrong[:30])
        assert may_keep or not self.refused_but_kept, "\n".join(self.refused_but_kept)
        assert points and sum(done.hit is not None for done, _ in results) >= len(results) * 0.6


@pytest.fixture
def sweep(place, server, tracer):
    return lambda name: Sweep(SCENES[name], place, server, tracer)


def errors_for(call, n):
    if os.environ.get("RELAY_CRASH_ALL"):
        return ["ENOSPC", "EIO", "EMFILE"]
    found = {"EMFILE"} if call.name in MAKES_DESCRIPTOR else set()
    if call.name in DISK:
        found |= {"ENOSPC", "EIO"}
    return sorted(found) or [("ENOSPC", "EIO", "EMFILE")[n % 3]]


@pytest.mark.parametrize("name", SCENE_NAMES)
def test_one_call_fails(sweep, each, name):
    one = sweep(name)
    one.check(each, [(c, ["-e", ERRORS[e]]) for n, c in enumerate(one.calls()) for e in errors_for(c, n)])


@pytest.mark.parametrize("error,names", [("ENOSPC", NEEDS_SPACE), ("EIO", DISK), ("EMFILE", MAKES_DESCRIPTOR)],
                         ids=["full", "broken", "no descriptors"])
@pytest.mark.parametrize("name", SCENE_NAMES)
def test_from_one_call_on_all_fail(sweep, tracer, each, name, error, names):
    one = sweep(name)
    how = ["-e", ERRORS[error], *tracer.then(names)]
    # A file that cannot be removed is sent again, also when its caller was told that it cannot be kept.
    one.check(each, [(c, how) for c in one.calls() if c.name in names and c.args[0] not in (1, 2) and
                     not (error == "ENOSPC" and c.name == "openat" and not c.args[2] & os.O_CREAT)],
              may_repeat=error == "EIO", may_keep=error == "EIO")


@pytest.mark.parametrize("name", SCENE_NAMES)
def test_half_is_read_or_written(sweep, each, name):
    one = sweep(name)
    one.check(each, [(c, ["-s"]) for c in one.calls() if c.name in WAITS and len(c.args) > 2 and c.args[2] > 1],
              invisible=True)


@pytest.mark.parametrize("name", SCENE_NAMES)
def test_half_is_written_and_then_the_disk_is_full(sweep, tracer, each, name):
    one = sweep(name)
    how = ["-s", "-e", ERRORS["ENOSPC"], *tracer.then(NEEDS_SPACE)]
    one.check(each, [(c, how) for c in one.calls() if c.name in ("write", "pwrite64") and c.args[0] > 2])


@pytest.mark.parametrize("name", SCENE_NAMES)
def test_a_call_is_interrupted(sweep, each, name):
    one = sweep(name)
    one.check(each, [(c, ["-e", ERRORS["EINTR"]]) for c in one.calls() if c.name in WAITS], invisible=True)
