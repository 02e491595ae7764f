"""Sends under valgrind's memcheck: no invalid access, no use of unset memory, nothing lost."""
import shutil

import pytest

from lib.hostile import close, on, silence
from lib.observed import sanitized

USER, PASSWORD = "user@mail.test", "secret"
MESSAGE = ("From: \"Jörg, Ö\" <sender@mail.test>\nTo: a@x.test,\n b@x.test (comment)\nBcc: c@x.test\nSubject: Grüße\n\n"
           + "..\n.\nA line of the message.\n" * 60).encode()
ERROR = 99


@pytest.fixture
def checked(relay, scripted, relayrc, run_sendmail, tmp_path):
    """Send one mail under memcheck; (exit status, what was said, server)."""
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind")
    if sanitized(relay):
        pytest.skip("valgrind and sanitizers do not go together")

    def call(settings=None, message=MESSAGE, args=("-i", "-t"), **options):
        report = tmp_path / "valgrind"
        server = scripted(**options)
        rc = relayrc(server, **({"timeout": 20} | (settings or {})))
        under = [shutil.which("valgrind"), "-q", "--tool=memcheck", f"--error-exitcode={ERROR}", "--leak-check=full",
                 "--errors-for-leak-kinds=definite,indirect,possible", "--show-leak-kinds=definite,indirect,possible",
                 "--track-fds=no", f"--log-file={report}"]
        done = run_sendmail(args, message, rc, under=under, timeout=120)
        server.settle()
        assert server.violations == []
        assert report.read_text() == "" and done.rc != ERROR
        return done.rc, done.err, server
    return call


SENDS = {
    "PLAIN over SMTPS": ({"auth": "plain"}, {"tls": "implicit", "auth": ["PLAIN"]}),
    "SCRAM over STARTTLS": ({"auth": "scram-sha-256"}, {"tls": "starttls", "auth": ["SCRAM-SHA-256"]}),
    "SCRAM with channel binding": ({}, {"tls": "implicit", "auth": ["SCRAM-SHA-256-PLUS", "PLAIN"]}),
    "LOGIN with TLS 1.2": ({"auth": "login"}, {"tls": "implicit", "auth": ["LOGIN"], "max_tls": "TLSv1_2"}),
    "OAUTHBEARER": ({"auth": "oauthbearer", "password": "token"}, {"tls": "implicit", "auth": ["OAUTHBEARER"]}),
    "no CHUNKING, no PIPELINING": ({}, {"tls": "implicit", "auth": ["PLAIN"], "without": ["CHUNKING", "PIPELINING"]}),
    "without TLS": ({"user": None}, {"tls": "none"}),
}


@pytest.mark.parametrize("case", SENDS)
def test_clean_send(checked, case):
    settings, options = SENDS[case]
    status, err, server = checked({"user": USER, "password": PASSWORD} | settings, **options)
    assert (status, err) == (0, "")
    [message] = server.messages
    assert message.recipients == ["a@x.test", "b@x.test", "c@x.test"]


FAILURES = {
    "refused login": ({"password": "wrong"}, {}, 75),
    "refused SCRAM login": ({"password": "wrong"}, {"auth": ["SCRAM-SHA-256"]}, 75),
    "wrong server signature": ({}, {"auth": ["SCRAM-SHA-256"], "scram_wrong_signature": True}, 75),
    "unknown certificate authority": ({}, {"certificate": "unknown_ca"}, 75),
    "expired certificate": ({}, {"certificate": "expired"}, 75),
    "wrong name": ({}, {"certificate": "wrong_name"}, 75),
    "wrong fingerprint": ({"tls_fingerprint": "00:" * 31 + "00"}, {}, 75),
    "refused recipients": ({}, {"refuse": {"a@x.test": "550 5.1.1 no", "b@x.test": "450 4.2.0 later"}}, 75),
    "lost behind the greeting": ({}, {"rules": [on("EHLO", close("rst"))]}, 75),
    "lost in the message": ({}, {"rules": [on("IN-BODY", close("fin"), at=100)]}, 75),
    "silence": ({"timeout": 3}, {"rules": [on("BODY", silence())]}, 75),
    "no such mechanism": ({"auth": "cram-md5"}, {}, 75),
    "wrong address": ({}, {"message": b"To: a@x.test, <b@\n\n", "auth": ["PLAIN"]}, 65),
    "wrong configuration": ({"tls_starttls": "perhaps"}, {}, 78),
    "unreadable CRL": ({"tls_crl_file": "/nonexistent"}, {}, 78),
}


@pytest.mark.parametrize("case", FAILURES)
def test_clean_failure(checked, pki, case):
    settings, options, expected = FAILURES[case]
    options = {"tls": "implicit", "auth": ["PLAIN"]} | options
    if "certificate" in options:
        options["certificate"] = getattr(pki, options["certificate"])
    status, err, server = checked({"user": USER, "password": PASSWORD} | settings, **options)
    assert (status, err.count("\n")) == (expected, 2 if case == "refused recipients" else 1)
    assert all(line.startswith("sendmail: ") for line in err.splitlines()) and PASSWORD not in err
    assert (len(server.messages) == 1) == (case in ("refused recipients", "silence"))
