"""Domains with letters that ASCII has not. A server without SMTPUTF8 gets their A-labels, in the envelope and in the header;
the log, the queue and reports name the address as it was given. A local part has no other form: a clear error. And such
names as host, proxy and domain of an account."""
import subprocess

import pytest

from lib.hostile import on, reply_then_close
from lib.network import SocksProxy

A = "xn--bcher-kva.test"        # bücher.test
J = "xn--r8jz45g.xn--zckzah"    # 例え.テスト
FIELDS = "Date: Sat, 21 Nov 2026 12:00:00 +0000\nMessage-ID: <1@mail.test>\n"
ASCII = (FIELDS + "From: sender@mail.test\nTo: r@mail.test\nSubject: x\n\ntext\n").encode()
WITHOUT = ("SMTPUTF8",)


def wire(text):
    return text.replace("\n", "\r\n").encode()


@pytest.fixture
def send(scripted, relayrc, run_sendmail, tmp_path):
    """send(args, message, without) -> (Result, server, log)"""
    def call(args, message=ASCII, without=WITHOUT, rc=None, **options):
        server = scripted(without=without, **options)
        done = run_sendmail(["-i", *args], message, relayrc(server, logfile=tmp_path / "log", **(rc or {})))
        assert server.settle().violations == []
        log = tmp_path / "log"
        return done, server, log.read_text() if log.exists() else ""
    return call


# -- the envelope -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("without", [("SMTPUTF8",), ("SMTPUTF8", "8BITMIME", "CHUNKING", "PIPELINING")], ids=["one", "all"])
@pytest.mark.parametrize("given, sent", [
    ("joe@bücher.test", f"joe@{A}"), ("joe@BÜCHER.test", f"joe@{A}"), ("joe@例え.テスト", f"joe@{J}"),
    ("joe@例え。テスト", f"joe@{J}"), ("joe@faß.test", "joe@xn--fa-hia.test"), ('"a b"@bücher.test', f'"a b"@{A}')])
def test_recipients(send, given, sent, without):
    done, server, log = send([given, "r@mail.test"], without=without)
    assert (done.rc, done.err) == (0, "")
    [got] = server.messages
    assert got.recipients == [sent, "r@mail.test"] and got.mail_params.keys() == {"SIZE"}
    assert got.data == ASCII.replace(b"\n", b"\r\n")
    assert f"to=<{given}>" in log and "xn--" not in log


def test_sender(send):
    done, server, log = send(["-f", "me@bücher.test", "r@mail.test"])
    assert (done.rc, server.messages[0].sender) == (0, f"me@{A}")
    assert "from=<me@bücher.test>" in log


def test_with_smtputf8_nothing_changes(send):
    message = (FIELDS + "From: me@bücher.test\nTo: joe@bücher.test\n\ntext\n")
    done, server, _ = send(["-f", "me@bücher.test", "joe@bücher.test"], message.encode(), without=())
    [got] = server.messages
    assert (got.sender, got.recipients, got.data) == ("me@bücher.test", ["joe@bücher.test"], wire(message))
    assert "SMTPUTF8" in got.mail_params


def test_a_local_part_has_no_other_form(send):
    done, server, log = send(["jörg@bücher.test", "r@mail.test", "joe@bücher.test"])
    assert done.rc == 65
    assert done.err == ("sendmail: jörg@bücher.test: not sent: the address needs SMTPUTF8, which the server does not offer: "
                        'use one that is ASCII before the "@", or another server\n')
    assert server.messages[0].recipients == ["r@mail.test", f"joe@{A}"]
    assert "to=<jörg@bücher.test>" in log and "dsn=5.6.7" in log


def test_nor_has_the_senders(send):
    done, server, _ = send(["-f", "jörg@mail.test", "r@mail.test"])
    assert done.rc == 65
    [line] = done.err.splitlines()
    assert "the sender jörg@mail.test needs SMTPUTF8" in line
    assert server.connections[0].verbs == ["EHLO", "QUIT"]


# Not valid, though each character may stand in an address.
@pytest.mark.parametrize("domain", ["-ü.test", "xn--ü.test", "ü" * 60 + ".test", "a／ü.test", "ü．．test"])
def test_invalid_domain(send, domain):
    done, server, _ = send([f"joe@{domain}", "r@mail.test"])
    assert done.rc == 65
    [line] = done.err.splitlines()
    assert line.startswith(f"sendmail: joe@{domain}: not sent: the domain {domain} is not valid")
    assert server.messages[0].recipients == ["r@mail.test"]


def test_invalid_domain_of_the_sender(send):
    done, server, _ = send(["-f", "me@-ü.test", "r@mail.test"])
    assert done.rc == 65
    assert "sendmail: r@mail.test: not sent: the sender me@-ü.test: the domain -ü.test is not valid" in done.err
    assert server.connections[0].verbs == ["EHLO", "QUIT"]


def test_many_recipients(send):
    given = [f"r{n}@bücher.test" for n in range(500)]
    done, server, _ = send(given)
    assert done.rc == 0 and server.messages[0].recipients == [f"r{n}@{A}" for n in range(500)]


# -- the header -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("without", [("SMTPUTF8",), ("SMTPUTF8", "8BITMIME")], ids=["one", "both"])
@pytest.mark.parametrize("header", [
    "From: me@{}\n", "To: Joe <joe@{}>, r@mail.test\n", "Cc: a@x.test,\n joe@{},\n b@y.test\n", "To: Friends: joe@{}, ann@{};\n",
    'Reply-To: "x@y" <joe@{}> (home)\n', "Sender: <joe@{}>\n", "To: joe@ (here) {}\n",
    "Resent-Date: Sat, 21 Nov 2026 13:00:00 +0000\nResent-From: me@{}\nResent-To: joe@{}\nResent-Message-ID: <2@mail.test>\n"])
def test_domains_in_the_header(send, header, without):
    fields = FIELDS + ("" if header.startswith("From") else "From: sender@mail.test\n") + "Subject: x\n"
    done, server, _ = send(["r@mail.test"], (fields + header.replace("{}", "bücher.test") + "\ntext\n").encode(), without)
    assert (done.rc, done.err) == (0, "")
    wanted = wire(fields + header.replace("joe@ (here) ", "joe@").replace("{}", A) + "\ntext\n")
    # Folds may go when a field is repaired.
    assert server.messages[0].data.replace(b"\r\n ", b" ") == wanted.replace(b"\r\n ", b" ")


def test_long_lines_are_folded(send):
    names = ", ".join(f"r{n}@ü.test" for n in range(70))
    message = FIELDS + f"From: sender@mail.test\nTo: {names}\n\ntext\n"
    assert max(map(len, message.splitlines())) < 998
    done, server, _ = send(["r@mail.test"], message.encode())
    got = server.messages[0].data
    assert done.rc == 0 and max(map(len, got.splitlines())) <= 998
    assert got.replace(b"\r\n ", b" ") == wire(message.replace("ü.test", "xn--tda.test"))


@pytest.mark.parametrize("without", [("SMTPUTF8",), ("SMTPUTF8", "8BITMIME")], ids=["one", "both"])
def test_what_is_no_domain_in_the_header_stops_no_mail(send, without):
    message = FIELDS + "From: sender@mail.test\nCc: You <joe@-ü.test>, Ann <ann@bücher.test>\n\ntext\n"
    done, server, _ = send(["r@mail.test"], message.encode(), without)
    assert (done.rc, done.err) == (0, "")
    assert f"\r\nCc: You <joe@x2dxc3xbc.test.invalid>, Ann <ann@{A}>\r\n".encode() in server.messages[0].data


def test_what_cannot_be_ascii_in_the_header(send):
    message = FIELDS + "From: sender@mail.test\nCc: You <jörg@mail.test>\n\ntext\n"
    done, server, _ = send(["r@mail.test"], message.encode())
    assert done.rc == 65
    [line] = done.err.splitlines()
    assert line.startswith("sendmail: r@mail.test: not sent: the header needs SMTPUTF8, which the server does not offer: "
                           'Cc: jörg@mail.test is not ASCII before the "@"')
    assert server.connections[0].verbs == ["EHLO", "QUIT"]


def test_eight_bit_text_with_such_a_header(send):
    message = FIELDS + ("From: Jörg <me@bücher.test>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                        "Content-Transfer-Encoding: 8bit\n\nGrüße\n")
    done, server, _ = send(["-f", "me@bücher.test", "r@mail.test"], message.encode(), ("SMTPUTF8", "8BITMIME"))
    [got] = server.messages
    assert done.rc == 0 and got.data.isascii() and f"<me@{A}>".encode() in got.data and got.mail_params["SIZE"] == str(got.size)


# -- the queue --------------------------------------------------------------------------------------------------------

HEADER = "From: me@bücher.test\nTo: joe@bücher.test\nSubject: x\n"


def put(queue, recipients, sender="me@bücher.test", text="text\n", **more):
    id = queue.put("deferred", sender=sender, recipients=recipients, message=wire(HEADER + "\n" + text), head="smtputf8: yes\n", **more)
    file = queue.file(id)
    file.write_bytes(file.read_bytes().replace(b" body=7bit ", b" body=8bit ", 1))
    return id


@pytest.mark.parametrize("text", ["text\n", "a line of the text\n" * 50_000], ids=["small", "large"])
def test_a_queue_run(scripted, account, queue, run_sendmail, text):
    server = scripted(without=WITHOUT)
    account(server)
    put(queue, ["joe@bücher.test"], text=text)
    assert "1 sent" in run_sendmail(["-qf"]).out
    [got] = server.settle().messages
    assert (got.sender, got.recipients) == (f"me@{A}", [f"joe@{A}"]) and server.violations == []
    assert got.data == wire(HEADER.replace("bücher.test", A) + "\n" + text)


def test_mailq_and_the_state_name_the_address_as_given(scripted, account, queue, run_sendmail):
    server = scripted(without=WITHOUT, refuse={f"joe@{A}": "450 4.2.0 later"})
    account(server)
    id = put(queue, ["joe@bücher.test"])
    before = queue.file(id).read_bytes()
    assert "1 deferred" in run_sendmail(["-qf"]).out
    listed = run_sendmail([], name="mailq").out
    assert "joe@bücher.test" in listed and "me@bücher.test" in listed and "xn--" not in listed
    assert queue.file(id).read_bytes() == before
    # The next server can have it as it was.
    other = scripted()
    account(other)
    assert "1 sent" in run_sendmail(["-qf"]).out
    assert other.settle().messages[0].recipients == ["joe@bücher.test"]


def test_a_report_names_the_address_as_given(scripted, account, queue, run_sendmail):
    server = scripted(without=("SMTPUTF8", "8BITMIME"), refuse={f"joe@{A}": "550 5.1.1 nobody"})
    account(server)
    put(queue, ["joe@bücher.test"])
    run_sendmail(["-qf"])
    run_sendmail(["-qf"])
    [report] = server.settle().messages
    assert report.recipients == [f"me@{A}"] and report.data.isascii() and server.violations == []
    assert list(queue.places().values()) == ["failed"]
    said = run_sendmail(["queue", "show", *queue.places()], name="relay").out
    assert "joe@bücher.test" in said


def test_two_sessions(scripted, account, queue, run_sendmail):
    """The first is lost in the second message: it goes out in the next, from the addresses that were given."""
    server = scripted(without=WITHOUT, rules=[on("MAIL", reply_then_close("421 4.3.2 down"), conn=0, nth=2)])
    account(server, messages_in_flight=1, max_connections=1)
    put(queue, ["ann@bücher.test"])
    put(queue, ["joe@bücher.test"])
    assert "2 sent" in run_sendmail(["-qf"]).out
    assert [m.recipients for m in server.settle().messages] == [[f"ann@{A}"], [f"joe@{A}"]]
    assert len(server.connections) == 2 and server.violations == []


# -- the library ------------------------------------------------------------------------------------------------------


@pytest.fixture
def without_library(tmp_path):
    """An environment in which libidn2 is a library without a function."""
    file = tmp_path / "libraries/libidn2.so.0"
    file.parent.mkdir()
    subprocess.run(["cc", "-shared", "-xc", "/dev/null", "-o", file], check=True)
    return {"LD_LIBRARY_PATH": str(file.parent)}


def test_mail_waits_for_the_library(scripted, account, queue, run_sendmail, without_library):
    server = scripted(without=WITHOUT)
    account(server)
    done = run_sendmail(["-i", "joe@bücher.test"], ASCII, env=without_library)
    assert (done.rc, done.err) == (0, "") and server.settle().messages == []
    assert "needs libidn2, which cannot be loaded" in run_sendmail([], name="mailq").out
    assert "1 sent" in run_sendmail(["-qf"]).out


def test_without_a_queue_that_is_a_matter_of_configuration(send, scripted, relayrc, run_sendmail, without_library):
    server = scripted(without=WITHOUT)
    done = run_sendmail(["-i", "joe@bücher.test"], ASCII, relayrc(server), env=without_library)
    assert done.rc == 78 and "install it" in done.err and server.settle().messages == []


def test_ascii_and_smtputf8_need_no_library(scripted, relayrc, run_sendmail, without_library):
    for server, to in [(scripted(without=WITHOUT), "joe@mail.test"), (scripted(), "joe@bücher.test")]:
        assert run_sendmail(["-i", to], ASCII, relayrc(server), env=without_library).rc == 0
        assert server.settle().messages[0].recipients == [to]


# -- names of hosts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_host(scripted, relayrc, run_sendmail, pki, tls, tmp_path):
    cert = pki.leaf("idn", names=["DNS:xn--bcher-kva.localhost"])
    server = scripted(tls=tls, certificate=cert if tls != "none" else None)
    rc = relayrc(server, host="bücher.localhost", logfile=tmp_path / "log")
    done = run_sendmail(["-i", "r@mail.test"], ASCII, rc)
    assert (done.rc, done.err) == (0, "")
    [connection] = server.settle().connections
    assert len(server.messages) == 1 and connection.sni == (None if tls == "none" else "xn--bcher-kva.localhost")
    assert "relay=bücher.localhost[127.0.0.1]" in (tmp_path / "log").read_text()


def test_a_certificate_for_another_name_is_refused(scripted, relayrc, run_sendmail):
    server = scripted(tls="implicit")
    done = run_sendmail(["-i", "r@mail.test"], ASCII, relayrc(server, host="bücher.localhost"))
    assert done.rc == 75 and "xn--bcher-kva.localhost" in done.err and server.settle().messages == []


def test_tls_host_override(scripted, relayrc, run_sendmail, pki):
    server = scripted(tls="implicit", certificate=pki.leaf("idn-override", names=[f"DNS:{A}"]))
    done = run_sendmail(["-i", "r@mail.test"], ASCII, relayrc(server, tls_host_override="bücher.test"))
    assert done.rc == 0 and server.settle().connections[0].sni == A


def test_behind_a_proxy(scripted, relayrc, run_sendmail):
    server = scripted()
    with SocksProxy({A: ("127.0.0.1", server.port)}) as proxy:
        rc = relayrc(server, host="bücher.test", proxy_host="prüxy.localhost", proxy_port=proxy.port)
        assert run_sendmail(["-i", "r@mail.test"], ASCII, rc).rc == 0
        assert proxy.requests == [(A, server.port, "name")]
    assert len(server.settle().messages) == 1


def test_ehlo(scripted, relayrc, run_sendmail):
    server = scripted()
    message = b"From: sender@mail.test\nSubject: x\n\ntext\n"
    assert run_sendmail(["-i", "r@mail.test"], message, relayrc(server, domain="bücher.test")).rc == 0
    [got] = server.settle().messages
    assert server.connections[0].helo == A and got.data.isascii()


@pytest.mark.parametrize("setting", ["host", "proxy_host", "tls_host_override", "domain"])
def test_a_name_that_is_not_valid(scripted, relayrc, run_sendmail, setting):
    server = scripted()
    more = {"proxy_port": 1080} if setting == "proxy_host" else {}
    done = run_sendmail(["-i", "r@mail.test"], ASCII, relayrc(server, **{setting: "xn--ü.test"}, **more))
    assert done.rc == 78
    [line] = done.err.splitlines()
    assert line.startswith(f"sendmail: account default: {setting}: the domain xn--ü.test is not valid")
    assert server.settle().connections == []


# -- real servers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server,port", [("postfix", "ascii"), ("opensmtpd", "plain"), ("postfix", "plain"), ("exim", "plain")])
def test_real_servers(request, run_sendmail, relayrc, server, port):
    at = request.getfixturevalue(server)
    rc = relayrc(at, port=at.ports[port], tls="none")
    message = (FIELDS + HEADER + "\ntext\n").encode()
    done = run_sendmail(["-i", "-f", "me@bücher.test", "joe@bücher.test"], message, rc, timeout=60)
    assert (done.rc, done.err) == (0, "")
    [got] = at.wait_messages(1)
    assert [a.replace("bücher.test", A) for a in [got.sender, *got.recipients]] == [f"me@{A}", f"joe@{A}"]
    has_utf8 = (server, port) in (("postfix", "plain"), ("exim", "plain"))
    assert ("bücher.test" in got.recipients[0]) == has_utf8
    assert got.sent.decode() == (message.decode() if has_utf8 else message.decode().replace("bücher.test", A))
