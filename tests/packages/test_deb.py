"""packaging/debian: the package, installed in a Debian of its own, without systemd running; who can send, and who can read
what; removed and purged."""
import email
import re
import shutil
import subprocess

import pytest
from lib.jail import ServerFailed
from lib.syslog import Syslog
from serving import (FROM_USER, HANDOVER, LOGIN, MESSAGE, OTHERS_QUEUE, SECRET, Listening, answers, arrived, fill_in, make_root,
                     needs, session)

def field(deb, name):
    return subprocess.run(["dpkg-deb", "-f", deb, name], capture_output=True, text=True, check=True).stdout.strip()


# -- the package as a file -------------------------------------------------------------------------------------------

def test_lintian(deb):
    if not shutil.which("lintian"):
        pytest.skip("no lintian")
    changes, = deb.parent.glob("*.changes")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", changes], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_is_a_mail_transport_agent(deb):
    for name in ("Provides", "Conflicts", "Replaces"):
        assert field(deb, name) == "mail-transport-agent"
    # Loaded when they are needed, so nothing else tells the packager of them.
    assert all(library in field(deb, "Depends") for library in ("libgnutls30", "libgsasl18", "libidn2-0"))


def test_what_is_in_it(deb):
    listed = subprocess.run(["dpkg-deb", "-c", deb], capture_output=True, text=True, check=True).stdout
    modes = {line.split()[5].lstrip("."): line.split()[0] for line in listed.splitlines()}
    links = dict(re.findall(r" \.(/\S+) -> (\S+)$", listed, re.M))
    assert {path: links.get(path) for path in ("/usr/lib/sendmail", "/usr/bin/mailq", "/usr/bin/newaliases", "/usr/bin/relay")} \
        == dict.fromkeys(("/usr/lib/sendmail", "/usr/bin/mailq", "/usr/bin/newaliases", "/usr/bin/relay"), "../sbin/sendmail")
    manual = [f"/usr/share/man/man{page[-1]}/{page}.gz" for page in
              ("sendmail.8", "relay.1", "relayrc.5", "relay-queue.7", "mailq.1", "newaliases.1")]
    assert set(manual) <= set(modes)
    # Nothing has another mode than every file, least of all set-uid; nothing of /etc/relayrc or the queue is in it.
    assert set(modes.values()) <= {"drwxr-xr-x", "-rwxr-xr-x", "-rw-r--r--", "lrwxrwxrwx"}
    assert {path for path in modes if path.startswith("/etc/") and not path.endswith("/")} == {"/etc/cron.d/relay"}
    assert not any(path.startswith("/var/") for path in modes)


# -- installed ---------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def installed(deb, pki, server_of_session):
    """Installed with answers, filled in, and the socket served."""
    root = make_root()
    try:
        root.install(deb, answers(server_of_session))
        fill_in(root, pki)
        log = Syslog(root.path / "dev/log")
        with Listening(root) as root.listening:
            yield root
        log.close()
    finally:
        root.__exit__()


def test_relayrc_is_made_of_the_answers(installed):
    text = (installed.path / "etc/relayrc").read_text()
    settings = dict(line.split(maxsplit=1) for line in text.splitlines() if line and line[0] != "#")
    assert settings.pop("port").isdigit()
    assert settings == {"host": "127.0.0.1", "tls_starttls": "on", "user": LOGIN, "from": LOGIN, "system_mail": "admin@mail.test",
                        "syslog": "LOG_MAIL", "password": SECRET, "tls_trust_file": "/etc/ca.pem"}
    assert "error" not in installed.run("relay", "check", "--offline")


def test_owners_and_modes(installed):
    said = installed.run("stat", "-c", "%n %U:%G %a", "/etc/relayrc", "/var/spool/relay", "/usr/sbin/sendmail")
    assert said.splitlines() == ["/etc/relayrc root:relay 640", "/var/spool/relay relay:relay 700",
                                 "/usr/sbin/sendmail root:root 755"]
    entry = installed.run("getent", "passwd", "relay").strip().split(":")
    assert (entry[5], entry[6]) == ("/var/spool/relay", "/usr/sbin/nologin") and 0 < int(entry[2]) < 1000
    assert installed.run("id", "-Gn", "relay").strip() == "relay"


def test_units_that_are_switched_on(installed):
    found = {str(p.relative_to(installed.path / "etc/systemd/system")) for p in (installed.path / "etc/systemd").rglob("*relay*")}
    assert found == {"sockets.target.wants/relay-submit.socket", "timers.target.wants/relay-flush.timer"}


def test_nobody_reads_the_password_or_the_queue(installed):
    for user in ("alice", "bob", "www-data", "nobody"):
        assert installed.may(user, "stat", "/etc/relayrc")
        for command in (["cat", "/etc/relayrc"], ["cp", "/etc/relayrc", "/tmp/x"], ["ls", "/var/spool/relay"],
                        ["touch", "/var/spool/relay/x"], ["sh", "-c", "echo >>/etc/relayrc"], ["rm", "-f", "/etc/relayrc"]):
            assert not installed.may(user, *command), (user, command)
    assert installed.may("relay", "cat", "/etc/relayrc") and not installed.may("relay", "sh", "-c", "echo >>/etc/relayrc")


def test_root_sends(installed, server):
    installed.run("sendmail", "root", data=MESSAGE)
    message, mail = arrived(server)
    assert (message.sender, message.recipients) == (LOGIN, ["admin@mail.test"]) and mail["Subject"] == "hello"


def test_smtp_through_the_socket(installed, server):
    with session(installed.listening.path) as client:
        client.sendmail("alice", ["joe@mail.test"], MESSAGE.replace("\n", "\r\n"))
    message, mail = arrived(server)
    assert (message.sender, message.recipients) == (LOGIN, ["joe@mail.test"]) and mail["Subject"] == "hello"


@pytest.mark.parametrize("user, sandboxed", [("alice", False), ("www-data", False), ("alice", True), ("www-data", True)],
                         ids=lambda v: v if isinstance(v, str) else "no-new-privs" if v else "plain")
def test_users_send(installed, server, relay, user, sandboxed):
    needs(relay, HANDOVER)
    installed.run("sendmail", "-i", "joe@mail.test", "root", user=user, data=FROM_USER.format(user), no_new_privs=sandboxed)
    message, mail = arrived(server)
    assert message.sender == LOGIN and sorted(message.recipients) == ["admin@mail.test", "joe@mail.test"]
    assert user in mail["From"] and mail["Subject"] == "hello"


def test_users_see_their_own_mail_only(installed, server, relay):
    needs(relay, OTHERS_QUEUE)
    try:
        for user in ("alice", "www-data"):
            installed.run("sendmail", "later-" + user + "@mail.test", user=user, data=f"Subject: of {user}\n\nprivate\n")
        for user, other in ("alice", "www-data"), ("www-data", "alice"):
            said = installed.run("mailq", user=user)
            assert f"later-{user}@" in said and f"later-{other}@" not in said
        both = installed.run("mailq")
        assert "later-alice@" in both and "later-www-data@" in both
        identifier = re.search(r"^(\w{10,})[ *!]", installed.run("mailq", user="alice"), re.M)[1]
        for verb in ("show", "export", "hold", "delete"):
            said = installed.run("relay", "queue", verb, identifier, user="www-data", status=None)
            assert "private" not in said
        assert identifier in installed.run("mailq", user="alice")
    finally:
        installed.run("relay", "queue", "delete", "ALL", status=None)


def test_a_user_who_cannot_send_is_told(installed, relay):
    """The socket is not there: a status that is not 0, and one line."""
    installed.listening.path.rename(installed.listening.path.with_name("away"))
    try:
        with pytest.raises(ServerFailed, match="status (75|78): sendmail: "):
            installed.run("sendmail", "joe@mail.test", user="alice", data=MESSAGE)
    finally:
        installed.listening.path.with_name("away").rename(installed.listening.path)


def test_crons_line(installed):
    """With systemd it does nothing; without, what waits is sent, and nothing printed."""
    line, = [x for x in (installed.path / "etc/cron.d/relay").read_text().splitlines() if x.startswith("*/5 * * * * relay ")]
    assert "%" not in line
    command = line.removeprefix("*/5 * * * * relay ")
    assert installed.run("sh", "-ec", command, user="relay") == ""
    marker = "if [ -d /run/systemd/system ]; then echo on; fi; "
    (installed.path / "run/systemd/system").mkdir(parents=True)
    try:
        broken = command.replace("/usr/bin/relay queue", "/bin/false")
        assert installed.run("sh", "-ec", marker + broken, user="relay") == "on\n"
    finally:
        (installed.path / "run/systemd/system").rmdir()
        (installed.path / "run/systemd").rmdir()


def test_reinstalling_changes_nothing_of_the_admins(installed, deb):
    rc = installed.path / "etc/relayrc"
    before = rc.read_text(), rc.stat().st_mode, rc.stat().st_gid
    installed.apt("install", "--reinstall", f"/tmp/{deb.name}")
    assert (rc.read_text(), rc.stat().st_mode, rc.stat().st_gid) == before


def test_other_programs_take_it_for_their_mail_program(installed):
    """One that needs a mail program brings no other; another one takes its place."""
    assert "Inst exim4" not in installed.apt("install", "-s", "bsd-mailx")
    assert "Remv relay" in installed.apt("install", "-s", "nullmailer")


# -- from nothing to nothing -------------------------------------------------------------------------------------------

@pytest.fixture
def bare():
    root = make_root()
    yield root
    root.__exit__()


def test_without_answers_and_back(bare, deb):
    """Nothing is asked and nothing answered; removed, mail and configuration stay; purged, nothing does."""
    files, accounts = bare.files(), bare.accounts()
    bare.install(deb)
    rc = bare.path / "etc/relayrc"
    assert [line for line in rc.read_text().splitlines() if line and line[0] != "#"] == ["syslog LOG_MAIL"]
    assert rc.stat().st_mode & 0o777 == 0o640
    assert bare.run("sendmail", "joe@mail.test", data=MESSAGE, status=78).count("\n") == 1

    rc.write_text("host mail.test\nfrom user@mail.test\nsystem_mail admin@mail.test\n")
    bare.run("sendmail", "-odq", "joe@mail.test", user="relay", data=MESSAGE)
    bare.apt("remove", "relay")
    assert not (bare.path / "usr/sbin/sendmail").exists() and rc.read_text().startswith("host mail.test\n")
    waiting = [p for p in (bare.path / "var/spool/relay").rglob("deferred/*") if p.is_file()]
    assert len(waiting) == 1

    bare.install(deb)
    assert rc.read_text().startswith("host mail.test\n") and waiting[0].exists()

    bare.apt("purge", "relay")
    bare.apt("autoremove", "--purge")
    assert bare.files() - files == set()
    assert bare.accounts() == accounts
    assert "relay/" not in (bare.path / "var/cache/debconf/config.dat").read_text()


def test_a_relayrc_that_is_there_is_left_alone(bare, deb):
    bare.put("etc/relayrc", "host own.test\n", 0o600)
    said = bare.install(deb, {"host": "other.test"})
    assert (bare.path / "etc/relayrc").read_text() == "host own.test\n"
    assert "chgrp relay /etc/relayrc && chmod 640 /etc/relayrc" in said
