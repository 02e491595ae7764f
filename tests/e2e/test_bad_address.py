"""Malformed addresses: the whole line on standard error, with the column, and the exit status.

65 for the command line and the header, 78 for the settings; with -bs a 501 reply. Nothing is sent, and the server is
not even connected to; what an alias with a mistake does is in test_aliases_file.py. Every way to be malformed is in tests/unit/addr_faults.h; here are the places they can stand in.
"""
import pytest

BODY = b"Subject: x\n\nbody\n"

# Argument, what its line says.
ARGUMENTS = [
    ("foo <bar", 'column 5: address "foo <bar": no ">" closes this "<"; add it behind the address'),
    ("a@x.test,foo <bar,b@y.test",
     'column 14: address "foo <bar": no ">" closes this "<"; add it behind the address'),
    ("山田 <y@", 'column 6: address "山田 <y@": nothing stands behind the "@"; write it as in name@example.org'),
    ("John Smith j@x.test", 'column 6: address "John Smith j@x.test": a second word; put "," between two addresses, '
     'or "<" and ">" around the one behind a name'),
    ("a@x..test", 'column 5: address "a@x..test": two dots in a row in the domain; leave one out'),
    ("a\x1b[31m@x.test", 'column 2: address "a\\x1b[31m@x.test": "\\x1b" is a control character; leave it out'),
    ("J\udcfcrgen@x.test", 'column 2: address "J\\xfcrgen@x.test": "\\xfc" is not UTF-8; write the address in UTF-8'),
    ("a@x.test\u00a0", 'column 9: address "a@x.test\\u00a0": "\\u00a0" is a character that nobody sees; leave it out'),
    ("user＠x.test", 'column 5: address "user＠x.test": "＠" is a wide character; write "@"'),
    ("a@[::1]", 'column 4: address "a@[::1]": no "IPv6:" before an IPv6 address; write it as in [IPv6:2001:db8::1]'),
    ("a@" + "x" * 64, f'column 3: address "a@{"x" * 64}": more than 63 characters without a dot; no domain is like that'),
    ('"' + "b" * 5000, f'column 1: address ""{"b" * 99}...": the quoted text that begins here does not end; '
     'add a closing quote'),
    ("<>", 'column 1: address "<>": "<>" is nobody; name a recipient'),
]


@pytest.mark.parametrize("argument, line", ARGUMENTS, ids=range(len(ARGUMENTS)))
def test_recipient_on_the_command_line(submit, argument, line):
    done, server = submit(["ok@x.test", argument], BODY)
    assert (done.rc, done.stderr.decode(), done.out) == (65, f"sendmail: recipient: {line}\n", "")
    assert server.connections == []


@pytest.mark.parametrize("argument, line", [
    ("a@b@c", 'column 4: address "a@b@c": a second "@"; put "," between two addresses, or quotes around all before the '
     'last "@"'),
    ("a@b, c@d", 'column 6: address "a@b, c@d": a second address; exactly one is needed'),
    ("staff: a@b;", 'column 6: address "staff: a@b;": a group of addresses; exactly one address is needed'),
    ("(Cron)", 'column 1: address "(Cron)": no address; exactly one is needed')])
def test_sender_on_the_command_line(submit, argument, line):
    done, server = submit(["-f", argument, "ok@x.test"], BODY)
    assert (done.rc, done.err, server.connections) == (65, f"sendmail: sender: {line}\n", [])


@pytest.mark.parametrize("header, line", [
    ("To: a@x.test, foo <bar\n", 'To: column 19: address "foo <bar": no ">" closes this "<"; add it behind the address'),
    ("Subject: x\nCC: a@x.test,\n  b@x.test,\n\t山田 <c@\n", 'CC: line 3, column 7: address "山田 <c@": nothing stands behind '
     'the "@"; write it as in name@example.org'),
    ("To: a@x.test\r\nBcc : <b\r\n @x!y>\r\n", 'Bcc: line 2, column 4: address "<b @x!y>": "!" cannot stand in a domain; '
     'it has letters, digits, "-" and "."'),
    ("To: a@x.test\nResent-To: b@x.test; c@x.test\n", 'Resent-To: column 20: address "b@x.test; c@x.test": ";" does not '
     'separate addresses; use ","'),
    ("To: Mailer <>\n", 'To: column 12: address "<>": "<>" is nobody; name a recipient')])
def test_recipient_in_the_header(submit, header, line):
    done, server = submit(["-t"], header.encode() + b"\nbody\n")
    assert (done.rc, done.err, server.connections) == (65, f"sendmail: {line}\n", [])


def test_sender_in_the_header(submit):
    done, server = submit(["--read-envelope-from", "a@x.test"], b"From: Me <me\n\nbody\n")
    assert done.rc == 65 and server.connections == []
    assert done.err == 'sendmail: From: column 10: address "Me <me": no ">" closes this "<"; add it behind the address\n'


@pytest.mark.parametrize("settings, line", [
    ("host h\nfrom me@ex!ample\n", 'relayrc:2: from: not a mail address: in the value: column 6: the character cannot '
     'stand in a domain; it has letters, digits, "-" and "."'),
    ("host h\nfrom me@x\nsystem_mail a@x, b@y\n", "relayrc:3: system_mail: not a mail address: in the value: column 6: a "
     "second address; exactly one is needed")])
def test_setting(run_sendmail, tmp_path, settings, line):
    done = run_sendmail(["a@x.test"], BODY, rc=settings)
    assert (done.rc, done.err) == (78, f"sendmail: {tmp_path}/{line}\n")


def test_alias(submit, tmp_path):
    (tmp_path / "aliases").write_text("# names\nroot: joe@x.test,\n  # nobody@\n  ann <ann@x.test, bob\n")
    done, _ = submit(["root"], BODY, {"aliases": tmp_path / "aliases"})
    assert done.err == f'sendmail: {tmp_path}/aliases:4: root: column 7: address "ann <ann@x.test": no ">" closes this ' \
        '"<"; add it behind the address\n'


@pytest.mark.parametrize("command, reply", [
    ("RCPT TO:<a@>", '501 5.1.3 column 11: address "<a@>": nothing stands behind the "@"; write it as in name@example.org'),
    ("RCPT TO:a@x!y", '501 5.1.3 column 12: address "<a@x!y>": "!" cannot stand in a domain; it has letters, digits, '
     '"-" and "."'),
    ("rcpt to: <joe smith@x>", "501 5.1.3 column 14: a blank stands in the address; take it out"),
    ("RCPT TO:<a@x", '501 5.1.3 column 9: no ">" closes this "<"; add it behind the address'),
    ("RCPT TO:<>", "501 5.1.3 a recipient cannot be empty")])
def test_smtp_command(run_sendmail, relayrc, command, reply):
    done = run_sendmail(["-bs"], f"EHLO x\r\nMAIL FROM:<me@x.test>\r\n{command}\r\nQUIT\r\n".encode(),
                        rc=relayrc(host="mail.test"))
    assert reply in done.out.splitlines()


@pytest.mark.parametrize("argument, recipients", [
    ("a@x.test,,b@y.test,", ["a@x.test", "b@y.test"]),
    ("undisclosed-recipients:; , a@x.test", ["a@x.test"]),
    ("<@h.test:a@x.test> (route)", ["a@x.test"]),
    ("a..b.@x.test", ['"a..b."@x.test']),
    ("a . b @ x . test .", ["a.b@x.test"]),
    ("b" * 70 + "@x.test", ["b" * 70 + "@x.test"]),
    ('"root" <root@x.test>', ["root@x.test"])])
@pytest.mark.parametrize("where", ["argument", "header"])
def test_what_real_programs_write_is_accepted(submit, where, argument, recipients):
    if where == "argument":
        done, server = submit([argument], BODY)
    else:
        done, server = submit(["-t"], b"To: " + argument.encode() + b"\n\nbody\n")
    assert (done.rc, done.err) == (0, "") and server.messages[0].recipients == recipients
