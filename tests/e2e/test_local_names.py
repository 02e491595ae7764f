"""With nothing but an account and system_mail: every name that programs write to on a machine reaches one person elsewhere.
All of them stand in one call: one that is not local would be a second recipient.

The machine is made of namespaces: a host name, an /etc of its own (hosts, mailname, relayrc), a home. Its names are asked of
its own `hostname`, as scripts do.
"""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lib.queuefiles import QueueFiles

ADMIN = "me@example.org"
TEXT = "Subject: x\n\ntext\n"
# What is written for the shell of that machine.
NAMES = ["root", "postmaster", "webmaster", "nobody", "$(id -un)", "Root", "root@localhost", "POSTMASTER@LocalHost", "root@localhost.localdomain",
         "root@$(hostname)", "root@$(hostname -s)", "root@$(hostname -f)", "joe@$(hostname -f)", "$(id -un)@$(hostname)"]
HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
MACHINES = {
    "a name, and the full one in hosts": ("box", "127.0.1.1 box.home.test box\n", None),
    "a name alone": ("box", "127.0.1.1 box\n", None),
    "a full name": ("box.home.test", "127.0.1.1 box.home.test box\n", None),
    "a full name, hosts the wrong way": ("box.home.test", "127.0.1.1 box box.home.test\n", None),
    "mailname is the full name": ("box", "127.0.1.1 box.home.test box\n", "box.home.test\n"),
    "mailname is the domain": ("box", "127.0.1.1 box.home.test box\n", "home.test\n"),
    "mailname is another": ("box", "127.0.1.1 box.home.test box\n", "example.org\n"),
    "mailname is empty": ("box", "127.0.1.1 box.home.test box\n", "\n"),
    "called localhost": ("localhost", "", None),
    "capitals": ("Box", "127.0.1.1 Box.Home.test Box\n", None),
}


@pytest.fixture
def machine(relay, tmp_path, scripted, relayrc):
    """machine(host, hosts, mailname) -> call(script, where, settings) -> (the result of the shell script there, the server)"""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-um", "true"], capture_output=True).returncode != 0:
        pytest.skip("cannot give the machine another name")
    if shutil.which("hostname") is None:
        pytest.skip("no hostname")

    def make(host, hosts, mailname):
        etc, home, sbin = (tmp_path / d for d in ("etc", "home", "sbin"))
        for folder in (etc, home, sbin):
            folder.mkdir(exist_ok=True)
        (etc / "hosts").write_text(HOSTS + hosts)
        (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
        (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\nalice:x:64001:64001::/nowhere:/bin/sh\n")
        (etc / "group").write_text("root:x:0:\n")
        shutil.copy("/etc/ld.so.cache", etc)
        if mailname is not None:
            (etc / "mailname").write_text(mailname)
        shutil.copy(relay, sbin / "sendmail")

        def call(script, where="~", settings=None, stdin=TEXT):
            server = scripted()
            queue = QueueFiles(tmp_path / "queue")
            file = home / ".relayrc" if where == "~" else etc / "relayrc"
            file.write_text(relayrc(server, tls="none", queue_directory=queue.path, system_mail=ADMIN, **(settings or {})))
            file.chmod(0o600)
            done = subprocess.run(
                ["unshare", "-um", "sh", "-c", f'mount --bind {etc} /etc && mount --bind {sbin} /usr/sbin && hostname "$0" && {script}', host],
                input=stdin, capture_output=True, text=True, timeout=60,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home)} | {
                    k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
            return done, server.settle()
        return call
    return make


def recipients(result):
    done, server = result
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return [m.recipients for m in server.messages]


@pytest.mark.parametrize("where", ["~", "/etc"])
@pytest.mark.parametrize("name", MACHINES)
def test_every_name_reaches_the_person(machine, name, where):
    call = machine(*MACHINES[name])
    script = "sendmail " + " ".join(f'"{n}"' for n in NAMES)
    assert recipients(call(script, where)) == [[ADMIN]]


@pytest.mark.parametrize("name", MACHINES)
def test_the_header_counts_as_well(machine, name):
    call = machine(*MACHINES[name])
    script = 'printf "To: %s\\nSubject: x\\n\\ntext\\n" "' + ", ".join(NAMES) + '" | sendmail -t'
    assert recipients(call(script)) == [[ADMIN]]


@pytest.mark.parametrize("name,others", [
    ("a name, and the full one in hosts", ["root@home.test", "root@box.other.test", "root@boxes", "joe@example.org"]),
    ("mailname is the domain", ["joe@home.test", "root@home.test"]),
    ("mailname is another", ["root@example.org"]),
])
def test_mailboxes_elsewhere_are_left_alone(machine, name, others):
    call = machine(*MACHINES[name])
    assert recipients(call("sendmail " + " ".join(others))) == [others]


@pytest.mark.parametrize("settings", [{"from": "me@example.org"}, {"from": "me@example.org", "maildomain": "example.org"}, {"auto_from": "on"}])
def test_whatever_the_sender_is(machine, settings):
    call = machine(*MACHINES["a name, and the full one in hosts"])
    script = "sendmail " + " ".join(f'"{n}"' for n in NAMES)
    assert recipients(call(script, "~", settings)) == [[ADMIN]]


def test_as_debians_cron_calls_it(machine):
    """MAILTO=root: the argument and the To field; the environment of a job."""
    call = machine(*MACHINES["a name alone"])
    message = ("From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@box> test\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
               "Content-Transfer-Encoding: 8bit\nX-Cron-Env: <SHELL=/bin/sh>\nX-Cron-Env: <LOGNAME=root>\n\ngrün\n")
    script = 'env -i SHELL=/bin/sh LOGNAME=root PATH=/usr/bin:/bin sendmail -i -FCronDaemon -B8BITMIME -oem root'
    done, server = call(script.replace("sendmail", "/usr/sbin/sendmail"), "/etc", stdin=message)
    assert (done.returncode, done.stderr) == (0, "") and [m.recipients for m in server.messages] == [[ADMIN]]


