"""mutt: it starts sendmail with signals blocked, signs with gpg, and bounces."""
import re

import pytest
from private_root import ALICE, check_strict

MUTTRC = """
set from = "alice@mail.test"
set realname = "Alice Liddell"
set use_envelope_from = yes
set crypt_use_gpgme = no
set send_charset = "us-ascii:utf-8"
set copy = no
set move = no
set folder = "~"
set editor = "true"
set abort_unmodified = no
set pgp_use_gpg_agent = yes
source /etc/Muttrc.gpg
"""
# Debian's own settings, with the gpg that is here.
GPG = """
set pgp_clearsign_command = "gpg --no-verbose --batch --quiet --output - --textmode --armor --clearsign %?a?-u %a? %f"
set pgp_sign_command = "gpg --no-verbose --batch --quiet --output - --armor --textmode --detach-sign %?a?-u %a? %f"
"""
MBOX = """\
From eve@other.test Sat Nov 21 05:00:00 2026
Return-Path: <eve@other.test>
Received: from x.test by y.test; Sat, 21 Nov 2026 05:00:00 +0000
From: Eve <eve@other.test>
To: alice@mail.test
Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=
Date: Sat, 21 Nov 2026 05:00:00 +0000
Message-ID: <old@other.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Dear Alice,
.
good bye

"""


@pytest.fixture
def mutt(root):
    root.put("home/alice/.muttrc", MUTTRC, 0o600, ALICE)
    root.put("etc/Muttrc.gpg", GPG)
    return lambda *args, data=b"": root.run("mutt", *args, user="alice", data=data)


def test_a_message(mutt, root, record):
    mutt("-s", "Größe", "-c", "root", "-b", "boss@mail.test", "--", "joe@mail.test", data="Grüße\n.\nFrom me\nend".encode())
    call, arrived = root.sent()
    check_strict(arrived)
    # What makes this call special.
    assert {"CHLD", "TSTP"} <= set(call.blocked) and call.facts["umask"] == "077"
    assert arrived.sender == "alice@mail.test"
    assert arrived.recipients == ["admin@mail.test", "boss@mail.test", "joe@mail.test"]
    assert arrived.field("Subject") == "Größe" and arrived.address("From") == ("Alice Liddell", "alice@mail.test")
    assert arrived.text.rstrip("\n") == "Grüße\n.\nFrom me\nend"
    record("mutt", "8-bit text, Cc root, Bcc", call, arrived)


def test_delivery_reports_and_8bit(mutt, root, record):
    mutt("-e", "set dsn_notify='failure,delay'", "-e", "set dsn_return=hdrs", "-e", "set use_8bitmime=yes", "-s", "x", "--",
         "joe@mail.test", data="Grüße\n".encode())
    call, arrived = root.sent()
    check_strict(arrived)
    assert {"-B8BITMIME", "-N", "-R"} <= set(call.argv)
    assert arrived.text == "Grüße\n"
    record("mutt", "DSN and 8BITMIME", call, arrived)


def test_a_message_without_an_account_of_its_own(root, record):
    """No from in .muttrc: mutt makes one of login and host."""
    (root.root / "home/alice/.muttrc").unlink(missing_ok=True)
    root.run("mutt", "-s", "x", "--", "root", user="alice", data=b"hi\n")
    call, arrived = root.sent()
    check_strict(arrived)
    assert (arrived.sender, arrived.recipients) == ("account@mail.test", ["admin@mail.test"])
    record("mutt", "no settings", call, arrived)


# -- gpg -----------------------------------------------------------------------------------------------------------

@pytest.fixture
def key(root):
    if not (root.root / "home/alice/.gnupg").exists():
        root.run("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "Alice Liddell <alice@mail.test>",
                 "ed25519", "sign", "never", user="alice")


def verify(root, signed, signature, status=0):
    root.put("tmp/signed", signed)
    root.put("tmp/signed.asc", signature)
    output = root.run("gpg", "--status-fd", "1", "--verify", "/tmp/signed.asc", "/tmp/signed", user="alice", status=status)
    return re.search(rb"^\[GNUPG:\] GOODSIG \w+ Alice Liddell <alice@mail.test>", output, re.MULTILINE)


SIGNED = {"UTF-8": "Grüße\n", "dots, From and blanks": "From the start\n.\n-- \ntrailing blank \n\n\n",
          "a long line": "x" * 1200 + "\n", "no end of line": "hi"}


@pytest.mark.parametrize("name,text", SIGNED.items(), ids=SIGNED)
def test_pgp_mime_arrives_to_the_byte(mutt, root, key, record, name, text):
    root.put("home/alice/text", text, owner=ALICE)
    # Without a screen, mutt signs nothing.
    root.terminal("mutt", "-e", "set crypt_autosign = yes", "-s", "signed", "-i", "text", "joe@mail.test",
                  keys=[re.compile(rb"To: "), "\r", re.compile(rb"Subject: "), "\r", re.compile(rb"y:Send"), "y"])
    call, arrived = root.sent()
    check_strict(arrived)
    assert arrived.mail.get_content_type() == "multipart/signed"
    # Not a byte of the body is another one, and all fields are those of mutt.
    assert arrived.body.rstrip(b"\n") == call.stdin.partition(b"\n\n")[2].rstrip(b"\n")
    for field in ("MIME-Version", "Content-Type", "Content-Disposition"):
        assert f"\n{field}: ".encode() in call.stdin
    boundary = arrived.mail.get_boundary().encode()
    _, signed, attached, _ = re.split(rb"\n?--" + re.escape(boundary) + rb"(?:--)?\n", b"\n" + arrived.body)
    assert verify(root, signed.replace(b"\n", b"\r\n"), attached.partition(b"\n\n")[2])
    assert not verify(root, signed.replace(b"\n", b"\r\n") + b"x", attached.partition(b"\n\n")[2], status=1)
    record("mutt", f"PGP/MIME, {name}", call, arrived)


# -- with its screen ----------------------------------------------------------------------------------------------

def test_a_message_is_bounced(mutt, root, record):
    """Resent- fields are put on top; all that was there stays as it was."""
    root.put("home/alice/mbox", MBOX, 0o600, ALICE)
    root.terminal("mutt", "-f", "/home/alice/mbox", keys=[re.compile(rb"Eve"), "b", re.compile(rb"Bounce message to"),
                                                          "joe@mail.test\r", re.compile(rb"yes"), "y",
                                                          re.compile(rb"bounced"), "x"])
    call, arrived = root.sent()
    assert (arrived.sender, arrived.recipients) == ("alice@mail.test", ["joe@mail.test"])
    old_header, old_body = MBOX.partition("\n")[2].split("\n\n", 1)
    assert arrived.body.rstrip(b"\n") == old_body.rstrip("\n").encode()
    for line in old_header.split("\n"):
        # The servers' own field is not given out by Arrived.
        assert line.startswith(("Return-Path:", "Received:")) or line in arrived.header.decode().split("\n")
    assert arrived.address("Resent-From") == ("Alice Liddell", "alice@mail.test")
    assert arrived.field("Resent-To") == "joe@mail.test"
    assert len(arrived.mail.get_all("From")) == len(arrived.mail.get_all("Date")) == len(arrived.mail.get_all("Message-ID")) == 1
    record("mutt", "bounced", call, arrived)
