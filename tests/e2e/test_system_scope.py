"""The system scope: root and the user `relay` send as /etc/relayrc says, with the queue of the machine, and nothing that a caller
sets in environment or options changes that."""
import os

import pytest

from lib.machine import RC, USERS, machine     # noqa: F401

LETTER = b"To: b@far.test\nSubject: x\n\nhi\n"
def head(machine, id):
    return machine.queue.file(id).read_text().split("\n\n")[0]


def the_only(machine):
    places = machine.queue.places()
    assert len(places) == 1, places
    return next(iter(places))


def test_root_sends_as_the_machine(machine, scripted):
    server = scripted()
    done = machine(server).run(["-t"], LETTER, user="root")
    assert (done.rc, done.err) == (0, "")
    [message] = server.settle().messages
    assert message.sender == "machine@mail.test"


@pytest.mark.parametrize("user", ["root", "relay"])
def test_what_waits_is_in_the_queue_of_the_machine(machine, user):
    here = machine()
    done = here.run(["-t", "-odq"], LETTER, user=user)
    assert done.rc == 0, done.err
    id = the_only(here)
    assert f"\nuid: {USERS[user]}\n" in head(here, id)
    for path in (here.queue.path, here.queue.file(id)):
        assert (path.stat().st_uid, path.stat().st_mode & 0o77) == (USERS["relay"], 0)
    assert not (here.root / "root/.local").exists()



def test_root_and_the_queue_run_have_no_rights_left(machine, scripted):
    """A password file that only root may read is of no use to the machine's account."""
    here = machine(scripted(auth=["PLAIN"]))
    here.put("etc/password", "secret\n", mode=0o600)
    here.configure((here.root / "etc/relayrc").read_text().replace("auth off", "auth plain\nauth_cleartext on\nuser u\n"
                                                                   "password_file /etc/password"))
    assert here.run(["-t"], LETTER, user="root").rc == 0
    assert "password_file: /etc/password: Permission denied" in here.run([], name="mailq", user="root").out


HOSTILE = {"HOME": "/home/alice", "XDG_CONFIG_HOME": "/home/alice", "XDG_STATE_HOME": "/tmp", "TMPDIR": "/tmp", "RELAY_HOST": "127.0.0.1",
           "RELAY_PORT": "1", "RELAY_LOGFILE": "/tmp/log", "SSLKEYLOGFILE": "/tmp/keys", "GNUTLS_DEBUG_LEVEL": "9",
           "GNUTLS_SYSTEM_PRIORITY_FILE": "/tmp/p", "SSL_CERT_FILE": "/tmp/c", "SSL_CERT_DIR": "/tmp", "HOSTALIASES": "/tmp/h",
           "LOCALDOMAIN": "evil.test", "RES_OPTIONS": "debug", "USER": "evil", "LOGNAME": "evil", "HOSTNAME": "evil.test"}


def test_the_environment_of_the_user_relay_means_nothing(machine, scripted):
    server = scripted()
    here = machine(server)
    here.put("home/alice/.relayrc", "host 127.0.0.1\nport 1\ntls off\nfrom a@b.test\n", owner="relay", mode=0o600)
    here.put("home/alice/relay/relayrc", "host 127.0.0.1\nport 1\ntls off\nfrom a@b.test\n", owner="relay", mode=0o600)
    done = here.run(["-t"], LETTER, user="relay", env=HOSTILE)
    assert (done.rc, done.err) == (0, "")
    assert len(server.settle().messages) == 1
    assert here.run(["-odq", "-t"], LETTER, user="relay", env=HOSTILE).rc == 0
    assert len(here.queue.places()) == 1 and list((here.root / "tmp").iterdir()) == []


@pytest.mark.parametrize("option", [["-X", "/tmp/log"], ["--logfile=/tmp/log"], ["--port=1"], ["--tls=on"], ["--queue-directory=/tmp/q"],
                                    ["--queue=off"], ["--passwordeval=touch /tmp/x"], ["-oA/tmp/aliases"], ["-OAliasFile=/tmp/aliases"],
                                    ["--socket=/tmp/s"], ["--proxy-host=127.0.0.1"], ["--tls-trust-file=/tmp/t"], ["--syslog=on"]],
                         ids=lambda words: words[0])
def test_settings_of_the_command_line_mean_nothing(machine, scripted, option):
    server = scripted()
    here = machine(server)
    done = here.run([*option, "-t"], LETTER, user="root")
    assert (done.rc, done.err) == (0, "")
    assert len(server.settle().messages) == 1 and list((here.root / "tmp").iterdir()) == []


def test_it_is_said_when_somebody_watches(machine, scripted):
    done = machine(scripted()).run(["-v", "--port=1", "-t"], LETTER, user="root")
    assert done.rc == 0 and "sendmail: port on the command line means nothing here: /etc/relayrc alone counts" in done.err


def test_root_with_a_file_of_his_own_is_a_user_like_others(machine, scripted):
    server, own = scripted(), scripted()
    here = machine(server)
    here.put("root/.relayrc", RC.format(host=own.host, port=own.port), mode=0o600)
    assert here.run(["-t"], LETTER, user="root").rc == 0
    assert here.run(["-t", "-odq"], LETTER, user="root").rc == 0
    assert (len(own.settle().messages), server.settle().messages) == (1, []) and here.queue.places() == {}
    assert (here.root / "root/.local/state/relay/queue").is_dir()


def test_a_named_file_or_host_is_not_the_machines(machine, scripted):
    server, own = scripted(), scripted()
    here = machine(server)
    here.put("root/other", RC.format(host=own.host, port=own.port), mode=0o600)
    assert here.run(["-C", "/root/other", "-t"], LETTER, user="root").rc == 0
    assert here.run([f"--host={own.host}", f"--port={own.port}", "--tls=off", "--auth=off", "-t"], LETTER, user="root").rc == 0
    assert (len(own.settle().messages), server.settle().messages) == (2, []) and here.queue.places() == {}


def test_without_a_user_relay_root_stays_root(machine):
    """A container."""
    here = machine(relay_user=False)
    assert here.run(["-t", "-odq"], LETTER, user="root").rc == 0
    id = the_only(here)
    assert "\nuid: 0\n" in head(here, id) and here.queue.file(id).stat().st_uid == 0
    assert here.queue.path.stat().st_mode & 0o777 == 0o700
    assert "Request" in here.run([], name="mailq", user="root").out


@pytest.mark.parametrize("env", [{}, {"HOME": "/home/alice"}, {"HOME": "/home/alice", "XDG_STATE_HOME": "/home/alice/evil"}, {"XDG_CONFIG_HOME": "/home/alice"}])
@pytest.mark.parametrize("has_file", [True, False])
def test_a_program_that_is_set_uid_root_does_not_write_for_its_caller(machine, env, has_file):
    """It has the environment of who started it, and calls us with root's rights."""
    here = machine()
    here.directory("home/alice/evil", owner="alice")
    os.symlink("/etc", here.root / "home/alice/evil/relay")
    here.put("home/alice/relay/relayrc", "host evil\n", owner="alice", mode=0o600)
    if not has_file:
        here.put("root/.relayrc", (here.root / "etc/relayrc").read_text(), mode=0o600)
    done = here.run(["-t", "-odq"], LETTER, user="root", env=env, more=lambda: os.setresuid(USERS["alice"], 0, 0))
    assert (done.rc, done.err) == (0, "")
    assert not (here.root / "etc/queue").exists() and not (here.root / "home/alice/.local").exists()
    if has_file:
        assert f"\nuid: {USERS['alice']}\n" in head(here, the_only(here))
    else:
        assert (here.root / "root/.local/state/relay/queue").is_dir()


@pytest.fixture
def nameless(machine, scripted):
    """The user relay is there, but his name is not."""
    here = machine(scripted())
    passwd = (here.root / "etc/passwd").read_text()
    here.put("etc/passwd", "".join(line for line in passwd.splitlines(True) if not line.startswith("relay:")))
    return here


def test_root_does_not_send_as_root_when_the_user_is_not_found(nameless):
    done = nameless.run(["-t"], LETTER, user="root")
    assert done.rc == 75 and done.err == (f"sendmail: /var/spool/relay belongs to user {USERS['relay']}, but there is no user relay to become: "
                                          "the mail of the machine is not sent as root\n")


def test_a_service_without_its_name_is_the_service(nameless):
    nameless.serve()
    client = nameless.connect("alice")
    client.say("EHLO me")
    assert client.say("MAIL FROM:<bob>").startswith("553 ") and client.letter("alice").startswith("250 ")


def test_root_makes_the_folder_of_the_queue(machine):
    here = machine()
    os.rmdir(here.root / "var/spool/relay")
    assert here.run(["-t", "-odq"], LETTER, user="root").rc == 0
    assert here.queue.path.stat().st_uid == USERS["relay"] and len(here.queue.places()) == 1


@pytest.mark.parametrize("user", ["root", "relay"])
def test_list_and_commands_are_about_the_queue_of_the_machine(machine, user):
    here = machine()
    assert here.run(["-t", "-odq"], LETTER, user="root").rc == 0
    id = the_only(here)
    assert id in here.run([], name="mailq", user=user).out
    assert here.run(["queue", "hold", id], name="relay", user=user).rc == 0
    assert here.queue.place(id) == "hold"


def test_an_ordinary_user_pays_little(machine, scripted):
    """Who may read /etc/relayrc sends with it, and with a queue of his own."""
    server = scripted()
    here = machine(server)
    here.configure((here.root / "etc/relayrc").read_text(), group="alice")
    assert here.run(["-t"], LETTER, user="alice").rc == 0
    assert here.run(["-t", "-odq"], LETTER, user="alice").rc == 0
    assert len(server.settle().messages) == 1 and here.queue.places() == {}
    assert (here.root / "home/alice/.local/state/relay/queue").is_dir()
