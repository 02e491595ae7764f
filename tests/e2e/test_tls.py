"""The server's certificate: what is accepted, what is refused, and what is said then.

Whoever is refused gets nothing: no login, no MAIL. The program ends with 75 and one line that says what is wrong with
the certificate and what to do.
"""
import hashlib
import re
import ssl

import pytest

from lib.pki import NAMES, openssl

MESSAGE = b"From: sender@mail.test\nSubject: x\n\ntext\n"
LOGIN = {"user": "user@mail.test", "password": "S3cret-of-the-tests"}
IDENTITY = ["user@mail.test", "S3cret", "sender@mail.test", "r@mail.test"]
BOTH = pytest.mark.parametrize("tls", ["implicit", "starttls"])
VERSIONS = pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])


@pytest.fixture
def send(scripted, relayrc, run_sendmail):
    """send(certificate, tls, …) -> (Result, server). The account has a login; `listen` is also the host, if that is not
    set otherwise."""
    def call(certificate, tls="implicit", settings=None, listen="127.0.0.1", **options):
        server = scripted(certificate=certificate, tls=tls, listen=listen, auth=["PLAIN", "SCRAM-SHA-256"],
                          users={LOGIN["user"]: LOGIN["password"]}, **options)
        rc = relayrc(server, **LOGIN | {"timeout": 5} | (settings or {}))
        done = run_sendmail(["-i", "r@mail.test"], MESSAGE, rc)
        return done, server.settle()
    return call


def accepted(done, server):
    assert (done.rc, done.err, done.out) == (0, "", "")
    assert server.violations == []
    [message] = server.messages
    assert message.confirmed and message.recipients == ["r@mail.test"]
    assert message.connection.auth_user == LOGIN["user"] and message.connection.tls_version


def refused(done, server, *words):
    """Nothing was said to the server, and one line says why; the line."""
    assert (done.rc, done.out, server.messages) == (75, "", [])
    [line] = done.err.splitlines()
    assert line.startswith("sendmail: account default: ") and line.isprintable()
    for word in words:
        assert word in line
    assert not any(word in line for word in ("S3cret", "gnutls", "GnuTLS"))
    [connection] = server.connections
    assert connection.verbs == ([] if server.options.tls == "implicit" else ["EHLO", "STARTTLS"])
    # The server never saw the end of the handshake, but our alert.
    assert (connection.tls_version, connection.ended) == (None, "tls") and "alert" in connection.detail
    assert not any(word in " ".join(server.commands) for word in IDENTITY)
    return line


# -- every certificate trouble --------------------------------------------------------------------------------------

OWNER, CLOCK = "server's owner", "clock says 20"
TROUBLES = [
    # certificate, what is wrong, what to do
    ("expired", ["expired on 2021-01-01", CLOCK], OWNER),
    ("not_yet_valid", ["not valid before 2048-01-01", CLOCK], "correct it"),
    ("wrong_name", ["issued for other.test, 192.0.2.1, not for 127.0.0.1"], "tls_host_override"),
    ("wildcard", ["issued for *.mail.test, not for 127.0.0.1"], "tls_host_override"),
    ("self_signed", ["self-signed"], "tls_fingerprint"),
    ("unknown_ca", ['unknown issuer "CN=Throwaway unknown"'], "tls_trust_file"),
    ("broken_chain", ['unknown issuer "CN=Throwaway middle"', "in between"], "tls_fingerprint"),
]


@BOTH
@VERSIONS
@pytest.mark.parametrize("name, what, advice", TROUBLES, ids=[t[0] for t in TROUBLES])
def test_a_certificate_that_is_refused(send, pki, name, what, advice, tls, version):
    line = refused(*send(getattr(pki, name), tls, max_tls=version), *what)
    assert advice in line.split(what[-1])[1]


@BOTH
def test_the_fingerprint_in_the_advice_is_the_right_one(send, pki, tls):
    for certificate in (pki.self_signed, pki.unknown_ca, pki.broken_chain):
        line = refused(*send(certificate, tls))
        assert certificate.fingerprint in line
        pin = re.search(r"tls_fingerprint ([0-9A-F:]{95})", line)[1]
        accepted(*send(certificate, tls, {"tls_fingerprint": pin}))


@BOTH
@pytest.mark.parametrize("name", ["server", "server_rsa", "intermediate"])
def test_a_certificate_that_is_accepted(send, pki, name, tls):
    accepted(*send(getattr(pki, name), tls))


def test_several_troubles_at_once_are_all_named(send, pki):
    bad = pki.leaf("all-wrong", names=["DNS:other.test"], issuer="unknown", start="20200101000000Z",
                   end="20210101000000Z")
    refused(*send(bad), "unknown issuer", "expired on 2021-01-01", "issued for other.test")


@pytest.mark.parametrize("usage, ok", [("clientAuth", False), ("emailProtection", False), ("serverAuth,clientAuth", True),
                                       ("anyExtendedKeyUsage", True)])
def test_purpose_of_the_certificate(send, pki, usage, ok):
    certificate = pki.leaf(f"for-{usage}", usage=usage)
    if ok:
        accepted(*send(certificate))
    else:
        refused(*send(certificate), "not meant for TLS servers", OWNER)


def test_a_leaf_signed_by_another_leaf_is_refused(send, pki, tmp_path):
    """Any certificate's owner could make certificates for everybody else."""
    signer, victim = pki.wrong_name, tmp_path / "victim"
    victim.mkdir()
    (victim / "ext").write_text(f"basicConstraints=CA:FALSE\nsubjectAltName={','.join(NAMES)}\n")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", victim / "key.pem",
            "-subj", "/CN=mail.test", "-out", victim / "csr.pem")
    openssl("x509", "-req", "-in", victim / "csr.pem", "-CA", signer.cert, "-CAkey", signer.key, "-set_serial", 7,
            "-days", 30, "-extfile", victim / "ext", "-out", victim / "cert.pem")
    (victim / "chain.pem").write_text((victim / "cert.pem").read_text() + signer.cert.read_text())
    made = type(signer)(victim / "cert.pem", victim / "key.pem", victim / "chain.pem", pki.ca)
    refused(*send(made))


# -- names ----------------------------------------------------------------------------------------------------------

@BOTH
@pytest.mark.parametrize("listen, host", [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::1", "0:0:0:0:0:0:0:1"),
                                          ("127.0.0.1", "localhost"), ("127.0.0.1", "LocalHost")])
def test_names_and_addresses_of_the_certificate(send, pki, tls, listen, host):
    accepted(*send(pki.server, tls, {"host": host, "inet_protocols": "ipv6" if ":" in listen else "ipv4"}, listen))
    only = pki.leaf(f"only-{host}", names=[("IP:" if host[0] in "0123456789:" else "DNS:") + host])
    accepted(*send(only, tls, {"host": host, "inet_protocols": "ipv6" if ":" in listen else "ipv4"}, listen))


@pytest.mark.parametrize("listen, host, names", [
    ("127.0.0.1", "127.0.0.1", ["DNS:localhost", "IP:127.0.0.2"]), ("::1", "::1", ["IP:127.0.0.1", "IP:::2"]),
    ("127.0.0.1", "localhost", ["IP:127.0.0.1"]), ("127.0.0.1", "localhost", ["DNS:localhost.test", "DNS:xlocalhost"]),
    # An address written as a name is no address; a common name is no name beside others.
    ("127.0.0.1", "127.0.0.1", ["DNS:127.0.0.1"]), ("127.0.0.1", "localhost", ["DNS:other.test"]),
    ("127.0.0.1", "127.0.0.1", ["DNS:*.0.0.1"]), ("127.0.0.1", "localhost", ["DNS:*"]),
], ids=str)
def test_other_names_and_addresses_are_refused(send, pki, listen, host, names):
    certificate = pki.leaf(f"not-{host}-{'-'.join(names)}", names=names, cn="localhost")
    line = refused(*send(certificate, settings={"host": host}, listen=listen), f"not for {host}")
    assert names[0].split(":", 1)[1] in line


@pytest.mark.parametrize("override, ok", [
    ("smtp.mail.test", True), ("SMTP.Mail.Test", True), ("mail.test", False), ("a.b.mail.test", False),
    (".mail.test", False), ("smtp.mail.test.evil.test", False), ("smtpxmail.test", False),
])
def test_wildcard_stands_for_one_label(send, pki, override, ok):
    done, server = send(pki.wildcard, settings={"tls_host_override": override})
    if ok:
        accepted(done, server)
    elif done.rc == 75:
        refused(done, server, "*.mail.test")
    else:
        assert done.rc == 78 and "tls_host_override" in done.err and server.connections == []


@BOTH
def test_tls_host_override_is_verified_instead_of_host(send, pki, tls):
    accepted(*send(pki.wrong_name, tls, {"tls_host_override": "other.test"}))
    refused(*send(pki.server, tls, {"tls_host_override": "other.test"}), "not for other.test")
    accepted(*send(pki.wrong_name, tls, {"tls_host_override": "192.0.2.1"}))


@BOTH
@pytest.mark.parametrize("settings, sni", [
    ({"host": "localhost"}, "localhost"), ({"host": "127.0.0.1"}, None), ({"tls_host_override": "mail.test"}, "mail.test"),
    ({"host": "localhost", "tls_host_override": "127.0.0.1"}, None),
    ({"host": "localhost", "tls_certcheck": "off"}, "localhost"), ({"tls_fingerprint": "right", "host": "localhost"}, "localhost"),
], ids=str)
def test_server_name_is_told_to_the_server(send, pki, tls, settings, sni):
    if "tls_fingerprint" in settings:
        settings = settings | {"tls_fingerprint": pki.server.fingerprint}
    done, server = send(pki.server, tls, settings | {"inet_protocols": "ipv4"})
    accepted(done, server)
    assert server.connections[0].sni == sni


# -- the pin --------------------------------------------------------------------------------------------------------

def fingerprint(certificate, name):
    return hashlib.new(name, ssl.PEM_cert_to_DER_cert(certificate.cert.read_text())).digest()


@BOTH
@pytest.mark.parametrize("hash_name", ["sha256", "sha1", "md5"])
@pytest.mark.parametrize("form", [lambda d: d.hex(":").upper(), lambda d: d.hex(), lambda d: d.hex(":")],
                         ids=["AA:BB", "aabb", "aa:bb"])
def test_pin_accepts_its_certificate_and_no_other(send, pki, tls, hash_name, form):
    pin = {"tls_fingerprint": form(fingerprint(pki.server, hash_name))}
    accepted(*send(pki.server, tls, pin))
    # A certificate that would be good without the pin.
    line = refused(*send(pki.server_rsa, tls, pin), "tls_fingerprint", pki.server_rsa.fingerprint, OWNER)
    assert pki.server.fingerprint not in line


@BOTH
@pytest.mark.parametrize("name", [t[0] for t in TROUBLES])
def test_pin_decides_alone(send, pki, tls, name):
    certificate = getattr(pki, name)
    accepted(*send(certificate, tls, {"tls_fingerprint": certificate.fingerprint}))
    accepted(*send(certificate, tls, {"tls_fingerprint": certificate.fingerprint, "tls_trust_file": ""}))


def test_pin_is_of_the_servers_certificate_not_of_its_ca(send, pki):
    middle = pki.authority("middle", issuer="root") / "cert.pem"
    for file in (pki.ca, middle):
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read_text())).hexdigest()
        refused(*send(pki.intermediate, settings={"tls_fingerprint": digest}), pki.intermediate.fingerprint)


def test_pin_that_is_nearly_right_is_wrong(send, pki):
    digest = bytearray(fingerprint(pki.server, "sha256"))
    for at in (0, 15, 31):
        wrong = digest.copy()
        wrong[at] ^= 1
        refused(*send(pki.server, settings={"tls_fingerprint": wrong.hex()}), "tls_fingerprint")


# -- no check at all ------------------------------------------------------------------------------------------------

@BOTH
@pytest.mark.parametrize("name", [t[0] for t in TROUBLES])
def test_tls_certcheck_off_accepts_everything(send, pki, tls, name):
    accepted(*send(getattr(pki, name), tls, {"tls_certcheck": "off"}))


def test_tls_certcheck_off_does_not_go_with_a_pin(send, pki):
    done, server = send(pki.server, settings={"tls_certcheck": "off", "tls_fingerprint": pki.server.fingerprint})
    assert done.rc == 78 and "tls_certcheck" in done.err and server.connections == []


# -- revocation -----------------------------------------------------------------------------------------------------

@BOTH
def test_revoked_certificate_is_refused_with_the_crl_only(send, pki, tls):
    refused(*send(pki.revoked, tls, {"tls_crl_file": pki.crl}), "revoked", OWNER)
    accepted(*send(pki.revoked, tls))
    accepted(*send(pki.server, tls, {"tls_crl_file": pki.crl}))


def test_crl_of_another_ca_and_crl_that_is_old(send, pki, tmp_path):
    """A CRL that should have been renewed still revokes what it lists."""
    other, old = tmp_path / "other.pem", tmp_path / "old.pem"
    openssl("ca", "-config", pki.authority("unknown") / "openssl.cnf", "-gencrl", "-out", other)
    accepted(*send(pki.revoked, settings={"tls_crl_file": other}))
    openssl("ca", "-config", pki.crl.parent / "openssl.cnf", "-gencrl", "-out", old, "-crl_lastupdate",
            "20200101000000Z", "-crl_nextupdate", "20200201000000Z")
    refused(*send(pki.revoked, settings={"tls_crl_file": old}), "revoked")
    both = tmp_path / "both.pem"
    both.write_text(other.read_text() + pki.crl.read_text())
    refused(*send(pki.revoked, settings={"tls_crl_file": both}), "revoked")
