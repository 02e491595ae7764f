"""nmh and alpine: they talk SMTP to sendmail -bs, on pipes."""
import re

import pytest
from private_root import ALICE, check_strict

DRAFT = "To: joe@mail.test\nCc: root@mail.test\nBcc: boss@mail.test\nFrom: Alice Liddell <alice@mail.test>\nSubject: Größe\n" \
        "--------\nGrüße\n.\n..\nFrom me\nend\n"


@pytest.fixture
def nmh(root):
    root.put("home/alice/.mh_profile", "Path: Mail\n", owner=ALICE)
    root.directory("home/alice/Mail", 0o700, ALICE)
    root.put("home/alice/Mail/draft", DRAFT, 0o600, ALICE)
    return lambda *args: root.run("/usr/bin/mh/send", *args, "/home/alice/Mail/draft", user="alice", env={"TZ": "UTC"})


def check_nmh(arrived):
    check_strict(arrived)
    assert arrived.field("Subject") == "Größe" and arrived.address("From") == ("Alice Liddell", "alice@mail.test")
    assert arrived.text == "Grüße\n.\n..\nFrom me\nend\n"


def test_nmh_speaks_smtp(nmh, root, record):
    """Blind copies are messages of their own, in the same session."""
    nmh("-mts", "sendmail/smtp")
    [call], arrived = root.sent(1, messages=2)
    assert call.argv[1] == "-bs"
    first, blind = sorted(arrived, key=lambda m: len(m.recipients), reverse=True)
    check_nmh(first)
    assert first.recipients == ["joe@mail.test", "root@mail.test"] and blind.recipients == ["boss@mail.test"]
    assert first.sender == blind.sender
    record("nmh", "SMTP, a blind copy", call, arrived)


def test_nmh_with_a_pipe(nmh, root, record):
    root.put("home/alice/Mail/draft", DRAFT.replace("Bcc", "Reply-To"), 0o600, ALICE)
    nmh("-mts", "sendmail/pipe")
    call, arrived = root.sent()
    check_nmh(arrived)
    assert arrived.recipients == ["joe@mail.test", "root@mail.test"]
    record("nmh", "a pipe", call, arrived)


def test_alpine(root, record):
    """With its screen."""
    root.put("home/alice/.pinerc", "user-domain=mail.test\npersonal-name=Alice Liddell\ninbox-path=/home/alice/inbox\n"
             "default-fcc=\"\"\nlast-version-used=9.99\nfeature-list=quit-without-confirm\n", owner=ALICE)
    url = "mailto:joe@mail.test?cc=root@mail.test&subject=Gr%C3%B6%C3%9Fe&body=Gr%C3%BC%C3%9Fe%0A.%0AFrom%20me%0A"
    root.terminal("alpine", "-url", url,
                  keys=[re.compile(rb"Send .*\x1b\[8;1H", re.DOTALL), "\x18", re.compile(rb"Send message"), "y",
                        re.compile(rb"Message sent|Alpine finished")])
    call, arrived = root.sent()
    check_strict(arrived)
    assert call.argv == ["/usr/sbin/sendmail", "-bs", "-odb", "-oem"]
    assert (arrived.sender, arrived.recipients) == ("alice@mail.test", ["joe@mail.test", "root@mail.test"])
    assert arrived.field("Subject") == "Größe" and arrived.address("From") == ("Alice Liddell", "alice@mail.test")
    assert arrived.mail.get_body().get_content().rstrip("\n") == "Grüße\n.\nFrom me"
    record("alpine", "sent from its screen", call, arrived)
