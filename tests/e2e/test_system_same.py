"""A call through the service of the machine is the same call: exit status, what is said on standard error, who gets it, and the
reports. Each is made twice: by root, who sends directly with /etc/relayrc, and by alice, over /run/relay/submit."""
import fcntl
import os
import re
import time
from email import message_from_bytes
from email.header import decode_header, make_header

import pytest

from lib.hostile import call, close, on
from lib.machine import machine     # noqa: F401

LETTER = b"To: b@far.test\nSubject: x\n\nhi\n"
REFUSALS = {
    "none@far.test": "550 5.1.1 no such user", "bad@far.test": "553 5.1.3 bad address syntax", "plain@far.test": "550 no",
    "full@far.test": "552 5.2.2 mailbox full", "big@far.test": "552 5.3.4 too big for this one", "args@far.test": "501 5.5.4 bad arguments",
    "body@far.test": "554 5.6.0 cannot be converted", "policy@far.test": "550 5.7.1 relaying denied", "old@far.test": "552 no room",
    "later@far.test": "450 4.2.1 try again later", "busy@far.test": "452 4.3.1 busy", "utf@far.test": "550 5.1.1 ünknown",
}
ID = re.compile(r"\b[0-9A-HJ-NP-Y]{15}\b")


def is_busy(file):
    """A process in the background sends it."""
    try:
        with file.open() as claimed:
            fcntl.flock(claimed, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def flush(here):
    """Until there is nothing left but what the server does not take."""
    deadline = time.monotonic() + 20
    while here.queue.places():
        here.run(["-qf"], user="root")
        left = here.queue.places()
        if "incoming" not in left.values() and not any(is_busy(here.queue.path / place / id) for id, place in left.items()):
            break
        assert time.monotonic() < deadline
        time.sleep(0.02)


def twice(here, server, args, stdin=LETTER, **more):
    """-> (status, lines, who got it, how many reports) of the direct call and of the one by the service."""
    results = []
    for user in "root", "alice":
        before = len(server.settle().messages)
        done = here.run(args, stdin, user=user, **more)
        flush(here)
        new = server.settle().messages[before:]
        letters = [(m.accepted, [p.get("NOTIFY") for p in m.rcpt_params], m.mail_params.get("RET"), m.mail_params.get("ENVID"))
                   for m in new if m.sender]
        err = ID.sub("ID", re.sub(r"(on \w+ \d+ )?at \d\d:\d\d:\d\d", "THEN", done.err))
        for place in here.queue.places():
            here.run(["queue", "delete", place], name="relay", user="root")
        results.append((done.rc, err, done.out, letters, len(new) - len(letters)))
    return results


def same(here, server, args, stdin=LETTER, **more):
    direct, handed = twice(here, server, args, stdin, **more)
    assert handed == direct
    for line in direct[1].splitlines():
        assert line.startswith("sendmail: ")
    return direct


@pytest.fixture
def both(machine, scripted):
    def make(more="", **options):
        server = scripted(**options)
        here = machine(server, more=more)
        here.serve()
        return here, server
    return make


# -- who is refused --------------------------------------------------------------------------------------------------------

MODES = ["-oep", "-oem", "-oew", "-oee", "-oeq"]
MIXES = [[name] for name in REFUSALS] + [
    ["none@far.test", "b@far.test"], ["none@far.test", "policy@far.test", "utf@far.test"], ["policy@far.test", "later@far.test", "b@far.test"],
    ["later@far.test", "busy@far.test"], ["big@far.test", "body@far.test", "args@far.test"], ["later@far.test", "b@far.test"]]


@pytest.mark.parametrize("more", ["", "queue off\n"], ids=["queue", "no-queue"])
def test_recipients_that_are_refused(both, more):
    here, server = both(more, refuse=REFUSALS)
    for mix in MIXES:
        same(here, server, mix)


@pytest.mark.parametrize("mode", MODES)
def test_who_is_told_of_refusals(both, mode):
    """-oe: by lines, by a report, by both, and the exit status."""
    here, server = both(refuse=REFUSALS)
    for mix in ["none@far.test"], ["none@far.test", "b@far.test"], ["policy@far.test", "none@far.test"], ["later@far.test", "full@far.test"]:
        same(here, server, [mode, *mix])


@pytest.mark.parametrize("mode", MODES)
def test_who_is_told_without_a_queue(both, mode):
    here, server = both("queue off\n", refuse=REFUSALS)
    for mix in ["none@far.test"], ["none@far.test", "b@far.test"], ["later@far.test", "full@far.test"]:
        same(here, server, [mode, *mix])


def test_all_of_many_are_named(both):
    names = [f"n{i}@far.test" for i in range(100)]
    here, server = both(refuse={name: "550 5.1.1 no such user here" for name in names})
    status, err, *_ = same(here, server, ["b@far.test", *names])
    assert status == 67 and all(f"sendmail: {name}: not sent: 550 5.1.1 no such user here\n" in err for name in names)


def test_more_than_a_reply_can_say(both):
    """The status, and as many lines as there is room for."""
    names = [f"n{i}@far.test" for i in range(2000)]
    here, server = both(refuse={name: "550 5.1.1 no such user here" for name in names})
    direct, handed = twice(here, server, names)
    lines = handed[1].splitlines()
    assert handed[0] == direct[0] == 67 and len(lines) > 200 and lines[:-1] == direct[1].splitlines()[:len(lines) - 1]
    assert lines[-1] == f"sendmail: {2000 - len(lines) + 1} more lines are left out here"


ENDS = ["550 5.1.1 nobody", "550 5.2.2 full", "552 5.3.4 too big", "554 5.5.1 commands", "554 5.6.0 content", "550 5.7.1 policy", "554 5.7.1 spam",
        "552 too big", "550 no", "554 no", "571 no", "451 4.3.0 later", "421 4.3.2 closing", "452 4.3.1 disk"]


@pytest.mark.parametrize("event", ["MAIL", "BODY"])
@pytest.mark.parametrize("more", ["", "queue off\n"], ids=["queue", "no-queue"])
def test_the_message_is_refused(both, event, more):
    said = []
    here, server = both(more, rules=[on(event, call(lambda session, normal: said[-1]), nth=None)])
    for text in ENDS:
        said.append(text)
        same(here, server, ["b@far.test", "c@far.test"])


@pytest.mark.parametrize("event", ["CONNECT", "EHLO", "MAIL", "BODY"])
@pytest.mark.parametrize("more", ["", "queue off\n"], ids=["queue", "no-queue"])
def test_the_provider_hangs_up(both, event, more):
    here, server = both(more, rules=[on(event, close("fin"), nth=None)])
    same(here, server, ["b@far.test", "c@far.test"])


def test_a_login_that_is_refused(both):
    here, server = both("queue off\nauth plain\nauth_cleartext on\nuser u\npassword wrong\n", auth=["PLAIN"])
    assert same(here, server, ["b@far.test"])[0] == 75


# -- the call --------------------------------------------------------------------------------------------------------------

HEAD = b"From: a@far.test\nSubject: x\n"
CALLS = {
    "t": (["-t"], LETTER), "t and more": (["-t", "c@far.test"], LETTER), "t nobody": (["-t"], b"Subject: x\n\nhi\n"),
    "t bcc": (["-t"], b"Bcc: c@far.test\nSubject: x\n\nhi\n"), "t bad": (["-t"], b"To: b@far..test\nSubject: x\n\nhi\n"),
    "t group": (["-t"], b"To: undisclosed-recipients:;\nSubject: x\n\nhi\n"), "t null": (["-t"], b"To: <>\n\nhi\n"),
    "t resent": (["-t"], b"Resent-To: r@far.test\n" + LETTER), "nobody": ([], LETTER), "bad": (["b@far..test"], LETTER), "space": (["b c@far.test"], LETTER),
    "empty recipient": ([""], LETTER), "null": (["<>"], LETTER), "long": (["x" * 300 + "@far.test"], LETTER), "long domain": (["x@" + "far." * 80 + "test"], LETTER),
    "control": (["b\x01@far.test"], LETTER), "newline": (["b@far.test\nRCPT TO:<x@far.test>"], LETTER), "quoted": (['"b c"@far.test'], LETTER),
    "twice": (["b@far.test", "b@far.test", "B@far.test"], LETTER), "list": (["b@far.test, c@far.test"], LETTER), "utf8": (["bä@far.test"], LETTER),
    "idn": (["b@fär.test"], LETTER), "literal": (["b@[192.0.2.1]"], LETTER), "percent": (["b%c@far.test"], LETTER), "bang": (["far!b"], LETTER),
    "f": (["-f", "s@far.test", "b@far.test"], LETTER), "f null": (["-f", "<>", "b@far.test"], LETTER), "f empty": (["-f", "", "b@far.test"], LETTER),
    "f bad": (["-f", "s@far..test", "b@far.test"], LETTER), "f long": (["-f", "x" * 300 + "@far.test", "b@far.test"], LETTER), "r": (["-r", "s@far.test", "b@far.test"], LETTER),
    "read from": (["--read-envelope-from", "b@far.test"], b"From: s@far.test\n" + LETTER),
    "read bad from": (["--read-envelope-from", "b@far.test"], b"From: s@far..test\n" + LETTER), "read no from": (["--read-envelope-from", "b@far.test"], LETTER),
    "F": (["-F", "An Author", "b@far.test"], LETTER), "F long": (["-F", "x" * 5000, "b@far.test"], LETTER), "F control": (["-F", "a\nb", "b@far.test"], LETTER),
    "N": (["-N", "success,failure", "b@far.test"], LETTER), "N never": (["-Nnever", "b@far.test"], LETTER), "N bad": (["-N", "sometimes", "b@far.test"], LETTER),
    "N bad mix": (["-N", "never,delay", "b@far.test"], LETTER), "R": (["-R", "hdrs", "b@far.test"], LETTER), "R bad": (["-R", "half", "b@far.test"], LETTER),
    "V": (["-V", "id-1", "b@far.test"], LETTER), "V long": (["-V", "x" * 101, "b@far.test"], LETTER), "V odd": (["-V", "a+b=c d", "b@far.test"], LETTER),
    "odi": (["-odi", "b@far.test"], LETTER), "odq": (["-odq", "b@far.test"], LETTER), "odd": (["-odd", "b@far.test"], LETTER), "odx": (["-odx", "b@far.test"], LETTER),
    "O mode": (["-O", "DeliveryMode=q", "b@far.test"], LETTER), "long mode": (["--delivery-mode=queue", "b@far.test"], LETTER),
    "long mode bad": (["--delivery-mode=never", "b@far.test"], LETTER), "od and O": (["-odq", "-O", "DeliveryMode=i", "b@far.test"], LETTER),
    "O errors": (["-OErrorMode=e", "none@far.test"], LETTER),
    "U": (["-U", "b@far.test"], LETTER), "B": (["-B", "8BITMIME", "b@far.test"], LETTER), "m": (["-m", "-om", "-G", "-L", "x", "-n", "b@far.test"], LETTER),
    "unknown": (["-y", "b@far.test"], LETTER), "unknown long": (["--what", "b@far.test"], LETTER), "b unknown": (["-bx"], LETTER), "dash": (["--", "-b@far.test"], LETTER),
    "empty": (["b@far.test"], b""), "t empty": (["-t"], b""), "no header": (["b@far.test"], b"\nhi\n"), "no body": (["b@far.test"], b"Subject: x\n"),
    "no end": (["b@far.test"], b"Subject: x\n\nhi"), "no header at all": (["b@far.test"], b"hi there\nyou\n"), "crlf": (["-t"], LETTER.replace(b"\n", b"\r\n")),
    "dot": (["b@far.test"], LETTER + b".\nmore\n"), "i": (["-i", "b@far.test"], LETTER + b".\nmore\n"), "oi": (["-oi", "b@far.test"], LETTER + b".\nmore\n"),
    "nul": (["b@far.test"], HEAD + b"\na\0b\n"), "nul in header": (["b@far.test"], b"Subject: a\0b\n\nhi\n"), "nul in to": (["-t"], b"To: b\0@far.test\n\nhi\n"),
    "8-bit": (["b@far.test"], HEAD + "\nGrüße\n".encode()), "8-bit header": (["b@far.test"], "Subject: Grüße\n\nhi\n".encode()), "latin": (["b@far.test"], HEAD + b"\n\xe4\xff\n"),
    "bare cr": (["b@far.test"], HEAD + b"\na\rb\n"), "long line": (["b@far.test"], HEAD + b"\n" + b"x" * 5000 + b"\n"),
    "long header": (["b@far.test"], b"Subject: " + b"x" * 5000 + b"\n\nhi\n"), "huge header": (["b@far.test"], b"X: y\n" * 300000 + b"\nhi\n"),
    "from line": (["b@far.test"], b"From a Mon\n" + LETTER), "many hops": (["b@far.test"], b"Received: x\n" * 200 + LETTER),
    "bv": (["-bv", "b@far..test"], b""), "mime": (["b@far.test"], b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n" + HEAD + "\nGrüße\n".encode()),
    "signed": (["b@far.test"], b"DKIM-Signature: v=1; h=from; d=x; b=x\n" + HEAD + b"\nhi\n"), "C": (["-C", "/nowhere", "b@far.test"], LETTER), "v": (["-oev", "b@far.test"], LETTER),
}


@pytest.mark.parametrize("part", range(6))
def test_calls(both, part):
    here, server = both(refuse=REFUSALS)
    different = {}
    for name, (args, stdin) in list(CALLS.items())[part::6]:
        direct, handed = twice(here, server, args, stdin)
        if direct != handed:
            different[name] = (direct, handed)
    assert different == {}


@pytest.mark.parametrize("head", ["", "From: a@far.test\n", "From: %s\n", "From: Me <%s@localhost>\n"])
@pytest.mark.parametrize("name", ["An Author", "Änne \"x\" (y)", "+=;", "x" * 300])
def test_the_author_that_is_named(both, head, name):
    here, server = both()
    for user in "root", "alice":
        assert here.run(["-F", name, "b@far.test"], (head % user if "%" in head else head).encode() + b"Subject: x\n\nhi\n", user=user).rc == 0
    authors = [[str(make_header(decode_header(value))) for key, value in message_from_bytes(m.data).items() if key in ("From", "X-Original-From")]
               for m in server.settle().messages]
    assert [author.replace("root", "alice") for author in authors[0]] == authors[1]


@pytest.mark.parametrize("name", ["t", "nobody", "odq"])
@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_descriptor_that_is_closed(both, name, closed):
    here, server = both()
    same(here, server, CALLS[name][0], more=lambda: os.close(closed))


SIZES = {"limit": "message_size_limit 5000\n", "limit, no queue": "message_size_limit 5000\nqueue off\n"}


@pytest.mark.parametrize("more", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("size", [4000, 4990, 5100, 200000, 3000000])
def test_a_message_that_is_too_large(both, more, size):
    here, server = both(more)
    same(here, server, ["b@far.test"], HEAD + b"\n" + b"x" * 60 + b"\n" * size)


@pytest.mark.parametrize("more", ["", "queue off\n"], ids=["queue", "no-queue"])
def test_the_provider_takes_less(both, more):
    here, server = both(more, size_limit=5000)
    same(here, server, ["b@far.test"], HEAD + b"\n" + b"x" * 9000 + b"\n")


ALIASES = """one: far1@far.test, none@far.test
group: b@far.test, c@far.test, policy@far.test
program: |/bin/cat
both: "|/bin/cat", b@far.test
file: /var/mail/x
gone: /dev/null
loop: loop2
loop2: loop
included: :include:/nowhere
broken line here
bad: b@far..test
"""


@pytest.mark.parametrize("mode", MODES)
def test_aliases(both, mode):
    here, server = both("aliases /etc/aliases\n", refuse=REFUSALS)
    here.put("etc/aliases", ALIASES)
    for name in "one", "group", "program", "both", "file", "gone", "loop", "included", "bad":
        same(here, server, [mode, name])
    same(here, server, [mode, "one", "program", "group", "later@far.test"])


def test_what_waits_is_told_where_somebody_watches(both):
    """With the ID and the next try."""
    here, server = both(refuse=REFUSALS)
    for args in ["later@far.test"], ["-odq", "b@far.test"], ["later@far.test", "none@far.test", "b@far.test"]:
        lines = [[line for line in err.splitlines() if line.startswith("sendmail: ")] for _, err, *_ in twice(here, server, ["-v", *args])]
        assert lines[0] == lines[1] and re.search(r"sendmail: not sent (to \S+ )?yet, kept in the queue as ID: ", "\n".join(lines[0]))


WRONG = ["tls_starttls maybe\n", "to nothing@else.test\nfallback nowhere\n", "auth on\n", "aliases /nowhere\n", "from b@far..test\n", "nonsense\n",
         "passwordeval false\nauth plain\nauth_cleartext on\nuser u\n"]


@pytest.mark.parametrize("more", WRONG)
def test_a_wrong_configuration(both, more):
    """What is wrong is for root to see; the status is the same."""
    here, server = both(more)
    direct, handed = twice(here, server, ["b@far.test"])
    assert (handed[0], handed[3]) == (direct[0], direct[3]) and handed[1].count("\n") == direct[1].count("\n")


def test_accounts_for_recipients(machine, scripted):
    one, two = scripted(refuse=REFUSALS), scripted(refuse={"x@two.test": "550 5.7.1 no", "y@two.test": "451 4.7.1 greylisted"})
    here = machine(one, more=f"queue off\naccount two : default\nport {two.port}\nto *@two.test\n")
    here.serve()
    for to in ["b@far.test", "x@two.test"], ["none@far.test", "x@two.test"], ["later@far.test", "x@two.test"], ["none@far.test", "y@two.test"], \
            ["b@far.test", "b@two.test"], ["b@far.test", "y@two.test"]:
        same(here, one, to)
        two.settle()
