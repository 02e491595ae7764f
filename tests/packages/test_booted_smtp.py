"""Programs of users that only speak SMTP, to port 25 of a machine with systemd: Python, Perl, swaks, msmtp, curl, and one that
waits for each answer as Java's does."""
import re
import subprocess

import pytest
from lib.jail import Jail, NoJail
from serving import LOGIN, arrived

LETTER = "From: alice\r\nTo: {to}\r\nSubject: größer\r\n\r\nGröße\r\n.\r\n"
PYTHON = r"""
import email.message, smtplib, sys
host, sender, to = sys.argv[1:]
message = email.message.EmailMessage()
message["From"], message["To"], message["Subject"] = "alice", to, "größer"
message.set_content("Größe\n.\n")
with smtplib.SMTP(host, 25, timeout=30) as client:
    assert client.send_message(message, sender, [to]) == {}
"""
NET_SMTP = r"""
use Net::SMTP;
my ($host, $sender, $to) = @ARGV;
my $c = Net::SMTP->new($host, Timeout => 30) or die "no greeting";
$c->mail($sender) and $c->to($to) and $c->data("From: alice\nTo: $to\nSubject: größer\n\n", "Größe\n.\n") and $c->quit
    or die $c->code, " ", $c->message;
"""
MAIL_SENDMAIL = r"""
use Mail::Sendmail;
my ($host, $sender, $to) = @ARGV;
sendmail(smtp => "$host:25", From => $sender, To => $to, Subject => "=?utf-8?q?gr=C3=B6=C3=9Fer?=",
         "Content-Type" => "text/plain; charset=utf-8", Message => "Größe\n.\n") or die $Mail::Sendmail::error;
"""
# What comes before its answer is due, or beside it, is an error; a second message in the same session.
STRICT = r"""
import re, select, socket, sys
host, sender, to = sys.argv[1:]
s = socket.create_connection((host, 25), 30)
def answer(code):
    said = b""
    while not re.search(rb"^\d{3} .*\r\n\Z", said, re.M):
        more = s.recv(1)
        assert more, said
        said += more
    assert said.startswith(code) and said.count(b"\n") == len(re.findall(rb"^\d{3}[- ][^\r\n]*\r\n", said, re.M)), said
def ask(line, code):
    assert not select.select([s], [], [], 0)[0]
    s.sendall(line.encode() + b"\r\n")
    answer(code)
answer(b"220")
ask("EHLO [127.0.0.1]", b"250")
for subject in "gone", "größer":
    ask(f"MAIL FROM:<{sender}>", b"250")
    ask(f"RCPT TO:<{to}>", b"250")
    if subject == "gone":
        ask("RSET", b"250")
        ask("NOOP", b"250")
        continue
    ask("DATA", b"354")
    ask(f"From: alice\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nGröße\r\n..\r\n.", b"250")
ask("QUIT", b"221")
assert s.recv(1) == b""
"""
PROGRAMS = {
    "python": (["python3", "-c", PYTHON], "127.0.0.1"), "python 6": (["python3", "-c", PYTHON], "::1"),
    "perl Net::SMTP": (["perl", "-e", NET_SMTP], "localhost"), "perl Mail::Sendmail": (["perl", "-e", MAIL_SENDMAIL], "localhost"),
    "swaks": (["swaks", "--server", "{host}", "--port", "25", "--from", "{sender}", "--to", "{to}", "--data", "-"], "127.0.0.1"),
    "msmtp": (["msmtp", "--host={host}", "--port=25", "--tls=off", "--auth=off", "--from={sender}", "{to}"], "::1"),
    "curl": (["curl", "-sS", "smtp://{host}:25", "--mail-from", "{sender}", "--mail-rcpt", "{to}", "-T", "-"], "127.0.0.1"),
    "curl 6": (["curl", "-sS", "smtp://[{host}]:25", "--mail-from", "{sender}", "--mail-rcpt", "{to}", "-T", "-"], "::1"),
    "one step after the other": (["python3", "-c", STRICT], "::1"),
}


class Programs(Jail):
    """With the machine's network, and as one of its users."""

    name = "smtp"

    def __init__(self, machine):
        super().__init__(None)
        self.machine = machine

    def configure(self):
        self.put("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 client.test\n")

    def commands(self):
        return []

    def send(self, name, user="alice", sender="alice@localhost", to="joe@mail.test"):
        """(exit status, what it wrote)"""
        argv, host = PROGRAMS[name]
        words = {"host": host, "sender": sender, "to": to}
        argv = argv + list(words.values()) if argv[0] in ("python3", "perl") else [word.format(**words) for word in argv]
        uid = self.machine.run("id", "-u", user).strip()
        there = ["nsenter", f"--net=/proc/{self.machine.init}/ns/net", "chroot", f"--userspec={uid}:{uid}", str(self.root)]
        done = subprocess.run(there + argv, input=LETTER.format(to=to).encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/"})
        return done.returncode, done.stdout.decode(errors="replace")


@pytest.fixture(scope="module")
def programs(machine):
    machine.run("systemctl", "start", "relay-smtp.socket")
    try:
        with Programs(machine) as running:
            yield running
    except NoJail as reason:
        pytest.skip(f"smtp: {reason}")


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program(machine, server, programs, name):
    status, said = programs.send(name)
    assert status == 0, said
    message, mail = arrived(server)
    assert (message.sender, message.recipients) == (LOGIN, ["joe@mail.test"])
    assert re.fullmatch(rf'"?alice on \S+.*<{LOGIN}>', mail["From"]), mail["From"]
    assert "Größe" in mail.get_payload(decode=True).decode()


def test_what_waits_is_its_users(machine, server, programs):
    rc = machine.root.path / "etc/relayrc"
    text = rc.read_text()
    try:
        rc.write_text(re.sub(r"(?m)^port .*", "port 9", text))
        for name in PROGRAMS:
            assert programs.send(name)[0] == 0, name
    finally:
        rc.write_text(text)
    shown = {user: machine.run("mailq", user=user).count("joe@mail.test") for user in ("root", "alice", "bob")}
    assert shown == {"root": len(PROGRAMS), "alice": len(PROGRAMS), "bob": 0}
    uid = machine.run("id", "-u", "alice")
    assert all(f"\nuid: {uid}".encode() in file.read_bytes() for file in (machine.root.path / "var/spool/relay/deferred").iterdir())
    machine.run("systemctl", "start", "relay-flush-now.service")
    assert len(server.wait_messages(len(PROGRAMS))) == len(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_nobody_is_somebody_else(machine, server, programs, name):
    """They end with what the service says."""
    status, said = programs.send(name, sender="root@localhost")
    assert status != 0 and server.messages() == []
    # curl has no words for it but the code.
    assert ("MAIL failed: 553" if name.startswith("curl") else "is another user of this machine; you are alice") in said, said
