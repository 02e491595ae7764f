"""relay import of msmtp, ssmtp, nullmailer, dma and esmtp: the imported relayrc sends as the program did.

As test_import_postfix.py: each setup is run against one scripted server by the program itself, in a jail, and by relay.
"""
import subprocess
import time

import pytest

from lib.jail import NoJail
from lib.senders import SENDERS

USERS = {"user@mail.test": "secret"}
MESSAGE = b"From: somebody@there.test\nTo: to@mail.test\nSubject: moving in\n\nA line.\n"
TO = ["to@mail.test"]
# Those without a sender are sent as root.
CALLS = [(TO, "me@home.test"), (["a@x.test", "b@y.test"], "me@home.test")]

# Program and setup: TLS of the server, the program's files, the calls.
SETUPS = {
    ("msmtp", "starttls"): ("starttls", {".msmtprc": "defaults\ntls on\ntls_trust_file {ca}\naccount one\n"
                            "host 127.0.0.1\nport {port}\nfrom me@home.test\nauth on\nuser user@mail.test\n"
                            "password \"secret\"\naccount default : one\n"}, CALLS + [(TO, None)]),
    ("msmtp", "implicit"): ("implicit", {".msmtprc": "host 127.0.0.1\nport {port}\ntls on\ntls_starttls off\n"
                            "tls_trust_file {ca}\nauth plain\nuser user@mail.test\npassword secret\n"
                            "from me@home.test\nallow_from_override off\n"}, CALLS[:1] + [(TO, "x@y.test")]),
    ("msmtp", "plain"): ("none", {".msmtprc": "host 127.0.0.1\nport {port}\nuser nobody\nfrom me@home.test\n"}, CALLS),
    ("ssmtp", "starttls"): ("starttls", {"etc/ssmtp/ssmtp.conf": "mailhub=127.0.0.1:{port}\nUseTLS=YES\nUseSTARTTLS=YES\n"
                            "AuthUser=user@mail.test\nAuthPass=secret\nrewriteDomain=home.test\nTLS_CA_File={ca}\n"},
                            [(TO, None)]),
    ("ssmtp", "implicit"): ("implicit", {"etc/ssmtp/ssmtp.conf": "mailhub=127.0.0.1:{port}\nUseTLS=YES\n"
                            "AuthUser=user@mail.test\nAuthPass=secret\nFromLineOverride=YES\nhostname=pi.home.test\n"
                            "TLS_CA_File={ca}\n"}, [(TO, None)]),
    ("ssmtp", "reverse"): ("none", {"etc/ssmtp/ssmtp.conf": "mailhub=127.0.0.1\nRemotePort={port}\n",
                           "etc/ssmtp/revaliases": "root:me@home.test\n"}, [(TO, None)]),
    ("nullmailer", "implicit"): ("implicit", {"etc/nullmailer/remotes": "127.0.0.1 smtp --port={port} --ssl "
                                 "--user=user@mail.test --pass='secret' --x509cafile={ca}\n",
                                 "etc/nullmailer/defaulthost": "pi.home.test\n"}, CALLS + [(TO, "root")]),
    ("nullmailer", "allmailfrom"): ("none", {"etc/nullmailer/remotes": "127.0.0.1 smtp port={port}\n",
                                    "etc/nullmailer/defaulthost": "pi.home.test\n",
                                    "etc/nullmailer/allmailfrom": "me@home.test\n"}, CALLS[:1] + [(TO, "x@y.test")]),
    ("dma", "starttls"): ("starttls", {"etc/dma/dma.conf": "SMARTHOST 127.0.0.1\nPORT {port}\nSECURETRANSFER\nSTARTTLS\n"
                          "AUTHPATH /etc/dma/auth.conf\nMAILNAME pi.home.test\nNULLCLIENT\n",
                          "etc/dma/auth.conf": "user@mail.test|127.0.0.1:secret\n"}, CALLS[:1]),
    ("dma", "masquerade"): ("none", {"etc/dma/dma.conf": "SMARTHOST 127.0.0.1\nPORT {port}\nNULLCLIENT\n"
                            "MASQUERADE me@home.test\n"}, [(TO, None), (TO, "root")]),
    ("esmtp", "identity"): ("none", {".esmtprc": "identity me@home.test\n\tdefault\nhostname = 127.0.0.1:{port}\n"},
                            CALLS),
}


@pytest.fixture
def original(pki):
    running = []

    def start(program, files, port):
        try:
            server = SENDERS[program](pki, {n: t.format(port=port, ca=pki.ca) for n, t in files.items()})
            running.append(server)
            return server.__enter__()
        except NoJail as reason:
            running.clear()
            pytest.skip(str(reason))
    yield start
    for server in running:
        server.__exit__()


def seen(message):
    c = message.connection
    return (message.sender, sorted(message.recipients), c.auth_user, c.tls_version is not None)


def by_transaction(messages):
    """Some programs have a transaction for each recipient: sender, recipient, login and TLS, in order."""
    return sorted((sender, to, user or "", tls) for sender, recipients, user, tls in map(seen, messages)
                  for to in recipients)


def wait_recipients(server, count, program):
    deadline = time.monotonic() + 30
    while sum(len(m.recipients) for m in server.messages) < count:
        assert time.monotonic() < deadline, program.log()
        time.sleep(0.02)


@pytest.mark.parametrize("program, setup", SETUPS)
def test_same_envelopes(program, setup, scripted, original, relay, run_sendmail, environment, tmp_path, pki):
    tls, files, calls = SETUPS[program, setup]
    server = scripted(tls=tls, auth=[] if tls == "none" else ["PLAIN", "LOGIN"], users=USERS)
    jail = original(program, files, server.port)
    for recipients, sender in calls:
        jail.send(recipients, MESSAGE, sender)
    wait_recipients(server, sum(len(r) for r, _ in calls), jail)
    count = len(server.messages)
    link = tmp_path / "relay"
    link.symlink_to(relay)
    done = subprocess.run([link, "import", "--root", jail.root, program, jail.file], capture_output=True, timeout=60,
                          env=environment, text=True)
    assert done.returncode == 0, done.stderr
    assert "secret" not in done.stderr
    rc = done.stdout + "queue off\n"
    if program == "dma" and tls != "none":
        # It looked at no certificate; relay does, and this one is signed by nobody whom the system knows.
        assert "SECURETRANSFER: changed: the certificate was not verified" in done.stderr
        rc += f"tls_trust_file {pki.ca}\n"
    for recipients, sender in calls:
        sent = run_sendmail(["-i", *(["-f", sender] if sender else []), *recipients], MESSAGE, rc)
        assert (sent.rc, sent.err) == (0, ""), rc
    assert by_transaction(server.messages[count:]) == by_transaction(server.messages[:count]), rc
