"""A machine whose mail goes out as the user `relay`: a root directory with /etc/relayrc, /run/relay/submit, /var/spool/relay.

    with Machine(binary, rc) as machine:
        machine.serve()                                 the service: sendmail -bs as relay, for each connection
        machine.run(["-t"], b"To: …", user="alice")     a call -> CompletedProcess; name= another name of the program
        machine.connect("alice")                        a client on the socket: a Raw (lib/serving.py), greeted
        machine.queue                                   QueueFiles of /var/spool/relay
        machine.put("home/alice/.relayrc", text, owner="alice", mode=0o600)

The paths of the program are constants, so it runs in a chroot; of the tester's machine nothing is touched. It has the users root,
relay, alice, bob, carol and www-data. It has a /proc of its own, in a mount namespace that it alone has, where that is allowed.

Fixture, for tests to import: machine(server, **options) -> a running Machine whose /etc/relayrc sends to that server; without one,
to a port where nobody listens.
"""
import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from .queuefiles import QueueFiles
from .serving import Raw

USERS = {"root": 0, "relay": 64800, "alice": 64801, "bob": 64802, "carol": 64803, "www-data": 33}
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
NAMES = {"mailq": "usr/bin/mailq", "newaliases": "usr/bin/newaliases", "relay": "usr/bin/relay", "sendmail": "usr/sbin/sendmail"}
CLONE_NEWNS = 0x20000
RC = "account default\nhost {host}\nport {port}\ntls off\nauth off\nfrom machine@mail.test\n"
DOWN = RC.format(host="127.0.0.1", port=9)
LIBC = ctypes.CDLL(None, use_errno=True)
SETRESUID = {"x86_64": 117, "aarch64": 147}.get(os.uname().machine)


def libraries(binary):
    """What the dynamic linker wants, with itself."""
    lines = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout.splitlines()
    words = [word for line in lines for word in line.split() if word.startswith("/")]
    return [Path(word) for word in words]


@contextlib.contextmanager
def short(path):
    """A name for a socket's path, which may be too long for one."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


@contextlib.contextmanager
def acting_as(uid):
    """With this effective uid, in this thread alone: os.seteuid would change it for the service's, too."""
    def become(effective):
        assert LIBC.syscall(SETRESUID, -1, effective, -1) == 0
    become(uid)
    try:
        yield
    finally:
        become(0)


class Service:
    """What systemd does with Accept=yes and MaxConnections: a process for each connection, with it as its descriptors 0 and 1."""

    def __init__(self, machine, most=64, command=("/usr/sbin/sendmail", "-bs")):
        self.machine, self.most, self.command = machine, most, command
        self.running, self.errors, self._known = [], [], set()
        path = machine.root / "run/relay/submit"
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        with short(path) as name:
            self.listener.bind(name)
        path.chmod(0o666)
        self.listener.listen(128)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                self.running = [p for p in self.running if p.poll() is None]
                if len(self.running) < self.most:
                    self.running.append(self.machine.start(self.command, "relay", stdin=client, stdout=client,
                                                           stderr=subprocess.DEVNULL))

    def newest(self):
        """The process of a session that was just opened. It may answer before the thread that started it has noted it."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for process in reversed(list(self.running)):
                if process.poll() is None and process.pid not in self._known:
                    self._known.add(process.pid)
                    return process
            time.sleep(0.005)
        raise TimeoutError("no new session")

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
        for process in self.running:
            process.kill()
            process.wait(10)


class Machine:
    def __init__(self, binary, rc=None, relay_user=True, proc="defaults"):
        if os.geteuid() != 0:
            pytest.skip("needs root, to have users of its own")
        if SETRESUID is None:
            pytest.skip("the number of setresuid(2) is not known for this machine")
        self.binary, self.rc, self.proc = binary, rc, proc
        self.users = {name: uid for name, uid in USERS.items() if relay_user or name != "relay"}
        self.environment = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
        self.environment["ASAN_OPTIONS"] = "intercept_tls_get_addr=0:" + self.environment.get("ASAN_OPTIONS", "")
        self.services, self.holder, self.namespace = [], None, None

    # -- the root ---------------------------------------------------------------------------------------------

    def put(self, path, text, owner="root", mode=0o644, group=None):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.chown(file, USERS[owner], USERS[group or owner])
        file.chmod(mode)
        return file

    def directory(self, path, owner="root", mode=0o755):
        folder = self.root / path
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, USERS[owner], USERS[owner])
        folder.chmod(mode)
        return folder

    def install(self, program, path):
        """A program of the tester's machine, with its libraries."""
        for source, target in [(program, path), *((library, str(library)[1:]) for library in libraries(program))]:
            (self.root / target).parent.mkdir(parents=True, exist_ok=True)
            if not (self.root / target).exists():
                shutil.copy(source, self.root / target)

    def configure(self, rc, **more):
        return self.put("etc/relayrc", rc, **({"group": "relay", "mode": 0o640} | more))

    def __enter__(self):
        self.root = Path(tempfile.mkdtemp(prefix="relay-machine."))
        self.root.chmod(0o755)
        for path in ("etc", "usr/sbin", "usr/bin", "run", "run/relay", "var/spool", "root", "proc", "dev"):
            self.directory(path)
        for path in ("tmp", "var/tmp"):
            self.directory(path, mode=0o1777)
        for name, uid in self.users.items():
            self.directory(f"home/{name}", owner=name, mode=0o700)
        if "relay" in self.users:
            self.directory("var/spool/relay", owner="relay", mode=0o700)
        homes = {"root": "/root", "relay": "/var/spool/relay"}
        self.put("etc/passwd", "".join(f"{n}:x:{u}:{u}:{n.title()}:{homes.get(n, '/home/' + n)}:/bin/sh\n" for n, u in self.users.items()))
        self.put("etc/group", "".join(f"{n}:x:{u}:\n" for n, u in self.users.items()))
        self.put("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
        self.put("etc/hosts", "127.0.0.1 localhost\n")
        for device, (major, minor) in DEVICES.items():
            os.mknod(self.root / "dev" / device, 0o20666, os.makedev(major, minor))
            (self.root / "dev" / device).chmod(0o666)
        self.install(self.binary, "usr/sbin/sendmail")
        for name, path in NAMES.items():
            if name != "sendmail":
                (self.root / path).symlink_to("/usr/sbin/sendmail")
        if self.rc is not None:
            self.configure(self.rc, **({} if "relay" in self.users else {"group": "root", "mode": 0o600}))
        self._hold()
        return self

    def _hold(self):
        """A mount namespace with a /proc; it ends with its holder, the holder with us."""
        script = 'mount -t proc -o "$2" proc "$1" && echo up && exec cat'
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", self.root / "proc", self.proc],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if self.holder.stdout.readline() == b"up\n":
            self.namespace = os.open(f"/proc/{self.holder.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)

    def __exit__(self, *_):
        for service in self.services:
            service.close()
        if self.namespace is not None:
            os.close(self.namespace)
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait(10)
        shutil.rmtree(self.root)

    # -- processes --------------------------------------------------------------------------------------------

    def _become(self, uid, more=None):
        def become():
            if self.namespace is not None and LIBC.setns(self.namespace, CLONE_NEWNS) != 0:
                os._exit(126)
            os.chroot(self.root)
            os.chdir("/")
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            if more:
                more()
        return become

    def become(self, user):
        """A function that makes a child of ours a process of this user's in the root."""
        return self._become(self.users[user])

    def start(self, argv, user, env=None, more=None, **popen):
        uid = user if isinstance(user, int) else self.users[user]
        home = "/root" if uid == 0 else f"/home/{user}"
        clean = {"PATH": "/usr/sbin:/usr/bin", "HOME": home} | self.environment
        return subprocess.Popen(argv, env=clean | (env or {}), preexec_fn=self._become(uid, more), **popen)

    def run(self, args, stdin=b"", user="alice", name="sendmail", env=None, timeout=60, more=None):
        """The result has .err, its standard error as text, and .out."""
        process = self.start(["/" + NAMES[name], *map(str, args)], user, env, more, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        out, err = process.communicate(stdin, timeout=timeout)
        done = subprocess.CompletedProcess(args, process.returncode, out, err)
        done.rc, done.out, done.err = process.returncode, out.decode(errors="replace"), err.decode(errors="replace")
        return done

    # -- the service ------------------------------------------------------------------------------------------

    def serve(self, **options):
        self.services.append(Service(self, **options))
        return self.services[-1]

    def stop(self):
        self.services.pop().close()

    def socket(self, user):
        """A connection of that user's."""
        uid = user if isinstance(user, int) else self.users[user]
        client = socket.socket(socket.AF_UNIX)
        with short(self.root / "run/relay/submit") as name, acting_as(uid):
            client.connect(name)
        client.settimeout(20)
        return client

    def connect(self, user):
        return Raw(sock=self.socket(user))

    # -- what a test asks -------------------------------------------------------------------------------------

    def strays(self):
        """What the user relay has outside of its queue."""
        own = self.queue.path, self.root / "proc", self.root / "home/relay"
        return [p for p in self.root.rglob("*") if not p.is_symlink() and p.lstat().st_uid == USERS["relay"]
                and not any(p.is_relative_to(folder) for folder in own)]

    @property
    def queue(self):
        return QueueFiles(self.root / "var/spool/relay")


@pytest.fixture
def machine(relay):
    with contextlib.ExitStack() as running:
        def make(server=None, more="", **options):
            rc = RC.format(host=server.host, port=server.port) if server else DOWN
            return running.enter_context(Machine(relay, rc + more, **options))
        yield make
