"""Which account sends to whom: by -a, by the sender, by the recipient, else the default."""
import pytest

from lib.accounts import several, servers_of

RC = """
defaults
host h.test
queue off

account home
from me@home.test

account work
from *@work.test

account chief : work
from chief@home.test

account lists
to lists.example .sub.example list-*@*.example
to one@elsewhere.test, *@moved.test
from lists@home.test

account bob : home
to bob@example.org

account idn : home
to bücher.example

account ascii : home
to xn--mller-kva.example *@*.xn--bcher-kva.test xn--bcher-kva.example

account late : home
to never@lists.example *.shadow.test
to *@lists.example

account default : home
"""


@pytest.fixture
def decided(run_sendmail):
    """decided(*args) -> recipient -> (account, sender), by sendmail -bv"""
    def call(*args, rc=RC, **more):
        done = run_sendmail(["-bv", *args], rc=rc, **more)
        assert (done.rc, done.err) == (0, "")
        found, account, sender = {}, None, None
        for line in done.out.splitlines():
            name, _, value = line.partition(": ")
            if name == "account":
                account = value
            elif name == "sender":
                sender = value.strip("<>")
            elif name == "recipient":
                found[value.strip("<>")] = (account, sender)
        return found
    return call


def account_of(decided, recipient, *args):
    [(account, _)] = decided(*args, recipient).values()
    return account


# -- in which order ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args, recipient, account", [
    ([], "x@other.test", "default"),
    ([], "x@lists.example", "lists"),
    # A sender of another account comes before the recipient …
    (["-f", "me@work.test"], "x@lists.example", "work"),
    (["-f", "chief@home.test"], "x@lists.example", "chief"),
    # … but not when the default has the same line.
    (["-f", "me@home.test"], "x@lists.example", "lists"),
    (["-f", "me@home.test"], "x@other.test", "home"),
    (["-f", "nobody@nowhere.test"], "x@lists.example", "lists"),
    (["-f", "nobody@nowhere.test"], "x@other.test", "default"),
    (["-f", "<>"], "x@lists.example", "lists"),
    (["-f", "<>"], "x@other.test", "default"),
    (["-a", "home", "-f", "me@work.test"], "x@lists.example", "home"),
    (["-a", "default"], "bob@example.org", "default"),
    # Of two accounts the first in the file.
    ([], "never@lists.example", "lists"),
])
def test_the_strongest_reason_counts(decided, args, recipient, account):
    assert account_of(decided, recipient, *args) == account


@pytest.mark.parametrize("header, account", [
    (b"From: me@work.test\n", "work"), (b"From: me@home.test\n", "lists"), (b"", "lists")])
def test_sender_from_the_header(scripted, pki, run_sendmail, tmp_path, header, account):
    server = scripted()
    rc = several(pki, {"work": {"from": "*@work.test"}, "lists": {"to": "lists.example", "from": "me@home.test"}}, "lists",
                 host=server.host, port=server.port, tls="off", logfile=tmp_path / "log", **{"from": "me@home.test"})
    done = run_sendmail(["--read-envelope-from", "x@lists.example"], header + b"\nhi\n", rc)
    assert (done.rc, done.err) == (0, "")
    assert [line[2] for line in servers_of(tmp_path / "log")] == [account]


# -- which recipients ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("recipient, account", [
    ("X@Lists.EXAMPLE", "lists"), ("x@a.lists.example", "default"), ("x@lists.example.test", "default"),
    ("x@notlists.example", "default"),
    ("x@a.sub.example", "lists"), ("x@a.b.sub.example", "lists"), ("x@sub.example", "default"),
    ("x@asub.example", "default"),
    ("list-a@foo.example", "lists"), ("LIST-a@FOO.example", "lists"), ("list@foo.example", "default"),
    ("one@elsewhere.test", "lists"), ("two@elsewhere.test", "default"), ("any@moved.test", "lists"),
    ("bob@example.org", "bob"), ("BOB@Example.org", "bob"), ("bob+detail@example.org", "bob"),
    ("bobby@example.org", "default"), ("bob@sub.example.org", "default"),
    ("info@bücher.example", "idn"), ("info@xn--bcher-kva.example", "idn"), ("info@XN--BCHER-KVA.example", "idn"),
    ("info@BÜCHER.example", "idn"), ("info@a.xn--bcher-kva.example", "default"), ("info@xn--bcherkva.example", "default"),
    ("info@xn--mller-kva.example", "ascii"), ("info@müller.example", "ascii"), ("x@a.xn--bcher-kva.test", "ascii"),
    ("x@a.bücher.test", "ascii"), ("x@bücher.test", "default"), ("x@xn--.example", "default"),
    ('"b o b"@lists.example', "lists"), ("x@[192.0.2.1]", "default"),
])
def test_forms_of_patterns(decided, recipient, account):
    assert account_of(decided, recipient) == account


@pytest.mark.parametrize("pattern", ["me@bücher.test", "me@xn--bcher-kva.test", "*@bücher.test", "*@xn--bcher-kva.test"])
@pytest.mark.parametrize("sender", ["me@bücher.test", "me+x@BÜCHER.test", "me@xn--bcher-kva.test", "me@Xn--Bcher-kva.TEST"])
def test_a_sender_in_both_forms(decided, pattern, sender):
    rc = f"defaults\nhost h.test\naccount one\nfrom {pattern}\naccount default\nfrom a@x.test\n"
    assert account_of(lambda *args: decided(*args, rc=rc), "x@y.test", "-f", sender) == "one"


def test_everybody(decided):
    rc = "defaults\nhost h.test\nfrom a@x.test\naccount all\nto *\naccount other\nto other.test\naccount default : other\n"
    assert decided("x@other.test", "y@any.test", rc=rc) == {r: ("all", "a@x.test") for r in ("x@other.test", "y@any.test")}


def test_without_a_default_every_recipient_must_be_somebodys(decided, run_sendmail):
    rc = "defaults\nhost h.test\nfrom a@x.test\naccount one\nto one.test\naccount two\nto two.test\nfrom b@x.test\n"
    assert decided("x@two.test", "x@one.test", rc=rc) == {"x@one.test": ("one", "a@x.test"), "x@two.test": ("two", "b@x.test")}
    for args in (["-bv"], []):
        done = run_sendmail([*args, "x@one.test", "x@three.test"], b"\nhi\n", rc)
        assert done.rc == 78 and done.err.count("\n") == 1, done.err
        assert "default" in done.err


def test_each_has_its_own_sender(decided):
    assert decided("a@lists.example", "b@other.test", "c@lists.example") == {
        "b@other.test": ("default", "me@home.test"), "a@lists.example": ("lists", "lists@home.test"),
        "c@lists.example": ("lists", "lists@home.test")}


def test_a_sender_that_was_given_is_for_all(decided):
    found = decided("-f", "you@home.test", "a@lists.example", "b@other.test")
    assert {sender for _, sender in found.values()} == {"you@home.test"}


def test_a_null_sender_is_for_all(decided):
    found = decided("-f", "<>", "a@lists.example", "b@other.test")
    assert found == {"b@other.test": ("default", ""), "a@lists.example": ("lists", "")}


# -- local names -----------------------------------------------------------------------------------------------------

def test_local_names_become_addresses_first(decided, home):
    aliases = home("aliases", "root: bob@example.org, x@lists.example\nwww: root\n")
    rc = RC.replace("queue off", f"queue off\naliases {aliases}\nsystem_mail mail@moved.test")
    assert decided("www", rc=rc) == {"x@lists.example": ("lists", "lists@home.test"),
                                     "bob@example.org": ("bob", "me@home.test")}
    assert decided("nobody", rc=rc) == {"mail@moved.test": ("lists", "lists@home.test")}


def test_the_same_recipient_twice(decided):
    assert len(decided("x@lists.example", "x@lists.example")) == 1


# -- what is wrong ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("account, word", [
    ("to x.test\nhost", "host"),
    ("to x.test\nhost h.test\nport 99999", "port"),
    ("to x.test\nhost h.test\nfallback gone", "gone"),
    ("to x.test\nhost h.test\nfallback self", "self"),
    ("to x.test\nhost srv:x.test\nport 25", "srv"),
])
@pytest.mark.parametrize("args", [["a@other.test", "b@x.test"], ["-odq", "a@other.test", "b@x.test"], ["-t"]])
def test_an_account_that_is_needed_is_wrong(scripted, pki, run_sendmail, home, queue, account, word, args):
    """Before anything is sent, to anybody."""
    server = scripted()
    home(".relayrc", several(pki, {"default": {"server": server}}, queue="on") + f"account self\n{account}\n")
    done = run_sendmail(args, b"To: a@other.test\nBcc: b@x.test\n\nhi\n")
    assert done.rc == 78 and done.err.count("\n") == 1 and word in done.err, done.err
    assert ".relayrc:" in done.err
    assert server.connections == [] and queue.places() == {}


def test_an_account_that_is_not_needed_may_be_wrong(scripted, pki, run_sendmail):
    """Its fallback is only looked for when somebody needs it."""
    server = scripted()
    done = run_sendmail(["a@other.test"], b"\nhi\n", several(pki, {
        "default": {"server": server}, "two": {"to": "x.test", "fallback": "gone", "host": "h.test"}}))
    assert (done.rc, done.err) == (0, "")


def test_a_fallback_that_cannot_be_used_as_it_is_written(scripted, pki, run_sendmail):
    """Known before the first server is asked."""
    server = scripted()
    done = run_sendmail(["a@other.test"], b"\nhi\n", several(pki, {
        "default": {"server": server, "fallback": "two"}, "two": {"auth": "on"}}))
    assert done.rc == 78 and done.err.count("\n") == 1
    assert server.connections == []
