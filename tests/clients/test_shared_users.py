"""PHP as www-data; mail(1), mutt and git as alice: users who have no account, and may not read the machine's."""
import pytest
from private_root import ALICE, check_strict
from shared_root import JOE, SENDER, SERVICE, Shared, check_both

ROOT = Shared
TEXT = "Grüße\nFrom me\n"
PHP = ["php8.2", "-d", "display_startup_errors=0", "-r"]


def php(root, code, status=0, **options):
    """`code` is called for what it gives back: mail() must be content."""
    return root.run(*PHP, f"exit({code} ? 0 : 1);", user="www-data", env=SERVICE, status=status, **options)


# -- PHP -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("is_hardened", [False, True], ids=["free", "no new privileges"])
def test_php(root, is_hardened):
    call, arrived = check_both(root, "www-data", lambda to: php(root, f"mail('{to}', 'Größe', \"Grüße\\n.\\n\")", hardened=is_hardened),
                               "www-data on ")
    assert call.argv == ["/usr/sbin/sendmail", "-t", "-i"]
    assert (arrived.field("Subject"), arrived.text.rstrip("\n")) == ("Größe", "Grüße\n.")


def test_php_with_fields_and_a_sender(root):
    """It sends for the shop, which is no user of the machine."""
    fields = "['From' => 'Bücher <shop@mail.test>', 'Reply-To' => 'desk@mail.test']"
    call, arrived = check_both(root, "www-data", lambda to: php(root, f"mail('{to}', 'x', 'hi', {fields}, '-fbounces@mail.test')"),
                               "Bücher", sender="bounces@mail.test", address="shop@mail.test")
    assert arrived.field("Reply-To") == "desk@mail.test" and "-fbounces@mail.test" in call.argv


def test_php_as_itself(root):
    """-f and From with its own name, as on many a hoster."""
    check_both(root, "www-data", lambda to: php(root, f"mail('{to}', 'x', 'hi', 'From: www-data', '-fwww-data')"), "www-data")


def test_php_is_not_alice(root):
    """As the sender it is refused, and mail() says so; in From its own name stands instead."""
    said = php(root, f"mail('{JOE}', 'x', 'hi', '', '-falice')", status=1)
    assert b"sendmail: not sent: 553 5.7.1 the sender <alice> is another user of this machine; you are www-data\n" in said
    assert root.waiting() == [] and root.server.messages() == []
    root.forget()
    php(root, f"mail('{JOE}', 'x', 'hi', 'From: Alice Liddell <alice@localhost>')")
    _, arrived = root.sent()
    check_strict(arrived)
    assert b"alice@" not in arrived.data and "www-data" in arrived.address("From")[0] and arrived.address("From")[1] == SENDER


# -- mail(1), mutt, git --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("mailer, options", [("bsd-mailx", []), ("mail.mailutils", []), ("s-nail", []), ("mutt", ["--"])])
def test_mail_of_alice(root, mailer, options):
    """mailutils and mutt write a sender or author of the host."""
    def send(to):
        root.run(mailer, "-s", "Größe", *options, to, user="alice", data=TEXT.encode())
    _, arrived = check_both(root, "alice", send, "lic")
    assert (arrived.field("Subject"), arrived.text) == ("Größe", TEXT)


def test_a_mailer_that_is_told_of_a_refusal(root):
    """What the service says reaches the user through mail(1), and the status does."""
    said = root.run("bsd-mailx", "-r", "root", "-s", "x", JOE, user="alice", data=b"hi\n", status=None)
    root.calls(1)
    assert b"553 5.7.1 the sender <root> is another user of this machine; you are alice" in said and root.waiting() == []
    said = root.run("mutt", "-e", "set use_envelope_from=yes", "-e", "set envelope_from_address=bob", "-s", "x", "--", JOE, user="alice",
                    data=b"hi\n", status=1)
    root.calls(1)
    assert b"Error sending message" in said and root.waiting() == []


def test_git_send_email(root):
    author = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
              for what, value in (("NAME", "Älice Liddell"), ("EMAIL", "alice@mail.test"))} | {"GIT_CONFIG_NOSYSTEM": "1"}

    def git(*args):
        root.run("git", *args, user="alice", env=author, cwd="/home/alice/project")
    root.directory("home/alice/project", owner=ALICE)
    git("init", "-q")
    root.put("home/alice/project/file", "Größe\n.\n", owner=ALICE)
    git("add", "file")
    git("commit", "-q", "-m", "Add größe")

    def send(to):
        git("send-email", "--quiet", "--confirm=never", f"--to={to}", "--suppress-cc=all", "-1")
    _, arrived = check_both(root, "alice", send, "Älice Liddell", address="alice@mail.test")
    assert "+Größe\n+.\n" in arrived.text and arrived.field("Subject") == "[PATCH] Add größe"
