"""Every line of a delivery report is one that other programs read: what lib/report.py checks, with odd names, addresses,
texts and messages.
"""
import pytest

from lib.report import Report
from test_dsn import BODY, SENDER, flush, queue, queued, setup  # noqa: F401 (fixtures)


# -- names of servers ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("listen, name", [("127.0.0.1", "[127.0.0.1]"), ("::1", "[IPv6:::1]")])
def test_an_address_is_named_as_a_literal(setup, queued, listen, name):
    server, rc = setup(listen=listen)
    [report] = queued(server, rc, "-f", SENDER, "gone@y.test")
    assert report.of_one["Remote-MTA"] == f"dns; {name}"


@pytest.mark.parametrize("domain, name", [("bücher.example", "xn--bcher-kva.example"), ("[192.0.2.1]", "[192.0.2.1]"), ("h_1", "h_1")])
def test_the_own_name_is_one_that_dns_knows(setup, queued, domain, name):
    server, rc = setup({"domain": domain})
    [report] = queued(server, rc, "-f", SENDER, "gone@y.test")
    assert report.message["Reporting-MTA"] == f"dns; {name}" and f"mail system of {name}." in report.text.get_content()
    assert server.connections[0].helo == name


# -- addresses and texts --------------------------------------------------------------------------------------------

ODD = ["gone@y.test", "böb@y.test", "gone@bücher.test", '"go ne"@y.test', '"\\"@<>,"@y.test', "a=b+c@y.test", "gone@[192.0.2.1]", "u" * 64 + "@y.test"]


@pytest.mark.parametrize("without", [[], ["8BITMIME", "SMTPUTF8", "DSN", "CHUNKING"]], ids=["all", "none"])
@pytest.mark.parametrize("sender", [SENDER, "\"o 'dd\"@x.test", '"@"@x.test', "s" * 64 + "@" + "t" * 60 + ".test"])
@pytest.mark.parametrize("ret", ["full", "hdrs"])
def test_odd_addresses(setup, queued, ret, sender, without):
    """Each is named, and in a report that a server without any extension takes, too."""
    server, rc = setup(without=without, refuse=dict.fromkeys(ODD + ["gone@xn--bcher-kva.test"], "550 5.1.1 unbekannt, schöne Grüße"))
    [report] = queued(server, rc, "-R", ret, "-f", sender, *ODD)
    assert set(report.recipients) == set(ODD) and report.envelope.accepted == [sender]
    assert not without or report.envelope.data.isascii()
    types = {a: r["Final-Recipient"].split(";")[0] for a, r in report.recipients.items()}
    assert types == {a: "rfc822" if a.isascii() else "utf-8" for a in ODD}


@pytest.mark.parametrize("sender", ["bö@x.test", "me@bücher.test"])
def test_a_sender_with_other_letters(setup, queued, sender):
    server, rc = setup()
    [report] = queued(server, rc, "-f", sender, "gone@y.test")
    assert report.envelope.accepted == [sender] and "SMTPUTF8" in report.envelope.mail_params
    assert report.original.get_content_type() in ("message/rfc822", "message/global")


@pytest.mark.parametrize("answer", [
    "550", "550 ", "550-\n550 5.1.1 no", "550 5.1.1", "550 4.1.1 the other class", "550 (comment", '550 5.1.1 "open', "550 =?utf-8?q?x?=",
    "550 5.1.1\tno", "550 5.1.1 " + "x" * 900, "550 5.1.1 " + "word " * 180, "\n".join(["550-5.1.1 a line"] * 60 + ["550 5.1.1 end"]),
    "550 5.1.1 a: b; c", "550 5.1.1 --=_0", "550 5.1.1 é\u202e\u0085x"])
def test_odd_answers(setup, queued, answer):
    server, rc = setup(refuse={"gone@y.test": answer})
    [report] = queued(server, rc, "-f", SENDER, "gone@y.test")
    assert report.of_one["Diagnostic-Code"].startswith("smtp; 550") and report.of_one["Status"][0] == "5"


@pytest.mark.parametrize("envid", ["a b", "+", "=+ =", '"quoted" <x>; y', "x" * 100, "(comment)", "a  b   c", ";", "w " * 20 + "w"])
@pytest.mark.parametrize("without", [[], ["DSN"]], ids=["DSN", "no DSN"])
def test_odd_identifiers(setup, queued, envid, without):
    server, rc = setup(without=without)
    [report] = queued(server, rc, "-V", envid, "-N", "failure", "-f", SENDER, "gone@y.test", "good@y.test")
    assert report.message["Original-Envelope-Id"] == envid and report.of_one["Original-Recipient"] == "rfc822; gone@y.test"


# -- what comes back -------------------------------------------------------------------------------------------------

EIGHT = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\ngrüße\n"
MESSAGES = {
    "other letters in the header": "Subject: grüße\nFrom: Bü <me@x.test>\n\nhi\n",
    "8-bit": "Subject: x\n" + EIGHT,
    "8-bit inside": "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n" + EIGHT[18:] + "--b--\n",
    "no line end": "Subject: x\n\nhi",
    "no body": "Subject: x\n",
    "nothing": "",
    "dots": "Subject: x\n\n.\n..\n.x\n",
    "a report": 'Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/report; boundary="=_0"\n\n--=_0\n\nx\n--=_0--\n',
    "an address with other letters": "From: bö@x.test\nTo: c@y.test\nSubject: x\n\nhi\n",
}


@pytest.mark.parametrize("body", MESSAGES.values(), ids=MESSAGES)
@pytest.mark.parametrize("without", [[], ["8BITMIME", "CHUNKING", "DSN"]], ids=["all", "none"])
@pytest.mark.parametrize("ret", ["full", "hdrs"])
def test_odd_messages(setup, queued, body, without, ret):
    server, rc = setup(without=without)
    [report] = queued(server, rc, "-i", "-R", ret, "-f", SENDER, "gone@y.test", body=body.encode())
    assert not without or report.envelope.data.isascii()
    if ret == "full":
        [inside] = report.original.get_payload()
        assert inside["Message-ID"] and not inside.defects
    else:
        _, headers = report.parts[2].split(b"\r\n\r\n", 1)
        assert b"\r\nMessage-ID: " in headers and b"\r\n\r\n" not in headers


@pytest.mark.parametrize("at", [-2000, -1000, -4, -2, 0, (64 << 10) - 1000, (64 << 10) - 4])
@pytest.mark.parametrize("lines", [0, 100_000])
def test_the_header_comes_back_wherever_it_stands_in_the_file(setup, queue, flush, tmp_path, at, lines):
    """`at`: how far behind 64 KiB; the file is read in such pieces."""
    server, rc = setup()
    header = b"".join(b"X-Line-%d: %s\r\n" % (i, b"x" * 60) for i in range(20)) + b"Subject: the last\r\n"
    head = f"config: {tmp_path}/relayrc\nreturn: headers\n"
    message = header + b"\r\n" + b"y" * 70 + b"\r\n" * lines
    plain = queue.file(queue.put("hold", SENDER, ["gone@y.test"], head=head + "pad: \n", message=message)).read_bytes()
    begin = plain.index(b"\n\n") + 2
    queue.put("deferred", SENDER, ["gone@y.test"], head=head + "pad: " + "p" * ((64 << 10) + at - begin) + "\n", message=message)
    [report] = flush(server, rc)
    assert report.parts[2].split(b"\r\n\r\n", 1)[1].rstrip(b"\r\n") == header.rstrip(b"\r\n")
