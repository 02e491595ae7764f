"""Passwords in a keyring: a real gnome-keyring-daemon on a D-Bus of its own. It may be locked, missing, dead, or hang;
the mail waits then, and one line says why."""
import re
import subprocess
import time
from pathlib import Path

import pytest

from lib.keyring import Keyring, NoKeyring

MESSAGE = b"From: sender@mail.test\nSubject: x\n\ntext\n"
USER, PASSWORD = "user@mail.test", "xyzzy-Plugh-9"
ENTRY = {"host": "127.0.0.1", "service": "smtp", "user": USER}
# Of GLib and of what comes with libsecret.
LIBRARIES = re.compile(r"lib(secret|glib|gobject|gio|gcrypt)[-.\w]*\.so")


@pytest.fixture
def keyring(tmp_path):
    folder = tmp_path / "keyring"
    folder.mkdir(mode=0o700)
    try:
        with Keyring(folder) as running:
            yield running
    except NoKeyring as reason:
        pytest.skip(str(reason))


@pytest.fixture
def login(scripted, relayrc, run_sendmail):
    def call(env=None, settings=None, **options):
        server = scripted(tls="implicit", auth=["PLAIN"], users={USER: PASSWORD})
        rc = relayrc(server, **{"user": USER, "timeout": 5} | (settings or {}))
        return run_sendmail(["r@mail.test"], MESSAGE, rc, env=env, **options), server.settle()
    return call


def accepted(done, server):
    assert (done.rc, done.err, done.out) == (0, "", "")
    assert len(server.messages) == 1 and server.connections[0].auth_seen["password"] == PASSWORD


def refused(done, server, *words):
    """No password: temporary, the server was left alone, one line says why."""
    assert (done.rc, done.out, server.connections) == (75, "", [])
    [line] = done.err.splitlines()
    for word in ("no password for", "netrc: ", "terminal: ", *words):
        assert word in line
    assert PASSWORD not in line
    return line


@pytest.mark.parametrize("entry", [ENTRY, {"user": USER, "protocol": "smtp", "server": "127.0.0.1"}], ids=["msmtp", "network"])
def test_what_others_stored_is_found(keyring, login, entry):
    keyring.store(PASSWORD, **entry)
    accepted(*login(keyring.environment))


def test_entries_of_others_are_left_alone(keyring, login):
    for name, value in (("host", "127.0.0.2"), ("service", "imap"), ("user", "other")):
        keyring.store("no", **(ENTRY | {name: value}))
    refused(*login(keyring.environment), "keyring: it has no such entry")


def test_session_is_found_without_its_variable(keyring, login, tmp_path):
    """As in cron, where only the place of the bus is known."""
    keyring.store(PASSWORD, **ENTRY)
    accepted(*login({"XDG_RUNTIME_DIR": str(keyring.folder)}))


def test_locked_keyring_is_told_and_the_mail_waits(keyring, login, home, queue):
    keyring.store(PASSWORD, **ENTRY)
    keyring.restart(unlocked=False)
    refused(*login(keyring.environment), "keyring: it is locked, and there is no display")
    # Nobody can be asked on this display either: there is no program for it.
    refused(*login(keyring.environment | {"DISPLAY": ":99"}), "keyring: ")
    # What comes later in the order is still asked.
    home(".netrc", f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    accepted(*login(keyring.environment))


def test_mail_waits_in_the_queue_and_goes_when_the_keyring_is_open(keyring, account, scripted, run_sendmail, queue):
    keyring.store(PASSWORD, **ENTRY)
    keyring.restart(unlocked=False)
    server = scripted(tls="none", auth=["PLAIN"], users={USER: PASSWORD})
    account(server, user=USER, auth="plain", auth_cleartext="on")
    done = run_sendmail(["r@mail.test"], MESSAGE, env=keyring.environment)
    assert done.rc == 0 and server.settle().connections == []
    assert "keyring: it is locked" in run_sendmail([], name="mailq", env=keyring.environment).out
    keyring.restart(unlocked=True)
    assert run_sendmail(["-qf"], env=keyring.environment).rc == 0
    assert len(server.settle().messages) == 1


def test_keyring_that_is_not_there_is_told(keyring, login):
    keyring.stop_daemon()
    refused(*login(keyring.environment), "keyring: no keyring program runs in this session")
    refused(*login({"DBUS_SESSION_BUS_ADDRESS": f"unix:path={keyring.folder}/none"}), "keyring: ")
    refused(*login({}), "keyring: there is no D-Bus session")


def test_keyring_that_hangs_is_killed_at_the_deadline(keyring, login):
    keyring.store(PASSWORD, **ENTRY)
    keyring.freeze()
    started = time.monotonic()
    refused(*login(keyring.environment), "keyring: it took too long")
    assert 8 < time.monotonic() - started < 25


def test_keyring_that_dies_during_the_call(keyring, start, scripted, relayrc):
    keyring.store(PASSWORD, **ENTRY)
    keyring.freeze()
    server = scripted(tls="implicit", auth=["PLAIN"], users={USER: PASSWORD})
    before = keyring.connections()
    process = start(["--queue=off", "r@mail.test"], relayrc(server, user=USER),
                    env={"HOME": str(keyring.folder), "PATH": "/usr/bin:/bin"} | keyring.environment)
    process.stdin.write(MESSAGE)
    process.stdin.close()
    process.stdin = None
    end = time.monotonic() + 20
    while keyring.connections() <= before:
        assert process.poll() is None and time.monotonic() < end
    keyring.stop_daemon()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 75 and server.settle().connections == []
    [line] = err.decode().splitlines()
    assert "keyring: " in line and PASSWORD not in line


def opened(trace, pattern):
    """{process: the libraries it opened}, of those that fit; the process that was started comes first in the trace."""
    libraries = {}
    for line in trace.read_text().splitlines():
        pid, call = line.split(" ", 1)
        libraries.setdefault(pid, set())
        if "openat(" in call and " = -1 " not in call:
            libraries[pid] |= {found.group() for found in pattern.finditer(call)}
    return list(libraries.values())


def test_ordinary_send_maps_no_glib(keyring, login, relay, tmp_path):
    if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("strace cannot trace here")
    if b"__asan_init" in Path(relay).read_bytes():
        pytest.skip("what the sanitizers do under strace is not looked at")
    trace = tmp_path / "trace"
    under = ["strace", "-f", "-o", trace, "-e", "trace=openat", "-E", "LC_ALL=C"]
    keyring.store(PASSWORD, **ENTRY)
    accepted(*login(keyring.environment, {"password": PASSWORD}, under=under))
    assert not any(opened(trace, LIBRARIES)) and any(opened(trace, re.compile("libgnutls")))
    # When the keyring is asked, its libraries come into a process of their own, not into the one that sends.
    accepted(*login(keyring.environment, under=under))
    sender, *others = opened(trace, LIBRARIES)
    assert not sender and any("libsecret-1.so" in found for found in others)


# -- relay password -------------------------------------------------------------------------------------------------

@pytest.fixture
def password(run_sendmail, home):
    def call(*args, stdin=b"", env=None, rc=f"host 127.0.0.1\nfrom me@mail.test\nuser {USER}\n"):
        if rc is not None:
            home(".relayrc", rc)
        done = run_sendmail(["password", *args], stdin, name="relay", env=env)
        assert PASSWORD not in done.out + done.err
        return done
    return call


def test_set_test_forget(keyring, password, login):
    env = keyring.environment
    assert password("test", env=env).rc == 75
    keyring.store("old", **ENTRY)
    keyring.store("older", **ENTRY, port="465")
    done = password("set", stdin=f"{PASSWORD}\nsecond line\n".encode(), env=env)
    assert (done.rc, done.err, done.out) == (0, "", "account default: the password is in the keyring\n")
    assert keyring.lookup(**ENTRY) == PASSWORD
    accepted(*login(env))
    done = password("test", "default", env=env)
    assert (done.rc, done.err) == (0, "")
    assert done.out == f"account default: the password for {USER} at 127.0.0.1 comes from the keyring\n"
    assert password("forget", env=env).rc == 0 and keyring.lookup(**ENTRY) is None
    done = password("forget", env=env)
    assert done.rc == 66 and "no password of account default" in done.err


def test_locked_keyring_is_not_replaced_by_a_file(keyring, password, environment):
    keyring.store("old", **ENTRY)
    keyring.restart(unlocked=False)
    for command in ("set", "test", "forget"):
        done = password(command, stdin=PASSWORD.encode(), env=keyring.environment)
        assert done.rc == 75 and "it is locked" in done.err and done.err.count("\n") == 1
    assert not Path(environment["HOME"], ".config").exists()
