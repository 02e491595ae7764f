"""The notice that a message was queued instead of sent: on a terminal or with -v, one line: queue ID, why, next try."""
import os
import pty
import re
import time

import pytest

from lib.hostile import on, reply
from lib.machine import machine      # noqa: F401 (fixture)
from lib.queuefiles import QueueFiles

BODY = b"Subject: x\n\nhi\n"
BUSY, GONE = "450 4.2.1 busy", "550 5.1.1 gone"
WORK = "account work\nhost 127.0.0.1\nport 9\ntls off\nauth off\nfrom alice@work.test\n"
KEPT = r"sendmail: {}, kept in the queue as (\w{{15}}): {}\r?\n"


@pytest.fixture
def setup(scripted, relayrc, tmp_path):
    """setup(settings) -> (text of a relayrc, its queue)."""
    def make(settings=None):
        server = scripted(refuse={"busy@y.test": BUSY, "late@y.test": BUSY, "gone@y.test": GONE})
        return (relayrc(server, queue_directory=tmp_path / "queue", timeout=10, **(settings or {})), QueueFiles(tmp_path / "queue"))
    return make


@pytest.fixture
def on_terminal(start):
    def run(args, rc):
        """What a person reads on the terminal."""
        ours, theirs = pty.openpty()
        process = start(args, rc, stderr=theirs)
        os.close(theirs)
        process.communicate(BODY, timeout=20)
        said = b""
        try:
            while more := os.read(ours, 4096):
                said += more
        except OSError:     # nobody has the other end any more
            pass
        os.close(ours)
        return process.returncode, said.decode()
    return run


@pytest.mark.parametrize("recipients, words, status", [
    (["busy@y.test"], "not sent yet", 0), (["busy@y.test", "late@y.test"], "not sent yet", 0),
    (["good@y.test", "busy@y.test"], "not sent to busy@y.test yet", 0),
    (["busy@y.test", "gone@y.test", "good@y.test", "late@y.test"], "not sent to 2 of 4 recipients yet", 67)])
def test_a_terminal_shows_what_was_kept_and_until_when(setup, on_terminal, recipients, words, status):
    rc, queue = setup()
    code, said = on_terminal(["-f", "me@x.test", *recipients], rc)
    refused, kept = re.fullmatch(r"(sendmail: gone@y.test: not sent: .*\n)?(.*\n)", said).groups()
    assert (code, refused is not None) == (status, status != 0)
    next_try = rf"{BUSY}; next try by a queue run (?:on \w+ \d+ )?at \d\d:\d\d:(\d\d)"
    id, seconds = re.fullmatch(KEPT.format(words, next_try), kept).groups()
    assert queue.places() == {id: "deferred"}
    due = int(queue.state(id)["next"].split()[0])
    assert 200 < due - time.time() <= 340 and due % 60 == int(seconds)


@pytest.mark.parametrize("mode, words", [("-odq", "it was not tried; the next queue run sends it"),
                                         ("-odb", "it is being sent in the background")])
def test_what_was_not_tried_says_who_sends_it(setup, on_terminal, mode, words):
    rc, _ = setup()
    code, said = on_terminal([mode, "-f", "me@x.test", "good@y.test"], rc)
    assert code == 0 and re.fullmatch(KEPT.format("not sent yet", words), said)


@pytest.mark.parametrize("options, is_said", [([], False), (["-v"], True), (["-oeq"], False)])
def test_without_a_terminal_it_is_said_with_v_alone(setup, run_sendmail, options, is_said):
    rc, _ = setup()
    done = run_sendmail([*options, "-f", "me@x.test", "busy@y.test"], BODY, rc)
    assert done.rc == 0 and bool(re.search(KEPT.format("not sent yet", rf"{BUSY}; next .*"), done.err)) == is_said
    assert is_said or done.err == ""


def test_what_was_sent_is_no_news(setup, on_terminal):
    rc, queue = setup()
    assert on_terminal(["-f", "me@x.test", "good@y.test"], rc) == (0, "") and queue.places() == {}


def test_without_a_queue_nothing_was_kept(setup, on_terminal):
    rc, queue = setup({"queue": "off"})
    assert on_terminal(["-f", "me@x.test", "busy@y.test"], rc) == (75, f"sendmail: busy@y.test: not sent (try again later): {BUSY}\r\n")


@pytest.mark.parametrize("options, is_said", [([], False), (["-v"], True)])
def test_so_is_what_waits_for_the_service_of_the_machine(machine, options, is_said):
    """It is not there, and the message waits in the user's own queue."""
    here = machine()
    here.put("home/alice/.relayrc", WORK, owner="alice", mode=0o600)
    done = here.run([*options, "b@y.test"], BODY)
    text = r"sendmail: not sent yet, kept in your own queue as \w{15}: .*; next try by a queue run (at|on \w+ \d+ at) \d\d:\d\d:\d\d\n"
    assert done.returncode == 0 and bool(re.search(text, done.stderr.decode())) == is_said and (is_said or done.stderr == b"")
    early = here.run(["-q"])
    assert (early.stdout, early.stderr) == (b"", b"")


def test_the_reason_is_that_of_who_waits(machine, scripted):
    """Not that of another recipient, whom the service has refused."""
    here = machine()
    scripted(listen=f"unix:{here.root}/run/relay/submit", refuse={"gone@y.test": GONE}, extra=("XSUBMIT",),
             rules=[on("BODY", reply("450 4.7.1 later"))])
    (here.root / "run/relay/submit").chmod(0o666)
    here.put("home/alice/.relayrc", WORK, owner="alice", mode=0o600)
    lines = here.run(["-v", "gone@y.test", "b@y.test"], BODY).err.splitlines()
    said = [line for line in lines if line.startswith("sendmail: ")]
    assert re.match(r"sendmail: not sent yet, kept in your own queue as \w{15}: 450 4.7.1 later; next try by", said[0])
    assert said[1:] == [f"sendmail: gone@y.test: not sent: {GONE}"]
