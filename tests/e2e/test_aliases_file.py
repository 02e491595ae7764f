"""Aliases files as people have them: mistakes, which stop no mail but their own; targets that get none, and who is told; and the
files of Debian, Fedora, Postfix and the BSDs."""
import email
import email.policy
import re

import pytest

from lib.queuefiles import QueueFiles
from lib.serving import ended, run, talk

ADMIN = "me@example.org"
SENDER = "s@x.test"
TEXT = b"Subject: what it is\n\ntext\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "aliases"

    def write(text):
        path.write_text(text)
        return path
    write.path = path
    return write


@pytest.fixture
def queue(tmp_path):
    return QueueFiles(tmp_path / "queue")


def told(done, file):
    """[(line number, rest)] of what was said."""
    return [(int(n), rest) for n, rest in re.findall(rf"^sendmail: {file.path}:(\d+): (.*)$", done.err, re.M)]


# -- mistakes ------------------------------------------------------------------------------------------------------------

BROKEN = """# line 1
first: one@y.test
no colon here
broken: <one@y.test
half: two@y.test, three@@y.test
empty:
at@y.test: x@y.test
first: again@y.test
ring: rong
rong: ring
last: four@y.test
"""
MISTAKES = [3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("name,expected,more", [
    ("first", ["one@y.test"], []), ("last", ["four@y.test"], []), ("no", [ADMIN], []), ("broken", [ADMIN], []),
    ("half", ["two@y.test", ADMIN], []), ("empty", [ADMIN], []), ("at", [ADMIN], []), ("ring", [ADMIN], [9]),
    ("first,broken,last", ["one@y.test", ADMIN, "four@y.test"], [])])
def test_a_mistake_stops_no_mail(submit, file, tmp_path, name, expected, more):
    """Each is told once, by file and line, on standard error and in the log; the mail goes on, and the status is 0."""
    settings = {"aliases": file(BROKEN), "system_mail": ADMIN, "logfile": tmp_path / "log"}
    done, server = submit(["-f", SENDER, name], TEXT, settings)
    assert done.rc == 0 and [m.recipients for m in server.messages] == [expected]
    assert sorted(n for n, _ in told(done, file)) == sorted(MISTAKES + more)
    assert done.err.count("\n") == len(MISTAKES + more)
    log = (tmp_path / "log").read_text()
    assert [log.count(f": {file.path}:{n}: ") for n in MISTAKES] == [1] * len(MISTAKES)


def test_what_is_wrong_and_what_to_do(submit, file):
    done, _ = submit(["-f", SENDER, "first"], TEXT, {"aliases": file(BROKEN), "system_mail": ADMIN})
    said = dict(told(done, file))
    assert said[3] == 'no ":" behind the name; write NAME: ADDRESS'
    assert said[4].startswith("broken: ") and "one@y.test" in said[4]
    assert said[6] == "empty: no target; write an address, or /dev/null to throw the mail away"
    assert said[8] == "first: this alias is in line 2 already, and that one counts; join them"


def test_mail_that_needs_no_alias_hears_nothing(submit, file):
    done, server = submit(["-f", SENDER, "a@y.test"], TEXT, {"aliases": file(BROKEN), "system_mail": ADMIN})
    assert (done.rc, done.err) == (0, "") and [m.recipients for m in server.messages] == [["a@y.test"]]


def test_quiet_is_quiet(submit, file):
    done, server = submit(["-oeq", "-f", SENDER, "broken"], TEXT, {"aliases": file(BROKEN), "system_mail": ADMIN})
    assert (done.rc, done.err) == (0, "") and [m.recipients for m in server.messages] == [[ADMIN]]


def test_without_system_mail_the_name_gets_its_domain(submit, file):
    done, server = submit(["-f", SENDER, "broken"], TEXT, {"aliases": file(BROKEN), "maildomain": "dom.test"})
    assert done.rc == 0 and [m.recipients for m in server.messages] == [["broken@dom.test"]]


def test_default_takes_the_mail_of_a_mistake(submit, file):
    done, server = submit(["-f", SENDER, "broken", "half"], TEXT,
                          {"aliases": file(BROKEN + "default: all@y.test\n"), "system_mail": ADMIN})
    assert done.rc == 0 and [m.recipients for m in server.messages] == [["all@y.test", "two@y.test"]]


def test_a_file_that_is_none_at_all(submit, file):
    """Hundreds of lines that mean nothing: some are told, the rest counted."""
    done, server = submit(["-f", SENDER, "root"], TEXT, {"aliases": file("\n".join(f"line {n}" for n in range(500))), "system_mail": ADMIN})
    assert done.rc == 0 and [m.recipients for m in server.messages] == [[ADMIN]]
    assert len(done.err.splitlines()) == 21 and done.err.splitlines()[-1] == "sendmail: 480 more such lines; newaliases says them all"


def test_bytes_that_are_no_text(submit, file):
    file("")
    file.path.write_bytes(b"root: me@y.test\n\0\xff\xfe\x1b[2J: \x07\njoe: \xff@y.test\nann: a\0@y.test\n")
    done, server = submit(["-f", SENDER, "root"], TEXT, {"aliases": file.path, "system_mail": ADMIN})
    assert done.rc == 0 and [m.recipients for m in server.messages] == [["me@y.test"]]
    assert done.err.count("\n") == 3 and "\x1b" not in done.err and "\0" not in done.err


# -- targets that get no mail: who is told -----------------------------------------------------------------------------

COMMAND = "run: |/usr/bin/run, b@y.test\nonly: |/usr/bin/only\nnobody: /dev/null\nbin: /dev/null, c@y.test\n"


class Report:
    def __init__(self, message):
        assert message.sender == ""
        self.to = message.recipients
        mail = email.message_from_bytes(message.data, policy=email.policy.default)
        _, status, self.original = mail.get_payload()
        _, *self.recipients = status.get_payload()

    @property
    def seen(self):
        return [(r["Final-Recipient"], r["Action"], r["Status"]) for r in self.recipients]


@pytest.fixture
def sent(scripted, relayrc, run_sendmail, file, queue, tmp_path):
    """sent(args, …) -> the call's result; the server's messages, reports apart. With a queue."""
    def call(args, settings=None, expect=1):
        server = scripted()
        settings = {"maildomain": "dom.test", "logfile": tmp_path / "log"} | (settings or {})
        rc = relayrc(server, queue_directory=queue.path, aliases=file(COMMAND), **{k: v for k, v in settings.items() if v})
        done = run_sendmail(args, TEXT, rc)
        if expect:
            server.wait_for("BODY", nth=expect)
        server.settle()
        mail = [m for m in server.messages if m.sender]
        return done, mail, [Report(m) for m in server.messages if not m.sender]
    return call


WRONG = '{file}:1: run: no mail goes to "|/usr/bin/run": this is a command, and none is run; put an address in its place'
ONLY = '{file}:2: only: no mail goes to "|/usr/bin/only": this is a command, and none is run; put an address in its place'


@pytest.mark.parametrize("mode,rc,is_said,is_mailed", [
    ([], 78, True, False), (["-oep"], 78, True, False), (["-oew"], 78, True, False), (["-oeq"], 78, False, False),
    (["-oem"], 78, True, True), (["-oee"], 0, True, True)])
@pytest.mark.parametrize("args,others,line,final", [(["run", "a@y.test"], ["b@y.test", "a@y.test"], WRONG, "run@dom.test"),
                                                    (["only"], None, ONLY, "only@dom.test")], ids=["some", "nobody"])
def test_error_modes(sent, file, queue, tmp_path, mode, rc, is_said, is_mailed, args, others, line, final):
    done, mail, reports = sent([*mode, "-f", SENDER, *args], expect=(others is not None) + is_mailed)
    line = line.format(file=file.path)
    assert (done.rc, done.err) == (rc, f"sendmail: {line}\n" if is_said else "")
    assert [m.recipients for m in mail] == ([others] if others else [])
    assert [r.to for r in reports] == [[SENDER]] * is_mailed
    for report in reports:
        assert report.seen == [(f"rfc822; {final}", "failed", "5.3.5")]
        assert re.sub(r"\s+", " ", report.recipients[0]["Diagnostic-Code"]) == f"x-relay; {line}"
        assert "Subject: what it is" in str(report.original)
    assert queue.places() == {}
    log = (tmp_path / "log").read_text()
    assert re.search(r"postfix/error\[\d+\]: (\w+): "
                     rf"to=<{args[0]}>, relay=none, delay=\d+\.\d\d, dsn=5.3.5, status=bounced \({re.escape(line)}\), "
                     r"account=default, .*(\n.*)*postfix/qmgr\[\d+\]: \1: removed\n", log)


@pytest.mark.parametrize("mode,rc", [("-oem", 78), ("-oee", 78)])
@pytest.mark.parametrize("args", [["-f", "<>"], ["-f", SENDER, "--queue=off"]], ids=["null sender", "no queue"])
def test_nobody_to_write_to(sent, mode, rc, args):
    done, mail, reports = sent([mode, *args, "only"], expect=0)
    assert done.rc == rc and done.err.count("\n") == 1 and mail == [] and reports == []


@pytest.mark.parametrize("notify", ["never", "delay"])
def test_the_sender_may_not_want_to_hear(sent, notify):
    done, mail, reports = sent(["-oee", "-N", notify, "-f", SENDER, "run"])
    assert done.rc == 0 and len(mail) == 1 and reports == []


def test_root_hears_of_cron(sent):
    """As Debian's cron calls it: nobody reads standard error; the report goes to the account's own address."""
    done, mail, reports = sent(["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "-f", "root", "run"],
                               {"system_mail": ADMIN, "maildomain": None}, 2)
    assert done.rc == 78 and [m.recipients for m in mail] == [["b@y.test"]] and [r.to for r in reports] == [["sender@mail.test"]]


@pytest.mark.parametrize("mode", ["-odq", "-odb"])
def test_the_queue_modes_too(sent, queue, mode):
    done, mail, reports = sent(["-oem", mode, "-f", SENDER, "run"], expect=0 if mode == "-odq" else 2)
    assert done.rc == 78 and done.err.count("\n") == 1
    if mode == "-odq":
        assert sorted(queue.places().values()) == ["deferred", "incoming"]
    else:
        assert [m.recipients for m in mail] == [["b@y.test"]] and len(reports) == 1


# -- /dev/null ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args,expected", [(["nobody"], None), (["bin", "nobody"], ["c@y.test"]), (["-oem", "nobody@localhost"], None),
                                           (["-odq", "nobody"], None)])
def test_what_is_for_dev_null_is_thrown_away(sent, file, queue, tmp_path, args, expected):
    done, mail, reports = sent(["-f", SENDER, *args], expect=bool(expected))
    assert (done.rc, done.err) == (0, "") and reports == [] and queue.places() == {}
    assert [m.recipients for m in mail] == ([expected] if expected else [])
    assert re.search(rf"to=<nobody\S*>, discarded \({file.path}:3: nobody: thrown away", (tmp_path / "log").read_text())


def test_bv_shows_what_is_thrown_away(run_sendmail, relayrc, file):
    done = run_sendmail(["-bv", "nobody", "bin"], rc=relayrc(host="mail.test", aliases=file(COMMAND)))
    assert (done.rc, done.err) == (0, "")
    told = [line for line in done.out.splitlines() if line.startswith(("recipient: ", "thrown away: "))]
    assert told == ["recipient: <c@y.test>", "thrown away: <nobody>", "thrown away: <bin>"]


# -- sendmail -bs --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("with_queue", [True, False])
def test_an_smtp_client_hears_of_it(talk, scripted, relayrc, file, queue, with_queue):
    """One answer for all: with a queue its sender gets a report; without, the answer says that somebody has not got it."""
    server = scripted()
    settings = {"queue_directory": queue.path} if with_queue else {"queue": "off"}
    raw = talk("pipe", relayrc(server, aliases=file(COMMAND), maildomain="dom.test", **settings))
    said = raw.letter(to=["run"])
    if with_queue:
        assert said.startswith("250 2.0.0 Ok: queued as ")
    else:
        assert said.startswith("554 5.3.5 ") and "run: no mail goes to" in said and said.endswith("; the other recipients have it")
    server.wait_for("BODY", nth=1 + with_queue)
    said = raw.letter(to=["only"])
    assert said.startswith("250 2.0.0 Ok: nobody gets it" if with_queue else "554 5.3.5 ")
    assert raw.letter(to=["nobody"]).startswith("250 2.0.0 Ok: nobody gets it")
    assert ended(raw)
    if with_queue:
        server.wait_for("BODY", nth=3)
    assert [m.recipients for m in server.settle().messages] == [["b@y.test"]] + [["s@x.test"], ["s@x.test"]] * with_queue


def test_an_smtp_client_may_not_want_to_hear(talk, scripted, relayrc, file, queue):
    server = scripted()
    raw = talk("pipe", relayrc(server, queue_directory=queue.path, aliases=file(COMMAND)))
    raw.send("MAIL FROM:<s@x.test>\nRCPT TO:<run> NOTIFY=NEVER\nDATA\n\nhi\n.\n")
    assert raw.replies(4)[-1].startswith("250 ") and ended(raw)
    assert [m.recipients for m in server.settle().messages] == [["b@y.test"]] and queue.places() == {}


# -- the files of others -------------------------------------------------------------------------------------------------

DEBIAN = """# /etc/aliases
mailer-daemon: postmaster
postmaster: root
nobody: root
hostmaster: root
usenet: root
news: root
webmaster: root
www: root
ftp: root
abuse: root
noc: root
security: root
root: joe
"""
# Fedora's and CentOS's: tabs, comments between, names that point on.
FEDORA = """#
#  Aliases in this file will NOT be expanded in the header from
#  Mail, but WILL be visible over networks or from /bin/mail.
#
# Basic system aliases -- these MUST be present.
mailer-daemon:\tpostmaster
postmaster:\troot

# General redirections for pseudo accounts.
bin:\t\troot
vcsa:\t\troot
dovecot:\troot

# trap decode to catch security attacks
decode:\t\troot

# Person who should get root's mail
#root:\t\tmarc
"""
BSD = """# Basic system aliases
MAILER-DAEMON: postmaster
postmaster: root
# General redirections for important pseudo accounts
daemon:\troot
operator:\troot
_dhcp:\t/dev/null
bit-bucket: /dev/null
dev-null: bit-bucket
# Well-known aliases
root:\tjoe@y.test
dumper: root
# OFFICIAL CSRG/BUG ADDRESSES
"""
LISTS = """# owner-, -request, quoted names, several targets, groups of lines
owner-staff:   joe@y.test
staff-request: owner-staff
staff:         "ann smith"@y.test,
               Bob <bob@y.test>,   # who is new
               "Carl, the third" <carl@y.test> (not before ten)

"Joe User":    joe@y.test
joe\\
user: joe@y.test
ROOT:          \\root, joe@y.test
"""


@pytest.mark.parametrize("text,names,expected", [
    (DEBIAN, ["postmaster", "MAILER-DAEMON", "www", "root@localhost"], [ADMIN]),
    (FEDORA, ["decode", "vcsa@localhost", "nobody"], [ADMIN]),
    (BSD, ["mailer-daemon", "operator", "dumper"], ["joe@y.test"]),
    (BSD, ["dev-null", "_dhcp", "root"], ["joe@y.test"]),
    (LISTS, ["staff"], ['"ann smith"@y.test', "bob@y.test", "carl@y.test"]),
    (LISTS, ["staff-request", '"joe user"', "joeuser"], ["joe@y.test"]),
    (LISTS, ["root"], [ADMIN, "joe@y.test"]),
    (LISTS.replace("\n", "\r\n"), ["staff", "root"], ['"ann smith"@y.test', "bob@y.test", "carl@y.test", ADMIN, "joe@y.test"]),
])
def test_files_as_they_are_shipped(submit, file, run_sendmail, relayrc, text, names, expected):
    file("")
    file.path.write_bytes(text.encode())
    done, server = submit(["-f", SENDER, *names], TEXT, {"aliases": file.path, "system_mail": ADMIN})
    assert (done.rc, done.err) == (0, "") and [m.recipients for m in server.messages] == [expected]
    done = run_sendmail([], rc=relayrc(host="mail.test", aliases=file.path), name="newaliases")
    assert (done.rc, done.err) == (0, "") and done.out.endswith(" aliases, no mistakes\n")


def test_lists_in_lists(submit, file, tmp_path):
    """A file that includes others, with people twice; a ring of files ends; a file that is missing costs its readers the mail."""
    (tmp_path / "all").write_text(f":include:{tmp_path}/dev\nann@y.test\n:include:{tmp_path}/ops\n:include:{tmp_path}/gone\n")
    (tmp_path / "dev").write_text("bob@y.test\nann@y.test\n")
    (tmp_path / "ops").write_text(f"carl@y.test\n:include:{tmp_path}/all\n")
    done, server = submit(["-f", SENDER, "all"], TEXT, {"aliases": file(f"all: :include:{tmp_path}/all\n")})
    assert [m.recipients for m in server.messages] == [["bob@y.test", "ann@y.test", "carl@y.test"]]
    assert done.rc == 78 and done.err.count("\n") == 1 and f"{tmp_path}/all:4: all: :include:: cannot open {tmp_path}/gone" in done.err
