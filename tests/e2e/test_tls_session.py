"""TLS beside the server's certificate: versions, files of the account, client certificates, how a session begins and
ends. See test_tls.py for certificates, test_pkcs11.py for tokens.
"""
import ctypes
from pathlib import Path

import pytest

from lib.hostile import before, close, on, part_then_close, raw_below_tls, reply, reply_then_close, silence, then
from lib.pki import openssl
from lib.wire import Closed

MESSAGE = b"From: sender@mail.test\nSubject: x\n\ntext\n"
LOGIN = {"user": "user@mail.test", "password": "secret", "auth": "plain", "timeout": 5}
BOTH = pytest.mark.parametrize("tls", ["implicit", "starttls"])
VERSIONS = pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
OLD = {"ciphers": "ALL:@SECLEVEL=0"}
LIBC = ctypes.CDLL(None)


@pytest.fixture
def send(scripted, relayrc, run_sendmail):
    """send({settings}, …server options) -> (Result, server)"""
    def call(settings=None, tls="implicit", client_tls=None, popen=None, **options):
        server = scripted(tls=tls, **{"auth": ["PLAIN"]} | options)
        rc = relayrc(server, tls=client_tls or tls, **LOGIN | (settings or {}))
        done = run_sendmail(["-i", "r@mail.test"], MESSAGE, rc, **popen or {})
        return done, server.settle()
    return call


def accepted(done, server):
    assert (done.rc, done.err, done.out) == (0, "", "")
    assert server.violations == []
    [message] = server.messages
    return message.connection


def failed(done, server, *words, status=75):
    """One line, with all the words; nothing was accepted. The line."""
    assert (done.rc, done.out) == (status, "") and not any(m.confirmed for m in server.messages)
    [line] = done.err.splitlines()
    assert line.startswith("sendmail: ") and line.isprintable()
    for word in words:
        assert word in line
    return line


def nothing_secret_was_said(server):
    assert not {"AUTH", "MAIL", "RCPT", "DATA", "BDAT"} & {c.split()[0] for c in server.commands if c.split()}


# -- versions -------------------------------------------------------------------------------------------------------

@BOTH
@VERSIONS
def test_tls_1_2_and_1_3_are_spoken(send, tls, version):
    connection = accepted(*send(tls=tls, min_tls=version, max_tls=version))
    assert connection.tls_version == version.replace("_", ".")


def test_the_newest_version_is_taken(send):
    assert accepted(*send()).tls_version == "TLSv1.3"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@BOTH
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
@pytest.mark.parametrize("priorities", [None, "NORMAL", "NORMAL:%COMPAT", "PERFORMANCE:-VERS-TLS1.3"])
def test_older_versions_are_refused(send, tls, version, priorities):
    """Also when the account's own string is as wide as GnuTLS makes it."""
    done, server = send({"tls_priorities": priorities}, tls, min_tls=version, max_tls=version, **OLD)
    failed(done, server, "version", "1.2")
    nothing_secret_was_said(server)


@BOTH
@pytest.mark.parametrize("priorities, version", [("NORMAL:-VERS-TLS1.3", "TLSv1.2"), ("SECURE128", "TLSv1.3"),
                                                 ("NORMAL:-VERS-ALL:+VERS-TLS1.2", "TLSv1.2")])
def test_tls_priorities_choose(send, tls, priorities, version):
    assert accepted(*send({"tls_priorities": priorities}, tls)).tls_version == version


def test_tls_priorities_that_fit_no_server(send):
    done, server = send({"tls_priorities": "NORMAL:-VERS-TLS1.3:-CIPHER-ALL:+AES-256-CCM"}, ciphers="AES128-GCM-SHA256")
    failed(done, server, "cipher")
    nothing_secret_was_said(server)


@BOTH
@pytest.mark.parametrize("text", ["NONSENSE", "NORMAL:+VERS-TLS9", "NORMAL:-VERS-ALL"])
def test_tls_priorities_that_are_wrong(send, tls, text):
    done, server = send({"tls_priorities": text}, tls)
    failed(done, server, "tls_priorities", status=78)
    nothing_secret_was_said(server)


# -- files of the account -------------------------------------------------------------------------------------------

FILES = ["missing", "empty", "garbage", "directory", "key", "cut"]


def make(tmp_path, pki, kind):
    path = tmp_path / kind
    if kind == "directory":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes({"empty": b"", "garbage": b"\0\xff-----BEGIN CERT" * 9999, "key": pki.server.key.read_bytes(),
                          "cut": pki.ca.read_bytes()[:200]}[kind])
    return path


@BOTH
@pytest.mark.parametrize("setting", ["tls_trust_file", "tls_crl_file"])
@pytest.mark.parametrize("kind", FILES)
def test_trust_and_crl_files_that_are_no_good(send, pki, tmp_path, tls, setting, kind):
    path = make(tmp_path, pki, kind)
    done, server = send({setting: path}, tls)
    if setting == "tls_trust_file" and kind == "cut":
        assert done.rc in (75, 78)
        status = done.rc
    else:
        status = 78
    failed(done, server, str(path), status=status)
    nothing_secret_was_said(server)


def read_as_others_do():
    """Root without the right to read what its mode forbids; nothing changes for other users."""
    PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def test_trust_file_without_read_permission(send, pki, tmp_path):
    path = tmp_path / "ca.pem"
    path.write_bytes(pki.ca.read_bytes())
    path.chmod(0)
    failed(*send({"tls_trust_file": path}, popen={"preexec_fn": read_as_others_do}), "ca.pem", "ermission", status=78)


def test_trust_file_with_other_things_in_it(send, pki, tmp_path):
    """Comments, keys, CRLs, damaged and foreign certificates around the right one."""
    path = tmp_path / "many.pem"
    right = pki.ca.read_text()
    path.write_text("# comment\nSubject: -----\n" + pki.server.key.read_text() + pki.crl.read_text() +
                    right.replace("MII", "AAA", 1) + (pki.authority("unknown") / "cert.pem").read_text() +
                    right.replace("\n", "\r\n") + "-----BEGIN CERTIFICATE-----\nMIIB")
    for tls in ("implicit", "starttls"):
        accepted(*send({"tls_trust_file": path}, tls))


def test_trust_file_is_one_of_the_home_directory(send, pki, environment):
    (Path(environment["HOME"]) / "my ca.pem").write_bytes(pki.ca.read_bytes())
    accepted(*send({"tls_trust_file": "~/my ca.pem"}))


def test_certificates_of_the_machine_do_not_count_beside_a_trust_file(send, pki):
    other = pki.authority("unknown") / "cert.pem"
    failed(*send({"tls_trust_file": other}), "unknown issuer", "Throwaway root")
    failed(*send({"tls_trust_file": "system"}), "unknown issuer", "Throwaway root")


# -- client certificates --------------------------------------------------------------------------------------------

@BOTH
@VERSIONS
@pytest.mark.parametrize("required", [True, False])
def test_client_certificate_is_shown(send, pki, tls, version, required):
    own = pki.client("joe")
    files = {"tls_cert_file": own.chain, "tls_key_file": own.key}
    connection = accepted(*send(files, tls, client_ca=pki.ca, client_required=required, max_tls=version))
    assert connection.client_certificate == "joe"
    # A server that does not ask for one.
    assert accepted(*send(files, tls, max_tls=version)).client_certificate is None


@BOTH
@VERSIONS
def test_client_certificate_that_is_missing_or_unknown(send, pki, tls, version):
    asks = {"client_ca": pki.ca, "client_required": True, "max_tls": version}
    done, server = send(None, tls, **asks)
    failed(done, server, "client certificate", "tls_cert_file")
    nothing_secret_was_said(server)
    stranger = pki.leaf("stranger", issuer="unknown", usage="clientAuth")
    done, server = send({"tls_cert_file": stranger.cert, "tls_key_file": stranger.key}, tls, **asks)
    failed(done, server, "CA of our client certificate")
    nothing_secret_was_said(server)


@BOTH
@pytest.mark.parametrize("setting", ["tls_cert_file", "tls_key_file"])
@pytest.mark.parametrize("kind", ["missing", "empty", "garbage", "directory", "other"])
def test_client_certificate_files_that_are_no_good(send, pki, tmp_path, tls, setting, kind):
    own, other = pki.client("joe"), pki.server
    files = {"tls_cert_file": own.cert, "tls_key_file": own.key}
    files[setting] = {"tls_cert_file": other.cert, "tls_key_file": other.key}[setting] if kind == "other" else \
        make(tmp_path, pki, kind)
    done, server = send(files, tls)
    failed(done, server, str(files[setting]), status=78)
    nothing_secret_was_said(server)


def test_client_key_with_a_passphrase_is_refused_without_a_question(send, pki, tmp_path):
    own, locked = pki.client("joe"), tmp_path / "locked.pem"
    openssl("pkey", "-in", own.key, "-aes256", "-passout", "pass:opensesame", "-out", locked)
    failed(*send({"tls_cert_file": own.cert, "tls_key_file": locked}), str(locked), status=78)


# -- who speaks which protocol --------------------------------------------------------------------------------------

@pytest.mark.parametrize("server_tls", ["none", "starttls"])
def test_server_without_tls_at_the_start(send, server_tls):
    done, server = send(None, server_tls, "implicit", auth_without_tls=True)
    failed(done, server, "plain SMTP", "tls_starttls on")
    assert server.commands == [] or not any("EHLO" in c for c in server.commands)


def test_server_with_tls_at_the_start_but_starttls_is_set(send):
    """It waits for our first word, as we wait for its."""
    done, server = send({"timeout": 1}, "implicit", "starttls")
    failed(done, server, "in time", "tls_starttls off")
    nothing_secret_was_said(server)


def test_server_that_offers_no_starttls(send):
    done, server = send(None, "none", "starttls", auth_without_tls=True)
    failed(done, server, "STARTTLS", "tls_starttls off")
    nothing_secret_was_said(server)


@pytest.mark.parametrize("text", ["454 4.7.0 TLS not available", "501 5.5.4 no", "250 2.0.0 fine", "334 "])
def test_starttls_is_refused(send, text):
    done, server = send(None, "starttls", rules=[on("STARTTLS", reply(text))], auth_without_tls=True)
    failed(done, server, "STARTTLS")
    nothing_secret_was_said(server)


@pytest.mark.parametrize("action", [then("250 injected"), then(b"2"), before("250-injected"),
                                    then("250-mail.test\n250 AUTH PLAIN")], ids=["line", "byte", "before", "ehlo"])
def test_plain_text_behind_starttls_is_an_attack(send, action):
    done, server = send(None, "starttls", rules=[on("STARTTLS", action)], auth_without_tls=True)
    failed(done, server)
    nothing_secret_was_said(server)


def test_starttls_is_answered_in_plain_text(send):
    def plainly(session, normal):
        session.wire.put(b"220 go ahead\r\n")
        session.wire.flush()
        session.wire.gather()
        session.wire.raw(b"250 but not with me\r\n")
        session.wire.close("fin")
        raise Closed("ours")
    done, server = send(None, "starttls", rules=[on("STARTTLS", plainly)])
    failed(done, server, "STARTTLS", "plain text")
    nothing_secret_was_said(server)


def test_capabilities_from_before_tls_are_forgotten(send):
    """What was offered in the clear may come from somebody on the way."""
    def liar(session, normal):
        lines = normal.split("\n")
        return reply("\n".join([lines[0], "250-AUTH LOGIN CRAM-MD5", "250-X-EVIL", *lines[1:]]))(session, normal)
    done, server = send({"auth": "on"}, "starttls", rules=[on("EHLO", liar)])
    assert accepted(done, server).auth_mechanism == "PLAIN"
    assert [c.split()[0] for c in server.commands][:3] == ["EHLO", "STARTTLS", "EHLO"]


# -- ends -----------------------------------------------------------------------------------------------------------

@BOTH
@pytest.mark.parametrize("how", ["fin", "rst", "clean"])
@pytest.mark.parametrize("event", ["HANDSHAKE", "TLS", "GREETING", "EHLO", "AUTH-END", "MAIL", "RCPT", "IN-BODY", "BODY"])
def test_end_at_every_point_is_a_loss(send, tls, how, event):
    done, server = send(None, tls, rules=[on(event, close(how), at=10, nth=None)], without=["CHUNKING", "PIPELINING"])
    line = failed(done, server)
    # A message as short as this one is there as soon as its first byte.
    assert ("the whole message was sent" in line) == (event in ("IN-BODY", "BODY"))


@BOTH
@VERSIONS
@pytest.mark.parametrize("how", ["fin", "clean"])
@pytest.mark.parametrize("event, size", [("EHLO", 30), ("MAIL", 3), ("MAIL", 13), ("BODY", 3), ("BODY", 5), ("BODY", -1),
                                         ("BODY", -2)])
def test_end_in_the_middle_of_a_reply_is_a_loss(send, tls, version, event, size, how):
    done, server = send(None, tls, rules=[on(event, part_then_close(size, how), nth=None)], max_tls=version)
    line = failed(done, server)
    # With MAIL goes all that follows it, the message too.
    assert ("the whole message was sent" in line) == (event in ("MAIL", "BODY"))


@BOTH
@pytest.mark.parametrize("how", ["fin", "clean"])
def test_end_behind_the_last_reply_is_no_loss(send, tls, how):
    for event in ("BODY", "QUIT"):
        accepted(*send(None, tls, rules=[on(event, reply_then_close(how))]))


@BOTH
@pytest.mark.parametrize("event", ["EHLO", "MAIL", "BODY"])
def test_bytes_below_tls_are_fatal(send, tls, event):
    nth = 2 if tls == "starttls" and event == "EHLO" else 1
    done, _ = send(None, tls, rules=[on(event, raw_below_tls(b"250 2.0.0 Ok: queued\r\n"), nth=nth)])
    assert done.rc == 75 and "TLS" in done.err and done.err.count("\n") == 1


@BOTH
@pytest.mark.parametrize("event", ["HANDSHAKE", "TLS"])
def test_silence_in_the_handshake_ends_with_the_timeout(send, tls, event):
    failed(*send({"timeout": 1}, tls, rules=[on(event, silence())]), "in time")


@BOTH
def test_our_own_end_is_a_close_notify(send, tls):
    """The server can tell that nothing was cut off."""
    done, server = send(None, tls, rules=[on("QUIT", lambda session, normal: False)])
    assert done.rc == 0 and server.connections[0].ended == "close_notify"


# -- the log and the dialogue ---------------------------------------------------------------------------------------

@BOTH
@VERSIONS
def test_log_names_version_and_trouble(send, pki, tmp_path, tls, version):
    log = tmp_path / "log"
    accepted(*send({"logfile": log}, tls, max_tls=version))
    assert f"tls={version.replace('_', '.')}, auth=PLAIN" in log.read_text()
    log.unlink()
    failed(*send({"logfile": log}, tls, certificate=pki.expired), "expired")
    assert "status=deferred" in log.read_text() and "expired on 2021" in log.read_text()
