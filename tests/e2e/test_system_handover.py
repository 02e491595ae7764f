"""Users without an account: their mail is handed to the service of the machine, over /run/relay/submit."""
import os
import re
import socket
import threading
import time
from email import message_from_bytes
from email.header import decode_header, make_header

import pytest

from lib.machine import RC, USERS, machine      # noqa: F401
from lib.queuefiles import QueueFiles
from lib.report import Report

LETTER = b"To: b@far.test\nSubject: x\n\nhi\n"


def own_queue(here, user="alice"):
    return QueueFiles(here.root / f"home/{user}/.local/state/relay/queue").places()


def test_it_is_sent_by_the_machine(machine, scripted):
    server = scripted()
    here = machine(server)
    here.serve()
    done = here.run(["-t"], LETTER)
    assert (done.rc, done.out, done.err) == (0, "", "")
    [message] = server.settle().messages
    assert (message.sender, message.accepted) == ("machine@mail.test", ["b@far.test"])
    assert re.search(rb"^From: alice on \S+ <machine@mail.test>\r$", message.data, re.M)
    assert own_queue(here) == {} and here.queue.places() == {}


def test_what_waits_is_the_machines_and_has_the_uid(machine):
    here = machine()
    here.serve()
    done = here.run(["-t"], LETTER)
    assert (done.rc, done.err) == (0, "")
    [(id, place)] = here.queue.places().items()
    assert place == "deferred" and f"\nuid: {USERS['alice']}\n" in here.queue.file(id).read_text()
    assert own_queue(here) == {}


@pytest.mark.parametrize("reply, status, words", [
    ("550 5.1.1 no such user", 67, "sendmail: b@far.test: not sent: 550 5.1.1 no such user\n"),
    ("552 5.2.2 mailbox full", 67, "552 5.2.2 mailbox full")])
def test_a_refusal_is_told_with_the_status_of_a_direct_submission(machine, scripted, reply, status, words):
    here = machine(scripted(refuse={"b@far.test": reply}))
    here.serve()
    direct = here.run(["--queue=off", "-t"], LETTER, user="root")
    done = here.run(["-t"], LETTER)
    assert (done.rc, direct.rc) == (status, status) and words in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize("options, reports", [([], 0), (["-oem"], 1)], ids=["print", "mail"])
def test_who_is_refused_among_others_is_told_at_once(machine, scripted, options, reports):
    """As by a direct submission; a report is sent where one is asked for, and not otherwise."""
    server = scripted(refuse={"n@far.test": "550 5.1.1 no"})
    here = machine(server)
    here.serve()
    for user in "root", "alice":
        done = here.run([*options, "n@far.test", "b@far.test"], LETTER, user=user)
        assert done.rc == 67 and "550 5.1.1 no" in done.err and "n@far.test" in done.err, user
        assert here.run(["-qf"], user="root").rc == 0
    messages = server.settle().messages
    assert [m.accepted for m in messages if m.sender] == [["b@far.test"]] * 2
    assert len([m for m in messages if not m.sender]) == reports * 2


def test_smtp_clients_get_a_report_about_who_is_refused_among_others(machine, scripted):
    """They cannot be told at once: neither one at the socket nor one of a user's own -bs."""
    server = scripted(refuse={"n@far.test": "550 5.1.1 no"})
    here = machine(server)
    here.serve()
    said = here.run(["-bs"], b"EHLO me\nMAIL FROM:<alice>\nRCPT TO:<n@far.test>\nRCPT TO:<b@far.test>\nDATA\nSubject: x\n\nhi\n.\nQUIT\n").out
    assert "1 of 2 recipients failed, a report is sent" in said
    raw = here.connect("alice")
    raw.say("EHLO me")
    for line in "MAIL FROM:<alice>", "RCPT TO:<n@far.test>", "RCPT TO:<b@far.test>", "DATA":
        raw.say(line)
    assert "a report is sent" in raw.say("Subject: x\r\n\r\nhi\r\n.")
    here.run(["-qf"], user="root")
    assert len([m for m in server.settle().messages if not m.sender]) == 2


@pytest.mark.parametrize("mode", ["q", "d"])
def test_odq_only_queues(machine, scripted, mode):
    server = scripted()
    here = machine(server)
    here.serve()
    assert here.run([f"-od{mode}", "-t"], LETTER).rc == 0
    assert server.connections == [] and list(here.queue.places().values()) == ["deferred"]
    assert here.run(["-qf"], user="root").rc == 0 and len(server.settle().messages) == 1


def test_odb_does_not_wait_for_the_provider(machine):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        here = machine(more=f"port {silent.getsockname()[1]}\n")
        here.serve()
        assert here.run(["-odb", "-t"], LETTER, timeout=20).rc == 0
        connection, _ = silent.accept()
        with connection:
            assert len(here.queue.places()) == 1


def test_sooner_is_not_sooner(machine, scripted):
    """What the machine only queues stays queued: whoever serves may have no password."""
    server = scripted()
    here = machine(server, more="delivery_mode queue\n")
    here.serve()
    for mode in "i", "b":
        assert here.run([f"-od{mode}", "-t"], LETTER).rc == 0
    assert server.connections == [] and len(here.queue.places()) == 2


def test_without_a_queue_trouble_is_told(machine):
    here = machine(more="queue off\n")
    here.serve()
    done = here.run(["-t"], LETTER)
    assert done.rc == 75 and "cannot connect to 127.0.0.1" in done.err and done.err.count("\n") == 1


def test_the_envelope_is_given_as_it_is(machine, scripted):
    server = scripted()
    here = machine(server, more="system_mail admin@mail.test\n")
    here.serve()
    done = here.run(["-f", "joe@far.test", "-V", "id1", "-N", "success,failure", "-R", "hdrs", "--", "root", "c@far.test"],
                    b"Subject: x\n\nhi\n")
    assert (done.rc, done.err) == (0, "")
    [message] = server.settle().messages
    assert message.accepted == ["admin@mail.test", "c@far.test"] and message.sender == "joe@far.test"
    mail = next(line for line in server.connections[0].commands if line.upper().startswith("MAIL"))
    assert "RET=HDRS" in mail and "ENVID=id1" in mail


def test_bcc_is_removed_and_minus_f_names_the_author(machine, scripted):
    server = scripted()
    here = machine(server)
    here.serve()
    assert here.run(["-t", "-F", "Änne (x)"], b"To: b@far.test\nBcc: c@far.test\n\nhi\n").rc == 0
    [message] = server.settle().messages
    assert message.accepted == ["b@far.test", "c@far.test"] and b"bcc" not in message.data.lower()
    author = str(make_header(decode_header(message_from_bytes(message.data)["From"])))
    assert re.fullmatch(r"alice on \S+ \(Änne \(x\)\) <machine@mail\.test>", author) and b"X-Original" not in message.data


@pytest.mark.parametrize("body", [b"a\r\nb\r\n", b".\n..\n.x\n", b"x" * 300000 + b"\n", b"no end", b"\n\n", b"a\rb\n",
                                  "Grüße\n".encode()], ids=range(7))
def test_the_message_is_what_a_direct_submission_sends(machine, scripted, body):
    server = scripted()
    here = machine(server)
    here.serve()
    for user in "root", "alice":
        assert here.run(["-i", "b@far.test"], b"From: a@far.test\nDate: x\nMessage-ID: <1@x.test>\nSubject: x\n\n" + body, user=user).rc == 0
    first, second = server.settle().messages
    assert first.data == second.data


def test_a_large_message(machine, scripted):
    server = scripted(keep_body=False)
    here = machine(server)
    here.serve()
    assert here.run(["-t"], LETTER + b"0123456789abcdef" * 63 + b"\n" * 20000).rc == 0
    assert len(server.settle().messages) == 1


# -- whoever has an account of his own -----------------------------------------------------------------------------

def test_an_account_of_ones_own_comes_first(machine, scripted):
    server, own = scripted(), scripted()
    here = machine(server)
    here.serve()
    here.put("home/alice/.relayrc", RC.format(host=own.host, port=own.port), owner="alice", mode=0o600)
    assert here.run(["-t"], LETTER).rc == 0
    assert (len(own.settle().messages), server.settle().messages) == (1, [])


def test_so_do_variables(machine, scripted):
    server, own = scripted(), scripted()
    here = machine(server)
    here.serve()
    assert here.run(["-t"], LETTER, env={"RELAY_HOST": own.host, "RELAY_PORT": str(own.port), "RELAY_TLS": "off",
                                         "RELAY_AUTH": "off", "RELAY_FROM": "a@b.test"}).rc == 0
    assert (len(own.settle().messages), server.settle().messages) == (1, [])


WORK = "account work\nhost 127.0.0.1\nport 9\ntls off\nauth off\nfrom alice@work.test\n"


def test_what_no_account_of_ones_own_takes_is_handed_over(machine, scripted):
    server = scripted()
    here = machine(server)
    here.serve()
    here.put("home/alice/.relayrc", WORK, owner="alice", mode=0o600)
    assert here.run(["-t"], LETTER).rc == 0
    assert here.run(["-t", "--read-envelope-from"], b"From: joe@far.test\n" + LETTER).rc == 0
    assert here.run(["-t", "--read-envelope-from"], b"From: alice@work.test\n" + LETTER).rc == 0
    assert len(server.settle().messages) == 2 and list(own_queue(here).values()) == ["deferred"]
    assert "did you mean" in here.run(["-a", "wrok", "-t"], LETTER).err


def test_accounts_of_the_machine_are_not_chosen_by_users(machine, scripted):
    server = scripted()
    here = machine(server)
    here.serve()
    done = here.run(["-a", "default", "-t"], LETTER)
    assert done.rc == 78 and done.err.count("\n") == 1
    assert done.err.startswith("sendmail: -a default: ") and "leave -a out, or write /home/alice/.relayrc" in done.err
    assert server.settle().messages == []


@pytest.mark.parametrize("sender", [[], ["-f", "alice@localhost"]])
def test_a_refusal_of_what_waited_in_the_own_queue_is_told_to_the_readers_of_local_mail(machine, scripted, sender):
    """The user's own configuration has no system_mail; the machine's has."""
    server = scripted(refuse={"b@far.test": "550 5.1.1 gone"})
    here = machine(server, more="system_mail ops@far.test\n")
    here.put("home/alice/.relayrc", WORK, owner="alice", mode=0o600)
    assert here.run([*sender, "b@far.test"], LETTER).returncode == 0
    here.serve()
    assert here.run(["-qf"]).returncode == 0
    [report] = server.settle().messages
    assert report.accepted == ["ops@far.test"]
    assert Report(report).of_one["Final-Recipient"] == "rfc822; b@far.test"
    assert list(own_queue(here).values()) == ["failed"]


def test_one_recipient_that_no_own_account_takes_sends_the_whole_message_through_the_service(machine, scripted):
    server, own = scripted(), scripted()
    here = machine(server)
    here.serve()
    rc = RC.format(host=own.host, port=own.port).replace("account default", "account work")
    here.put("home/alice/.relayrc", rc + "to *@work.test\n", owner="alice", mode=0o600)
    assert here.run(["a@work.test"], LETTER).rc == 0 and here.run(["a@work.test", "b@far.test"], LETTER).rc == 0
    assert [m.accepted for m in own.settle().messages] == [["a@work.test"]]
    assert [m.accepted for m in server.settle().messages] == [["a@work.test", "b@far.test"]]


def test_without_the_service_it_waits_in_the_own_queue(machine, scripted):
    server = scripted()
    here = machine(server)
    here.put("home/alice/.relayrc", WORK, owner="alice", mode=0o600)
    done = here.run(["-t"], LETTER)
    assert (done.rc, done.err) == (0, "")
    [(id, place)] = own_queue(here).items()
    assert place == "deferred" and "(/run/relay/submit)" not in done.err
    assert here.run(["-q"]).rc == 0 and len(own_queue(here)) == 1
    here.serve()
    assert here.run(["-qf"]).rc == 0 and own_queue(here) == {}
    [message] = server.settle().messages
    assert message.accepted == ["b@far.test"] and message.sender == "machine@mail.test"


# -- when it cannot be had ---------------------------------------------------------------------------------------------------

def test_there_is_no_service(machine):
    here = machine()
    done = here.run(["-t"], LETTER)
    assert done.rc == 78 and done.err.count("\n") == 1
    assert "systemctl start relay-submit.socket" in done.err and "/run/relay/submit" in done.err


def test_nobody_listens(machine):
    here = machine()
    here.serve()
    here.stop()         # the socket's file stays
    done = here.run(["-t"], LETTER)
    assert done.rc == 75 and "Connection refused" in done.err and "systemctl start relay-submit.socket" in done.err


def test_no_configuration_at_all(machine):
    here = machine()
    (here.root / "etc/relayrc").unlink()
    done = here.run(["-t"], LETTER)
    assert done.rc == 78 and "no configuration: write /home/alice/.relayrc or /etc/relayrc" in done.err


def test_only_the_socket(machine, scripted):
    """A container that is given the socket of its host, and nothing else."""
    server = scripted()
    here = machine(server)
    here.serve()
    here.directory("hidden", mode=0o700)
    rc = (here.root / "etc/relayrc").rename(here.root / "hidden/relayrc")
    assert here.run(["-t"], LETTER).rc == 78            # the service has lost its file
    here.stop()
    here.serve(command=("/usr/sbin/sendmail", "-bs", "-C", "/hidden/relayrc"))
    here.directory("hidden")
    os.chown(rc, USERS["relay"], USERS["relay"])
    assert here.run(["-t"], LETTER).rc == 0 and len(server.settle().messages) == 1


def test_a_service_that_is_full_is_tried_again(machine, scripted):
    here = machine(scripted())
    service = here.serve(most=1)
    with here.socket("bob") as bob:
        assert bob.recv(100).startswith(b"220 ")
        threading.Timer(1.0, bob.shutdown, [socket.SHUT_RDWR]).start()
        began = time.monotonic()
        done = here.run(["-t"], LETTER)
    assert (done.rc, done.err) == (0, "") and time.monotonic() - began > 0.9 and len(service.running) == 1


def test_a_service_that_stays_full(machine):
    """Tried for half a minute, and then the caller keeps the message."""
    here = machine()
    here.serve(most=0)
    began = time.monotonic()
    done = here.run(["-t"], LETTER)
    assert done.rc == 75 and "closed the connection" in done.err and 25 < time.monotonic() - began < 45


WHY, DECIDES = "no account of yours takes all of it", "as the machine decides"


def test_what_would_be_done(machine):
    here = machine()
    here.serve()
    done = here.run(["-bv", "root", "c@far.test"])
    assert (done.rc, done.err, done.out) == (
        0, "", "account: the machine's, by /run/relay/submit\nsender: <alice>\nrecipient: <root>\nrecipient: <c@far.test>\n"
        f"why: {WHY}\nFrom: {DECIDES}\nserver: {DECIDES}\n")
    done = here.run(["route", "root", "c@far.test"], name="relay")
    assert (done.rc, done.err, done.out) == (0, "", "".join(
        f"{name}\n  account   the machine's, by /run/relay/submit: {WHY}\n  sender    <alice>\n"
        f"  From      {DECIDES}\n  server    {DECIDES}\n" for name in ("root", "c@far.test")))


def test_the_aliases_are_the_machines(machine):
    here = machine()
    here.serve()
    done = here.run([], name="newaliases")
    assert done.rc == 78 and done.err.startswith("newaliases: you have no account of your own: your mail goes through the service of the machine")


def test_an_own_account_need_not_be_the_default(machine):
    here = machine()
    here.serve()
    here.put("home/alice/.relayrc", "account mine\nhost 127.0.0.1\ntls off\nfrom me@far.test\n", owner="alice", mode=0o600)
    done = here.run(["check", "--offline"], name="relay")
    assert (done.rc, done.err) == (0, "")


@pytest.mark.parametrize("name,args", [("relay", ["route"]), ("sendmail", ["-bv"])])
def test_nobody_takes_it(machine, name, args):
    done = machine().run([*args, "c@far.test"], name=name)
    assert (done.rc, done.out) == (78, "") and "relay-submit.socket" in done.err


def test_bs_of_a_user_hands_over_too(machine, scripted):
    server = scripted(refuse={"n@far.test": "550 5.1.1 no"})
    here = machine(server)
    here.serve()
    said = here.run(["-bs"], b"EHLO me\nMAIL FROM:<alice>\nRCPT TO:<b@far.test>\nDATA\nSubject: x\n\nhi\n.\n"
                             b"MAIL FROM:<alice>\nRCPT TO:<n@far.test>\nDATA\nSubject: x\n\nhi\n.\nQUIT\n").out
    assert re.search(r"^250 2\.0\.0 Ok: queued as [0-9A-Z]{15}\r$", said, re.M)
    # What a service of one's own would say.
    assert re.search(r"^550 5\.1\.1 <n@far\.test>: 550 5\.1\.1 no\r$", said, re.M)
    assert len(server.settle().messages) == 1


# -- what a caller may set ---------------------------------------------------------------------------------------------------

HOSTILE = {"HOME": "/tmp/evil", "XDG_CONFIG_HOME": "/tmp/evil", "XDG_STATE_HOME": "/tmp/evil", "TMPDIR": "/tmp/evil", "SSLKEYLOGFILE": "/tmp/k",
           "GNUTLS_DEBUG_LEVEL": "9", "GNUTLS_SYSTEM_PRIORITY_FILE": "/tmp/p", "SSL_CERT_FILE": "/tmp/c", "SSL_CERT_DIR": "/tmp",
           "HOSTALIASES": "/tmp/h", "USER": "root", "LOGNAME": "root", "HOSTNAME": "evil.test"}


@pytest.mark.parametrize("options", [["-X", "/tmp/log"], ["-O", "DeliveryMode=q"], ["-OQueueDirectory=/tmp"], ["--port=1"], ["--tls=on"],
                                     ["--socket=/tmp/s"], ["--logfile=/tmp/log"], ["--queue-directory=/tmp/q"],
                                     ["--passwordeval=touch /tmp/x"], ["-oA/tmp/a"], ["--from=joe@far.test"]], ids=lambda o: o[0])
def test_options_and_environment_mean_nothing(machine, scripted, options):
    server = scripted()
    here = machine(server)
    here.serve()
    done = here.run([*options, "-t"], LETTER, env=HOSTILE)
    assert (done.rc, done.err) == (0, "")
    [message] = server.settle().messages
    assert message.sender in ("machine@mail.test", "joe@far.test") and list((here.root / "tmp").iterdir()) == []


def test_a_home_that_is_closed_is_not_ones_own(machine, scripted):
    """A service that was started with root's HOME."""
    server = scripted()
    here = machine(server)
    here.serve()
    (here.root / "root").chmod(0o700)
    assert here.run(["-t"], LETTER, env={"HOME": "/root"}).rc == 0
    assert len(server.settle().messages) == 1
    here.put("home/alice/.relayrc", WORK, mode=0o600)
    assert here.run(["-t"], LETTER).rc == 78
