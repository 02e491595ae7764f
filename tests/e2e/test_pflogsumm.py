"""Postfix's log tools read our log: pflogsumm counts what really happened."""
import re
import shutil
import subprocess

import pytest

from lib.hostile import on, reply

# Later ones on the same connection are not refused: those are for the retry.
BUSY = "450 4.2.1 <busy@y.test>: busy"
GONE = "550 5.1.1 <gone@z.test>: no such user"


@pytest.fixture
def summary(tmp_path):
    """summary(*options) -> the report of pflogsumm on the log file, as text."""
    program = shutil.which("pflogsumm", path="/usr/bin:/usr/sbin")
    if not program:
        pytest.skip("no pflogsumm")

    def run(*options):
        done = subprocess.run([program, *options, tmp_path / "log"], capture_output=True, text=True, timeout=30, check=True)
        assert done.stderr == ""
        return done.stdout
    return run


@pytest.fixture
def settings(tmp_path):
    return {"logfile": tmp_path / "log", "queue_directory": tmp_path / "queue", "timeout": 10}


def totals(text):
    """The grand totals: name -> number."""
    part = text.split("Grand Totals")[1].split("Per-Hour")[0]
    return {name: int(number) for number, name in re.findall(r"^ +(\d+) +([a-z][a-z /]*[a-z])", part, re.M)}


def table(text, title):
    """The rows below a title, as lists of words."""
    lines = text[text.index(f"\n{title}"):].split("\n\n")[0].splitlines()
    return [line.split() for line in lines if re.match(r" +\d", line)]


def mail(run_sendmail, rc, *args, size=0):
    return run_sendmail(args, b"Subject: x\n\n" + b"x\n" * size, rc).rc


def test_each_message_is_counted_by_what_became_of_it(scripted, relayrc, run_sendmail, settings, summary):
    """Sent; sent to two; refused; deferred, then sent; one of two refused; reported."""
    server = scripted(refuse={"gone@z.test": GONE}, rules=[on("RCPT", reply(BUSY), conn=3)])
    rc = relayrc(server, **settings)
    assert mail(run_sendmail, rc, "a@x.test", size=1000) == 0                           # connection 0
    assert mail(run_sendmail, rc, "a@x.test", "b@y.test", size=500) == 0                # 1
    assert mail(run_sendmail, rc, "gone@z.test") == 67                                  # 2
    assert mail(run_sendmail, rc, "busy@y.test") == 0                                   # 3: kept
    assert mail(run_sendmail, rc, "a@x.test", "gone@z.test") == 67                      # 4
    assert mail(run_sendmail, rc, "-odq", "gone@z.test", "b@y.test") == 0
    assert run_sendmail(["-qf"], b"", rc).rc == 0                                       # busy is sent, gone is reported
    server.settle()
    text = summary()
    counted = totals(text)
    # Sent: a, a and b, busy, a, b, and the report. A report is not received from anybody, as in Postfix.
    assert (counted["received"], counted["delivered"], counted["bounced"]) == (6, 7, 3)
    assert counted["deferred"] == 1 and "(1  deferrals)" in text
    assert counted["rejected"] == counted["forwarded"] == 0
    delivered = [(m.sender, m.size, len(m.accepted)) for m in server.messages if m.accepted]
    assert sum(count for _, _, count in delivered) == 7
    by_recipient = {row[-1]: int(row[0]) for row in table(text, "Recipients by message count")}
    assert by_recipient == {"a@x.test": 3, "b@y.test": 2, "busy@y.test": 1, "sender@mail.test": 1}
    by_sender = {row[-1]: int(row[0]) for row in table(text, "Senders by message count")}
    assert by_sender == {"sender@mail.test": 6}
    by_size = {row[-1]: row[0] for row in table(text, "Recipients by message size")}
    assert by_size["a@x.test"] == str(sum(m.size for m in server.messages if "a@x.test" in m.accepted))
    assert "no size" not in text.lower() and "(sender not in log)" not in summary("-e")


def test_what_the_aliases_refuse_is_bounced(scripted, relayrc, run_sendmail, settings, summary, home):
    server = scripted()
    aliases = home("aliases", "run: |/usr/bin/procmail\nsome: a@y.test, |/usr/bin/procmail\n")
    rc = relayrc(server, aliases=aliases, **settings)
    assert mail(run_sendmail, rc, "run") == 78
    assert mail(run_sendmail, rc, "-oem", "some") == 78
    run_sendmail(["-qf"], b"", rc)
    server.settle()
    counted = totals(summary())
    assert (counted["received"], counted["delivered"], counted["deferred"], counted["bounced"]) == (2, 2, 0, 2)


def test_reasons_are_shown_by_server(scripted, relayrc, run_sendmail, settings, summary):
    server = scripted(refuse={"gone@z.test": GONE, "busy@y.test": BUSY})
    rc = relayrc(server, **settings)
    mail(run_sendmail, rc, "gone@z.test", "busy@y.test")
    text = summary()
    deferral = text[text.index("message deferral detail"):].split("message bounce detail")
    assert "smtp (total: 1)" in deferral[0] and "busy" in deferral[0]
    assert f"127.0.0.1[127.0.0.1]:{server.port} (total: 1)" in deferral[1] and "no such user" in deferral[1]


def test_a_message_given_up_is_deferred_as_in_postfix(scripted, relayrc, run_sendmail, settings, summary, tmp_path):
    server = scripted(refuse={"busy@y.test": BUSY})
    rc = relayrc(server, maximal_queue_lifetime=0, **settings)
    assert mail(run_sendmail, rc, "-odq", "busy@y.test") == 0
    assert run_sendmail(["-qf"], b"", rc).rc == 0
    counted = totals(summary())
    assert (counted["received"], counted["deferred"], counted["bounced"], counted["delivered"]) == (1, 1, 0, 1)
    assert re.search(r"postfix/qmgr\[\d+\]: \w+: from=<sender@mail.test>, status=expired, returned to sender\n",
                     (tmp_path / "log").read_text())


@pytest.mark.parametrize("recipient,status", [("a@y.test", "sent"), ("gone@z.test", "bounced")])
def test_what_its_last_attempt_settles_has_not_expired(scripted, relayrc, run_sendmail, settings, tmp_path, recipient, status):
    """A laptop that was away for long: its mail is delivered, and that is all that is logged."""
    server = scripted(refuse={"gone@z.test": GONE})
    rc = relayrc(server, maximal_queue_lifetime=0, **settings)
    assert mail(run_sendmail, rc, "-odq", recipient) == 0
    assert run_sendmail(["-qf"], b"", rc).rc == 0
    log = (tmp_path / "log").read_text()
    assert f"status={status}" in log and "expired" not in log and "returned" not in log


def test_a_log_of_the_second_day_alone_has_the_size(scripted, relayrc, run_sendmail, settings, summary, tmp_path):
    """The arrival stands in yesterday's log."""
    server = scripted(rules=[on("RCPT", reply(BUSY), conn=0)])
    rc = relayrc(server, **settings)
    assert mail(run_sendmail, rc, "busy@y.test") == 0
    (tmp_path / "log").unlink()
    assert run_sendmail(["-qf"], b"", rc).rc == 0
    server.settle()
    text = summary()
    assert totals(text)["delivered"] == 1
    assert table(text, "Recipients by message size") == [[str(server.messages[-1].size), "busy@y.test"]]


def test_another_name_is_counted_when_the_tool_is_told(submit, settings, summary):
    submit(["a@x.test"], b"Subject: x\n\n", settings | {"syslog_name": "relay"})
    assert totals(summary("--syslog_name=relay"))["delivered"] == 1
    assert totals(summary())["delivered"] == 0
