"""The scripted server when it behaves: what it offers, checks and records. Proved without our own program."""
import base64
import smtplib
import socket
import ssl
import subprocess

import pytest

from lib.clients import MESSAGE, USER, Pipelining, login, scram_client
from lib.hostile import call, on
from lib.wire import tls_exporter


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_scripted_records_what_came(scripted, pki, tls):
    server = scripted(tls=tls, auth=["PLAIN"], refuse={"no@mail.test": "550 5.1.1 no such user"})
    Pipelining(server.host, server.port, pki, tls, ["r1@mail.test", "no@mail.test", "r2@mail.test"])
    server.settle()
    message, = server.messages
    assert (message.sender, message.refused) == ("a@b.test", ["no@mail.test"])
    assert message.recipients == message.accepted == ["r1@mail.test", "r2@mail.test"]
    assert (message.data, message.via, message.chunks, message.confirmed) == (MESSAGE, "BDAT", 1, True)
    connection, = server.connections
    assert connection.verbs[-7:] == ["AUTH", "MAIL", "RCPT", "RCPT", "RCPT", "BDAT", "QUIT"]
    assert (connection.auth_user, connection.auth_mechanism) == (USER, "PLAIN")
    assert connection.tls_version == (None if tls == "none" else "TLSv1.3")
    assert server.violations == []


def test_scripted_data_is_unstuffed_and_ends_only_at_its_end(scripted, pki):
    server = scripted()
    body = b".\r\n..\r\nx\n.\nx\r.\r\n.y\r\n" + b"z" * 300000 + b"\r\n" * 3
    stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in body.split(b"\r\n"))
    with socket.create_connection((server.host, server.port)) as sock:
        sock.sendall(b"EHLO x\r\n")
        sock.sendall(b"MAIL FROM:<> SIZE=3 BODY=8BITMIME\r\nRCPT TO:<a@b> NOTIFY=NEVER ORCPT=rfc822;a@b\r\nDATA\r\n")
        server.wait_for("DATA")
        for i in range(0, len(stuffed), 70001):
            sock.sendall(stuffed[i:i + 70001])
        sock.sendall(b".\r\nQUIT\r\n")
        while sock.recv(65536):
            pass
    message, = server.settle().messages
    assert message.data == body
    assert message.mail_params == {"SIZE": "3", "BODY": "8BITMIME"}
    assert message.rcpt_params == [{"NOTIFY": "NEVER", "ORCPT": "rfc822;a@b"}]


def test_scripted_notes_violations(scripted):
    server = scripted(without=["PIPELINING", "DSN"], listen_before_greeting=0.2)
    with socket.create_connection((server.host, server.port)) as sock:
        sock.sendall(b"EHLO x\r\nMAIL FROM:<a@b> RET=HDRS\r\nBOGUS\nQUIT\r\n")
        while sock.recv(65536):
            pass
    text = "\n".join(server.settle().violations)
    for expected in ("before the greeting", "pipelined after EHLO", "but PIPELINING was not offered", "parameter RET",
                     "malformed command line", "unknown command"):
        assert expected in text


@pytest.mark.parametrize("listen", ["::1", "unix"])
def test_scripted_lmtp_answers_each_recipient(scripted, tmp_path, listen):
    path = tmp_path / "lmtp.sock"
    server = scripted(lmtp=True, listen=f"unix:{path}" if listen == "unix" else listen,
                      data_replies={"b@x": "452 4.2.2 full"})
    client = smtplib.LMTP(str(path) if listen == "unix" else server.host, server.port or 0)
    client.ehlo()
    client.mail("a@b.test")
    for recipient in ("a@x", "b@x", "c@x"):
        client.rcpt(recipient)
    assert client.data(MESSAGE)[0] == 250
    assert client.getreply()[0] == 452 and client.getreply()[0] == 250
    client.quit()
    assert server.settle().messages[0].accepted == ["a@x", "c@x"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_scripted_login(scripted, pki, mechanism):
    server = scripted(tls="implicit", auth=[mechanism])
    with login(server, pki, "implicit") as client:
        assert client.docmd("RSET")[0] == 250
    assert server.settle().connections[0].auth_user == USER


@pytest.mark.parametrize("tls, binding", [("TLSv1_2", "tls-unique"), ("TLSv1_3", "tls-exporter")])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"])
def test_scripted_scram(scripted, pki, mechanism, tls, binding):
    server = scripted(tls="implicit", auth=["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"],
                      max_tls=tls)
    for password, code in (("secret", b"235"), ("wrong", b"535")):
        assert scram_client(server, pki, mechanism, binding, password).startswith(code)
    right, wrong = server.settle().connections
    assert (right.auth_user, wrong.auth_user) == (USER, None)
    assert right.auth_seen.get("binding") == (binding if mechanism.endswith("PLUS") else None)


def test_scripted_scram_can_lie(scripted, pki):
    server = scripted(tls="implicit", auth=["SCRAM-SHA-256"], scram_wrong_signature=True)
    with pytest.raises(AssertionError, match="server signature"):
        scram_client(server, pki, "SCRAM-SHA-256", None, "secret")


def test_tls_exporter_is_what_openssl_says(scripted, pki):
    seen = []
    server = scripted(tls="implicit", rules=[on("GREETING", call(lambda session, _: seen.append(
        tls_exporter(session.wire.tls))))])
    done = subprocess.run(["openssl", "s_client", "-connect", f"{server.host}:{server.port}", "-CAfile", pki.ca,
                           "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32", "-ign_eof"],
                          input=b"QUIT\r\n", capture_output=True, timeout=20)
    assert seen[0].hex().upper() in done.stdout.decode()


@pytest.mark.parametrize("mechanism, response", [
    ("XOAUTH2", f"user={USER}\x01auth=Bearer %s\x01\x01"),
    ("OAUTHBEARER", f"n,a={USER},\x01host=x\x01auth=Bearer %s\x01\x01")])
def test_scripted_bearer_tokens(scripted, mechanism, response):
    server = scripted(auth=[mechanism])
    client = smtplib.SMTP(server.host, server.port)
    client.ehlo()
    for token, code in (("bad", 334), ("token", 235)):
        got, text = client.docmd("AUTH", f"{mechanism} {base64.b64encode((response % token).encode()).decode()}")
        assert got == code
        if got == 334:
            assert b"invalid_token" in base64.b64decode(text)
            assert client.docmd("AQ==")[0] == 535
    client.quit()


def test_scripted_external(scripted, pki):
    server = scripted(tls="implicit", auth=["EXTERNAL"], client_ca=pki.ca)
    context = ssl.create_default_context(cafile=pki.ca)
    context.load_cert_chain(*pki.client("joe").files)
    with smtplib.SMTP_SSL(server.host, server.port, context=context) as client:
        client.ehlo()
        assert client.docmd("AUTH", "EXTERNAL =")[0] == 235
    assert server.settle().connections[0].client_certificate == "joe"


def test_a_large_message_is_counted_not_kept(scripted):
    server = scripted(keep_body=False)
    block = b"0123456789\r\n" * 100000
    with socket.create_connection((server.host, server.port)) as sock:
        sock.sendall(b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
        for _ in range(100):
            sock.sendall(block)
        sock.sendall(b".\r\nQUIT\r\n")
        while sock.recv(65536):
            pass
    message, = server.settle().messages
    assert (message.size, message.data) == (100 * len(block), None)
