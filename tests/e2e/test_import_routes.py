"""relay import postfix: mail by recipient, several servers, and a spare go where the real Postfix sends them."""
import socket
import time

import pytest

from lib.hostile import on, reply_then_close
from test_import_postfix import AUTH, MESSAGE, ORIGIN, USERS, imported, original

BUSY = [on("GREETING", reply_then_close("fin", "421 4.3.2 busy"), nth=None)]
TRANSPORT = """# recipient, domain, subdomains
boss@three.test     smtp:[127.0.0.1]:{one}
one.test            smtp:[127.0.0.1]:{one}
.two.test           relay:[127.0.0.1]:{two}
"""
CALLS = [["-f", "me@home.test", "a@one.test"],
         ["-f", "me@home.test", "a@one.test", "b@x.two.test", "c@two.test", "boss@three.test", "d@three.test"],
         ["-f", "", "b@y.x.two.test", "e@else.test"],
         ["-f", "me@home.test", "boss+urgent@three.test", "x@sub.one.test"]]

# main.cf; which servers are down.
SETUPS = {
    "by-recipient": ("relayhost = [127.0.0.1]:{usual}\ntransport_maps = hash:/etc/postfix/transport\n", ()),
    "list-first-up": ("relayhost = [127.0.0.1]:{usual}, [127.0.0.1]:{spare}\n", ()),
    "list-first-down": ("relayhost = [127.0.0.1]:{dead}, [127.0.0.1]:{usual}\n", ()),
    "list-first-busy": ("relayhost = [127.0.0.1]:{usual}, [127.0.0.1]:{spare}\n", ["usual"]),
    "fallback-not-needed": ("relayhost = [127.0.0.1]:{usual}\nsmtp_fallback_relay = [127.0.0.1]:{spare}\n", ()),
    "fallback": ("relayhost = [127.0.0.1]:{usual}\nsmtp_fallback_relay = [127.0.0.1]:{spare}\n", ["usual"]),
    "all-of-it": ("relayhost = [127.0.0.1]:{dead}, [127.0.0.1]:{usual}\ntransport_maps = hash:/etc/postfix/transport\n"
                  "smtp_fallback_relay = [127.0.0.1]:{spare}\n", ["one", "usual"]),
}


def dead_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def envelopes(servers):
    """Of each server: who sends to whom, and who logged in, one entry for each recipient."""
    return {name: sorted((m.sender, r, m.connection.auth_user) for m in server.messages for r in m.accepted)
            for name, server in servers.items()}


@pytest.mark.parametrize("name", SETUPS)
def test_every_recipient_goes_the_same_way(name, scripted, original, imported, run_sendmail):
    main, down = SETUPS[name]
    servers = {n: scripted(tls="starttls", auth=["PLAIN"], users=USERS, rules=BUSY if n in down else [])
               for n in ("usual", "one", "two", "spare")}
    ports = {n: server.port for n, server in servers.items()} | {"dead": dead_port()}
    files = {"sasl_passwd": "".join(f"[127.0.0.1]:{ports[n]} {user}\n" for n, user in (
        ("usual", "user@mail.test:secret"), ("spare", "other@mail.test:pa:ss word"), ("one", "user@mail.test:secret"),
        ("two", "other@mail.test:pa:ss word"), ("dead", "user@mail.test:secret"))),
        "transport": TRANSPORT.format(**ports)}
    text = (ORIGIN + AUTH.replace("{ca}", "{{ca}}") + "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n"
            "smtp_tls_security_level = encrypt\nrecipient_delimiter = +\n" + main).format(**ports)
    postfix = original(text, files, 0)
    for args in CALLS:
        postfix.send(args, MESSAGE)
    wanted = sum(len(args) - 2 for args in CALLS)
    deadline = time.monotonic() + 30
    while sum(len(m.accepted) for s in servers.values() for m in s.messages) < wanted:
        assert time.monotonic() < deadline, postfix.log()
        time.sleep(0.02)
    before = envelopes(servers)
    for server in servers.values():
        server.messages.clear()
    rc, notes = imported(postfix.root)
    for args in CALLS:
        done = run_sendmail(["-i", *args], MESSAGE, rc + "\nqueue off\n")
        assert (done.rc, done.err) == (0, ""), rc
    assert envelopes(servers) == before, rc
    assert "secret" not in notes and "pa:ss" not in notes
