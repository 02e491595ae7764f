"""A queue run to real servers: hundreds of messages over few sessions, several of them in flight, some refused."""
import pytest

LOGIN = {"user": "user@mail.test", "password": "secret", "timeout": 20}
PORTS = [("postfix", "smtps"), ("postfix", "starttls"), ("postfix", "poor_smtps"), ("exim", "smtps"), ("exim", "starttls"),
         ("opensmtpd", "smtps")]
COUNT = 60


def message(number):
    return f"From: sender@mail.test\nSubject: number {number}\n\nThe text of number {number}.\n".encode()


@pytest.mark.parametrize("name,port", PORTS, ids=["-".join(p) for p in PORTS])
@pytest.mark.parametrize("in_flight", [1, 5, 100])
def test_every_message_arrives_once(request, run_sendmail, relayrc, tmp_path, name, port, in_flight):
    server = request.getfixturevalue(name)
    tls = "implicit" if port.endswith("smtps") else "starttls"
    rc = relayrc(server, port=server.ports[port], tls=tls, queue_directory=tmp_path / "queue", messages_in_flight=in_flight,
                 max_connections=2, logfile=tmp_path / "log", **LOGIN)
    for number in range(COUNT):
        assert run_sendmail(["-odq", "r@mail.test"], message(number), rc).rc == 0
    done = run_sendmail(["-q"], rc=rc, timeout=120)
    assert (done.rc, done.err) == (0, "")
    assert f"{COUNT} sent, 0 deferred, 0 failed" in done.out, (tmp_path / "log").read_text()[-3000:]
    arrived = server.wait_messages(COUNT, recipients=1)
    subjects = sorted(next(line for line in m.data.replace(b"\r", b"").split(b"\n") if line.startswith(b"Subject:")) for m in arrived)
    assert subjects == sorted(b"Subject: number %d" % n for n in range(COUNT))
