"""How the server is reached: names, addresses, the race between them, source_ip, proxy, Unix socket; one deadline.

Tests with names of their own run in a private network (lib/privatenet.py), which only root can make. Times are upper
bounds, generous but far below what the mistake would cost.
"""
import socket
import time

import pytest

from lib import judge
from lib.hostile import on, reply
from lib.network import BlackHole, SocksProxy
from lib.privatenet import IPV4, IPV6, NameServer
from lib.socks import BadProxy, GluedProxy

TO = ["-i", "r@mail.test"]
NOWHERE = {"tls": "off", "from": "sender@mail.test"}


def config(**settings):
    return "account default\n" + "".join(f"{k} {v}\n" for k, v in (NOWHERE | settings).items())


def closed_port(host="127.0.0.1"):
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
        return sock.getsockname()[1]


@pytest.fixture
def send(run_sendmail):
    """send(relayrc) -> (Result, seconds)"""
    def call(rc, run=run_sendmail):
        start = time.monotonic()
        done = run(TO, judge.MESSAGE, rc)
        return done, time.monotonic() - start
    return call


def arrived(done, server):
    assert (done.rc, done.err) == (0, "")
    [message] = server.settle().messages
    assert message.data == judge.MESSAGE
    return message


# -- addresses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
@pytest.mark.parametrize("host, listen", [("::1", "::1"), ("[::1]", "::1"), ("127.0.0.1", "127.0.0.1"),
                                          ("localhost", "::1"), ("localhost", "127.0.0.1")])
def test_literals_and_localhost(scripted, relayrc, send, tls, host, listen):
    server = scripted(tls=tls, listen=listen)
    done, seconds = send(relayrc(server, host=host))
    assert arrived(done, server).connection.peer[0] == listen
    assert seconds < 5


@pytest.mark.parametrize("protocols, peer", [("all", "::1"), ("ipv6", "::1"), ("ipv4", "::ffff:127.0.0.1")])
def test_inet_protocols(scripted, relayrc, send, protocols, peer):
    server = scripted(listen="::")      # both families
    done, _ = send(relayrc(server, host="localhost", inet_protocols=protocols))
    assert arrived(done, server).connection.peer[0] == peer


@pytest.mark.parametrize("protocols, listen", [("ipv4", "::1"), ("ipv6", "127.0.0.1")])
def test_the_other_protocol_is_not_used(scripted, relayrc, send, protocols, listen):
    server = scripted(listen=listen)
    done, _ = send(relayrc(server, host="localhost", inet_protocols=protocols))
    judge.failed(done, most=1)
    assert server.connections == []


@pytest.mark.parametrize("source, listen", [("127.0.0.7", "127.0.0.1"), ("::1", "::1")])
def test_source_ip(scripted, relayrc, send, source, listen):
    server = scripted(listen=listen)
    done, _ = send(relayrc(server, source_ip=source))
    assert arrived(done, server).connection.peer[0] == source


def test_source_ip_chooses_the_family(scripted, relayrc, send):
    server = scripted(listen="::")
    done, _ = send(relayrc(server, host="localhost", source_ip="127.0.0.9"))
    assert arrived(done, server).connection.peer[0] == "::ffff:127.0.0.9"


@pytest.mark.parametrize("settings, status, said", [
    ({"host": "127.0.0.1", "source_ip": "203.0.113.7"}, 75, "source_ip"),
    ({"host": "127.0.0.1", "source_ip": "::1"}, 78, "source_ip"),
    ({"host": "::1", "inet_protocols": "ipv4"}, 78, "::1"),
    ({"host": "127.0.0.1", "inet_protocols": "ipv4", "source_ip": "::1"}, 78, "source_ip"),
])
def test_addresses_that_cannot_be_used(send, settings, status, said):
    done, seconds = send(config(port=closed_port(), **settings))
    judge.failed(done, status, most=1)
    assert said in done.err and seconds < 5


@pytest.mark.parametrize("tls", ["off", "on"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_refused(send, host, tls):
    done, seconds = send(config(host=host, port=closed_port(), tls=tls))
    judge.failed(done, most=1)
    assert "refused" in done.err and host in done.err and seconds < 5


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_connecting_takes_no_longer_than_the_timeout(send, host):
    with BlackHole(host) as hole:
        done, seconds = send(config(host=host, port=hole.port, timeout=1))
    judge.failed(done, most=1)
    assert "timed out" in done.err and seconds < 4


# -- names, and the race between their addresses ------------------------------------------------------------------

@pytest.fixture
def inside(run_sendmail, send):
    """inside(net, relayrc) -> (Result, seconds): the program run in that network."""
    return lambda net, rc: send(rc, lambda *args: net.run(run_sendmail, *args))


@pytest.mark.parametrize("good, bad", [(IPV4, IPV6), (IPV6, IPV4)])
def test_a_black_hole_costs_little(private, inside, scripted, relayrc, good, bad):
    net = private({"both.test": [IPV6, IPV4]})
    server = net.run(scripted, listen=good)
    hole = net.run(BlackHole(bad, server.port).__enter__)
    done, seconds = inside(net, relayrc(server, host="both.test", timeout=20))
    hole.__exit__()
    assert arrived(done, server).connection.peer[0] == good
    # 300 ms for the black hole; without a race it is a second at the least.
    assert seconds < 0.3 + 0.5


@pytest.mark.parametrize("listen", [IPV4, IPV6])
def test_a_refused_address_costs_nothing(private, inside, scripted, relayrc, listen):
    net = private({"both.test": [IPV6, IPV4]})
    server = net.run(scripted, listen=listen)
    done, seconds = inside(net, relayrc(server, host="both.test"))
    assert arrived(done, server).connection.peer[0] == listen
    assert seconds < 1


def test_a_black_hole_at_localhost(scripted, relayrc, send):
    server = scripted(listen="127.0.0.1")
    with BlackHole("::1", server.port):
        done, seconds = send(relayrc(server, host="localhost", timeout=20))
    arrived(done, server)
    assert seconds < 0.3 + 0.5


def test_the_last_of_many_addresses(private, inside, scripted, relayrc):
    holes = [f"127.0.0.{n}" for n in range(2, 5)]
    net = private({"many.test": [*holes, IPV4]})
    server = net.run(scripted, listen=IPV4)
    running = [net.run(BlackHole(address, server.port).__enter__) for address in holes]
    done, seconds = inside(net, relayrc(server, host="many.test", timeout=20))
    for hole in running:
        hole.__exit__()
    arrived(done, server)
    assert seconds < 0.3 * len(holes) + 1.5


def test_one_deadline_for_all_addresses(private, inside):
    addresses = [IPV6, "::1", IPV4, "127.0.0.2", "127.0.0.3"]
    net = private({"dead.test": addresses})
    port = 2525
    running = [net.run(BlackHole(address, port).__enter__) for address in addresses]
    done, seconds = inside(net, config(host="dead.test", port=port, timeout=1))
    for hole in running:
        hole.__exit__()
    judge.failed(done, most=1)
    assert "dead.test" in done.err and "timed out" in done.err
    assert seconds < 2.5        # not five times one second


def test_each_address_says_why(private, inside):
    net = private({"both.test": [IPV6, IPV4]})
    done, seconds = inside(net, config(host="both.test", port=2525))
    judge.failed(done, most=1)
    for word in ("both.test", IPV6, IPV4, "refused"):
        assert word in done.err
    assert seconds < 5


def test_no_network_at_all(private, inside):
    net = private()
    for host in ("198.51.100.1", "2001:db8:ffff::1"):
        done, seconds = inside(net, config(host=host, timeout=5))
        judge.failed(done, most=1)
        assert "unreachable" in done.err and host in done.err and seconds < 4


# -- DNS ----------------------------------------------------------------------------------------------------------


def test_a_name_from_dns(private, inside, scripted, relayrc, tmp_path):
    dns = NameServer({"smtp.example.test": [IPV4]})
    net = private(dns=dns)
    server = net.run(scripted, listen=IPV4)
    done, _ = inside(net, relayrc(server, host="smtp.example.test", logfile=tmp_path / "log"))
    arrived(done, server)
    assert f"relay=smtp.example.test[{IPV4}]:{server.port}" in (tmp_path / "log").read_text()


def test_only_ipv4_is_asked_for(private, inside, scripted, relayrc):
    """A name server that never answers AAAA is no trouble for who wants IPv4."""
    dns = NameServer({"smtp.example.test": [IPV4, IPV6]}, silent={"AAAA"})
    net = private(dns=dns)
    server = net.run(scripted, listen=IPV4)
    done, seconds = inside(net, relayrc(server, host="smtp.example.test", inet_protocols="ipv4"))
    arrived(done, server)
    assert {kind for name, kind in dns.asked if name == "smtp.example.test"} == {"A"} and seconds < 8


def test_the_name_of_this_machine_is_not_waited_for(private, inside, scripted, relayrc):
    """Its full name may be a question to DNS; a dead one must not hold up mail that needs no DNS."""
    net = private(dns=NameServer({}, silent={"A", "AAAA"}))
    server = net.run(scripted, listen=IPV4)
    done, seconds = inside(net, relayrc(server))
    arrived(done, server)
    assert seconds < 5


@pytest.mark.parametrize("dns, said", [
    (NameServer({}), "not known"), (NameServer({}, silent={"A", "AAAA"}), "in time"), (None, "emporary failure"),
    (NameServer({"smtp.example.test": []}), "")], ids=["no-such-name", "silence", "no-server", "no-address"])
def test_dns_fails(private, inside, dns, said):
    net = private(dns=dns)
    done, seconds = inside(net, config(host="smtp.example.test", timeout=1))
    judge.failed(done, most=1)
    assert "cannot resolve smtp.example.test" in done.err and said in done.err
    assert seconds < 8


# -- proxy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
@pytest.mark.parametrize("host, kind", [("mail.test", "name"), ("127.0.0.1", "ipv4"), ("::1", "ipv6")])
def test_proxy(scripted, relayrc, send, tls, host, kind):
    """The proxy gets the name as it is: it is not looked up here, where it may not exist or mean something else."""
    server = scripted(tls=tls)
    with SocksProxy({host: (server.host, server.port)}) as proxy:
        done, _ = send(relayrc(server, host=host, proxy_host=proxy.host, proxy_port=proxy.port))
        assert proxy.requests == [(host, server.port, kind)]
    arrived(done, server)


def test_proxy_and_greeting_in_one_piece(scripted, relayrc, send):
    server = scripted(rules=[on("GREETING", reply(b""))])
    with GluedProxy() as proxy:
        done, _ = send(relayrc(server, proxy_host=proxy.host, proxy_port=proxy.port, timeout=5))
    assert (done.rc, done.err) == (0, "")


@pytest.mark.parametrize("code, said", [(1, "proxy failed"), (2, "rules forbid"), (3, "network unreachable"),
                                        (4, "host unreachable"), (5, "refused"), (6, "TTL"), (7, "CONNECT"),
                                        (8, "type of address"), (9, "9"), (255, "255")])
def test_proxy_refuses(send, code, said):
    with SocksProxy(refuse=code) as proxy:
        done, _ = send(config(host="mail.test", port=25, proxy_host=proxy.host, proxy_port=proxy.port))
    judge.failed(done, most=1)
    assert said in done.err and "mail.test" in done.err and "proxy" in done.err


OK = b"\x05\x00"


@pytest.mark.parametrize("answers", [
    [b""], [b"\x05"], [b"\x04\x00"], [b"\x05\xff"], [b"\x05\x02"], [b"\0\0"], [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    [OK, b""], [OK, b"\x05"], [OK, b"\x05\x00\x00"], [OK, b"\x04\x00\x00\x01" + bytes(6)],
    [OK, b"\x05\x00\x01\x01" + bytes(6)], [OK, b"\x05\x00\x00\x02" + bytes(6)], [OK, b"\x05\x00\x00\x01" + bytes(5)],
    [OK, b"\x05\x00\x00\x03\xff" + bytes(256)], [OK, b"\x05\x00\x00\x04" + bytes(17)], [OK, b"\xff" * 5000],
    [OK, b"\x05\x00\x00\x01" + bytes(6)], [OK, b"\x05\x00\x00\x01" + bytes(6) + b"\x05\x00 not SMTP\r\n"],
    [OK, b"\x05\x00\x00\x01" + bytes(6) + b"220 short\r\n"]], ids=lambda a: "|".join(x[:6].hex() or "-" for x in a))
@pytest.mark.parametrize("then", ["close", "reset"])
def test_proxy_talks_nonsense(send, answers, then):
    with BadProxy(answers, then) as proxy:
        done, seconds = send(config(host="mail.test", port=25, proxy_host=proxy.host, proxy_port=proxy.port, timeout=5))
    judge.failed(done, most=1)
    assert seconds < 5


@pytest.mark.parametrize("then", ["silence", "drip"])
@pytest.mark.parametrize("answers", [[b""], [OK, b"\x05\x00\x00\x03\xff"]], ids=["greeting", "reply"])
def test_proxy_takes_its_time(send, answers, then):
    if (len(answers), then) == (1, "drip"):
        answers = [b"\x05"]     # a second byte comes; then the drip is the reply
    with BadProxy(answers, then) as proxy:
        done, seconds = send(config(host="mail.test", port=25, proxy_host=proxy.host, proxy_port=proxy.port, timeout=1))
    judge.failed(done, most=1)
    assert seconds < 4


def test_proxy_is_not_there(send):
    done, _ = send(config(host="mail.test", port=25, proxy_host="127.0.0.1", proxy_port=closed_port()))
    judge.failed(done, most=1)
    assert "proxy" in done.err and "refused" in done.err
    with BlackHole("127.0.0.1") as hole:
        done, seconds = send(config(host="mail.test", port=25, proxy_host=hole.host, proxy_port=hole.port, timeout=1))
    judge.failed(done, most=1)
    assert "proxy" in done.err and seconds < 4


# -- Unix sockets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind, said", [("missing", "No such file"), ("file", "refused"), ("dead", "refused"),
                                        ("full", "timed out"), ("datagram", "rong type")])
def test_unix_socket_that_cannot_be_used(send, tmp_path, kind, said):
    path = tmp_path / "lmtp"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM) as sock:
        if kind == "file":
            path.touch()
        elif kind != "missing":
            sock.bind(str(path))
        fillers = []
        if kind == "full":
            sock.listen(0)
            for _ in range(2):
                fillers.append(socket.socket(socket.AF_UNIX))
                fillers[-1].setblocking(False)
                fillers[-1].connect_ex(str(path))
        done, seconds = send(config(socket=path, protocol="lmtp", timeout=1))
        for filler in fillers:
            filler.close()
    judge.failed(done, most=1)
    assert said in done.err and str(path) in done.err and seconds < 4


def test_unix_socket_with_a_path_that_is_too_long(send):
    done, _ = send(config(socket="/tmp/" + "x" * 200, protocol="lmtp"))
    judge.failed(done, 78, most=1)
