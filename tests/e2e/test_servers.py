"""The real servers, the counting proxy and the certificates, proved without our own program."""
import smtplib
import socket
import ssl
import time

import pytest

from lib.clients import MESSAGE, USER, Pipelining, login
from lib.network import BlackHole, SocksProxy

LF = MESSAGE.replace(b"\r\n", b"\n")


# -- real servers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", ["starttls", "smtps", "dovecot_starttls", "dovecot_smtps", "poor_starttls",
                                  "poor_smtps"])
def test_postfix_takes_an_authenticated_message(postfix, pki, port):
    with login(postfix, pki, "implicit" if "smtps" in port else "starttls", postfix.ports[port]) as client:
        assert client.has_extn("pipelining") == client.has_extn("chunking") == ("poor" not in port)
        refused = client.sendmail("a@b.test", ["r1@mail.test", "refused@mail.test", "r2@mail.test"], MESSAGE)
        assert refused["refused@mail.test"][0] == 550
    message, = postfix.wait_messages(1)
    assert (message.sender, sorted(message.recipients)) == ("a@b.test", ["r1@mail.test", "r2@mail.test"])
    assert message.sent == LF
    assert f"sasl_username={USER}" in message.info


@pytest.mark.parametrize("port", ["plain", "plain_auth"])
def test_postfix_without_tls(postfix, pki, port):
    auth = port == "plain_auth"
    client = Pipelining(postfix.host, postfix.ports[port], pki, "none", auth=auth)
    assert (b"AUTH" in client.ehlo) == auth
    assert postfix.wait_messages(1)[0].sent == LF


@pytest.mark.parametrize("port", ["starttls", "smtps"])
@pytest.mark.parametrize("name", ["exim", "opensmtpd"])
def test_exim_and_opensmtpd_take_an_authenticated_message(request, pki, name, port):
    server = request.getfixturevalue(name)
    with login(server, pki, "implicit" if port == "smtps" else "starttls", server.ports[port]) as client:
        refused = client.sendmail("", ["r1@mail.test", "refused@mail.test", "r2@mail.test"], MESSAGE)
        assert refused["refused@mail.test"][0] == 550
    message, = server.wait_messages(1, recipients=2)
    assert (message.sender, sorted(message.recipients)) == ("", ["r1@mail.test", "r2@mail.test"])
    assert message.sent.endswith(LF.partition(b"\n\n")[2])


@pytest.mark.parametrize("name", ["postfix", "exim", "opensmtpd"])
def test_real_servers_ask_for_a_login(request, pki, name):
    server = request.getfixturevalue(name)
    context = ssl.create_default_context(cafile=pki.ca)
    with smtplib.SMTP_SSL(server.host, server.ports["smtps"], timeout=10, context=context) as client:
        client.ehlo()
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(USER, "wrong")
    with smtplib.SMTP_SSL(server.host, server.ports["smtps"], timeout=10, context=context) as client:
        with pytest.raises((smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused)):
            client.sendmail("a@b.test", ["r@mail.test"], MESSAGE)


# -- the counting proxy -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipients", [1, 100])
@pytest.mark.parametrize("port, tls, flights", [
    ("smtps", "implicit", 5), ("starttls", "starttls", 7), ("plain", "none", 4), ("dovecot_smtps", "implicit", 5)])
def test_flights_of_an_ideal_client(postfix, counting, pki, port, tls, flights, recipients):
    proxy = counting("127.0.0.1", postfix.ports[port])
    Pipelining(proxy.host, proxy.port, pki, tls, [f"r{i}@mail.test" for i in range(recipients)], auth=tls != "none")
    proxy.settle()
    assert proxy.flights == flights, proxy.connections[0]
    assert proxy.rtts > flights - 0.6
    assert len(postfix.wait_messages(1)[0].recipients) == recipients


@pytest.mark.parametrize("tls, flights", [("implicit", 5), ("starttls", 7), ("none", 4)])
def test_flights_of_a_large_message(scripted, counting, pki, tls, flights):
    server = scripted(tls=tls, auth=["PLAIN"])
    proxy = counting(server.host, server.port)
    Pipelining(proxy.host, proxy.port, pki, tls, message=b"x" * 76 + b"\r\n" + b"y" * 8_000_000 + b"\r\n")
    proxy.settle()
    assert proxy.flights == flights, proxy.connections[0]
    assert server.settle().connections[0].flights == flights - (1 if tls == "implicit" else 2)
    assert server.violations == []


def test_flights_of_a_client_that_waits_for_everything(scripted, counting, pki):
    server = scripted(tls="implicit", auth=["PLAIN"])
    proxy = counting(server.host, server.port, delay=0.02)
    with login(proxy, pki, "implicit") as client:
        client.sendmail("a@b.test", ["r@mail.test"], MESSAGE)
    proxy.settle()
    # TCP, hello, finished, EHLO, AUTH, MAIL, RCPT, DATA, body, QUIT
    assert proxy.flights == 10, proxy.connections[0]


# -- certificates and the network ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind, expected", [
    ("expired", "expired"), ("not_yet_valid", "not yet valid"), ("wrong_name", "not valid for"),
    ("self_signed", "self.signed"), ("unknown_ca", "local issuer"), ("broken_chain", "local issuer"),
    ("intermediate", None), ("server", None), ("server_rsa", None), ("revoked", "revoked")])
def test_certificates_are_what_they_say(scripted, pki, kind, expected):
    server = scripted(tls="implicit", certificate=getattr(pki, kind))
    context = ssl.create_default_context(cafile=pki.ca)
    if kind == "revoked":
        context.load_verify_locations(pki.crl)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    with socket.create_connection((server.host, server.port)) as sock:
        if expected is None:
            context.wrap_socket(sock, server_hostname="localhost").close()
        else:
            with pytest.raises(ssl.SSLCertVerificationError, match=expected):
                context.wrap_socket(sock, server_hostname="localhost")


def test_socks_proxy(scripted):
    server = scripted()
    with SocksProxy({"mail.test": (server.host, server.port)}) as proxy:
        with socket.create_connection((proxy.host, proxy.port), timeout=5) as sock:
            sock.sendall(b"\x05\x01\x00")
            assert sock.recv(2) == b"\x05\x00"
            sock.sendall(b"\x05\x01\x00\x03\x09mail.test\x01\xd1")
            assert sock.recv(10)[:2] == b"\x05\x00"
            assert sock.recv(100).startswith(b"220 ")
            sock.sendall(b"QUIT\r\n")
            assert sock.recv(100).startswith(b"221 ")
        assert proxy.requests == [("mail.test", 465, "name")]
    assert server.settle().commands == ["QUIT"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_black_hole(host):
    with BlackHole(host) as hole:
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            socket.create_connection((hole.host, hole.port), timeout=0.4)
        assert time.monotonic() - start > 0.3
