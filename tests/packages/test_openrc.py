"""The mail of the machine without systemd: the service of the Alpine package, the samples for OpenRC and for s6, each started by
the program that it is for."""
import re
import shutil
import time

import pytest
from conftest import TOP
from lib.jail import NoJail
from lib.observed import sanitized
from openrc import ALICE, OpenRC

RC = "host 127.0.0.1\nport 9\ntls off\nauth off\nfrom machine@mail.test\n"
SAMPLE = (TOP / "sample-config/relay.socat").read_text()
PACKAGED = (TOP / "packaging/alpine/relay.initd").read_text()


def commented(beginning):
    """The lines of the sample's comment from this one on, without what makes them a comment."""
    block = re.search(rf"^#   {re.escape(beginning)}.*\n(?:#   .*\n)*", SAMPLE, re.M)[0]
    return re.sub("^#   ", "", block, flags=re.M)


@pytest.fixture
def machine(relay):
    if not all(map(shutil.which, ("unshare", "nsenter"))):
        pytest.skip("no unshare or no nsenter")
    if sanitized(relay):
        pytest.skip("sanitizers want libraries that the jail has not")
    try:
        running = OpenRC(relay, RC).__enter__()
    except NoJail as reason:
        pytest.skip(str(reason))
    yield running
    running.__exit__()


def install(machine, service):
    if service == "relay":
        machine.put("etc/init.d/relay", PACKAGED, 0o755)
    else:
        machine.put("etc/init.d/relay-submit", commented("#!/sbin/openrc-run"), 0o755)
        machine.put("usr/local/sbin/relay-submit", SAMPLE, 0o755)
    assert machine._run("rc-update", "add", service, "default")[0] == 0
    machine.boot()


def senders(machine):
    """The uid that each message of the queue has."""
    return [int(re.search(rb"^uid: (\d+)$", file.read_bytes(), re.M)[1]) for file in (machine.queue / "deferred").iterdir()]


@pytest.mark.parametrize("service", ["relay", "relay-submit"])
def test_openrc(machine, service):
    """Started at boot, asked, restarted, stopped; who starts it is back when mail can be handed in."""
    install(machine, service)
    assert machine.service(service, "status") == (0, " * status: started\n")
    machine.wait(machine.listens)
    assert machine.send("alice") == (0, "") and senders(machine) == [ALICE]
    before = machine.named("socat")
    status, said = machine.service(service, "restart")
    assert status == 0 and "ERROR" not in said, said
    if service == "relay":
        assert machine.listens()
    machine.wait(machine.listens)
    assert machine.send("alice")[0] == 0 and len(before) == 1 and machine.named("socat") not in ([], before)
    status, said = machine.service(service, "stop")
    assert status == 0 and machine.named("socat") == [], said
    assert machine.service(service, "status")[0] == 3 and machine.send("alice")[0] == 78


@pytest.mark.parametrize("service", ["relay", "relay-submit"])
def test_openrc_starts_it_again_but_not_without_a_break(machine, service):
    install(machine, service)
    machine.wait(machine.listens)
    killed, = machine.named("socat")
    # One that always fails: it notes that it was started, and ends.
    machine.put("usr/bin/socat", "#!/bin/sh\necho start >>/run/starts\nexit 1\n", 0o755)
    assert machine._run("sh", "-c", f"kill -9 {killed}")[0] == 0

    def starts():
        return machine._run("sh", "-c", "cat /run/starts")[1].count("start\n")
    machine.wait(starts)
    first = time.monotonic()
    machine.wait(lambda: starts() >= 2)
    assert time.monotonic() - first > 0.5
    assert machine.service(service, "stop")[0] == 0


def test_s6(machine):
    machine.boot()
    assert machine._run("mkdir", "-p", "/run/relay")[0] == 0
    machine.start(commented("s6-ipcserver").strip())
    machine.wait(machine.listens)
    assert machine.send("alice") == (0, "") and senders(machine) == [ALICE]
    assert "joe@mail.test" in machine._run("s6-setuidgid", "alice", "/usr/sbin/sendmail", "-bp")[1]
