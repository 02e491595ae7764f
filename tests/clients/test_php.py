"""PHP's mail(): CRLF after the fields, LF in the text, through a shell, as www-data."""
import pytest
from private_root import check_strict

LOGIN = {"HOME": None, "USER": None, "LOGNAME": None, "SHELL": None}


@pytest.fixture
def php(root):
    """php("code"): mail() must be content."""
    def run(code):
        out = root.run("php8.2", "-d", "display_startup_errors=0", "-r", f"exit({code} ? 0 : 1);", user="www-data", env=LOGIN)
        assert b"Warning" not in out.replace(b"Warning:  PHP Startup: Invalid date.timezone", b"")    # no tzdata
    return run


def test_a_subject_and_a_text_in_utf8(php, root, record):
    php("mail('joe@mail.test', 'Größe: 日本語', \"Grüße\\n.\\nFrom here\\nend\", 'From: Bücher <shop@mail.test>')")
    call, arrived = root.sent()
    check_strict(arrived)
    assert (arrived.sender, arrived.recipients) == ("account@mail.test", ["joe@mail.test"])
    assert arrived.field("Subject") == "Größe: 日本語" and arrived.address("From") == ("Bücher", "shop@mail.test")
    assert arrived.text.rstrip("\n") == "Grüße\n.\nFrom here\nend"
    assert call.facts["user"] == "www-data" and b"\r\n\r\nGr" in call.stdin
    record("php", "UTF-8 in subject, From and text", call, arrived)


def test_the_5th_parameter_and_bcc(php, root, record):
    php("mail('joe@mail.test, Ann <ann@mail.test>', 'x', 'hi', ['From' => 'shop@mail.test', 'Bcc' => 'boss@mail.test',"
        " 'Reply-To' => 'desk@mail.test'], '-fbounces@mail.test -F Shop')")
    call, arrived = root.sent()
    check_strict(arrived)
    assert (arrived.sender, arrived.recipients) == ("bounces@mail.test", ["ann@mail.test", "boss@mail.test", "joe@mail.test"])
    assert call.argv[:3] == ["/usr/sbin/sendmail", "-t", "-i"] and "-fbounces@mail.test" in call.argv
    assert b"boss" not in arrived.data and arrived.field("Reply-To") == "desk@mail.test"
    record("php", "-f and -F as the 5th parameter, Bcc", call, arrived)


def test_no_header_at_all(php, root, record):
    php("mail('root', 'from the shop', 'hi')")
    call, arrived = root.sent()
    check_strict(arrived)
    assert (arrived.sender, arrived.recipients) == ("account@mail.test", ["admin@mail.test"])
    record("php", "no header, to root", call, arrived)


def test_a_message_with_a_charset_of_its_own(php, root, record):
    """As old shops in Japan: ISO-2022-JP, declared, with 8 bits nowhere."""
    text = "注文ありがとう\n".encode("iso-2022-jp").hex()
    subject = "=?ISO-2022-JP?B?GyRCQ21KOBsoQg==?="
    php(f"mail('joe@mail.test', '{subject}', hex2bin('{text}'), \"From: shop@mail.test\\r\\nMIME-Version: 1.0\\r\\n"
        "Content-Type: text/plain; charset=ISO-2022-JP\\r\\nContent-Transfer-Encoding: 7bit\")")
    call, arrived = root.sent()
    check_strict(arrived)
    assert arrived.field("Subject") == "注文" and arrived.text.rstrip("\n") == "注文ありがとう"
    assert bytes.fromhex(text) in arrived.data
    record("php", "ISO-2022-JP", call, arrived)
