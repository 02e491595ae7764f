"""A server that hangs up, goes silent, drips or floods, at every point of the dialogue.

Exit status 75 unless the server has accepted the message: never 0 without that, never a crash, never a hang, and when
the whole message had been sent, it says that it may have arrived.
"""
import time

import pytest

from lib import judge
from lib.hostile import (close, drip, flood_line, flood_lines, on, part_then_close, raw_below_tls, reply_then_close,
                         silence)

TO = ["-i", "r@mail.test"]
START = {"none": ["CONNECT", "GREETING", "EHLO"],
         "starttls": ["GREETING", "EHLO", "STARTTLS", "HANDSHAKE", "TLS", "EHLO 2"],
         "implicit": ["CONNECT", "HANDSHAKE", "TLS", "GREETING", "EHLO"]}
BDAT = ["AUTH-END", "MAIL", "RCPT", "IN-BODY", "BODY", "QUIT"]
DATA = ["DATA", "IN-BODY", "BODY", "QUIT"]
# Where the server says nothing, there is no reply to give or to cut.
MUTE = ("CONNECT", "HANDSHAKE", "TLS", "IN-BODY")


def point(name, action):
    """The rule for "EHLO 2" and the like."""
    event, _, nth = name.partition(" ")
    return on(event, action, nth=int(nth or 1), at=1000)


def points(tls):
    """(name of the point, extensions that are not offered)"""
    return [(p, ()) for p in START[tls] + BDAT] + [(p, ("CHUNKING",)) for p in DATA]


def reset(session, normal):
    session.wire.flush()        # what was said before has been said
    close("rst")(session, normal)


WAYS = {"close-notify": close("clean"), "fin": close("fin"), "reset": reset}
REPLY = {"reply-then-fin": reply_then_close("fin"), "reply-then-reset": reply_then_close("rst"),
         "part-then-fin": part_then_close(9, "fin"), "part-then-close-notify": part_then_close(9, "clean")}


def is_new(tls, name, way):
    """Not one that another says already: with STARTTLS, once TLS is up, all is as with TLS from the start."""
    if (way in REPLY and name in MUTE) or (tls == "none" and "close-notify" in way):
        return False
    return tls != "starttls" or name in START[tls] or (name, way) == ("BODY", "fin")


CLOSINGS = [pytest.param(tls, name, without, way, id=f"{tls}-{name}-{'data' if without else 'bdat'}-{way}")
            for tls in START for name, without in points(tls) for way in WAYS | REPLY if is_new(tls, name, way)]


@pytest.mark.parametrize("tls, name, without, way", CLOSINGS)
def test_hanging_up(scripted, relayrc, run_sendmail, tmp_path, tls, name, without, way):
    server = scripted(tls=tls, auth=["PLAIN"], users=judge.USERS, without=without,
                      rules=[point(name, (WAYS | REPLY)[way])])
    done = run_sendmail(TO, judge.MESSAGE, relayrc(server, logfile=tmp_path / "log", **judge.LOGIN))
    log = (tmp_path / "log").read_text()
    server.settle()
    if name == "QUIT" or (name == "BODY" and way.startswith("reply")):
        assert (done.rc, done.err) == (0, "")
        assert [m.data for m in server.messages] == [judge.MESSAGE]
        assert "status=sent" in log
        return
    judge.failed(done)
    assert "status=deferred" in log and "status=sent" not in log
    if name == "BODY":
        assert judge.MAYBE in done.err and "possible duplicate" in log
    else:
        assert server.messages == []
    # The reply to the last EHLO lets the message go, and who knows whether a server that hangs up behind it still reads.
    lets_go = way.startswith("reply") and name in (START[tls][-1], "DATA")
    if name in (*START[tls], "DATA") and not lets_go:
        assert judge.MAYBE not in done.err


@pytest.mark.parametrize("tls", START)
def test_silence(scripted, relayrc, relay, environment, tmp_path, tls):
    """All points at once, for each costs its timeout: a second for a try, and AUTH is tried again alone."""
    servers = {(name, without): scripted(tls=tls, auth=["PLAIN"], users=judge.USERS, without=without,
                                         rules=[point(name, silence())])
               for name, without in points(tls)}
    cases = {key: relayrc(server, timeout=1, **judge.LOGIN) for key, server in servers.items()}
    results = judge.at_once(relay, environment, tmp_path, cases, judge.MESSAGE)
    for (name, _), done in results.items():
        if name == "QUIT":
            assert (done.rc, done.err) == (0, "")
            assert done.seconds < 10
            continue
        assert done.rc == 75, (name, done)
        judge.words(done.err)
        assert "in time" in done.err or "timed out" in done.err, (name, done)
        assert 0.9 < done.seconds < 15, (name, done)
        assert (judge.MAYBE in done.err) or name != "BODY", (name, done)
    assert all(s.messages == [] for (name, _), s in servers.items() if name not in ("QUIT", "BODY"))


@pytest.mark.parametrize("tls", START)
def test_dripping(scripted, relayrc, relay, environment, tmp_path, tls):
    """The time for a reply does not begin anew with each byte; a server that is merely slow is served."""
    names = [n for n in START[tls] + ["AUTH-END", "MAIL", "RCPT", "BODY"] if n not in MUTE]
    cases, slow = {}, scripted(tls=tls, auth=["PLAIN"], users=judge.USERS, rules=[point("GREETING", drip(0.001))])
    for name in names:
        server = scripted(tls=tls, auth=["PLAIN"], users=judge.USERS, rules=[point(name, drip(0.15))])
        cases[name] = relayrc(server, timeout=1, **judge.LOGIN)
    results = judge.at_once(relay, environment, tmp_path, cases | {"slow": relayrc(slow, timeout=20, **judge.LOGIN)})
    assert (results["slow"].rc, results.pop("slow").err) == (0, "")
    for name, done in results.items():
        assert done.rc == 75 and "in time" in done.err, (name, done)
        judge.words(done.err)
        assert done.seconds < 15, (name, done)


def drip_a_record(session, normal):
    """A TLS record that never ends, byte by byte."""
    session.wire.raw(b"\x16\x03\x03\x40\x00\x02")
    while True:
        session.wire.raw(b"\x00")
        time.sleep(0.05)


def test_dripping_in_the_handshake(scripted, relayrc, run_sendmail):
    for tls in ("implicit", "starttls"):
        server = scripted(tls=tls, rules=[on("HANDSHAKE", drip_a_record)])
        start = time.monotonic()
        judge.failed(run_sendmail(TO, judge.MESSAGE, relayrc(server, timeout=1)))
        assert time.monotonic() - start < 10


@pytest.mark.parametrize("tls", ["none", "implicit"])
@pytest.mark.parametrize("event, code", [("GREETING", "220"), ("EHLO", "250"), ("AUTH-END", "235"), ("MAIL", "250"),
                                         ("RCPT", "250"), ("BODY", "250")])
@pytest.mark.parametrize("kind", ["lines", "line", "digits", "nuls"])
def test_flood(scripted, relayrc, run_sendmail, tls, event, code, kind):
    action = {"lines": flood_lines(f"{code}-flood\r\n".encode()), "line": flood_line(f"{code} ".encode()),
              "digits": flood_lines(b"2" * 4096), "nuls": flood_lines(b"\0" * 4096)}[kind]
    server = scripted(tls=tls, auth=["PLAIN"], users=judge.USERS, rules=[on(event, action)])
    start = time.monotonic()
    done = run_sendmail(TO, judge.MESSAGE, relayrc(server, timeout=10, **judge.LOGIN))
    assert time.monotonic() - start < 10
    judge.failed(done)
    assert server.messages == [] or event == "BODY"


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
@pytest.mark.parametrize("event, code", [("GREETING", "220"), ("EHLO", "250"), ("AUTH-END", "235")])
def test_flood_of_replies(scripted, relayrc, run_sendmail, tls, event, code):
    """From AUTH on, each of them would be an answer to something."""
    server = scripted(tls=tls, auth=["PLAIN"], users=judge.USERS,
                      rules=[on(event, flood_lines(f"{code} flood\r\n".encode()))])
    judge.failed(run_sendmail(TO, judge.MESSAGE, relayrc(server, timeout=10, **judge.LOGIN)))
    assert server.messages == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("event", ["GREETING", "EHLO", "MAIL", "BODY"])
def test_bytes_outside_the_tls_stream(scripted, relayrc, run_sendmail, tls, event):
    name = "EHLO 2" if (tls, event) == ("starttls", "EHLO") else event
    if (tls, event) == ("starttls", "GREETING"):
        name = "TLS"
    server = scripted(tls=tls, auth=["PLAIN"], users=judge.USERS,
                      rules=[point(name, raw_below_tls(b"250 plain text in the TLS stream\r\n"))])
    judge.failed(run_sendmail(TO, judge.MESSAGE, relayrc(server, timeout=5, **judge.LOGIN)))
    assert server.settle().messages == [] or event in ("MAIL", "BODY")


@pytest.mark.parametrize("lines", [1, 2, 3])
@pytest.mark.parametrize("how", ["fin", "clean"])
def test_ehlo_reply_cut_between_lines(scripted, relayrc, run_sendmail, lines, how):
    """As an attacker would, who takes away what the server offers."""
    def cut(session, normal):
        session.wire.put("".join(f"{line}\r\n" for line in normal.split("\n")[:lines]).encode())
        session.wire.flush()
        return close(how)(session, normal)
    server = scripted(tls="implicit", auth=["PLAIN"], users=judge.USERS, rules=[on("EHLO", cut)])
    judge.failed(run_sendmail(TO, judge.MESSAGE, relayrc(server, **judge.LOGIN)))
    assert server.settle().commands == [server.commands[0]]
