"""Real servers without installing them: Debian packages unpacked into private roots.

Owns the cache: build-servers/ at the top of the repository (or $RELAY_SERVERS), git-ignored. `server_root(name)`
returns a directory holding the server and all the libraries it needs, made from Debian's packages with `apt-get
download` and `dpkg -x`, to be used with chroot. No package is installed, no maintainer script runs, and the machine's
own mail system is not looked at. Once made, a root is used as it is, without network, until its list of packages changes.
"""
import fcntl
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
CACHE = Path(os.environ.get("RELAY_SERVERS", TOP / "build-servers"))

# Our capture script wants a shell, cat, date and mv.
TOOLS = ["dash", "coreutils"]
ROOTS = {
    "postfix": ["postfix", "sasl2-bin", "libsasl2-modules", "libsasl2-modules-db", "dovecot-core"],
    "exim": ["exim4-daemon-light"],
    "opensmtpd": ["opensmtpd"],
    "inetd": ["openbsd-inetd"],
    "xinetd": ["xinetd"],
    "openrc": ["openrc", "s6", "socat", "grep"],
    "cron": ["cron", "at", "libpam-modules", "libfaketime", "libc-bin", "libgnutls30", "libgsasl18"],
    # tests/clients: programs that send mail, and what ours loads there.
    "clients": ["bsd-mailx", "mailutils", "s-nail", "mutt", "gpg", "gpg-agent", "nmh", "alpine", "git-email", "libmailtools-perl",
                "perl", "php-cli", "libc-bin", "libgnutls30", "libgsasl18", "ncurses-base"],
    "emacs": ["emacs-nox", "libc-bin", "libgnutls30", "libgsasl18"],
    "system": ["python3", "python3-apt", "perl", "libmime-lite-perl", "libmailtools-perl", "libemail-sender-perl", "mdadm",
               "smartmontools", "sudo", "logwatch", "unattended-upgrades", "dpkg", "fail2ban", "anacron",
               "bsd-mailx", "mawk", "sed", "procmail", "vacation", "mpack", "mblaze",
               "monitoring-plugins-standard", "monitoring-plugins-basic", "debianutils", "bash", "libpam-modules", "libgnutls30",
               "libgsasl18", "libc-bin"],
    "php": ["php-fpm", "libc-bin", "libgnutls30", "libgsasl18"],
    # tests/packages: programs that send by SMTP.
    "smtp": ["swaks", "curl", "libmail-sendmail-perl", "perl", "msmtp", "python3", "libc-bin"],
    "msmtp": ["msmtp"], "ssmtp": ["ssmtp"], "nullmailer": ["nullmailer"], "dma": ["dma"], "esmtp": ["esmtp"],
}
# In the closure of dependencies, but only for maintainer scripts, cron jobs and the like.
NOT_NEEDED = re.compile(r"(dpkg|tar|usrmerge|debconf|adduser|passwd|cron.*|ed|cpio|"
                        r"ucf|init-system-helpers|sysvinit-utils|lsb-base|e2fsprogs|logsave|openssl|ssl-cert|"
                        r"sensible-utils|debianutils|db-util|db5.3-util|libpam-runtime|gcc-.*-base|exim4-config)$")
# Perl is for those only, unless a root names it.
PERL = re.compile(r"(perl|libperl.*|perl-.*|lib.*-perl)$")
# What programs of one root depend on for other uses than ours.
NOT_NEEDED_IN = {
    "clients": re.compile(r"(exim4-.*|git-man|pinentry-.*|libpython.*|guile-.*|psmisc|tzdata|php8.2-(opcache|readline)|"
                          r"libmagic.*|mlock|media-types|mailcap)$"),
    "system": re.compile(r"(exim4-.*|udev|procps|xz-utils|libglib2.*|.*dbus.*|libnet-ssleay-perl|libio-socket-ssl-perl|"
                         r"media-types|tzdata|iptables|nftables|whois|readline-common|mount|util-linux.*|iputils-ping|"
                         r"lsb-release|login|libunbound8|libgnutls-dane0|libevent.*|libproc2.*)$"),
    "emacs": re.compile(r"(emacs-el|binutils.*|lib(binutils|ctf.*|gprofng.*)|linux-libc-dev|lib.*-dev|libc-dev-bin|"
                        r"lib.san[0-9]|install-info|libasound2-data)$"),
    "php": re.compile(r"(php8.2-(opcache|readline|cli)|tzdata|.*dbus.*|mount|procps|media-types|mailcap)$"),
    "smtp": re.compile(r"(tzdata|media-types|mailcap|perl-openssl-defaults)$"),
}
PRUNE = ["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian",
         "usr/lib/systemd", "lib/systemd", "usr/share/zoneinfo", "usr/share/bug",
         "usr/share/common-licenses"]


_unreachable = None     # a failed download is not tried again for the next server


class NoPackages(Exception):
    """The packages cannot be had; the text says why."""


@contextmanager
def locked(path):
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def server_root(name):
    """The unpacked root of server `name`, made at need."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise NoPackages("not a Debian system: no apt-get or no dpkg")
    CACHE.mkdir(parents=True, exist_ok=True)
    root = CACHE / name
    made_of = " ".join(TOOLS + ROOTS[name])        # another list makes another root
    stamp = root / ".packages"
    with locked(CACHE / ".lock"):
        if not stamp.exists() or stamp.read_text() != made_of:
            fresh = CACHE / f"{name}.new"
            shutil.rmtree(fresh, ignore_errors=True)
            _unpack(_fetch(name), fresh, perl="perl" in ROOTS[name])
            (fresh / ".packages").write_text(made_of)
            shutil.rmtree(root, ignore_errors=True)
            fresh.rename(root)
    return root


def _fetch(name):
    """Download the packages of a root and what they depend on; the package files."""
    global _unreachable
    if _unreachable:
        raise _unreachable
    debs = CACHE / "debs"
    (debs / "none" / "partial").mkdir(parents=True, exist_ok=True)
    try:
        return _download(debs, name)
    except NoPackages:
        try:
            # The lists may be missing or out of date.
            _apt(debs, "update")
            return _download(debs, name)
        except NoPackages as reason:
            _unreachable = reason
            raise


def _download(debs, name):
    wanted = TOOLS + ROOTS[name]
    nothing_installed = debs / "status"
    nothing_installed.touch()
    # With an empty dpkg status and an empty archive, apt plans the installation of everything, libc included.
    plan = _apt(debs, "install", "--print-uris", "-y", "--no-install-recommends", "-o",
                f"Dir::State::status={nothing_installed}", "-o", "Debug::NoLocking=1", *wanted)
    files = {}
    for line in plan.splitlines():
        if match := re.match(r"'[^']*' (([a-z0-9.+-]+)_(\S+)_[a-z0-9]+\.deb) ", line):
            files[match[2]] = (match[1], match[3].replace("%3a", ":"))
    left_out = [NOT_NEEDED, *filter(None, [NOT_NEEDED_IN.get(name), None if "perl" in wanted else PERL])]
    needed = {n: f for n, f in files.items() if n in wanted or not any(out.match(n) for out in left_out)}
    missing = [f"{n}={version}" for n, (file, version) in needed.items() if not (debs / file).exists()]
    if missing:
        _apt(debs, "download", *missing)
    return [debs / file for file, _ in needed.values()]


def _apt(debs, *args):
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    # The unprivileged user whom apt downloads as may not be able to reach our directory.
    options = ["-o", "APT::Sandbox::User=root", "-o", f"Dir::Cache::archives={debs / 'none'}"]
    done = subprocess.run(["apt-get", "-q", *options, *args], cwd=debs, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("E:")] or [done.stderr]
        raise NoPackages(f"apt-get {args[0]} failed: {errors[0][:300]}")
    return done.stdout


def _unpack(files, root, perl):
    root.mkdir()
    for file in files:
        subprocess.run(["dpkg", "-x", str(file), str(root)], check=True)
    for path in PRUNE + ([] if perl else ["usr/share/perl5"]):
        shutil.rmtree(root / path, ignore_errors=True)
    root.chmod(0o755)
