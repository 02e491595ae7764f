"""sendmail -bs: every limit has the reply that the RFCs give it, and what is within it goes on working.

    line        500 5.5.2, the session goes on; one that does not end at all: 421 4.7.0     RFC 5321 4.5.3.1.4, 4.2.2
    recipients  452 4.5.3 for those that are too many                                         4.5.3.1.8, 4.5.3.1.10
    mistakes    421 4.7.0                                                                     3.8, 4.2.2
    time        421 4.4.2                                                                     4.5.3.2.7
    size        552 5.3.4, at MAIL with SIZE, at BDAT, or at the end                          1870
"""
import shutil

import pytest

from lib.observed import sanitized
from lib.serving import Raw, ended, kept, queue, run, talk

DOWN = {"host": "127.0.0.1", "port": 9, "tls": "off"}


@pytest.mark.parametrize("way", ["pipe", "tcp"])
def test_a_line_that_is_too_long(talk, relayrc, way):
    raw = talk(way, relayrc(**DOWN))
    assert raw.say("NOOP " + "x" * 2041).startswith("250 ")       # 2048 bytes with its CRLF
    assert raw.say("NOOP " + "x" * 2042).startswith("500 5.5.2 ")
    assert raw.say("NOOP " + "x" * 1_000_000).startswith("500 5.5.2 ")
    assert raw.say("NOOP").startswith("250 ") and ended(raw)


@pytest.mark.parametrize("way", ["pipe", "tcp"])
def test_a_line_without_an_end(talk, relayrc, way):
    raw = talk(way, relayrc(**DOWN))
    raw.send("NOOP " + "x" * (1 << 20))
    assert raw.reply().startswith("421 4.7.0 ") and raw.is_over() and raw.process.wait(10) == 76


def test_too_many_recipients(talk, relayrc):
    """100,000 may be; those behind are for the next message, which the client makes of them."""
    raw = talk("pipe", relayrc(**DOWN))
    assert raw.say("MAIL FROM:<s@x.test>").startswith("250 ")
    for n in range(100):
        raw.send("".join(f"RCPT TO:<r{n}.{k}@x.test>\r\n" for k in range(1000)))
        assert {r[:3] for r in raw.replies(1000)} == {"250"}
    assert raw.say("RCPT TO:<more@x.test>").startswith("452 4.5.3 ")
    assert raw.say("RCPT TO:<more@x.test>").startswith("452 4.5.3 ")
    assert raw.say("RSET").startswith("250 ") and raw.say("MAIL FROM:<s@x.test>").startswith("250 ")
    assert raw.say("RCPT TO:<more@x.test>").startswith("250 ") and ended(raw)


def test_mistakes(talk, scripted, relayrc):
    """A message that is accepted between them forgives all; recipients that cannot be are no mistakes of the client."""
    raw = talk("tcp", relayrc(scripted()))
    raw.say("EHLO me")
    for _ in range(3):
        assert [raw.say("NONSENSE x")[:3] for _ in range(19)] == ["500"] * 19
        assert raw.letter().startswith("250 ")
    assert raw.say("MAIL FROM:<s@x.test>").startswith("250 ")
    assert {raw.say("RCPT TO:<not an address>")[:3] for _ in range(50)} == {"501"}
    assert [raw.say("NONSENSE")[:3] for _ in range(20)] == ["500"] * 20
    assert raw.reply().startswith("421 4.7.0 ") and raw.is_over() and raw.process.wait(10) == 76


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace")
@pytest.mark.parametrize("way", ["pipe", "tcp"])
@pytest.mark.parametrize("at", ["idle", "half a message"])
def test_time(relay, run, kept, queue, way, at):
    """poll() says that nothing came in time: the client hears so, and nothing is sent of what is not complete."""
    if sanitized(relay):
        pytest.skip("the leak sanitizer does not work under strace")
    # One to write the greeting, one to read the next command …
    polls = 2 if at == "idle" else 10
    process, sock = run(way, kept(), under=["strace", "-qqfo", "/dev/null", "-e", "trace=poll,ppoll", "-e",
                                            f"inject=poll,ppoll:retval=0:when={polls}"])
    raw = Raw(process, sock)
    assert raw.greeting.startswith("220 ")
    if at != "idle":
        assert [raw.say(c)[:3] for c in ("EHLO me", "MAIL FROM:<s@x.test>", "RCPT TO:<a@x.test>", "DATA")] == ["250"] * 3 + ["354"]
    assert raw.reply().startswith("421 4.4.2 ") and raw.is_over()
    assert process.wait(10) == 76 and queue.places() == {}


@pytest.mark.parametrize("way", ["pipe", "tcp"])
def test_size(talk, scripted, relayrc, way):
    raw = talk(way, relayrc(scripted(), message_size_limit=1000))
    assert "250-SIZE 1000" in raw.say("EHLO me")
    for size in ("1001", "99999999999999999999"):
        assert raw.say(f"MAIL FROM:<s@x.test> SIZE={size}").startswith("552 5.3.4 ")
    assert raw.say("MAIL FROM:<s@x.test> SIZE=123456789012345678901").startswith("501 5.5.4 ")
    assert raw.letter(text="\r\n" + "x" * 996 + "\r\n").startswith("250 ")
    assert raw.letter(text="\r\n" + "x" * 997 + "\r\n").startswith("552 5.3.4 ")
    raw.send("MAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\nBDAT 1001\r\n" + "x" * 1001)
    assert [r[:9] for r in raw.replies(3)] == ["250 2.1.0", "250 2.1.5", "552 5.3.4"]
    raw.send("RSET\r\nMAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\nBDAT 600\r\n" + "x" * 600 + "BDAT 401 LAST\r\n" + "x" * 401)
    assert [r[:9] for r in raw.replies(5)] == ["250 2.0.0", "250 2.1.0", "250 2.1.5", "250 2.0.0", "552 5.3.4"]
    assert raw.letter().startswith("250 ") and ended(raw)


def test_without_a_limit_of_size(talk, relayrc):
    raw = talk("pipe", relayrc(**DOWN, message_size_limit=0))
    assert "250-SIZE\n" in raw.say("EHLO me")
    assert raw.say("MAIL FROM:<s@x.test> SIZE=99999999999999999999") == "552 5.3.4 the message is too large for any server"
    assert raw.say("MAIL FROM:<s@x.test> SIZE=99999999999").startswith("250 ") and ended(raw)


SIGNED = """Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b\r
\r
--b\r
\r
{line}\r
--b\r
Content-Type: application/pgp-signature\r
\r
x\r
--b--\r
"""


def test_a_message_that_must_not_be_repaired(talk, scripted, relayrc):
    raw = talk("pipe", relayrc(scripted()))
    said = raw.letter(text=SIGNED.format(line="x" * 1500))
    assert said.startswith("554 5.6.0 ") and "signed" in said
    assert raw.letter(text=SIGNED.format(line="x")).startswith("250 ") and ended(raw)
