"""Several servers for one account: those of `host`, then those of the accounts that `fallback` names.

The next one is tried when a server cannot be used; never because of what it says about the mail, and never when it may
have the message already.
"""
import socket

import pytest

from lib import judge
from lib.accounts import several, servers_of
from lib.hostile import close, on, reply, reply_then_close

TO = ["-i", "r@mail.test"]
LOGIN = {"user": "user@mail.test", "password": "secret", "auth": "plain", "auth_cleartext": "on"}
FIRST, SECOND = "127.0.0.1", "127.0.0.2"


def gone(event, text, **options):
    return {"rules": [on(event, reply_then_close("fin", text), nth=None)]} | options


# Name of the trouble -> options of a server that has it.
TROUBLE = {
    "hangs-up": {"rules": [on("CONNECT", close("fin"))]},
    "resets": {"rules": [on("CONNECT", close("rst"))]},
    "greets-421": gone("GREETING", "421 4.3.2 busy"),
    "greets-450": gone("GREETING", "450 4.3.2 later"),
    "greets-554": gone("GREETING", "554 5.7.1 no service for you"),
    "is-no-smtp": {"rules": [on("GREETING", reply("HTTP/1.1 400 Bad Request"))]},
    "ehlo-421": {"rules": [on("EHLO", reply_then_close("fin", "421 4.3.2 closing"))]},
    "ehlo-lost": {"rules": [on("EHLO", close("fin"))]},
    "ehlo-550": {"rules": [on("EHLO", reply("550 5.7.1 not you")), on("HELO", reply("550 5.7.1 not you"))]},
    "mail-421": {"rules": [on("MAIL", reply_then_close("fin", "421 4.3.2 shutting down"))]},
    "rcpt-421": {"rules": [on("RCPT", reply_then_close("fin", "421 4.3.2 shutting down"))], "without": ["PIPELINING"]},
    "tls-fails": {"tls": "implicit", "rules": [on("HANDSHAKE", close("fin"))]},
    "starttls-gone": {"tls": "starttls", "rules": [on("STARTTLS", reply("454 4.7.0 TLS not available"))]},
    "auth-454": {"auth": ["PLAIN"], "rules": [on("AUTH-END", reply("454 4.7.0 later"), nth=None)]},
    "auth-535": {"auth": ["PLAIN"], "rules": [on("AUTH-END", reply("535 5.7.8 wrong"), nth=None)]},
    "auth-421": {"auth": ["PLAIN"], "rules": [on("AUTH-END", reply_then_close("fin", "421 4.7.0 too often"), nth=None)]},
}


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


def dead_port(host=FIRST):
    """Nobody listens there."""
    with socket.create_server((host, 0)) as listener:
        return listener.getsockname()[1]


def sent_once(done, log, good, account, host=FIRST):
    assert (done.rc, done.err) == (0, "")
    assert [m.accepted for m in good.settle().messages] == [["r@mail.test"]]
    assert good.violations == []
    assert servers_of(log) == [("r@mail.test", host, account, "sent")]


@pytest.mark.parametrize("mode", ["queue", "no-queue"])
@pytest.mark.parametrize("trouble", TROUBLE)
def test_account_that_cannot_be_used(scripted, pki, run_sendmail, log, trouble, mode, tmp_path):
    bad, good = scripted(**TROUBLE[trouble]), scripted()
    settings = {"queue": "on", "queue_directory": tmp_path / "q"} if mode == "queue" else {}
    login = LOGIN if bad.options.auth else {}
    done = run_sendmail(TO, judge.MESSAGE, several(pki, {
        "default": {"server": bad, "fallback": "two", **login}, "two": {"server": good}}, logfile=log, **settings))
    sent_once(done, log, good, "two")
    assert bad.settle().messages == [] and bad.connections != []
    assert mode == "no-queue" or not [f for f in (tmp_path / "q").rglob("*") if f.is_file() and f.stat().st_size]


@pytest.mark.parametrize("trouble", [t for t in TROUBLE if not t.startswith("auth")])
def test_server_that_cannot_be_used(scripted, pki, run_sendmail, log, trouble):
    bad = scripted(**TROUBLE[trouble])
    good = scripted(listen=SECOND, port=bad.port, tls=bad.options.tls,
                    certificate=pki.leaf("second", names=[f"IP:{SECOND}"]))
    done = run_sendmail(TO, judge.MESSAGE, several(pki, {
        "default": {"server": bad, "host": f"{FIRST} {SECOND}"}}, logfile=log))
    sent_once(done, log, good, "default", SECOND)
    assert bad.settle().messages == []


@pytest.mark.parametrize("trouble", [t for t in TROUBLE if t.startswith("auth")])
def test_login_that_fails(scripted, pki, run_sendmail, log, trouble):
    bad = scripted(**TROUBLE[trouble])
    same, good = scripted(listen=SECOND, port=bad.port, auth=["PLAIN"]), scripted()
    done = run_sendmail(TO, judge.MESSAGE, several(pki, {
        "default": {"server": bad, "host": f"{FIRST},{SECOND}", "fallback": "two", **LOGIN}, "two": {"server": good}},
        logfile=log))
    if trouble == "auth-535":
        sent_once(done, log, good, "two")
        assert same.connections == []
    else:       # that is the server's trouble, not the password's
        sent_once(done, log, same, "default", SECOND)


def test_nobody_listens(scripted, pki, run_sendmail, log):
    good = scripted()
    done = run_sendmail(TO, judge.MESSAGE, several(pki, {
        "default": {"host": FIRST, "port": dead_port(), "tls": "off", "fallback": "two"}, "two": {"server": good}},
        logfile=log))
    sent_once(done, log, good, "two")


def test_name_that_does_not_exist(scripted, pki, run_sendmail, log):
    good = scripted()
    done = run_sendmail(TO, judge.MESSAGE, several(pki, {
        "default": {"server": good, "host": f"no-such-host.invalid {FIRST}", "timeout": 5}}, logfile=log))
    sent_once(done, log, good, "default")


def test_certificate_of_somebody_else(scripted, pki, run_sendmail, log):
    bad, good = scripted(tls="implicit", certificate=pki.wrong_name), scripted(tls="implicit")
    done = run_sendmail(TO, judge.MESSAGE, several(pki, {
        "default": {"server": bad, "fallback": "two"}, "two": {"server": good}}, logfile=log))
    sent_once(done, log, good, "two")
    assert bad.settle().commands == []


def test_no_password(scripted, pki, run_sendmail, log):
    """Nothing of the account can be used: its server is not even asked."""
    first, good = scripted(auth=["PLAIN"]), scripted()
    done = run_sendmail(TO, judge.MESSAGE, several(pki, {
        "default": {"server": first, "fallback": "two", **LOGIN, "password": None, "passwordeval": "false"},
        "two": {"server": good}}, logfile=log))
    sent_once(done, log, good, "two")
    assert first.connections == []


# -- what is no reason ---------------------------------------------------------------------------------------------

SAID = {"mail": ("MAIL", "{} sender not wanted"), "rcpt": ("RCPT", "{} not here"), "body": ("BODY", "{} not this")}


@pytest.mark.parametrize("code, status", [("450 4.2.0", 75), ("550 5.7.1", None)])
@pytest.mark.parametrize("place", SAID)
def test_what_is_said_about_the_mail_counts(scripted, pki, run_sendmail, log, place, code, status):
    event, text = SAID[place]
    first, second = scripted(rules=[on(event, reply(text.format(code)))]), scripted()
    third = scripted(listen=SECOND, port=first.port)
    done = run_sendmail(TO, judge.MESSAGE, several(pki, {
        "default": {"server": first, "host": f"{FIRST} {SECOND}", "fallback": "two"}, "two": {"server": second}},
        logfile=log))
    assert done.rc == status if status else done.rc in (65, 67, 69)
    judge.words(done.err, 1)
    assert second.connections == third.connections == []
    assert servers_of(log) == [("r@mail.test", FIRST, "default", "deferred" if status else "bounced")]


@pytest.mark.parametrize("queue_is", ["on", "off"])
def test_lost_after_the_end_of_the_message(scripted, pki, run_sendmail, home, queue, log, queue_is):
    """It may have arrived: another server must not get it at once."""
    first, second = scripted(rules=[on("BODY", close("fin"), conn=0)]), scripted()
    home(".relayrc", several(pki, {"default": {"server": first, "fallback": "two"}, "two": {"server": second}},
                             logfile=log, queue=queue_is))
    done = run_sendmail(TO, judge.MESSAGE)
    assert second.connections == []
    assert servers_of(log) == [("r@mail.test", FIRST, "default", "deferred")]
    if queue_is == "off":
        assert done.rc == 75 and judge.MAYBE in done.err
        return
    assert (done.rc, done.err) == (0, "") and list(queue.places().values()) == ["deferred"]
    assert run_sendmail(["-qf"]).rc == 0
    assert len(first.settle().messages) == 2 and second.connections == [] and queue.places() == {}


def test_lost_in_the_middle_of_the_message(scripted, pki, run_sendmail, log):
    """The server was reached and began with it: the fallback is for servers that cannot be used."""
    first, second = scripted(rules=[on("IN-BODY", close("rst"), nth=None, at=1000)]), scripted()
    done = run_sendmail(TO, judge.MESSAGE, several(pki, {
        "default": {"server": first, "fallback": "two"}, "two": {"server": second}}, logfile=log))
    # It happens again and again: then it is as good as down.
    assert (done.rc, second.settle().connections == []) in [(75, True), (0, False)]
    assert len(second.messages) <= 1


# -- all of them ---------------------------------------------------------------------------------------------------

def all_down(pki, scripted, log, **settings):
    one, two = scripted(**TROUBLE["greets-421"]), dead_port()
    three = scripted(auth=["PLAIN"], users={})
    return several(pki, {
        "default": {"server": one, "fallback": "two"},
        "two": {"host": SECOND, "port": two, "tls": "off", "fallback": "three"},
        "three": {"server": three, **LOGIN}}, logfile=log, **settings)


def test_all_are_down(scripted, pki, run_sendmail, log):
    done = run_sendmail(TO, judge.MESSAGE, all_down(pki, scripted, log))
    assert done.rc == 75
    judge.words(done.err, 1)
    where = [done.err.find(word) for word in ("account default: ", "421 4.3.2 busy", "; account two: ", SECOND,
                                              "refused", "; account three: login at ", "535")]
    assert -1 not in where and where == sorted(where), done.err
    assert [line[2:] for line in servers_of(log)] == [("three", "deferred")]


def test_all_are_down_and_it_waits(scripted, pki, run_sendmail, home, queue, log):
    home(".relayrc", all_down(pki, scripted, log, queue="on"))
    done = run_sendmail(TO, judge.MESSAGE)
    assert (done.rc, done.err) == (0, "")
    [(id, place)] = queue.places().items()
    assert place == "deferred"
    reason = queue.state(id)["recipient 1"]
    assert "421 4.3.2 busy" in reason and "account two" in reason and "account three" in reason


def test_three_in_a_row_and_the_last_has_it(scripted, pki, run_sendmail, log):
    one, good = scripted(**TROUBLE["greets-421"]), scripted()
    done = run_sendmail(TO, judge.MESSAGE, several(pki, {
        "default": {"server": one, "fallback": "two, three"},
        "two": {"host": SECOND, "port": dead_port(), "tls": "off"},
        "three": {"server": good}}, logfile=log))
    sent_once(done, log, good, "three")


# -- the fallback account has settings of its own --------------------------------------------------------------------

def test_fallback_with_its_own_login_tls_and_port(scripted, pki, run_sendmail, log):
    bad = scripted(**TROUBLE["greets-421"], auth=["PLAIN"])
    good = scripted(tls="starttls", auth=["SCRAM-SHA-256"], users={"other@mail.test": "different"})
    done = run_sendmail(TO, judge.MESSAGE, several(pki, {
        "default": {"server": bad, "fallback": "two", **LOGIN},
        "two": {"server": good, "user": "other@mail.test", "password": "different", "auth": "on"}}, logfile=log))
    sent_once(done, log, good, "two")
    assert good.connections[0].auth_user == "other@mail.test"
    assert good.connections[0].tls_version


def test_the_sender_stays_that_of_the_account(scripted, pki, run_sendmail, log):
    """The message was made for the first account; only the way is another."""
    bad, good = scripted(**TROUBLE["greets-421"]), scripted()
    done = run_sendmail(TO, b"Subject: x\n\nhi\n", several(pki, {
        "default": {"server": bad, "from": "one@mail.test", "fallback": "two"},
        "two": {"server": good, "from": "two@mail.test"}}, logfile=log))
    sent_once(done, log, good, "two")
    assert good.messages[0].sender == "one@mail.test"
    assert b"From: one@mail.test" in good.messages[0].data


# -- what is said when all of them fail --------------------------------------------------------------------------------

@pytest.mark.parametrize("settings, other, status", [
    ({"source_ip": "::1"}, {}, 75),                     # wrong settings, but the other account may be up later
    ({}, {"source_ip": "::1"}, 75),
    ({"source_ip": "::1"}, {"source_ip": "::1"}, 78),
])
def test_the_status_is_of_what_can_pass_by_itself(scripted, pki, run_sendmail, settings, other, status):
    bad = scripted(**TROUBLE["greets-421"])
    done = run_sendmail(TO, judge.MESSAGE, several(pki, {
        "default": {"server": bad, "fallback": "two", **settings}, "two": {"server": bad, **other}}))
    assert done.rc == status
    assert done.err.count("\n") == 1 and done.err.index("account default: ") < done.err.index("; account two: ")


def test_one_line_has_as_many_as_fit(pki, run_sendmail):
    hosts = [f"n{n:02}-{'x' * 50}.invalid" for n in range(20)]
    text = several(pki, {"default": {"host": " ".join(hosts), "tls": "off", "port": 9, "timeout": 5}})
    done = run_sendmail(TO, judge.MESSAGE, text)
    assert done.rc == 75 and done.err.count("\n") == 1
    told = [host for host in hosts if host in done.err]
    assert 5 < len(told) < 20 and done.err.endswith(f"; and {20 - len(told)} more\n") and "; ;" not in done.err
    lines = run_sendmail(["-v", *TO], judge.MESSAGE, text).err.splitlines()
    said = [line for line in lines if line.startswith("sendmail: account default: cannot resolve ") and "; " not in line]
    assert [host for host in hosts if any(host in line for line in said)] == hosts


def test_verbose_says_which_one_is_tried_before_it_answers(scripted, pki, run_sendmail):
    bad, good = scripted(**TROUBLE["greets-421"]), scripted()
    done = run_sendmail(["-v", *TO], judge.MESSAGE, several(pki, {
        "default": {"server": bad, "fallback": "two"}, "two": {"server": good}}))
    assert done.rc == 0
    at = [done.err.index(f"-- connecting to {FIRST} port {server.port}\n") for server in (bad, good)]
    assert at[0] < done.err.index("<- 421 4.3.2 busy") < done.err.index("account default: greeting: 421") < at[1]
