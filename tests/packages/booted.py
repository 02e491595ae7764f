"""A root of debroot.py with systemd as its process 1: the units run as they will, sandbox and all.

    with Booted(root) as machine:               NoBoot where that cannot be done; the text says why
        machine.run("systemctl", "start", "relay-flush.service")        in it; what it wrote
        machine.run("sendmail", "joe@mail.test", user="alice", data="…")
        machine.wait(lambda: …)                 until this is true; else TimeoutError, with the journal
    machine.network                         its network (network.py)

It has namespaces and a cgroup of its own, and starts no more than sockets and timers; /proc/sys is read-only. Ends, with all its
processes, when the test run does.
"""
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from debroot import CLEAN
from lib.jail import ServerFailed
from network import Network

# The init of a container finds these as a container's manager has made them.
START = r"""
set -e
root=$1 group=$2
echo $$ >"$group/cgroup.procs"
exec unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child sh -c '
set -e
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind -o ro "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
	set -- "$root" $device
	mknod -m 666 "$1/dev/$2" c "$3" "$4"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
# Not chroot: from there, nobody makes a namespace of users (PrivateUsers).
cd "$root"
pivot_root . .
umount -l .
# As nspawn does: the credentials of a unit are mounted by a child of systemd.
mount --make-rshared /
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --unit=basic.target --log-target=console
' boot "$root"
"""
# Of no use here, and slow.
MASKED = ["systemd-journal-flush.service", "systemd-modules-load.service", "systemd-update-utmp.service", "dev-hugepages.mount",
          "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-fs-fuse-connections.mount",
          "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer", "dpkg-db-backup.timer",
          "systemd-tmpfiles-clean.timer"]


class NoBoot(Exception):
    """systemd cannot be process 1 of a container here; the text says why."""


def _cgroup2():
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            return Path(before.split()[4])
    raise NoBoot("no cgroup2 is mounted")


class Booted:
    def __init__(self, root):
        self.root = root
        self._manager = self._group = self.network = None

    def __enter__(self):
        if not all(map(shutil.which, ("unshare", "nsenter"))):
            raise NoBoot("no unshare or no nsenter")
        for unit in MASKED:
            link = self.root.path / "etc/systemd/system" / unit
            if not link.is_symlink():
                link.symlink_to("/dev/null")
        self._group = _cgroup2() / f"relay-tests-{os.getpid()}"
        self._console = self.root.path / "var/log/console"
        try:
            self._group.mkdir()
            with open(self._console, "wb") as console:
                self._manager = subprocess.Popen(["sh", "-c", START, "boot", str(self.root.path), str(self._group)],
                                                 stdin=subprocess.DEVNULL, stdout=console, stderr=console)
            self._wait_booted()
            self.network = Network(self.init)
        except OSError as error:
            self.__exit__()
            raise NoBoot(str(error)) from None
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.network:
            self.network.close()
        if self._manager:
            self._manager.kill()        # and with it, process 1 and all others
            self._manager.wait(30)
        if self._group and self._group.exists():
            deadline = time.monotonic() + 10
            while self._group.exists() and time.monotonic() < deadline:
                for folder, _, _ in os.walk(self._group, topdown=False):
                    try:
                        os.rmdir(folder)
                    except OSError:
                        time.sleep(0.01)        # a process is still ending

    def _wait_booted(self):
        deadline = time.monotonic() + 30
        while True:
            children = Path(f"/proc/{self._manager.pid}/task/{self._manager.pid}/children")
            first = children.read_text().split() if children.exists() else []
            if first:
                self.init = first[0]
                state = self._in(["systemctl", "is-active", "basic.target"])
                if state.stdout.strip() == "active":
                    return
            if self._manager.poll() is not None or time.monotonic() > deadline:
                raise NoBoot(f"systemd does not boot in a container here: {' / '.join(self.said()[-3:])}")
            time.sleep(0.05)

    def _in(self, argv, user="root", data="", no_new_privs=False):
        _, _, *command = self.root.command(*argv, user=user, no_new_privs=no_new_privs)     # without chroot
        return subprocess.run(["nsenter", "-t", self.init, "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", *command],
                              input=data, capture_output=True, text=True, env=CLEAN, cwd="/", timeout=60)

    def run(self, *argv, user="root", data="", status=0, no_new_privs=False):
        """What it wrote. It must end with this status, unless that is None."""
        done = self._in(argv, user, data, no_new_privs)
        if status not in (None, done.returncode):
            raise ServerFailed(f"{argv[0]}: status {done.returncode}: {done.stdout + done.stderr}\n{self.journal()}")
        return done.stdout + done.stderr

    def may(self, user, *argv):
        return self._in(argv, user).returncode == 0

    def said(self):
        """The lines on the console: what systemd itself has to say."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self._console.read_text(errors="replace")).strip().splitlines()

    def journal(self):
        return "\n".join(self.said()[-40:]) + "\n" + self._in(["journalctl", "--no-pager", "-n", "40", "-o", "cat"]).stdout

    def wait(self, condition, seconds=20):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise TimeoutError(self.journal())
            time.sleep(0.02)
        return found
