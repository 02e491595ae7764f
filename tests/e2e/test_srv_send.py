"""Mail over the servers that a domain names in DNS: `host srv:DOMAIN`, with a name server of the test's own.

In a private network, which only root can make.
"""
import time

import pytest

from lib import judge
from lib.accounts import several, servers_of
from lib.hostile import on, reply_then_close
from lib.privatenet import IPV4, NameServer

DOMAIN = "example.test"
TLS, STARTTLS = f"_submissions._tcp.{DOMAIN}", f"_submission._tcp.{DOMAIN}"
BUSY = [on("GREETING", reply_then_close("fin", "421 4.3.2 busy"), nth=None)]
CERTIFICATES = {"domain": [f"DNS:{DOMAIN}"], "target": [f"DNS:smtp.{DOMAIN}"],
                "foreign": ["DNS:smtp.elsewhere.test"]}


@pytest.fixture
def net(private, scripted, pki, run_sendmail, tmp_path):
    class Net:
        log = tmp_path / "log"

        def __init__(self):
            self.dns = NameServer({f"{host}.{DOMAIN}": [IPV4] for host in ("smtp", "a", "b", "c")} |
                                  {"smtp.elsewhere.test": [IPV4]})
            self.net = private(dns=self.dns)

        def server(self, names="domain", tls="implicit", **options):
            return self.net.run(scripted, tls=tls, listen=IPV4, certificate=pki.leaf(f"srv-{names}", CERTIFICATES[names]),
                                **options)

        def send(self, args=("-i", "r@mail.test"), **settings):
            values = {"host": f"srv:{DOMAIN}", "tls_trust_file": pki.ca, "timeout": 10, "logfile": self.log} | settings
            return self.net.run(run_sendmail, args, judge.MESSAGE, several(pki, {"default": values}))

        def sent_by(self, done, server):
            assert (done.rc, done.err) == (0, "")
            assert [m.accepted for m in server.settle().messages] == [["r@mail.test"]]
            return servers_of(self.log)[-1][1]
    return Net()


def test_tls_from_the_start_comes_before_starttls(net):
    first, second = net.server(), net.server(tls="starttls")
    net.dns.zone |= {TLS: [(30, 0, first.port, f"smtp.{DOMAIN}")], STARTTLS: [(1, 0, second.port, f"smtp.{DOMAIN}")]}
    assert net.sent_by(net.send(), first) == f"smtp.{DOMAIN}"
    assert second.connections == [] and first.connections[0].tls_version
    assert first.connections[0].sni in (DOMAIN, f"smtp.{DOMAIN}")


def test_only_starttls_is_named(net):
    server = net.server(tls="starttls")
    net.dns.zone |= {STARTTLS: [(1, 0, server.port, f"smtp.{DOMAIN}")]}
    assert net.sent_by(net.send(), server) == f"smtp.{DOMAIN}"
    assert server.connections[0].tls_version and "STARTTLS" in server.connections[0].verbs


@pytest.mark.parametrize("setting, which", [("off", 0), ("on", 1)])
def test_tls_starttls_says_which_of_the_two(net, setting, which):
    servers = [net.server(), net.server(tls="starttls")]
    net.dns.zone |= {TLS: [(1, 0, servers[0].port, f"smtp.{DOMAIN}")], STARTTLS: [(1, 0, servers[1].port, f"smtp.{DOMAIN}")]}
    net.sent_by(net.send(tls_starttls=setting), servers[which])
    assert servers[1 - which].connections == []


@pytest.mark.parametrize("setting, named", [("off", STARTTLS), ("on", TLS)])
def test_only_the_other_one_is_named(net, setting, named):
    server = net.server(tls="starttls" if setting == "off" else "implicit")
    net.dns.zone |= {named: [(1, 0, server.port, f"smtp.{DOMAIN}")]}
    done = net.send(tls_starttls=setting)
    judge.failed(done, most=1)
    assert DOMAIN in done.err and f"but tls_starttls is {setting}" in done.err
    assert server.connections == []


def test_priorities_and_the_next_one_when_a_server_is_down(net):
    last, busy = net.server(), net.server(rules=BUSY)
    net.dns.zone |= {TLS: [(30, 0, last.port, f"c.{DOMAIN}"), (20, 0, busy.port, f"b.{DOMAIN}"),
                           (10, 0, 9, f"a.{DOMAIN}")]}
    assert net.sent_by(net.send(), last) == f"c.{DOMAIN}"
    assert len(busy.connections) == 1


def test_from_tls_to_starttls_when_none_is_up(net):
    busy, good = net.server(rules=BUSY), net.server(tls="starttls")
    net.dns.zone |= {TLS: [(1, 0, busy.port, f"a.{DOMAIN}")], STARTTLS: [(1, 0, good.port, f"b.{DOMAIN}")]}
    assert net.sent_by(net.send(), good) == f"b.{DOMAIN}"


def test_weights(net):
    """One in a thousand is asked first only now and then."""
    heavy, light = net.server(), net.server()
    net.dns.zone |= {TLS: [(1, 999, heavy.port, f"a.{DOMAIN}"), (1, 1, light.port, f"b.{DOMAIN}")]}
    for _ in range(10):
        assert net.send().rc == 0
    assert len(heavy.settle().messages) >= 8


def test_all_are_down(net):
    one, two = net.server(rules=BUSY), net.server(rules=BUSY)
    net.dns.zone |= {TLS: [(1, 0, one.port, f"a.{DOMAIN}"), (2, 0, two.port, f"b.{DOMAIN}")]}
    done = net.send()
    judge.failed(done, most=1)
    assert done.err.count("421 4.3.2 busy") == 2


def test_then_the_servers_behind_it_in_host(net):
    server = net.server("target")
    done = net.send(host=f"srv:nothing.test smtp.{DOMAIN}")
    judge.failed(done, most=1)      # on the usual port nobody listens
    for word in ("nothing.test", "no such records", f"smtp.{DOMAIN}", "465", "refused"):
        assert word in done.err, done.err
    assert server.connections == []


# -- certificates --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("names, target, settings, is_good", [
    ("domain", f"smtp.{DOMAIN}", {}, True),
    ("domain", "smtp.elsewhere.test", {}, True),
    ("target", f"smtp.{DOMAIN}", {}, True),
    # DNS can be forged: a certificate of the target proves nothing.
    ("foreign", "smtp.elsewhere.test", {}, False),
    ("foreign", f"smtp.{DOMAIN}", {}, False),
    ("foreign", "smtp.elsewhere.test", {"tls_host_override": "smtp.elsewhere.test"}, True),
    ("domain", "smtp.elsewhere.test", {"tls_host_override": "smtp.elsewhere.test"}, False),
    ("foreign", "smtp.elsewhere.test", {"tls_certcheck": "off", "tls_trust_file": None}, True),
])
def test_certificate(net, tls, names, target, settings, is_good):
    server = net.server(names, tls)
    net.dns.zone |= {TLS if tls == "implicit" else STARTTLS: [(0, 0, server.port, target)]}
    done = net.send(**settings)
    if is_good:
        net.sent_by(done, server)
    else:
        judge.failed(done, most=1)
        assert "certificate" in done.err and server.messages == []


# -- what DNS says, or not -----------------------------------------------------------------------------------------

def test_no_records(net):
    done = net.send()
    judge.failed(done, most=1)
    for word in (DOMAIN, TLS, STARTTLS, "there are no such records", "set host to the server's own name"):
        assert word in done.err


def test_a_name_server_that_does_not_answer(net):
    net.dns.silent = {"SRV"}
    start = time.monotonic()
    done = net.send(timeout=1)
    judge.failed(done, most=1)
    assert DOMAIN in done.err and "in time" in done.err and time.monotonic() - start < 8


def test_the_fallback_is_tried_when_dns_fails(net, pki, run_sendmail):
    server = net.server("target")
    net.dns.failing = {"SRV"}
    done = net.net.run(run_sendmail, ["r@mail.test"], judge.MESSAGE, several(
        pki, {"default": {"host": f"srv:{DOMAIN}", "fallback": "two"},
              "two": {"host": f"smtp.{DOMAIN}", "port": server.port, "tls_starttls": "off"}},
        tls_trust_file=pki.ca, logfile=net.log))
    assert net.sent_by(done, server) == f"smtp.{DOMAIN}"
    assert servers_of(net.log)[-1][2] == "two"


def test_the_password_is_kept_under_the_domain(net, environment, home):
    """As netrc has it: DNS does not decide which password a server gets."""
    server = net.server(auth=["PLAIN"], users={"me@example.test": "right"})
    net.dns.zone |= {TLS: [(0, 0, server.port, f"smtp.{DOMAIN}")]}
    home(".netrc", f"machine smtp.{DOMAIN} login me@example.test password wrong\n"
                   f"machine {DOMAIN} login me@example.test password right\n")
    net.sent_by(net.send(user="me@example.test"), server)
    assert server.connections[0].auth_user == "me@example.test"


def test_an_internationalised_domain(net):
    server = net.server("foreign")
    net.dns.zone |= {"_submissions._tcp.xn--bcher-kva.test": [(0, 0, server.port, "smtp.elsewhere.test")]}
    done = net.send(host="srv:bücher.test", tls_certcheck="off", tls_trust_file=None)
    net.sent_by(done, server)
