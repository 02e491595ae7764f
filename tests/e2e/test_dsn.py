"""Delivery reports: who gets one, when, and what stands in it, read as a mail program reads it."""
import email.utils
import re
import time

import pytest

from lib.hostile import close, on, reply
from lib.queuefiles import QueueFiles
from lib.report import Report

SENDER = "me@x.test"
BODY = b"Subject: the original\nFrom: Me <me@x.test>\n\nthe text of it\n"
GONE, BUSY = "550 5.1.1 <gone@y.test>: no such user", "450 4.2.1 <busy@y.test>: busy"
REFUSE = {"gone@y.test": GONE, "busy@y.test": BUSY}


@pytest.fixture
def queue(tmp_path):
    return QueueFiles(tmp_path / "queue")


@pytest.fixture
def setup(scripted, relayrc, queue, tmp_path):
    """setup(settings, **server) -> (server, text of the relayrc)."""
    def make(settings=None, **options):
        server = scripted(**({"refuse": REFUSE} | options))
        values = {"queue_directory": queue.path, "logfile": tmp_path / "log", "timeout": 10} | (settings or {})
        return server, relayrc(server, **values)
    return make


@pytest.fixture
def flush(run_sendmail):
    def run(server, rc):
        """A queue run over everything; the reports that the server has got in it."""
        before = len(server.messages)
        done = run_sendmail(["-qf"], b"", rc)
        assert (done.rc, done.err) == (0, "")
        server.settle()
        assert server.violations == []
        return [Report(m) for m in server.messages[before:] if m.sender == ""]
    return run


@pytest.fixture
def queued(run_sendmail, flush):
    def send(server, rc, *args, body=BODY):
        """Queues a message and runs the queue; the reports."""
        assert run_sendmail(["-odq", *args], body, rc).rc == 0
        return flush(server, rc)
    return send


@pytest.fixture
def waiting(queue, tmp_path):
    """waiting(recipient, age, head) -> the ID of a message from SENDER that waits in the queue since `age` seconds."""
    def put(recipient, age=3600, head=""):
        return queue.put("deferred", SENDER, [recipient], arrival=time.time() - age, head=f"config: {tmp_path}/relayrc\n{head}")
    return put


def test_a_refused_recipient_is_reported_to_the_sender(setup, queued, queue):
    server, rc = setup()
    [report] = queued(server, rc, "-f", SENDER, "gone@y.test", "good@y.test")
    [id] = queue.places()
    assert queue.place(id) == "failed"
    assert server.messages[0].accepted == ["good@y.test"]
    mail = report.mail
    assert report.envelope.accepted == [SENDER] and report.envelope.rcpt_params[0]["NOTIFY"] == "NEVER"
    assert mail["To"] == SENDER and email.utils.parseaddr(mail["From"]) == ("Mail Delivery System", "sender@mail.test")
    assert mail["Auto-Submitted"].startswith("auto-") and mail["MIME-Version"] == "1.0" and mail["Message-ID"]
    assert abs(mail["Date"].datetime.timestamp() - time.time()) < 60
    assert abs(email.utils.parsedate_to_datetime(report.message["Arrival-Date"]).timestamp() - time.time()) < 60
    assert report.message["Reporting-MTA"].startswith("dns; ") and report.message["X-Relay-Queue-ID"] == id
    assert list(report.recipients) == ["gone@y.test"]
    one = report.of_one
    assert (one["Action"], one["Status"]) == ("failed", "5.1.1")
    assert one["Remote-MTA"] == f"dns; [{server.host}]" and one["Diagnostic-Code"] == f"smtp; {GONE}"
    assert "Will-Retry-Until" not in one and one["Last-Attempt-Date"]
    assert GONE in re.sub(r"\s+", " ", report.text.get_content()) and "good@y.test" not in report.text.get_content()
    [original] = report.original.get_payload()
    assert original["Subject"] == "the original" and original.get_payload().strip() == "the text of it"


def test_a_message_too_old_is_reported_with_the_last_answer(setup, queued, queue):
    server, rc = setup({"maximal_queue_lifetime": 0})
    [report] = queued(server, rc, "-f", SENDER, "busy@y.test")
    assert set(queue.places().values()) == {"failed"}
    assert (report.of_one["Action"], report.of_one["Status"]) == ("failed", "4.2.1")
    assert report.of_one["Diagnostic-Code"] == f"smtp; {BUSY}"


def test_a_report_waits_like_any_mail_when_the_server_is_down(setup, run_sendmail, flush, queue, waiting):
    server, rc = setup()
    id = waiting("a@y.test", age=6 * 86400)
    run_sendmail(["-qf"], b"", rc.replace(f"port {server.port}", "port 1"))
    assert queue.place(id) == "failed" and len(queue.places()) == 2
    [report] = flush(server, rc)
    assert list(report.recipients) == ["a@y.test"] and report.of_one["Status"] == "4.4.1"
    assert report.of_one["Diagnostic-Code"].startswith("x-relay; ") and "Remote-MTA" not in report.of_one
    assert queue.places() == {id: "failed"}


def test_a_message_that_may_have_arrived_is_not_called_lost(setup, run_sendmail, flush, queue):
    server, rc = setup(rules=[on("BODY", close("rst"), conn=0)])
    assert run_sendmail(["-f", SENDER, "a@y.test"], BODY, rc).rc == 0
    [id] = queue.places()
    state = queue.path / "state" / id
    state.write_text(re.sub(r"since: \d+", f"since: {time.time() - 6 * 86400:.0f}", state.read_text()))
    run_sendmail(["-qf"], b"", rc.replace(f"port {server.port}", "port 1"))
    [report] = flush(server, rc)
    assert report.of_one["Status"] == "4.4.1"
    assert "It may have arrived all the same" in report.text.get_content()


def test_a_report_names_every_recipient_once(setup, queued):
    everybody = [f"u{n}@y.test" for n in range(300)]
    server, rc = setup(refuse=dict.fromkeys(everybody, GONE))
    [report] = queued(server, rc, "-f", SENDER, *everybody)
    assert list(report.recipients) == everybody


def test_a_report_goes_the_way_of_its_message(setup, queued):
    """The options of the command line count for it too."""
    server, rc = setup()
    [report] = queued(server, rc.replace(f"port {server.port}", "port 1"), f"--port={server.port}", "-f", SENDER, "gone@y.test")
    assert report.envelope.accepted == [SENDER]


# -- delay warnings -------------------------------------------------------------------------------------------------

def test_the_sender_is_warned_once_when_mail_is_late(setup, flush, queue, waiting):
    server, rc = setup({"delay_warning_time": "30m"})
    id = waiting("busy@y.test")
    [report] = flush(server, rc)
    one = report.of_one
    assert (one["Action"], one["Status"], one["Diagnostic-Code"]) == ("delayed", "4.2.1", f"smtp; {BUSY}")
    arrival = email.utils.parsedate_to_datetime(report.message["Arrival-Date"]).timestamp()
    assert email.utils.parsedate_to_datetime(one["Will-Retry-Until"]).timestamp() == arrival + 5 * 86400
    assert abs(time.time() - arrival - 3600) < 60
    assert report.original.get_content_type() == "text/rfc822-headers"
    assert queue.places() == {id: "deferred"}
    assert flush(server, rc) == [] and queue.places() == {id: "deferred"}


@pytest.mark.parametrize("notify, more", [("delay", False), ("delay,failure", True)])
def test_a_warning_promises_no_report_that_nobody_wants(setup, flush, waiting, notify, more):
    server, rc = setup({"delay_warning_time": "30m"})
    waiting("busy@y.test", head=f"notify: {notify}\n")
    [report] = flush(server, rc)
    assert ("you will get another notice" in " ".join(report.text.get_content().split())) == more


@pytest.mark.parametrize("setting, head", [("30m", "notify: never\n"), ("30m", "notify: failure\n"), ("0", ""), ("2h", "")])
def test_no_warning(setup, flush, waiting, setting, head):
    server, rc = setup({"delay_warning_time": setting})
    waiting("busy@y.test", head=head)
    assert flush(server, rc) == [] and "RCPT" in server.connections[0].verbs


# -- what the sender asks for ------------------------------------------------------------------------------------------

def parameters(message):
    return {k: v for k, v in message.mail_params.items() if k in ("RET", "ENVID")}, message.rcpt_params[0]


@pytest.mark.parametrize("how", [[], ["-odq"]], ids=["at once", "queued"])
def test_a_server_with_dsn_is_asked(setup, run_sendmail, flush, how):
    server, rc = setup()
    args = ["-N", "success,failure", "-R", "hdrs", "-V", "id+=1 x", "-f", SENDER, "a+b@y.test"]
    assert run_sendmail([*how, *args], BODY, rc).rc == 0
    if how:
        assert flush(server, rc) == []
    server.settle()
    [message] = server.messages
    assert parameters(message)[0] == {"RET": "HDRS", "ENVID": "id+2B+3D1+20x"}
    assert {k: set(v.split(",")) for k, v in parameters(message)[1].items()} == {
        "NOTIFY": {"SUCCESS", "FAILURE"}, "ORCPT": {"rfc822;a+2Bb@y.test"}}


@pytest.mark.parametrize("how", [[], ["-odq"]], ids=["at once", "queued"])
def test_a_server_without_dsn_gets_a_confirmation_from_us(setup, run_sendmail, flush, how):
    server, rc = setup(without=["DSN"])
    args = ["-N", "success", "-R", "full", "-V", "id 1", "-f", SENDER, "a@y.test"]
    assert run_sendmail([*how, *args], BODY, rc).rc == 0
    if how:
        [report] = flush(server, rc)
    else:       # what is left to do goes on in the background
        server.wait_for("BODY", 2).settle()
        report = Report(server.messages[1])
    assert (report.of_one["Action"], report.of_one["Status"]) == ("relayed", "2.0.0")
    assert report.message["Original-Envelope-Id"] == "id 1"
    assert report.of_one["Original-Recipient"] == "rfc822; a@y.test"
    assert report.original.get_content_type() == "text/rfc822-headers" and parameters(server.messages[0]) == ({}, {})


@pytest.mark.parametrize("ret, lines, has_text", [("full", 40000, True), ("hdrs", 1, False), (None, 1, True), (None, 9000, False)])
def test_ret_and_size_decide_what_comes_back(setup, queued, ret, lines, has_text):
    server, rc = setup(without=["DSN"])
    body = BODY + b"more\n" * lines
    [report] = queued(server, rc, *(["-R", ret] if ret else []), "-f", SENDER, "gone@y.test", body=body)
    assert report.original.get_content_type() == ("message/rfc822" if has_text else "text/rfc822-headers")
    assert (b"the text of it" in report.envelope.data) == has_text
    assert (report.envelope.size > 45000) == (has_text and lines > 1)
    assert b"Subject: the original\r\n" in report.envelope.data


@pytest.mark.parametrize("notify, wanted", [("never", False), ("success", False), ("delay", False), ("failure", True), (None, True)])
@pytest.mark.parametrize("without", [[], ["DSN"]], ids=["DSN", "no DSN"])
def test_notify_decides_about_a_failure(setup, queued, queue, notify, wanted, without):
    """Also where the server has DSN: it has not taken the message for this one."""
    server, rc = setup(without=without)
    reports = queued(server, rc, *(["-N", notify] if notify else []), "-f", SENDER, "gone@y.test")
    assert len(reports) == wanted and set(queue.places().values()) == {"failed"}


@pytest.mark.parametrize("notify, words", [("never", "no report is wanted"), ("delay", "no report is wanted"), ("failure", "the sender was told")])
def test_show_says_whether_the_sender_knows(setup, queued, queue, run_sendmail, home, notify, words):
    server, rc = setup()
    home(".relayrc", rc)
    queued(server, rc, "-N", notify, "-f", SENDER, "gone@y.test")
    assert f"<gone@y.test> refused; {words}: 127.0.0.1 said: {GONE}\n" in run_sendmail(["queue", "show", *queue.places()], name="relay").out


# -- whom nobody can tell -------------------------------------------------------------------------------------------

def test_there_is_no_report_about_the_null_sender(setup, queued, queue):
    server, rc = setup()
    assert queued(server, rc, "-f", "<>", "gone@y.test") == [] and server.messages == []
    assert set(queue.places().values()) == {"failed"}


def test_there_is_no_report_about_a_report(setup, queued, flush, queue, run_sendmail):
    server, rc = setup(refuse=REFUSE | {SENDER: "550 5.1.1 not here either"})
    assert queued(server, rc, "-f", SENDER, "gone@y.test") == []
    assert sorted(queue.places().values()) == ["failed", "failed"]
    assert flush(server, rc) == [] and len(queue.places()) == 2


def test_a_report_that_nobody_got_stays_for_a_person(setup, queued, flush, queue, tmp_path):
    """The report is given up at once; the mail that it is about stays too, for its sender did not get the report."""
    server, rc = setup({"bounce_queue_lifetime": 0}, refuse=REFUSE | {SENDER: BUSY})
    assert queued(server, rc, "-f", SENDER, "gone@y.test") == []
    [report] = [id for id in queue.places() if "told" not in queue.state(id)["recipient 1"]]
    places = queue.places()
    assert list(places.values()) == ["failed", "failed"]
    assert flush(server, rc) == [] and queue.places() == places
    assert f"{report}: nobody can be told of the failure: it stays in failed/" in (tmp_path / "log").read_text()


def test_mail_stays_as_long_as_its_report_was_not_sent(setup, run_sendmail, flush, queue, waiting, home):
    """The server is down for long: mail is given up, and its report, which has only the header, cannot leave either."""
    server, rc = setup()
    old = time.time() - 30 * 86400
    id = waiting("a@y.test", age=40 * 86400, head="return: headers\n")
    run_sendmail(["-qf"], b"", rc.replace(f"port {server.port}", "port 1"))
    [report] = [i for i in queue.places() if i != id]
    state = queue.path / "state" / id
    assert queue.state(id)["report"] == report and queue.place(id) == "failed"
    home(".relayrc", rc)
    assert f"Report:        {report}, which is in the queue itself\n" in run_sendmail(["queue", "show", id], name="relay").out
    state.write_text(re.sub(r"(?m)^last: \d+.*", f"last: {old:.0f}", state.read_text()))
    for place in ("incoming", "deferred", "hold", "failed"):
        queue.folder(place)
        queue.file(report).rename(queue.path / place / report)
        run_sendmail(["-q"], b"", rc.replace(f"port {server.port}", "port 1"))
        assert queue.place(id) == "failed", place
    queue.file(report).unlink()
    assert flush(server, rc) == [] and queue.places() == {}


@pytest.mark.parametrize("sender", ["root@localhost", "root@localhost.localdomain"])
def test_reports_about_local_senders_go_to_system_mail(setup, queued, sender):
    server, rc = setup({"system_mail": "ops@z.test", "from": None})
    [report] = queued(server, rc, "-f", sender, "gone@y.test")
    assert report.envelope.accepted == ["ops@z.test"] and report.mail["To"] == "ops@z.test"
    assert sender in report.text.get_content()


def test_what_cannot_be_told_stays_and_shows(setup, queued, queue, run_sendmail, tmp_path):
    server, rc = setup({"from": None})
    assert queued(server, rc, "-f", "root@localhost", "gone@y.test") == [] and server.messages == []
    [id] = queue.places()
    assert queue.place(id) == "failed"
    listed = run_sendmail(["-bp"], b"", rc)
    assert id in listed.out and GONE in listed.out
    log = (tmp_path / "log").read_text()
    assert re.search(rf"{id}: to=<gone@y.test>, .* status=bounced", log) and "notification" not in log
    assert f"{id}: nobody can be told" in log


# -- errors that the caller hears of ---------------------------------------------------------------------------------

@pytest.mark.parametrize("mode, is_said, is_mailed", [
    (None, True, False), ("-oep", True, False), ("-oew", True, False), ("-oem", True, True), ("-oee", True, True), ("-oeq", False, False)])
def test_error_mode_decides_how_a_refusal_is_told(setup, run_sendmail, mode, is_said, is_mailed, queue):
    server, rc = setup()
    done = run_sendmail([*([mode] if mode else []), "-f", SENDER, "gone@y.test"], BODY, rc)
    # Who asks for a report with -oee has cared for it: the status is 0.
    assert done.rc == (0 if mode == "-oee" else 67) and (done.err != "") == is_said
    if is_said:
        assert done.err == f"sendmail: gone@y.test: not sent: {GONE}\n"
    if is_mailed:
        server.wait_for("BODY")
    server.settle()
    assert [Report(m).of_one["Action"] for m in server.messages] == ["failed"] * is_mailed
    # What the caller was told of is not kept.
    assert list(queue.places().values()) == ["failed"] * is_mailed


@pytest.mark.parametrize("mode", ["-oem", "-oee"])
def test_error_mode_mail_without_a_queue_is_said(setup, run_sendmail, mode):
    server, rc = setup({"queue": "off"})
    done = run_sendmail([mode, "-f", SENDER, "gone@y.test"], BODY, rc)
    assert (done.rc, done.err) == (67, f"sendmail: gone@y.test: not sent: {GONE}\n") and server.settle().messages == []


def test_oee_fails_when_nobody_can_be_told(setup, run_sendmail):
    server, rc = setup()
    assert run_sendmail(["-oee", "-f", "<>", "gone@y.test"], BODY, rc).rc == 67
    done = run_sendmail(["-oee", "-f", SENDER, "-N", "never", "gone@y.test"], BODY, rc)
    assert done.rc == 0 and server.settle().messages == []


def test_oee_with_several_fates(setup, run_sendmail, queue):
    """One has it, one is kept, one is refused and reported: everyone is cared for."""
    server, rc = setup()
    done = run_sendmail(["-oee", "-f", SENDER, "good@y.test", "busy@y.test", "gone@y.test"], BODY, rc)
    server.wait_for("BODY", nth=2)
    assert done.rc == 0 and [m.accepted for m in server.settle().messages] == [["good@y.test"], [SENDER]]
    assert list(queue.places().values()) == ["deferred"]


# -- the log, and odd text ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind, head, recipient", [("non-delivery", "", "gone@y.test"), ("delay", "", "busy@y.test"),
                                                   ("delivery status", "notify: success\n", "good@y.test")])
def test_reports_are_logged_as_postfix_does(setup, flush, waiting, tmp_path, kind, head, recipient):
    server, rc = setup({"delay_warning_time": "30m"}, without=["DSN"])
    waiting(recipient, head=head)
    reports = flush(server, rc)
    log = (tmp_path / "log").read_text()
    [(about, report)] = re.findall(rf"postfix/bounce\[\d+\]: (\w+): sender {kind} notification: (\w+)\n", log)
    assert re.search(rf"postfix/cleanup\[\d+\]: {report}: message-id={re.escape(reports[0].mail['Message-ID'])}\n", log)
    assert f": {report}: from=<>, size={reports[0].envelope.size}, nrcpt=1 (queue active)\n" in log
    assert f": {report}: to=<{SENDER}>, " in log and f": {about}: to=<{recipient}>, " in log
    assert f"{report}: uid=" not in log


def test_an_answer_cannot_write_into_the_report(setup, queued):
    answer = b"550-5.1.1 first\r\n550 5.1.1 \x1b[2J Action: delivered\xff\x00 " + b"x" * 400 + b"\r\n"
    server, rc = setup(refuse={}, rules=[on("RCPT", reply(answer.replace(b"\0", b"")), conn=0)])
    [report] = queued(server, rc, "-f", SENDER, "gone@y.test")
    assert report.of_one["Action"] == "failed" and len(report.of_one.keys()) == len(set(report.of_one.keys()))
    assert max(map(len, report.envelope.data.split(b"\r\n"))) <= 998
    assert b"\x1b" not in report.envelope.data and report.envelope.data.isascii()


def test_eight_bits_come_back_as_they_were(setup, queued):
    server, rc = setup()
    text = "grün\n".encode()
    body = b"Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + text
    [report] = queued(server, rc, "-f", SENDER, "gone@y.test", body=body)
    assert text.replace(b"\n", b"\r\n") in report.envelope.data and report.envelope.mail_params["BODY"] == "8BITMIME"
    [original] = report.original.get_payload()
    assert original.get_content() == "grün\r\n"
