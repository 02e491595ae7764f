"""The secrets of a login: how they are prepared, where they come from, and that they show up nowhere.

The mechanisms are in test_auth.py.
"""
import base64
import os
import time
import unicodedata

import pytest

from lib.hostile import on, reply

MESSAGE = b"From: sender@mail.test\nSubject: x\n\ntext\n"
USER, PASSWORD, TOKEN = "user@mail.test", "xyzzy-Plugh-9", "ya29.T0ken-of_the~tests"
READABLE = ["PLAIN", "LOGIN"]
SCRAM = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]
BEARER = ["OAUTHBEARER", "XOAUTH2"]
MECHANISMS = READABLE + ["CRAM-MD5"] + SCRAM


@pytest.fixture
def login(scripted, relayrc, run_sendmail):
    def call(offered, settings=None, args=(), **options):
        server = scripted(**{"tls": "implicit", "auth": offered, "users": {USER: PASSWORD}, "tokens": {USER: TOKEN}} | options)
        values = {"user": USER, "auth": " ".join(offered).lower(), "timeout": 5} | (settings or {})
        done = run_sendmail(["-i", *args, "r@mail.test"], MESSAGE, relayrc(server, **values))
        return done, server.settle()
    return call


def accepted(done, server):
    assert (done.rc, done.err, done.out) == (0, "", "")
    assert server.violations == [] and len(server.messages) == 1
    return server.connections[0]


def no_secret(done, server, *words, status=75):
    """No password could be had: the server was left alone, and one line of ours says why (the last one)."""
    assert (done.rc, done.out, server.messages) == (status, "", [])
    assert not any(c.startswith("AUTH") for c in server.commands)
    line = done.err.splitlines()[-1]
    assert line.startswith("sendmail: ") and line.isprintable()
    for word in words:
        assert word in line
    return line


# -- characters -----------------------------------------------------------------------------------------------------

SAME = [
    # as it is in the file, as it is after SASLprep
    ("pässwörd", "pässwörd"), (unicodedata.normalize("NFD", "pässwörd"), "pässwörd"), ("ｆｕｌｌ", "full"),
    ("I\u00adX", "IX"), ("a\u00a0b", "a b"), ("a\u3000b", "a b"), ("ﬁn²", "fin2"), ("пароль", "пароль"),
    ("密码", "密码"), ("ª", "a"), ("Ⅸ", "IX"),
]
# Newer than Unicode 3.2, on which SASLprep stands.
NEW = "🔑₿ẞ"


@pytest.mark.parametrize("given, prepared", SAME, ids=[ascii(s[0]) for s in SAME])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_password_that_is_not_ascii(login, mechanism, given, prepared):
    connection = accepted(*login([mechanism], {"password": given}, users={USER: prepared}))
    assert connection.auth_user == USER
    if mechanism in READABLE:
        assert connection.auth_seen["password"] == prepared


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_password_with_newer_characters(login, mechanism):
    """libgsasl (2.2) takes them in no mechanism of its own: then the login fails, and says so."""
    done, server = login([mechanism], {"password": NEW}, users={USER: NEW})
    if mechanism in READABLE:
        assert accepted(done, server).auth_seen["password"] == NEW
    elif done.rc != 0:
        no_secret(done, server, "password", "SASLprep", status=78)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_user_that_is_not_ascii(login, mechanism):
    accepted(*login([mechanism], {"user": "jürgen@mail.test", "password": PASSWORD}, users={"jürgen@mail.test": PASSWORD}))


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("text", [r"a\303", r"\377\376", r"\357\277\275", r"\302\205x", r"\007bell", r"\342\200\256x",
                                  r"\327\220a"], ids=["cut", "latin", "U+FFFD", "C1", "bell", "override", "mixed-direction"])
def test_password_that_cannot_be_one(login, mechanism, text):
    done, server = login([mechanism], {"passwordeval": f"printf '{text}'"})
    line = no_secret(done, server, "password", status=done.rc)
    assert done.rc in (75, 78) and "bell" not in line


@pytest.mark.parametrize("password", ["with blank", " blanks around ", '"quoted"', "back\\slash", "#hash", "per%cent%U", "a" * 200,
                                      "'", "~/x", "a,b=c", "=", "*"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"])
def test_password_with_odd_ascii(login, tmp_path, mechanism, password):
    file = tmp_path / "secret"
    file.write_text(password + "\n")
    file.chmod(0o600)
    accepted(*login([mechanism], {"password_file": file}, users={USER: password}))
    accepted(*login([mechanism], {"password": f'"{password}"'}, users={USER: password}))


# -- sources --------------------------------------------------------------------------------------------------------

@pytest.fixture
def netrc(environment):
    def write(text, mode=0o600):
        path = os.path.join(environment["HOME"], ".netrc")
        with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(text)
        os.chmod(path, mode)
        return path
    return write


def test_first_source_that_answers_wins(login, netrc, tmp_path):
    file = tmp_path / "secret"
    file.write_text("from-file\n")
    file.chmod(0o600)
    netrc(f"machine 127.0.0.1 login {USER} password from-netrc\n")
    sources = {"password": "from-relayrc", "password_file": file, "passwordeval": "echo from-command"}
    for expected in ("from-relayrc", "from-file", "from-command", "from-netrc"):
        connection = accepted(*login(["PLAIN"], sources, users={USER: expected}))
        assert connection.auth_seen["password"] == expected
        sources = dict(list(sources.items())[1:])


@pytest.mark.parametrize("command, password", [
    ("printf 'one\\ntwo\\n'", "one"), ("printf 'one\\r\\n'", "one"), ("printf ' one '", " one "), ("echo one; cat", "one"),
    ("cat >&2; echo one", "one"), ("sleep 100 2>&- & echo one", "one"), ("echo one; exec 1>&-; sleep 0.01", "one"),
    ("echo \"$HOME\" | sed s,.*/,,", "home"), ("trap '' PIPE; echo one; head -c 60000 /dev/zero", "one"),
])
def test_command_for_the_password(login, command, password):
    """Its first line counts; it cannot read the message, and what it leaves behind is not waited for."""
    started = time.monotonic()
    done, server = login(["PLAIN"], {"passwordeval": command}, users={USER: password})
    assert accepted(done, server).auth_seen["password"] == password
    assert server.messages[0].data.endswith(b"\r\n\r\ntext\r\n")
    assert time.monotonic() - started < 20


def test_command_for_the_password_runs_once_and_only_for_a_login(login, tmp_path):
    command = f"echo x >>{tmp_path}/runs; echo {PASSWORD}"
    done, server = login(["PLAIN"], {"passwordeval": command}, after_auth="503")
    assert done.rc == 0 and len(server.messages) == 1
    assert (tmp_path / "runs").read_text() == "x\n"
    accepted(*login([], {"passwordeval": command, "auth": "off"}))
    assert (tmp_path / "runs").read_text() == "x\n"


@pytest.mark.parametrize("command, words", [("exit 1", "status 1"), ("printf '\\n'", "empty"), (":", "nothing"),
                                            (f"echo {PASSWORD}; exit 9", "status 9"), ("printf 'a\\0b\\n'", "NUL"),
                                            ("head -c 1000000000 /dev/zero | tr '\\0' x", "too much"),
                                            (f"echo {PASSWORD}; head -c 1000000000 /dev/zero", "too much")])
def test_command_that_gives_no_password(login, command, words):
    done, server = login(["PLAIN"], {"passwordeval": command})
    line = no_secret(done, server, "passwordeval", words)
    assert server.connections == [] and PASSWORD not in line


def test_password_file_that_is_no_good(login, tmp_path):
    def file(name, text=PASSWORD, mode=0o600):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(mode)
        return path
    os.mkfifo(tmp_path / "fifo")
    cases = [("missing", tmp_path / "missing", "No such file"), ("directory", tmp_path, "not a file"),
             ("fifo", tmp_path / "fifo", "not a file"), ("empty", file("empty", ""), "empty"),
             ("first line empty", file("line", f"\n{PASSWORD}\n"), "empty"), ("long", file("long", "x" * 70000), "longer"),
             ("group", file("group", mode=0o640), "chmod 600"), ("others", file("others", mode=0o604), "chmod 600"),
             ("nul", file("nul", "a\0b\n"), "NUL")]
    for name, path, words in cases:
        done, server = login(["PLAIN"], {"password_file": path})
        line = no_secret(done, server, "password_file", words, status=done.rc)
        assert done.rc in (75, 78), name
        assert PASSWORD not in line and server.connections == [], name


@pytest.mark.parametrize("text", [
    f"machine 127.0.0.1 login {USER} password {PASSWORD}", f"machine 127.0.0.1\n\tlogin {USER}\n\tpassword {PASSWORD}\n",
    f"machine other login {USER} password no\nmachine 127.0.0.1 login {USER} password {PASSWORD}",
    f'machine 127.0.0.1 login "{USER}" password "{PASSWORD}"', f"default login {USER} password {PASSWORD}",
    f"machine 127.0.0.1 login x password no\nmachine 127.0.0.1 login {USER} account a password {PASSWORD}\n",
    f"macdef init\nmachine 127.0.0.1 login {USER} password no\n\nmachine 127.0.0.1 login {USER} password {PASSWORD}\n",
])
def test_netrc(login, netrc, text):
    netrc(text)
    accepted(*login(["PLAIN"]))


@pytest.mark.parametrize("text, mode, words", [
    (None, 0o600, []), ("machine 127.0.0.2 login user@mail.test password no\n", 0o600, []),
    ("machine 127.0.0.1 login other password no\n", 0o600, []), ("default login other password no\n", 0o600, []),
    (f"machine 127.0.0.1 login {USER} password {PASSWORD}\n", 0o644, [".netrc", "chmod 600"]),
    (f'machine 127.0.0.1 login {USER} password "{PASSWORD}\n', 0o600, [".netrc", "line"]),
])
def test_no_password_at_all(login, netrc, text, mode, words):
    """Without a terminal nobody is asked."""
    if text is not None:
        netrc(text, mode)
    done, server = login(["PLAIN"])
    line = no_secret(done, server, USER, "127.0.0.1", "password_file", "passwordeval", *words)
    assert PASSWORD not in line and server.connections == []


# -- nowhere to be seen ---------------------------------------------------------------------------------------------

def traces(secret):
    """The secret in any form in which it could travel."""
    for form in (secret, f"\0{USER}\0{secret}", f"user={USER}\1auth=Bearer {secret}\1\1"):
        coded = base64.b64encode(form.encode()).decode().rstrip("=")
        yield from (form, coded, form.encode().hex())


@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
@pytest.mark.parametrize("args", [["-v"], ["--debug"], []], ids=["v", "debug", "silent"])
@pytest.mark.parametrize("mechanism", MECHANISMS + BEARER)
def test_no_secret_is_shown_or_logged(login, tmp_path, mechanism, args, right):
    log = tmp_path / "log"
    secret = (TOKEN if mechanism in BEARER else PASSWORD) if right else "Wr0ng-s3cret"
    done, server = login([mechanism], {"password": secret, "logfile": log}, args)
    assert done.rc == (0 if right else 75)
    shown = done.err + done.out + log.read_text()
    if args:
        assert "AUTH " + mechanism in shown and "EHLO" in shown
    for text in traces(secret):
        assert text not in shown
    # Nor anything else that we said in the exchange: a proof can be attacked offline.
    [connection] = server.connections
    said = [w for c in connection.commands if c.startswith("AUTH ") for w in c.split(" ")[2:]] + connection.responses
    for word in said:
        assert len(word) < 8 or word not in shown
    assert said


@pytest.mark.parametrize("args", [["-v"], []], ids=["v", "silent"])
@pytest.mark.parametrize("tls", ["implicit", "none"])
def test_server_that_repeats_our_response(login, tmp_path, args, tls):
    """Into our terminal and log, where others may read it."""
    log, echo = tmp_path / "log", base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    for said in (f"535 5.7.8 wrong response {echo} for you", f"535-5.7.8 no\n535 5.7.8 {echo}"):
        done, _ = login(["PLAIN"], {"password": PASSWORD, "logfile": log, "auth_cleartext": "on"}, args, tls=tls,
                        rules=[on("AUTH-END", reply(said))])
        assert done.rc == 75
        assert echo not in done.err + done.out + log.read_text()


def test_secret_is_in_no_argument_and_no_environment(login, tmp_path):
    """A command for the password sees its own surroundings, and ps(1) sees ours (our environment only for root)."""
    out = tmp_path / "seen"
    command = (f"(tr '\\0' ' ' </proc/$PPID/cmdline; env; tr '\\0' ' ' </proc/$PPID/environ) >{out} 2>&-; "
               f"echo {PASSWORD[::-1]}")
    accepted(*login(["PLAIN"], {"passwordeval": command}, users={USER: PASSWORD[::-1]}))
    text = out.read_text()
    assert "sendmail" in text and PASSWORD[::-1] not in text.replace(command, "")


def test_password_is_no_option_of_the_command_line(run_sendmail):
    done = run_sendmail(["--host=127.0.0.1", f"--password={PASSWORD}", "r@mail.test"], MESSAGE)
    assert done.rc == 64 and PASSWORD not in done.err


@pytest.mark.parametrize("call", [["-P"], ["--pretend"], "check"], ids=str)
def test_settings_are_printed_without_secrets(relay, relayrc, run_sendmail, tmp_path, call):
    rc = relayrc(host="mail.test", user=USER, password=PASSWORD)
    if call == "check":
        done = run_sendmail(["check", "--offline"], rc=None, name="relay", env={"HOME": str(home_with(tmp_path, rc))})
    else:
        done = run_sendmail(call, rc=rc)
    assert done.rc == 0 and "password" in done.out and PASSWORD not in done.out + done.err


def home_with(tmp_path, rc):
    home = tmp_path / "home2"
    home.mkdir()
    (home / ".relayrc").touch(0o600)
    (home / ".relayrc").write_text(rc)
    return home
