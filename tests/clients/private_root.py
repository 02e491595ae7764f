"""A private root with programs that send mail, and ours as its /usr/sbin/sendmail; a strict server that receives.

    with Strict(pki) as server, PrivateRoot(server, binary, recorder) as root:
        root.run("mail", "-s", "hello", "root", user="alice", data=b"…")        to its end; output
        root.terminal("mutt", "-f", "mbox", keys=["b", "joe@mail.test\\r"])     on a terminal, which types these
        call, arrived = root.sent()                 the one message since the last such question, and the call that gave
                                                    it to sendmail
        root.put("home/alice/.muttrc", text, owner=ALICE)       files; root.root is the root as a path

A subclass is another root of packages.ROOTS: name = "…"; it may have `daemons` (command lines that run all the time), and
prepare() to put files before they start. PrivateRoot(…, daemons=[…], files={path: text}) does the same for one test.

The root is a chroot (lib/jail.py): no mount, no namespace. It has the users root, alice and bob (who write with system
account and password of /etc/relayrc: they are in the group relay), www-data, daemon; a login of alice's own sets HOME, USER,
LOGNAME, SHELL and PATH, and no TERM. /usr/sbin/sendmail, /usr/lib/sendmail, mailq and newaliases are recorder.c, which notes
what it is called with and then is our program. The host has the name of the machine that the test runs on, and the full name
HOST.client.test. Who needs /proc or a second network interface must do without.

The server is Postfix, over TLS that is verified and with AUTH, and takes only what a strict provider takes: a sender of the
account's domain, header fields of 7 bits, bodies of 8 bits only where MIME says so, From fields with a domain.
"""
import email
import email.policy
import os
import pty
import re
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import catalogue
from lib.cron import PAM
from lib.jail import Jail, ServerFailed
from lib.postfix import Postfix
from lib.syslog import Syslog

ALICE, BOB, WWW, RELAY = 64898, 64899, 33, 64889
USERS = {"root": (0, "root", "/root"), "daemon": (1, "daemon", "/"), "mail": (8, "mail", "/var/mail"),
         "www-data": (WWW, "www-data", "/var/www"), "alice": (ALICE, "Alice Liddell", "/home/alice"),
         "bob": (BOB, "Bob Müller", "/home/bob"), "nobody": (65534, "nobody", "/nonexistent")}
GROUPS = {"tty": 5, "nogroup": 65534, "crontab": 64888}
MEMBERS = "alice,bob,www-data,daemon,mail"

STRICT = """
smtpd_sender_login_maps = regexp:/etc/postfix/logins
smtpd_sender_restrictions = reject_non_fqdn_sender, reject_sender_login_mismatch, reject_non_fqdn_recipient
header_checks = regexp:/etc/postfix/headers
strict_7bit_headers = yes
strict_8bitmime_body = yes
strict_mime_encoding_domain = yes
"""


class NotArrived(Exception):
    """The text has what was logged."""


class Strict(Postfix):
    """Postfix as a provider that refuses what it could let pass."""

    def __init__(self, pki):
        super().__init__(pki, settings=STRICT)

    def configure(self):
        super().configure()
        self.put("etc/postfix/logins", "/@mail\\.test$/ user@mail.test\n/./ nobody@mail.test\n")
        self.put("etc/postfix/headers", "/^(From|Sender|Reply-To|To|Cc): *[^@:;]*$/ REJECT 5.7.1 no domain in $1\n"
                                        "/^Bcc:/ REJECT 5.7.1 Bcc\n")


@dataclass
class Arrived:
    """A message at the server. sender, recipients: its envelope; data: its octets, with LF, without the trace fields."""
    sender: str
    recipients: list
    data: bytes

    def __post_init__(self):
        self.mail = email.message_from_bytes(self.data, policy=email.policy.default)

    @property
    def header(self):
        return self.data.partition(b"\n\n")[0] + b"\n"

    @property
    def body(self):
        return self.data.partition(b"\n\n")[2]

    def field(self, name):
        """The decoded text of the one field of this name."""
        value, = self.mail.get_all(name)
        return str(value)

    def address(self, name):
        """(display name, address) of the one address in the one field of this name."""
        field, = self.mail.get_all(name)
        one, = field.addresses
        return one.display_name, one.addr_spec

    @property
    def text(self):
        """The body as a reader sees it. (In base64, lines of text end with CRLF.)"""
        return self.mail.get_content().replace("\r\n", "\n")


class PrivateRoot(Jail):
    name = "clients"
    known, members = USERS, MEMBERS

    def __init__(self, server, binary, recorder, daemons=(), files=None, rc=catalogue.ACCOUNT):
        """`rc`: /etc/relayrc, with {host}, {port} and {ca}. `files`: path -> text."""
        super().__init__(server.pki)
        self.server, self.binary, self.recorder, self.rc = server, Path(binary), Path(recorder), rc
        self.daemons, self.files = list(daemons), files or {}
        self._log = None

    def __exit__(self, *args):
        super().__exit__(*args)
        if self._log:
            self._log.close()

    # -- what is in it --------------------------------------------------------------------------------------------

    def configure(self):
        self._put_users()
        host = catalogue.private_host()
        self.put("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {host} {catalogue.host()}\n::1 localhost\n")
        self.put("etc/mailname", f"{host}\n")
        self._put_sendmail()
        for path in ("tmp", "var/tmp", "record", "var/mail"):
            self.directory(path, 0o1777)
        for path in ("var/run", "var/www", "var/spool/cron", "var/lib"):
            self.directory(path)
        tty = self.root / "dev/tty"
        if not tty.exists():
            os.mknod(tty, 0o20666, os.makedev(5, 0))
            tty.chmod(0o666)
        for name in ("login", "su", "other", "cron", "atd"):
            self.put(f"etc/pam.d/{name}", PAM)
        self._link("bin/sh", "dash")
        self._log = Syslog(self.root / "dev/log")
        self.prepare()
        for path, text in self.files.items():
            self.put(path, text)

    def prepare(self):
        """For subclasses."""

    def commands(self):
        return self.daemons

    def _put_users(self):
        self.put("etc/passwd", "".join(f"{n}:x:{i}:{i}:{full},,,:{home}:/bin/sh\n"
                                       for n, (i, full, home) in self.known.items()))
        groups = {n: i for n, (i, _, _) in USERS.items()} | GROUPS
        self.put("etc/group", "".join(f"{n}:x:{i}:\n" for n, i in groups.items()) + f"relay:x:{RELAY}:{self.members}\n")
        self.put("etc/shells", "/bin/sh\n")
        for name in ("root", "alice", "bob"):
            uid, _, home = USERS[name]
            self.directory(home[1:], 0o700, uid)

    def _put_sendmail(self):
        self.put("usr/lib/relay/sendmail", self.binary.read_bytes(), 0o755)
        self.put("usr/sbin/sendmail", self.recorder.read_bytes(), 0o755)
        for path, target in (("usr/lib/sendmail", "../sbin/sendmail"), ("usr/bin/mailq", "../sbin/sendmail"),
                             ("usr/bin/newaliases", "../sbin/sendmail")):
            (self.root / path).unlink(missing_ok=True)
            self._link(path, target)
        self.put("etc/relay/ca.pem", Path(self.pki.ca).read_bytes())
        self.settings(self.rc)

    def settings(self, rc):
        """Write /etc/relayrc; root and the group relay may read it."""
        self.put("etc/relayrc", rc.format(host=self.server.host, port=self.server.ports["smtps"], ca="/etc/relay/ca.pem")
                 + "tls_starttls off\n", 0o640)
        os.chown(self.root / "etc/relayrc", 0, RELAY)

    def _link(self, path, target):
        if not os.path.lexists(self.root / path):
            (self.root / path).symlink_to(target)

    # -- running ----------------------------------------------------------------------------------------------------

    def _command(self, argv, user, env, cwd):
        uid, _, home = self.known[user]
        base = {"HOME": home, "USER": user, "LOGNAME": user, "SHELL": "/bin/sh", "LANG": "C.UTF-8",
                "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
        groups = f"{uid},{RELAY}" if user in self.members.split(",") else str(uid)
        words = [f"{k}={v}" for k, v in (base | (env or {})).items() if v is not None]
        return ["chroot", f"--userspec={uid}:{uid}", f"--groups={groups}", str(self.root), "/usr/bin/env", "-i",
                f"--chdir={cwd or home}", *words, *argv]

    def run(self, *argv, user="root", data=b"", env=None, cwd=None, status=0, timeout=60, hardened=False):
        """Run a command as this user, to its end; what it wrote. `env` is added to a login's environment (None: without);
        `status` is what it must end with, None if that does not matter. `hardened`: it gets no new privileges."""
        before = ["setpriv", "--no-new-privs", "--"] if hardened else []
        done = subprocess.run(before + self._command(argv, user, env, cwd), input=data, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, start_new_session=True)
        if status not in (None, done.returncode):
            raise ServerFailed(f"{argv[0]}: status {done.returncode}: {done.stdout.decode(errors='replace')[-2000:]}")
        return done.stdout

    def terminal(self, *argv, keys, user="alice", env=None, cwd=None, seconds=30):
        """Run a command on a terminal of its own, and type: a str is typed; a (compiled) regular expression is waited for on
        the screen. Ends with the command; what it wrote."""
        pid, screen = pty.fork()
        if pid == 0:
            command = self._command(argv, user, {"TERM": "xterm"} | (env or {}), cwd)
            os.execvp(command[0], command)
        shown, at, deadline = b"", 0, time.monotonic() + seconds
        keys = list(keys)
        try:
            while True:
                while keys:
                    if isinstance(keys[0], str):
                        os.write(screen, keys.pop(0).encode())
                        continue
                    found = keys[0].search(shown, at)
                    if not found:
                        break
                    at = found.end()
                    keys.pop(0)
                if not select.select([screen], [], [], max(0, deadline - time.monotonic()))[0]:
                    raise TimeoutError(f"{argv[0]} waits; on its screen: {shown[-1500:]!r}")
                try:
                    shown += os.read(screen, 65536)
                except OSError:     # the terminal has no process any more
                    break
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            raise
        finally:
            os.close(screen)
            _, status = os.waitpid(pid, 0)
        if status != 0 or keys:
            raise ServerFailed(f"{argv[0]}: wait status {status}, not typed: {keys}: {shown[-1500:]!r}")
        return shown

    # -- what a test asks -------------------------------------------------------------------------------------------

    def sent(self, count=1, messages=None, seconds=10):
        """(Call, Arrived); if count is not 1 or `messages` is given, the lists of both: so many calls of sendmail, which made
        so many messages, in the order of their arrival. No more than that may have come since the last such question."""
        expected = messages or count
        try:
            found = self.server.wait_messages(expected, seconds=seconds)
        except TimeoutError as late:
            waiting = b"".join(self.run("mailq", user=user, status=None) for user in ("root", "alice", "www-data"))
            raise NotArrived(f"{str(late).partition(chr(10))[0]}\nin the root: {waiting.decode(errors='replace')}"
                             f"{self.log(10)}\nat the server: {self.server.log(5)}") from None
        calls = self.calls(count)
        self.server.clear()
        assert (len(calls), len(found)) == (count, expected), [c.argv for c in calls]
        arrived = [Arrived(m.sender, sorted(m.recipients), m.sent) for m in found]
        return (calls[0], arrived[0]) if count == 1 and messages is None else (calls, arrived)

    def log(self, lines=40):
        return "\n".join(self._log.lines[-lines:]) + "\n" + super().log(lines)

    def calls(self, count, seconds=20):
        """What sendmail was called with, at least `count` times, since the last such question."""
        deadline = time.monotonic() + seconds
        folder = self.root / "record"
        while True:
            names = sorted(folder.glob("*.call"))
            if len(names) >= count and not any(folder.glob("*.part")) and not any(folder.glob("*.new")):
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(names)} of {count} calls of sendmail")
            time.sleep(0.01)
        found = [_call(name) for name in names]
        self.forget()
        return found

    def forget(self):
        """Forget what sendmail was called with."""
        for file in (self.root / "record").iterdir():
            file.unlink()

    def messages(self):
        raise NotImplementedError("mail arrives at the server, not here")


def _call(file):
    call = catalogue.Call("", "", [])
    names = {str(uid): name for name, (uid, _, _) in USERS.items()}
    for string in file.read_bytes().split(b"\0")[:-1]:
        key, _, value = os.fsdecode(string).partition("=")
        if key == "argv":
            call.argv.append(value)
        elif key == "env":
            name, _, value = value.partition("=")
            call.env[name] = value
        elif key in catalogue.SIGNALS:
            getattr(call, key).append(value)
        elif key == "uid":
            call.facts["user"] = names.get(value, value)
        else:
            call.facts[key] = value
    stdin = file.with_suffix(".stdin")
    call.stdin = stdin.read_bytes() if stdin.exists() else b""
    return call


def check_strict(arrived, resent=False):
    """What every message must be, whoever wrote it: RFC 5322's numbers of fields, 7-bit header, lines that are not too long,
    addresses with domains."""
    mail = arrived.mail
    for name in ("From", "Date", "Message-ID"):
        assert len(mail.get_all(name, [])) == 1, f"{len(mail.get_all(name, []))} fields {name}"
    for name in ("To", "Cc", "Sender", "Reply-To", "Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"):
        assert len(mail.get_all(name, [])) <= 1, f"several fields {name}"
    assert not mail.get_all("Bcc") and not mail.get_all("Resent-Bcc")
    assert arrived.header.isascii()
    assert max(map(len, arrived.data.split(b"\n"))) <= 998 and b"\0" not in arrived.data and b"\r" not in arrived.data
    for name in ("From", "To", "Cc", "Sender", "Reply-To", "Resent-From", "Resent-To"):
        for value in mail.get_all(name, []):
            for address in value.addresses:
                # A machine can have a name without a dot, and programs write it.
                dotted = "+" if name in ("From", "Sender", "Resent-From") else "*"
                assert re.fullmatch(rf"[^@\s]+@[\w-]+(\.[\w-]+){dotted}", address.addr_spec), f"{name}: {address.addr_spec!r}"
            assert not value.defects, f"{name}: {value.defects}"
    assert mail.get_content_charset("us-ascii") not in ("unknown-8bit",) or not arrived.data.isascii()
