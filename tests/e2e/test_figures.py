"""What one ordinary mail costs: instructions, memory, libraries, files, system calls. Counts only, no times.

The release build that is measured is $RELAY_RELEASE_BIN, or made here.
"""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lib.observed import Callgrind, Meter, Strace
from lib.queuefiles import QueueFiles

TOP = Path(__file__).resolve().parents[2]
SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
LOGIN = {"user": "user@mail.test", "password": "secret"}
MESSAGE = (b"From: sender@mail.test\nTo: r@mail.test\nSubject: figures\n\n"
           + b"A line of the message, as long as lines mostly are in a mail.\n" * 66)[:4096]

# What GnuTLS brings with it, where it is loaded.
LIBRARIES = {"libc", "libgnutls", "libp11-kit", "libidn2", "libunistring", "libtasn1", "libnettle", "libhogweed",
             "libgmp", "libffi", "libbrotlienc", "libbrotlidec", "libbrotlicommon", "libzstd", "libz"}


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root sees the files that a program opens")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    if os.environ.get("RELAY_RELEASE_BIN"):
        return Path(os.environ["RELAY_RELEASE_BIN"])
    for tool in ("meson", "ninja"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not here, and RELAY_RELEASE_BIN is not set")
    build = tmp_path_factory.mktemp("release")
    for command in (["meson", "setup", build, TOP, "--buildtype=release", "-Dtests=false"],
                    ["ninja", "-C", build, "src/sendmail"]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / "src/sendmail"


@pytest.fixture
def bundle(pki, tmp_path):
    """All certificates of the machine, and the test's own."""
    if not SYSTEM_BUNDLE.exists():
        pytest.skip(f"no {SYSTEM_BUNDLE}")
    text = SYSTEM_BUNDLE.read_text() + pki.ca.read_text()
    assert text.count("BEGIN CERTIFICATE") > 100
    file = tmp_path / "bundle.pem"
    file.write_text(text)
    return file


@pytest.fixture
def send(scripted, relayrc, run_sendmail, release, bundle):
    """Send one mail over SMTPS with a login, watched; the server."""
    def call(under, message=MESSAGE, auth="plain", certificate=None, without=(), **settings):
        server = scripted(tls="implicit", auth=["PLAIN", "SCRAM-SHA-256"], certificate=certificate, without=without)
        rc = relayrc(server, tls_trust_file=bundle, auth=auth, **LOGIN | settings)
        done = run_sendmail(["-i", "r@mail.test"], message, rc, under=under, program=release, timeout=60)
        assert (done.rc, done.err) == (0, "")
        assert [m.recipients for m in server.settle().messages] == [["r@mail.test"]] and server.violations == []
        return server
    return call


# A handshake alone costs 6 million, loading all of the bundle, as GnuTLS does, 64 more, and each signature to check 3.
@pytest.mark.parametrize("kind,limit", [("server", 16_000_000), ("server_rsa", 16_000_000),
                                        ("intermediate", 19_000_000)])
def test_instructions_of_one_mail(send, pki, tmp_path, kind, limit):
    callgrind = Callgrind(tmp_path)
    send(callgrind.under, certificate=getattr(pki, kind))
    assert 5_000_000 < callgrind.instructions() <= limit


@pytest.mark.parametrize("auth", ["plain", "scram-sha-256"])
def test_peak_memory_of_one_mail(send, tmp_path, auth):
    """Of three: what the kernel maps around each page that is touched changes with the addresses of the libraries."""
    meter, peaks = Meter(tmp_path), []
    for _ in range(3):
        send(meter.under, auth=auth)
        peaks.append(meter.peak)
    assert 1_000_000 < sorted(peaks)[1] <= (6_500_000 if auth == "plain" else 7_500_000), peaks


def test_only_libc_is_linked(release):
    """GnuTLS and libgsasl are loaded when they are needed."""
    listed = subprocess.run(["readelf", "-dW", release], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"\(NEEDED\).*\[(.*)\]", listed) == ["libc.so.6"]


def libraries(calls):
    """Names of the shared libraries among opened files."""
    opened = [Path(c.path).name for c in calls if c.ok and c.path and re.search(r"\.so(\.|$)", c.path)]
    return {re.split(r"\.so|-[0-9]", name)[0] for name in opened} - {"ld"}


@needs_root
def test_libraries_of_one_mail(send, tmp_path):
    strace = Strace(tmp_path, "openat,open")
    send(strace.under)
    found = libraries(strace.calls())
    assert "libgnutls" in found and found <= LIBRARIES
    send(strace.under, auth="scram-sha-256")
    assert "libgsasl" in libraries(strace.calls())      # that is: we would have seen it


@needs_root
@pytest.mark.parametrize("args", [["--version"], ["--help"]])
def test_start_loads_only_libc(run_sendmail, release, tmp_path, args):
    strace = Strace(tmp_path, "openat,open")
    assert run_sendmail(args, under=strace.under, program=release).rc == 0
    assert libraries(strace.calls()) == {"libc"}


@needs_root
def test_mail_without_tls_loads_only_libc(scripted, relayrc, run_sendmail, release, tmp_path):
    server = scripted(tls="none")
    strace = Strace(tmp_path, "openat,open")
    assert run_sendmail(["r@mail.test"], MESSAGE, relayrc(server), under=strace.under, program=release).rc == 0
    assert len(server.settle().messages) == 1
    assert libraries(strace.calls()) == {"libc"}


@needs_root
def test_files_of_one_mail(send, tmp_path):
    """Nothing is opened that has no business in a mail, nothing is created, and no other program is started."""
    strace = Strace(tmp_path, "openat,open,creat,mkdir,unlink,rename,link,symlink,mknod,execve,fork,vfork,clone,clone3")
    send(strace.under)
    # A thread is fine: it looks up the name of a machine that has none of its own.
    calls = [c for c in strace.calls() if "CLONE_THREAD" not in c.text]
    assert [c.name for c in calls if c.name not in ("open", "openat")] == ["execve"]
    written = [c.text for c in calls if re.search("O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE", c.text)]
    assert written == []
    read = {c.path for c in calls if c.ok and c.name != "execve" and not re.search(r"\.so(\.|$)", c.path)}
    allowed = {str(tmp_path / "relayrc"), str(tmp_path / "bundle.pem"), "/etc/ld.so.cache", "/etc/localtime",
               "/etc/mailname", "/etc/passwd", "/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/nsswitch.conf",
               "/etc/gai.conf", "/etc/gnutls/config", "/proc/sys/crypto/fips_enabled"}
    assert read <= allowed


def writes(strace):
    """What was sent to the network, in order: sizes."""
    calls = strace.calls()
    sockets = {c.result for c in calls if c.name == "socket" and "AF_INET" in c.text}
    sizes = []
    for call in calls:
        if call.name in ("sendto", "sendmsg", "write", "writev") and call.first in sockets and call.ok:
            sizes.append(int(call.result))
    return sizes


def test_each_flight_is_one_write(send, tmp_path):
    strace = Strace(tmp_path, "socket,sendto,sendmsg,write,writev")
    send(strace.under)
    sizes = writes(strace)
    # ClientHello; Finished; EHLO; AUTH, MAIL, RCPT, BDAT, the message and QUIT; close_notify.
    assert len(sizes) == 5, sizes
    assert sizes[3] > len(MESSAGE) > sizes[0] and sizes[4] < 100
    send(strace.under, without=["CHUNKING"])
    sizes = writes(strace)
    # The message has its own: it waits for the reply to DATA, and "." and QUIT are behind it.
    assert len(sizes) == 6, sizes
    assert sizes[3] < 500 and sizes[4] > len(MESSAGE)


def test_large_body_goes_out_in_large_writes(send, tmp_path):
    message = MESSAGE + b"0123456789abcdef" * 4 + b"\n"
    message += (b"x" * 75 + b"\n") * 100_000
    strace = Strace(tmp_path, "socket,sendto,sendmsg,write,writev,read,pread64,pwrite64")
    for without in ([], ["CHUNKING"]):
        server = send(strace.under, message, without=without)
        calls, sizes = strace.calls(), writes(strace)
        assert sum(sizes) > len(message) and len(sizes) <= 10 + len(message) // 15_000, len(sizes)
        # In and out of the file that it waits in, and to the server: all in large pieces.
        assert len(calls) < 60 + len(message) // 80_000
        assert server.messages[0].via == ("DATA" if without else "BDAT") and server.messages[0].chunks <= 10


def without_the_linker(calls):
    """Names of the calls but those of the dynamic linker, which opens its cache first and frees it last."""
    names, is_linking = [], False
    for call in calls:
        is_linking |= call.path == "/etc/ld.so.cache"
        if not is_linking:
            names.append(call.name)
        is_linking &= call.name != "munmap"
    return names


@needs_root
def test_ordinary_mail_needs_few_system_calls(send, tmp_path):
    strace = Strace(tmp_path, "all")
    send(strace.under)
    own = without_the_linker(strace.calls())
    assert 20 < len(own) < 140, own
    assert "nanosleep" not in own and "clock_nanosleep" not in own


@needs_root
def test_a_message_for_the_queue_needs_little(relayrc, run_sendmail, release, tmp_path):
    """What is beside the fsyncs: few system calls, few instructions, no large piece of memory."""
    rc = relayrc(host="127.0.0.1", port=9, tls="none", queue_directory=tmp_path / "queue")
    strace, callgrind = Strace(tmp_path, "all"), Callgrind(tmp_path)
    for under in strace.under, callgrind.under, strace.under:
        assert run_sendmail(["-odq", "r@mail.test"], MESSAGE, rc, under=under, program=release).rc == 0
    own = without_the_linker(strace.calls())
    assert 20 < len(own) < 85, own
    assert "mmap" not in own[own.index("umask"):]
    assert 100_000 < callgrind.instructions() < 700_000


@pytest.fixture
def listing(relayrc, run_sendmail, release, tmp_path):
    """The queue listed, with so many messages that were tried, watched."""
    queue = QueueFiles(tmp_path / "queue")
    rc = relayrc(host="127.0.0.1", port=9, tls="none", queue_directory=queue.path)

    def call(under, count, args=()):
        while queue.count < count:
            queue.put("deferred", "sender@bench.test", ["recipient@bench.test"],
                      reasons={"recipient@bench.test": "cannot connect to mail.bench.test port 465: Connection refused"})
        done = run_sendmail(["-bp", *args], rc=rc, under=under, program=release, timeout=60)
        assert done.rc == 0 and done.out.count("recipient@bench.test") == count
    return call


@pytest.mark.parametrize("args", [[], ["--json"]], ids=["columns", "json"])
def test_instructions_of_a_message_in_the_list(listing, tmp_path, args):
    """With its state: two files are read and checked."""
    few, many = Callgrind(tmp_path), Callgrind(tmp_path)
    listing(few.under, 100, args)
    least = few.instructions()
    listing(many.under, 1100, args)
    assert 5_000 < (many.instructions() - least) / 1000 < 24_000


def test_memory_of_a_message_in_the_list(listing, tmp_path):
    meter = Meter(tmp_path)
    listing(meter.under, 10)
    least = meter.peak
    listing(meter.under, 4010)
    assert meter.peak - least < 4000 * 80 + 200_000 and meter.peak < 5_000_000
