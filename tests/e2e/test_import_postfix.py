"""relay import postfix: the imported relayrc sends as the Postfix did that it was made from.

Each setup is run twice against one scripted server: by a real Postfix in a jail, and by relay with what `relay import
--root JAIL postfix` prints. Envelope, login and TLS must be the same.
"""
import subprocess
import time

import pytest

from lib.jail import NoJail
from lib.postfix_client import PostfixClient

USERS = {"user@mail.test": "secret", "other@mail.test": "pa:ss word"}
MESSAGE = b"From: somebody@there.test\nTo: to@mail.test\nSubject: moving in\n\nA line.\n"
AUTH = """smtp_sasl_auth_enable = yes
smtp_sasl_security_options = noanonymous
smtp_tls_CAfile = {ca}
"""
LOGIN = AUTH + "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n"
PASSWD = {"sasl_passwd": "[127.0.0.1]:{port} user@mail.test:secret\n"}
ORIGIN = "myhostname = pi.home.test\nmydestination =\n"
TO = ["to@mail.test"]
FROM_ME = ["-f", "me@home.test", *TO]

# Name: TLS of the server, main.cf, its files, the arguments of each sendmail.
SETUPS = {
    "op25b": ("starttls", ORIGIN + LOGIN + "relayhost = [127.0.0.1]:{port}\nsmtp_tls_security_level = may\n", PASSWD,
              [FROM_ME, TO, ["-f", "", *TO], ["-f", "me", "a@x.test", "b@y.test"]]),
    "use_tls": ("starttls", ORIGIN + LOGIN + "relayhost=[127.0.0.1]:{port}\nsmtp_use_tls=yes\n",
                {"sasl_passwd": "# mine\n\n127.0.0.1\n  user@mail.test:secret\n"}, [FROM_ME]),
    "wrappermode": ("implicit", ORIGIN + LOGIN + "smtp_tls_wrappermode = yes\nsmtp_tls_security_level = encrypt\n"
                    "relayhost = [127.0.0.1]:{port}\n", PASSWD, [FROM_ME]),
    "policy": ("starttls", ORIGIN + LOGIN + "relayhost = [127.0.0.1]:{port}\nsmtp_tls_policy_maps =\n"
               "\ttexthash:/etc/postfix/tls_policy\n",
               PASSWD | {"tls_policy": "[127.0.0.1]:{port} encrypt protocols=TLSv1.2:TLSv1.3\n"}, [FROM_ME]),
    "texthash": ("starttls", ORIGIN + AUTH + "relayhost = [127.0.0.1]:{port}\nsmtp_tls_security_level = encrypt\n"
                 "smtp_sasl_password_maps = texthash:/etc/postfix/sasl_passwd\n", PASSWD, [FROM_ME]),
    "static": ("starttls", ORIGIN + AUTH + "relayhost = [127.0.0.1]:{port}\nsmtp_tls_security_level = encrypt\n"
               "smtp_sasl_password_maps = static:user@mail.test:secret\n", {}, [FROM_ME]),
    "inline": ("starttls", ORIGIN + AUTH + "relayhost = [127.0.0.1]:{port}\nsmtp_tls_security_level = encrypt\n"
               "smtp_sasl_password_maps = inline:{{ {{[127.0.0.1]:{port} = other@mail.test:pa:ss word}} }}\n", {},
               [FROM_ME]),
    "mechanisms": ("starttls", ORIGIN + LOGIN + "relayhost = [127.0.0.1]:{port}\nsmtp_tls_security_level = may\n"
                   "smtp_sasl_mechanism_filter = !plain, login\n", PASSWD, [FROM_ME]),
    "no_login": ("none", ORIGIN + "relayhost = [127.0.0.1]:{port}\n", {}, [FROM_ME, TO]),
    "no_login_tls": ("starttls", ORIGIN + "relayhost = [127.0.0.1]:{port}\nsmtp_tls_security_level = encrypt\n"
                     "smtp_tls_CAfile = {ca}\n", {}, [FROM_ME]),
    "names": ("starttls", "mydomain = home.test\nmyhostname = pi.$mydomain\nmyorigin = ${{mydomain}}\nmydestination =\n"
              "\n# the provider\nmta =\n# in between\n  [127.0.0.1]:{port}\nrelayhost = broken\n"
              "relayhost = ${{absent?{{x}}:{{$mta}}}}\n" + LOGIN +
              "level = encrypt\nsmtp_tls_security_level = $(level)\n", PASSWD, [FROM_ME, TO, ["-f", "me", *TO]]),
    "default_transport": ("implicit", ORIGIN + LOGIN + "default_transport = implicit:[127.0.0.1]:{port}\n", PASSWD,
                          [FROM_ME]),
    "transport_all": ("implicit", ORIGIN + LOGIN + "relayhost = [127.0.0.1]:1\n"
                      "transport_maps = hash:/etc/postfix/transport\n",
                      PASSWD | {"transport": "* implicit:[127.0.0.1]:{port}\n"}, [FROM_ME]),
    "generic_all": ("starttls", ORIGIN + LOGIN + "relayhost = [127.0.0.1]:{port}\nsmtp_tls_security_level = may\n"
                    "smtp_generic_maps = static:user@mail.test\n", PASSWD, [["-f", "root", "user@mail.test"]]),
    "generic_domain": ("starttls", ORIGIN + LOGIN + "relayhost = [127.0.0.1]:{port}\nsmtp_tls_security_level = may\n"
                       "smtp_generic_maps = hash:/etc/postfix/generic\n",
                       PASSWD | {"generic": "root@pi.home.test user@mail.test\n@pi.home.test user@mail.test\n"},
                       [TO, ["-f", "root", *TO], ["-f", "cron@pi.home.test", *TO]]),
    "canonical": ("starttls", ORIGIN + LOGIN + "relayhost = [127.0.0.1]:{port}\nsmtp_tls_security_level = may\n"
                  "sender_canonical_maps = regexp:/etc/postfix/canonical\n",
                  PASSWD | {"canonical": "/^(.*)$/ user@mail.test\n"}, [TO, FROM_ME, ["-f", "root", *TO]]),
    "masquerade": ("starttls", ORIGIN + LOGIN + "relayhost = [127.0.0.1]:{port}\nsmtp_tls_security_level = may\n"
                   "masquerade_domains = home.test\n", PASSWD, [TO, ["-f", "me", *TO], FROM_ME]),
    "aliases": ("starttls", "myhostname = pi.home.test\nmydestination = $myhostname, localhost\n" + LOGIN +
                "relayhost = [127.0.0.1]:{port}\nsmtp_tls_security_level = may\nalias_maps = hash:/etc/aliases.relay\n",
                PASSWD | {"/etc/aliases.relay": "cron: root\nroot: admin@mail.test, second@mail.test\n"},
                [["-f", "me@home.test", "root"], ["-f", "me@home.test", "cron@localhost"]]),
}


def filled(text, port, pki):
    return text.format(port=port, ca=pki.ca) if isinstance(text, str) else text


@pytest.fixture
def original(pki):
    running = []

    def start(main, files, port):
        try:
            server = PostfixClient(pki, filled(main, port, pki), {n: filled(t, port, pki) for n, t in files.items()})
            running.append(server)
            return server.__enter__()
        except NoJail as reason:
            running.clear()
            pytest.skip(str(reason))
    yield start
    for server in running:
        server.__exit__()


@pytest.fixture
def imported(relay, tmp_path, environment):
    """imported(root, …): relay import postfix; its exit status, relayrc and lines."""
    link = tmp_path / "bin" / "relay"
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(relay)

    def run(root, *args, status=0):
        done = subprocess.run([link, "import", "--root", root, "postfix", *args], capture_output=True, timeout=60,
                              env=environment, text=True)
        assert done.returncode == status, done.stderr
        return done.stdout, done.stderr
    return run


def seen(message):
    """What counts of a message: the envelope, who logged in, and how safe that was."""
    c = message.connection
    return (message.sender, sorted(message.recipients), c.auth_user, c.tls_version is not None)


def wait_messages(server, count, postfix):
    deadline = time.monotonic() + 30
    while len(server.messages) < count:
        assert time.monotonic() < deadline, postfix.log()
        time.sleep(0.02)


@pytest.mark.parametrize("name", SETUPS)
def test_same_envelopes(name, scripted, original, imported, run_sendmail, pki):
    tls, main, files, calls = SETUPS[name]
    auth = [] if name.startswith("no_login") else ["PLAIN", "LOGIN"]
    with_postfix = scripted(tls=tls, auth=auth, users=USERS)
    postfix = original(main, files, with_postfix.port)
    for args in calls:
        postfix.send(args, MESSAGE)
    wait_messages(with_postfix, len(calls), postfix)
    rc, notes = imported(postfix.root)
    rc = rc.replace("aliases /etc", f"aliases {postfix.root}/etc")
    # The same server, so that the host and port of the file are right.
    with_relay = len(with_postfix.messages)
    assert with_relay == len(calls)
    for args in calls:
        done = run_sendmail(["-i", *args], MESSAGE, rc + "\nqueue off\n")
        assert (done.rc, done.err) == (0, ""), rc
    before, after = with_postfix.messages[:with_relay], with_postfix.messages[with_relay:]
    assert sorted(map(seen, after)) == sorted(map(seen, before))
    assert "secret" not in notes and "pa:ss" not in notes


def test_sender_dependent(scripted, original, imported, run_sendmail, pki):
    """Servers and logins by sender, the default for all others."""
    usual, work = (scripted(tls="starttls", auth=["PLAIN"], users=USERS) for _ in range(2))
    files = {"sasl_passwd": f"[127.0.0.1]:{usual.port} user@mail.test:secret\n"
                            "me@work.test other@mail.test:pa:ss word\n",
             "senders": f"me@work.test [127.0.0.1]:{work.port}\n@all.test [127.0.0.1]:{usual.port}\n"}
    main = (ORIGIN + LOGIN.format(ca=pki.ca) + f"relayhost = [127.0.0.1]:{usual.port}\n"
            "smtp_tls_security_level = may\nsmtp_sender_dependent_authentication = yes\n"
            "sender_dependent_relayhost_maps = hash:/etc/postfix/senders\n")
    calls = [["-f", sender, *TO] for sender in ("me@work.test", "x@all.test", "any@else.test")]
    postfix = original(main, files, 0)
    for args in calls:
        postfix.send(args, MESSAGE)
    wait_messages(usual, 2, postfix)
    wait_messages(work, 1, postfix)
    rc, _ = imported(postfix.root)
    for args in calls:
        done = run_sendmail(["-i", *args], MESSAGE, rc.replace("\ndefaults\n", "\ndefaults\nqueue off\n"))
        assert (done.rc, done.err) == (0, ""), rc
    assert sorted(map(seen, usual.messages[2:])) == sorted(map(seen, usual.messages[:2]))
    assert seen(work.messages[1]) == seen(work.messages[0])
    assert work.messages[1].connection.auth_user == "other@mail.test"
