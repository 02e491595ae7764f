"""The servers that a domain names in DNS (`host srv:DOMAIN`), with a name server of the test's own.

The lookup alone, by the unit test's program of the same build; in a private network, which only root can make.
"""
import subprocess

import pytest

from lib.privatenet import NameServer

TLS, STARTTLS = "_submissions._tcp.example.test", "_submission._tcp.example.test"


@pytest.fixture
def look_up(private, relay):
    """look_up(dns, domain, seconds) -> (exit status, lines)"""
    program = relay.parents[1] / "tests/unit/test_net_services"
    if not program.exists():
        pytest.skip(f"{program} is not there: it is built with the tests")

    def call(dns, domain="example.test", seconds=20):
        net = private(dns=dns)
        done = net.run(subprocess.run, [program, domain, str(seconds)], stdout=subprocess.PIPE, text=True, timeout=60)
        return done.returncode, done.stdout.splitlines()
    return call


def test_tls_first_then_by_priority(look_up):
    dns = NameServer({TLS: [(20, 0, 465, "b.example.test"), (10, 0, 4465, "a.example.test")],
                      STARTTLS: [(0, 0, 587, "smtp.elsewhere.test")]})
    assert look_up(dns) == (0, ["a.example.test 4465 tls", "b.example.test 465 tls", "smtp.elsewhere.test 587 starttls"])
    assert sorted(dns.asked) == [(STARTTLS, "SRV"), (TLS, "SRV")]


def test_an_answer_that_needs_tcp(look_up):
    dns = NameServer({TLS: [(n, 0, 465, f"smtp-{n}.example.test") for n in range(60, 0, -1)]})
    assert look_up(dns, "Example.Test.") == (0, [f"smtp-{n}.example.test 465 tls" for n in range(1, 17)])


def test_only_starttls_is_offered(look_up):
    dns = NameServer({TLS: [(0, 0, 0, "")], STARTTLS: [(0, 0, 587, "smtp.example.test")]})
    assert look_up(dns) == (0, ["smtp.example.test 587 starttls"])


@pytest.mark.parametrize("zone, failing, why", [
    ({}, (), "there are no such records; set host to the server's own name"),
    ({TLS: ["192.0.2.1"]}, (), "there are no such records; set host to the server's own name"),
    ({TLS: [(0, 0, 0, "")], STARTTLS: [(0, 0, 0, "")]}, (), "the domain says that it has no such server"),
    ({TLS: [(0, 0, 25, "127.0.0.1")]}, (), "none of the records names a server"),
    ({TLS: [b"\0\0\0\0\0\x19\xc0\xff", b"", b"\0" * 6 + b"\x3f"]}, (), "none of the records names a server"),
    ({}, {"SRV"}, "the name servers fail or do not answer")],
    ids=["no-such-name", "no-such-record", "not-offered", "address", "broken", "servfail"])
def test_nothing_is_found(look_up, zone, failing, why):
    status, [line] = look_up(NameServer(zone, failing=failing))
    assert status == 1
    assert line == f"cannot find the servers of example.test ({TLS}, {STARTTLS} in DNS): {why}"


def test_silence_ends_at_the_deadline(look_up):
    status, [line] = look_up(NameServer(silent={"SRV"}), seconds=1)
    assert status == 1
    assert line.startswith("timeout: ") and line.endswith("no answer in time")
