"""mailq, sendmail -bp: the list of the queue, for people, for Postfix's tools, and as JSON."""
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from lib.jail import NoJail
from lib.postfix import Postfix
from lib.queuefiles import QueueFiles

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace")
NO_LEAK_CHECK = {"ASAN_OPTIONS": "detect_leaks=0"}    # it does not work under strace
HEADING = "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------"
# What tools that read `postqueue -p` go by.
MESSAGE = re.compile(r"^(?P<id>[0-9A-Za-z]{6,})(?P<mark>[*!#]?) *(?P<size>\d+) "
                     r"(?P<time>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?P<sender>\S+)$")
REASON = re.compile(r"^ *\((?P<reason>.*)\)$")
RECIPIENT = re.compile(r"^ {47}(?P<address>\S+)$")
END = re.compile(r"^-- (?P<kbytes>\d+) Kbytes in (?P<count>\d+) Requests?\.$")
# sendmail's line, which others look for.
TOTAL = re.compile(r"^\s+Total\sRequests:\s(\d+)$")


def without_total(text):
    return "".join(line for line in text.splitlines(keepends=True) if not TOTAL.match(line))


def parse(text):
    """The listing as a list of dictionaries; the sum must be right."""
    lines = without_total(text).splitlines()
    assert lines[0] == HEADING
    found, reason = [], None
    for line in lines[1:-1]:
        if match := MESSAGE.match(line):
            found.append(match.groupdict() | {"recipients": {}, "width": line.index(match["time"])})
            reason = None
        elif match := REASON.match(line):
            reason = match["reason"]
        elif match := RECIPIENT.match(line):
            found[-1]["recipients"][match["address"]] = reason
        else:
            assert line == ""
    end = END.match(lines[-1])
    assert end and int(end["count"]) == len(found)
    assert [int(n) for n in re.findall(TOTAL.pattern, text, re.MULTILINE)] in ([], [len(found)])
    assert int(end["kbytes"]) == sum(int(m["size"]) for m in found) // 1024
    return found


@pytest.fixture
def queue(tmp_path):
    return QueueFiles(tmp_path / "queue")


@pytest.fixture
def mailq(run_sendmail, queue):
    def run(*args, queue_directory=queue.path, **options):
        rc = f"account default\nhost h.test\nfrom a@x.test\nqueue_directory {queue_directory}\n"
        return run_sendmail(args, rc=rc, name="mailq", **options)
    return run


def test_empty_queue(mailq):
    assert mailq() == mailq("-v")
    done = mailq()
    assert (done.rc, done.out, done.err) == (0, "Mail queue is empty\n", "")
    assert mailq("--json").out == ""


def test_no_folder_is_an_empty_queue_and_is_not_made(mailq, tmp_path):
    done = mailq(queue_directory=tmp_path / "none")
    assert (done.rc, done.out, done.err) == (0, "Mail queue is empty\n", "")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("state_home", [None, "state"])
def test_without_a_configuration_the_default_folder(run_sendmail, environment, tmp_path, state_home):
    home = environment["HOME"]
    env = {"XDG_STATE_HOME": f"{tmp_path}/state"} if state_home else {}
    folder = f"{tmp_path}/state/relay/queue" if state_home else f"{home}/.local/state/relay/queue"
    if os.path.exists("/etc/relayrc"):
        pytest.skip("this machine has an /etc/relayrc")
    assert run_sendmail(["-bp"], env=env).out == "Mail queue is empty\n"
    id = QueueFiles(folder).put("deferred")
    done = run_sendmail(["-bp"], env=env)
    assert [m["id"] for m in parse(done.out)] == [id]
    assert (done.rc, done.err) == (0, "")


def test_a_file_named_with_C_must_be_there(run_sendmail):
    done = run_sendmail(["-C", "/nonexistent/relayrc"], name="mailq")
    assert done.rc == 78 and "/nonexistent/relayrc" in done.err and done.out == ""


def test_columns(mailq, queue):
    arrival = 1784638946      # Tue Jul 21 13:02:26 2026 UTC
    id = queue.put("deferred", "a@x.test", ["b@y.test", "c@y.test", "d@y.test", "e@y.test"], b"x\r\n" * 700, arrival,
                   reasons={"b@y.test": "450 4.2.0 later", "c@y.test": "450 4.2.0 later", "d@y.test": "451 4.3.0 " + "x" * 70},
                   status={"e@y.test": "sent"})
    done = mailq(env={"TZ": "UTC0"})
    assert done.rc == 0 and done.err == ""
    assert done.out == "\n".join([
        HEADING,
        f"{id}       2100 Tue Jul 21 13:02:26 a@x.test",
        " " * 61 + "(450 4.2.0 later)",
        " " * 47 + "b@y.test",
        " " * 47 + "c@y.test",
        "(451 4.3.0 " + "x" * 70 + ")",
        " " * 47 + "d@y.test",
        "",
        " " * 16 + "Total Requests: 1",
        "-- 2 Kbytes in 1 Request.", ""])


def test_the_columns_are_those_of_real_postfix(mailq, queue, pki):
    """The same mail in both queues: the same lines, but for the ID and the reason's words."""
    import smtplib
    message = b"Subject: x\r\n\r\n" + b"0123456789" * 30 + b"\r\n"
    try:
        with Postfix(pki, settings="defer_transports = capture\n") as server:
            client = smtplib.SMTP(server.host, server.ports["plain"])
            client.sendmail("a@x.test", ["b@y.test", "c@y.test"], message)
            client.sendmail("", ["b@y.test"], message)
            client.quit()
            deadline = time.monotonic() + 20
            while "2 Requests" not in (theirs := server.run("/usr/sbin/postqueue", "-p").decode()) or \
                    theirs.count("(") < 2:
                assert time.monotonic() < deadline, theirs
                time.sleep(0.1)
            held = next(m["id"] for m in parse(theirs) if m["sender"] == "a@x.test")
            server.run("/usr/sbin/postsuper", "-h", held)
            theirs = server.run("/usr/sbin/postqueue", "-p").decode()
            their_json = [json.loads(line) for line in server.run("/usr/sbin/postqueue", "-j").splitlines()]
    except NoJail as reason:
        pytest.skip(str(reason))
    reason = {"reasons": {"b@y.test": "deferred transport", "c@y.test": "deferred transport"}}
    for item in sorted(their_json, key=lambda m: m["sender"] != "MAILER-DAEMON"):
        sender = item["sender"].replace("MAILER-DAEMON", "")
        recipients = [r["address"] for r in item["recipients"]]
        size = item["message_size"]
        queue.put(item["queue_name"], sender, recipients, b"x" * (size - 2) + b"\r\n", item["arrival_time"], **reason)
    ours = mailq(env={"TZ": "UTC0"}).out

    def plain(text):
        """Postfix lists place after place, and we by time: sorted. IDs as one letter, for they have their own length."""
        head, *rest = re.sub(r"^[0-9A-Za-z]{12,17}([*!]?) *(?= \d+ )", r"ID\1", text, flags=re.M).split("\n", 1)
        return head, sorted("\n".join(rest).split("\n\n"))
    assert plain(without_total(ours)) == plain(theirs)
    ours_json = [json.loads(line) for line in mailq("--json").out.splitlines()]

    def comparable(items):
        return sorted((sorted((k, json.dumps(v)) for k, v in i.items() if k in their_json[0] and k != "queue_id")
                       for i in items))
    assert comparable(ours_json) == comparable(their_json)
    assert list(ours_json[0])[:len(their_json[0])] == list(their_json[0])


def test_marks_for_hold_and_failed(mailq, queue):
    ids = {queue.put(p, status={"b@y.test": "refused" if p == "failed" else "waiting"}, reasons={"b@y.test": p}): mark
           for p, mark in [("incoming", ""), ("deferred", ""), ("hold", "!"), ("failed", "#")]}
    found = parse(mailq().out)
    assert {m["id"]: m["mark"] for m in found} == ids
    assert [m["id"] for m in found] == list(ids), "the oldest first"
    assert [m["recipients"] for m in found] == [{"b@y.test": p} for p in ("incoming", "deferred", "hold", "failed")]
    assert [json.loads(line)["queue_name"] for line in mailq("--json").out.splitlines()] == \
        ["incoming", "deferred", "hold", "failed"]


def has_locks(path):
    """Can a lock on this file system be seen in /proc/locks?"""
    status = os.stat(path)
    want = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino} "
    with open("/proc/locks") as locks:
        return want in locks.read()


def test_a_message_that_another_process_works_with_is_marked_active(mailq, queue):
    ids = [queue.put("deferred"), queue.put("deferred")]
    with queue.locked(ids[1]):
        if not has_locks(queue.file(ids[1])):
            pytest.skip("locks of this file system cannot be told from /proc/locks")
        found = parse(mailq().out)
        names = [(j["queue_name"], j["status"]) for j in map(json.loads, mailq("--json").out.splitlines())]
    assert [(m["id"], m["mark"]) for m in found] == [(ids[0], ""), (ids[1], "*")]
    assert names == [("deferred", "due"), ("active", "active")]
    assert [m["mark"] for m in parse(mailq().out)] == ["", ""]


@needs_strace
def test_listing_takes_no_lock(relay, mailq, queue, tmp_path):
    queue.put("deferred", reasons={"b@y.test": "later"})
    trace = tmp_path / "trace"
    done = mailq(under=("strace", "-f", "-o", trace, "-e", "trace=flock,fcntl"), env=NO_LEAK_CHECK)
    assert done.rc == 0 and "flock(" not in trace.read_text() and "SETLK" not in trace.read_text()


def test_only_recipients_that_wait_are_shown(mailq, queue):
    to = ["sent@y.test", "refused@y.test", "waits@y.test"]
    queue.put("deferred", recipients=to, status={to[0]: "sent", to[1]: "refused told"})
    queue.put("failed", recipients=to, status={to[0]: "sent", to[1]: "refused", to[2]: "refused"})
    first, second = parse(mailq().out)
    assert list(first["recipients"]) == ["waits@y.test"]
    assert list(second["recipients"]) == ["refused@y.test", "waits@y.test"]


def test_json(mailq, queue):
    now = int(time.time())
    id = queue.put("deferred", "", ["b@y.test", "c@y.test"], b"\r\nx\r\n", now - 100, account="work",
                   reasons={"b@y.test": "450 \"later\" \\o/"}, attempts=3, next_try=now + 900)
    line, = mailq("--json").out.splitlines()
    assert json.loads(line) == {
        "queue_name": "deferred", "queue_id": id, "arrival_time": now - 100, "message_size": 5, "forced_expire": False,
        "sender": "MAILER-DAEMON",
        "recipients": [{"address": "b@y.test", "delay_reason": "450 \"later\" \\o/"}, {"address": "c@y.test"}],
        "status": "waiting", "account": "work", "attempts": 3, "next_try": now + 900}


def test_nothing_in_the_queue_can_command_a_terminal(mailq, queue):
    hostile = "\udcff\udc9b31m\u202ex\u009b1m"
    queue.put("deferred", recipients=["b@y.test"], reasons={"b@y.test": hostile})
    queue.put("deferred", "\udcffa\udc9b@x.test", ["b\u202e@y.test"])
    queue.put("deferred", account="\x1b]0;title\x07")
    for args in [()], [("--json",)]:
        done = mailq(*args[0])
        text = done.stdout.decode("utf-8", "strict") + done.stderr.decode("utf-8", "strict")
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
        assert done.out


def test_damaged_files_are_named_and_stop_nothing(mailq, queue):
    good = queue.put("deferred")
    cut = queue.put("deferred", size=99)
    queue.folder("corrupt").joinpath(queue.new_id(1)).write_text("junk")
    queue.folder("deferred").joinpath("README").write_text("not ours")
    os.symlink("/etc/passwd", queue.folder("deferred") / queue.new_id(2))
    os.mkfifo(queue.folder("deferred") / queue.new_id(3))
    done = mailq()
    assert done.rc == 0
    assert [m["id"] for m in parse(done.out)] == [good]
    assert "passwd" not in done.err
    assert f"1 damaged file in {queue.path}/corrupt: see relay-queue(7)" in done.err
    assert f"2 damaged files, the first: {queue.path}/deferred/" in done.err
    assert queue.place(cut) == "deferred", "a list changes nothing"


def test_a_damaged_state_is_named_and_its_message_listed(mailq, queue):
    id = queue.put("deferred", reasons={"b@y.test": "later"})
    state = queue.path / "state" / id
    state.write_text(state.read_text()[:-2])
    done = mailq()
    assert [(m["id"], m["recipients"]) for m in parse(done.out)] == [(id, {"b@y.test": None})]
    assert f"1 damaged file, the first: {state}: it is cut" in done.err and done.rc == 0


def test_an_unfinished_message_is_not_listed(mailq, queue):
    id = queue.put("incoming")
    file = queue.file(id)
    file.write_bytes(file.read_bytes().replace(b"complete", b"writing ", 1))
    assert mailq().out == "Mail queue is empty\n"


def test_a_refused_folder_is_named(mailq, queue):
    queue.put("deferred")
    queue.path.chmod(0o755)
    done = mailq()
    assert done.rc == 75 and done.out == "" and len(done.err.splitlines()) == 1
    assert str(queue.path) in done.err


def test_all_accounts_queues_or_the_named_ones(run_sendmail, tmp_path):
    queues = {name: QueueFiles(tmp_path / name) for name in ("one", "two")}
    ids = {name: q.put("deferred") for name, q in queues.items()}
    same = tmp_path / "same"
    same.symlink_to(tmp_path / "one")
    rc = "".join(f"account {n}\nhost h.test\nqueue_directory {tmp_path}/{n}\n" for n in ("one", "two", "same"))
    assert {m["id"] for m in parse(run_sendmail([], rc=rc, name="mailq").out)} == set(ids.values())
    assert len(parse(run_sendmail([], rc=rc, name="mailq").out)) == 2, "one folder is listed once"
    assert [m["id"] for m in parse(run_sendmail(["-a", "two"], rc=rc, name="mailq").out)] == [ids["two"]]
    only = run_sendmail([f"--queue-directory={tmp_path}/two"], rc=rc, name="mailq")
    assert [m["id"] for m in parse(only.out)] == [ids["two"]]
    assert run_sendmail(["-a", "three"], rc=rc, name="mailq").rc == 78


def test_output_that_cannot_be_written_is_an_error(start, queue):
    for _ in range(3):
        queue.put("deferred")
    with open("/dev/full", "w") as full:
        process = start(["-bp"], f"account default\nhost h.test\nqueue_directory {queue.path}\n", stdout=full)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 74 and err == b"sendmail: standard output cannot be written to: it is not complete\n"


def test_who_reads_no_further_is_told_nothing(start, queue):
    """As head in: mailq | head"""
    queue.put("deferred")
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as closed:
        process = start(["-bp"], f"account default\nhost h.test\nqueue_directory {queue.path}\n", stdout=closed)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 74 and err == b""


def test_the_idiom_of_postfix_users(mailq, queue, relay):
    """Messages by sender, with awk's paragraphs, as in every postsuper example."""
    queue.put("deferred", "keep@x.test")
    ids = [queue.put("deferred", "gone@x.test", ["b@y.test", "c@y.test"], reasons={"b@y.test": "later"}),
           queue.put("hold", "gone@x.test")]
    awk = "tail -n +2 | awk 'BEGIN { RS = \"\" } $7 == \"gone@x.test\" { print $1 }' | tr -d '*!'"
    done = subprocess.run(awk, shell=True, input=mailq().stdout, capture_output=True)
    assert done.stdout.decode().split() == ids


@needs_strace
@pytest.mark.parametrize("count", [2000])
def test_figures_of_a_long_list(mailq, queue, tmp_path, count):
    """System calls: a few for each message; memory: a few bytes for each."""
    for i in range(count):
        queue.put("deferred", reasons={"b@y.test": "later"} if i % 2 else None)
    trace = tmp_path / "trace"
    done = mailq(under=("strace", "-c", "-o", trace), env=NO_LEAK_CHECK)
    assert len(parse(done.out)) == count
    total = next(int(line.split()[3]) for line in trace.read_text().splitlines() if line.endswith("total"))
    # Open, read and close: of each message, and of half the states.
    assert total <= 4.5 * count + 1000
