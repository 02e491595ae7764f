"""A server without 8BITMIME: the message becomes 7-bit on the way, part by part, and reads as it was written; what must
not be changed is refused. The scripted server notes a violation for each 8-bit byte that was not announced."""
import email
import email.policy
import time

import pytest

from lib.hostile import on, reply, reply_then_close
from lib.observed import Meter, sanitized

TEXT = "Grüße aus Köln, こんにちは 🙂\n"
TOP = ("Date: Sat, 21 Nov 2026 12:00:00 +0000\nFrom: Me <sender@mail.test>\nTo: You <r@mail.test>\n"
       "Message-ID: <1@mail.test>\nMIME-Version: 1.0\n")
LEAF = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + TEXT
LATIN = "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n"
NESTED = (TOP + 'Content-Type: multipart/mixed; boundary="one"\n\n--one\n'
          'Content-Type: multipart/alternative; boundary="two"\n\n--two\n' + LEAF + "\n--two\n"
          "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n<p>" + TEXT + "</p>\n\n--two--\n\n--one\n"
          'Content-Type: application/octet-stream; name="a"\nContent-Transfer-Encoding: base64\n\nAAEC/w==\n\n--one\n'
          "Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: inside\nMIME-Version: 1.0\n" + LEAF +
          "\n--one\n" + "Content-Type: text/plain\n\nASCII only\n\n--one--\n").encode()
MESSAGES = {
    "one-part": (TOP + LEAF).encode(),
    "no-mime": b"Subject: x\n\n" + TEXT.encode(),
    "latin1": (TOP + LATIN).encode() + TEXT.encode("latin-1", "replace"),
    "binary": (TOP + "Content-Type: application/octet-stream\nContent-Transfer-Encoding: 8bit\n\n").encode()
    + bytes(range(0x80, 0x100)) * 20 + b"\n",
    "nested": NESTED,
    "header": (TOP + "Subject: Grüße an alle\nComments: naïve\n\nASCII\n").encode(),
    "preamble": NESTED.replace(b"--one\n", "Grüße\n--one\n".encode(), 1),
}


def sealed(kind, text):
    """multipart/signed or multipart/encrypted."""
    return (TOP + f'Content-Type: multipart/{kind}; boundary="b"; protocol="application/pgp-signature"\n\n--b\n{text}\n'
            "--b\nContent-Type: application/pgp-signature\n\n-----BEGIN PGP SIGNATURE-----\n\n--b--\n").encode()


def parse(data):
    return email.message_from_bytes(data, policy=email.policy.default)


def leaves(mail):
    """What a reader gets of each part: type, charset, name and content."""
    found = []
    for part in mail.walk():
        if not part.is_multipart():
            content = part.get_payload(decode=True).replace(b"\r\n", b"\n")
            found.append((part.get_content_type(), part.get_content_charset(), part.get_filename(), content))
    return found


def wire(message):
    return message.replace(b"\n", b"\r\n")


def poor(scripted, *without, **options):
    return scripted(without=("8BITMIME", *without), **options)


# -- one message ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("without", [(), ("CHUNKING",), ("PIPELINING", "CHUNKING", "SMTPUTF8", "DSN")],
                         ids=["BDAT", "DATA", "nothing"])
@pytest.mark.parametrize("name", MESSAGES)
def test_it_becomes_7bit_and_reads_as_before(scripted, relayrc, run_sendmail, name, without):
    server, message = poor(scripted, *without), MESSAGES[name]
    done = run_sendmail(["-i", "r@mail.test"], message, relayrc(server))
    assert (done.rc, done.err) == (0, "")
    assert server.settle().violations == []
    [got] = server.messages
    assert got.data.isascii() and got.mail_params["SIZE"] == str(got.size)
    before, after = parse(wire(message)), parse(got.data)
    if name != "no-mime":
        assert leaves(after) == leaves(before)
    else:
        assert after.get_content().replace("\r\n", "\n") == TEXT
    assert [p.defects for p in after.walk() if p.defects] == []
    assert (after["Subject"], after["Comments"]) == (before["Subject"], before["Comments"])


def test_only_the_parts_that_need_it_change(scripted, relayrc, run_sendmail):
    server = poor(scripted)
    assert run_sendmail(["-i", "r@mail.test"], NESTED, relayrc(server)).rc == 0
    [got] = server.settle().messages
    assert [p["Content-Transfer-Encoding"] for p in parse(got.data).walk() if not p.is_multipart()][2:] == \
        ["base64", parse(got.data).get_payload()[2].get_payload()[0]["Content-Transfer-Encoding"], None]
    assert wire(b'name="a"\nContent-Transfer-Encoding: base64\n\nAAEC/w==\n') in got.data


@pytest.mark.parametrize("message", [
    TOP.encode() + b"Subject: x\n\nASCII\n", sealed("signed", "Content-Type: text/plain\n\nASCII"),
    sealed("signed", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe"),
], ids=["ascii", "signed", "signed-encoded"])
def test_what_is_7bit_already_keeps_every_byte(scripted, relayrc, run_sendmail, message):
    server = poor(scripted)
    assert run_sendmail(["-i", "r@mail.test"], message, relayrc(server)).rc == 0
    assert server.settle().messages[0].data == wire(message)


def test_with_8bitmime_every_byte_is_kept(scripted, relayrc, run_sendmail):
    server = scripted()
    assert run_sendmail(["-i", "r@mail.test"], NESTED, relayrc(server)).rc == 0
    [got] = server.settle().messages
    assert got.data == wire(NESTED) and got.mail_params["BODY"] == "8BITMIME"


def test_helo_only(scripted, relayrc, run_sendmail):
    server = scripted(rules=[on("EHLO", reply("502 5.5.1 what?"))])
    assert run_sendmail(["-i", "r@mail.test"], NESTED, relayrc(server, auth="off")).rc == 0
    [got] = server.settle().messages
    assert leaves(parse(got.data)) == leaves(parse(wire(NESTED))) and server.violations == []


def test_lmtp(scripted, relayrc, run_sendmail):
    server = poor(scripted, lmtp=True)
    assert run_sendmail(["-i", "r@mail.test", "s@mail.test"], NESTED, relayrc(server, protocol="lmtp")).rc == 0
    [got] = server.settle().messages
    assert leaves(parse(got.data)) == leaves(parse(wire(NESTED)))


def test_no_flight_more_than_with_ascii(scripted, relayrc, run_sendmail):
    server = poor(scripted, tls="implicit", auth=["PLAIN"])
    rc = relayrc(server, user="user@mail.test", password="secret", auth="plain")
    assert run_sendmail(["-i", "r@mail.test"], NESTED, rc).rc == 0
    assert run_sendmail(["-i", "r@mail.test"], b"Subject: x\n\nASCII\n", rc).rc == 0
    eight, ascii = server.settle().connections
    assert eight.flights == ascii.flights


# -- what must not be changed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["signed", "encrypted"])
def test_what_is_sealed_is_refused_in_one_line(scripted, relayrc, run_sendmail, kind):
    server = poor(scripted)
    done = run_sendmail(["-i", "r@mail.test"], sealed(kind, LEAF), relayrc(server))
    assert done.rc == 65
    [line] = done.err.splitlines()
    assert line.startswith("sendmail: r@mail.test: not sent: the server does not offer 8BITMIME, and ") and kind in line
    assert server.settle().connections[0].verbs == ["EHLO", "QUIT"]


def test_with_8bitmime_what_is_sealed_is_sent(scripted, relayrc, run_sendmail):
    server, message = scripted(), sealed("signed", LEAF)
    assert run_sendmail(["-i", "r@mail.test"], message, relayrc(server)).rc == 0
    assert server.settle().messages[0].data == wire(message)


def test_refused_before_the_login(scripted, relayrc, run_sendmail):
    server = poor(scripted, tls="implicit", auth=["PLAIN"])
    rc = relayrc(server, user="user@mail.test", password="secret")
    assert run_sendmail(["-i", "r@mail.test"], sealed("signed", LEAF), rc).rc == 65
    assert server.settle().connections[0].verbs == ["EHLO", "QUIT"]


def test_a_client_of_bs_hears_the_code(scripted, relayrc, run_sendmail):
    server = poor(scripted)
    talk = b"EHLO x\r\nMAIL FROM:<a@mail.test> BODY=8BITMIME\r\nRCPT TO:<r@mail.test>\r\nDATA\r\n" + \
        wire(sealed("signed", LEAF)) + b".\r\nQUIT\r\n"
    done = run_sendmail(["-bs"], talk, relayrc(server))
    assert "554 5.6.3 <r@mail.test>: the server does not offer 8BITMIME" in done.out


# -- the queue --------------------------------------------------------------------------------------------------------


def put(queue, message, recipient, **more):
    more.setdefault("sender", "me@mail.test")
    return queue.put("deferred", message=wire(message), recipients=[recipient], **more)


def eight_bit(queue, message, recipient, **more):
    """As the program itself writes it: the first line says that it is 8-bit."""
    id = put(queue, message, recipient, **more)
    file = queue.file(id)
    file.write_bytes(file.read_bytes().replace(b" body=7bit ", b" body=8bit ", 1))
    return id


def test_the_queue_writes_its_first_line_so(scripted, account, queue, run_sendmail):
    account(scripted())
    assert run_sendmail(["-odq", "-i", "r@mail.test"], NESTED).rc == 0
    [id] = queue.places()
    assert b" body=8bit " in queue.file(id).read_bytes()[:64]


def test_a_queue_run_converts_on_the_way(scripted, account, queue, run_sendmail):
    server = poor(scripted)
    account(server)
    eight_bit(queue, NESTED, "r@mail.test")
    assert "1 sent, 0 deferred, 0 failed" in run_sendmail(["-qf"]).out
    [got] = server.settle().messages
    assert leaves(parse(got.data)) == leaves(parse(wire(NESTED))) and server.violations == []


def test_the_file_in_the_queue_stays_as_it_is(scripted, account, queue, run_sendmail):
    server = poor(scripted, refuse={"r@mail.test": "450 4.2.0 later"})
    account(server)
    id = eight_bit(queue, NESTED, "r@mail.test")
    before = queue.file(id).read_bytes()
    assert "0 sent, 1 deferred" in run_sendmail(["-qf"]).out
    assert queue.file(id).read_bytes() == before
    account(scripted())
    assert "1 sent" in run_sendmail(["-qf"]).out


def test_among_others_in_flight(scripted, account, queue, run_sendmail):
    """One message is 8-bit, one can only be refused: all the others arrive, over one session."""
    server = poor(scripted)
    account(server, messages_in_flight=5, max_connections=1)
    for n in range(20):
        if n == 9:
            refused = eight_bit(queue, sealed("signed", LEAF), "no@mail.test", sender="")
        elif n % 7 == 4:
            eight_bit(queue, NESTED, f"r{n}@mail.test")
        else:
            put(queue, b"Subject: x\n\nASCII\n", f"r{n}@mail.test")
    done = run_sendmail(["-qf"])
    assert "19 sent, 0 deferred, 1 failed" in done.out
    assert len(server.settle().connections) == 1 and server.violations == []
    assert sorted(r for m in server.messages for r in m.accepted) == sorted(f"r{n}@mail.test" for n in range(20) if n != 9)
    assert queue.places() == {refused: "failed"}


def test_the_sender_of_a_sealed_one_is_told(scripted, account, queue, run_sendmail):
    server = poor(scripted)
    account(server)
    eight_bit(queue, sealed("signed", LEAF), "r@mail.test", sender="me@mail.test")
    run_sendmail(["-qf"])
    run_sendmail(["-qf"])
    [report] = server.settle().messages
    assert report.recipients == ["me@mail.test"] and report.data.isascii() and server.violations == []
    text, status, original = parse(report.data).get_payload()
    assert "8BITMIME" in text.get_content()
    assert status.get_payload()[1]["Status"] == "5.6.3"
    assert status.get_payload()[1]["Final-Recipient"] == "rfc822; r@mail.test"
    # All of it could not be sent either.
    assert original.get_content_type() == "text/rfc822-headers"
    assert list(queue.places().values()) == ["failed"]


def test_in_another_session_after_a_lost_one(scripted, account, queue, run_sendmail):
    server = poor(scripted, rules=[on("MAIL", reply_then_close("421 4.3.2 going down"), conn=0, nth=2)])
    account(server, messages_in_flight=1, max_connections=1)
    put(queue, b"Subject: x\n\nASCII\n", "first@mail.test", arrival=time.time() - 100)
    eight_bit(queue, NESTED, "r@mail.test")
    assert "2 sent, 0 deferred" in run_sendmail(["-qf"]).out
    first, got = server.settle().messages
    assert len(server.connections) == 2 and got.connection is server.connections[1]
    assert leaves(parse(got.data)) == leaves(parse(wire(NESTED))) and server.violations == []


@pytest.mark.parametrize("quirk", [reply("503 5.5.1 bad sequence"), reply("500 5.5.2 what?")], ids=["503", "500"])
def test_tried_in_another_way(scripted, relayrc, run_sendmail, quirk):
    """The first flight is not understood: the same message again, converted once."""
    server = poor(scripted, "CHUNKING", rules=[on("DATA", quirk, conn=0, nth=1)])
    run_sendmail(["-i", "r@mail.test"], NESTED, relayrc(server))
    [got] = server.settle().messages
    assert leaves(parse(got.data)) == leaves(parse(wire(NESTED))) and server.violations == []


# -- large ones -------------------------------------------------------------------------------------------------------


def peak(run_sendmail, tmp_path, rc, size):
    """Peak memory of a call that sends a message of about so many bytes."""
    meter, line = Meter(tmp_path), TEXT.encode() * 2
    done = run_sendmail(["-i", "r@mail.test"], (TOP + LEAF).encode() + line * (size // len(line)), rc, under=meter.under,
                        timeout=120)
    assert (done.rc, done.err) == (0, "")
    return meter.peak


@pytest.mark.parametrize("without", [(), ("CHUNKING",)], ids=["BDAT", "DATA"])
def test_20_megabytes_take_no_more_memory_than_one(scripted, relayrc, relay, run_sendmail, tmp_path, without):
    server = poor(scripted, *without)
    small, large = (peak(run_sendmail, tmp_path, relayrc(server), size) for size in (1 << 20, 20 << 20))
    server.settle()
    assert server.violations == [] and len(server.messages) == 2
    for got in server.messages:
        text = parse(got.data).get_payload(decode=True).decode().replace("\r\n", "\n")
        assert set(text.splitlines()) == {TEXT.strip()}
    assert len(server.messages[1].data) > 20 << 20
    assert sanitized(relay) or (large < 10_000_000 and large - small < 1_000_000)


def test_a_large_one_from_the_queue(scripted, account, queue, run_sendmail, environment):
    server = poor(scripted, auth=())
    account(server)
    message = (TOP + LEAF).encode() + TEXT.encode() * 60_000
    id = eight_bit(queue, message, "r@mail.test")
    before = queue.file(id).stat().st_size
    assert "1 sent" in run_sendmail(["-qf"], timeout=60).out
    [got] = server.settle().messages
    assert parse(got.data).get_payload(decode=True) == parse(wire(message)).get_payload(decode=True)
    assert before > 2_000_000 and queue.places() == {} and server.violations == []


# -- real servers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["one-part", "nested", "latin1", "header"])
@pytest.mark.parametrize("server,port", [("postfix", "ascii"), ("opensmtpd", "plain"), ("exim", "plain")])
def test_real_servers(request, run_sendmail, relayrc, server, port, name):
    at, message = request.getfixturevalue(server), MESSAGES[name]
    done = run_sendmail(["-i", "r@mail.test"], message, relayrc(at, port=at.ports[port], tls="none"), timeout=60)
    assert (done.rc, done.err) == (0, "")
    [got] = at.wait_messages(1)
    assert got.sent.isascii() == (port == "ascii" or name == "header")
    before, after = parse(message), parse(got.sent)
    assert leaves(after) == leaves(before) and after["Subject"] == before["Subject"]
