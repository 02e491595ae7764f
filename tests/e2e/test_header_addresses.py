"""Addresses without a domain in To, Cc, Reply-To and their Resent- forms get the mail domain; nothing else changes."""
import email.utils
import os
import random
import re
import subprocess

import pytest

DOMAIN = "dom.test"
SETTINGS = {"maildomain": DOMAIN}


@pytest.fixture
def arrives(submit):
    """arrives(header, settings) is the header that the server got for it, without the fields that were added."""
    def call(header, settings=SETTINGS, args=("a@x.test",)):
        done, server = submit(list(args), header + b"\r\n", {"set_from_header": "off", "set_date_header": "off",
                                                            "set_msgid_header": "off"} | settings)
        assert (done.rc, done.err, done.out) == (0, "", "")
        [got] = server.messages
        return got.data.partition(b"\r\n\r\n")[0] + b"\r\n"
    return call


# One call each: fields of one name become one.
FIELDS = [
    ("To: root", "To: root@dom.test"),
    ("To: root (Cron Daemon)", "To: root@dom.test (Cron Daemon)"),
    ("To: root, \"A, B\" <bob>, undisclosed-recipients:;", "To: root@dom.test, \"A, B\" <bob@dom.test>, undisclosed-recipients:;"),
    ("tO : a@x.test,\r\n\troot,\r\n  Bob <bob> (b)", "tO : a@x.test,\r\n\troot@dom.test,\r\n  Bob <bob@dom.test> (b)"),
    ("Cc: Friends: a, b@x.test;, c", "Cc: Friends: a@dom.test, b@x.test;, c@dom.test"),
    ("Reply-To: \"two words\"", "Reply-To: \"two words\"@dom.test"),
    ("Reply-To: =?utf-8?q?J=C3=B6rg?= <joe>", "Reply-To: =?utf-8?q?J=C3=B6rg?= <joe@dom.test>"),
]
STAY = ["To: root@localhost", "To: <>", "To:", "To: undisclosed-recipients:;", "To: root root", "To: \"root", "Cc: a@x.test, root, <b",
        "Apparently-To: root\r\nX-To: root\r\nErrors-To: root\r\nSubject: root\r\nDisposition-Notification-To: root", "To: root@"]


@pytest.mark.parametrize("before,after", FIELDS)
def test_bare_addresses_get_the_mail_domain(arrives, before, after):
    assert arrives(f"{before}\r\n".encode()) == f"{after}\r\n".encode()


@pytest.mark.parametrize("field", STAY)
def test_everything_else_keeps_its_bytes(arrives, field):
    assert arrives(f"{field}\r\n".encode()) == f"{field}\r\n".encode()


def test_recipients_and_header_say_the_same(submit):
    done, server = submit(["-t"], b"To: root, \"two words\" (x)\nCc: Bob <bob>\nBcc: hidden\n\n", SETTINGS)
    [got] = server.messages
    assert sorted(got.recipients) == ['"two words"@dom.test', "bob@dom.test", "hidden@dom.test", "root@dom.test"]
    assert b'\r\nTo: root@dom.test, "two words"@dom.test (x)\r\nCc: Bob <bob@dom.test>\r\n' in got.data


def test_aliases_and_system_mail_do_not_change_the_header(arrives):
    assert arrives(b"To: root\r\n", SETTINGS | {"system_mail": "me@y.test"}, ["root"]) == b"To: root@dom.test\r\n"


def test_resent_fields_of_the_last_sender_only(arrives):
    assert arrives(b"Resent-To: joe\r\nResent-From: a@x.test\r\nResent-Date: d\r\nReceived: x\r\nResent-To: old\r\nTo: root\r\n") == \
        b"Resent-To: joe@dom.test\r\nResent-From: a@x.test\r\nResent-Date: d\r\nReceived: x\r\nResent-To: old\r\nTo: root\r\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give the machine another /etc/mailname")
@pytest.mark.parametrize("text,domain", [("mx.test\n", "mx.test"), ("  mx.test. \nother\n", "mx.test"), ("a b\n", "localhost")])
def test_without_maildomain_it_is_etc_mailname(tmp_path, run_sendmail, scripted, relayrc, text, domain):
    try:
        subprocess.run(["unshare", "-m", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("cannot change /etc for a process")
    (tmp_path / "mailname").write_text(text)
    script = 'mkdir etc && for f in passwd group hosts nsswitch.conf ld.so.cache; do cp -p /etc/$f etc/; done; ' \
             'cp mailname etc/ && mount --bind etc /etc && exec "$0" "$@"'
    server = scripted(tls="none")
    done = run_sendmail(["-t"], b"To: root\n\n", relayrc(server, from_="me@%M"), under=["unshare", "-m", "sh", "-c", script])
    assert (done.rc, done.err) == (0, "")
    [got] = server.settle().messages
    assert (got.sender, got.recipients) == (f"me@{domain}", [f"root@{domain}"])
    assert f"\r\nTo: root@{domain}\r\n".encode() in got.data


# -- generated lists --------------------------------------------------------------------------------------------------

NAMES = ["", "Bob ", '"A, B" ', "J. (x) Doe ", "=?utf-8?q?a?= ", "(c, d) ", '"\\"q\\" <a>" ']
LOCALS = ["root", "a.b", "x+y", '"two words"', '"a@b"', "o'neil"]
DOMAINS = ["", "", "@x.test", "@[192.0.2.1]", "@localhost"]
BETWEEN = [", ", ",", ",\r\n ", " ,\r\n\t", ", ,"]


def one_address(dice):
    """An address as it may be written, and as it leaves."""
    local, domain, name = dice.choice(LOCALS), dice.choice(DOMAINS), dice.choice(NAMES)
    forms = ["{}{}<{}>", "{}{}< {} >", "{}{}<{}> (end)"] if name and not name.startswith("(c") else ["{}{}{}", "{}{}{} (end)", "{}{}<{}>"]
    form = dice.choice(forms)
    return tuple(form.format(name, "", local + d) for d in (domain, domain or f"@{DOMAIN}"))


@pytest.mark.parametrize("seed", range(40))
def test_generated_lists(arrives, seed):
    dice = random.Random(seed)
    given, expected = b"", []
    for field in ("To", "Cc", "Reply-To"):
        before, after = "", ""
        for n in range(dice.randrange(1, 12)):
            between = dice.choice(BETWEEN) if n else ""
            pair = one_address(dice)
            before, after = before + between + pair[0], after + between + pair[1]
        given += f"{field}: {before}\r\n".encode()
        expected.append((field, before, after))
    got = re.split(rb"(?<=\r\n)(?![ \t])", arrives(given))[:-1]
    assert len(got) == len(expected)
    for line, (field, before, after) in zip(got, expected):
        text = line.decode()
        # Folding may have come; unfolded it is the same.
        assert text.replace("\r\n", "") == f"{field}: {after}".replace("\r\n", "")
        if before == after:
            assert text == f"{field}: {before}\r\n"
        else:
            # Where there are blanks.
            assert all(len(part) <= 78 or " " not in part.strip().removeprefix(f"{field}: ") for part in text.split("\r\n"))
        parsed = email.utils.getaddresses([text.partition(":")[2].replace("\r\n", "")])
        assert all("@" in spec for _, spec in parsed if spec)
