"""What is on disk when, by a replay of strace's log (rig/disk.py has the rules): at exit status 0 all that a recovery needs
was fsynced; and whenever the power fails, nothing is lost that was promised, and nothing torn is sent.
"""
import os
import re

import pytest

from rig.checks import DOCUMENTED, is_report, sent_by_state
from rig.disk import Disk, Trace, write_image
from rig.scenes import SCENES

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the program does not let other users' strace look at it")


class Run:
    """A traced call, with the disk before it."""

    def __init__(self, place, server, name, key):
        self.place, self.server, self.key = place, server, key
        self.act = SCENES[name].act(place, key)
        place.log.touch()
        self.before = Disk(place.path)
        self.trace = Trace(place, lambda under: place.run(self.act.args, self.act.stdin, under=under))
        server.settle()
        self.deliveries = server.delivered(key)
        assert self.trace.done.status == self.act.status, self.trace.done

    def steps(self):
        """(disk, exit status if there was one, deliveries so far) after each step."""
        disk, status, accepted = self.before, None, 0
        first = self.trace.steps[0].pid
        for step in self.trace.steps:
            disk.apply(step)
            accepted += step.data.count(b"Ok: accepted")
            status = step.at if step.call == "exit" and step.pid == first else status
            yield step, disk, status, self.deliveries[:accepted]

    def fsyncs(self):
        return [re.sub(r"/[0-9A-Z]{15}\b", "/ID", os.path.relpath(s.path, self.place.queue))
                for s in self.trace.steps if s.call == "fsync"]


@pytest.fixture
def traced(place, server):
    return lambda name, key=None, **settings: Run(place(key or name, max_connections=1, **settings), server, name,
                                                  key or name)


# -- how many, and in which order ------------------------------------------------------------------------------------

def test_an_enqueue_costs_one_fsync_of_the_file_and_one_of_the_folder(traced):
    """The first one makes the folders, too, each of which its parent must know."""
    run = traced("enqueue")
    assert run.fsyncs()[-2:] == ["deferred/ID", "deferred"]
    place = run.place
    run.trace = Trace(place, lambda under: place.run(run.act.args, run.act.stdin, under=under))
    assert run.fsyncs() == ["deferred/ID", "deferred"]
    assert [s.call for s in run.trace.steps if s.call in ("write", "fsync")] == ["write", "fsync", "fsync"]


@pytest.mark.parametrize("name", ["direct", "large", "mend"])
def test_a_message_that_is_delivered_at_once_costs_none(traced, name):
    run = traced(name)
    assert run.fsyncs() == [] and not any(s.call == "rename" for s in run.trace.steps)


def test_what_is_delivered_by_a_queue_run_costs_none(traced):
    assert traced("flush").fsyncs() == []


def test_a_message_is_on_disk_before_it_gets_its_name_in_deferred(traced):
    assert traced("later").fsyncs() == ["incoming/ID", "deferred"]


def test_an_outcome_is_on_disk_before_the_message_moves(traced):
    run = traced("partial")
    assert run.fsyncs() == ["state/ID.new", "state", "incoming/ID", "deferred"]


def test_what_one_account_has_sent_is_on_disk_before_the_next_one_sends(traced):
    """The message itself survives only a killed process: its caller was promised nothing yet."""
    run = traced("split")
    assert run.fsyncs()[:2] == ["state/ID.new", "state"]
    sent = [n for n, s in enumerate(run.trace.steps) if b"Ok: accepted" in s.data and s.call != "write"]
    synced = next(n for n, s in enumerate(run.trace.steps) if s.call == "fsync" and s.path.endswith("/state"))
    assert len(sent) == 2 and sent[0] < synced < sent[1]


def test_a_report_is_on_disk_before_the_state_says_so(traced):
    run = traced("report")
    assert run.fsyncs() == ["incoming/ID", "incoming", "state/ID.new", "state", "failed"]
    # The report is another file than the state's.
    synced = [s.path for s in run.trace.steps if s.call == "fsync"]
    assert os.path.basename(synced[0]) != os.path.basename(synced[2]).removesuffix(".new")


@pytest.mark.parametrize("name", ["enqueue", "bulk", "mendbulk", "later", "partial", "background"])
def test_at_the_end_all_messages_are_on_disk(traced, name):
    run = traced(name)
    for _, disk, status, _ in run.steps():
        if status is not None:
            break
    assert status == run.act.status
    assert [p for p in disk.unsure() if "/state/" not in p] == []
    assert any(re.search("/(incoming|deferred)/", p) for p in disk.names)


# -- the power fails -------------------------------------------------------------------------------------------------

class Loss:
    """One image of the disk, and what a queue run makes of it."""

    def __init__(self, run, number, step, kind, image, status, accepted):
        self.run, self.kind, self.image, self.status, self.accepted = run, kind, image, status, accepted
        self.name = f"{run.key}-{number}-{kind}"
        self.what = f"{number}, after {step.call} {os.path.basename(step.path or '')}, {kind}"

    def wrong(self, place):
        """The same key: what was delivered before the power failed is kept apart."""
        run, act = self.run, self.run.act
        write_image(self.image, run.place.path, place.path)
        known = sent_by_state(place)
        seen = len(run.server.delivered(run.key))
        place.configure(run.server.port)
        place.add(act.accounts)
        listed = place.run(["-bp"])
        wrong = [] if listed.status == 0 else [f"mailq: {listed}"]
        place.recover()
        later = run.server.delivered(run.key)[seen:]
        for d in later:
            if not is_report(d):
                wrong += [f"{r} got {len(d.data)} bytes" for r in d.recipients if d.data != act.bodies.get(r)]
                wrong += [f"{r} got it, though the queue knew it" for r in d.recipients if r in known]
        got = [d for d in self.accepted + later]
        for r in act.wanted:
            if (r in act.durable or self.status in (0, act.status) and self.status is not None) and \
                    not any(r in d.recipients for d in got):
                wrong.append(f"{r} was promised the message and has not got it")
        for r in act.reported:
            if not any(is_report(d) and r.encode() in d.data for d in got):
                wrong.append(f"no report about {r}")
        allowed = ("failed/",) if act.refused else ()
        allowed += ("corrupt/",) if self.kind == "zeros" else ()
        wrong += [f"left: {n}" for n in place.left() if not DOCUMENTED.fullmatch(n) and not n.startswith(allowed or "?")
                  and not re.fullmatch(r"corrupt/\w{15}\.state", n)]
        place.remove()
        return [f"{self.what}: {w}" for w in wrong]


@pytest.mark.parametrize("name", list(SCENES))
def test_the_power_fails_at_any_time(traced, place, server, name):
    run = traced(name)
    server.heal(name)
    losses = []
    for number, (step, disk, status, accepted) in enumerate(run.steps()):
        losses += [Loss(run, number, step, kind, dict(image), status, accepted) for kind, image in disk.images().items()]
    # An image that was looked at with the same promises needs no second look.
    seen, wrong = set(), []
    for loss in losses:
        mark = (tuple(sorted((p, bytes(f) if not hasattr(f, "sure") else None) for p, f in loss.image.items())),
                loss.status, len(loss.accepted))
        if mark not in seen:
            seen.add(mark)
            wrong += loss.wrong(place(loss.name))
    assert not wrong, f"{len(wrong)} of {len(seen)}:\n" + "\n".join(wrong[:20])
    assert len(seen) > 3
