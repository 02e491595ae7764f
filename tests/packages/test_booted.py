"""The package on a machine with systemd: its units, in their sandbox, as process 1 runs them. One machine for the file; the
last test removes the package from it."""
import re
import shutil
import smtplib
import socket
from pathlib import Path

import pytest
from serving import FROM_USER, HANDOVER, LOGIN, MESSAGE, SECRET, arrived, needs, session

SOCKET = "run/relay/submit"
SAMPLES = Path(__file__).resolve().parents[2] / "sample-config/systemd-user"
# A user's manager as user@.service has it, without logind, which would need D-Bus.
MANAGER = """[Service]
Type=notify
User=alice
Delegate=yes
RuntimeDirectory=user/alice
Environment=XDG_RUNTIME_DIR=/run/user/alice
ExecStart=/lib/systemd/systemd --user
"""
# The timer waits for minutes; the test does not.
SOON = "[Timer]\nOnStartupSec=\nOnActiveSec=1ms\nAccuracySec=1ms\nRandomizedDelaySec=0\n"


def path_of(machine):
    """The socket: /run is the machine's own."""
    return f"/proc/{machine.init}/root/{SOCKET}"


def active(machine, *units):
    return machine.run("systemctl", "is-active", *units, status=None).split()


def test_what_runs_after_the_installation(machine):
    assert active(machine, "relay-submit.socket", "relay-flush.timer", "relay-smtp.socket") == ["active", "active", "inactive"]
    assert machine.run("systemctl", "is-enabled", "relay-smtp.socket", status=1).strip() == "disabled"
    assert machine.run("stat", "-c", "%U %a %F", f"/{SOCKET}").strip() == "root 666 socket"


def test_smtp_through_the_socket(machine, server):
    with session(path_of(machine)) as client:
        client.sendmail("alice", ["joe@mail.test"], MESSAGE.replace("\n", "\r\n"))
    message, mail = arrived(server)
    assert (message.sender, message.recipients) == (LOGIN, ["joe@mail.test"]) and mail["Subject"] == "hello"
    # In the journal, and no unit has failed.
    assert "status=sent" in machine.run("journalctl", "--no-pager", "-o", "cat")
    assert machine.run("systemctl", "list-units", "--failed", "--plain", "--no-legend", "relay-*") == ""


def test_users_send(machine, server, relay):
    needs(relay, HANDOVER)
    for user in ("alice", "www-data"):
        machine.run("sendmail", "-i", "joe@mail.test", user=user, data=FROM_USER.format(user))
        message, mail = arrived(server)
        assert message.sender == LOGIN and user in mail["From"]
        server.clear()


@pytest.mark.parametrize("service", ["relay-flush-now.service", "relay-flush.service"])
def test_flush(machine, server, service):
    """Mail that waits in the queue of the system is sent from within the sandbox."""
    machine.run("sendmail", "-odq", "joe@mail.test", user="relay", data=MESSAGE)
    machine.run("systemctl", "start", service)
    assert arrived(server)[0].recipients == ["joe@mail.test"]


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_the_password_as_a_credential(machine, server, relay, encrypted):
    """sample-config/relayrc.credentials: who hands mail in only queues it, and the flush alone has the password."""
    needs(relay, HANDOVER)
    rc, unit = machine.root.path / "etc/relayrc", "etc/systemd/system/relay-flush.service.d/override.conf"
    before = rc.read_text()
    rc.write_text(before.replace(f"\npassword {SECRET}\n", "\ndelivery_mode queue\n"))
    machine.root.put("etc/relay.password", SECRET + "\n", 0o600)
    line = "LoadCredential=relay.default.password:/etc/relay.password"
    if encrypted:
        line = "LoadCredentialEncrypted=relay.default.password:/etc/relay.encrypted"
        machine.run("systemd-creds", "encrypt", "--name=relay.default.password", "/etc/relay.password", "/etc/relay.encrypted")
    machine.root.put(unit, f"[Service]\n{line}\n")
    try:
        machine.run("systemctl", "daemon-reload")
        machine.run("sendmail", "joe@mail.test", user="alice", data=MESSAGE)
        assert server.messages() == [] and "joe@mail.test" in machine.run("mailq", user="alice")
        machine.run("systemctl", "start", "relay-flush.service")
        assert arrived(server)[0].recipients == ["joe@mail.test"]
        assert not machine.may("alice", "sh", "-c", "cat /run/credentials/*/*")
    finally:
        rc.write_text(before)
        (machine.root.path / unit).unlink()
        machine.run("systemctl", "daemon-reload")


def test_the_network_comes_up(machine, server):
    """NetworkManager's hook starts the flush and does not wait for it."""
    hook = "/usr/lib/NetworkManager/dispatcher.d/50-relay"
    machine.run("sendmail", "-odq", "joe@mail.test", user="relay", data=MESSAGE)
    for words in (["lo", "up"], ["eth0", "down"], ["eth0", "dhcp4-change"]):
        machine.run(hook, *words)
    assert active(machine, "relay-flush-now.service") == ["inactive"] and server.messages() == []
    machine.run(hook, "eth0", "up")
    assert arrived(server)[0].recipients == ["joe@mail.test"]


def test_the_timer_of_a_user(machine, server):
    """The samples, set up with the commands in their comments; for mail in the user's own queue."""
    home, own = machine.root.path / "home/alice", "home/alice/.relayrc"
    machine.root.put(own, (machine.root.path / "etc/relayrc").read_text(), 0o600)
    machine.root.put("etc/systemd/system/manager.service", MANAGER)
    machine.root.put("home/alice/.config/systemd/user/relay-flush.timer.d/soon.conf", SOON)
    for unit in SAMPLES.iterdir():
        shutil.copy(unit, home)
    machine.run("chown", "-R", "alice:", "/home/alice")
    commands = re.findall(r"^#   (.*)$", (SAMPLES / "relay-flush.service").read_text(), re.M)
    assert commands[-1] == "systemctl --user enable --now relay-flush.timer"

    def as_alice(command, data=""):
        words = ["env", "HOME=/home/alice", "XDG_RUNTIME_DIR=/run/user/alice", "sh", "-c", f"cd && {command}"]
        return machine.run(*words, user="alice", data=data)
    try:
        machine.run("systemctl", "start", "manager.service")
        as_alice("sendmail -odq joe@mail.test", MESSAGE)
        assert server.messages() == [] and "joe@mail.test" in as_alice("mailq")
        as_alice(" && ".join(commands))
        assert arrived(server)[0].recipients == ["joe@mail.test"]
        machine.wait(lambda: as_alice("systemctl --user show -p Result,SubState relay-flush.service").split() ==
                     ["Result=success", "SubState=dead"])
        assert as_alice("mailq") == "Mail queue is empty\n"
    finally:
        machine.run("systemctl", "stop", "manager.service")
        (machine.root.path / own).unlink()


def test_a_burst_does_not_switch_the_socket_off(machine, server):
    """More connections than there may be, in less time than systemd's limit for a socket that is called too often."""
    held = []
    for _ in range(300):
        held.append(socket.socket(socket.AF_UNIX))
        held[-1].connect(path_of(machine))
    for connection in held:
        connection.close()

    def served():
        try:
            with session(path_of(machine)) as client:
                return client.noop()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False
    machine.wait(served)
    assert active(machine, "relay-submit.socket") == ["active"]


def test_an_upgrade_stops_nothing(machine, deb):
    """Neither what listens, also what an admin has switched on, nor a session."""
    units = ["relay-submit.socket", "relay-flush.timer", "relay-smtp.socket"]
    shutil.copy(deb, machine.root.path / "root")
    machine.run("systemctl", "enable", "--now", "relay-smtp.socket")
    try:
        with session(path_of(machine)) as client:
            machine.run("dpkg", "--install", f"/root/{deb.name}")
            assert active(machine, *units) == ["active"] * 3
            assert client.noop()[0] == 250
    finally:
        machine.run("systemctl", "disable", "--now", "relay-smtp.socket")


def test_removed_nothing_listens(machine):
    machine.run("systemctl", "start", "relay-smtp.socket")
    machine.run("dpkg", "--remove", "relay")
    assert active(machine, "relay-submit.socket", "relay-flush.timer", "relay-smtp.socket") == ["inactive"] * 3
    assert not machine.may("root", "test", "-e", f"/{SOCKET}")
