"""What is written about a delivery, and where: the log file, -v, standard error; and that no secret is in any of it."""
import base64
import os
import re
import socket
import subprocess
import threading

import pytest

from lib.hostile import call, close, hold, on, reply

BODY = b"Subject: very-private-subject\nMessage-ID: <id-1@mail.test>\n\nvery private text\n"
REFUSED = {"no@x.test": "550 5.1.1 <no@x.test>: no such user", "busy@x.test": "450 4.2.1 busy"}
LINE = re.compile(r"(?P<time>[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d) (?P<host>\S+) (?P<tag>[\w./-]+)\[(?P<pid>\d+)\]: "
                  r"(?P<id>[0-9A-Z]{15}): (?P<rest>.*)")
RECIPIENT = re.compile(r"to=<(?P<to>[^>]*)>, relay=(?P<relay>\S+), delay=(?P<delay>\d+\.\d\d), dsn=(?P<dsn>\d\.\d+\.\d+), "
                       r"status=(?P<status>\w+) \((?P<text>.*)\), account=(?P<account>\w+), tls=(?P<tls>\S+), auth=(?P<auth>\S+)")
ARRIVAL = ["postfix/pickup", "postfix/cleanup", "postfix/qmgr"]


@pytest.fixture
def log(tmp_path):
    """log() -> the lines of the log file, each matched with LINE. log.settings are without a queue, log.queue with one."""
    def read():
        text = (tmp_path / "log").read_text()
        assert text.endswith("\n")
        return [LINE.fullmatch(line) for line in text.splitlines()]
    read.settings = {"logfile": tmp_path / "log", "queue": "off"}
    read.queue = {"logfile": tmp_path / "log", "queue_directory": tmp_path / "queue"}
    read.file = tmp_path / "log"
    return read


def attempts(lines):
    """Those of recipients, matched with RECIPIENT."""
    return [RECIPIENT.fullmatch(line["rest"]) for line in lines if line["tag"] == "postfix/smtp"]


def test_a_message_is_logged_in_the_form_of_postfix(submit, log):
    done, server = submit(["a@x.test", "no@x.test", "busy@x.test"], BODY, log.queue, refuse=REFUSED)
    assert done.rc == 67
    lines = log()
    assert [line["tag"] for line in lines] == ARRIVAL + ["postfix/smtp"] * 3
    assert [line["rest"] for line in lines[:2]] == [f"uid={os.getuid()} from=<sender@mail.test>", "message-id=<id-1@mail.test>"]
    assert lines[2]["rest"] == f"from=<sender@mail.test>, size={server.messages[0].size}, nrcpt=3 (queue active)"
    assert len({line["id"] for line in lines}) == 1 and {line["host"] for line in lines} == {socket.gethostname()}
    found = attempts(lines)
    assert [(m["to"], m["dsn"], m["status"], m["text"]) for m in found] == [
        ("a@x.test", "2.0.0", "sent", "250 2.0.0 Ok: queued as SCRIPTED"),
        ("no@x.test", "5.1.1", "bounced", REFUSED["no@x.test"]), ("busy@x.test", "4.2.1", "deferred", REFUSED["busy@x.test"])]
    assert {(m["relay"], m["account"], m["tls"], m["auth"]) for m in found} == {
        (f"127.0.0.1[127.0.0.1]:{server.port}", "default", "none", "none")}
    assert all(float(m["delay"]) < 5 for m in found)


def test_a_message_that_is_done_is_removed(submit, log):
    submit(["a@x.test"], BODY, log.queue)
    assert [(line["tag"], line["rest"]) for line in log()][-1] == ("postfix/qmgr", "removed")


def test_log_without_a_queue_is_the_same(submit, log):
    done, _ = submit(["a@x.test", "busy@x.test"], BODY, log.settings, refuse=REFUSED)
    lines = log()
    assert done.rc == 75 and [line["tag"] for line in lines] == ARRIVAL + ["postfix/smtp"] * 2
    assert [m["status"] for m in attempts(lines)] == ["sent", "deferred"] and len({line["id"] for line in lines}) == 1


def test_log_names_tls_and_mechanism(submit, log):
    settings = log.settings | {"user": "user@mail.test", "password": "secret"}
    submit(["a@x.test"], BODY, settings, tls="implicit", auth=["PLAIN"])
    found = attempts(log())[0]
    assert (found["status"], found["tls"], found["auth"]) == ("sent", "TLSv1.3", "PLAIN")


def test_log_of_a_server_that_is_not_there(run_sendmail, relayrc, log):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        rc = relayrc(host="127.0.0.1", port=bound.getsockname()[1], tls="off", **log.queue)
        assert run_sendmail(["a@x.test"], BODY, rc).rc == 0
        first = log()
        assert run_sendmail(["-odq", "b@x.test"], BODY, rc).rc == 0
        run_sendmail(["-qf"], b"", rc)
    assert [line["tag"] for line in first] == ARRIVAL + ["postfix/smtp"]
    found = attempts(first)[0]
    assert (found["relay"], found["status"], found["dsn"]) == ("none", "deferred", "4.4.1")
    # The one that was never tried finds out; the other is not tried.
    rest = log()[len(first) + len(ARRIVAL):]
    assert sorted(line["tag"] for line in rest) == ["postfix/error", "postfix/smtp"]
    said = [RECIPIENT.fullmatch(line["rest"]) for line in rest if line["tag"] == "postfix/error"][0]
    assert (said["relay"], said["dsn"], said["status"]) == ("none", "4.4.1", "deferred")
    assert said["text"].startswith("delivery temporarily suspended: ")


def test_possible_duplicates_are_logged(submit, log):
    submit(["a@x.test"], BODY, log.settings, rules=[on("BODY", close("rst"))])
    found = attempts(log())[0]
    assert (found["status"], found["dsn"]) == ("deferred", "4.4.2") and found["text"].endswith("; possible duplicate")


def test_syslog_name_is_the_first_word_of_the_programs(submit, log):
    submit(["a@x.test"], BODY, log.settings | {"syslog_name": "relay"})
    assert [line["tag"] for line in log()] == ["relay/pickup", "relay/cleanup", "relay/qmgr", "relay/smtp"]


def test_log_file_is_private_and_grows(submit, log):
    old = os.umask(0)
    try:
        for n in (1, 2):
            assert submit(["a@x.test"], BODY, log.settings)[0].rc == 0
            assert len(log()) == 4 * n
    finally:
        os.umask(old)
    assert log.file.stat().st_mode & 0o777 == 0o600
    assert len({line["id"] for line in log()}) == 2


def test_lines_of_many_processes_do_not_mix(start, scripted, relayrc, log, home):
    home(".relayrc", relayrc(scripted(), **log.settings))
    running = [start(["a@x.test"]) for _ in range(20)]
    for process in running:
        process.communicate(BODY, timeout=20)
    assert len(log()) == 20 * 4 and all(log()) and {m["status"] for m in attempts(log())} == {"sent"}


def test_log_to_standard_output_and_time_format(submit):
    done, _ = submit(["-X", "-", "a@x.test"], BODY, {"logfile_time_format": "%Y-%m-%dT%H"})
    assert (done.rc, done.err) == (0, "") and re.match(r"20\d\d-\d\d-\d\dT\d\d \S+ postfix/pickup\[", done.out)


def test_log_that_cannot_be_written_loses_no_mail(submit, tmp_path):
    os.mkfifo(tmp_path / "fifo")    # nobody reads it
    for path in (tmp_path / "missing" / "log", tmp_path, "/dev/full", tmp_path / "fifo"):
        done, server = submit(["a@x.test"], BODY, {"logfile": path})
        assert (done.rc, len(server.messages)) == (0, 1), path
        assert re.fullmatch(rf"sendmail: cannot write the log {path}: [^\n]+\n", done.err), path


def test_syslog_is_not_needed(submit):
    for facility in ("on", "LOG_MAIL", "LOG_LOCAL7"):
        done, _ = submit(["a@x.test"], BODY, {"syslog": facility})
        assert (done.rc, done.err) == (0, "")


# In a file system of its own, /dev/log is the test's socket.
WITH_LOG = "mount -t tmpfs none /dev && ln -s \"$0\" /dev/log && : > /dev/null && exec \"$@\""


@pytest.mark.parametrize("facility, number", [("on", 1), ("LOG_MAIL", 2), ("LOG_LOCAL7", 23)])
def test_syslog_gets_the_same_lines(scripted, relayrc, run_sendmail, log, tmp_path, facility, number):
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("cannot make a mount namespace here")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(tmp_path / "socket"))
        syslog.setblocking(False)
        rc = relayrc(scripted(), syslog=facility, syslog_name="relay", **log.queue)
        done = run_sendmail(["a@x.test"], BODY, rc, under=["unshare", "-m", "sh", "-c", WITH_LOG, tmp_path / "socket"])
        assert (done.rc, done.err) == (0, "")
        lines = log()
        got = [syslog.recv(9000).decode() for _ in lines]
    said = [re.fullmatch(r"<(\d+)>\w{3} [ \d]\d \S+ (\S+)\[(\d+)\]: (.*)\0?", line) for line in got]
    assert {m[1] for m in said} == {str(number * 8 + 6)}
    assert [(m[2], m[3], m[4]) for m in said] == [(m["tag"], m["pid"], f"{m['id']}: {m['rest']}") for m in lines]
    assert [m["tag"] for m in lines] == ["relay/pickup", "relay/cleanup", "relay/qmgr", "relay/smtp", "relay/qmgr"]


def test_nothing_can_write_its_own_log_line(submit, log):
    text = b"550-5.1.1 first\r\n550 5.1.1 \x1b[2J\xff end\tx\r\n"
    body = b"Message-ID: <a\rb\x1b[2J@x>\n\nx\n"
    done, _ = submit(["no@x.test", '"a b"@x.test'], body, log.settings, rules=[on("RCPT", reply(text))])
    lines = log()
    assert all(lines) and [line["tag"] for line in lines] == ARRIVAL + ["postfix/smtp"] * 2 and log.file.read_text().replace("\n", "").isprintable()


def test_content_is_in_no_log_and_no_trace(submit, log):
    done, _ = submit(["-v", "a@x.test"], BODY * 3000, log.settings)
    for text in (done.err, log.file.read_text()):
        assert "very-private-subject" not in text and "very private" not in text
    done, _ = submit(["-v", "a@x.test"], BODY * 3000, log.settings, without=["CHUNKING"])
    assert "very" not in done.err and "DATA" in done.err


# -- secrets --------------------------------------------------------------------------------------------------------

SECRET = "Pa55-w0rd:zzqq"
USER = "user@mail.test"


def forms(secret):
    """How a secret may show up: as it is, in base64 at every offset, and in hexadecimal."""
    found = {secret.encode(), secret.encode().hex().encode()}
    for shift in range(3):
        # Only the middle, which does not depend on what stands beside it.
        found.add(base64.b64encode(b"\0" * shift + secret.encode())[4:-4])
    return found


def assert_no_secret(text, secret=SECRET):
    data = text if isinstance(text, bytes) else text.encode()
    assert [f for f in forms(secret) if f in data] == []


MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"]


@pytest.mark.parametrize("option", ["-v", "--debug"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("good", [True, False], ids=["accepted", "refused"])
def test_no_secret_in_trace_and_log(submit, log, option, mechanism, good):
    settings = log.settings | {"user": USER, "password": SECRET, "auth": mechanism.lower()}
    secrets = {USER: SECRET if good else "other"}
    done, server = submit([option, "a@x.test"], BODY, settings, tls="implicit", auth=[mechanism], users=secrets, tokens=secrets)
    assert done.rc == (0 if good else 75)
    assert f"AUTH {mechanism}" in done.err and "EHLO" in done.err
    assert_no_secret(done.err + log.file.read_text())


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_no_secret_in_what_a_server_repeats(submit, log, mechanism):
    """Some servers give the command they do not like back."""
    def repeat(session, normal):
        seen = (session.record.commands + session.record.responses)[-1]
        return f"535 5.7.8 what is this: {seen}"
    settings = log.settings | {"user": USER, "password": SECRET}
    done, _ = submit(["-v", "a@x.test"], BODY, settings, tls="implicit", auth=[mechanism], users={USER: "other"},
                     rules=[on("AUTH-END", call(repeat))])
    assert done.rc == 75
    assert_no_secret(done.err + log.file.read_text())


@pytest.mark.parametrize("setting", ["password", "password_file", "passwordeval"])
def test_no_secret_in_argv_and_environment(start, scripted, relayrc, tmp_path, setting):
    """Of the program while it talks to the server, and of the command that passwordeval runs."""
    (tmp_path / "pass").write_text(SECRET + "\n")
    (tmp_path / "pass").chmod(0o600)
    probe = f"cat {tmp_path}/pass; tr '\\0' '\\n' < /proc/$PPID/cmdline > {tmp_path}/seen; env >> {tmp_path}/seen"
    value = {"password": SECRET, "password_file": tmp_path / "pass", "passwordeval": probe}[setting]
    released = threading.Event()
    server = scripted(tls="implicit", auth=["PLAIN"], users={USER: SECRET}, rules=[on("MAIL", hold(released))])
    process = start(["a@x.test"], relayrc(server, user=USER, **{setting: value}))
    process.stdin.write(BODY)
    process.stdin.close()
    process.stdin = None
    server.wait_for("MAIL")
    # Only root can look at the environment of a process that is not dumpable.
    for name in ("cmdline", "environ") if os.geteuid() == 0 else ("cmdline",):
        with open(f"/proc/{process.pid}/{name}", "rb") as file:
            assert_no_secret(file.read())
    assert os.listdir(f"/proc/{process.pid}/task/{process.pid}")
    released.set()
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, b"", b"")
    if setting == "passwordeval":
        assert "sendmail" in (tmp_path / "seen").read_text()
        assert_no_secret((tmp_path / "seen").read_text())


@pytest.mark.parametrize("line", [f"password {SECRET}\npasswrod {SECRET}", f"user\npassword {SECRET}", f"port {SECRET}",
                                  f"password {SECRET}\x01", f"timeout {SECRET}", f"auth {SECRET}", f"tls_fingerprint {SECRET}",
                                  f"from {SECRET}", f"host {SECRET} x", f"aliases ~{SECRET}", f"eval echo port {SECRET}",
                                  f"password\nuser me\npasswordeval echo {SECRET} >&2; exit 1 #"])
def test_no_secret_in_messages_about_the_configuration(run_sendmail, line):
    """Also when it stands on the wrong line."""
    for args in (["-P"], ["a@x.test"]):
        done = run_sendmail(args, b"\n", "host 127.0.0.1\nport 9\ntimeout 1\n" + line + "\n")
        if "passwordeval" not in line:      # what a command writes to standard error is its own affair
            assert_no_secret(done.out + done.err)
