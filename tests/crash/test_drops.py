"""A server that drops the connection at random points, and a thousand messages: none is lost, and one is doubled only
when the reply to its end was lost. RELAY_CRASH_SEED: another seed than 1.
"""
import os
import random
import re
import threading
import time
from collections import Counter

import pytest

from lib.queuefiles import QueueFiles
from rig.checks import DOCUMENTED
from rig.place import Place
from rig.scenes import FOLDERS, wire
from rig.server import Server

RUNS_MOST = 1000
SEED = int(os.environ.get("RELAY_CRASH_SEED", "1"))


class Dice:
    """Drops at about every so-manieth step of the server; a message has six."""

    def __init__(self, every):
        self.random, self.lock, self.drops = random.Random(SEED), threading.Lock(), Counter()
        self.every = every

    def __call__(self, step):
        with self.lock:
            is_hit = self.random.random() < 1 / self.every
            self.drops[step] += is_hit
            return is_hit


@pytest.mark.parametrize("chunking", [True, False], ids=["BDAT", "DATA"])
@pytest.mark.parametrize("count,every", [(1000, 60), (150, 12)], ids=["a thousand", "often"])
@pytest.mark.parametrize("in_flight,connections", [(5, 4), (1, 4), (5, 1), (1, 1)])
def test_a_server_that_drops_connections(base, binary, in_flight, connections, count, every, chunking):
    dice = Dice(every)
    with Server(drop=dice, chunking=chunking) as server:
        place = Place(base / "drops", binary, server.port, messages_in_flight=in_flight, max_connections=connections)
        queue = QueueFiles(place.queue)
        for name in FOLDERS:
            queue.folder(name)
        bodies = {f"r{n}@drops.test": wire(f"number{n}", n) for n in range(count)}
        for recipient, body in bodies.items():
            queue.put("deferred", sender="sender@drops.test", recipients=[recipient], message=body, arrival=time.time() - 60)
        runs = 0
        while place.waiting() and runs < RUNS_MOST:
            done = place.run(["-qf"])
            assert done.status == 0 and done.err == "", done
            runs += 1
        server.settle()
        assert place.waiting() == [], f"{runs} runs, {dice.drops}"
        deliveries = server.all()
    confirmed, lost = Counter(), Counter()
    for d in deliveries:
        assert d.recipients[0] in bodies and d.data == bodies[d.recipients[0]]
        (confirmed if d.confirmed else lost)[d.recipients[0]] += 1
    assert set(confirmed) == set(bodies) and set(confirmed.values()) == {1}
    assert lost and sum(dice.drops.values()) > 50, "the server was too kind"
    assert [n for n in place.left() if not DOCUMENTED.fullmatch(n)] == []
    # Each message that may have been doubled is in the log as such.
    log = place.log.read_text()
    named = set(re.findall(r"to=<(\S+?)>.*(?:perhaps|duplicate)", log))
    assert set(lost) <= named, sorted(set(lost) - named)[:5]
