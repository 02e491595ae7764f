"""relayrc from outside: which file is read, which account is used, what is refused, what `relay check` shows, and what an
odd environment (none at all, a user without a name) changes.

`sendmail -P` prints the settings in force, so most of this needs no server.
"""
import os
import re
import shutil
import subprocess

from pathlib import Path

import pytest

SHORT = "host mail.test\nfrom me@mail.test\n"
NOBODY = 54321      # a user without a passwd entry


def settings(text):
    """What -P and `relay check` print, as {setting: (value, origin)}."""
    found = {}
    for line in text.splitlines():
        setting, origin = line.split("\t# ")
        key, _, value = setting.partition(" ")
        found[key] = (value, origin)
    return found


@pytest.fixture
def pretend(run_sendmail):
    def call(*args, rc=None, **kwargs):
        done = run_sendmail(["-P", *args], rc=rc, **kwargs)
        assert (done.rc, done.err) == (0, "")
        return settings(done.out)
    return call


def host_of(found):
    return found["host"][0]


# -- which file -----------------------------------------------------------------------------------------------------

def test_files_and_their_order(home, pretend, run_sendmail, tmp_path):
    (tmp_path / "given").write_text("host given.test\n")
    (tmp_path / "given").chmod(0o600)
    xdg = {"XDG_CONFIG_HOME": str(tmp_path / "home/xdg")}
    assert run_sendmail(["-P"]).rc == 78
    home(".config/relay/relayrc", "host config.test\n")
    assert host_of(pretend()) == "config.test"
    home("xdg/relay/relayrc", "host xdg.test\n")
    assert host_of(pretend(env=xdg)) == "xdg.test"
    # Not absolute: must be ignored (XDG Base Directory Specification).
    assert host_of(pretend(env={"XDG_CONFIG_HOME": "home/xdg"})) == "config.test"
    home(".relayrc", "host home.test\n")
    assert host_of(pretend(env=xdg)) == "home.test"
    assert host_of(pretend("-C", tmp_path / "given")) == "given.test"
    assert host_of(pretend(f"--file={tmp_path}/given")) == "given.test"
    assert host_of(pretend("-C", "given")) == "given.test"
    assert host_of(pretend("--host=option.test")) == "option.test"


def test_no_file_says_what_to_do(run_sendmail):
    done = run_sendmail(["a@x.test"], b"\n")
    assert done.rc == 78 and re.fullmatch(r"sendmail: no configuration: .*\.relayrc.*\n", done.err)


@pytest.fixture
def etc(tmp_path, relay, run_sendmail):
    """etc(relayrc, args, mode=…): a call that sees another /etc, with this relayrc, in a mount namespace of its own."""
    folder = tmp_path / "etc"
    folder.mkdir()
    for name in ("passwd", "group", "hosts", "nsswitch.conf"):
        if os.path.exists(f"/etc/{name}"):
            shutil.copy(f"/etc/{name}", folder)
    with open(folder / "group", "a") as group:
        group.write("relay:x:54399:\n")
    script = 'mount --bind "$1" /etc && shift && exec "$@"'
    if subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", folder, "true"], capture_output=True).returncode:
        pytest.skip("cannot make a mount namespace here: /etc/relayrc is not tested")

    def call(text, args, mode=0o644, group=0, uid=0):
        file = folder / "relayrc"
        file.write_text(text)
        os.chown(file, 0, group)
        file.chmod(mode)
        inner = ["setpriv", f"--reuid={uid}", "--regid=54300", "--clear-groups"] if uid else []
        return run_sendmail(["-m", "sh", "-c", script, "sh", folder, *inner, relay, *args], executable="/usr/bin/unshare")
    return call


def test_system_file(etc, home):
    done = etc("host etc.test\n", ["-P"])
    assert (done.rc, settings(done.out)["host"]) == (0, ("etc.test", "/etc/relayrc:1"))
    home(".relayrc", "account own\nhost own.test\naccount both\nhost own-both.test\n")
    system = "account both\nhost etc-both.test\naccount default\nhost etc.test\n"
    for args, host in ((["-a", "own"], "own.test"), (["-a", "both"], "own-both.test"), ([], "etc.test")):
        done = etc(system, ["-P", *args])
        assert (done.rc, done.err, host_of(settings(done.out))) == (0, "", host)


SYSTEM_MODES = [(0o600, 0, 0), (0o640, 54399, 0), (0o640, 0, 78), (0o644, 54399, 78), (0o644, 0, 78), (0o660, 54399, 78)]


@pytest.mark.parametrize("mode,group,status", SYSTEM_MODES, ids=lambda v: oct(v) if v > 99 else str(v))
def test_system_file_with_a_password_may_be_read_by_group_relay_only(etc, mode, group, status):
    done = etc("host etc.test\nuser u\npassword hushhush\n", ["-P"], mode, group)
    assert done.rc == status and "hushhush" not in done.out + done.err
    assert status == 0 or done.err.startswith("sendmail: /etc/relayrc:")


# -- which account --------------------------------------------------------------------------------------------------

ACCOUNTS = """
defaults
timeout 7
account home
host home.test
from me@home.test
port 2525
account work : home
host work.test
from *@work.test
account both : home, work
timeout 8
defaults
timeout 9
account default : home
"""


@pytest.mark.parametrize("args,host", [
    ([], "home.test"), (["-a", "work"], "work.test"), (["--account=work"], "work.test"),
    (["-f", "anybody@work.test"], "work.test"), (["-f", "Anybody@WORK.test"], "work.test"),
    (["-f", "me@home.test"], "home.test"), (["-f", "me+tag@home.test"], "home.test"), (["-f", "x@other.test"], "home.test"),
    (["-f", "x@work.test", "-a", "home"], "home.test"), (["-f", "<>"], "home.test"), (["-a", "both"], "work.test"),
])
def test_account_is_chosen(pretend, args, host):
    assert host_of(pretend(*args, rc=ACCOUNTS)) == host


def test_accounts_inherit(pretend, tmp_path):
    file = tmp_path / "relayrc"
    work, both, default = (pretend("-a", name, rc=ACCOUNTS) for name in ("work", "both", "default"))
    assert work["account"] == ("work", f"{file}:8")
    assert work["port"] == ("2525", f"{file}:7") and work["host"] == ("work.test", f"{file}:9")
    assert both["timeout"] == ("8", f"{file}:12") and both["from"] == ("*@work.test", f"{file}:10")
    # A default is that of the heir's place, not its parent's.
    assert work["timeout"] == ("7", f"{file}:3") and default["timeout"] == ("9", f"{file}:14")


def test_read_envelope_from_chooses_the_account(run_sendmail, relayrc, scripted):
    home_server, work_server = scripted(), scripted()
    rc = relayrc(home_server) + relayrc(work_server, from_="*@work.test").replace("default", "work")
    assert run_sendmail(["--read-envelope-from", "a@x.test"], b"From: Me <me@work.test>\n\n", rc).rc == 0
    assert [m.sender for m in work_server.settle().messages] == ["me@work.test"] and home_server.connections == []


@pytest.mark.parametrize("name,hint", [("wrok", 'did you mean "work"'), ("xyzzy", '"home"')])
def test_unknown_account(run_sendmail, name, hint):
    done = run_sendmail(["-P", "-a", name], rc=ACCOUNTS)
    assert done.rc == 78 and re.fullmatch(rf'sendmail: there is no account "{name}".*{hint}.*\n', done.err)


def test_no_account_fits(run_sendmail):
    done = run_sendmail(["a@x.test"], b"\n", "account work\nhost work.test\nfrom *@work.test\n")
    assert done.rc == 78 and '"work"' in done.err and done.err.count("\n") == 1


# -- eval and passwordeval ------------------------------------------------------------------------------------------

def test_eval_gives_a_line(pretend):
    found = pretend(rc="eval echo host mail.test; echo port 7\neval printf 'user %s\\n' me # no comment here\n")
    assert host_of(found) == "mail.test" and found["port"] == ("465", "default")


LOGIN = {"tls": "implicit", "auth": ["PLAIN"]}


@pytest.mark.parametrize("password", [
    {"password": "secret"}, {"password": '"secret"'}, {"passwordeval": "echo secret; echo other"}, {"passwordeval": "printf secret"},
    {"passwordeval": 'test -z "$(cat)" && echo secret'}, {"password_file": "~/secret"}, {"netrc": None},
], ids=str)
def test_where_the_password_comes_from(submit, home, password):
    home("secret", "secret\nother\n")
    if "netrc" in password:
        home(".netrc", "machine 127.0.0.1 login other password wrong\nmachine 127.0.0.1 login user@mail.test password secret\n")
    settings = {k: v for k, v in password.items() if k != "netrc"}
    done, server = submit(["a@x.test"], b"\n", {"user": "user@mail.test"} | settings, **LOGIN)
    assert (done.rc, done.err) == (0, "") and server.connections[0].auth_user == "user@mail.test"


@pytest.mark.parametrize("command,reason", [("exit 3", "status 3"), ("true", "printed nothing"), ("kill $$", "signal"),
                                            ("no-such-command", "127"), ("head -c 1000000 /dev/zero", "too much")])
def test_passwordeval_that_fails(submit, command, reason):
    done, server = submit(["a@x.test"], b"\n", {"user": "user@mail.test", "passwordeval": command}, **LOGIN)
    assert done.rc == 75 and server.connections == []
    # What the command itself writes to standard error is shown, too.
    assert done.err.splitlines()[-1].startswith("sendmail: ") and reason in done.err.splitlines()[-1]


@pytest.mark.parametrize("mode,status", [(0o600, 0), (0o400, 0), (0o640, 78), (0o604, 78), (0o620, 78), (None, 75)])
def test_password_file_that_is_safe_or_not(submit, home, mode, status):
    if mode is not None:
        home("secret", "secret\n", mode)
    done, server = submit(["a@x.test"], b"\n", {"user": "user@mail.test", "password_file": "~/secret"}, **LOGIN)
    assert done.rc == status and len(server.messages) == (status == 0)
    assert status == 0 or (done.err.startswith("sendmail: ") and "/home/secret" in done.err and done.err.count("\n") == 1)


def test_no_password_at_all(submit):
    done, server = submit(["a@x.test"], b"\n", {"user": "user@mail.test"}, **LOGIN)
    assert done.rc == 75 and server.connections == [] and "no password for user@mail.test" in done.err


def test_passwordeval_is_not_run_when_no_password_is_needed(submit, tmp_path):
    settings = {"passwordeval": f"touch {tmp_path}/was-run; echo secret"}
    assert submit(["a@x.test"], b"\n", settings)[0].rc == 0
    assert not (tmp_path / "was-run").exists()


# -- errors ---------------------------------------------------------------------------------------------------------

ERRORS = [
    ("hots x", "hots", 'did you mean "host"'), ("tls_strttls on", "tls_strttls", 'did you mean "tls_starttls"'),
    ("xyzzy 1", "xyzzy", "unknown"), ("Host x", "Host", "unknown"), ("tls-starttls on", "tls-starttls", "unknown"),
    ("host=mail.test", "host", "blank"), ("port 99999", "port", "65535"), ("port 25x", "port", "number"),
    ("timeout -1", "timeout", "number"), ("tls maybe", "tls", "on or off"), ("protocol http", "protocol", "smtp, lmtp"),
    ("auth plain foo", "auth", "plain"), ("host a, /b", "host", "not a host"), ("source_ip 1.2.3", "source_ip", "IP"),
    ("from a b", "from", ""), ("tls_fingerprint zz", "tls_fingerprint", ""), ("dsn_notify x", "dsn_notify", "never"),
    ("syslog LOG_X", "syslog", "LOG_USER"), ("account", "account", "name"), ("account a : b", "account", '"b"'),
    ("account default", "account", "already"), ("account a : a", "account", '"a"'), ("aliases ~x/y", "aliases", "~"),
    ("eval exit 3", "eval", "status 3"), ("eval echo eval echo host x", "eval", "eval"), ("eval", "eval", "missing"),
    ("eval echo hots x", "hots", '"host"'), ("auth on", "auth", "user"), ("tls_cert_file /x", "tls_cert_file", "tls_key_file"),
    ("proxy_host p\nsocket /x", "proxy_host", "socket"), ("tls_trust_file", "tls_trust_file", "trusted"),
    ("host mail.test 587", "host", "port 587"), ("host a.test:587", "host", "port 587"), ("host srv:", "host", "domain"),
    ("host srv:x.test:587", "host", "DNS says the port"), ("port 587\nhost srv:x.test", "port", "comes from DNS"),
    ("tls off\nhost srv:x.test", "tls", "srv:"), ("protocol lmtp\nhost srv:x.test", "protocol", "srv:"),
    ("to joe*", "to", "needs an @"), ("to a@b@c", "to", "not a mail address"), ("to a_/b", "to", "a domain"),
    ("fallback a:b", "fallback", "names of accounts"),
]


@pytest.mark.parametrize("line,key,reason", ERRORS, ids=[e[0] for e in ERRORS])
@pytest.mark.parametrize("place", [".relayrc", ".config/relay/relayrc", "given"])
def test_error_names_file_line_and_setting(run_sendmail, home, place, line, key, reason):
    file = home(place, "# a comment\n\n" + SHORT + line + "\n")
    done = run_sendmail(["-C", file, "a@x.test"] if place == "given" else ["a@x.test"], b"\n")
    assert (done.rc, done.out) == (78, "")
    assert done.err.startswith(f"sendmail: {file}:5: {key}: ") and done.err.count("\n") == 1
    assert reason in done.err


def test_error_of_an_account_that_is_not_used_counts_too(run_sendmail, tmp_path):
    done = run_sendmail(["-P"], rc=SHORT + "account other\nhots x\n")
    assert done.rc == 78 and f"{tmp_path}/relayrc:4: hots: " in done.err


@pytest.mark.parametrize("mode,status", [(0o600, 0), (0o400, 0), (0o640, 78), (0o604, 78), (0o620, 78), (0o602, 78)], ids=oct)
@pytest.mark.parametrize("text", [SHORT + "user me\npassword hushhush\n", SHORT], ids=["password", "no password"])
def test_unsafe_permissions(home, run_sendmail, text, mode, status):
    file = home(".relayrc", text, mode)
    done = run_sendmail(["-P"])
    if text == SHORT and not mode & 0o022:
        status = 0
    assert done.rc == status and "hushhush" not in done.out + done.err
    assert status == 0 or (done.err.startswith(f"sendmail: {file}") and "chmod" in done.err and done.err.count("\n") == 1)


def test_file_of_another_user(home, run_sendmail):
    """Its commands would run as us; a file named with -C is the caller's own choice, but not with a password."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a file away")
    file = Path(home(".relayrc", SHORT))
    os.chown(file, NOBODY, NOBODY)
    done = run_sendmail(["-P"])
    assert done.rc == 78 and done.err.startswith(f"sendmail: {file}: ") and "another user" in done.err
    assert run_sendmail(["-C", file, "-P"]).rc == 0
    file.write_text(SHORT + "user me\npassword hushhush\n")
    done = run_sendmail(["-C", file, "-P"])
    assert done.rc == 78 and f"{file}:4: password: " in done.err and "hushhush" not in done.err


def test_files_that_cannot_be_read(run_sendmail, tmp_path):
    os.mkfifo(tmp_path / "fifo", 0o600)
    (tmp_path / "dir").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "long").write_text("host " + "x" * 100_000 + "\n")
    (tmp_path / "big").write_text("# comment\n" * 500_000)
    (tmp_path / "nul").write_bytes(b"host x\0y\n")
    (tmp_path / "latin1").write_bytes(b"from m\xfc@x.test\n")
    (tmp_path / "control").write_bytes(b"user a\x1bb\n")
    for name in ("fifo", "dir", "loop", "long", "big", "nul", "latin1", "control", "missing", "/dev/null", "/dev/zero"):
        if (tmp_path / name).is_file():
            (tmp_path / name).chmod(0o600)
        done = run_sendmail(["-C", name, "a@x.test"], b"\n", timeout=5)
        assert (done.rc, done.err.count("\n")) == (78, 1), name
        assert done.err.startswith(f"sendmail: {name}:"), name


def test_unreadable_file(public, relay_for_all):
    (public / "relayrc").write_text(SHORT)
    (public / "relayrc").chmod(0o600)
    done = subprocess.run([relay_for_all, "-C", public / "relayrc", "-P"], capture_output=True, text=True, env={},
                          preexec_fn=lambda: os.setuid(NOBODY))
    assert done.returncode == 78
    assert done.stderr == f"sendmail: {public}/relayrc: cannot open: Permission denied\n"
