"""A service of the machine that is not there, or does not do what it should: the mail of a user without an account stays with its caller,
with a line that says why; that of one who has accounts waits in his own queue.  Never lost, never given twice to who has it."""
import os
import re
import socket
import threading

import pytest

from lib.hostile import close, flood_lines, on, part_then_close, reply
from lib.machine import RC, USERS, machine, short     # noqa: F401
from lib.queuefiles import QueueFiles

LETTER = b"Subject: x\n\nhi\n"
WORK = "account work\nhost 127.0.0.1\nport 9\ntls off\nauth off\nfrom alice@work.test\n"
TO = ["b@far.test", "c@far.test"]


def nothing(here):
    pass


def no_folder(here):
    os.rmdir(here.root / "run/relay")


def a_file(here):
    here.put("run/relay/submit", "x", mode=0o666)


def a_folder(here):
    here.directory("run/relay/submit")


def a_link_to_nothing(here):
    os.symlink("/nowhere", here.root / "run/relay/submit")


def a_link_to_itself(here):
    os.symlink("submit", here.root / "run/relay/submit")


def a_link_to_a_file(here):
    os.symlink("/etc/passwd", here.root / "run/relay/submit")


def nobody_listens(here):
    here.serve()
    here.stop()


def a_closed_folder(here):
    here.serve()
    here.directory("run/relay", mode=0o700)


def a_closed_socket(here):
    here.serve()
    (here.root / "run/relay/submit").chmod(0o600)


START, OPEN = "start it (systemctl start relay-submit.socket", "open to everybody, as systemctl restart relay-submit.socket makes it"
PLACES = [(nothing, 78, START), (no_folder, 78, START), (a_link_to_nothing, 78, START), (a_file, 75, START), (nobody_listens, 75, START),
          (a_link_to_itself, 75, START), (a_folder, 75, OPEN), (a_link_to_a_file, 75, OPEN), (a_closed_folder, 75, OPEN), (a_closed_socket, 75, OPEN)]


def flushed(here, scripted, why):
    """What waits in alice's own queue arrives once, with a service that works."""
    own = QueueFiles(here.root / "home/alice/.local/state/relay/queue")
    assert list(own.places().values()) == ["deferred"]
    assert why in here.run([], name="mailq").out.replace("\n", " ")
    here.directory("run/relay")
    path = here.root / "run/relay/submit"
    if path.is_dir():
        path.rmdir()
    server = scripted()
    here.configure(RC.format(host=server.host, port=server.port))
    here.serve()
    assert here.run(["-qf"]).rc == 0 and own.places() == {}
    assert [m.accepted for m in server.settle().messages] == [TO]


@pytest.mark.parametrize("place, status, words", PLACES, ids=lambda p: getattr(p, "__name__", None))
def test_the_place_of_the_socket(machine, scripted, place, status, words):
    here = machine()
    place(here)
    for name, args in ("sendmail", TO), ("mailq", []):
        done = here.run(args, LETTER, name=name)
        assert done.rc == status and done.err.startswith(f"{name}: ") and done.err.count("\n") == 1 and words in done.err
    here.put("home/alice/.relayrc", WORK, owner="alice", mode=0o600)
    done = here.run(TO, LETTER)
    assert (done.rc, done.err) == (0, "")
    flushed(here, scripted, "cannot connect to socket /run/relay/submit: ")


# -- what it says ----------------------------------------------------------------------------------------------------------

LATER, PERHAPS = "not sent (try again later): ", "perhaps sent: "
SAYINGS = {
    "554": ("CONNECT", reply("554 5.3.2 no"), 75, LATER + "the service of the machine: 554 5.3.2 no"),
    "hello": ("GREETING", reply("hello"), 75, LATER + 'the service of the machine: the server\'s reply is not SMTP: "hello"'),
    "ssh": ("GREETING", reply("SSH-2.0-x"), 75, LATER + "the service of the machine: "),
    "http": ("EHLO", reply("HTTP/1.1 400 Bad"), 75, LATER + "the service of the machine: "),
    "MAIL 5": ("MAIL", reply("550 5.7.1 no"), 69, "not sent: 550 5.7.1 no"),
    "MAIL 4": ("MAIL", reply("450 4.7.1 no"), 75, LATER + "450 4.7.1 no"),
    "MAIL configuration": ("MAIL", reply("451 4.3.5 no"), 78, "not sent: 451 4.3.5 no"),
    "MAIL 421": ("MAIL", reply("421 4.7.1 no"), 75, LATER + "the service of the machine: 421 4.7.1 no"),
    "MAIL close": ("MAIL", close("fin"), 75, PERHAPS), "RCPT close": ("RCPT", close("fin"), 75, PERHAPS),
    "END close": ("BODY", close("fin"), 75, PERHAPS + "the service of the machine: the whole message was sent, but no answer came: "),
    "END reset": ("BODY", close("rst"), 75, PERHAPS), "END part": ("BODY", part_then_close(4), 75, PERHAPS),
    "END nonsense": ("BODY", reply("hm"), 75, PERHAPS), "END flood": ("BODY", flood_lines(), 75, PERHAPS),
    "END 4": ("BODY", reply("450 4.7.1 no"), 75, LATER + "450 4.7.1 no"), "END 421": ("BODY", reply("421 4.7.1 no"), 75, LATER),
    "result": ("BODY", reply("450-4.0.0 no\n450-4.0.0 |b: la\n450-4.0.0 +ter\n450-4.0.0 |c: later\n450 4.0.0 75 0"), 75, "b: later\nsendmail: c: later"),
    "result without lines": ("BODY", reply("450-4.0.0 no\n450 4.0.0 75 0"), 75, LATER + "450 4.0.0 no"),
    "a number too large": ("BODY", reply("450-4.0.0 no\n450 4.0.0 999 0"), 75, LATER), "no number": ("BODY", reply("450-4.0.0 no\n450 4.0.0 |75 0"), 75, LATER),
    "not one of ours": ("BODY", reply("450-4.0.0 no\n450-4.0.0 +\x1b[1mb\n450-4.0.0 what\n450 4.0.0 75 0"), 75, LATER),
}


def service(here, scripted, event, action):
    fake = scripted(listen=f"unix:{here.root}/run/relay/submit", rules=[on(event, action, nth=None)], extra=("XSUBMIT",))
    (here.root / "run/relay/submit").chmod(0o666)
    return fake


@pytest.mark.parametrize("name", SAYINGS)
def test_what_it_says(machine, scripted, name):
    event, action, status, words = SAYINGS[name]
    here = machine()
    fake = service(here, scripted, event, action)
    done = here.run(TO, LETTER)
    assert done.rc == status and done.err.startswith("sendmail: " + words) and "\x1b" not in done.err
    assert done.err.count("\n") == 1 + words.count("\n")
    here.put("home/alice/.relayrc", WORK, owner="alice", mode=0o600)
    done = here.run(TO, LETTER)
    if "5" in name and status != 75:
        assert done.rc == status and done.err.startswith("sendmail: " + words)
        return
    assert (done.rc, done.err) == (0, "")
    fake.settle()
    flushed(here, scripted, "the whole message was sent, but no answer came" if words.startswith(PERHAPS) else "(")


@pytest.mark.parametrize("text, status, err", [
    ("250-2.0.0 Ok: queued as ID\n250-2.0.0 |aliases:3: odd\n250 2.0.0 0 1", 0, "sendmail: aliases:3: odd\n"),
    ("450-4.0.0 no\n450-4.0.0 |c: later\n450 4.0.0 75 1", 75, "sendmail: c: later\n"),
    ("550-5.1.1 no\n550-5.1.1 |c: no\n550 5.1.1 67 1", 67, "sendmail: c: no\n"), ("550-5.1.1 no\n550-5.1.1 |c: no\n550 5.1.1 0 0", 0, "sendmail: c: no\n")])
def test_who_has_it_does_not_get_it_twice(machine, scripted, text, status, err):
    """Also not from the own queue, when the service keeps nothing for the others."""
    here = machine()
    service(here, scripted, "BODY", reply(text))
    here.put("home/alice/.relayrc", WORK, owner="alice", mode=0o600)
    done = here.run(TO, LETTER)
    assert (done.rc, done.err) == (status, err)
    assert QueueFiles(here.root / "home/alice/.local/state/relay/queue").places() == {}


def test_a_client_of_ones_own_bs_does_not_double_it_either(machine, scripted):
    server = scripted(refuse={"c@far.test": "450 4.2.1 later"})
    here = machine(server, more="queue off\n")
    here.serve()
    here.put("home/alice/.relayrc", WORK, owner="alice", mode=0o600)
    dialogue = b"EHLO me\nMAIL FROM:<alice>\nRCPT TO:<b@far.test>\nRCPT TO:<c@far.test>\nDATA\nSubject: x\n\nhi\n.\nQUIT\n"
    said = here.run(["-bs"], dialogue).out
    assert "\n450 4.2.1 <c@far.test>: 450 4.2.1 later (1 of 2 recipients have it)\r\n" in said
    assert QueueFiles(here.root / "home/alice/.local/state/relay/queue").places() == {}
    assert [m.accepted for m in server.settle().messages] == [["b@far.test"]]


@pytest.mark.parametrize("name, shown", [("An Author", "An Author"), ("x" * 500, "")])
def test_minus_f_waits_too(machine, name, shown):
    here = machine()
    here.put("home/alice/.relayrc", WORK, owner="alice", mode=0o600)
    assert here.run(["-F", name, "b@far.test"], b"Subject: x\n\n" + b"0123456789\n" * 20000).rc == 0
    own = QueueFiles(here.root / "home/alice/.local/state/relay/queue")
    [id] = own.places()
    text = own.file(id).read_text()
    assert f"\nSubject: x\nFrom: {shown}" in text and text.endswith("\n0123456789\n") and " <alice>\n" in text
    size = int(re.match(r"relay-queue 1 complete size=(\d+) ", text)[1])
    assert own.file(id).read_bytes().partition(b"\n\n")[2].__len__() == size


@pytest.mark.parametrize("way", ["close", "421"])
def test_one_that_is_full_for_a_moment(machine, scripted, way):
    here = machine()
    fake = scripted(listen=f"unix:{here.root}/run/relay/submit", extra=("XSUBMIT",),
                    rules=[on("CONNECT", close("fin") if way == "close" else reply("421 4.3.2 full"), conn=0)])
    (here.root / "run/relay/submit").chmod(0o666)
    done = here.run(TO, LETTER)
    assert (done.rc, done.err) == (0, "") and len(fake.settle().messages) == 1 and len(fake.connections) == 2


def test_one_that_dies_with_the_message(machine, scripted):
    """The process of the service, while the provider thinks: what it has begun it ends, and nothing is lost."""
    thinking, go_on = threading.Event(), threading.Event()

    def think(session, normal):
        thinking.set()
        assert go_on.wait(20)
        return reply(normal)(session, normal)
    server = scripted(rules=[on("BODY", think)])
    here = machine(server)
    running = here.serve()
    results = []
    caller = threading.Thread(target=lambda: results.append(here.run(TO, LETTER)))
    caller.start()
    assert thinking.wait(20)
    running.running[0].kill()
    caller.join(20)
    go_on.set()
    [done] = results
    assert done.rc == 75 and re.match(r"sendmail: perhaps sent: the service of the machine: .*\n\Z", done.err)
    here.run(["-qf"], user="root")
    assert len(server.settle().messages) == 1
