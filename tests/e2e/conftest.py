"""Fixtures of the end-to-end tests: the program, the servers, the certificates.

    relay               path of the binary: $RELAY_BIN, or build/src/sendmail
    run_sendmail        run_sendmail(["-t"], stdin, rc) -> Result(rc, stdout, stderr)
    relayrc             relayrc(server, tls="starttls", user=…, password=…) -> the text of a relayrc
    queue, account      the queue in the home directory, and account(server, …), which writes ~/.relayrc for it
    start               start(args, rc, **popen) -> the program, running
    home                home(".relayrc", text, mode) -> a file in the home directory of the calls
    public, relay_for_all   a directory, and in it the program, for tests that run as another user
    pki                 certificates (lib/pki.py), one set for the whole run
    scripted            scripted(tls="implicit", auth=["PLAIN"], …) -> a running ScriptedServer
    submit              submit(["-t"], stdin, {"timeout": 5}, auth=["PLAIN"], …) -> (Result, ScriptedServer): one call of
                        the program against a scripted server of its own, which saw no violation of the protocol
    counting            counting(host, port) -> a running CountingProxy
    postfix, exim, opensmtpd    real servers, started when first asked for; emptied before each test

Servers of a test are stopped after it, real ones at the end of the run. A test that needs a real server is skipped,
with the reason, where it cannot be run (not root, or no Debian packages).
"""
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from lib.counting import CountingProxy
from lib.exim import Exim
from lib.jail import NoJail
from lib.opensmtpd import OpenSMTPD
from lib.pki import Pki
from lib.postfix import Postfix
from lib.privatenet import NoNetwork, PrivateNet
from lib.queuefiles import QueueFiles
from lib.scripted import ScriptedServer

# The run may be under nohup, but the program is started as from a terminal: a handler ends at exec, "ignored" does not.
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

TOP = Path(__file__).resolve().parents[2]
TLS = {"none": {"tls": "off"}, "starttls": {"tls": "on", "tls_starttls": "on"},
       "implicit": {"tls": "on", "tls_starttls": "off"}}


@dataclass
class Result:
    rc: int
    stdout: bytes
    stderr: bytes

    @property
    def err(self):
        return self.stderr.decode(errors="replace")

    @property
    def out(self):
        return self.stdout.decode(errors="replace")


@pytest.fixture(scope="session")
def relay():
    binary = Path(os.environ.get("RELAY_BIN", TOP / "build/src/sendmail"))
    if not binary.exists():
        pytest.fail(f"{binary} is not there: build first, or set RELAY_BIN")
    return binary


@pytest.fixture
def environment(tmp_path):
    """The environment a program is run in: nothing of the tester's own but the sanitizers' settings."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TMPDIR")}
    # It guesses where thread-local data of a library is that was loaded with dlopen, and can guess wrong, and crash.
    kept["ASAN_OPTIONS"] = "intercept_tls_get_addr=0:" + kept.get("ASAN_OPTIONS", "")
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"} | kept


def without_queue(environment, rc, name=None):
    """What to add to a call, so that a test that is not about the queue hears of every failure by the exit status: one
    whose relayrc has no word of a queue."""
    file = Path(environment["HOME"], ".relayrc")
    text = rc if rc is not None else file.read_text(errors="replace") if file.is_file() else ""
    return ["--queue=off"] if name is None and "queue" not in text else []


@pytest.fixture
def run_sendmail(relay, tmp_path, environment):
    def run(args, stdin=b"", rc=None, env=None, timeout=30, name=None, bare=False, under=(), program=relay, **popen):
        """`rc` is the text of a relayrc (see the relayrc fixture); `env` is added to the clean environment, or is all of
        it with `bare`; `name` is another name to call the program by; `under` is a command that runs it (strace …), and
        `program` another binary."""
        config = without_queue(environment, rc, name) if program == relay and not under and "executable" not in popen and "-P" not in args \
            else []
        if name is not None:
            program = tmp_path / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.unlink(missing_ok=True)
            program.symlink_to(relay)
        if rc is not None:
            file = tmp_path / "relayrc"
            file.unlink(missing_ok=True)
            file.touch(0o600)
            file.write_text(rc)
            config += ["-C", str(file)]
        # stdin from a file rather than a pipe: a program that stops reading early does not hang the test.
        source = tmp_path / "stdin"
        source.write_bytes(stdin)
        with open(source, "rb") as opened:
            done = subprocess.run([*under, program, *config, *map(str, args)], stdin=opened, capture_output=True,
                                  timeout=timeout, env=({} if bare else environment) | (env or {}), cwd=tmp_path, **popen)
        return Result(done.returncode, done.stdout, done.stderr)
    return run


@pytest.fixture
def home(environment):
    """home(".relayrc", text, mode) writes a file in the home directory of the calls; its path."""
    def write(name, text, mode=0o600):
        file = os.path.join(environment["HOME"], name)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            out.write(text)
        os.chmod(file, mode)
        return file
    return write


@pytest.fixture
def queue(environment):
    """The queue of the calls, in its usual folder. Tests that name another with queue_directory have their own."""
    return QueueFiles(Path(environment["HOME"], ".local/state/relay/queue"))


@pytest.fixture
def account(relayrc, home):
    """account(server, …) writes the only account of ~/.relayrc: without TLS, with the queue."""
    def write(server, **settings):
        home(".relayrc", relayrc(server, tls="none", queue="on", **settings))
    return write


@pytest.fixture
def start(relay, environment, tmp_path):
    """start(args, rc, **popen): the program, running; stdin, stdout and stderr are pipes; `under` as for run_sendmail.
    Ended after the test."""
    running = []

    def call(args, rc=None, under=(), **popen):
        config = without_queue(environment, rc)
        if rc is not None:
            (tmp_path / "relayrc").touch(0o600)
            (tmp_path / "relayrc").write_text(rc)
            config += ["-C", tmp_path / "relayrc"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment}
        running.append(subprocess.Popen([*under, relay, *config, *args], **(pipes | popen)))
        return running[-1]
    yield call
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def public():
    """A directory that every user of the machine can enter (pytest's own are closed)."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def relay_for_all(relay, public):
    """A copy of the binary that every user can run; skips the test when we cannot become another user."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    return shutil.copy(relay, public / "sendmail")


@pytest.fixture
def relayrc(pki):
    def text(server=None, port=None, tls=None, **settings):
        """Settings for one account. `server` gives host, port and TLS mode (a ScriptedServer), or host only (a real
        one, with `port` and `tls`). Other settings as keywords; None leaves one out."""
        values = {"from": "sender@mail.test"} | ({} if "queue_directory" in settings else {"queue": "off"})
        if server is not None:
            tls = tls or getattr(getattr(server, "options", None), "tls", None)
            values |= {"host": server.host, "port": port or server.port}
        values |= TLS.get(tls, {})
        if tls in ("starttls", "implicit"):
            values["tls_trust_file"] = pki.ca
        values |= {k.rstrip("_"): v for k, v in settings.items()}
        return "account default\n" + "".join(f"{k} {v}\n" for k, v in values.items() if v is not None)
    return text


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def scripted(pki):
    with contextlib.ExitStack() as running:
        yield lambda **options: running.enter_context(ScriptedServer(pki, **options))


@pytest.fixture
def submit(scripted, relayrc, run_sendmail):
    def call(args, stdin=b"", settings=None, env=None, **options):
        server = scripted(**options)
        done = run_sendmail(args, stdin, relayrc(server, **(settings or {})), env=env)
        server.settle()
        assert server.violations == []
        return done, server
    return call


@pytest.fixture
def counting():
    with contextlib.ExitStack() as running:
        yield lambda host, port, **options: running.enter_context(CountingProxy(host, port, **options))


def _running(server_class, pki):
    with contextlib.ExitStack() as running:
        try:
            server = running.enter_context(server_class(pki))
        except NoJail as reason:
            pytest.skip(f"{server_class.name}: {reason}")
        yield server


@pytest.fixture(scope="session")
def postfix_session(pki):
    yield from _running(Postfix, pki)


@pytest.fixture(scope="session")
def exim_session(pki):
    yield from _running(Exim, pki)


@pytest.fixture(scope="session")
def opensmtpd_session(pki):
    yield from _running(OpenSMTPD, pki)


@pytest.fixture
def postfix(postfix_session):
    postfix_session.clear()
    return postfix_session


@pytest.fixture
def exim(exim_session):
    exim_session.clear()
    return exim_session


@pytest.fixture
def opensmtpd(opensmtpd_session):
    opensmtpd_session.clear()
    return opensmtpd_session


@pytest.fixture
def private():
    """private(hosts, dns) -> a running PrivateNet"""
    running = []

    def make(*args, **kwargs):
        try:
            running.append(PrivateNet(*args, **kwargs).__enter__())
        except NoNetwork as reason:
            pytest.skip(str(reason))
        return running[-1]
    yield make
    for net in running:
        net.__exit__()
