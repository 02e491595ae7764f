"""What a scripted server may do instead of answering well: rules, and the actions they take.

A rule says when, an action says what:

    on("RCPT", reply("550 5.1.1 no such user"), nth=2)      the second RCPT of a connection
    on("MAIL", close("rst"), conn=0)                        the first MAIL of the first connection only
    on("EHLO", flood_lines(), nth=None)                     every EHLO
    on("IN-BODY", close("fin"), at=1000)                    once 1000 bytes of the body have been read

Events: CONNECT (before anything is sent), HANDSHAKE (before TLS starts), TLS (after the handshake), GREETING, each verb
(EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, BDAT, RSET, QUIT, …), AUTH-STEP (each challenge), AUTH-END (the outcome), BODY
(the reply to the end of data; in LMTP one for each recipient), IN-BODY. An action gets the session and the reply the
server would have given, and returns whether the command is to have its normal effect.
"""
import itertools
import threading
from dataclasses import dataclass
from typing import Callable

from .wire import Closed


@dataclass
class Rule:
    event: str
    action: Callable
    nth: int = 1            # which occurrence in a connection, from 1; None: every one
    conn: int = None        # which connection, from 0; None: every one
    at: int = 0             # IN-BODY: after so many bytes

    def matches(self, event, count, connection):
        return (self.event == event and self.nth in (None, count) and self.conn in (None, connection))


def on(event, action, nth=1, conn=None, at=0):
    return Rule(event, action, nth, conn, at)


def wire_form(text):
    """bytes stay as they are; a str (or a list of lines) gets its line ends."""
    if isinstance(text, bytes):
        return text
    lines = text if isinstance(text, list) else text.split("\n")
    return "".join(line + "\r\n" for line in lines).encode("utf-8", "surrogateescape")


def reply(text):
    """Answer `text` instead. The command takes effect if the first digit is the one it would have been."""
    def action(session, normal):
        data = wire_form(text)
        session.wire.put(data)
        return data[:1] == wire_form(normal)[:1]
    return action


def then(extra):
    """The normal reply, and `extra` right behind it, in the same write."""
    def action(session, normal):
        session.wire.put(wire_form(normal) + wire_form(extra))
        return True
    return action


def before(extra):
    """`extra`, and the normal reply right behind it."""
    def action(session, normal):
        session.wire.put(wire_form(extra) + wire_form(normal))
        return True
    return action


def close(how="clean"):
    """Hang up without a reply. See Wire.close for `how`."""
    def action(session, normal):
        session.wire.close(how)
        raise Closed("ours", how)
    return action


def reply_then_close(how="clean", text=None):
    """Reply, then hang up."""
    def action(session, normal):
        session.wire.put(wire_form(normal if text is None else text))
        session.wire.flush()
        session.wire.close(how)
        raise Closed("ours", how)
    return action


def part_then_close(count, how="fin"):
    """Only the first `count` bytes of the normal reply, then hang up."""
    def action(session, normal):
        session.wire.put(wire_form(normal)[:count])
        session.wire.flush()
        session.wire.close(how)
        raise Closed("ours", how)
    return action


def silence():
    """Read on and never answer again, until the client leaves."""
    def action(session, normal):
        session.wire.flush()
        while True:
            session.wire.fill()
            session.wire.buffer.clear()
    return action


def hold(event: threading.Event):
    """The normal reply, once the test sets `event`."""
    def action(session, normal):
        session.wire.flush()
        if not event.wait(session.wire.idle):
            raise Closed("timeout", "nobody released the reply")
        session.wire.put(wire_form(normal))
        return True
    return action


def drip(seconds=0.01):
    """From here on, a byte at a time."""
    def action(session, normal):
        session.wire.flush()
        session.wire.drip = seconds
        session.wire.put(wire_form(normal))
        return True
    return action


def flood_lines(line=b"250-flood\r\n", limit=1 << 30):
    """A multi-line reply without end (until the client hangs up, or `limit` bytes)."""
    def action(session, normal):
        block = line * (65536 // len(line))
        for _ in range(limit // len(block)):
            session.wire.put(block)
            session.wire.flush()
        raise Closed("ours", "flooded")
    return action


def flood_line(start=b"250 ", limit=1 << 30):
    """A line without end."""
    return _endless(start, b"x" * 65536, limit)


def _endless(start, block, limit):
    def action(session, normal):
        for data in itertools.chain([start], itertools.repeat(block, limit // len(block))):
            session.wire.put(data)
            session.wire.flush()
        raise Closed("ours", "flooded")
    return action


def swap():
    """Keep this reply back and send it after the next one."""
    def action(session, normal):
        session.held = wire_form(normal)
        return True
    return action


def swallow():
    """The normal reply; what the client had sent behind the command is lost."""
    def action(session, normal):
        session.wire.gather()
        session.wire.buffer.clear()
        session.wire.put(wire_form(normal))
        return True
    return action


def raw_below_tls(data):
    """Bytes outside the TLS stream, then the normal reply inside it."""
    def action(session, normal):
        session.wire.flush()
        session.wire.raw(data)
        session.wire.put(wire_form(normal))
        return True
    return action


def call(function):
    """Call function(session, normal_reply); it may return another reply (str or bytes) or None for the normal one."""
    def action(session, normal):
        text = function(session, normal)
        return reply(normal if text is None else text)(session, normal)
    return action
