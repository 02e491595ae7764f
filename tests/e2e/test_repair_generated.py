"""Generated messages through the binary: sendmail -bs, and read in the queue what would leave.

The generators and what must be true of each result are those of tests/property/repair.py. RELAY_CASES is how many
messages, RELAY_SEED the first; a failure names its seed.
"""
import importlib.util
import os
import random
from pathlib import Path

from lib.serving import ended, kept, queue, run, talk

spec = importlib.util.spec_from_file_location("repair", Path(__file__).resolve().parents[1] / "property/repair.py")
repair = importlib.util.module_from_spec(spec)
spec.loader.exec_module(repair)

CASES = int(os.environ.get("RELAY_CASES", "400"))
FIRST = int(os.environ.get("RELAY_SEED", "1"))


class NotHere(Exception):
    pass


class Driver:
    """As the one of repair.py: what leaves when a message comes in."""

    def __init__(self, raw, queue):
        self.raw, self.queue, self.count = raw, queue, 0

    def repair(self, message, mode, chunk):
        if mode != "8bit":
            raise NotHere       # that is for the server to say, when the message is sent
        self.count += 1
        self.raw.send(b"MAIL FROM:<s@x.test>\r\nRCPT TO:<r@x.test>\r\nBDAT %d LAST\r\n%s" % (len(message), message))
        assert [r[:3] for r in self.raw.replies(2)] == ["250", "250"]
        reply = self.raw.reply()
        if not reply.startswith("250"):
            assert reply.startswith("554 "), reply
            assert not any(self.queue.folder("deferred").iterdir()), "something is left of a message that was refused"
            return False, reply.encode()
        [file] = self.queue.folder("deferred").iterdir()
        head, _, data = file.read_bytes().partition(b"\n\n")
        assert int(head.split(b"size=")[1].split()[0]) == len(data)
        assert (b" body=8bit " in head.splitlines()[0]) == (not data.isascii())
        file.unlink()
        return True, data


def test_what_leaves_says_what_was_written(talk, kept, queue):
    raw = talk("pipe", kept(delivery_mode="queue", set_from_header="off", set_date_header="off", set_msgid_header="off",
                            remove_bcc_headers="off"))
    raw.say("EHLO me")
    driver, seed = Driver(raw, queue), FIRST - 1
    while driver.count < CASES:
        seed += 1
        dice = random.Random(seed)
        check = dice.choice(repair.CHECKS)
        before = driver.count
        try:
            out = check(driver, dice)
            # What was repaired needs no repair.
            if out and seed % 4 == 0 and check is not repair.check_junk:
                assert driver.repair(out, "8bit", 0) == (True, out), "repaired twice"
        except NotHere:
            pass
        except AssertionError as e:
            raise AssertionError(f"RELAY_SEED={seed} RELAY_CASES=1, {check.__name__}: {e}") from e
        assert driver.count > before or seed < FIRST + 20 * CASES
    assert ended(raw)
