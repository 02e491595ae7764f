"""Whatever a server says to each recipient at each attempt: everyone gets the message once or is reported once, as the
sender has wished, and confirmations come from whoever can give them.
"""
import collections
import random
import re

import pytest

from lib.hostile import on, reply, reply_then_close
from lib.queuefiles import QueueFiles
from lib.report import Report

BODY = b"Subject: x\n\nhi\n"
TO_RECIPIENT = [None, None, "450 4.2.0 later", "451 4.3.0 trouble", "550 5.1.1 no", "552 5.2.2 full"]
TO_MESSAGE = [None, None, None, "451 4.3.0 later", "554 5.7.1 no"]
SERVERS = {"all": [], "no DSN": ["DSN"], "nothing": ["PIPELINING", "CHUNKING", "DSN"]}


class Whims:
    """Rules of a server that decides anew each time."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.rules = [on("RCPT", self.to_recipient, nth=None), on("BODY", self.to_message, nth=None)]

    def to_recipient(self, session, normal):
        if self.chance.random() < 0.03:
            return reply_then_close("fin", "421 4.3.2 shutting down")(session, normal)
        return reply(self.chance.choice(TO_RECIPIENT) or normal)(session, normal)

    def to_message(self, session, normal):
        return reply(self.chance.choice(TO_MESSAGE) or normal)(session, normal)


def counted(server):
    """recipient -> how often: sent, reported as failed, confirmed."""
    sent, failed, relayed = collections.Counter(), collections.Counter(), collections.Counter()
    for message in server.messages:
        if message.sender:
            sent.update(message.accepted)
        else:
            report = Report(message)
            {"failed": failed, "relayed": relayed}[report.action].update(list(report.recipients))
    return sent, failed, relayed


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("without", SERVERS.values(), ids=SERVERS)
def test_everyone_has_one_fate(scripted, relayrc, run_sendmail, start, tmp_path, seed, without):
    whims = Whims(seed)
    server = scripted(without=without, rules=whims.rules)
    rc = relayrc(server, queue_directory=tmp_path / "queue", max_connections=2, timeout=10)
    queue, wishes = QueueFiles(tmp_path / "queue"), {}
    for number in range(12):
        recipients = [f"r{number}.{i}@y.test" for i in range(whims.chance.randint(1, 5))]
        wish = whims.chance.choice([None, "failure", "success,failure", "never"])
        options = [whims.chance.choice(["-odq", "-odb", "-oem"]), *(["-N", wish] if wish else [])]
        run_sendmail([*options, "-f", f"s{number}@x.test", *recipients], BODY, rc)
        wishes |= dict.fromkeys(recipients, wish)
    for _ in range(60):
        for run in [start(["-qf"], rc), start(["-qf"], rc)]:
            run.communicate(timeout=60)
        if set(queue.places().values()) <= {"failed"}:
            break
    assert set(queue.places().values()) <= {"failed"}
    assert server.settle().violations == []
    sent, failed, relayed = counted(server)
    # Reports are mail too, and some were refused themselves.
    texts = [queue.file(id).read_bytes() for id in queue.places()]
    lost = {r.decode() for t in texts if b"\nsender: <>\n" in t for r in re.findall(rb"Final-Recipient: rfc822; (\S+)", t)}
    for recipient, wish in wishes.items():
        has_it, may_be_told = sent[recipient], recipient not in lost
        is_confirmed = has_it and may_be_told and wish == "success,failure" and "DSN" in without
        is_reported = not has_it and may_be_told and wish != "never"
        assert has_it <= 1 and (failed[recipient], relayed[recipient]) == (is_reported, is_confirmed), (recipient, wish)
