"""SIGKILL at every system call of a call of the program, then queue runs: nothing is lost, nothing is sent twice but what
the server had accepted when the queue did not know it yet, and nothing torn is ever sent.

All calls, those of the loader too, and those of all child processes: either only the process that makes the call is
killed, or all of them at this instant. rig/inject.c says why strace is not enough for that; where it is, it has to
agree. A killed process has no exit status, so what it was given may have been kept or not; but only whole. One that
SIGTERM ends has: 0 is a promise here, too.
"""
import shutil
import signal
from collections import Counter

import pytest

from rig.checks import judge, sent_by_state
from rig.place import Done
from rig.scenes import SCENES

# So many calls may lie between the reply that accepts a message and its end in the queue: the log is written there.
WINDOW = 20


class Sweep:
    def __init__(self, scene, place, server, tracer):
        self.scene, self.place, self.server, self.tracer = scene, place, server, tracer
        self.may_repeat = None
        self.twice = Counter()      # recipient -> points where it got its message twice

    def by_tracer(self, *how):
        return lambda place, act: place.disturb(self.tracer, how, act.args, act.stdin)

    def by_strace(self, call, nth):
        def run(place, act):
            done = place.run(act.args, act.stdin, under=[
                shutil.which("strace"), "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=SIGKILL:when={nth}"])
            return Done(done.status, done.out, done.err, exits={0: done.status})
        return run

    def point(self, key, run):
        """One disturbed call and its recovery: (Done, what is wrong)."""
        place = self.place(key)
        act = self.scene.act(place, key)
        done = run(place, act)
        self.server.settle()
        before = self.server.delivered(key)
        known = sent_by_state(place)
        wrong = []
        if place.left():
            listed = place.run(["-bp"])
            if listed.status != 0 or listed.err or "@" not in listed.out and "empty" not in listed.out:
                wrong.append(f"mailq: {listed}")
        self.server.heal(key)
        place.recover()
        after = self.server.delivered(key)
        wrong += judge(act, done, before, after, known, place.left(), self.may_repeat)
        place.remove()
        self.twice.update(r.split("@")[0] for r in act.wanted if sum(r in d.recipients for d in after) > 1)
        return done, [f"{key}, {done.hit}: {w}" for w in wrong]

    def undisturbed(self):
        """The calls of the longest of a few runs, by process."""
        found = {}
        for n in range(3):
            done, wrong = self.point(f"{self.scene.name}-{n}", self.by_tracer("-l"))
            assert wrong == [] and done.status == self.scene.status, (done, wrong)
            for process in done.exits:
                calls = [c.name for c in done.calls if c.process == process]
                found[process] = max(found.get(process, []), calls, key=len)
        assert not self.twice
        return found

    def check(self, results):
        wrong = [w for _, found in results for w in found]
        assert not wrong, f"{len(wrong)} of {len(results)}:\n" + "\n".join(wrong[:20])
        assert sum(done.status < 0 or done.hit is not None for done, _ in results) >= len(results) * 0.9
        assert all(points <= WINDOW for points in self.twice.values()), self.twice


@pytest.fixture
def sweep(place, server, tracer):
    return lambda name: Sweep(SCENES[name], place, server, tracer)


def kill_everywhere(one, each, way):
    # A few more: replies may come in one more piece.
    points = [(p, n) for p, calls in one.undisturbed().items() for n in range(1, len(calls) + 4)]
    one.check(each(lambda point: one.point("{0}-p{2}n{3}{1}".format(one.scene.name, way.lower().replace(" ", ""), *point),
                                           one.by_tracer(*way.split(), "-p", point[0], "-n", point[1])), points))


@pytest.mark.parametrize("name", ["enqueue", "bulk", "direct", "large", "mend", "mendbulk", "later", "partial",
                                  "background", "drain", "split"])
def test_a_submission(sweep, each, name):
    kill_everywhere(sweep(name), each, "-k")


@pytest.mark.parametrize("way", ["-k", "-K"], ids=["one", "all"])
@pytest.mark.parametrize("name", ["flush", "splitflush", "report", "postpone"])
def test_a_queue_run(sweep, each, name, way):
    kill_everywhere(sweep(name), each, way)


@pytest.mark.parametrize("name", ["enqueue", "bulk", "direct", "mend", "mendbulk", "partial", "split", "flush"])
def test_ended_by_a_signal(sweep, each, name):
    one = sweep(name)
    one.may_repeat = True
    kill_everywhere(one, each, f"-S {signal.SIGTERM:d}")


@pytest.mark.parametrize("name", ["enqueue", "direct"])
def test_with_strace(sweep, each, name):
    one = sweep(name)
    counts = Counter(one.undisturbed()[0])
    points = [(call, n) for call, count in counts.items() for n in range(1, count + 1) if call != "execve"]
    one.check(each(lambda point: one.point("{}-{}{}".format(name, *point), one.by_strace(*point)), points))
