"""Who said it: when several servers had to do with one message, each recipient's line, reason and report names its own."""
import pytest

from lib import judge
from lib.accounts import several
from lib.hostile import on, reply_then_close

FIRST, SECOND = "127.0.0.1", "127.0.0.2"
GONE, BUSY = "550 5.1.1 gone", "452 4.2.2 full"
TO = ["-i", "-f", "sender@mail.test", "gone@mail.test", "busy@mail.test", "good@mail.test"]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def two(scripted, pki, log):
    """The first server refuses one recipient, and goes away at the next; the second one has no time for one."""
    def make(**settings):
        first = scripted(refuse={"gone@mail.test": GONE}, without=["PIPELINING"],
                         rules=[on("RCPT", reply_then_close("fin", "421 4.3.2 shutting down"), nth=2)])
        second = scripted(listen=SECOND, tls="starttls", certificate=pki.leaf("second", names=[f"IP:{SECOND}"]),
                          refuse={"busy@mail.test": BUSY}, auth=["PLAIN"])
        return first, several(pki, {"default": {"server": first, "fallback": "two"},
                                    "two": {"server": second, "user": "user@mail.test", "password": "secret"}},
                              logfile=log, **settings)
    return make


def lines(log):
    found = {}
    for line in log.read_text().splitlines():
        if "postfix/smtp" in line:
            to = line.split("to=<")[1].split(">")[0]
            assert to not in found
            found[to] = line
    return found


def test_log_line(two, run_sendmail, log):
    _, rc = two()
    done = run_sendmail(TO, judge.MESSAGE, rc)
    assert done.rc == 75
    found = lines(log)
    assert f"relay={FIRST}[" in found["gone@mail.test"] and GONE in found["gone@mail.test"]
    assert found["gone@mail.test"].endswith("account=default, tls=none, auth=none")
    for name in ("busy", "good"):
        line = found[f"{name}@mail.test"]
        assert f"relay={SECOND}[" in line and "account=two, tls=TLS" in line and line.endswith("auth=PLAIN")


def test_queue_and_report(two, run_sendmail, home, queue):
    first, rc = two(queue="on")
    home(".relayrc", rc)
    run_sendmail(["-odq", *TO], judge.MESSAGE)
    assert run_sendmail(["-qf"]).rc == 0
    [id] = queue.places()
    state = queue.state(id)
    assert f"server={FIRST} {GONE}" in state["recipient 1"] and f"server={SECOND} {BUSY}" in state["recipient 2"]
    shown = run_sendmail(["queue", "show", id], name="relay").out
    assert f"<busy@mail.test> waits: {SECOND} said: {BUSY}" in shown
    assert f"(host {SECOND} said: {BUSY})" in run_sendmail([], name="mailq").out
    [report] = first.settle().messages
    assert f"Remote-MTA: dns; [{FIRST}]".encode() in report.data and SECOND.encode() not in report.data
