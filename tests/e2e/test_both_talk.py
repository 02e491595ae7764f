"""Both sides talk at once: a server that answers while the client still sends, over a connection that holds little.

The message goes along with its recipients, before their answers are known, so there is much to send in one go.
"""
import time

import pytest

from lib.hostile import on, reply_then_close

HEADER = b"From: sender@mail.test\r\nTo: r@mail.test\r\nSubject: both\r\nDate: Sat, 21 Nov 2026 12:00:00 +0900\r\n" \
         b"Message-ID: <1@mail.test>\r\n\r\n"
EAGER = HEADER + (b"x" * 70 + b"\r\n") * 12_000         # small enough to be sent with its recipients
LARGE = HEADER + (b"x" * 70 + b"\r\n") * 400_000


def answer_first(session, normal):
    """Not a byte more is read before the client has taken the answer."""
    session.wire.put(f"250 2.1.5 {'o' * 480}k\r\n".encode())
    session.wire.flush()
    return True


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_server_that_reads_on_only_when_its_answers_are_taken(scripted, relayrc, run_sendmail, tls):
    names = [f"r{n}@mail.test" for n in range(500)]
    server = scripted(tls=tls, narrow=True, rules=[on("RCPT", answer_first, nth=None)])
    start = time.monotonic()
    done = run_sendmail(["-i", *names], EAGER, relayrc(server, timeout=10), timeout=60)
    assert (done.rc, done.err) == (0, "")
    assert time.monotonic() - start < 30
    [message] = server.settle().messages
    assert message.data == EAGER and message.accepted == names
    assert server.violations == []


class CutRecord:
    """The first answer to RCPT comes in two pieces, the second of them when half of the message is there."""

    def __init__(self, tls):
        self.tls = tls
        self.rest = None

    def begin(self, session, normal):
        session.wire.flush()
        data = f"{normal}\r\n".encode()
        if self.tls != "none":
            session.wire.tls.write(data)
            data = session.wire._bio_out.read()
        session.wire.raw(data[:9])
        self.rest = data[9:]
        return True

    def end(self, session, normal):
        session.wire.raw(self.rest)


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_answer_in_two_pieces_while_the_message_is_sent(scripted, relayrc, run_sendmail, tls):
    cut = CutRecord(tls)
    server = scripted(tls=tls, narrow=True, rules=[on("RCPT", cut.begin), on("IN-BODY", cut.end, at=700_000)])
    done = run_sendmail(["-i", "r@mail.test"], EAGER, relayrc(server, timeout=10))
    assert (done.rc, done.err) == (0, "")
    assert cut.rest and [m.data for m in server.settle().messages] == [EAGER]


@pytest.mark.parametrize("how", ["fin", "clean", "drop"])
@pytest.mark.parametrize("tls", ["none", "implicit"])
@pytest.mark.parametrize("at", [1, 300_000])
def test_last_words_decide(scripted, relayrc, run_sendmail, tls, how, at):
    """A server that has enough of a large message says so and hangs up."""
    server = scripted(tls=tls, without=["SIZE"],
                      rules=[on("IN-BODY", reply_then_close(how, "552 5.3.4 too large for us"), at=at)])
    done = run_sendmail(["-i", "r@mail.test"], LARGE, relayrc(server, timeout=10))
    assert done.rc == 69 and "552 5.3.4 too large for us" in done.err
    assert server.messages == [] and len(server.connections) == 1
