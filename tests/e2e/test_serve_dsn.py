"""sendmail -bs: RFC 3461's wishes, each recipient's its own: passed on, kept in the queue, and heard when reports are made."""
import pytest

from lib.serving import ended, kept, queue, run, talk

GONE = "550 5.1.1 no such user"


def letter(raw, *recipients, mail=""):
    """A message for recipients with their parameters -> the reply to its end."""
    raw.send("EHLO me\r\nMAIL FROM:<s@x.test>" + mail + "\r\n" + "".join(f"RCPT TO:{r}\r\n" for r in recipients) +
             "DATA\r\nSubject: x\r\n\r\nhi\r\n.\r\n")
    said = raw.replies(len(recipients) + 4)
    assert [r[:3] for r in said[:-1]] == ["250"] * (len(recipients) + 2) + ["354"]
    return said[-1]


def wishes(message):
    return dict(zip(message.recipients, ({k: v for k, v in p.items() if k in ("NOTIFY", "ORCPT")}
                                         for p in message.rcpt_params)))


def test_parameters_are_passed_on(talk, scripted, relayrc):
    server = scripted()
    raw = talk("tcp", relayrc(server))
    assert letter(raw, "<b@x.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob+2B@y.test", "<a@x.test> NOTIFY=DELAY",
                  "<c@x.test> NOTIFY=NEVER", "<d@x.test>", mail=" RET=HDRS ENVID=QQ+2B1").startswith("250 ")
    assert ended(raw)
    message, = server.settle().messages
    assert server.violations == []
    assert message.mail_params["RET"] == "HDRS" and message.mail_params["ENVID"] == "QQ+2B1"
    assert wishes(message) == {
        "b@x.test": {"NOTIFY": "SUCCESS,FAILURE", "ORCPT": "rfc822;bob+2B@y.test"},
        "a@x.test": {"NOTIFY": "DELAY", "ORCPT": "rfc822;a@x.test"},
        "c@x.test": {"NOTIFY": "NEVER", "ORCPT": "rfc822;c@x.test"},
        "d@x.test": {"ORCPT": "rfc822;d@x.test"}}


@pytest.mark.parametrize("envid,words", [("x" * 101, "more than 100 characters"), ("a+07", "not printable ASCII"),
                                         ("a+C3+B6", "not printable ASCII"), ("a+2", "not xtext")])
def test_an_envelope_identifier_that_cannot_be_sent(talk, relayrc, envid, words):
    raw = talk("pipe", relayrc(host="mail.test"))
    said = raw.say(f"MAIL FROM:<s@x.test> ENVID={envid}")
    assert said.startswith("501 5.5.4 ENVID: ") and words in said and ended(raw)


@pytest.mark.parametrize("with_queue", ["on", "off"])
@pytest.mark.parametrize("envid,words", [("x" * 101, "more than 100 characters"), ("a\x07", "not printable ASCII"),
                                         ("ö", "not printable ASCII")])
def test_the_option_has_the_same_rule(relayrc, run_sendmail, tmp_path, with_queue, envid, words):
    rc = relayrc(host="127.0.0.1", port=9, tls="off", queue=with_queue, queue_directory=tmp_path / "queue")
    done = run_sendmail(["-V", envid, "a@x.test"], b"\n", rc)
    assert done.rc == 64 and done.err.startswith("sendmail: -V: ") and words in done.err and done.err.count("\n") == 1


def test_who_asks_for_nothing_sends_nothing(talk, scripted, relayrc):
    server = scripted()
    raw = talk("pipe", relayrc(server))
    letter(raw, "<a@x.test>", "<b@x.test> NOTIFY=NEVER")
    assert ended(raw)
    assert wishes(server.settle().messages[0]) == {"a@x.test": {}, "b@x.test": {"NOTIFY": "NEVER", "ORCPT": "rfc822;b@x.test"}}


def test_the_option_and_the_setting_count_for_who_says_nothing(talk, scripted, relayrc):
    server = scripted()
    raw = talk("pipe", relayrc(server, dsn_notify="failure"), "-N", "delay")
    letter(raw, "<a@x.test>", "<b@x.test> NOTIFY=NEVER")
    assert ended(raw)
    assert {r: w["NOTIFY"] for r, w in wishes(server.settle().messages[0]).items()} == {"a@x.test": "DELAY", "b@x.test": "NEVER"}


@pytest.mark.parametrize("said,expected", [
    (["NOTIFY=NEVER", "NOTIFY=DELAY"], {"DELAY"}),
    (["NOTIFY=SUCCESS", "NOTIFY=DELAY"], {"SUCCESS", "DELAY"}),
    (["", "NOTIFY=NEVER"], {"FAILURE"}),
    (["NOTIFY=SUCCESS", ""], {"SUCCESS", "FAILURE"}),
    (["NOTIFY=NEVER", "NOTIFY=NEVER"], {"NEVER"}),
])
def test_a_recipient_that_is_named_twice_loses_no_report(talk, scripted, relayrc, said, expected):
    server = scripted()
    raw = talk("pipe", relayrc(server))
    letter(raw, "<z@x.test>", *(f"<a@x.test> {s}" for s in said))
    assert ended(raw)
    message, = server.settle().messages
    assert message.recipients == ["z@x.test", "a@x.test"]
    assert set(wishes(message)["a@x.test"]["NOTIFY"].split(",")) == expected


def test_each_reader_of_a_local_name_gets_its_wish(talk, scripted, relayrc, tmp_path):
    (tmp_path / "aliases").write_text("root: one@y.test, two@y.test\n")
    server = scripted()
    raw = talk("pipe", relayrc(server, aliases=tmp_path / "aliases", system_mail="me@y.test"))
    letter(raw, "<root> NOTIFY=SUCCESS ORCPT=rfc822;boss@x.test", "<a@x.test>", "<joe@localhost> NOTIFY=NEVER")
    assert ended(raw)
    boss = {"NOTIFY": "SUCCESS", "ORCPT": "rfc822;boss@x.test"}
    assert wishes(server.settle().messages[0]) == {
        "one@y.test": boss, "two@y.test": boss, "a@x.test": {}, "me@y.test": {"NOTIFY": "NEVER", "ORCPT": "rfc822;joe@localhost"}}


def test_the_queue_keeps_them(talk, scripted, kept, queue, home, run_sendmail):
    server = scripted()
    home(".relayrc", kept(server))
    raw = talk("pipe", kept(server), "-odq")
    assert letter(raw, "<a@x.test> NOTIFY=NEVER", "<b@x.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;c+2B@y.test", "<d@x.test>")[:4] == "250 "
    assert ended(raw)
    id, = queue.places()
    head = queue.path.joinpath("deferred", id).read_text().partition("\n\n")[0].splitlines()
    assert [line for line in head if line.startswith(("recipient", "notify"))] == [
        "recipient: <a@x.test> notify=never orcpt=rfc822;a@x.test",
        "recipient: <b@x.test> notify=failure,delay orcpt=rfc822;c+@y.test", "recipient: <d@x.test>"]
    shown = run_sendmail(["queue", "show", id], name="relay")
    assert [line.split(":", 1)[1].strip() for line in shown.out.splitlines() if line.startswith("Reports on")] == [
        "never", "failure, delay"]
    assert run_sendmail(["-qf"], rc=kept(server)).rc == 0
    assert wishes(server.settle().messages[0]) == {
        "a@x.test": {"NOTIFY": "NEVER", "ORCPT": "rfc822;a@x.test"},
        "b@x.test": {"NOTIFY": "FAILURE,DELAY", "ORCPT": "rfc822;c+2B@y.test"}, "d@x.test": {}}


@pytest.mark.parametrize("without", [[], ["DSN"]], ids=["DSN", "no DSN"])
def test_a_report_names_those_alone_whose_sender_wants_to_hear_it(talk, scripted, kept, queue, run_sendmail, without):
    """Two are refused, and one of them is nobody's business; a server without DSN confirms nothing, so we do for one."""
    server = scripted(refuse=dict.fromkeys(["no@x.test", "quiet@x.test"], GONE), without=without)
    raw = talk("pipe", kept(server), "-odq")
    letter(raw, "<no@x.test>", "<quiet@x.test> NOTIFY=NEVER", "<good@x.test> NOTIFY=SUCCESS", "<fine@x.test>")
    assert ended(raw)
    id, = queue.places()
    assert run_sendmail(["-qf"], rc=kept(server)).rc == 0
    sent, *reports = server.settle().messages
    assert sent.accepted == ["good@x.test", "fine@x.test"]
    named = [[line.split("; ")[1] for line in m.data.decode().split("\r\n") if line.startswith("Final-Recipient: ")] for m in reports]
    assert sorted(named) == sorted([["no@x.test"]] + ([["good@x.test"]] if without else []))
    assert queue.places() == {id: "failed"}
    assert [queue.state(id)[f"recipient {n}"].split()[:2] for n in (1, 2)] == [["refused", "told"]] * 2


def test_a_refusal_that_nobody_wants_to_hear_of_is_no_report(talk, scripted, kept, queue):
    """One has it, so the answer is 250; the other's sender said NEVER."""
    server = scripted(refuse={"quiet@x.test": GONE})
    raw = talk("pipe", kept(server))
    said = letter(raw, "<quiet@x.test> NOTIFY=NEVER", "<good@x.test>")
    assert said.startswith("250 2.0.0 ") and "1 of 2 recipients failed" in said and "report" not in said
    assert ended(raw)
    assert [m.accepted for m in server.settle().messages] == [["good@x.test"]]


def test_the_warning_of_a_delay_is_each_recipients_own(scripted, kept, queue, run_sendmail, tmp_path):
    server = scripted(refuse=dict.fromkeys(["late@x.test", "quiet@x.test"], "450 4.2.0 later"), without=["DSN"])
    rc = kept(server, delay_warning_time="1s")
    file = queue.file(queue.put("deferred", "s@x.test", ["late@x.test", "quiet@x.test"], head="config: " + str(tmp_path / "relayrc") + "\n"))
    file.write_bytes(file.read_bytes().replace(b"<quiet@x.test>", b"<quiet@x.test> notify=failure"))
    assert run_sendmail(["-qf"], rc=rc).rc == 0
    report, = server.settle().messages
    assert b"\r\nFinal-Recipient: rfc822; late@x.test\r\n" in report.data and b"quiet@x.test" not in report.data
    assert "yes" == queue.state(file.name)["warned"]
