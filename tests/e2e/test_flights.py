"""Network round trips, counted by a proxy between the binary and a real Postfix."""
import pytest

USER, PASSWORD = "user@mail.test", "secret"
MESSAGE = b"Subject: flights\nFrom: sender@mail.test\n\n" + b"A line of the message, as long as lines are.\n" * 90
LOGIN = {"user": USER, "password": PASSWORD}

CASES = [
    # listener, tls, settings, flights for one message
    ("smtps", "implicit", LOGIN | {"auth": "plain"}, 5),
    ("starttls", "starttls", LOGIN | {"auth": "plain"}, 7),
    ("plain", "none", {}, 4),
    ("smtps", "implicit", LOGIN | {"auth": "scram-sha-256"}, 7),
    ("starttls", "starttls", LOGIN | {"auth": "scram-sha-1"}, 9),
    # Without PIPELINING and CHUNKING every command waits for its reply.
    ("poor_plain", "none", {}, 7),
]


@pytest.mark.parametrize("listener,tls,settings,flights", CASES)
@pytest.mark.parametrize("recipients", [1, 100])
def test_fewest_round_trips(postfix, counting, relayrc, run_sendmail, listener, tls, settings, flights, recipients):
    if listener.startswith("poor"):
        flights += recipients - 1
    with_proxy = counting(postfix.host, postfix.ports[listener])
    rc = relayrc(with_proxy, port=with_proxy.port, tls=tls, **settings)
    names = [f"r{n}@mail.test" for n in range(recipients)]
    done = run_sendmail(["-i", *names], MESSAGE, rc, timeout=60)
    assert (done.rc, done.err) == (0, "")
    with_proxy.settle()
    assert with_proxy.flights == flights
    [message] = postfix.wait_messages(1)
    assert sorted(message.recipients) == sorted(names)
