"""`relay check`: what is wrong or risky with files, folders, the queue and DNS; each one line, and as JSON. What it finds in
the settings themselves is tested in tests/unit/test_risk*.c."""
import json
import os
import re
import resource
import socket
import stat
import subprocess
import time

import pytest

from lib.privatenet import IPV4, NameServer

GOOD = "host h.test\nfrom me@h.test\n"
ADDED = GOOD.count("\n") + 1    # the line behind it


@pytest.fixture
def check(home, run_sendmail):
    """check(relayrc, *options) -> (status, [(place, severity, rest)]): each line apart, with {rc} for the file's name."""
    def call(text, *options, online=False, **kwargs):
        file = home(".relayrc", text)
        done = run_sendmail(["check", *options, *([] if online else ["--offline"])], name="relay", **kwargs)
        lines = [re.fullmatch(r"(.+?): (error|warning): (.+)", line) for line in done.err.splitlines()]
        assert all(lines), done.err
        return done.rc, [(m[1].replace(str(file), "{rc}"), m[2], m[3]) for m in lines]
    return call


def one(found, severity, key, line=ADDED, account="default"):
    """The text of the only finding."""
    status, [(place, word, rest)] = found
    assert (status, word, place) == ({"error": 78, "warning": 1}[severity], severity, f"{{rc}}:{line}")
    assert rest.startswith(f"account {account}: {key}: ") and "; " in rest
    return rest


# -- status -----------------------------------------------------------------------------------------------------------

def test_nothing_to_say(check):
    assert check(GOOD) == (0, [])


def test_warnings_and_errors_have_their_status(check):
    assert "so anybody" in one(check(GOOD + "tls_certcheck off\n"), "warning", "tls_certcheck")
    status, found = check(GOOD + "tls_certcheck off\ntls_crl_file /nowhere\n")
    assert status == 78 and sorted(word for _, word, _ in found) == ["error", "warning"]


def test_routes_that_lead_nowhere(check):
    text = f"account a\n{GOOD}to x.test\nto .test\nfallback b\naccount b : a\nto j@y.x.test\nfallback c3po\naccount default : a\n"
    (place, word, rest), (other_place, other_word, other) = check(text)[1]
    assert (place, word) == ("{rc}:8", "warning")
    assert rest.startswith('account b: to: account a comes first and takes with ".test" all recipients of "j@y.x.test" (')
    assert (other_place, other_word) == ("{rc}:9", "error")
    assert other.startswith('account b: fallback: there is no account "c3po"; ')


def test_every_wrong_line_is_told_and_no_settings_are_shown(home, run_sendmail, check):
    text = "host smtps://h.test\nhots h\nkeepbcc\naccount b : none\nport 99999\n"
    assert [(place, word, rest.split("; ")[0]) for place, word, rest in check(text)[1]] == [
        ("{rc}:1", "error", "host: not a host name but a URL"), ("{rc}:2", "error", "hots: unknown setting"),
        ("{rc}:3", "warning", "keepbcc: an old word"),
        ("{rc}:4", "error", 'account: there is no account "none" before this line'),
        ("{rc}:5", "error", "port: must be a number from 1 to 65535")]
    assert run_sendmail(["check"], name="relay").out == ""


def test_only_the_named_account_is_looked_at(check):
    text = "account a\ntls_certcheck off\n" + GOOD + "account b\ntls off\nhost b.test\nfrom b@b.test\n"
    assert [rest[:9] for _, _, rest in check(text)[1]] == ["account a", "account b", "there is "]
    assert [place for place, _, _ in check(text, "-a", "b")[1]] == ["{rc}:6"]


def test_options_count(check):
    status, [(place, _, rest)] = check(GOOD, "--tls=off")
    assert (status, place) == (1, "command line") and rest.startswith("account default: tls: off")
    assert check(GOOD + "tls off\n", "--tls=on") == (0, [])


def test_what_cannot_be_read_is_a_finding(check, home, run_sendmail, tmp_path):
    file = home(".relayrc", GOOD, 0o666)
    done = run_sendmail(["check"], name="relay")
    assert (done.rc, done.err) == (78, f"{file}: error: others can write to the file; run: chmod go-w {file}\n")
    done = run_sendmail(["check", "-C", "nosuch"], name="relay")
    assert (done.rc, done.err) == (78, "nosuch: error: there is no such file\n")
    done = run_sendmail(["check", "-a", "nosuch", "-C", home("good", GOOD)], name="relay")
    assert done.rc == 78 and done.err.startswith('relay check: error: there is no account "nosuch"')


# -- permissions ------------------------------------------------------------------------------------------------------

def test_a_folder_that_others_can_write_to(check, environment):
    os.chmod(environment["HOME"], 0o777)
    _, found = check(GOOD + f"queue off\npassword_file {environment['HOME']}/.relayrc\n")
    want = f"others can write to the folder {environment['HOME']} (mode 0777), and put another file in its place; " \
           f"run: chmod go-w {environment['HOME']}"
    assert found == [("{rc}", "warning", want), (f"{{rc}}:{ADDED + 1}", "warning", f"account default: password_file: {want}")]
    os.chmod(environment["HOME"], 0o1777)       # as /tmp
    assert check(GOOD + "queue off\n") == (0, [])


def test_the_folder_behind_a_link_counts(check, environment, home, tmp_path):
    (tmp_path / "dots").mkdir(mode=0o755)
    os.chmod(tmp_path / "dots", 0o777)
    home(".relayrc", GOOD)
    os.rename(f"{environment['HOME']}/.relayrc", tmp_path / "dots/relayrc")
    os.symlink(tmp_path / "dots/relayrc", f"{environment['HOME']}/.relayrc")
    status, [(place, _, rest)] = check(GOOD)
    assert (status, place) == (1, "{rc}") and f"folder {tmp_path}/dots (mode 0777)" in rest


def test_a_folder_of_another_user(check, tmp_path, pki):
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a folder away")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/ca").write_bytes(open(pki.ca, "rb").read())
    os.chown(tmp_path / "theirs", 54321, -1)
    assert "belongs to user 54321" in one(check(GOOD + f"tls_trust_file {tmp_path}/theirs/ca\n"), "warning", "tls_trust_file")


@pytest.mark.parametrize("mode,severity", [(0o640, "error"), (0o600, None)])
def test_a_password_file_that_others_can_read(check, home, mode, severity):
    text = GOOD + f"password_file {home('pw', 'hushhush', mode)}\n"
    if severity:
        assert "hushhush" not in one(check(text), severity, "password_file")
    else:
        assert check(text) == (0, [])


def test_a_password_in_a_file_that_others_can_read(home, run_sendmail):
    file = home(".relayrc", GOOD + "user u\npassword hushhush\n", 0o640)
    done = run_sendmail(["check", "--offline"], name="relay")
    assert done.rc == 78 and done.err == \
        f"{file}:{ADDED + 1}: error: password: the file can be read by others; run: chmod 600 {file}\n"


# -- files ------------------------------------------------------------------------------------------------------------

def test_every_file_of_tls_is_tried(check, home):
    junk = home("junk", "no certificate")
    status, found = check(GOOD + f"tls_trust_file {junk}\ntls_crl_file {junk}\ntls_cert_file {junk}\ntls_key_file {junk}\n"
                          "tls_priorities NONSENSE\n")
    keys = ("tls_crl_file", "tls_cert_file", "tls_priorities", "tls_trust_file")
    assert status == 78 and [(word, rest.split(": ")[1]) for _, word, rest in found] == [("error", key) for key in keys]


def test_a_private_key_that_others_can_read(check, pki, home):
    client = pki.client()
    key = home("key.pem", client.key.read_text(), 0o640)
    text = GOOD + f"tls_cert_file {client.cert}\ntls_key_file {key}\n"
    assert one(check(text), "warning", "tls_key_file", ADDED + 1).endswith(f"run: chmod 600 {key}")
    os.chmod(key, 0o600)
    assert check(text) == (0, [])


@pytest.mark.parametrize("path", ["/nowhere/log", "/dev/null/log", "/"])
def test_a_log_that_cannot_be_written(check, path):
    one(check(GOOD + f"logfile {path}\n"), "warning", "logfile")


def test_a_log_that_can(check, home, tmp_path):
    for path in ("-", tmp_path / "new", home("log", "")):
        assert check(GOOD + f"logfile {path}\n") == (0, [])
    assert not (tmp_path / "new").exists()


def test_a_socket(check, tmp_path):
    text = f"socket {tmp_path}/s\nfrom me@h.test\n"
    assert "is the server running" in one(check(text), "warning", "socket", 1)
    (tmp_path / "s").touch()
    one(check(text), "error", "socket", 1)
    (tmp_path / "s").unlink()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        assert check(text) == (0, [])


@pytest.mark.parametrize("more", ["", "system_mail me@h.test\n", "aliases /dev/null\n"])
def test_mail_of_the_system_needs_a_reader(environment, tmp_path, relay, more):
    """As /etc/relayrc, in a mount namespace."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "relayrc").write_text("host localhost\ntls off\nfrom me@h.test\n" + more)
    (etc / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (etc / "relayrc").chmod(0o644)
    (tmp_path / "relay").symlink_to(relay)
    script = 'mount --bind "$1" /etc && exec "$2" check --offline'
    command = ["unshare", "-m", "sh", "-c", script, "sh", etc, tmp_path / "relay"]
    if subprocess.run(["unshare", "-m", "mount", "--bind", etc, "/etc"], capture_output=True).returncode:
        pytest.skip("cannot make a mount namespace here: /etc/relayrc is not tested")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30)
    assert (done.returncode, "/etc/relayrc:1: warning: account default: system_mail: not set" in done.stderr) == \
        ((0, False) if more else (1, True)), done.stderr


# -- the queue --------------------------------------------------------------------------------------------------------

def test_a_queue_that_is_open_to_others(check, queue):
    os.chmod(queue.path, 0o755)
    assert "chmod 700" in one(check(GOOD), "error", "queue_directory", 1)


def test_a_queue_in_a_file(check, home):
    one(check(GOOD + f"queue_directory {home('file', '')}\n"), "error", "queue_directory")


def test_a_queue_that_cannot_be_made(home, run_sendmail, relay_for_all, public):
    """By another user: root can always write."""
    (public / "closed").mkdir(mode=0o755)
    file = public / "relayrc"
    file.write_text(GOOD + f"queue_directory {public}/closed/a/b\n")
    link = public / "relay"
    link.symlink_to(relay_for_all)
    done = subprocess.run([link, "check", "--offline", "-C", file], capture_output=True, text=True, user=54321, group=54321,
                          extra_groups=[], env={"HOME": "/"}, timeout=30)
    [line] = done.stderr.splitlines()
    assert done.returncode == 78 and line.startswith(f"{file}:{ADDED}: error: account default: queue_directory: the queue "
                                                     f"{public}/closed/a/b cannot be made: {public}/closed: Permission denied")
    assert os.listdir(public / "closed") == []


def test_a_queue_without_space(check, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none", full], capture_output=True).returncode:
        pytest.skip("cannot mount a small file system here")
    try:
        assert "MiB are free" in one(check(GOOD + f"queue_directory {full}/queue\n"), "warning", "queue_directory")
    finally:
        subprocess.run(["umount", full], check=True)


def test_a_queue_that_nobody_flushes(check, queue):
    now = int(time.time())
    queue.put("deferred", next_try=now - 3600, status={})       # late, but a laptop may have slept
    queue.put("deferred", next_try=now + 60, arrival=now - 86400)
    queue.put("deferred", arrival=now - 60)                     # not tried yet
    queue.put("hold", arrival=now - 86400)
    assert check(GOOD) == (0, [])
    queue.put("deferred", next_try=now - 86400, arrival=now - 2 * 86400)
    queue.put("deferred", arrival=now - 86400)
    assert "2 messages in" in one(check("account a\n" + GOOD + "account default : a\n"), "warning", "queue", 1, "a")
    assert check(GOOD + "queue off\n") == (0, [])


# -- DNS --------------------------------------------------------------------------------------------------------------

def accounts(*hosts):
    return "".join(f"account {name}\nhost {host}\nfrom {name}@x.test\n" for name, host in zip("abcdef", hosts)) + \
        "account default : a\n"


def test_names_are_looked_up_once(check, private):
    dns = NameServer({"good.test": [IPV4]})
    net = private(dns=dns)
    status, found = net.run(check, accounts("good.test", "bad.test", "good.test", "bad.test", "127.0.0.1", "[::1]"), online=True)
    assert status == 1 and [(place, rest.split(" (")[0]) for place, _, rest in found] == [
        ("{rc}:5", "account b: host: cannot resolve bad.test: Name or service not known; is it spelled right, and the network there?")]
    assert len([name for name, kind in dns.asked if (name, kind) == ("good.test", "A")]) == 1
    dns.asked.clear()
    assert net.run(check, accounts("bad.test")) == (0, [])
    assert dns.asked == []


def test_dead_name_servers_are_waited_for_once(check, private):
    net = private(dns=NameServer({}, silent={"A", "AAAA"}))
    start = time.monotonic()
    status, [(_, _, rest)] = net.run(check, accounts("a.test", "b.test", "c.test", "d.test"), online=True)
    assert status == 1 and "no answer in time" in rest and time.monotonic() - start < 9


def test_the_proxy_is_looked_up_not_the_server(check, private):
    net = private({"proxy.test": [IPV4]}, dns=NameServer({}))
    assert net.run(check, GOOD + "proxy_host proxy.test\n", online=True) == (0, [])
    one(net.run(check, GOOD + "proxy_host other.test\n", online=True), "warning", "proxy_host")


# -- JSON -------------------------------------------------------------------------------------------------------------

def test_json_has_settings_and_findings(home, run_sendmail):
    file = str(home(".relayrc", GOOD + "user u\npassword hushhush\ntls_certcheck off\n"))
    done = run_sendmail(["check", "--json", "--offline", "--port=2525"], name="relay")
    assert (done.rc, done.err) == (1, "") and "hushhush" not in done.out
    got = json.loads(done.out)
    [account] = got["accounts"]
    assert (account["name"], account["file"], account["line"]) == ("default", file, 1)
    by_key = {s.pop("key"): s for s in account["settings"]}
    assert by_key["host"] == {"value": "h.test", "origin": "file", "file": file, "line": 1, "variable": None}
    assert by_key["password"]["value"] == "********"
    assert by_key["port"] == {"value": "2525", "origin": "command line", "file": None, "line": None, "variable": None}
    assert by_key["tls"] == {"value": "on", "origin": "default", "file": None, "line": None, "variable": None}
    [finding] = got["findings"]
    assert finding.pop("text").startswith("off, so ") and finding.pop("remedy").startswith("remove this line")
    assert finding == {"severity": "warning", "file": file, "line": ADDED + 2, "account": "default", "key": "tls_certcheck"}


def test_json_of_the_environment(run_sendmail):
    env = {"RELAY_HOST": "h.test", "RELAY_FROM": "me@h.test", "RELAY_TLS": "off"}
    got = json.loads(run_sendmail(["check", "--json", "--offline"], name="relay", env=env).out)
    [account] = got["accounts"]
    assert account["file"] is None and {"key": "host", "value": "h.test", "origin": "environment", "file": None, "line": None,
                                        "variable": "RELAY_HOST"} in account["settings"]
    [finding] = got["findings"]
    assert (finding["file"], finding["line"], finding["key"]) == ("RELAY_TLS", None, "tls")


NASTY = ['a"b\\c', "a\u2028b", "a\u202eb", "tab\there", "\x7f", "日本語"]


@pytest.mark.parametrize("name", [*NASTY, b"a\xffb", b"\xc3", b"\xed\xa0\x80"], ids=ascii)
def test_names_of_any_bytes(environment, relay, tmp_path, name):
    name = name.encode() if isinstance(name, str) else name
    folder = os.path.join(os.fsencode(tmp_path), b"x" + name)
    os.mkdir(folder)
    file = os.path.join(folder, b"rc")
    is_value = b"\x7f" not in name      # no control characters in a relayrc
    with open(file, "wb") as out:
        out.write(b"host h.test\nlogfile " + (folder if is_value else b"/nowhere/x") + b"\ntls_certcheck off\n")
    os.chmod(file, 0o600)
    args = [b"check", b"--offline", b"-C", file]
    link = tmp_path / "relay"
    link.symlink_to(relay)
    done = subprocess.run([link, *args, b"--json"], capture_output=True, env=environment, timeout=30)
    got = json.loads(done.stdout.decode("utf-8"))
    assert done.returncode == 1 and len(got["findings"]) == 3 and done.stdout.count(b"\n") == 1
    want = file.decode("utf-8", errors="replace")
    assert {f["file"].count("�") > 0 for f in got["findings"]} == {"�" in want}
    if "�" not in want:
        assert {f["file"] for f in got["findings"]} == {want}
    plain = subprocess.run([link, *args], capture_output=True, env=environment, timeout=30)
    assert plain.returncode == 1 and len(plain.stderr.decode("utf-8").splitlines()) == plain.stderr.count(b"\n") == 3
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u2028\u202e]", plain.stderr.decode("utf-8"))


def test_json_of_wrong_lines_is_whole(home, run_sendmail):
    home(".relayrc", 'ho"st\x01 x\n' + 'n"s\\u h\n' * 150)
    got = json.loads(run_sendmail(["check", "--json"], name="relay").out)
    assert got["accounts"] == [] and len(got["findings"]) == 101
    assert got["findings"][-1]["text"] == "more than 100 wrong lines" and {f["severity"] for f in got["findings"]} == {"error"}


# -- size -------------------------------------------------------------------------------------------------------------

def test_a_thousand_accounts_are_checked_in_time(home, run_sendmail):
    text = "".join(f"account a{i}\nhost h{i}.test\nfrom *@*{i}.x{i % 7}.test\n" for i in range(999)) + "account default : a1\n"
    home(".relayrc", text)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run_sendmail(["check", "--json", "--offline"], name="relay", timeout=120)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.rc == 1 and len(json.loads(done.out)["accounts"]) == 1000
    assert used.ru_utime - before.ru_utime < 60     # seconds even under sanitizers


def test_nothing_is_changed(environment, check, tmp_path):
    check(GOOD + f"logfile {tmp_path}/log\nqueue_directory {tmp_path}/q\npasswordeval touch {tmp_path}/ran\n")
    assert not any((tmp_path / name).exists() for name in ("log", "q", "ran"))
    assert [n for n in os.listdir(environment["HOME"])] == [".relayrc"]
    assert stat.S_IMODE(os.stat(environment["HOME"] + "/.relayrc").st_mode) == 0o600
