"""A real mail server in a chroot of its own, thrown away afterwards.

Owns: the private copy of a server's root (hard links, so it costs nothing), its /etc/passwd and /dev, the capture
script that turns deliveries into files, the processes started in it, and their end. Nothing outside build-servers/ is
written; no user is made on the machine; no mount is needed. Only root can chroot: others get NoJail.

A server class (postfix.py, exim.py, opensmtpd.py) derives from Jail, writes its configuration in `configure`, and
returns the processes to run from `commands`. Then

    with Postfix(pki) as server:
        server.ports["starttls"], server.ports["smtps"], server.ports["plain"]
        message, = server.wait_messages(1)
        message.sender, message.recipients, message.data, message.sent
"""
import fcntl
import os
import re
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import packages

USERS = {"root": 0, "daemon": 1, "mail": 8, "nobody": 65534, "capture": 64890, "postfix": 64891, "postdrop": 64892,
         "dovecot": 64893, "dovenull": 64894, "Debian-exim": 64895, "opensmtpd": 64896, "opensmtpq": 64897}
GROUPS = USERS | {"nogroup": 65534, "sasl": 45}
DEVICES = {"null": (1, 3), "zero": (1, 5), "random": (1, 8), "urandom": (1, 9)}

# Called with a word for the test, the envelope sender, the recipients; the message is on standard input.
CAPTURE = """#!/bin/dash
umask 022
name=$(date +%s.%N).$$
printf '%s\\n' "$@" >/capture/tmp/$name.envelope &&
cat >/capture/tmp/$name.message &&
mv /capture/tmp/$name.envelope /capture/new/ &&
mv /capture/tmp/$name.message /capture/new/ || exit 75
"""
TRACE = re.compile(rb"(?:(?:Return-Path|Received|Delivered-To|X-Original-To|Envelope-To):[^\n]*\n(?:[ \t][^\n]*\n)*)+",
                   re.IGNORECASE)


class NoJail(Exception):
    """A server cannot be run here (not root, no packages); the text says why."""


class ServerFailed(Exception):
    """A server could be run, and did not work: its log is in the text."""


@dataclass
class Captured:
    info: str           # what the server adds: "sasl_method=…,sasl_username=…"
    sender: str
    recipients: list
    data: bytes         # as the server delivers it, LF line ends

    @property
    def sent(self):
        """The message without the trace fields that servers put on top."""
        found = TRACE.match(self.data)
        return self.data[found.end():] if found else self.data


def free_ports(count):
    """Ports of 127.0.0.1 that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Jail:
    name = None         # the root in packages.ROOTS
    listeners = ()      # names of ports

    def __init__(self, pki, users=None):
        self.pki = pki
        self.users = users or {"user@mail.test": "secret"}
        self.host = "127.0.0.1"
        self.processes = []
        self._guard = self._lock = None

    # -- for the server classes -------------------------------------------------------------------------------

    def configure(self):
        raise NotImplementedError

    def commands(self):
        """The command lines to start, in order."""
        raise NotImplementedError

    def put(self, path, text, mode=0o644, owner=0):
        """Write a file of the jail. Replaced, never changed in place: it may be a hard link to the cache."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        file.chmod(mode)
        os.chown(file, owner, owner)
        # Postfix waits until its configuration is two seconds old, lest it be half written.
        os.utime(file, (time.time() - 60, time.time() - 60))

    def directory(self, path, mode=0o755, owner=0, group=None):
        target = self.root / path
        target.mkdir(parents=True, exist_ok=True)
        os.chown(target, owner, owner if group is None else group)
        target.chmod(mode)

    def put_certificate(self, cert, owner=0):
        """/etc/tls/{chain,key,both}.pem"""
        self.put("etc/tls/chain.pem", cert.chain.read_bytes())
        self.put("etc/tls/key.pem", cert.key.read_bytes(), 0o600, owner)
        self.put("etc/tls/both.pem", cert.key.read_bytes() + cert.chain.read_bytes(), 0o600, owner)

    def run(self, *argv, data=b""):
        """Run a command of the jail to its end; its output."""
        done = subprocess.run(self._chroot(argv), input=data, capture_output=True, env=self._env())
        if done.returncode != 0:
            raise ServerFailed(f"{argv[0]}: {(done.stdout + done.stderr).decode(errors='replace')[-500:]}")
        return done.stdout

    # -- start and stop ---------------------------------------------------------------------------------------

    def __enter__(self):
        if os.geteuid() != 0:
            raise NoJail("real servers are run in a chroot, which only root may do")
        try:
            cached = packages.server_root(self.name)
        except packages.NoPackages as reason:
            raise NoJail(str(reason)) from None
        try:
            self._build(cached)
            self.ports = dict(zip(self.listeners, free_ports(len(self.listeners))))
            self.configure()
            for command in self.commands():
                self._start(command)
            for port in self.ports.values():
                self._wait_port(port)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._guard:
            self._guard.stdin.close()       # jail_guard.py does the rest
            self._guard.wait(30)
            for process in self.processes:
                process.wait(10)
            self._lock.close()

    def _build(self, cached):
        runs = packages.CACHE / "run"
        runs.mkdir(exist_ok=True)
        with packages.locked(packages.CACHE / ".lock"):
            _remove_stale(runs)
            self.root = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=runs))
            self._lock = open(self.root / ".in-use", "w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        guard = Path(__file__).with_name("jail_guard.py")
        self._guard = subprocess.Popen(["/usr/bin/python3", guard, self.root], stdin=subprocess.PIPE,
                                       start_new_session=True)
        subprocess.run(["cp", "-al", f"{cached}/.", str(self.root)], check=True)
        self.root.chmod(0o755)
        self.put("etc/passwd", "".join(f"{n}:x:{i}:{i}::/:/bin/dash\n" for n, i in USERS.items()))
        self.put("etc/group", "".join(f"{n}:x:{i}:\n" for n, i in GROUPS.items()))
        self.put("etc/hosts", "127.0.0.1 localhost mail.test\n::1 localhost\n")
        self.put("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n")
        self.put("etc/services", "smtp 25/tcp\nsubmission 587/tcp\nsubmissions 465/tcp\n")
        self.put("etc/resolv.conf", "nameserver 127.0.0.1\n")
        self.put("capture.sh", CAPTURE, 0o755)
        for path in ("capture/tmp", "capture/new", "tmp", "run", "var/log"):
            self.directory(path, 0o1777)
        self.directory("dev")
        for device, (major, minor) in DEVICES.items():
            target = self.root / "dev" / device
            if not target.exists():
                os.mknod(target, 0o20666, os.makedev(major, minor))
                target.chmod(0o666)

    def _start(self, argv):
        log = open(self.root / "var/log" / f"{self.name}-{len(self.processes)}.out", "ab")

        def limit():
            # Some servers close every descriptor they could have.
            resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self.processes.append(subprocess.Popen(self._chroot(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                               env=self._env(), start_new_session=True, preexec_fn=limit))
        log.close()

    def _chroot(self, argv):
        return ["chroot", str(self.root), *argv]

    def _env(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/"}

    def _wait_port(self, port):
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection((self.host, port), timeout=5).close()
                return
            except OSError as error:
                if any(p.poll() is not None for p in self.processes) or time.monotonic() > deadline:
                    raise ServerFailed(f"{self.name} does not answer on port {port}: {error}\n{self.log()}") from None
            time.sleep(0.02)

    # -- what a test asks -------------------------------------------------------------------------------------

    def messages(self):
        """What has been delivered, oldest first."""
        new = self.root / "capture/new"
        return [_captured(f) for f in sorted(new.glob("*.message"), key=lambda f: f.stat().st_mtime_ns)]

    def wait_messages(self, count, recipients=0, seconds=20):
        """The messages, as soon as there are at least `count`, for so many recipients altogether."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.messages()
            if len(found) >= count and sum(len(m.recipients) for m in found) >= recipients:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(found)} of {count} messages after {seconds} s\n{self.log()}")
            time.sleep(0.01)

    def clear(self):
        """Forget what has been delivered."""
        for file in (self.root / "capture/new").iterdir():
            file.unlink()

    def log(self, lines=40):
        """The end of the server's logs."""
        text = ""
        for file in sorted((self.root / "var/log").rglob("*")):
            if file.is_file():
                text += f"--- {file.name}\n" + "\n".join(file.read_text(errors="replace").splitlines()[-lines:]) + "\n"
        return text


def _captured(file):
    info, sender, *recipients = file.with_suffix(".envelope").read_text().split("\n")[:-1]
    return Captured(info, sender, recipients, file.read_bytes())


def _remove_stale(runs):
    """Directories that outlived their test run and its guard, as after a power cut: nobody holds their lock."""
    for old in runs.iterdir():
        try:
            with open(old / ".in-use") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old, ignore_errors=True)
        except OSError:
            pass
