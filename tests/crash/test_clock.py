"""The clock jumps forward and back by a year: mail is tried, delivered once, and kept or given up as relay-queue(7) says,
and never lost.
"""
import re
import socket
import time
from pathlib import Path

import pytest

from lib.queuefiles import QueueFiles
from rig.checks import is_report
from rig.scenes import wire

YEAR = 365 * 86400
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")


def at(years):
    """The environment in which it is so many years later."""
    shift = {"LD_PRELOAD": str(LIBRARY), "FAKETIME": f"{years * YEAR:+d}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    return shift if years else {}


@pytest.fixture
def down():
    """A port where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


class Case:
    def __init__(self, place, server, down):
        self.place, self.server, self.down = place("clock", minimal_backoff_time="300s"), server, down

    def send(self, years, *args, name="ok"):
        done = self.place.run([*args, "-i", "-f", "sender@clock.test", f"{name}@clock.test"], wire("clock"), env=at(years))
        assert (done.status, done.err) == (0, ""), done

    def flush(self, years, *args, up=True):
        self.place.configure(self.server.port if up else self.down)
        done = self.place.run(args or ["-q"], env=at(years))
        assert (done.status, done.err) == (0, ""), done
        return done

    def received(self):
        return [r.split("@")[0] for d in self.server.delivered("clock") if not is_report(d) for r in d.recipients]

    def reports(self):
        return sum(is_report(d) for d in self.server.delivered("clock"))

    def folders(self):
        return sorted(n.split("/")[0] for n in self.place.left("incoming", "deferred", "hold", "failed", "corrupt"))


@pytest.fixture
def case(place, server, down):
    return Case(place, server, down)


def test_the_clock_is_changed_for_the_program(case):
    case.send(-1, "-odq")
    arrival = int(re.search(r"arrival: (\d+)", (case.place.queue / case.place.left("deferred")[0]).read_text())[1])
    assert abs(arrival - (time.time() - YEAR)) < 60


@pytest.mark.parametrize("first", [-1, 0, 1])
@pytest.mark.parametrize("then", [-1, 0, 1])
@pytest.mark.parametrize("way", ["queued", "refused"])
def test_with_the_server_up_it_is_delivered_once(case, first, then, way):
    if way == "queued":
        case.send(first, "-odq")
    else:
        case.send(first, name="later")
        case.server.heal("clock")
        if first == then:
            case.flush(then)
            assert case.received() == []        # not due yet
    case.flush(then, "-q" if first != then or way == "queued" else "-qf")
    assert case.received() == ["later" if way == "refused" else "ok"] and case.folders() == []
    for years in (-1, 0, 1):
        case.flush(years, "-qf")
    assert len(case.received()) == 1 and case.reports() == 0


@pytest.mark.parametrize("first,then", [(0, -1), (1, 0), (1, -1)])
def test_back_with_the_server_down_it_is_kept_and_tried(case, first, then):
    case.send(first, "-odq")
    case.flush(first, up=False)
    for _ in range(2):
        case.flush(then, up=False)
    assert case.folders() == ["deferred"] and case.reports() == 0
    state = QueueFiles(case.place.queue).state(case.place.left("deferred")[0].split("/")[1])
    # Tried in the first run of each clock; the other one was too early.
    assert int(state["attempts"]) == 2
    assert 200 < int(state["next"].split()[0]) - (time.time() + then * YEAR) < 4100
    case.flush(first)
    assert case.received() == ["ok"] and case.folders() == [] and case.reports() == 0


def test_forward_with_the_server_down_it_is_given_up_and_reported(case):
    """It was tried before it is given up; the report waits, and arrives at whatever time it is then."""
    case.send(0, "-odq")
    case.flush(0, up=False)
    case.flush(1, up=False)
    assert case.folders().count("failed") == 1 and case.received() == []
    case.flush(0)
    case.flush(-1)
    assert case.reports() == 1 and case.folders() == ["failed"]
    # It is still there, for a person.
    relay = case.place.path / "relay"
    relay.symlink_to(case.place.binary)
    case.place.binary = str(relay)
    id = case.place.left("failed")[0].split("/")[1]
    assert case.place.run(["queue", "retry", id]).status == 0
    assert case.place.run(["queue", "flush"]).status == 0
    assert case.received() == ["ok"] and case.reports() == 1 and case.folders() == []


def test_forward_with_the_server_up_old_mail_is_delivered_and_not_given_up(case):
    case.send(0, "-odq")
    case.flush(0, up=False)
    case.flush(1)
    assert case.received() == ["ok"] and case.reports() == 0 and case.folders() == []


def test_to_and_fro_nothing_is_lost(case):
    case.send(-1, "-odq", name="past")
    case.send(0, "-odq", name="present")
    case.send(1, "-odq", name="future")
    for years in (0, -1, 0, -1):
        case.flush(years, "-qf", up=False)
    # What had come a year ago was over when the clock was right again, and its sender was told.
    assert sorted(case.folders()) == ["deferred", "deferred", "deferred", "failed"]
    case.flush(-1, "-qf")
    case.flush(0, "-qf")
    assert sorted(case.received()) == ["future", "present"] and case.reports() == 1 and case.folders() == ["failed"]
    text = next(d.data for d in case.server.delivered("clock") if is_report(d))
    assert b"past@clock.test" in text


def test_states_of_living_messages_survive_every_clock(case):
    """A queue run collects states without a message, by their age."""
    case.send(0, name="later")
    orphan = case.place.queue / "state" / QueueFiles(case.place.queue).new_id(time.time() - 10)
    orphan.write_text("relay-state 1\nend\n")
    for years in (-1, 0):
        case.flush(years, "-q", up=False)
    assert orphan.exists() and len(case.place.left("state")) == 2
    case.flush(1, "-qf", up=False)
    assert not orphan.exists()
    assert all((case.place.queue / "state" / n.split("/")[1]).exists() for n in case.place.left("failed"))
