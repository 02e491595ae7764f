"""Services of a machine with systemd, in sandboxes of all kinds: each of them sends, and from port 25."""
import re

import pytest
from serving import LOGIN, arrived

# Too large to be kept in memory.
REPORT = """#!/bin/sh
for to in joe@mail.test joe@down.test; do
	{ printf 'Subject: report\\n\\n' && head -c 200000 /dev/zero | tr '\\0' x | fold; } | sendmail -i "$to" || exit
done
mailq
"""
# For those who have nothing but bash.
SMTP = """#!/bin/bash
exec 3<>"/dev/tcp/127.0.0.1/25" || exit
for line in "" "EHLO me" "MAIL FROM:<>" "RCPT TO:<joe@mail.test>" "RCPT TO:<joe@down.test>" DATA \\
	$'Subject: report\\r\\n\\r\\nIt works.\\r\\n.' QUIT; do
	[ -z "$line" ] || printf '%s\\r\\n' "$line" >&3
	while read -r reply <&3 && echo "$reply" && [ "${reply:3:1}" = - ]; do :; done
done
"""
BASE = {"DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
        "CapabilityBoundingSet": ""}
CALLS = {"SystemCallFilter": "@system-service", "SystemCallArchitectures": "native"}
ALL = {"PrivateUsers": "yes", "PrivateNetwork": "yes", "PrivateDevices": "yes", "RestrictAddressFamilies": "AF_UNIX",
       "MemoryDenyWriteExecute": "yes", "ProtectProc": "invisible", "ProcSubset": "pid", "RestrictNamespaces": "yes",
       "LockPersonality": "yes", "UMask": "0777"}
# As Debian's logrotate.service.
LOGROTATE = {"NoNewPrivileges": "yes", "ProtectSystem": "full", "PrivateDevices": "yes", "MemoryDenyWriteExecute": "yes",
             "RestrictNamespaces": "yes"}
# name -> settings, and who From says it is
SERVICES = {
    "dynamic": (BASE, "uid[0-9]+"),
    "private-users": (BASE | {"PrivateUsers": "yes"}, "uid[0-9]+"),
    "unix-only": (BASE | {"RestrictAddressFamilies": "AF_UNIX"}, "uid[0-9]+"),
    "system-calls": (BASE | CALLS, "uid[0-9]+"),
    "alice-strict": ({"User": "alice", "ProtectSystem": "strict", "ProtectHome": "yes"}, "alice"),
    "no-proc": (BASE | {"InaccessiblePaths": "/proc"}, "uid[0-9]+"),
    "no-network": (BASE | {"PrivateNetwork": "yes"}, "uid[0-9]+"),
    "all": (BASE | CALLS | ALL, "uid[0-9]+"),
    "alice": ({"User": "alice", "PrivateUsers": "yes", "NoNewPrivileges": "yes"}, "alice"),
    "www-data": ({"User": "www-data", "NoNewPrivileges": "yes", "ProtectSystem": "full"}, "www-data"),
    "root": (LOGROTATE, "root"),
    "root-strict": ({"ProtectSystem": "strict"}, "root"),
    "root-without-rights": ({"CapabilityBoundingSet": "", "NoNewPrivileges": "yes"}, "root"),
    "root-private-users": ({"PrivateUsers": "yes"}, "root"),
    "root-system-calls": ({"SystemCallFilter": "~@privileged", "SystemCallErrorNumber": "EPERM"}, "root"),
}
DOWN = "account down : default\nport 9\nto *@down.test\n"


def unit(settings, program):
    lines = "".join(f"{name}={value}\n" for name, value in settings.items())
    return (f"[Service]\nType=oneshot\n{lines}ExecStart=/usr/local/bin/{program}\n"
            "StandardOutput=truncate:/var/tmp/said\nStandardError=append:/var/tmp/said\n")


PUT = {f"etc/systemd/system/{name}.service": unit(settings, "report") for name, (settings, _) in SERVICES.items()} | {
    "etc/systemd/system/smtp.service": unit(BASE | {"PrivateUsers": "yes"}, "smtp"),
    "etc/systemd/system/root-no-network.service": unit({"PrivateNetwork": "yes"}, "report"),
    "usr/local/bin/report": (REPORT, 0o755), "usr/local/bin/smtp": (SMTP, 0o755)}


@pytest.fixture
def later(machine):
    """Mail to down.test waits; later() sends it."""
    rc = machine.root.path / "etc/relayrc"
    text = rc.read_text()
    rc.write_text(text + DOWN)

    def flush():
        rc.write_text(text + DOWN.replace("port 9\n", ""))
        machine.run("systemctl", "start", "relay-flush-now.service")
        assert machine.run("mailq") == "Mail queue is empty\n"
    yield flush
    flush()
    rc.write_text(text)


def waiting(machine):
    """[(uid, recipients)]"""
    files = (machine.root.path / "var/spool/relay/deferred").iterdir()
    heads = [file.read_bytes().partition(b"\n\n")[0].decode() for file in files]
    return [(int(re.search(r"^uid: (\d+)$", head, re.M)[1]), re.findall(r"^recipient: <(.*)>", head, re.M)) for head in heads]


def start(machine, name):
    """What the service said."""
    machine.run("systemctl", "start", f"{name}.service")
    return machine.run("cat", "/var/tmp/said")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_sends(machine, server, later, name):
    said = start(machine, name)
    message, mail = arrived(server)
    assert (message.sender, message.recipients, mail["Subject"]) == (LOGIN, ["joe@mail.test"], "report")
    assert message.sent.count(b"x") >= 200_000
    who = re.fullmatch(rf"({SERVICES[name][1]}) on \S+ <{LOGIN}>", mail["From"])[1]
    known = who.removeprefix("uid") if who.startswith("uid") else machine.run("id", "-u", who)
    assert waiting(machine) == [(int(known), ["joe@down.test"])]
    # It sees its own, and nobody else does.
    assert re.findall(r"^ {40,}(\S+)$", said, re.M) == ["joe@down.test"], said
    assert machine.run("mailq", user="bob") == "Mail queue is empty\n"
    server.clear()
    later()
    assert arrived(server)[0].recipients == ["joe@down.test"]


def test_root_without_a_network_leaves_it_to_the_flush(machine, server, later):
    assert len(re.findall(r"^ {40,}\S+$", start(machine, "root-no-network"), re.M)) == 2
    assert server.messages() == [] and [uid for uid, _ in waiting(machine)] == [0, 0]
    later()
    assert len(server.wait_messages(2)) == 2


def test_a_service_that_speaks_smtp(machine, server, later):
    """The user is who has the other end of the connection, also from a namespace of users."""
    machine.run("systemctl", "start", "relay-smtp.socket")
    try:
        said = start(machine, "smtp")
        assert "\n250 2.0.0 Ok: queued as " in said and said.rstrip().split("\n")[-1].startswith("221 "), said
        [(uid, _)] = waiting(machine)
        assert 61184 <= uid <= 65519       # systemd's for DynamicUser
        message, mail = arrived(server)
        assert message.recipients == ["joe@mail.test"] and mail["From"].startswith(f"uid{uid} on ")
        server.clear()
        later()
        assert arrived(server)[0].recipients == ["joe@down.test"]
    finally:
        machine.run("systemctl", "stop", "relay-smtp.socket")


def test_who_is_refused_is_told(machine, server):
    """Nothing of a sandbox makes a service somebody else."""
    said = machine.run("sendmail", "-f", "root", "joe@mail.test", user="www-data", no_new_privs=True, status=69)
    assert said == "sendmail: not sent: 553 5.7.1 the sender <root> is another user of this machine; you are www-data\n"
    assert server.messages() == []
