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


# A machine that is busy elsewhere can make one flight look like two, never two like one.
TRIES = 3


@pytest.mark.parametrize("listener,tls,settings,flights", CASES)
@pytest.mark.parametrize("recipients", [1, 100])
def test_fewest_round_trips(postfix, counting, relayrc, run_sendmail, listener, tls, settings, flights, recipients):
    if listener.startswith("poor"):
        flights += recipients - 1
    names = [f"r{n}@mail.test" for n in range(recipients)]
    counted = []
    while flights not in counted and len(counted) < TRIES:
        proxy = counting(postfix.host, postfix.ports[listener])
        done = run_sendmail(["-i", *names], MESSAGE, relayrc(proxy, port=proxy.port, tls=tls, **settings), timeout=60)
        assert (done.rc, done.err) == (0, "")
        proxy.settle()
        counted.append(proxy.flights)
    assert min(counted) == flights
    message = postfix.wait_messages(len(counted))[-1]
    assert sorted(message.recipients) == sorted(names)
