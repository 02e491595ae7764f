"""The scripted server when it misbehaves, looked at from the client's side. Proved without our own program."""
import base64
import smtplib
import socket
import ssl
import threading

import pytest

from lib.clients import PASSWORD, USER, raw
from lib.hostile import (before, close, drip, flood_line, flood_lines, hold, on, part_then_close, raw_below_tls, reply,
                         reply_then_close, silence, swallow, swap, then)

SESSION = b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n.\r\nQUIT\r\n"


@pytest.mark.parametrize("rule, expected, end", [
    (on("RCPT", reply("550 5.1.1 no"), nth=2), b"250 2.1.5 Ok\r\n550 5.1.1 no\r\n354", "eof"),
    (on("RCPT", reply("451 4.7.1 later"), nth=None), b"451 4.7.1 later\r\n451 4.7.1 later\r\n554", "eof"),
    (on("GREETING", reply("554 5.3.2 go away")), b"554 5.3.2 go away\r\n", "eof"),
    (on("EHLO", reply(b"250 nul\0byte\r\n")), b"250 nul\0byte\r\n", "eof"),
    (on("MAIL", then("250 2.1.5 early")), b"250 2.1.0 Ok\r\n250 2.1.5 early\r\n250 2.1.5 Ok", "eof"),
    (on("MAIL", before(b"\x80garbage\r\n")), b"\x80garbage\r\n250 2.1.0 Ok\r\n", "eof"),
    (on("MAIL", swap()), b"250 2.1.5 Ok\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n", "eof"),
    (on("MAIL", swallow()), b"250 2.1.0 Ok\r\n", "silence"),
    (on("MAIL", silence()), b"SIZE 2147483648\r\n", "silence"),
    (on("CONNECT", close("fin")), b"", "eof"),
    (on("MAIL", close("fin")), b"SIZE 2147483648\r\n", "eof"),
    (on("DATA", reply_then_close("fin")), b"354 End data with <CR><LF>.<CR><LF>\r\n", "eof"),
    (on("BODY", part_then_close(7)), b"354 End data with <CR><LF>.<CR><LF>\r\n250 2.0", "eof"),
    (on("MAIL", close("rst")), b"", "reset"),
    (on("EHLO", flood_lines()), b"250-flood\r\n" * 1000, "enough"),
    (on("EHLO", flood_line()), b"250 xxxxx", "enough"),
    (on("GREETING", drip(0.001)), b"220 mail.test ESMTP scripted\r\n", "eof"),
])
def test_hostile_replies(scripted, rule, expected, end):
    server = scripted(rules=[rule])
    got, how = raw(server, SESSION, 1_000_000 if end == "enough" else None, 0.3 if end == "silence" else 5)
    assert expected in got
    assert how == end
    if end == "silence":
        return
    server.settle()


def test_hostile_only_in_one_connection(scripted):
    server = scripted(rules=[on("MAIL", reply("421 4.3.2 busy"), conn=0)])
    assert b"421 4.3.2 busy" in raw(server, SESSION)[0]
    assert b"queued as SCRIPTED" in raw(server, SESSION)[0]
    assert [len(c.commands) for c in server.settle().connections] == [7, 6]


@pytest.mark.parametrize("verb", [b"DATA", b"BDAT 5000 LAST"])
def test_hostile_in_the_body(scripted, verb):
    server = scripted(rules=[on("IN-BODY", close("rst"), at=1000)])
    head = b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n%s\r\n" % verb
    assert raw(server, head + b"x" * 5000)[1] == "reset"
    assert server.settle().messages == []


def test_hostile_starttls(scripted, pki):
    injected = scripted(tls="starttls", rules=[on("STARTTLS", then("250-injected\r\n250 SIZE 1"))])
    assert b"start TLS\r\n250-injected" in raw(injected, b"EHLO x\r\nSTARTTLS\r\n", b"SIZE 1\r\n")[0]
    refusing = scripted(tls="starttls", rules=[on("STARTTLS", reply("454 4.7.0 TLS not available"))])
    with smtplib.SMTP(refusing.host, refusing.port) as client:
        client.ehlo()
        assert client.docmd("STARTTLS")[0] == 454
    eager = scripted(tls="starttls")
    raw(eager, b"EHLO x\r\nSTARTTLS\r\nNOOP\r\n", timeout=0.5)
    assert "pipelined after STARTTLS" in eager.settle().violations


def test_hostile_close_with_and_without_close_notify(scripted, pki):
    for how, raises in (("clean", None), ("fin", ssl.SSLError)):
        server = scripted(tls="implicit", rules=[on("EHLO", close(how))])
        context = ssl.create_default_context(cafile=pki.ca)
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        sock = context.wrap_socket(socket.create_connection((server.host, server.port)), server_hostname="localhost",
                                   suppress_ragged_eofs=False)
        with sock:
            sock.recv(100)
            sock.sendall(b"EHLO x\r\n")
            if raises:
                with pytest.raises(raises):
                    sock.recv(100)
            else:
                assert sock.recv(100) == b""


def test_hostile_below_tls(scripted, pki):
    server = scripted(tls="implicit", rules=[on("EHLO", raw_below_tls(b"220 plain text in the TLS stream\r\n"))])
    context = ssl.create_default_context(cafile=pki.ca)
    with context.wrap_socket(socket.create_connection((server.host, server.port)), server_hostname="localhost") as sock:
        sock.recv(100)
        sock.sendall(b"EHLO x\r\n")
        with pytest.raises(ssl.SSLError):
            sock.recv(100)


@pytest.mark.parametrize("after_auth, codes", [
    ("ok", ["235", "250", "250", "250", "221"]), ("swallow", ["235"]), ("503", ["235", "503", "503", "503", "503"]),
    ("503-quit", ["235", "503", "503", "503", "221"])])
def test_what_is_pipelined_behind_auth(scripted, after_auth, codes):
    server = scripted(auth=["PLAIN"], after_auth=after_auth)
    login = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
    group = b"AUTH PLAIN %s\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 6 LAST\r\nQUIT\r\nQUIT\r\n" % login
    with socket.create_connection((server.host, server.port), timeout=5) as sock, sock.makefile("rb") as stream:
        stream.readline()
        sock.sendall(b"EHLO x\r\n")
        while stream.readline()[3:4] == b"-":
            pass
        sock.sendall(group)
        assert [stream.readline()[:3].decode() for _ in codes] == codes
        if codes[-1] != "221":
            sock.sendall(b"NOOP\r\n")       # the session goes on
            assert stream.readline().startswith(b"250")


def test_hold_lets_a_test_act_in_between(scripted):
    release = threading.Event()
    server = scripted(rules=[on("BODY", hold(release))])
    got = []
    client = threading.Thread(target=lambda: got.append(raw(server, SESSION)))
    client.start()
    server.wait_for("BODY")
    assert len(server.messages) == 1 and not server.messages[0].confirmed
    release.set()
    client.join(10)
    assert b"queued as SCRIPTED" in got[0][0]
