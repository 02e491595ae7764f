"""packaging/systemd: how the units are confined, that they are right, and where meson puts them."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lib.scripted import ScriptedServer

TOP = Path(__file__).resolve().parents[2]
UNITS = TOP / "packaging/systemd"
SERVICES = ["relay-flush", "relay-flush-now", "relay-smtp@", "relay-submit@"]
EXPOSURE = 2.0
WORDS = {"config": "/etc/relayrc", "socket": "/run/relay/submit", "socket_folder": "/run/relay", "spool": "/var/spool/relay", "user": "relay"}

analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze (Debian: systemd)")


def text_of(name, program="/usr/sbin/sendmail"):
    """The unit as meson makes it."""
    file = UNITS / name
    if file.exists():
        return file.read_text()
    text = (UNITS / f"{name}.in").read_text()
    for word in "sandbox", "sandbox-flush":
        text = text.replace(f"@{word.replace('-', '_')}@", (UNITS / f"{word}.in").read_text().strip())
    for word, value in WORDS.items():
        text = text.replace(f"@{word}@", value)
    return text.replace("@sendmail@", str(program))


def settings_of(name):
    found = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", text_of(name), re.M):
        found.setdefault(key, []).append(value)
    return found


def sandbox_of(service):
    """What decides over access, one line each."""
    keys = r"(Protect|Private|Restrict|SystemCall|Capability|NoNew|ReadWrite|Memory(Deny)|Lock|Remove|UMask)"
    return [line for line in text_of(f"{service}.service").splitlines() if re.match(keys, line)]


@analyze
@pytest.mark.parametrize("service", SERVICES)
def test_exposure(service, tmp_path):
    unit = tmp_path / f"{service}.service"
    unit.write_text(text_of(unit.name))
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", unit], capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"})
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSURE, done.stdout


@analyze
def test_systemd_finds_nothing_wrong(relay, tmp_path):
    names = [f"{s}.service" for s in SERVICES] + [f.name.removesuffix(".in") for f in UNITS.glob("relay-*.*") if ".socket" in f.name or ".timer" in f.name]
    assert len(names) == 7
    for name in names:
        (tmp_path / name).write_text(text_of(name, relay))
    for name in names:
        instance = tmp_path / name.replace("@.", "@1.")
        if not instance.exists():
            instance.symlink_to(name)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", instance], capture_output=True, text=True,
                              env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{tmp_path}:"})
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), name


def test_all_services_have_the_same_sandbox():
    """But for what only root could do, which those that start for each mail need not be denied: it takes time."""
    of_root = {f"Protect{what}=yes" for what in ("ControlGroups", "Hostname", "KernelLogs", "KernelTunables")}
    common = [line for line in sandbox_of("relay-flush") if line not in of_root]
    assert len(common) > 18 and len(sandbox_of("relay-flush")) == len(common) + len(of_root)
    for service in SERVICES:
        settings = settings_of(f"{service}.service")
        assert sandbox_of(service) == (common if "@" in service else sandbox_of("relay-flush")) and settings["User"] == ["relay"]
        # Without these the others would be needed.
        assert settings["CapabilityBoundingSet"] == [""] and settings["NoNewPrivileges"] == ["yes"]
        # It would make every caller's uid the one of nobody.
        assert "PrivateUsers" not in settings
        assert {"AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"} == set(settings["RestrictAddressFamilies"][0].split())
        assert "/var/spool/relay" in settings["ReadWritePaths"][0]


def test_sockets():
    submit, smtp = settings_of("relay-submit.socket"), settings_of("relay-smtp.socket")
    assert (submit["ListenStream"], submit["SocketMode"]) == (["/run/relay/submit"], ["0666"])
    # Loopback, and nothing else.
    assert smtp["ListenStream"] == ["127.0.0.1:25", "[::1]:25"]
    for socket in (submit, smtp):
        assert socket["Accept"] == ["yes"] and 0 < int(socket["MaxConnections"][0]) <= 100
        # 200 connections in 2 seconds would switch it off.
        assert socket["TriggerLimitIntervalSec"] == ["0"]


@pytest.mark.parametrize("service, command", [
    ("relay-flush", "/usr/sbin/sendmail -q"), ("relay-flush-now", "/usr/sbin/sendmail -qf"),
    ("relay-smtp@", "-/usr/sbin/sendmail -bs"), ("relay-submit@", "-/usr/sbin/sendmail -bs")])
def test_commands(service, command):
    settings = settings_of(f"{service}.service")
    assert settings["ExecStart"] == [command]
    assert ("@" in service) == (settings.get("StandardInput") == ["socket"])
    # Who sends for others goes on when the session is over.
    assert ("@" in service) == (settings.get("KillMode") == ["process"])


# -- system calls --------------------------------------------------------------------------------------------------

def calls_of(name):
    """The system calls of a set of systemd's."""
    done = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], capture_output=True, text=True, check=True)
    calls = set()
    for word in map(str.strip, done.stdout.splitlines()[1:]):
        calls |= calls_of(word) if word.startswith("@") else {word} - {""} if not word.startswith("#") else set()
    return calls


def allowed_calls():
    filters = settings_of("relay-flush.service")["SystemCallFilter"]
    allowed = set()
    for line in filters:
        sets = set().union(*(calls_of(word) for word in line.lstrip("~").split()))
        allowed = allowed - sets if line.startswith("~") else allowed | sets
    return allowed


DIALOGUE = b"EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<joe@mail.test>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n.\r\nQUIT\r\n"
BIG = b"Subject: x\n\n" + b"0123456789abcdef\n" * 20000


@analyze
@pytest.mark.skipif(not shutil.which("strace"), reason="no strace")
@pytest.mark.parametrize("auth", ["plain", "scram-sha-256"])
def test_no_call_that_we_make_is_denied(relay, pki, tmp_path, auth):
    """An SMTP session, a message that waits, and a queue run: with TLS, a password command, and the log."""
    allowed = allowed_calls()
    assert {"read", "connect", "flock"} <= allowed and not {"mount", "setrlimit", "chown"} & allowed
    # Of the lines that only the flush has: sandbox-flush.in.
    assert not {"syslog", "sethostname", "setdomainname", "init_module", "finit_module", "delete_module"} & allowed
    with ScriptedServer(pki, tls="implicit", auth=["PLAIN", "SCRAM-SHA-256"], users={"u@mail.test": "secret"}) as server:
        rc = tmp_path / "rc"
        rc.write_text(f"host localhost\nport {server.port}\ntls_starttls off\nuser u@mail.test\npasswordeval echo secret\n"
                      f"auth {auth}\nfrom u@mail.test\ntls_trust_file {pki.ca}\nqueue_directory {tmp_path}/q\nsyslog LOG_MAIL\n")
        rc.chmod(0o600)
        for args, data in (["-bs"], DIALOGUE), (["-odq", "joe@mail.test"], BIG), (["-qf"], b""):
            trace = tmp_path / "trace"
            done = subprocess.run(["strace", "-f", "-qq", "-o", trace, relay, "-C", rc, *args], input=data, capture_output=True,
                                  env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
            assert done.returncode == 0, done.stderr
            made = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(errors="replace"), re.M))
            assert len(made) > 20 and made - allowed == set()
        assert len(server.settle().messages) == 2


# -- meson ---------------------------------------------------------------------------------------------------------

def installed(tmp_path, *options):
    """The paths that would be installed."""
    folder = tmp_path / "build"
    done = subprocess.run(["meson", "setup", folder, TOP, "-Dtests=false", *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    said = subprocess.run(["meson", "introspect", "--installed", folder], capture_output=True, text=True, check=True).stdout
    return set(json.loads(said).values()), folder


@pytest.mark.skipif(not shutil.which("meson"), reason="no meson")
def test_installed_as_sendmail(tmp_path):
    paths, folder = installed(tmp_path, "--prefix=/usr", "-Dsystemd=enabled", "-Dsystemunitdir=/units")
    assert {"/usr/sbin/sendmail", "/usr/lib/sysusers.d/relay.conf", "/usr/lib/tmpfiles.d/relay.conf",
            "/usr/lib/NetworkManager/dispatcher.d/50-relay", "/usr/share/man/man8/sendmail.8"} <= paths
    assert {os.path.basename(p) for p in paths if p.startswith("/units/")} == {
        *(f"{s}.service" for s in SERVICES), "relay-flush.timer", "relay-smtp.socket", "relay-submit.socket"}
    for service in SERVICES:
        assert (folder / f"packaging/systemd/{service}.service").read_text() == text_of(f"{service}.service")
    hook = (folder / "packaging/systemd/50-relay").read_text()
    assert "@" not in hook and "[ -x /usr/sbin/sendmail ]" in hook


@pytest.mark.skipif(not shutil.which("meson"), reason="no meson")
def test_installed_beside_other_mail_programs(tmp_path):
    paths, folder = installed(tmp_path, "--prefix=/usr", "-Dsystemd=enabled", "-Dsendmail_name=sendmail.relay")
    assert {"/usr/sbin/sendmail.relay", "/usr/share/man/man8/sendmail.relay.8", "/usr/share/man/man1/relay.1"} <= paths
    assert not {p for p in paths if re.search(r"/(sendmail|mailq|newaliases)(\.\d)?$", p)}
    # Not what `alternatives` point to, which can be another program.
    assert "ExecStart=/usr/sbin/sendmail.relay -q\n" in (folder / "packaging/systemd/relay-flush.service").read_text()


@pytest.mark.skipif(not shutil.which("meson"), reason="no meson")
def test_other_places_and_another_user(tmp_path):
    """As the program was built, so are the units: nothing of the usual names is left where it would count."""
    paths, folder = installed(tmp_path, "--prefix=/usr", "-Dsystemd=enabled", "-Dsystem_user=postie", "-Dspool=/srv/mailq", "-Dsystem_config=/etc/mail/relayrc",
                              "-Dsubmit_socket=/run/postie/in")
    units = folder / "packaging/systemd"
    for service in SERVICES:
        text = (units / f"{service}.service").read_text()
        assert "\nUser=postie\n" in text and "\nReadWritePaths=-/srv/mailq -/var/log/relay\n" in text
        assert "flush" not in service or "\nConditionPathExists=/etc/mail/relayrc\n" in text
    assert "\nListenStream=/run/postie/in\n" in (units / "relay-submit.socket").read_text()
    assert 'u postie - "Mail relay" /srv/mailq\n' in (units / "relay.sysusers").read_text()
    assert re.search(r"^d /srv/mailq 0700 postie postie -\nd /run/postie 0755 root root -$", (units / "relay.tmpfiles").read_text(), re.M)
    assert "[ -r /etc/mail/relayrc ]" in (units / "50-relay").read_text()
    for file in units.iterdir():
        if file.is_file():
            assert not re.search(r"/run/relay|/var/spool/relay|/etc/relayrc|@\w+@", file.read_text()), file
    assert {"/usr/lib/sysusers.d/relay.conf", "/usr/lib/tmpfiles.d/relay.conf"} <= paths


@pytest.mark.skipif(not shutil.which("meson"), reason="no meson")
def test_without_systemd(tmp_path):
    paths, _ = installed(tmp_path, "--prefix=/usr", "-Dsystemd=disabled", "-Dlinks=relay")
    assert not {p for p in paths if "systemd" in p.replace("systemd-user", "") or "NetworkManager" in p
                or "sysusers.d/" in p or "tmpfiles.d/" in p}
    assert "/usr/sbin/sendmail" in paths
