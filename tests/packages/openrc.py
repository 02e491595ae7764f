"""OpenRC and s6 of Debian's packages in a jail, with namespaces of their own: services are really started and watched.

    with OpenRC(binary, rc) as machine:
        machine.put("etc/init.d/relay", text, 0o755)
        machine.boot()                          the runlevels, up to "default"
        machine.service("relay", "start")       rc-service: its status and what it wrote
        machine.start("s6-ipcserver …")         a command line that goes on
        machine.send(user)                      sendmail's status and what it wrote
        machine.queue                           the queue of the machine, seen from outside
        machine.named("socat")                  the pids of its processes with this name, seen from inside

It has the users relay and alice, and relay's configuration; /run and /proc are its own. Without root, or without the packages:
NoJail.
"""
import subprocess
import time
from pathlib import Path

from lib.inetd import UID, Inetd

ALICE = UID + 1
SOCKET = "run/relay/submit"
# A shell stays: it also buries what has lost its parent.
HOLD = 'mount -t proc proc "$1/proc" && mount -t tmpfs -o mode=755 tmpfs "$1/run" && echo up && cat; true'


class OpenRC(Inetd):
    name = "openrc"
    listeners = ()

    def put_service(self):
        self.put("etc/passwd", (self.root / "etc/passwd").read_text() + f"alice:x:{ALICE}:{ALICE}::/home/alice:/bin/dash\n")
        # uucp: OpenRC gives it a folder of /run.
        self.put("etc/group", (self.root / "etc/group").read_text() + f"alice:x:{ALICE}:\nuucp:x:10:\n")
        self.directory("home/alice", 0o700, ALICE)
        for script in (self.root / "etc/init.d").iterdir():
            script.unlink()
        for folder in ("proc", "sys", "var"):
            self.directory(folder)
        (self.root / "var/run").symlink_to("/run")
        self._hold()

    def _hold(self):
        """Process 1 of the namespaces; all others end with it."""
        self.holder = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", HOLD, "sh", self.root],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        assert self.holder.stdout.readline() == b"up\n"
        self.init = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()[0]

    def commands(self):
        return []

    def _chroot(self, argv):
        return ["nsenter", "-t", self.init, "--mount", "--pid", *super()._chroot(argv)]

    def __exit__(self, *_):
        if hasattr(self, "holder"):
            self.holder.communicate(timeout=20)
        super().__exit__()

    # -- what a test asks ---------------------------------------------------------------------------------------

    def _run(self, *argv, data=""):
        done = subprocess.run(self._chroot(argv), input=data, env=self._env(), cwd="/", text=True, timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def boot(self):
        for level in "sysinit", "boot", "default":
            status, said = self._run("openrc", level)
            assert status == 0, said

    def service(self, name, *command):
        return self._run("rc-service", name, *command)

    def start(self, line):
        self._start(["sh", "-c", "exec " + line])

    def send(self, user):
        return self._run("s6-setuidgid", user, "/usr/sbin/sendmail", "joe@mail.test", data="Subject: x\n\nhi\n")

    def named(self, word):
        _, said = self._run("sh", "-c", 'for p in /proc/[0-9]*; do echo "${p#/proc/} $(cat $p/comm)"; done 2>/dev/null')
        return [int(line.split()[0]) for line in said.splitlines() if line.split()[1:] == [word]]

    def listens(self):
        """Whether everybody can write to the socket."""
        path = Path(f"/proc/{self.init}/root") / str(self.root)[1:] / SOCKET
        return path.is_socket() and path.stat().st_mode & 0o777 == 0o666

    def wait(self, condition, seconds=20):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.01)
        return found
