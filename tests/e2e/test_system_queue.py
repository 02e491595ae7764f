"""mailq and relay queue of users without a configuration of their own: their messages in the queue of the machine, through its
service. Others' messages are unknown to them; root and the user relay see all."""
import json
import os
import re
import socket
import time

import pytest

from lib.machine import DOWN, RC, USERS, machine      # noqa: F401

LETTER = b"To: b@far.test\nSubject: secret of {user}\n\nhi {user}\n"


@pytest.fixture
def here(machine):
    """A machine that can send nothing now, with a message of alice's, of bob's and of root's; their IDs are in here.ids."""
    made = machine()
    made.serve()
    made.ids = {}
    for user in "alice", "bob", "root":
        before = set(made.queue.places())
        assert made.run(["-t"], LETTER.replace(b"{user}", user.encode()), user=user).rc == 0
        [made.ids[user]] = set(made.queue.places()) - before
    return made


def queue(here, *args, user="alice", stdin=b""):
    return here.run(["queue", *args], stdin, name="relay", user=user)


def rest(raw):
    """Everything until the service hangs up."""
    said = raw.buffer
    while more := raw.sock.recv(65536):
        said += more
    return said


def test_mailq_shows_ones_own(here):
    for name, args in ("mailq", []), ("sendmail", ["-bp"]), ("relay", ["queue", "list"]):
        done = here.run(args, name=name)
        assert (done.rc, done.err) == (0, "") and here.ids["alice"] in done.out and "Total Requests: 1\n" in done.out
        assert here.ids["bob"] not in done.out and here.ids["root"] not in done.out
    assert here.run([], name="mailq", user="carol").out == "Mail queue is empty\n"
    [item] = map(json.loads, here.run(["--json"], name="mailq").out.splitlines())
    assert item["queue_id"] == here.ids["alice"]


def test_with_a_configuration_of_ones_own_both_are_shown(here):
    here.put("home/alice/.relayrc", DOWN, owner="alice", mode=0o600)
    machines = ["-a", "/run/relay/submit"]
    alone = here.run([], name="mailq").out
    assert alone.startswith("Mail queue is empty\n\nIn the queue of the machine (relay queue -a /run/relay/submit):\n")
    assert here.ids["alice"] in alone and here.ids["bob"] not in alone
    assert here.run(["-t"], LETTER).rc == 0
    both = here.run([], name="mailq").out
    assert both.count("Total Requests: 1\n") == 2 and queue(here, "list").out == both
    items = [json.loads(line)["queue_id"] for line in here.run(["--json"], name="mailq").out.splitlines()]
    assert len(items) == 2 and items[1] == here.ids["alice"]
    # By name: the one or the other.
    assert here.run(machines, name="mailq").out.count("Total Requests") == 1
    assert here.run(["-a", "default"], name="mailq").out.count("Total Requests") == 1
    assert queue(here, *machines, "show", here.ids["alice"]).rc == 0 and queue(here, "show", here.ids["alice"]).rc == 66
    assert queue(here, *machines, "delete", "ALL").out == "deleted 1 message\n"
    assert here.run([], name="mailq").out.count("Total Requests: 1\n") == 1 and here.ids["bob"] in here.queue.places()
    here.stop()
    done = here.run([], name="mailq")
    assert (done.rc, done.err) == (0, "") and done.out.count("Total Requests: 1\n") == 1


@pytest.mark.parametrize("user", ["root", "relay"])
def test_root_sees_all(here, user):
    done = here.run([], name="mailq", user=user)
    assert all(id in done.out for id in here.ids.values())
    raw = here.connect(user)
    raw.send("XQUEUE list\r\n")
    said = rest(raw).decode()
    assert all(id in said for id in here.ids.values())


def test_what_is_ones_own_can_be_shown_and_changed(here):
    id = here.ids["alice"]
    done = queue(here, "show", id)
    assert done.rc == 0 and "secret of alice" in done.out and f"User:          {USERS['alice']}\n" in done.out
    assert queue(here, "export", id).out.endswith("Subject: secret of alice\n\nhi alice\n")
    assert queue(here, "hold", id).out == f"{id}: held\n" and here.queue.place(id) == "hold"
    assert queue(here, "release", id[:10]).rc == 0 and here.queue.place(id) == "deferred"
    assert queue(here, "retry", "-", stdin=id.encode() + b"\n").rc == 0
    assert queue(here, "delete", id).out == f"{id}: deleted\n" and here.queue.place(id) is None


@pytest.mark.parametrize("command", ["show", "export", "hold", "release", "retry", "delete", "flush"])
def test_others_messages_are_unknown(here, command):
    """As one that is not there: the same words."""
    missing = here.ids["bob"][:-1] + ("0" if here.ids["bob"][-1] != "0" else "1")
    for id in here.ids["bob"], here.ids["root"], missing, here.ids["bob"][:8]:
        done = queue(here, command, id) if id != here.ids["bob"][:8] else queue(here, command, here.ids["bob"][3:])
        assert done.rc == 66 and done.out == "" and re.fullmatch(r"relay queue: \w+: there is no such message in the queue\n", done.err), done.err
    assert set(here.queue.places()) == set(here.ids.values()) and set(here.queue.places().values()) == {"deferred"}


def test_all_is_all_of_ones_own(here):
    assert queue(here, "hold", "ALL").out == "held 1 message\n"
    assert {u: here.queue.place(i) for u, i in here.ids.items()} == {"alice": "hold", "bob": "deferred", "root": "deferred"}
    assert queue(here, "delete", "ALL").out == "deleted 1 message\n" and len(here.queue.places()) == 2


def test_a_damaged_file_is_roots_business(here):
    here.put("var/spool/relay/deferred/1MG4J5000000XYJ", "x", owner="relay", mode=0o600)
    here.put("var/spool/relay/corrupt/1MG4J5000000XYK", "x", owner="relay", mode=0o600)
    os.chown(here.root / "var/spool/relay/corrupt", USERS["relay"], USERS["relay"])
    (here.root / "var/spool/relay/corrupt").chmod(0o700)
    done = here.run([], name="mailq")
    assert (done.rc, done.err) == (0, "") and "damaged" not in done.out
    assert queue(here, "show", "1MG4J5000000XYK").rc == 66
    assert here.run(["-q"]).rc == 0 and here.queue.place("1MG4J5000000XYJ") == "deferred"


@pytest.mark.parametrize("args, name", [(["-qf"], "sendmail"), (["queue", "flush", "--now"], "relay"), (["queue", "flush", "ALL"], "relay"),
                                        (["queue", "flush", "{id}"], "relay"), (["-qI", "{id}"], "sendmail")], ids=lambda a: str(a))
def test_flush_sends_ones_own(here, scripted, args, name):
    server = scripted()
    here.configure(RC.format(host=server.host, port=server.port))
    done = here.run([a.format(id=here.ids["alice"]) for a in args], name=name)
    assert (done.rc, done.err) == (0, "") and "1 sent" in done.out
    [message] = server.settle().messages
    assert b"secret of alice" in message.data and sorted(here.queue.places()) == sorted([here.ids["bob"], here.ids["root"]])


def test_flush_leaves_what_is_not_due(here, scripted):
    server = scripted()
    here.configure(RC.format(host=server.host, port=server.port))
    assert here.run(["-q"]).rc == 0 and server.settle().messages == [] and len(here.queue.places()) == 3
    assert here.run(["-qR", "far.test"]).rc == 64


def test_many_ids(here):
    """More than one command takes."""
    ids = "".join(f"1MG4J5{n:05d}XYJ0\n" for n in range(130)) + here.ids["alice"] + "\n"
    done = queue(here, "hold", "-", stdin=ids.encode())
    assert done.rc == 66 and done.err.count("no such message") == 130 and here.queue.place(here.ids["alice"]) == "hold"


def test_a_queue_of_ones_own_comes_first(here):
    here.put("home/alice/.relayrc", DOWN, owner="alice", mode=0o600)
    assert here.run([], name="mailq").out.startswith("Mail queue is empty\n")
    assert here.run(["-t"], LETTER).rc == 0
    assert "secret" not in here.run([], name="mailq").out and "Total Requests: 1\n" in here.run([], name="mailq").out


def test_options_that_name_something_else_are_not_passed_on(here):
    assert here.ids["alice"] not in here.run(["--queue-directory=/home/alice/q"], name="mailq").out
    assert "Permission denied" in queue(here, "-C", "/etc/relayrc", "list").err


def test_without_the_service(machine):
    done = machine().run([], name="mailq")
    assert done.rc == 78 and done.out == "" and "cannot connect to socket /run/relay/submit" in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize("name, args, own", [("sendmail", ["-qI", "ZZ"], "sendmail"), ("relay", ["queue", "flush", "ZZ"], "relay queue"),
                                             ("relay", ["queue", "show", "ZZ"], "relay queue")])
def test_its_lines_begin_with_the_name_of_the_call(here, name, args, own):
    for user in "root", "alice":
        done = here.run(args, name=name, user=user)
        assert (done.rc, done.err) == (66, f"{own}: ZZ: there is no such message in the queue\n"), user


# -- the command itself ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words", ["", "-C /etc/passwd list", "list -C/etc/passwd", "list --queue-directory=/etc", "show ../../etc/passwd", "list\tx",
                                   "password", "check", "list -X/tmp/x", "tty", "tty sendmail", "relay list", "list sendmail", "--logfile /tmp/x list", "show " + "A" * 33, "list \x01", "help;id"])
def test_nothing_else_of_a_command_line_is_taken(here, words):
    raw = here.connect("alice")
    raw.send(f"XQUEUE {words}\r\n")
    said = rest(raw)
    assert re.match(rb"50[01] |250 2\.0\.0 Ok: frames follow\r\nE ", said), said
    assert b"root:" not in said and not (here.root / "tmp/x").exists()


def test_it_is_for_the_socket_alone(here):
    """Not on a pipe, where a user runs it himself; not within a message; and the session is over after it."""
    assert "500 5.5.2 unknown command" in here.run(["-bs"], b"XQUEUE list\n").out
    raw = here.connect("alice")
    raw.say("EHLO me")
    raw.say("MAIL FROM:<alice>")
    assert raw.say("XQUEUE list").startswith("503 ")
    raw.say("RSET")
    raw.send("XQUEUE list\r\nNOOP\r\nXQUEUE show x\r\n")
    said = rest(raw)
    assert said.count(b"frames follow") == 1 and said.endswith(b"X 0\n")


def test_nothing_is_left_of_a_command_when_its_client_has_hung_up(here, scripted):
    """A queue run at a server that does not answer: it goes on, and ends when that hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        here.configure(RC.format(host="127.0.0.1", port=silent.getsockname()[1]))
        with here.socket("alice") as client:
            client.sendall(b"XQUEUE flush ALL\r\n")
            accepted, _ = silent.accept()
            client.shutdown(socket.SHUT_RDWR)
        assert any(p.poll() is None for p in here.services[0].running)
        accepted.close()
        deadline = time.monotonic() + 20
        while any(p.poll() is None for p in here.services[0].running):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert here.queue.place(here.ids["alice"]) == "deferred"
