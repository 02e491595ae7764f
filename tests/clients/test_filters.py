"""Programs that hand on or answer mail that came: procmail, formail, vacation; and mpack and mblaze, which make it."""
from private_root import ALICE, check_strict
from system_root import SENDER, check_local, system, _system_of_file      # noqa: F401

JOE = "joe@mail.test"
CAME = ("From eve@other.test  Sat Nov 21 05:00:00 2026\nReturn-Path: <eve@other.test>\n"
        "Received: from x.test by y.test; Sat, 21 Nov 2026 05:00:00 +0000\nFrom: Eve <eve@other.test>\n"
        "To: alice@mail.test\nSubject: {subject}\nDate: Sat, 21 Nov 2026 05:00:00 +0000\n"
        "Message-ID: <{subject}@other.test>\n\n.\n>From here on\ntext\n\n")


def check_handed_on(arrived, subject):
    """The message of somebody else: its fields as they came, and one From."""
    check_strict(arrived)
    assert arrived.field("Subject") == subject and arrived.field("To") == "alice@mail.test"
    assert arrived.field("Message-ID") == f"<{subject}@other.test>" and "21 Nov 2026" in arrived.field("Date")
    assert b"From eve@other.test" not in arrived.data


def test_procmail_forwards(system, record):
    """The mbox line stands first, and the sender is ours: the host of the old one would be refused."""
    system.put("home/alice/.procmailrc", f"SENDMAIL=/usr/sbin/sendmail\n:0\n! {JOE}\n", 0o600, ALICE)
    system.run("procmail", "-f", "-", "-m", ".procmailrc", user="alice", data=CAME.format(subject="one").encode())
    call, arrived = system.sent()
    check_handed_on(arrived, "one")
    assert (arrived.sender, arrived.recipients) == (SENDER, [JOE])
    assert arrived.text == ".\n>From here on\ntext\n\n"
    record("procmail", "the action !", call, arrived)


def test_formail_splits_a_mailbox(system, record):
    mailbox = CAME.format(subject="one") + CAME.format(subject="two")
    system.run("formail", "-s", "/usr/sbin/sendmail", "-oi", JOE, user="alice", data=mailbox.encode())
    calls, arrived = system.sent(2)
    for message, subject in zip(sorted(arrived, key=lambda a: a.field("Subject")), ("one", "two")):
        check_handed_on(message, subject)
        assert message.recipients == [JOE]
    assert calls[0].stdin.startswith(b"From eve@other.test")
    record("formail", "formail -s", calls[0], arrived[0])


def test_formail_replies(system, record):
    script = f"formail -rt -A 'X-Loop: {SENDER}' | (cat; echo 'I am away, größer.') | /usr/sbin/sendmail -oi -t"
    system.run("sh", "-c", script, user="alice", data=CAME.format(subject="one").replace("eve@other", "eve@mail").encode())
    call, arrived = system.sent()
    check_strict(arrived)
    assert arrived.recipients == ["eve@mail.test"] and arrived.field("Subject") == "Re: one"
    assert arrived.text == "I am away, größer.\n"
    record("formail", "formail -rt | sendmail -oi -t", call, arrived)


def test_vacation(system, record):
    """The sender of its answers is a word, and From is missing."""
    system.put("home/alice/.vacation.msg", "Subject: away\n\nIch bin bis Montag weg – größer.\n", 0o644, ALICE)
    system.run("vacation", "-i", user="alice")
    system.run("vacation", "alice", user="alice", data=CAME.format(subject="one").replace("eve@other", "eve@mail").encode())
    call, arrived = system.sent()
    check_local(arrived, recipients=["eve@mail.test"])
    assert arrived.field("Subject") == "away" and arrived.text.endswith("größer.\n")
    record("vacation", "an answer", call, arrived)


def test_mpack(system, record):
    system.put("home/alice/file.bin", bytes(range(256)), 0o600, ALICE)
    system.run("mpack", "-s", "a file", "file.bin", JOE, user="alice")
    call, arrived = system.sent()
    check_strict(arrived)
    assert arrived.recipients == [JOE] and arrived.field("Subject") == "a file"
    assert bytes(range(256)) in [part.get_payload(decode=True) for part in arrived.mail.walk()]
    record("mpack", "mpack FILE ADDRESS", call, arrived)


def test_mblaze(system, record):
    """A draft, encoded by mmime as mcom does it, and sent with -t."""
    draft = f"Subject: größer\nFrom: Alice <{SENDER}>\nTo: {JOE}\nBcc: boss@mail.test\n\nGröße\n.\n"
    system.put("home/alice/draft", draft, 0o600, ALICE)
    system.run("sh", "-c", "mmime < draft | /usr/sbin/sendmail -t -oi", user="alice")
    call, arrived = system.sent()
    check_strict(arrived)
    assert arrived.recipients == ["boss@mail.test", JOE] and arrived.field("Subject") == "größer"
    text, = arrived.mail.iter_parts()
    assert text.get_content() == "Größe\n.\n"
    record("mblaze", "mmime | sendmail -t -oi", call, arrived)
