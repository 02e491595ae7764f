"""relay route, and sendmail -bv: what would be done with a recipient, without doing it."""
import re

import pytest

RC = """defaults
queue off

account work
host smtp.work.test
tls_starttls on
from *@work.test

account lists
host one.test two.test srv:three.test
to lists.example *@*.lists.example
from lists@home.test
fallback spare, unsafe

account spare
host spare.test
port 2465
from spare@home.test
set_from_header on

account unsafe
socket /run/lmtp.sock
protocol lmtp
from other@home.test
to local.test

account open
host old.test
port 25
tls off
to old.test
from old@home.test

account default : work
from me@home.test
"""


@pytest.fixture
def route(run_sendmail, tmp_path):
    file = tmp_path / "rc"
    file.touch(0o600)
    file.write_text(RC)

    def call(*args, rc=RC, **more):
        file.write_text(rc)
        return run_sendmail(["route", "-C", str(file), *args], name="relay", **more)
    call.line = lambda text: f"{file}:{RC[:RC.index(text)].count(chr(10)) + 1}"
    return call


def lines(done):
    assert (done.rc, done.err) == (0, "")
    return done.out.splitlines()


def test_every_line(route):
    assert lines(route("Ann@Lists.Example", "x@other.test")) == [
        "Ann@Lists.Example",
        f"  account   lists: to lists.example ({route.line('to lists.example')})",
        "  sender    <lists@home.test>",
        "  From      what the message has; without one me@home.test",
        "  server    one.test, port 465, TLS from the start",
        "  or        two.test, port 465, TLS from the start",
        "  or        whatever DNS names for three.test (_submissions._tcp, _submission._tcp)",
        "  fallback  account spare: spare.test, port 2465, TLS from the start",
        "  fallback  account unsafe: /run/lmtp.sock",
        "x@other.test",
        "  account   default: no other takes the sender or the recipient",
        "  sender    <me@home.test>",
        "  From      what the message has; without one me@home.test",
        "  server    smtp.work.test, port 587, STARTTLS",
    ]


@pytest.mark.parametrize("args, account, sender", [
    (["-a", "spare", "x@lists.example"], "spare: named with -a", "spare@home.test"),
    (["-f", "boss@work.test", "x@lists.example"], "work: from *@work.test ({from *@work.test})", "boss@work.test"),
    (["-f", "<>", "x@a.lists.example"], "lists: to *@*.lists.example ({to lists.example})", ""),
    (["x@local.test"], "unsafe: to local.test ({to local.test})", "other@home.test"),
])
def test_why(route, args, account, sender):
    for text in ("from *@work.test", "to lists.example", "to local.test"):
        account = account.replace("{" + text + "}", route.line(text))
    found = lines(route(*args))
    assert found[1:3] == [f"  account   {account}", f"  sender    <{sender}>"]


def test_from_that_is_always_replaced(route):
    assert "  From      spare@home.test, in the place of any other" in lines(route("-a", "spare", "x@y.test"))


def test_without_tls(route):
    assert "  server    old.test, port 25, no TLS" in lines(route("x@old.test"))


def test_who_stands_behind_a_name(route, home):
    aliases = home("aliases", "root: x@lists.example, postmaster\npostmaster: me@old.test\nnobody: /dev/null\n")
    rc = RC.replace("queue off", f"queue off\naliases {aliases}")
    found = [line for line in lines(route("root", rc=rc)) if not line.startswith(" ")]
    assert found == ["x@lists.example, for root", "me@old.test, for root"]
    assert lines(route("nobody", rc=rc)) == ["nobody", "  thrown away, as the aliases say"]


def test_without_a_file(route, run_sendmail):
    done = run_sendmail(["route", "--host=h.test", "--from=a@x.test", "x@y.test"], name="relay")
    assert lines(done)[1] == "  account   default: the only one"
    done = run_sendmail(["route", "x@y.test"], name="relay", env={"RELAY_HOST": "h.test", "RELAY_FROM": "a@x.test"})
    assert lines(done)[4] == "  server    h.test, port 465, TLS from the start"


@pytest.mark.parametrize("args, status, words", [
    ([], 64, "usage: relay route [-a account] [-f sender] [-C file] address…"),
    (["-t"], 64, "usage: relay route"),
    (["-q"], 64, "usage: relay route"),
    (["--nonsense", "x@y.test"], 64, "--nonsense"),
    (["x y z"], 65, "x y z"),
    (["-a", "spar", "x@y.test"], 78, "spar"),
    (["-C", "/nonexistent/rc", "x@y.test"], 78, "/nonexistent/rc"),
])
def test_what_is_wrong(route, args, status, words):
    done = route(*args)
    assert done.rc == status and done.out == ""
    assert done.err.startswith("relay route: ") and done.err.count("\n") == 1 and words in done.err


@pytest.mark.parametrize("change, words", [
    (("fallback spare, unsafe", "fallback spare, gone"), ["fallback", "gone"]),
    (("port 2465", "port 2465\nfallback lists"), ["fallback", "lists -> spare -> lists"]),
    (("host spare.test\n", ""), ["account has no server"]),
])
def test_an_account_that_cannot_be_used(route, change, words):
    done = route("x@lists.example", rc=RC.replace(*change))
    assert done.rc == 78 and done.err.count("\n") == 1
    for word in words:
        assert word in done.err


def test_nothing_is_sent_or_asked(route, run_sendmail, environment, tmp_path):
    import os
    route("x@lists.example")
    assert os.listdir(environment["HOME"]) == []


def test_verify(run_sendmail):
    """The reason stands below the recipients that share it."""
    done = run_sendmail(["-bv", "x@lists.example", "y@other.test", "z@lists.example", "q@a.lists.example"], rc=RC)
    assert (done.rc, done.err) == (0, "")
    assert re.sub(r"/\S*/relayrc", "relayrc", done.out).splitlines() == [
        "account: default", "sender: <me@home.test>", "recipient: <y@other.test>",
        "why: no other takes the sender or the recipient", "From: what the message has; without one me@home.test",
        "server: smtp.work.test, port 587, STARTTLS",
        "account: lists", "sender: <lists@home.test>", "recipient: <x@lists.example>", "recipient: <z@lists.example>",
        "why: to lists.example (relayrc:11)", "recipient: <q@a.lists.example>", "why: to *@*.lists.example (relayrc:11)",
        "From: what the message has; without one me@home.test", "server: one.test, port 465, TLS from the start",
        "or: two.test, port 465, TLS from the start",
        "or: whatever DNS names for three.test (_submissions._tcp, _submission._tcp)",
        "fallback: account spare: spare.test, port 2465, TLS from the start", "fallback: account unsafe: /run/lmtp.sock"]


def test_no_from_is_added(run_sendmail):
    done = run_sendmail(["-bv", "x@y.test"], rc="host h.test\nfrom me@h.test\nset_from_header off\n")
    assert "\nFrom: what the message has; without one it gets none\n" in done.out
