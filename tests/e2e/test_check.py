"""`relay check` and `sendmail -P`: the settings in force, where they come from, and no secret. Settings as options."""
import re

import pytest

from test_config import ACCOUNTS, settings

RC = """host mail.test
from me@mail.test
user me@mail.test
password hushhush
set_from_header on
logfile ~/log
"""


def test_relay_check_shows_values_and_origins(home, run_sendmail):
    file = home(".relayrc", RC)
    done = run_sendmail(["check", "--offline"], name="relay")
    assert (done.rc, done.err) == (0, "")
    found = settings(done.out)
    expected = {"account": "default", "host": "mail.test", "from": "me@mail.test", "user": "me@mail.test",
                "password": "********", "set_from_header": "on"}
    lines = [1, 1, 2, 3, 4, 5]
    assert {k: found[k] for k in expected} == {k: (v, f"{file}:{n}") for (k, v), n in zip(expected.items(), lines)}
    assert found["logfile"][0].endswith("/home/log")
    # Defaults that depend on other settings are shown as they are.
    assert (found["port"], found["tls"], found["tls_starttls"], found["auth"]) == (
        ("465", "default"), ("on", "default"), ("off", "default"), ("on", "default"))
    assert "hushhush" not in done.out


@pytest.mark.parametrize("args", [["-n"], ["-f", "x@y.test"], ["-t"], ["-bp"], ["x@y.test"]], ids=" ".join)
def test_relay_check_says_which_options_it_has(run_sendmail, args):
    done = run_sendmail(["check", "--offline", *args], name="relay")
    assert done.rc == 64 and done.out == "" and done.err.startswith("relay check: only -C FILE, -a ACCOUNT, --json, ")


def test_relay_check_shows_every_account_or_one(home, run_sendmail):
    home(".relayrc", ACCOUNTS)
    done = run_sendmail(["check", "--offline"], name="relay")
    blocks = [settings(block) for block in done.out.split("\n\n")]
    assert [b["account"][0] for b in blocks] == ["home", "work", "both", "default"]
    assert [b["host"][0] for b in blocks] == ["home.test", "work.test", "work.test", "home.test"]
    one = run_sendmail(["check", "-a", "work", "--offline"], name="relay")
    assert settings(one.out) == blocks[1]
    assert settings(run_sendmail(["-P", "-a", "work"]).out) == blocks[1]


def test_what_relay_check_prints_is_a_configuration(home, run_sendmail):
    home(".relayrc", RC.replace("password", "passwordeval echo"))
    first = run_sendmail(["check", "--offline"], name="relay")
    home(".relayrc", first.out)
    second = run_sendmail(["check", "--offline"], name="relay")
    assert (first.rc, second.rc) == (0, 0)
    values = [{k: v for k, (v, _) in settings(done.out).items()} for done in (first, second)]
    assert values[0] == values[1]


def test_relay_check_reports_an_error_and_the_file(home, run_sendmail):
    file = home(".relayrc", RC + "hots x\n")
    done = run_sendmail(["check", "--offline"], name="relay")
    assert done.rc == 78
    assert done.err == f'{file}:7: error: hots: unknown setting; did you mean "host"?\n' and done.out == ""


def test_relay_check_reports_every_account_that_cannot_work(home, run_sendmail):
    file = home(".relayrc", "account a\nfrom a@x.test\naccount b : a\nhost b.test\nauth on\naccount default : b\nauth off\n")
    done = run_sendmail(["check", "--offline"], name="relay")
    assert done.rc == 78 and [line.split("; ")[0] for line in done.err.splitlines()] == [
        f"{file}:1: error: account a: host: the account has no server",
        f"{file}:5: error: account b: auth: a login needs a user"]
    assert [settings(block)["account"][0] for block in done.out.split("\n\n")] == ["a", "b", "default"]


@pytest.mark.parametrize("args,status", [(["help"], 0), (["--help"], 0), (["version"], 0), ([], 0), (["chekc"], 64),
                                         (["check", "-Q"], 64), (["check", "-a", "none"], 78),
                                         *(([word, "--help"], 0) for word in ("check", "import", "password", "queue", "route"))])
def test_relay_commands(home, run_sendmail, args, status):
    home(".relayrc", RC)
    done = run_sendmail(args, name="relay")
    assert done.rc == status
    assert done.err.startswith("relay") if status else (done.out and not done.err)
    assert done.err.count("\n") == bool(status)


OPTIONS = [
    (["--port=2525"], "port", "2525"), (["--tls=off", "--auth=off"], "tls", "off"), (["--tls"], "tls", "on"),
    (["--tls-starttls=on"], "tls_starttls", "on"), (["--timeout=9"], "timeout", "9"), (["--auth=login,plain"], "auth", "login plain"),
    (["-X", "/x/log"], "logfile", "/x/log"), (["--logfile=/x/log"], "logfile", "/x/log"), (["-N", "never"], "dsn_notify", "never"),
    (["-R", "hdrs"], "dsn_return", "headers|hdrs"), (["--user=other"], "user", "other"),
    (["--port=1", "--port=2"], "port", "2"), (["--domain=me.test"], "domain", "me.test"),
]


@pytest.mark.parametrize("args,key,value", OPTIONS, ids=lambda v: str(v))
def test_settings_as_options_win(run_sendmail, args, key, value):
    done = run_sendmail([*args, "-P"], rc=RC)
    found, origin = settings(done.out)[key]
    assert (done.rc, origin) == (0, "command line") and found in value.split("|")


@pytest.mark.parametrize("args", [["--port=99999"], ["--tls=perhaps"], ["-N", "sometimes"], ["-R", "all"], ["--fallback=x"],
                                  ["--password=hushhush"], ["--tls_starttls=on"], ["--nosuch=x"], ["--host=a /b"], ["--user"]])
def test_wrong_options_are_usage_errors(run_sendmail, args):
    done = run_sendmail([*args, "a@x.test"], b"\n", RC)
    if args == ["--user"]:
        assert done.rc != 0     # a login without a user name
    else:
        assert done.rc == 64
    assert re.fullmatch("sendmail: [^\n]+\n", done.err) and "hushhush" not in done.err


def test_host_as_option_needs_no_file(submit, run_sendmail, scripted):
    server = scripted()
    done = run_sendmail(["--host=127.0.0.1", f"--port={server.port}", "--tls=off", "-f", "me@x.test", "a@x.test"], b"\n")
    assert (done.rc, done.err) == (0, "")
    assert [m.sender for m in server.settle().messages] == ["me@x.test"]


def test_pretend_and_bv_send_nothing(submit):
    for option in ("-P", "--pretend", "-bv"):
        done, server = submit([option, "a@x.test", "Name <b@x.test>"], b"Subject: x\n\n")
        assert (done.rc, done.err, server.connections) == (0, "", [])
    assert done.out.splitlines()[:4] == ["account: default", "sender: <sender@mail.test>", "recipient: <a@x.test>",
                                         "recipient: <b@x.test>"]


@pytest.mark.parametrize("setting", ["tls_trust_file /nowhere", "tls_crl_file /nowhere", "tls_priorities NONSENSE",
                                     "aliases /nowhere", "user u\npassword_file /nowhere"])
def test_check_reads_the_files_a_mail_would_need(home, run_sendmail, setting):
    file = home(".relayrc", f"host h.test\nfrom me@h.test\n{setting}\n")
    done = run_sendmail(["check", "--offline"], name="relay")
    line, key = 2 + len(setting.splitlines()), setting.splitlines()[-1].split()[0]
    assert done.rc == 78 and done.err.count("\n") == 1
    assert done.err.startswith(f"{file}:{line}: error: account default: {key}: ") and "host h.test" in done.out.replace("\t", " ")
