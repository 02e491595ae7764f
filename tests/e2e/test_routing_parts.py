"""One message to recipients of several accounts: one transaction for each account, one exit status, one queue entry."""
import json
import signal
import threading

import pytest

from lib import judge
from lib.accounts import section, servers_of
from lib.hostile import close, hold, on, reply
from lib.parts import A, ALL, B, C, DOWN, OTHER, SENDER, envelopes, log, received, three
from lib.serving import Raw

MESSAGE = b"Subject: x\n\nhi\n"
QUEUES = ["on", "off"]


def waiting(queue):
    """The numbers of the recipients that wait, of the only message there is."""
    [id] = queue.places()
    state = queue.state(id)
    return [n for n in (1, 2, 3) if state.get(f"recipient {n}", "waiting").startswith("waiting")]


# -- all goes well -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("queue_is", QUEUES)
def test_one_transaction_for_each_account(three, run_sendmail, queue, log, queue_is):
    servers = three(queue=queue_is)
    done = run_sendmail([C, A, B, "d@three.test", "e@other.test"], MESSAGE)
    assert (done.rc, done.err) == (0, "")
    assert [envelopes(s) for s in servers] == [[(SENDER, [A, "e@other.test"])], [(OTHER, [B])],
                                               [(SENDER, [C, "d@three.test"])]]
    assert len({s.messages[0].data for s in servers}) == 1
    assert sorted(line[2:] for line in servers_of(log)) == [("default", "sent")] * 2 + [("three", "sent")] * 2 + [
        ("two", "sent")]
    assert queue.places() == {} and [s.violations for s in servers] == [[], [], []]


def test_recipients_of_the_header(three, run_sendmail):
    servers = three()
    header = f"To: {A}, {B}\nCc: {C}\nBcc: hidden@two.test, secret@three.test\n\nhi\n"
    assert run_sendmail(["-t"], header.encode()).rc == 0
    assert [envelopes(s) for s in servers] == [[(SENDER, [A])], [(OTHER, [B, "hidden@two.test"])],
                                               [(SENDER, [C, "secret@three.test"])]]
    for server in servers:
        data = server.messages[0].data
        assert b"hidden" not in data and b"secret" not in data and b"Cc: c@three.test" in data


@pytest.mark.parametrize("given", ["you@home.test", "<>"])
def test_a_sender_that_was_given_is_everybodys(three, run_sendmail, given):
    servers = three()
    assert run_sendmail(["-f", given, *ALL], MESSAGE).rc == 0
    assert [[sender for sender, _ in envelopes(s)] for s in servers] == [[given.strip("<>")]] * 3


@pytest.mark.parametrize("header, sender", [("", SENDER), ("From: root\n", SENDER), ("From: root@localhost (Cron)\n", SENDER),
                                            ("From: X <x@home.test>\n", "x@home.test")])
@pytest.mark.parametrize("args", [[], ["-f", "root"]])
def test_the_author_of_the_message_as_it_leaves(three, run_sendmail, header, sender, args):
    """`from %F` of another account: a From that is missing, or of this machine, becomes the message's own account's."""
    servers = three(each={"two": {"from_": "%F"}})
    assert run_sendmail([*args, A, B], header.encode() + MESSAGE).rc == 0
    assert [[sender for sender, _ in envelopes(s)] for s in servers] == [[SENDER], [sender], []]
    assert sender.encode() in servers[1].messages[0].data.split(b"\r\n\r\n")[0]


def test_one_account_named(three, run_sendmail):
    servers = three()
    assert run_sendmail(["-a", "three", *ALL], MESSAGE).rc == 0
    assert [received(s) for s in servers] == [[], [], list(ALL)]


def test_the_default_need_not_be_among_them(three, run_sendmail):
    servers = three()
    assert run_sendmail([C, B], MESSAGE).rc == 0
    assert [received(s) for s in servers] == [[], [B], [C]]


def test_a_large_message_is_read_again_for_each(three, run_sendmail, queue):
    servers = three()
    body = b"Subject: x\r\n\r\n" + b"A line of a large message.\r\n" * 200_000
    assert run_sendmail(["-i", *ALL], body).rc == 0
    assert len({s.settle().messages[0].sha256 for s in servers}) == 1 and servers[0].messages[0].size > len(body)
    assert queue.places() == {}


def test_a_thousand_recipients_of_ten_accounts(scripted, pki, run_sendmail, home, queue):
    servers = [scripted() for _ in range(10)]
    home(".relayrc", "defaults\nfrom me@home.test\n" + "".join(
        f"account a{n}\n{section(pki, server, to=[f'd{n}.test', f'*@*.d{n}.test'])}" for n, server in enumerate(servers)))
    names = [f"r{n}@{'x.' * (n % 3)}d{n % 10}.test" for n in range(1000)]
    done = run_sendmail(["-t"], ("Bcc: " + ",\n ".join(names) + "\n\nhi\n").encode())
    assert (done.rc, done.err) == (0, "")
    for n, server in enumerate(servers):
        assert received(server) == sorted(names[n::10]) and len(server.connections) == 1
    assert queue.places() == {}


# -- one exit status -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("queue_is", QUEUES)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_account_refuses(three, run_sendmail, queue, which, queue_is):
    options = [{}, {}, {}]
    options[which] = {"refuse": {ALL[which]: "550 5.1.1 no such user"}}
    servers = three(*options, queue=queue_is)
    done = run_sendmail(ALL, MESSAGE)
    assert done.rc == 67
    assert done.err == f"sendmail: {ALL[which]}: not sent: 550 5.1.1 no such user\n"
    assert [received(s) for s in servers] == [[r] if n != which else [] for n, r in enumerate(ALL)]
    assert queue.places() == {}


@pytest.mark.parametrize("queue_is", QUEUES)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_account_is_down(three, run_sendmail, queue, which, queue_is):
    options = [{}, {}, {}]
    options[which] = DOWN
    servers = three(*options, queue=queue_is)
    done = run_sendmail(ALL, MESSAGE)
    assert [received(s) for s in servers] == [[r] if n != which else [] for n, r in enumerate(ALL)]
    if queue_is == "off":
        assert done.rc == 75
        assert done.err == f"sendmail: {ALL[which]}: not sent (try again later): 421 4.3.2 busy (in reply to greeting)\n"
        return
    assert (done.rc, done.err) == (0, "")
    assert waiting(queue) == [which + 1]
    assert run_sendmail(["-qf"]).out.startswith("relay: 0 sent, 1 deferred")
    assert [len(s.messages) for s in servers] == [n != which for n in range(3)]


def test_one_refuses_and_one_is_down(three, run_sendmail, queue):
    servers = three({"refuse": {A: "550 5.1.1 no such user"}}, DOWN)
    done = run_sendmail(ALL, MESSAGE)
    assert done.rc == 67 and done.err == f"sendmail: {A}: not sent: 550 5.1.1 no such user\n"
    assert waiting(queue) == [2] and received(servers[2]) == [C]


def test_all_are_down(three, run_sendmail):
    three(DOWN, DOWN, DOWN, queue="off")
    done = run_sendmail(ALL, MESSAGE)
    assert done.rc == 75
    assert done.err == "".join(f"sendmail: account {name}: greeting: 421 4.3.2 busy\n"
                               for name in ("default", "two", "three"))


def test_one_loses_the_connection_after_the_end(three, run_sendmail, queue):
    servers = three({}, {"rules": [on("BODY", close("fin"), conn=0)]})
    done = run_sendmail(ALL, MESSAGE)
    assert (done.rc, done.err) == (0, "") and waiting(queue) == [2]
    assert run_sendmail(["-qf"]).rc == 0
    assert queue.places() == {} and [len(s.settle().messages) for s in servers] == [1, 2, 1]


# -- one queue entry -----------------------------------------------------------------------------------------------

def test_queued_first(three, run_sendmail, queue):
    servers = three()
    assert run_sendmail(["-odq", *ALL], MESSAGE).rc == 0
    assert list(queue.places().values()) == ["deferred"] and servers[0].connections == []
    assert run_sendmail(["-q"]).out.startswith("relay: 1 sent, 0 deferred")
    assert [envelopes(s) for s in servers] == [[(SENDER, [A])], [(OTHER, [B])], [(SENDER, [C])]]
    assert queue.places() == {}


@pytest.mark.parametrize("which", [0, 1, 2])
def test_queue_run_with_one_account_down(three, run_sendmail, queue, which):
    options = [{}, {}, {}]
    options[which] = DOWN
    servers = three(*options)
    for _ in range(8):
        assert run_sendmail(["-odq", *ALL], MESSAGE).rc == 0
    done = run_sendmail(["-q"])
    assert (done.rc, done.err) == (0, "")
    assert done.out.startswith("relay: 0 sent, 8 deferred")
    assert [received(s) for s in servers] == [[r] * 8 if n != which else [] for n, r in enumerate(ALL)]
    assert len(servers[which].connections) <= 2     # once for messages of its own, once as the others' account
    for id in queue.places():
        assert queue.state(id)["attempts"] == "1"
    assert run_sendmail(["-qf"]).out.startswith("relay: 0 sent, 8 deferred")
    assert [len(s.messages) for s in servers] == [8 if n != which else 0 for n in range(3)]


def test_few_sessions_for_many_messages(three, run_sendmail, queue):
    servers = three(max_connections=1)
    for _ in range(30):
        assert run_sendmail(["-odq", *ALL], MESSAGE).rc == 0
    assert run_sendmail(["-q"]).out.startswith("relay: 30 sent, 0 deferred")
    assert [len(received(s)) for s in servers] == [30, 30, 30] and queue.places() == {}
    assert [s.most for s in servers] == [1, 1, 1] and max(len(s.connections) for s in servers) <= 3


def test_killed_between_two_accounts(three, run_sendmail, queue, start):
    """Who has it does not get it again."""
    free = threading.Event()
    servers = three({}, {"rules": [on("MAIL", hold(free), conn=0)], "without": ["PIPELINING"]})
    one = start([*ALL])
    one.stdin.write(MESSAGE)
    one.stdin.close()
    one.stdin = None
    servers[1].wait_for("MAIL")
    one.send_signal(signal.SIGKILL)
    one.wait()
    free.set()
    assert received(servers[0]) == [A]
    assert list(queue.places().values()) == ["incoming"]
    assert run_sendmail(["-q"]).out.startswith("relay: 1 sent")
    assert [envelopes(s) for s in servers] == [[(SENDER, [A])], [(OTHER, [B])], [(SENDER, [C])]]
    assert queue.places() == {}


def test_a_report_for_one_part(three, run_sendmail, queue):
    """Refused by one account after the others have it: the report goes to the message's sender, by its account."""
    servers = three({}, {"refuse": {B: "550 5.1.1 no such user"}})
    assert run_sendmail(["-odq", *ALL], MESSAGE).rc == 0
    run_sendmail(["-q"])
    assert run_sendmail(["-q"]).rc == 0     # the report, if the first run did not take it along
    reports = [m for m in servers[0].settle().messages if m.sender == ""]
    assert [m.accepted for m in reports] == [[SENDER]]
    data = reports[0].data
    assert f"Final-Recipient: rfc822; {B}".encode() in data and b"Remote-MTA" in data
    assert A.encode() not in data.split(b"message/rfc822")[0] and C.encode() not in data.split(b"message/rfc822")[0]
    assert [received(s) for s in servers] == [[A, SENDER], [], [C]]
    assert set(queue.places().values()) <= {"failed"}


def test_smtp_client(three, start, queue):
    servers = three()
    client = Raw(start(["-bs"]))
    assert client.letter(sender="you@home.test", to=ALL).startswith("250 2.0.0 ")
    client.say("QUIT")
    assert client.process.wait(10) == 0
    assert [envelopes(s) for s in servers] == [[("you@home.test", [r])] for r in ALL] and queue.places() == {}


def test_smtp_client_hears_of_one_fate(three, start, queue):
    """One of them is refused: 250, and the sender gets a report."""
    servers = three({}, {}, {"refuse": {C: "550 5.1.1 no such user"}})
    client = Raw(start(["-bs"]))
    assert client.letter(sender="you@home.test", to=ALL).startswith("250 2.0.0 ")
    client.say("QUIT")
    assert client.process.wait(10) == 0
    assert [received(s) for s in servers[1:]] == [[B], []]
    reports = [m for m in servers[0].settle().messages if m.sender == ""]
    assert [m.accepted for m in reports] == [["you@home.test"]] or "incoming" in queue.places().values() or \
        "deferred" in queue.places().values()


def test_in_the_background(three, run_sendmail, queue):
    servers = three()
    assert run_sendmail(["-odb", *ALL], MESSAGE).rc == 0
    for server in servers:
        server.wait_for("QUIT")
    assert [received(s) for s in servers] == [[A], [B], [C]]


# -- what the lists say --------------------------------------------------------------------------------------------

def test_lists_name_the_account_that_is_not_the_messages(three, run_sendmail, queue):
    host = three({}, DOWN)[1].host
    assert run_sendmail(["-odq", A, B, "b2@two.test", C], MESSAGE).rc == 0
    [id] = queue.places()
    lines = [line.strip() for line in run_sendmail([], name="mailq").out.splitlines()]
    assert lines[2:8] == [A, "(account two)", B, "b2@two.test", "(account three)", C]
    assert run_sendmail(["-q"]).rc == 0
    lines = [line.strip() for line in run_sendmail([], name="mailq").out.splitlines()]
    assert lines[2:5] == [f"(account two: host {host} said: 421 4.3.2 busy)", B, "b2@two.test"]
    listed = json.loads(run_sendmail(["--json"], name="mailq").out)
    assert listed["account"] == "default"
    assert [(r["address"], r.get("account")) for r in listed["recipients"]] == [(B, "two"), ("b2@two.test", "two")]
    shown = run_sendmail(["queue", "show", id], name="relay").out.splitlines()
    at = shown.index(f"Recipient:     <{B}> waits: {host} said: 421 4.3.2 busy")
    assert shown[at + 1] == f"by account:    two, sender <{OTHER}>"
    assert [line for line in shown if line.startswith("by account: ")] == [shown[at + 1]] * 2 + [
        f"by account:    three, sender <{SENDER}>"]
