"""The command line, row by row of options.def; and beside a real Postfix, where there is one."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
TABLE = (TOP / "src/app/options.def").read_text()
STRING = r'"((?:[^"\\]|\\.)*)"'
OPTIONS = re.findall(rf"^OPTION\(\w+, (?:'(.)'|0), (?:{STRING}|NULL), (\w+), (\w+), {STRING}\)$", TABLE, re.M)
VALUES = re.findall(rf"^VALUE\('(.)', {STRING}, (\w+), (\w+), (\w+), (\w+), {STRING}\)$", TABLE, re.M)
# What makes an argument sensible; else it is "x".
ARGUMENTS = {"N": "failure", "R": "hdrs", "a": "default", "e": "m", "O": "a=b", "C": None, "f": "f@x.test", "r": "f@x.test",
             "X": "log"}


def test_the_table_was_understood():
    assert len(OPTIONS) == len(re.findall(r"^OPTION\(", TABLE, re.M)) > 40
    assert len(VALUES) == len(re.findall(r"^VALUE\(", TABLE, re.M)) > 80


@pytest.fixture
def verify(run_sendmail, relayrc):
    """Parses a call and says the recipients, without a message."""
    def call(*args):
        done = run_sendmail(["-bv", *args], rc=relayrc(host="mail.test"))
        assert (done.rc, done.err) == (0, ""), args
        return re.findall(r"^recipient: <(.*)>$", done.out, re.M)
    return call


@pytest.mark.parametrize("letter,name,argument,treatment,summary", OPTIONS)
def test_each_option(verify, run_sendmail, relayrc, letter, name, argument, treatment, summary):
    words = [[f"-{letter}"]] if letter else []
    words += [[f"--{name}"]] if name else []
    for word in words:
        if treatment == "REFUSED":
            done = run_sendmail([*word, "a@x.test"], b"\n", relayrc(host="mail.test"))
            assert done.rc == 64 and done.out == "" and done.err.endswith(f": {summary}\n") and done.err.count("\n") == 1
        elif letter in ("I", "P", "q", "b", "o", "M", "C", "t") or name in ("help", "version", "json"):
            continue        # below, or not beside -bv
        elif argument == "NEEDED":
            value = ARGUMENTS.get(letter, "x")
            assert verify(*word, value, "a@x.test") == ["a@x.test"]
            attached = word[0] + ("=" if word[0].startswith("--") else "") + value
            assert verify(attached, "a@x.test") == ["a@x.test"]
            assert verify("a@x.test", attached) == ["a@x.test"]
            done = run_sendmail(word, rc=relayrc(host="mail.test"))
            assert done.rc == 64 and done.err == f"sendmail: {word[0]} needs an argument\n"
        else:
            assert verify(*word, "a@x.test") == ["a@x.test"]
            assert verify("a@x.test", *word) == ["a@x.test"]
            if letter and argument == "NONE":
                assert verify(f"-i{letter}m", "a@x.test") == ["a@x.test"]


@pytest.mark.parametrize("letter,word,match,argument,treatment,effect,summary", VALUES)
def test_each_value(verify, run_sendmail, relayrc, letter, word, match, argument, treatment, effect, summary):
    if letter in "qb" and treatment == "HONOURED":
        return              # test_process.py, test_flush.py: the modes
    written = [f"-{letter}{word}"] + ([f"-{letter}{word}x"] if match == "BEGINS" else [])
    if letter in "Mo" and treatment != "REFUSED" and (word in ("", "d", "e")):
        written = [f"-{letter}{word}b"]
    for option in written:
        if treatment == "REFUSED":
            done = run_sendmail([option, "a@x.test"], b"\n", relayrc(host="mail.test"))
            assert (done.rc, done.out, done.err) == (64, "", f"sendmail: {option}: {summary}\n")
            continue
        takes = argument != "NONE" and option == f"-{letter}{word}"
        assert verify(option, *(["5"] if takes else []), "a@x.test") == ["a@x.test"]
        if takes and argument == "NEXT":
            assert run_sendmail(["-bv", "a@x.test", option], rc=relayrc(host="mail.test")).rc == 64


def test_help_has_every_row_that_is_not_refused(run_sendmail):
    text = run_sendmail(["--help"]).out
    for letter, name, _, treatment, summary in OPTIONS:
        assert (summary in text) == (treatment != "REFUSED")
        assert treatment == "REFUSED" or (f"-{letter}" if letter else f"--{name}") in text
    for letter, word, *_, treatment, _, summary in VALUES:
        assert letter == "d" or treatment == "REFUSED" or f"    -{letter}{word}" in text


@pytest.mark.parametrize("name", ["mailq", "newaliases", "sendmail"])
def test_help_by_every_name(run_sendmail, name):
    assert run_sendmail(["--help"], name=name).out.startswith("usage: sendmail")
    assert run_sendmail(["--version"], name=name).out.startswith("relay ")


@pytest.mark.parametrize("name,args", [("mailq", ["a@x.test"]), ("newaliases", ["a@x.test"]), ("sendmail", ["-q", "a@x.test"]),
                                       ("sendmail", ["-bp", "-t"]), ("sendmail", ["-q15m", "-t"])])
def test_a_message_is_not_forgotten(run_sendmail, relayrc, name, args):
    done = run_sendmail(args, b"To: a@x.test\n\nx\n", relayrc(host="mail.test"), name=name)
    assert done.rc == 64 and done.err.count("\n") == 1 and done.out == ""


def test_mailq_stays_mailq(run_sendmail, relayrc, tmp_path):
    rc = relayrc(host="mail.test", queue="on", queue_directory=tmp_path / "queue")
    for args in (["-q"], ["-qRx"], ["-v"], ["-Ac"]):
        assert run_sendmail(args, rc=rc, name="mailq").out == "Mail queue is empty\n"


def test_header_and_arguments_together(submit):
    done, server = submit(["-t", "c@x.test,D <d@x.test>", "-i", "a@x.test", "-f", "f@x.test"],
                          b"To: a@x.test\nBcc: b@x.test\n\nx\n")
    assert (done.rc, done.err) == (0, "")
    assert [(m.sender, sorted(m.recipients)) for m in server.messages] == [
        ("f@x.test", ["a@x.test", "b@x.test", "c@x.test", "d@x.test"])]


# -- beside Postfix, whose options end at the first recipient: not so here ---------------------------------------------------------------------------------------------------

# In the place of Postfix's postdrop: keeps the records it gets (a byte for the type, a length of seven bits a byte, the
# data), up to the last one.
POSTDROP = """#!/usr/bin/python3
import sys
sys.stdout.write("protocol\\0postdrop_protocol\\0queue_id\\0ABC\\0\\0")
sys.stdout.flush()
kind, read = "", sys.stdin.buffer.read
with open("{file}", "w") as out:
    while kind != "E":
        kind, size, shift, byte = read(1).decode(), 0, 0, 128
        while byte & 128:
            byte = read(1)[0]
            size |= (byte & 127) << shift
            shift += 7
        print(kind + read(size).decode(), file=out)
sys.stdout.write("status\\0" "0\\0reason\\0\\0\\0")
"""


@pytest.fixture
def postfix_says(tmp_path):
    """Sender and recipients that Postfix's sendmail hands on; None when it refuses the call."""
    if not shutil.which("postconf") or os.geteuid() != 0:
        pytest.skip("no Postfix here, or not root")
    bin_, spool, file = tmp_path / "bin", tmp_path / "spool", tmp_path / "records"
    bin_.mkdir(), spool.mkdir()
    (bin_ / "postdrop").write_text(POSTDROP.format(file=file))
    (bin_ / "postdrop").chmod(0o755)
    (tmp_path / "main.cf").write_text(f"compatibility_level=3.6\nqueue_directory={spool}\ncommand_directory={bin_}\n"
                                      f"daemon_directory={bin_}\ndata_directory={spool}\nmyhostname=x.test\n")
    os.utime(tmp_path / "main.cf", (0, 0))      # Postfix waits until it is some seconds old

    def call(args):
        file.unlink(missing_ok=True)
        done = subprocess.run(["/usr/sbin/sendmail", *args], input=b"Subject: x\n\nx\n", capture_output=True, timeout=10,
                              env={"MAIL_CONFIG": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=False)
        if not file.exists():
            assert done.returncode != 0
            return None
        lines = file.read_text().splitlines()
        return [line[1:] for line in lines if line[0] == "S"], [line[1:] for line in lines if line[0] == "R"]
    return call


@pytest.mark.parametrize("line", """r@x.test
-f a@x.test r@x.test
-fa@x.test r@x.test
-r a@x.test r@x.test
-f a@x.test -f b@x.test r@x.test
-i -fa@x.test -- r@x.test s@x.test
-f a@x.test -- -s@x.test r@x.test
-if a@x.test r@x.test
-imf a@x.test r@x.test
-Ac -f a@x.test r@x.test
-A c -f a@x.test r@x.test
-B 8BITMIME -f a@x.test r@x.test
-B8BITMIME -fa@x.test r@x.test
-F Name -f a@x.test r@x.test
-FName -f a@x.test r@x.test
-G -f a@x.test r@x.test
-L tag -f a@x.test r@x.test
-O DeliveryMode=b -f a@x.test r@x.test
-U -c -x -m -f a@x.test r@x.test
-V envid -f a@x.test r@x.test
-N failure -R hdrs -f a@x.test r@x.test
-em -f a@x.test r@x.test
-e m -f a@x.test r@x.test
-h 3 -f a@x.test r@x.test
-h3 -f a@x.test r@x.test
-oem -odb -om -o7 -oi -f a@x.test r@x.test
-o i -f a@x.test r@x.test
-o em -f a@x.test r@x.test
-p smtp:h -f a@x.test r@x.test
-bm -f a@x.test r@x.test
-b m -f a@x.test r@x.test
-q r@x.test
-bp r@x.test
-bi r@x.test
-bt r@x.test
-bz r@x.test
-Z r@x.test
-f
-e
-M x r@x.test
-qIx r@x.test""".splitlines())
def test_as_postfix_parses_it(run_sendmail, scripted, relayrc, postfix_says, line):
    theirs = postfix_says(line.split())
    server = scripted()
    done = run_sendmail(line.split(), b"Subject: x\n\nx\n", relayrc(server, from_="root@x.test", queue="off"))
    if theirs is None:
        assert done.rc == 64 and server.connections == []
        return
    assert (done.rc, done.err) == (0, "")
    [ours] = server.settle().messages
    sender = theirs[0] if "f" in line.replace("failure", "") or "-r" in line else ["root@x.test"]
    assert ([ours.sender], sorted(ours.recipients)) == (sender, sorted(theirs[1]))
