"""sample-config: the cron fragment under Debian's cron, the systemd units, NetworkManager's hook."""
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from lib.cron import Cron
from lib.hostile import on, reply_then_close, silence
from lib.jail import NoJail
from lib.observed import sanitized
from lib.queuefiles import QueueFiles
from lib.sessions import CountedServer

SAMPLES = Path(__file__).resolve().parents[2] / "sample-config"
FRAGMENT = (SAMPLES / "relay.cron").read_text()


@pytest.fixture
def server(pki):
    with CountedServer(pki) as running:
        yield running


@pytest.fixture
def cron(relay, relayrc):
    running = []

    if sanitized(relay):
        pytest.skip("sanitizers want a /proc, which the jail has not")

    def start(server, more="", **settings):
        rc = relayrc(server, tls="none", queue="on", **settings)
        try:
            running.append(Cron(relay, {"relay": FRAGMENT, "more": more}, rc).__enter__())
        except NoJail as reason:
            pytest.skip(f"cron: {reason}")
        return running[-1]
    yield start
    for jail in running:
        jail.__exit__()


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.02)
    return found


# -- cron ----------------------------------------------------------------------------------------------------------

def test_crons_flush_sends_what_waits_and_makes_no_mail_of_its_own(server, cron):
    jail = cron(server)
    jail.run("/usr/sbin/sendmail", "-odq", "-i", "joe@mail.test", data=b"Subject: waits\n\nhi\n")
    server.wait_for("QUIT", seconds=30)
    # Until the next flush has been, which finds nothing.
    flush = "[ -x /usr/sbin/sendmail ] && /usr/sbin/sendmail -q >/dev/null)"
    until(lambda: sum("END" in line and flush in line for line in jail.syslog) >= 2)
    assert [m.accepted for m in server.settle().messages] == [["joe@mail.test"]]
    assert b"Subject: waits" in server.messages[0].data
    assert not any(p.is_file() for p in jail.queue.glob("deferred/*"))


def test_crons_own_mail_waits_when_the_server_is_down_and_comes_later(pki, cron):
    """The mail of a job cannot be sent at once; the flush five minutes later sends it, and that is all that is sent."""
    with CountedServer(pki, rules=[on("GREETING", reply_then_close(text="421 4.3.2 later"), conn=0)]) as server:
        jail = cron(server, "5 * * * * root echo the disk is full\n", minimal_backoff_time="1s", maximal_backoff_time="1s")
        server.wait_for("QUIT", seconds=40)
        message, = server.settle().messages
        assert len(message.accepted) == 1 and message.accepted[0].startswith("root@")
        assert b"\r\n\r\nthe disk is full" in message.data and b"Subject: Cron <root@" in message.data
        until(lambda: not any(jail.queue.glob("deferred/*")))
        assert len(server.messages) == 1


@pytest.mark.parametrize("mailto", ["", "MAILTO=root\n", "MAILTO=root@localhost\n", "MAILTO=postmaster\n"])
def test_mail_of_jobs_reaches_the_person_of_system_mail(server, cron, mailto):
    cron(server, f"{mailto}5 * * * * root echo the disk is full\n", system_mail="me@example.org")
    server.wait_for("QUIT", seconds=40)
    message, = server.settle().messages
    assert message.accepted == ["me@example.org"] and b"\r\n\r\nthe disk is full" in message.data


def test_the_fragment_is_a_crontab_that_cron_does_not_pass_over():
    lines = [line for line in FRAGMENT.splitlines() if line and not line.startswith("#")]
    assert lines == ["*/5 * * * * root [ -x /usr/sbin/sendmail ] && /usr/sbin/sendmail -q >/dev/null"]
    assert FRAGMENT.endswith("\n") and "%" not in FRAGMENT and "/etc/cron.d/relay\n" in FRAGMENT


# -- systemd -------------------------------------------------------------------------------------------------------

@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_systemd_finds_nothing_wrong_in_the_units(relay, tmp_path):
    """Those of the system: tests/packages/test_units.py."""
    (tmp_path / "run").mkdir(mode=0o700)
    units = sorted((SAMPLES / "systemd-user").iterdir())
    assert {u.suffix for u in units} == {".service", ".timer"}
    for unit in units:
        text = unit.read_text().replace("/usr/sbin/sendmail", str(relay))
        (tmp_path / unit.name).write_text(text)
    for unit in units:
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--user", tmp_path / unit.name], capture_output=True,
                              text=True, env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path / "run"), "HOME": str(tmp_path)})
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_sandbox_leaves_what_a_password_command_needs():
    """Programs of any kind, the home, the session's bus, the resolver's netlink socket."""
    settings = dict(re.findall(r"^(\w+)=(.*)$", (SAMPLES / "systemd-user/relay-flush.service").read_text(), re.MULTILINE))
    assert settings.get("Type") == "oneshot" and settings["ExecStart"] == "/usr/sbin/sendmail -q"
    assert not {"ProtectHome", "MemoryDenyWriteExecute", "PrivateNetwork", "PrivateUsers", "RestrictNamespaces",
                "PrivateDevices"} & set(settings)
    assert settings.get("ProtectSystem", "no") != "strict"
    families = settings.get("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX AF_NETLINK").split()
    assert {"AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"} <= set(families)


# -- NetworkManager ------------------------------------------------------------------------------------------------

ALICE, BOB, EVE = ("alice", 64001), ("bob", 64002), ("eve", 64003)


@pytest.fixture
def hook(relay, public):
    """hook("eth0", "up", homes={ALICE: home}) runs the hook where the machine's users are these and its sendmail is ours;
    the seconds until it gives back control."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "runuser"))):
        pytest.skip("needs root, unshare and runuser")
    programs = public / "sbin"
    programs.mkdir()
    shutil.copy(relay, programs / "sendmail")
    shutil.copy(shutil.which("runuser"), programs)

    def run(*args, homes, **env):
        passwd = public / "passwd"
        passwd.write_text("root:x:0:0::/root:/bin/sh\n" + "".join(
            f"{user}:x:{uid}:{uid}::{home}:/usr/sbin/nologin\n" for (user, uid), home in homes.items()))
        passwd.chmod(0o644)
        script = f"mount --bind {passwd} /etc/passwd && mount --bind {programs} /usr/sbin && exec {SAMPLES}/90-relay \"$@\""
        begin = time.monotonic()
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "hook", *args], capture_output=True, text=True,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"} | env, timeout=30)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return time.monotonic() - begin
    return run


@pytest.fixture
def at_home(public, relayrc):
    """at_home(ALICE, server): her home, with a message that is not due yet."""
    def make(user, server, **settings):
        name, uid = user
        home = public / name
        queue = QueueFiles(home / ".local/state/relay/queue")
        queue.put("deferred", sender=f"{name}@mail.test", reasons={"b@y.test": "450 later"}, last=int(time.time()),
                  next_try=int(time.time()) + 600)
        (home / ".relayrc").write_text(relayrc(server, tls="none", queue="on", **settings))
        (home / ".relayrc").chmod(0o600)
        for path in (home, *home.rglob("*"), *home.glob(".*")):
            os.chown(path, uid, uid)
        return home
    return make


@pytest.mark.parametrize("args,env", [(["eth0", "up"], {}), (["tun0", "vpn-up"], {}),
                                      (["none", "connectivity-change"], {"CONNECTIVITY_STATE": "FULL"})])
def test_the_hook_sends_the_mail_of_every_user_who_has_a_queue(server, hook, at_home, public, args, env):
    homes = {ALICE: at_home(ALICE, server), BOB: at_home(BOB, server), EVE: public / "nowhere"}
    hook(*args, homes=homes, **env)
    server.wait_for("QUIT", nth=2)
    assert sorted(m.sender for m in server.settle().messages) == ["alice@mail.test", "bob@mail.test"]


@pytest.mark.parametrize("args,env", [(["lo", "up"], {}), (["eth0", "down"], {}), (["eth0", "pre-up"], {}), ([], {}),
                                      (["none", "connectivity-change"], {"CONNECTIVITY_STATE": "LIMITED"})])
def test_the_hook_does_nothing_when_the_network_is_not_there(server, hook, at_home, args, env):
    home = at_home(ALICE, server)
    hook(*args, homes={ALICE: home}, **env)
    # A hook that has something to do is run after it.
    hook("eth0", "up", homes={ALICE: home})
    server.wait_for("QUIT")
    assert len(server.settle().connections) == 1


def test_the_hook_waits_for_no_server_and_touches_no_queue_of_another(server, pki, hook, at_home):
    """NetworkManager waits for its hooks. A folder that is not the user's own is not theirs to flush."""
    with CountedServer(pki, rules=[on("EHLO", silence(), conn=0)]) as slow:
        alice, bob = at_home(ALICE, slow, timeout=2), at_home(BOB, server)
        shutil.rmtree(alice / ".local/state/relay/queue/hold", ignore_errors=True)
        homes = {ALICE: alice, EVE: bob, BOB: bob}
        assert hook("eth0", "up", homes=homes) < 1.5
        slow.wait_for("EHLO")
        server.wait_for("QUIT")
        assert len(server.settle().connections) == 1
