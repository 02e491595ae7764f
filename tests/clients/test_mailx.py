"""The three programs that are mail(1): bsd-mailx, mailutils and s-nail. Most scripts that send mail call one of them."""
import pytest
from private_root import ALICE, check_strict

TEXT = "Grüße aus Köln\n.\nFrom me\n"


def arrives(root, *recipients):
    call, arrived = root.sent()
    check_strict(arrived)
    assert arrived.recipients == sorted(recipients)
    return call, arrived


# -- bsd-mailx -----------------------------------------------------------------------------------------------------

def test_mailx_to_root(root, record):
    root.run("bsd-mailx", "-s", "plain", "root", data=b"hello\n")
    call, arrived = arrives(root, "admin@mail.test")
    assert (arrived.sender, arrived.field("Subject"), arrived.text) == ("account@mail.test", "plain", "hello\n")
    record("bsd-mailx", "to root", call, arrived)


def test_mailx_to_several_people_in_utf8(root, record):
    root.run("bsd-mailx", "-s", "Größe: 日本語", "-c", "ann@mail.test", "-b", "boss@mail.test",
             "joe@mail.test, eve@mail.test", user="alice", data=TEXT.encode())
    call, arrived = arrives(root, "joe@mail.test", "eve@mail.test", "ann@mail.test", "boss@mail.test")
    assert arrived.field("Subject") == "Größe: 日本語" and arrived.text == TEXT
    assert arrived.field("To") == "joe@mail.test, eve@mail.test" and arrived.field("Cc") == "ann@mail.test"
    record("bsd-mailx", "UTF-8, Cc, Bcc", call, arrived)


def test_mailx_without_a_locale(root, record):
    """As from a script without LANG: no word of MIME."""
    root.run("bsd-mailx", "-s", "Größe", "root", user="alice", data=TEXT.encode(), env={"LANG": None})
    call, arrived = arrives(root, "admin@mail.test")
    assert arrived.field("Subject") == "Größe" and arrived.text == TEXT
    record("bsd-mailx", "UTF-8 without a locale", call, arrived)


def test_mailx_with_fields_and_a_sender(root, record):
    """As apticron and Nagios do it."""
    root.run("bsd-mailx", "-a", "From: Backup <backup@mail.test>", "-a", "X-Job: 7", "-r", "backup@mail.test",
             "-s", "done", "root", data=b"ok\n")
    call, arrived = arrives(root, "admin@mail.test")
    assert arrived.sender == "backup@mail.test" and arrived.field("X-Job") == "7"
    record("bsd-mailx", "-a From, -r", call, arrived)


def test_mailx_without_text(root, record):
    root.run("bsd-mailx", "-s", "nothing to say", "root", data=b"")
    call, arrived = arrives(root, "admin@mail.test")
    assert arrived.field("Subject") == "nothing to say" and arrived.text.strip() == ""
    record("bsd-mailx", "no text", call, arrived)


# -- mailutils -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("user", ["root", "alice"])
def test_mailutils_names_a_sender_that_no_provider_takes(root, record, user):
    """It passes -f USER@HOST always; the account's own address must leave."""
    root.run("mail.mailutils", "-s", "Größe", "root", user=user, data="Grüße\n".encode())
    call, arrived = arrives(root, "admin@mail.test")
    assert call.argv[2] == "-f" and call.argv[3].startswith(f"{user}@")
    assert arrived.sender == "account@mail.test"
    assert arrived.field("Subject") == "Größe" and arrived.text == "Grüße\n"
    record("mailutils", f"{user} to root, UTF-8 without MIME", call, arrived)


def test_mailutils_with_an_attachment(root, record):
    root.put("home/alice/notes.txt", "Grüße\n.\n", owner=ALICE)
    root.run("mail.mailutils", "-s", "see", "-A", "notes.txt", "-r", "alice@mail.test", "-a", "Cc: ann@mail.test",
             "joe@mail.test", user="alice", data=b"attached\n")
    call, arrived = arrives(root, "joe@mail.test", "ann@mail.test")
    attachment, = arrived.mail.iter_attachments()
    assert attachment.get_filename() == "notes.txt"
    assert attachment.get_payload(decode=True) == "Grüße\n.\n".encode()
    assert arrived.sender == "alice@mail.test"
    record("mailutils", "an attachment, -r, -a Cc", call, arrived)


# -- s-nail --------------------------------------------------------------------------------------------------------

def test_s_nail_to_root(root, record):
    root.run("s-nail", "-s", "Größe", "root", data=TEXT.encode())
    call, arrived = arrives(root, "admin@mail.test")
    assert arrived.field("Subject") == "Größe" and arrived.text == TEXT
    record("s-nail", "to root", call, arrived)


def test_s_nail_with_a_sender_and_an_attachment(root, record):
    root.put("home/alice/a.bin", bytes(range(256)), owner=ALICE)
    root.run("s-nail", "-r", "Älice <alice@mail.test>", "-s", "see", "-a", "a.bin", "-b", "boss@mail.test", "joe@mail.test",
             user="alice", data=b"hi\n")
    call, arrived = arrives(root, "joe@mail.test", "boss@mail.test")
    assert arrived.sender == "alice@mail.test" and arrived.address("From") == ("Älice", "alice@mail.test")
    attachment, = arrived.mail.iter_attachments()
    assert attachment.get_payload(decode=True) == bytes(range(256))
    record("s-nail", "name and address, an attachment, Bcc", call, arrived)


def test_s_nail_hands_options_on(root, record):
    root.run("s-nail", "-S", "mta-arguments=-N failure", "-s", "x", "joe@mail.test", user="alice", data=b"hi\n")
    call, arrived = arrives(root, "joe@mail.test")
    assert call.argv[:5] == ["sendmail", "-i", "-N", "failure", "--"]
    record("s-nail", "mta-arguments", call, arrived)
