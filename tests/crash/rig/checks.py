"""What must hold after a disturbed call and the queue runs behind it."""
import re

from lib.queuefiles import PLACES

DOCUMENTED = re.compile(r"state/[0-9A-Z]{15}(\.new)?")      # removed by a queue run when they are an hour old


def states(place):
    """Queue ID -> {number of the recipient: "sent" …}, from the state files."""
    found = {}
    for name in place.left("state"):
        file = place.queue / name
        if file.name.endswith(".new"):
            continue
        text = file.read_text(errors="replace")
        if text.endswith("\nend\n"):
            found[file.name] = dict(re.findall(r"^recipient: (\d+) (\w+)", text, re.M))
    return found


def sent_by_state(place):
    """Recipients that the queue knows to have got their message."""
    found, known = set(), states(place)
    for name in place.left(*PLACES):
        file = place.queue / name
        if file.name not in known or not file.is_file():
            continue
        head = file.read_bytes().split(b"\n\n", 1)[0].decode(errors="replace")
        for number, address in enumerate(re.findall(r"^recipient: <(.*?)>", head, re.M), 1):
            if known[file.name].get(str(number)) == "sent":
                found.add(address)
    return found


def is_report(delivery):
    return delivery.sender == "" and b"multipart/report" in delivery.data


def judge(act, done, before, after, known_sent, left, may_repeat=None):
    """What is wrong, in words. before, after: deliveries at the end of the call, and at the end of all; known_sent:
    what the queue knew between; left: the files that are left; may_repeat: something may come twice (after a kill)."""
    wrong = []
    mail = [d for d in after if not is_report(d)]
    for d in mail:
        for r in d.recipients:
            if r not in act.wanted:
                wrong.append(f"{r} should not have got anything")
            elif d.data != act.bodies[r]:
                wrong.append(f"{r} got another text: {len(d.data)} bytes for {len(act.bodies[r])}")
    if may_repeat is None:
        may_repeat = any(s < 0 for s in done.exits.values())
    for r in act.wanted:
        first = sum(r in d.recipients for d in before)
        later = sum(r in d.recipients for d in mail) - first
        if first + later == 0 and (r in act.durable or done.status in (0, act.status)):
            wrong.append(f"{r} was promised the message and has not got it")
        if first > 1 or later > 1:
            wrong.append(f"{r} got it {first} times, then {later} times")
        if first and later and (not may_repeat or r in known_sent):
            wrong.append(f"{r} got it twice, though {'the queue knew it' if r in known_sent else 'nothing was unknown'}")
    return wrong + judge_failed(act, [d for d in after if is_report(d)], may_repeat, left)


def judge_failed(act, reports, may_repeat, left):
    """A message that is refused in a queue run is kept in failed/, and reported: if its caller was killed, too."""
    wrong = [f"left in the queue: {n}" for n in left if not DOCUMENTED.fullmatch(n) and not n.startswith("failed/")]
    failed = sum(n.startswith("failed/") for n in left)
    for r in act.refused:
        count = sum(r.encode() in d.data for d in reports)
        most = 2 if may_repeat else bool(r in act.reported or failed)
        if not (r in act.reported or failed) <= count <= most:
            wrong.append(f"{count} reports about {r}")
    if failed > len(act.refused) or failed < len(act.reported):
        wrong.append(f"{failed} messages in failed/")
    return wrong
