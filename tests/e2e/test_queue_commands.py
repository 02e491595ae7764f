"""relay queue COMMAND: what a person does with the mail that waits."""
import os
import pty
import re
import subprocess
import time

import pytest

from lib.queuefiles import QueueFiles

ALL_COMMANDS = ("hold", "release", "retry", "delete")


@pytest.fixture
def queue(tmp_path):
    return QueueFiles(tmp_path / "queue")


@pytest.fixture
def rc_file(tmp_path, queue):
    file = tmp_path / "queue.rc"
    file.touch(0o600)
    file.write_text(f"account default\nhost h.test\nfrom a@x.test\nqueue_directory {queue.path}\n")
    return file


@pytest.fixture
def relay_queue(run_sendmail, rc_file):
    def run(*args, **options):
        return run_sendmail(["queue", "-C", rc_file, *args], name="relay", **options)
    return run


def lines_of(done):
    return sorted(done.out.splitlines())


def test_list_is_mailq(relay_queue, run_sendmail, rc_file, queue):
    queue.put("deferred")
    assert relay_queue("list").out == run_sendmail(["-C", rc_file], name="mailq").out
    assert relay_queue("--json", "list").out == run_sendmail(["-C", rc_file, "--json"], name="mailq").out


# -- moving ------------------------------------------------------------------------------

@pytest.mark.parametrize("command, start, end, said", [
    ("hold", "incoming", "hold", "held"),
    ("hold", "deferred", "hold", "held"),
    ("release", "hold", "deferred", "released"),
    ("retry", "incoming", "incoming", "requeued"),
    ("retry", "deferred", "deferred", "requeued"),
    ("retry", "failed", "deferred", "requeued"),
    ("delete", "incoming", None, "deleted"),
    ("delete", "deferred", None, "deleted"),
    ("delete", "hold", None, "deleted"),
    ("delete", "failed", None, "deleted"),
])
def test_what_a_command_does(relay_queue, queue, command, start, end, said):
    id, other = queue.put(start), queue.put(start)
    content = queue.file(id).read_bytes()
    done = relay_queue(command, id)
    assert (done.rc, done.out, done.err) == (0, f"{id}: {said}\n", "")
    assert queue.place(id) == end and queue.place(other) == start
    assert end is None or queue.file(id).read_bytes() == content


@pytest.mark.parametrize("command, place, text", [
    ("hold", "hold", "on hold"), ("hold", "failed", "relay queue retry"),
    ("release", "deferred", "not on hold"), ("release", "incoming", "not on hold"),
    ("release", "failed", "relay queue retry"), ("retry", "hold", "relay queue release"),
])
def test_the_wrong_place_is_refused(relay_queue, queue, command, place, text):
    id, good = queue.put(place), queue.put("hold" if command == "release" else "deferred")
    done = relay_queue(command, id, good)
    assert done.rc == 64 and queue.place(id) == place
    assert done.err.startswith(f"relay queue: {id}: ") and text in done.err and len(done.err.splitlines()) == 1
    assert done.out.startswith(f"{good}: "), "the others are done"


def test_delete_takes_the_state_too(relay_queue, queue):
    id = queue.put("deferred", reasons={"b@y.test": "later"})
    assert relay_queue("delete", id).rc == 0
    assert queue.state(id) is None and queue.places() == {}


def test_a_damaged_message_can_be_deleted_by_its_id_only(relay_queue, queue):
    ids = [queue.new_id(5), queue.new_id(6)]
    queue.folder("corrupt").joinpath(ids[0]).write_text("junk")
    queue.folder("deferred").joinpath(ids[1]).write_text("junk")
    done = relay_queue("delete", "ALL")
    assert queue.places().get(ids[0]) == "corrupt", "ALL leaves what was set aside"
    assert relay_queue("hold", ids[0]).rc == 64
    done = relay_queue("delete", ids[0])
    assert (done.rc, done.out) == (0, f"{ids[0]}: deleted\n")
    assert ids[0] not in queue.places()
    assert relay_queue("delete", ids[0]).rc == 66


def test_hold_sets_a_damaged_file_aside_and_says_so(relay_queue, queue):
    id = queue.put("deferred", size=1000)
    done = relay_queue("hold", id)
    assert done.rc == 65 and id in done.err and "damaged" in done.err
    assert queue.place(id) == "corrupt"


def test_retry_makes_it_due(relay_queue, queue):
    later = int(time.time()) + 3000
    id = queue.put("deferred", recipients=["b@y.test", "c@y.test"], reasons={"b@y.test": "450 later"},
                   status={"c@y.test": "sent"}, attempts=4, next_try=later)
    assert queue.state(id)["next"].startswith(str(later))
    assert relay_queue("retry", id).rc == 0
    state = queue.state(id)
    assert state["next"].split()[0] == "0" and state["attempts"] == "4"
    assert state["recipient 1"].startswith("waiting") and state["recipient 2"].startswith("sent")


def test_retry_of_a_failed_message_is_a_new_life(relay_queue, queue):
    to = ["refused@y.test", "told@y.test", "sent@y.test"]
    arrival = int(time.time()) - 864000
    id = queue.put("failed", recipients=to, arrival=arrival, attempts=99,
                   status={to[0]: "refused", to[1]: "refused told", to[2]: "sent"}, reasons={to[0]: "550 no"})
    before = int(time.time())
    assert relay_queue("retry", id).rc == 0
    assert queue.place(id) == "deferred"
    state = queue.state(id)
    assert [state[f"recipient {i}"].split()[0] for i in (1, 2, 3)] == ["waiting", "waiting", "sent"]
    assert "told" not in state["recipient 2"]
    assert int(state["since"].split()[0]) >= before, "its lifetime begins again"
    assert (state["attempts"], state["next"].split()[0]) == ("0", "0")


def test_a_state_is_on_disk_before_its_message_is_deferred_again(relay_queue, queue, tmp_path):
    """Else a crash could leave refused recipients in deferred/: nobody waits there, and the message would be removed."""
    id = queue.put("failed", status={"b@y.test": "refused"})
    queue.folder("deferred")
    trace = tmp_path / "trace"
    try:
        done = relay_queue("retry", id, under=("strace", "-o", trace, "-e", "trace=rename,renameat,renameat2,fsync"),
                           env={"ASAN_OPTIONS": "detect_leaks=0"})
    except FileNotFoundError:
        pytest.skip("there is no strace")
    assert done.rc == 0
    calls = re.findall(r"^(fsync|rename)", trace.read_text(), re.M)
    # State: file, its new name, its folder. Message: its new name, its folder.
    assert calls == ["fsync", "rename", "fsync", "rename", "fsync"]


# -- which messages ----------------------------------------------------------------------

def test_ids_may_be_cut_short(relay_queue, queue):
    first = queue.put("deferred", arrival=1_700_000_000)
    second = queue.put("deferred", arrival=1_700_000_000)
    far = queue.put("deferred", arrival=1_600_000_000)
    done = relay_queue("hold", far[:4], first[-5:].lower())
    assert (done.rc, lines_of(done)) == (0, sorted([f"{far}: held", f"{first}: held"]))
    assert relay_queue("release", f"{far}!").out == f"{far}: released\n", "as mailq prints it"
    done = relay_queue("hold", first[:6])
    assert done.rc == 64 and first in done.err and second in done.err, done.err
    assert queue.place(second) == "deferred"


def test_an_unknown_id_and_the_others_are_done(relay_queue, queue):
    ids = [queue.put("deferred"), queue.put("deferred")]
    done = relay_queue("hold", ids[0], queue.new_id(1), "nosuch", "../deferred/x", ids[1])
    assert done.rc == 66 and done.out == "".join(f"{id}: held\n" for id in ids)
    assert len(done.err.splitlines()) == 3 and "nosuch: there is no such message" in done.err


def test_a_busy_message_is_left_alone(relay_queue, queue):
    busy, free = queue.put("deferred"), queue.put("deferred")
    with queue.locked(busy):
        for command in ("hold", "retry", "delete"):
            done = relay_queue(command, busy)
            assert done.rc == 75 and done.out == "" and "another process" in done.err and busy in done.err
        done = relay_queue("delete", "ALL")
        assert done.rc == 75 and done.out == "deleted 1 message\n"
    assert queue.places() == {busy: "deferred"}
    assert queue.state(busy) is None


@pytest.mark.parametrize("command, places, done", [
    ("hold", ("incoming", "deferred"), "held"), ("release", ("hold",), "released"),
    ("retry", ("incoming", "deferred", "failed"), "requeued"),
    ("delete", ("incoming", "deferred", "hold", "failed"), "deleted"),
])
def test_all(relay_queue, queue, command, places, done):
    ids = {p: [queue.put(p) for _ in range(2)] for p in ("incoming", "deferred", "hold", "failed")}
    said = relay_queue(command, "ALL")
    assert (said.rc, said.out, said.err) == (0, f"{done} {2 * len(places)} messages\n", "")
    for place, those in ids.items():
        if place not in places:
            assert all(queue.place(id) == place for id in those)
    if command != "retry":
        assert relay_queue(command, "ALL").out == f"{done} 0 messages\n"


def test_ids_from_standard_input(relay_queue, queue):
    ids = [queue.put("deferred") for _ in range(5)]
    text = f"{ids[0]}\n\n  {ids[1]}*\r\n{ids[2]}!\n{ids[3]}#".encode()
    done = relay_queue("delete", "-", stdin=text)
    assert (done.rc, lines_of(done)) == (0, sorted(f"{id}: deleted" for id in ids[:4]))
    assert queue.places() == {ids[4]: "deferred"}
    for nothing in (b"", b"\n\n"):
        done = relay_queue("delete", "-", stdin=nothing)
        assert (done.rc, done.out) == (0, ""), "no ID is not all of them"
    assert queue.places() == {ids[4]: "deferred"}


def test_the_idiom_of_postfix_users(relay, queue, rc_file, environment, tmp_path):
    """mailq | awk | relay queue delete -, as with postsuper."""
    keep = queue.put("deferred", "keep@x.test")
    for place in ("deferred", "hold", "failed"):
        queue.put(place, "gone@x.test", ["b@y.test", "c@y.test"], reasons={"b@y.test": "450 later"})
    for name in ("mailq", "relay"):
        (tmp_path / name).symlink_to(relay)
    done = subprocess.run(
        f"./mailq -C {rc_file} | tail -n +2 | awk 'BEGIN {{ RS = \"\" }} $7 == \"gone@x.test\" {{ print $1 }}' |"
        f" ./relay queue -C {rc_file} delete -", shell=True, cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0 and done.stdout.count(b": deleted\n") == 3, done.stderr
    assert queue.places() == {keep: "deferred"}


def test_many_ids_do_not_read_the_folder_for_each(relay_queue, queue):
    ids = [queue.put("deferred") for _ in range(1000)]
    start = time.monotonic()
    done = relay_queue("hold", "-", stdin="\n".join(ids + [queue.new_id(1) for _ in range(1000)]).encode())
    assert done.rc == 66 and done.out.count(": held\n") == 1000
    assert time.monotonic() - start < 10


# -- looking -----------------------------------------------------------------------------

MESSAGE = b"Subject: x\r\nX-Long: " + b"y" * 70000 + b"\r\n\r\n.\r\nline \xff\xfe\r\n" + b"z" * 300000 + b"\r\n"


@pytest.mark.parametrize("place", ["incoming", "deferred", "hold", "failed"])
def test_export_gives_the_message_byte_for_byte(relay_queue, queue, place):
    id = queue.put(place, message=MESSAGE)
    done = relay_queue("export", id[:9])
    assert (done.rc, done.err) == (0, "")
    assert done.stdout == MESSAGE.replace(b"\r\n", b"\n")


def test_show(relay_queue, queue):
    arrival = 1784638946
    to = ["b@y.test", "c@y.test", "d@y.test"]
    id = queue.put("deferred", "a@x.test", to, MESSAGE, arrival, "work", {to[1]: "sent", to[2]: "refused told"},
                   {to[0]: "450 4.2.0 later", to[2]: "550 5.1.1 no"}, 3, arrival + 60, arrival + 660,
                   head="config: /etc/other\nsetting: port=2525\nenvid: some id\nnotify: failure,delay\nreturn: headers\n")
    done = relay_queue("show", id, env={"TZ": "UTC-9"})
    assert (done.rc, done.err) == (0, "")
    head, blank, message = done.stdout.partition(b"\n\n")
    assert message == MESSAGE.replace(b"\r\n", b"\n")
    values = [tuple(line.split(":", 1)) for line in head.decode().splitlines()]
    assert all(v[0] == " " for _, v in values)
    assert [(k, v.strip()) for k, v in values] == [
        ("Queue ID", id), ("Queue", "deferred: for the next queue run"), ("Arrived", "Tue, 21 Jul 2026 22:02:26 +0900"),
        ("Size", f"{len(MESSAGE)} bytes"), ("Account", "work"), ("Configuration", "/etc/other"), ("Setting", "port 2525"),
        ("Envelope ID", "some id"), ("Reports on", "failure, delay"), ("Reports give", "the header"),
        ("Attempts", "3"), ("Last attempt", "Tue, 21 Jul 2026 22:03:26 +0900"),
        ("Next attempt", "Tue, 21 Jul 2026 22:13:26 +0900"), ("Sender", "<a@x.test>"),
        ("Recipient", "<b@y.test> waits: 450 4.2.0 later"), ("Recipient", "<c@y.test> sent"),
        ("Recipient", "<d@y.test> refused; the sender was told: 550 5.1.1 no")]


@pytest.mark.parametrize("notify,said", [("never", "no report is wanted"), ("delay,success", "no report is wanted"),
                                         ("failure", "the sender was told")])
def test_show_says_who_was_told_of_a_refusal(relay_queue, queue, notify, said):
    to = ["b@y.test", "c@y.test"]
    id = queue.put("deferred", recipients=to, status={to[0]: "refused told"}, head=f"notify: {notify}\n")
    assert f"Recipient:     <b@y.test> refused; {said}\n" in relay_queue("show", id).out


def test_show_of_a_message_that_is_being_delivered(relay_queue, queue):
    id = queue.put("incoming")
    with queue.locked(id):
        assert relay_queue("show", id).rc == 0
        assert relay_queue("export", id).out == "Subject: x\n\nhi\n"


def test_show_of_what_is_not_there_or_damaged(relay_queue, queue):
    assert relay_queue("show", "nosuch").rc == 66
    id = queue.put("deferred", size=5)
    for command in ("show", "export"):
        done = relay_queue(command, id)
        assert done.rc == 65 and id in done.err and done.out == ""
    assert queue.place(id) == "deferred", "looking changes nothing"


def on_terminal(argv, env):
    """The bytes that a terminal would be given."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(argv, stdout=follower, stderr=subprocess.PIPE, env=env)
    os.close(follower)
    seen = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(leader)
    assert process.wait(20) == 0, process.stderr.read()
    process.stderr.close()
    return seen


def test_no_mail_can_command_the_terminal(relay, queue, rc_file, environment, tmp_path):
    (tmp_path / "relay").symlink_to(relay)
    id = queue.put("deferred", account="\u009b2J", message="Subject: \x1b]0;t\x07\tx\r\n\r\nh\u00e9 \x9b1m\u202e\r\n"
                   .encode() + b"\x1b" * 70000 + b"\r\n", reasons={"b@y.test": "\u009b3J"})
    shown = on_terminal([tmp_path / "relay", "queue", "-C", rc_file, "show", id], environment)
    text = shown.decode()
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert "h\u00e9" in text and "\tx" in text


# -- the command line --------------------------------------------------------------------

@pytest.mark.parametrize("args", [
    [], ["frob"], ["list", "x"], ["show"], ["show", "a", "b"], ["show", "ALL"], ["export"], ["hold"], ["delete"],
    ["delete", "ALL", "x"], ["--json", "hold", "x"], ["--now", "hold", "x"], ["-t", "list"], ["-q", "list"],
    ["--frob", "list"], ["delete", "--all"],
    # What sendmail passes over, or takes for a message.
    ["delete", "-n", "ALL"], ["delete", "-i", "ALL"], ["-x", "retry", "ALL"], ["hold", "ALL", "-oi"], ["flush", "-f", "a@x.test"],
    ["delete", "-Fx", "ALL"], ["delete", "-odq", "ALL"], ["release", "-oem", "ALL"], ["-V1", "list"],
])
def test_a_wrong_command_line_changes_nothing(relay_queue, queue, args):
    queue.put("deferred")
    done = relay_queue(*args)
    assert done.rc == 64 and done.out == "" and len(done.err.splitlines()) == 1
    assert done.err.startswith("relay queue: ")
    assert list(queue.places().values()) == ["deferred"]


@pytest.mark.parametrize("command", ALL_COMMANDS)
def test_an_empty_queue(relay_queue, tmp_path, command):
    assert relay_queue(command, "ALL").rc == 0
    assert relay_queue(command, "x").rc == 66
    done = relay_queue(command, "")
    assert done.rc == 66 and done.err == "relay queue: an ID is empty\n"


def test_a_refused_folder_is_named_and_not_touched(relay_queue, queue):
    id = queue.put("deferred")
    queue.path.chmod(0o777)
    for command in ("list", "hold", "delete"):
        done = relay_queue(command, *([] if command == "list" else ["ALL"]))
        assert done.rc == 75 and str(queue.path) in done.err and len(done.err.splitlines()) == 1
    assert queue.place(id) == "deferred"


# -- with the rest of the program --------------------------------------------------------

def test_from_queueing_to_delivery(scripted, relayrc, run_sendmail, queue):
    """What is queued with -odq can be held, is then not sent, and after its release is."""
    server = scripted()
    rc = relayrc(server, queue_directory=queue.path)

    def call(*args, name=None, stdin=b""):
        return run_sendmail(args, stdin, rc, name=name)
    for i in range(2):
        assert call("-odq", "b@y.test", stdin=b"Subject: %d\n\nhi\n" % i).rc == 0
    ids = re.findall(r"^[0-9A-Z]{15}", call(name="mailq").out, re.M)
    assert len(ids) == 2

    def relay_queue(*args):
        return run_sendmail(["queue", f"--file={queue.path.parent}/relayrc", *args], name="relay")
    shown = relay_queue("export", ids[0])
    assert b"Subject: 0\n" in shown.stdout and b"\r" not in shown.stdout
    assert relay_queue("hold", ids[0]).rc == 0
    assert relay_queue("flush", "--now").rc == 0
    assert queue.places() == {ids[0]: "hold"}
    assert relay_queue("release", ids[0]).rc == 0
    assert relay_queue("flush", "--now", ids[0]).rc == 0
    assert queue.places() == {}
    server.settle()
    assert server.violations == []
    assert len(server.messages) == 2
