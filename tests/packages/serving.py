"""The package in use: set up, served, talked to.

    make_root()                 a DebianRoot, or the test is skipped
    answers(server)             to the questions at the installation, for this server
    fill_in(root, pki)          what is left to an admin
    with Listening(root): …     /run/relay/submit of a DebianRoot, without systemd as process 1
    session(path)               an smtplib.SMTP that is connected there
    arrived(server)             the one message at the server, and its parsed form
"""
import contextlib
import email
import os
import shutil
import smtplib
import socket
import subprocess
import time
from pathlib import Path

import pytest
from debroot import CLEAN, DebianRoot
from lib.jail import NoJail

HANDOVER, OTHERS_QUEUE = b"/run/relay/submit", b"XQUEUE"
# As cron and the like write: who it is from is a name of this machine.
FROM_USER = "From: {}\nSubject: hello\n\nIt works.\n"
MESSAGE = "Subject: hello\n\nIt works.\n"
LOGIN, SECRET = "user@mail.test", "secret"


def make_root(**options):
    try:
        return DebianRoot(**options).__enter__()
    except NoJail as reason:
        pytest.skip(str(reason))


def answers(server):
    return {"host": f"127.0.0.1:{server.ports['starttls']}", "user": LOGIN, "system_mail": "admin@mail.test"}


def fill_in(root, pki):
    """What an admin does who follows the comments of the file: the password; and, here, a CA of our own."""
    rc = root.path / "etc/relayrc"
    text = rc.read_text()
    assert text.count("\n#password\n") == 1
    root.put("etc/ca.pem", pki.ca.read_text())
    rc.write_text(text.replace("\n#password\n", f"\npassword {SECRET}\n") + "tls_trust_file /etc/ca.pem\n")


class UnixSMTP(smtplib.SMTP):
    def _get_socket(self, host, port, timeout):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        connection.connect(host)
        return connection


def session(path):
    return UnixSMTP(str(path), 25, local_hostname="client.test", timeout=30)


class Listening:
    def __init__(self, root):
        self.path = root.path / "run/relay/submit"
        # As the service of a machine without systemd would start it: with no environment of anybody.
        self._serve = root.command("/usr/bin/env", "-i", f"PATH={CLEAN['PATH']}", "/usr/sbin/sendmail", "-bs", user="relay")

    def __enter__(self):
        if not shutil.which("systemd-socket-activate"):
            pytest.skip("no systemd-socket-activate")
        self.path.parent.mkdir(exist_ok=True)
        self._process = subprocess.Popen(["systemd-socket-activate", "--accept", "--inetd", "-l", str(self.path), "--",
                                          *self._serve], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, env=CLEAN, cwd="/", start_new_session=True)
        deadline = time.monotonic() + 10
        while not self.path.exists():
            assert self._process.poll() is None and time.monotonic() < deadline, "systemd-socket-activate does not listen"
            time.sleep(0.01)
        self.path.chmod(0o666)
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(10)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


def arrived(server):
    message, = server.wait_messages(1)
    assert "sasl_username=user@mail.test" in message.info
    return message, email.message_from_bytes(message.sent)


def needs(binary, word):
    """Until this program can do what this word stands for, there is nothing to test."""
    if word not in Path(binary).read_bytes():
        pytest.skip(f"this sendmail has no {word.decode()}")
