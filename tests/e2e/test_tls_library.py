"""GnuTLS is loaded when TLS is needed. Without it, or with one that is of no use, TLS fails: later, when a package is
installed, the same mail can go out. All that needs no TLS works."""
import re
import subprocess

import pytest

MESSAGE = b"From: sender@mail.test\nSubject: x\n\ntext\n"
LOGIN = {"user": "user@mail.test", "password": "S3cret-of-the-tests"}


@pytest.fixture
def broken(tmp_path):
    """broken("junk") or broken("empty") -> an environment in which libgnutls is a file that is no library, or a library
    without a function."""
    def environment(kind):
        file = tmp_path / "libraries/libgnutls.so.30"
        file.parent.mkdir()
        if kind == "junk":
            file.write_bytes(b"no library\n" * 1000)
        else:
            subprocess.run(["cc", "-shared", "-xc", "/dev/null", "-o", file], check=True)
        return {"LD_LIBRARY_PATH": str(file.parent)}
    return environment


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("kind,why", [("junk", "invalid ELF header"), ("empty", "undefined symbol: gnutls_")])
def test_mail_waits_for_the_library(scripted, relayrc, run_sendmail, broken, tls, kind, why):
    server = scripted(tls=tls, auth=["PLAIN"])
    done = run_sendmail(["r@mail.test"], MESSAGE, relayrc(server, **LOGIN), env=broken(kind))
    assert (done.rc, done.out) == (75, "")
    [line] = done.err.splitlines()
    assert line.startswith("sendmail: account default: ") and why in line
    assert re.search(r"TLS needs libgnutls, which cannot be loaded \(.*\): install GnuTLS", line)
    server.settle()
    assert server.messages == [] and "S3cret" not in " ".join(server.commands)
    assert all(c.verbs in ([], ["EHLO", "STARTTLS"]) for c in server.connections)


def test_check_says_so(home, run_sendmail, broken):
    home(".relayrc", "host mail.test\nfrom sender@mail.test\nauth off\n")
    done = run_sendmail(["check", "--offline"], env=broken("junk"), name="relay")
    assert done.rc == 78 and done.err.count("\n") == 1 and "error: account default: tls: TLS needs libgnutls" in done.err


def test_mail_without_tls_needs_no_library(scripted, relayrc, run_sendmail, broken):
    server = scripted(tls="none")
    env = broken("junk")
    done = run_sendmail(["r@mail.test"], MESSAGE, relayrc(server), env=env)
    assert (done.rc, done.err) == (0, "")
    assert len(server.settle().messages) == 1
    assert run_sendmail(["--version"], env=env).rc == 0
