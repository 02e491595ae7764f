"""Who may send as the machine, as whom, and how much: sendmail -bs in the system scope."""
import contextlib
import email
import re
import shutil
import smtplib
import socket
import subprocess
import time
from email.utils import getaddresses

import pytest

from lib.machine import USERS, acting_as, machine      # noqa: F401
from lib.serving import Raw

LETTER = b"To: b@far.test\nSubject: x\n\nhi\n"
HOST = socket.gethostname()


def send(here, *options, user="alice", data=LETTER):
    return here.run([*options, "-t"], data, user=user)


# -- the envelope -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("sender", ["bob", "root", "BOB", "root@localhost", "root@[127.0.0.1]", f"root@{HOST}", "bob+x", "\"root\"@localhost",
                                    "\"ro\\ot\"@localhost", "relay", "root@LOCALHOST", "\" root \"@localhost", "<@a,@b:root@localhost>", "bob@127.0.0.1",
                                    "bob@[IPv6:0:0:0:0:0:0:0:1]", "bob@[IPv6:::ffff:127.0.0.1]", "bob@ip6-localhost", "uid64900", "uid64900@localhost"])
def test_nobody_sends_as_another_user(machine, sender):
    here = machine()
    here.serve()
    done = send(here, "-f", sender)
    assert done.rc == 69 and "553 5.7.1" in done.err and "is another user of this machine; you are alice" in done.err
    assert here.queue.places() == {} and done.err.count("\n") == 1


@pytest.mark.parametrize("sender", ["alice", "alice@localhost", "Alice", "alice+news", "info@far.test", "root@far.test", "", "noreply"])
def test_ones_own_name_and_other_domains_may_be(machine, sender):
    here = machine()
    here.serve()
    assert send(here, "-f", sender).rc == 0 and len(here.queue.places()) == 1


def test_a_name_that_nobody_has_is_the_callers(machine, scripted):
    here = machine(more="auto_from off\n")
    here.configure((here.root / "etc/relayrc").read_text().replace("from machine@mail.test\n", ""))
    here.serve()
    assert send(here, "-f", "noreply").rc == 0
    [id] = here.queue.places()
    assert re.search(r"^sender: <alice@", here.queue.file(id).read_text(), re.M)


@pytest.mark.parametrize("more", ["maildomain mail.test", "maildomain mail.test\nauto_from on\nallow_from_override on"])
def test_the_name_of_another_does_not_leave_with_the_mail_domain(machine, scripted, more):
    """bob is bob@mail.test to the world; who no user is may write from there, and at other domains everybody."""
    server = scripted()
    here = machine(server)
    here.configure((here.root / "etc/relayrc").read_text().replace("from machine@mail.test\n", more + "\n"))
    here.serve()
    assert send(here, "-f", "bob@mail.test").rc == send(here, "-f", "Bob+x@MAIL.test").rc == 69
    assert send(here, "-f", "alice@mail.test").rc == send(here, "-f", "shop@mail.test").rc == send(here, "-f", "bob@far.test").rc == 0
    assert send(here, data=b"From: bob@mail.test\n" + LETTER).rc == 0
    assert b"\nFrom: alice@mail.test\r\n" in server.settle().messages[-1].data
    assert "bob@mail.test" not in [m.sender for m in server.messages]


def test_an_author_who_is_another_is_no_sender(machine, scripted):
    """`from %F`: the header says who the sender is, but not for everybody."""
    server = scripted()
    here = machine(server)
    here.configure((here.root / "etc/relayrc").read_text().replace("machine@mail.test", "%F\nmaildomain mail.test\nallow_from_override off"))
    here.serve()
    assert send(here, data=b"From: bob\n" + LETTER).rc == send(here, data=b"From: bob@localhost\n" + LETTER).rc == 0
    assert send(here, data=b"From: x@far.test\n" + LETTER).rc == 0
    assert [m.sender for m in server.settle().messages] == ["alice@mail.test", "alice@mail.test", "x@far.test"]


@pytest.mark.parametrize("user", ["root", "relay"])
def test_root_may_be_everybody(machine, user):
    """Through the socket, too."""
    here = machine()
    here.serve()
    raw = here.connect(user)
    raw.say("EHLO me")
    assert raw.letter("bob@localhost").startswith("250 ")


# -- the header ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("field", ["root", "root (Cron Daemon)", "\"root\" <root@localhost>", f"Boss <bob@{HOST}>", "x <root@localhost> y"])
@pytest.mark.parametrize("has_address", [True, False])
def test_from_names_who_calls(machine, scripted, field, has_address):
    server = scripted()
    here = machine(server)
    if not has_address:
        here.configure((here.root / "etc/relayrc").read_text().replace("from machine@mail.test\n", "maildomain mail.test\n"))
    here.serve()
    assert send(here, data=b"From: " + field.encode() + b"\nDKIM-Signature: x\n" + LETTER).rc == 0
    assert send(here, data=b"From: " + field.encode() + b"\nSender: root\n" + LETTER).rc == 0
    for message in server.settle().messages:
        authors = "\n".join(re.findall(r"^(?:From|Sender): .*(?:\r\n[ \t].*)*", message.data.decode(), re.M))
        assert not re.search(r"(root|bob)(@| on )", authors.replace("<root@localhost> y", "")) and authors, authors
        assert "alice" in message.data.decode()


def test_a_missing_from_names_who_calls(machine, scripted):
    server = scripted()
    here = machine(server)
    here.serve()
    assert send(here).rc == send(here, "-F", "Al").rc == here.run(["-t"], b"To: b@far.test\n\nhi\n", user="root").rc == 0
    names = [re.search(rb"^From: (.*)\r$", m.data, re.M)[1].decode() for m in server.settle().messages]
    assert names == [f"alice on {HOST} <machine@mail.test>", f'"alice on {HOST} (Al)" <machine@mail.test>', f"root on {HOST} <machine@mail.test>"]


UNCLEAR = [b"a <\"root\"@localhost>, b c", b"\0 <\"root\"@localhost>", b"<@x,@y:\"root\"@localhost> \xff", b"root@localhost. \xff", b"\"root\" \xff",
           b"root(c)@localhost x", b"=?utf-8?q?root?=", b"root@localhost <alice@localhost>", b"alice; \"root\"@localhost",
           b"alice,\n root@\n localhost x y"]


@pytest.mark.parametrize("name", [b"From", b"Sender", b"Resent-From"])
def test_no_program_reads_another_author(machine, scripted, name):
    """From what is no list of addresses, every program makes something else."""
    server = scripted()
    here = machine(server)
    here.configure((here.root / "etc/relayrc").read_text().replace("from machine@mail.test\n", ""))
    here.serve()
    for field in UNCLEAR:
        assert send(here, data=name + b": " + field + b"\nResent-To: b@far.test\n" + LETTER).rc == 0
    for message in server.settle().messages:
        found = email.message_from_bytes(message.data)
        authors = getaddresses([str(value) for key in ("From", "Sender", "Resent-From") for value in found.get_all(key, [])])
        assert authors and all(address.startswith("alice@") for _, address in authors), authors
    assert len(server.messages) == len(UNCLEAR)


def test_root_may_write_as_everybody(machine, scripted):
    server = scripted()
    here = machine(server)
    assert send(here, user="root", data=b"From: bob\n" + LETTER).rc == 0
    [message] = server.settle().messages
    assert b'"bob on ' in message.data or b"bob on " in message.data


# -- who may ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("users, may", [("static:anyone", "alice bob www-data root"), ("alice, root", "alice root"), ("!bob, static:all", "alice www-data root"),
                                        ("root", "root"), ("", "root"), ("www-data", "www-data root")])
def test_authorized_submit_users(machine, users, may):
    here = machine(more=f"authorized_submit_users {users}\n")
    here.serve()
    for user in "alice", "bob", "www-data", "root":
        done = send(here, user=user)
        if user in may.split():
            assert (done.rc, done.err) == (0, ""), user
        else:
            assert done.rc == 69 and f"554 5.7.1 user {user} may not send mail here (authorized_submit_users)" in done.err


def test_a_list_that_is_not_understood_is_told(machine):
    here = machine(more="authorized_submit_users /etc/users\n")
    here.serve()
    done = send(here, user="root")
    assert done.rc == 78 and 'authorized_submit_users: "/etc/users" is no login name' in done.err
    assert send(here).rc == 78 and here.queue.places() == {}


# -- how much -----------------------------------------------------------------------------------------------------

def test_the_messages_of_a_user_are_limited(machine):
    here = machine(more="submit_queue_limit 3\n")
    here.serve()
    for n in range(3):
        assert send(here).rc == 0
    done = send(here)
    assert done.rc == 75 and "452 4.3.2 user alice has 3 messages in the queue (submit_queue_limit)" in done.err
    assert send(here, user="bob").rc == 0
    for n in range(4):
        assert send(here, user="root").rc == 0
    raw = here.connect("alice")     # also within a session
    raw.say("EHLO me")
    assert raw.say("MAIL FROM:<>").startswith("452 ")
    id = next(i for i in here.queue.places() if f"uid: {USERS['alice']}\n" in here.queue.file(i).read_text())
    assert here.run(["queue", "delete", id], name="relay", user="root").rc == 0
    assert raw.letter("alice").startswith("250 ") and raw.say("MAIL FROM:<>").startswith("452 ")


def test_the_sessions_of_a_user_are_limited(machine, scripted):
    here = machine(scripted(), more="submit_concurrency_limit 2\n")
    here.serve()
    held = [here.connect("alice") for _ in range(2)]
    third = here.connect("alice")
    assert third.greeting == "421 4.3.2 user alice has 2 sessions already (submit_concurrency_limit); try again later" and third.is_over()
    assert send(here, user="bob").rc == 0 and send(here, user="root").rc == 0
    assert here.connect("root").greeting.startswith("220 ")
    held[0].say("EHLO me")
    assert held[0].letter("alice").startswith("250 ")
    held[0].say("QUIT")
    assert held[0].is_over()
    assert send(here).rc == 0


def test_who_is_not_known_has_limits_too(machine):
    """As behind a program that hands the client's bytes on (socat's EXEC): all such have one limit together."""
    here = machine(more="submit_queue_limit 1\nsubmit_concurrency_limit 2\nauthorized_submit_users !bob, static:all\n")

    def connect():
        client, end = socket.socketpair()
        client.settimeout(20)
        with end:
            here.start(["/usr/sbin/sendmail", "-bs"], "relay", stdin=end, stdout=end, stderr=subprocess.DEVNULL)
        return Raw(sock=client)
    first, second, third = connect(), connect(), connect()
    assert third.greeting == "421 4.3.2 a user who is not known has 2 sessions already (submit_concurrency_limit); try again later"
    first.say("EHLO me")
    assert first.say("MAIL FROM:<x@far.test>") == "554 5.7.1 a user who is not known may not send mail here (authorized_submit_users)"
    here.configure((here.root / "etc/relayrc").read_text().replace("!bob, ", ""))
    for client in first, second:
        client.say("QUIT")
        assert client.is_over()
    client = connect()
    client.say("EHLO me")
    assert client.letter("x@far.test").startswith("250 ") and client.say("MAIL FROM:<x@far.test>").startswith("452 4.3.2 a user who is not known")


def test_who_goes_on_in_the_background_holds_no_session(machine, scripted):
    here = machine(scripted(), more="submit_concurrency_limit 1\ndelivery_mode background\n")
    here.serve()
    for n in range(3):
        assert send(here).rc == 0


def test_a_large_message_is_refused_early(machine):
    here = machine()
    here.serve()
    raw = here.connect("alice")
    assert f"SIZE {100 << 20}" in raw.say("EHLO me")
    assert raw.say(f"MAIL FROM:<alice> SIZE={200 << 20}").startswith("552 5.3.4 ")
    here.configure((here.root / "etc/relayrc").read_text() + "message_size_limit 1000\n")
    done = send(here, data=LETTER + b"x" * 2000)
    assert done.rc == 65 and done.err == "sendmail: the message is larger than message_size_limit (1000 bytes)\n"
    here.configure((here.root / "etc/relayrc").read_text().replace("limit 1000", "limit 0"))
    assert "SIZE\n" in here.connect("alice").say("EHLO me").replace("250-SIZE\n", "SIZE\n")


# -- TCP ----------------------------------------------------------------------------------------------------------

@pytest.fixture(params=["defaults", "subset=pid,hidepid=invisible"])
def tcp(machine, request):
    """tcp(user): an smtplib.SMTP of that user's, over 127.0.0.1; here is its machine. Its /proc is as usual, or as the units have it."""
    here = machine(proc=request.param)

    def connect(user):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = smtplib.SMTP(local_hostname="me")
            with acting_as(USERS[user]):
                client.sock = socket.create_connection(listener.getsockname(), 20)
            accepted, _ = listener.accept()
        with accepted:
            running.append(here.start(["/usr/sbin/sendmail", "-bs"], "relay", stdin=accepted, stdout=accepted, stderr=subprocess.DEVNULL))
        client.file = None
        assert client.getreply()[0] == 220
        return client
    running = []
    connect.here = here
    yield connect
    for process in running:
        process.kill()
        process.wait(10)


def test_over_tcp_the_user_is_known_too(tcp):
    if tcp.here.namespace is None:
        pytest.skip("needs a /proc in the root")
    client = tcp("alice")
    client.ehlo()
    assert client.mail("bob")[0] == 553 and client.mail("root@localhost")[0] == 553 and client.mail("alice")[0] == 250
    client.rset()
    assert client.sendmail("alice", ["b@far.test"], "Subject: x\n\nhi\n") == {}
    [id] = tcp.here.queue.places()
    assert f"\nuid: {USERS['alice']}\n" in tcp.here.queue.file(id).read_text()
    assert tcp("root").mail("bob")[0] in (250, 503)


def test_who_is_not_let_in_keeps_no_place(machine):
    """A flood of them would take all that the socket's unit has; the client hangs on, and does not send."""
    here = machine(more="submit_concurrency_limit 1\n")
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as held:
        for n in range(2):
            with acting_as(USERS["alice"]):
                client = held.enter_context(socket.create_connection(listener.getsockname(), 20))
            accepted, _ = listener.accept()
            with accepted:
                process = here.start(["/usr/sbin/sendmail", "-bs"], "relay", stdin=accepted, stdout=accepted, stderr=subprocess.DEVNULL)
            assert client.recv(100).startswith([b"220 ", b"421 "][n])
        began = time.monotonic()
        assert process.wait(20) == 76 and time.monotonic() - began < 1.5


def test_who_says_no_more_is_known(tcp):
    """A client that has shut down its side, and reads on, does not escape its limits."""
    here = tcp.here
    if here.namespace is None:
        pytest.skip("needs a /proc in the root")
    here.configure((here.root / "etc/relayrc").read_text() + "authorized_submit_users !alice, static:all\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with acting_as(USERS["alice"]):
            client = socket.create_connection(listener.getsockname(), 20)
        accepted, _ = listener.accept()
    client.sendall(b"EHLO me\r\nMAIL FROM:<x@far.test>\r\nRCPT TO:<b@far.test>\r\nBDAT 14 LAST\r\nSubject: x\r\n\r\nQUIT\r\n")
    client.shutdown(socket.SHUT_WR)
    with accepted:
        here.start(["/usr/sbin/sendmail", "-bs"], "relay", stdin=accepted, stdout=accepted, stderr=subprocess.DEVNULL).wait(30)
    assert b"554 5.7.1 user alice may not send mail here" in client.makefile("rb").read() and here.queue.places() == {}


def test_who_has_hung_up_is_not_root(tcp):
    """The kernel shows a connection that nobody has any more as root's."""
    here = tcp.here
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    client.sendall(b"EHLO me\r\nMAIL FROM:<root>\r\nRCPT TO:<b@far.test>\r\nDATA\r\n\r\nx\r\n.\r\nQUIT\r\n")
    client.shutdown(socket.SHUT_WR)
    client.close()
    with accepted:
        process = here.start(["/usr/sbin/sendmail", "-bs"], "relay", stdin=accepted, stdout=accepted, stderr=subprocess.DEVNULL)
    process.wait(30)
    assert here.queue.places() == {}


def test_a_client_of_another_machine_is_refused(machine):
    """An address of this machine that is not loopback's stands for it."""
    address = next((word for word in subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
                    if not word.startswith(("127.", "::1", "fe80"))), None) if shutil.which("hostname") else None
    if not address:
        pytest.skip("this machine has no address but loopback's")
    here = machine()
    with socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET) as listener:
        client = socket.create_connection(listener.getsockname()[:2], 20)
        accepted, _ = listener.accept()
    with accepted:
        process = here.start(["/usr/sbin/sendmail", "-bs"], "relay", stdin=accepted, stdout=accepted, stderr=subprocess.DEVNULL)
    # Nothing is sent: it would come back as a reset of the connection, and take the answer with it.
    said = client.makefile("rb").read()
    assert said.startswith(b"554 5.7.1 ") and b"takes mail from this machine alone" in said and said.count(b"\n") == 1
    assert process.wait(20) == 76
