"""Scripts in Python and Perl, with the means of their languages; unattended-upgrades and fail2ban, which are such."""
import pytest
from private_root import check_strict
from system_root import SENDER, SERVICE, check_local, system, _system_of_file      # noqa: F401

JOE = "joe@mail.test"


def check_from_joe(arrived, recipients=(JOE,)):
    check_strict(arrived)
    assert (arrived.sender, arrived.recipients) == (SENDER, sorted(recipients))


# -- Python --------------------------------------------------------------------------------------------------------

PYTHON = "#!/usr/bin/python3\n"
PIPE = PYTHON + """
import subprocess
message = "From: root\\nTo: root\\nSubject: Größe 🚚\\n\\nÜber 90 %\\n.\\nlast line"
subprocess.run(["/usr/sbin/sendmail", "-t", "-oi"], input=message.encode(), check=True)
"""
POLICY = PYTHON + """
import email.message, email.policy, subprocess
message = email.message.EmailMessage()
message["From"], message["To"], message["Bcc"] = "Jörg <account@mail.test>", "joe@mail.test", "boss@mail.test"
message["Subject"] = "Größe 🚚"
message.set_content("Über 90 %\\n.\\n", cte="8bit")
message.add_attachment(bytes(range(256)), maintype="application", subtype="octet-stream", filename="größe.bin")
done = subprocess.run(["/usr/sbin/sendmail", "-t", "-oi"], input=message.as_bytes(policy=email.policy.SMTP), check=True)
"""
OLD = PYTHON + """
import os
pipe = os.popen("/usr/sbin/sendmail -t", "w")
pipe.write("To: joe@mail.test\\nSubject: old\\n\\nhi\\n")
assert pipe.close() is None
"""


def test_python_pipe_of_text(system, record):
    system.run(system.script("pipe.py", PIPE))
    call, arrived = system.sent()
    check_local(arrived, "root")
    assert (arrived.field("Subject"), arrived.text) == ("Größe 🚚", "Über 90 %\n.\nlast line\n")
    record("python", "subprocess, text as it is", call, arrived)


def test_python_message_with_the_policy_of_smtp(system, record):
    system.run(system.script("policy.py", POLICY), user="alice")
    call, arrived = system.sent()
    check_from_joe(arrived, [JOE, "boss@mail.test"])
    assert b"\r\n" in call.stdin and arrived.address("From") == ("Jörg", SENDER) and arrived.field("Subject") == "Größe 🚚"
    text, attached = arrived.mail.iter_parts()
    assert text.get_content() == "Über 90 %\n.\n" and attached.get_content() == bytes(range(256))
    assert attached.get_filename() == "größe.bin"
    record("python", "email.message, policy SMTP", call, arrived)


def test_python_popen_without_dots(system, record):
    system.run(system.script("old.py", OLD))
    call, arrived = system.sent()
    check_from_joe(arrived)
    assert arrived.text == "hi\n"
    record("python", "os.popen", call, arrived)


# -- Perl ----------------------------------------------------------------------------------------------------------

# Without "use utf8" text is octets, as most scripts have it.
PERL = "#!/usr/bin/perl\nuse strict; use warnings;\n"
PERLS = {
    "open": ("perl", [JOE], r"""
open(my $pipe, "|-", "/usr/sbin/sendmail -t -oi") or die;
print $pipe "To: joe\@mail.test\nSubject: größer\n\nGröße\n.\n"; close $pipe or die $!;
"""),
    "MIME::Lite": ("perl-mime-lite", [JOE, "boss@mail.test"], r"""
use MIME::Lite;
MIME::Lite->new(From => "account\@mail.test", To => "joe\@mail.test", Bcc => "boss\@mail.test", Subject => "größer",
                Type => "text/plain; charset=UTF-8", Encoding => "8bit", Data => "Größe\n.\n")->send or die;
"""),
    "Mail::Mailer": ("perl-mail-mailer", [JOE], r"""
use Mail::Mailer;
my $mailer = Mail::Mailer->new("sendmail");
$mailer->open({From => "root", To => "joe\@mail.test", Subject => "größer"});
print $mailer "Größe\n"; $mailer->close or die;
"""),
    "Mail::Internet": ("perl-mail-internet", [JOE], r"""
use Mail::Internet;
Mail::Internet->new(["To: joe\@mail.test\n", "Subject: größer\n", "From: root\n"],
                    Body => ["Größe\n"])->send("sendmail") or die;
"""),
    "Email::Sender": ("perl-email-sender", [JOE], r"""
use Email::Sender::Simple qw(sendmail); use Email::Sender::Transport::Sendmail; use Email::Simple; use Encode;
my $subject = encode("MIME-Header", decode("UTF-8", "größer"));
my $mail = Email::Simple->create(header => [From => "account\@mail.test", To => "joe\@mail.test", Subject => $subject],
                                 body => "Größe\n.\n");
sendmail($mail, {transport => Email::Sender::Transport::Sendmail->new});
"""),
}


@pytest.mark.parametrize("name", PERLS)
def test_perl(system, record, name):
    client, recipients, text = PERLS[name]
    system.run(system.script("mail.pl", PERL + text))
    call, arrived = system.sent()
    check_from_joe(arrived, recipients)
    assert arrived.field("Subject") == "größer"
    assert arrived.text.split("\n")[0] == "Größe" and (".\n" in arrived.text) == (b"\n.\n" in call.stdin)
    record(client, f"{name}, driven", call, arrived)


# -- unattended-upgrades -------------------------------------------------------------------------------------------

# Its own function; only that nothing was upgraded.
UPGRADES = PYTHON + """
import importlib.machinery, importlib.util, io
import apt_pkg
loader = importlib.machinery.SourceFileLoader("upgrades", "/usr/bin/unattended-upgrade")
upgrades = importlib.util.module_from_spec(importlib.util.spec_from_loader("upgrades", loader))
loader.exec_module(upgrades)
apt_pkg.init_config()
upgrades.send_summary_mail(["libc6", "größer"], True, "All upgrades installed", upgrades.KeptPkgs(set), ["old"], [],
                           io.StringIO("Log started\\n"), "Unpacking größer …\\n.\\n" + "x" * 3000 + "\\n")
"""


def test_unattended_upgrades(system, record):
    system.put("etc/apt/apt.conf.d/50unattended-upgrades", 'Unattended-Upgrade::Mail "root";\n')
    system.run(system.script("upgrades.py", UPGRADES), env=SERVICE)
    call, arrived = system.sent()
    check_local(arrived, "root")
    assert arrived.field("Subject").startswith("unattended-upgrades result for ") and "SUCCESS" in arrived.field("Subject")
    assert arrived.field("Auto-Submitted") == "auto-generated"
    assert "\n libc6 größer\n" in arrived.text and "Unpacking größer …\n.\n" + "x" * 3000 in arrived.text
    record("unattended-upgrades", "send_summary_mail", call, arrived)


def test_unattended_upgrades_with_a_sender(system, record):
    system.put("etc/apt/apt.conf.d/50unattended-upgrades",
               f'Unattended-Upgrade::Mail "{JOE}";\nUnattended-Upgrade::Sender "Upgrades <{SENDER}>";\n')
    system.run(system.script("upgrades.py", UPGRADES), env=SERVICE)
    call, arrived = system.sent()
    check_local(arrived, "Upgrades", recipients=[JOE])
    record("unattended-upgrades", "Mail and Sender of the provider", call, arrived)


# -- fail2ban ------------------------------------------------------------------------------------------------------

# fail2ban's own reader of action.d and its own way to run what stands there.
BAN = PYTHON + """
import sys
sys.path.insert(0, "/usr/lib/python3/dist-packages")
from fail2ban.client.actionreader import ActionReader
from fail2ban.server.action import CommandAction
name, options = sys.argv[1], dict(word.split("=", 1) for word in sys.argv[2:])
reader = ActionReader(name, "sshd", options | {"name": "sshd", "fq-hostname": "box"}, basedir="/etc/fail2ban")
assert reader.read()
reader.getOptions({})
action = CommandAction(None, name)
for line in reader.convert():
    for key, value in line[-1] if line[0] == "multi-set" else []:
        setattr(action, key, value)
action.ban({"ip": "192.0.2.1", "failures": 5})
"""


def ban(system, *args):
    system.run(system.script("ban.py", BAN), *args, env=SERVICE)
    call, arrived = system.sent()
    assert arrived.field("Subject") == "[Fail2Ban] sshd: banned 192.0.2.1 from box"
    assert "The IP 192.0.2.1 has just been banned by Fail2Ban after\n5 attempts against sshd.\n" in arrived.text
    assert not call.stdin.endswith(b"\n") and arrived.text.endswith("Fail2Ban\n")
    return call, arrived


def test_fail2ban(system, record):
    """The sender is a word, and stands for nobody."""
    call, arrived = ban(system, "sendmail", "dest=root")
    check_local(arrived)
    assert "fail2ban" in arrived.address("From")[0].lower()
    record("fail2ban", "action.d/sendmail.conf as it is", call, arrived)


def test_fail2ban_with_its_own_addresses(system, record):
    call, arrived = ban(system, "sendmail", f"dest={JOE}", f"sender={SENDER}", "sendername=Wächter")
    check_local(arrived, "Wächter", recipients=[JOE])
    record("fail2ban", "sender, sendername and dest", call, arrived)
