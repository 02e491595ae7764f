"""`relay password` where there is no keyring: a file. (With one: test_keyring.py.)"""
import os
import pty
import stat

import pytest

USER, PASSWORD = "user@mail.test", "xyzzy-Plugh-9"
RC = f"host mail.test\nfrom me@mail.test\nuser {USER}\n"


@pytest.fixture
def password(run_sendmail, home):
    def call(*args, stdin=PASSWORD.encode() + b"\n", rc=RC, env=None):
        file = home(".relayrc", rc)
        done = run_sendmail(["password", *args], stdin, name="relay", env=env)
        assert PASSWORD not in done.out + done.err
        return done, file
    return call


def test_file_where_there_is_no_keyring(password, environment):
    done, rc = password("set")
    file = os.path.join(environment["HOME"], ".config/relay/default.password")
    assert (done.rc, done.err) == (0, "")
    assert done.out.splitlines() == [
        "the keyring cannot be used: there is no D-Bus session",
        f"the password is in a file instead, which only you can read: {file}",
        f"add this line to account default in {rc}:", f"password_file {file}"]
    assert open(file, encoding="utf-8").read() == PASSWORD + "\n"
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600 and os.listdir(os.path.dirname(file)) == ["default.password"]
    with_line = f"{RC}{done.out.splitlines()[-1]}\n"
    done, rc = password("test", rc=with_line)
    assert (done.rc, done.err) == (0, "")
    assert done.out == f"account default: the password for {USER} at mail.test comes from password_file, {rc}:4\n"
    # From now on the file that the account names.
    assert "is in its password_file" in password("set", stdin=b"new\n", rc=with_line)[0].out
    assert open(file, encoding="utf-8").read() == "new\n"
    done, rc = password("forget", rc=with_line)
    assert done.rc == 0 and done.out.splitlines() == [f"removed: {file}", f"{rc}:4: password_file is still set"]
    assert not os.path.exists(file)
    assert password("forget")[0].rc == 66


@pytest.mark.parametrize("line", ["password old", "passwordeval echo old"])
def test_what_would_be_asked_first_is_named(password, environment, line):
    done, rc = password("set", rc=f"{RC}{line}\n")
    assert done.rc == 78
    assert done.err == (f"relay password: {rc}:4: {line.split()[0]} is set, and would be asked first: remove it, and try "
                        "again\n")
    assert not os.path.exists(os.path.join(environment["HOME"], ".config"))
    done, rc = password("test", rc=f"{RC}{line}\n")
    assert done.rc == 0 and done.out.endswith(f"comes from {line.split()[0]}, {rc}:4\n")


@pytest.mark.parametrize("args, stdin, status, words", [
    ([], b"", 64, "a command is missing"), (["sett"], b"", 64, "unknown command"), (["set", "a", "b"], b"", 64, "usage"),
    (["forget", "-n"], b"", 64, "usage"), (["-i", "set"], b"x", 64, "usage"),
    (["set", "default", PASSWORD], b"", 64, "never an argument"), (["set", "none"], b"x", 78, "no account"),
    (["set"], b"", 64, "empty"), (["set"], b"\nx\n", 64, "empty"), (["set"], b"a\rb\n", 64, "CR, LF or NUL"),
    (["set"], b"a\0b\n", 64, "CR, LF or NUL"), (["set"], b"x" * 100000, 65, "standard input"), (["test"], b"", 75, "no password for"),
    (["-bp", "set"], b"x", 64, "usage"), (["set", "-a", "default", "default"], b"x", 64, "usage"),
])
def test_wrong_calls(password, environment, args, stdin, status, words):
    done, _ = password(*args, stdin=stdin)
    assert done.rc == status and words in done.err
    assert done.err.startswith("relay password: ") and done.err.count("\n") == 1
    assert not os.path.exists(os.path.join(environment["HOME"], ".config"))


def test_account_without_login_needs_none(password):
    done, _ = password("set", rc="host mail.test\nfrom me@mail.test\n")
    assert done.rc == 78 and "needs no password" in done.err


def test_help(password):
    for args in (["help"], ["--help"]):
        done, _ = password(*args)
        assert done.rc == 0 and "forget" in done.out and done.err == ""


# -- on a terminal --------------------------------------------------------------------------------------------------

def on_terminal(program, environment, dialogue):
    """Types an answer to each question; (exit status, everything that was on the screen)."""
    pid, screen = pty.fork()
    if pid == 0:
        try:
            os.execve(program, ["relay", "password", "set"], environment)
        finally:
            os._exit(127)
    seen = b""
    try:
        for question, answer in dialogue:
            start = len(seen)
            while question.encode() not in seen[start:]:
                seen += os.read(screen, 4096)
            os.write(screen, answer.encode())
        while True:
            seen += os.read(screen, 4096)
    except OSError:
        pass    # the program has ended
    finally:
        os.close(screen)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode().replace("\r\n", "\n")


@pytest.fixture
def asked(relay, environment, tmp_path, home):
    def call(*answers):
        home(".relayrc", RC)
        program = tmp_path / "relay"
        if not program.exists():
            program.symlink_to(relay)
        return on_terminal(program, environment, zip([f"new password for {USER} at mail.test: ", "the same again: "], answers))
    return call


def test_asked_twice_and_never_shown(asked, environment):
    status, screen = asked(PASSWORD + "\n", PASSWORD + "\n")
    assert status == 0 and PASSWORD not in screen
    file = os.path.join(environment["HOME"], ".config/relay/default.password")
    assert open(file, encoding="utf-8").read() == PASSWORD + "\n"


def test_typing_mistakes_change_nothing(asked, environment):
    status, screen = asked(PASSWORD + "\n", "other\n")
    assert status == 64 and "not the same; nothing was changed" in screen and PASSWORD not in screen
    status, screen = asked("\n")
    assert status == 75 and "no password was typed" in screen
    assert not os.path.exists(os.path.join(environment["HOME"], ".config"))
