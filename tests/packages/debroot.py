"""A Debian of its own, in which packages are really installed: debootstrap's minimal system, thrown away afterwards.

    with DebianRoot() as root:                  a copy of the cached system; NoJail where that cannot be had
        root.install(deb, answers={…})          with what it depends on, as apt does it
        root.run("mailq", user="alice")         to its end, in a login's clean environment; what it wrote
        root.may("alice", "cat", "/etc/relayrc")    whether that command succeeds
        root.path                               the root, seen from outside

The system is made once, with the mirror and the release of this machine, in lib/packages.py's cache. It has the users
alice and bob, and no /proc. DebianRoot(systemd=True) is another one, with systemd in it; see booted.py.
"""
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from lib import packages
from lib.jail import NoJail, ServerFailed

GUARD = Path(packages.__file__).with_name("jail_guard.py")
# What our package depends on, to be in apt's cache of the root.
NEEDED = ["adduser", "libgnutls30", "libgsasl18", "libidn2-0"]
SYSTEMD = ["systemd", "systemd-sysv"]
CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
# Not needed here, and most of what would have to be copied.
PRUNE = ["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/zoneinfo"]


def os_release():
    return dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(), re.M))


def _mirror(codename):
    """Where apt has the main part of this release from."""
    done = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Identifier: Packages"],
                          capture_output=True, text=True)
    for line in done.stdout.splitlines():
        uri, release, component = line.split()
        if (release, component) == (codename, "main"):
            return uri
    raise NoJail(f"apt has no mirror with the release {codename}")


def _command(*argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", **options)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise NoJail(f"{argv[0]}: {said[-1] if said else 'failed'}")


def _cached(systemd):
    """The directory of the system, made at need."""
    codename = os_release().get("VERSION_CODENAME")
    if os.geteuid() != 0:
        raise NoJail("packages are installed in a chroot, which only root may do")
    if not codename or not all(map(shutil.which, ("debootstrap", "apt-get", "dpkg"))):
        raise NoJail("not a Debian system, or no debootstrap")
    packages.CACHE.mkdir(parents=True, exist_ok=True)
    plain = _make("debian", codename, lambda fresh: _bootstrap(fresh, codename))
    return _make("debian-systemd", codename, lambda fresh: _with_systemd(plain, fresh)) if systemd else plain


def _make(name, codename, make):
    root, fresh = packages.CACHE / name, packages.CACHE / f"{name}.new"
    made_of = f"{codename} {NEEDED} {SYSTEMD if 'systemd' in name else ''} {PRUNE}"
    with packages.locked(packages.CACHE / f".{name}.lock"):
        stamp = root / ".packages"
        if not stamp.exists() or stamp.read_text() != made_of:
            shutil.rmtree(fresh, ignore_errors=True)
            make(fresh)
            (fresh / ".packages").write_text(made_of)
            shutil.rmtree(root, ignore_errors=True)
            fresh.rename(root)
    return root


def _apt(root, *args):
    proxies = {k: v for k, v in os.environ.items() if k.lower().endswith("_proxy")}
    _command("chroot", root, "apt-get", "-q", "-y", "--no-install-recommends", *args,
             env=CLEAN | proxies | {"DEBIAN_FRONTEND": "noninteractive"})


def _bootstrap(fresh, codename):
    _command("debootstrap", "--variant=minbase", codename, fresh, _mirror(codename))
    _apt(fresh, "install", "--download-only", *NEEDED)
    for user in ("alice", "bob"):
        _command("chroot", fresh, "useradd", "--create-home", "--shell", "/bin/sh", user)
    for path in PRUNE:
        shutil.rmtree(fresh / path, ignore_errors=True)


def _with_systemd(plain, fresh):
    _command("cp", "-a", plain, fresh)
    _apt(fresh, "install", *SYSTEMD)


class DebianRoot:
    def __init__(self, systemd=False):
        self.systemd = systemd

    def __enter__(self):
        cached = _cached(self.systemd)
        runs = packages.CACHE / "run"
        runs.mkdir(exist_ok=True)
        with packages.locked(packages.CACHE / ".lock"):
            self.path = Path(tempfile.mkdtemp(prefix="debian-", dir=runs))
            # Who finds it without this lock may remove it: lib/jail.py.
            self._lock = open(self.path / ".in-use", "w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._guard = subprocess.Popen(["/usr/bin/python3", GUARD, self.path], stdin=subprocess.PIPE, start_new_session=True)
        subprocess.run(["cp", "-a", f"{cached}/.", self.path], check=True)
        self.path.chmod(0o755)
        return self

    def __exit__(self, *_):
        self._guard.stdin.close()
        self._guard.wait(60)
        self._lock.close()

    # -- commands -------------------------------------------------------------------------------------------------

    def command(self, *argv, user="root", no_new_privs=False):
        """The words that run this in the root, as this user."""
        uid, gid = re.search(rf"^{user}:[^:]*:(\d+):(\d+):", (self.path / "etc/passwd").read_text(), re.M).groups()
        more = ["--no-new-privs"] if no_new_privs else []
        return ["chroot", str(self.path), "setpriv", "--reuid", uid, "--regid", gid, "--init-groups", *more, "--", *argv]

    def run(self, *argv, user="root", data="", status=0, env=None, no_new_privs=False):
        """What it wrote. It must end with this status, unless that is None."""
        done = subprocess.run(self.command(*argv, user=user, no_new_privs=no_new_privs), input=data, capture_output=True,
                              text=True, env=CLEAN | (env or {}), cwd="/", timeout=120)
        if status not in (None, done.returncode):
            raise ServerFailed(f"{argv[0]}: status {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
        return done.stdout + done.stderr

    def may(self, user, *argv):
        return subprocess.run(self.command(*argv, user=user), capture_output=True, env=CLEAN, cwd="/").returncode == 0

    def put(self, path, text, mode=0o644):
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    # -- packages -------------------------------------------------------------------------------------------------

    def install(self, deb, answers=None):
        """As an admin does it, with answers to the questions of its config script."""
        shutil.copy(deb, self.path / "tmp")
        lines = "".join(f"relay relay/{name} string {value}\n" for name, value in (answers or {}).items())
        self.run("debconf-set-selections", data=lines)
        return self.apt("install", f"/tmp/{Path(deb).name}")

    def apt(self, *args):
        return self.run("apt-get", "-q", "-y", "--no-install-recommends", *args, env={"DEBIAN_FRONTEND": "noninteractive"})

    def files(self):
        """Every path that no installed package owns, but for what apt and dpkg write for themselves."""
        owned = {line for file in (self.path / "var/lib/dpkg/info").glob("*.list") for line in file.read_text().splitlines()}
        own_use = re.compile(r"/(var/(cache|log/(apt|dpkg|alternatives)|lib/(dpkg|apt))|tmp|dev|proc|sys|run)\b|/etc/ld.so.cache|"
                             r"/etc/\.pwd\.lock|/etc/\w+-$|/\.in-use")
        found = set()
        for folder, folders, names in os.walk(self.path):
            for name in folders + names:
                path = "/" + os.path.relpath(os.path.join(folder, name), self.path)
                # /lib is a link to /usr/lib, and packages know their files by either name.
                other = path.removeprefix("/usr")
                if path not in owned and other not in owned and not own_use.match(path):
                    found.add(path)
        return found

    def accounts(self):
        return {name: sorted((self.path / "etc" / name).read_text().splitlines())
                for name in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")}
