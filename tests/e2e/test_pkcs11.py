"""Keys, certificates and CAs in a PKCS#11 token: a software token (SoftHSM), found through p11-kit."""
import shutil
import subprocess

import pytest

MESSAGE = b"From: sender@mail.test\nSubject: x\n\ntext\n"
MODULE = "/usr/lib/softhsm/libsofthsm2.so"
CONFIG = "/usr/share/p11-kit/modules/softhsm2.module"
PIN = "5711-Geheim"
BOTH = pytest.mark.parametrize("tls", ["implicit", "starttls"])


def run(environment, *args):
    done = subprocess.run([str(a) for a in args], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def token(tmp_path_factory, pki):
    """The environment in which a token named "relay-test" has joe's certificate and key, and the CA as a trusted one."""
    if not (shutil.which("softhsm2-util") and shutil.which("p11tool")):
        pytest.skip("softhsm2-util or p11tool is not installed")
    home = tmp_path_factory.mktemp("token")
    (home / "tokens").mkdir()
    (home / "softhsm2.conf").write_text(f"directories.tokendir = {home}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    environment = {"SOFTHSM2_CONF": str(home / "softhsm2.conf"), "PATH": "/usr/bin:/bin", "HOME": str(home),
                   "GNUTLS_PIN": PIN, "GNUTLS_SO_PIN": "12345678"}
    run(environment, "softhsm2-util", "--init-token", "--free", "--label", "relay-test", "--pin", PIN, "--so-pin", "12345678")
    own = pki.client("joe")
    write = ["p11tool", "--batch", "--login", "--write", "--label"]
    run(environment, *write, "joe", "--load-privkey", own.key, "pkcs11:token=relay-test")
    run(environment, *write, "joe", "--load-certificate", own.cert, "pkcs11:token=relay-test")
    run(environment, "p11tool", "--batch", "--so-login", "--write", "--label", "ca", "--mark-trusted", "--mark-ca",
        "--load-certificate", pki.ca, "pkcs11:token=relay-test")
    return {"SOFTHSM2_CONF": environment["SOFTHSM2_CONF"]}


@pytest.fixture
def send(scripted, relayrc, relay, run_sendmail, token, pki, tmp_path):
    def call(settings, tls="implicit", inside=None, **options):
        server = scripted(tls=tls, **{"client_ca": pki.ca, "client_required": True, "auth": ["EXTERNAL"]} | options)
        rc = relayrc(server, **{"auth": "external", "timeout": 10} | settings)
        if inside is None:
            done = run_sendmail(["-v", "r@mail.test"], MESSAGE, rc, env=token)
        else:
            (tmp_path / "rc").touch(0o600)
            (tmp_path / "rc").write_text(rc)
            done = run_sendmail([*inside[1:], relay, "-C", tmp_path / "rc", "-v", "r@mail.test"], MESSAGE, env=token,
                                executable=shutil.which(inside[0]))
        return done, server.settle()
    return call


def uris(key_type="private", pin=f"?pin-value={PIN}", name="joe"):
    return {"tls_cert_file": f"pkcs11:token=relay-test;object={name};type=cert",
            "tls_key_file": f"pkcs11:token=relay-test;object={name};type={key_type}{pin}"}


@BOTH
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_client_certificate_in_a_token(send, tls, version):
    done, server = send(uris(), tls, max_tls=version)
    assert done.rc == 0, done.err
    [connection] = server.connections
    assert (connection.client_certificate, connection.auth_user) == ("joe", "joe")
    assert PIN not in done.err


@BOTH
def test_key_in_a_token_and_certificate_in_a_file(send, pki, tls):
    done, server = send(uris() | {"tls_cert_file": pki.client("joe").cert}, tls)
    assert done.rc == 0 and server.connections[0].client_certificate == "joe"


def test_pin_in_a_file(send, tmp_path):
    (tmp_path / "pin").write_text(PIN)
    (tmp_path / "pin").chmod(0o600)
    done, server = send(uris(pin=f"?pin-source={tmp_path}/pin"))
    assert done.rc == 0 and server.connections[0].client_certificate == "joe"


@pytest.mark.parametrize("settings, words", [
    (uris(pin="?pin-value=wr0ng"), ["pin-source"]), (uris(pin=""), []), (uris(name="nobody"), ["nobody"]),
    ({"tls_cert_file": "pkcs11:token=no-such-token", "tls_key_file": "pkcs11:token=no-such-token"}, ["no-such-token"]),
], ids=["wrong PIN", "no PIN", "no such object", "no such token"])
def test_token_that_does_not_help(send, settings, words):
    """Nobody is asked for a PIN, nor is it shown."""
    done, server = send(settings)
    assert done.rc in (75, 78) and server.messages == []
    line = done.err.splitlines()[-1]
    assert line.startswith("sendmail: ") and "client certificate" in line and "wr0ng" not in line
    assert "AUTH" not in server.connections[0].verbs
    for word in words:
        assert word in line


def test_pin_is_not_shown_by_the_settings(run_sendmail, relayrc, token):
    done = run_sendmail(["-P"], rc=relayrc(host="mail.test", **uris()), env=token)
    assert done.rc == 0 and "tls_key_file" in done.out and PIN not in done.out


def test_pin_in_a_file_that_others_can_read_is_refused(relay, run_sendmail, relayrc, tmp_path):
    rc = tmp_path / "rc"
    rc.write_text(relayrc(host="mail.test", **uris()))
    rc.chmod(0o644)
    done = run_sendmail(["-C", rc, "-P"])
    assert done.rc == 78 and "chmod 600" in done.err and PIN not in done.err


# -- trust ----------------------------------------------------------------------------------------------------------

PLAIN = {"client_ca": None, "client_required": False, "auth": []}


def test_token_without_trusted_certificates(send):
    """A token counts as a store of CAs only if p11-kit is told so."""
    done, server = send({"tls_trust_file": "pkcs11:token=relay-test", "auth": "off"}, **PLAIN)
    assert done.rc == 78 and "no CA certificates in pkcs11:token=relay-test" in done.err and server.messages == []


@BOTH
def test_trusted_certificate_named_by_its_url(send, pki, tls):
    verdicts(send, pki, tls, "pkcs11:token=relay-test;object=ca;type=cert")


def verdicts(send, pki, tls, url, **how):
    """GnuTLS asks the token itself; no bundle is read."""
    trust = {"tls_trust_file": url, "auth": "off"}
    done, server = send(trust, tls, **PLAIN, **how)
    assert done.rc == 0 and len(server.messages) == 1, done.err
    for certificate, words in ((pki.unknown_ca, "unknown issuer"), (pki.expired, "expired"), (pki.wrong_name, "issued for")):
        done, server = send(trust, tls, certificate=certificate, **PLAIN, **how)
        assert done.rc == 75 and words in done.err and server.messages == []


@BOTH
@pytest.mark.parametrize("url", ["pkcs11:token=relay-test", "pkcs11:"])
def test_token_that_is_a_store_of_cas(send, pki, tmp_path, tls, url):
    """As Fedora has it: p11-kit says that the module decides about trust. In a mount namespace, for p11-kit takes that
    from the system's folder alone when it runs as root."""
    module = tmp_path / "module"
    module.write_text(f"module: {MODULE}\ntrust-policy: yes\n")
    inside = ["unshare", "-m", "sh", "-c", 'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh", module, CONFIG]
    if subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("cannot make a mount namespace here")
    verdicts(send, pki, tls, url, inside=inside)
