"""packaging/apparmor: what the program makes, changes, locks and runs, seen by strace in the installed package, against the rules of
the profile. No kernel with AppArmor is needed; reading is free in it, and what its abstractions allow is not looked at."""
import os
import re
import shutil
import subprocess

import pytest
from conftest import TOP
from debroot import CLEAN
from serving import MESSAGE, Listening, make_root

PROFILE = TOP / "packaging/apparmor/usr.sbin.sendmail"
LONG = "Subject: x\n\n" + "0123456789abcdef\n" * 20000
SMTP = "EHLO x\r\nMAIL FROM:<me@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n"
RC = "host localhost\nport 9\nuser me@x.test\nfrom me@x.test\n"
# As the abstractions have them: devices, and sockets of the system.
SYSTEM = re.compile(r"/dev/(null|log|tty)|/(var/)?run/nscd/socket")
CALLS = "open,openat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,unlink,unlinkat,flock,execve,connect,chown,fchown,fchownat"


def expression(glob):
    """A glob of AppArmor as a regular expression."""
    words = {"**": ".*", "*": "[^/]*", "{": "(?:", "}": ")", ",": "|", "@{HOME}": "/(?:home/[^/]+|root)", "@{PROC}": "/proc", "@{pid}": r"\d+"}
    parts = re.findall(r"@\{\w+\}|\*\*|[*{},]|[^*{},@]+", glob)
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts))


def rules():
    """What the profile itself says of files: (expression, letters); and its capabilities."""
    text = "\n".join(line for line in PROFILE.read_text().splitlines() if not line.lstrip().startswith("#"))
    found = re.findall(r"^  (?:owner )?((?:/|@\{)\S*) (\w+),$", text, re.M)
    assert len(found) > 10
    return [(expression(glob), letters) for glob, letters in found], set(re.findall(r"^  capability (\w+),$", text, re.M))


def letters_of(call, arguments):
    """The permissions that a call needs, each with its path: [(letter, path)]."""
    paths = [name if name.startswith("/") else f"{folder}/{name}"
             for folder, name in re.findall(r'(?:AT_FDCWD|\d+)?(?:<([^>]*)>, )?"([^"]*)"', arguments)]
    if call.startswith("open"):
        return [("w", path) for path in paths] if re.search("O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE", arguments) else []
    if call == "flock":
        return [("k", re.search("<([^>]*)>", arguments)[1])]
    if call == "execve":
        # The kernel asks for what a link leads to.
        return [("x", re.sub("^/usr/bin/(mailq|relay)$", "/usr/sbin/sendmail", paths[0]))]
    if call == "connect":
        return [("w", path) for path in re.findall(r'sun_path="([^"]*)"', arguments)]
    if "chown" in call:
        return []
    return [("w", path) for path in paths] + ([("l", paths[1])] if call.startswith("link") else [])


def needed(trace, root):
    """What succeeded, as the program sees the paths; without what started it. And whether an owner was changed."""
    found, chowns = set(), False
    for line in trace.read_text(errors="replace").replace(str(root), "").splitlines():
        parts = re.match(r"\d+ +(\w+)\((.*)\) = (-?\d+)", line)
        if parts and (int(parts[3]) >= 0 or parts[1] == "connect"):
            found.update((letter, path) for letter, path in letters_of(parts[1], parts[2])
                         if not SYSTEM.fullmatch(path) and path not in ("/usr/bin/setpriv", "/usr/sbin/chroot"))
            chowns |= "chown" in parts[1]
    return found, chowns


@pytest.fixture(scope="module")
def seen(deb, tmp_path_factory):
    """Everything that was done, by which permission and path."""
    if not shutil.which("strace"):
        pytest.skip("no strace")
    root, found, chowns = make_root(), set(), False
    folder = tmp_path_factory.mktemp("traces")

    def run(user, *argv, data=MESSAGE, status=0):
        nonlocal chowns
        done = subprocess.run(["strace", "-f", "-qq", "-y", "-s", "300", "-e", f"trace={CALLS}", "-o", folder / "trace",
                               *root.command(*argv, user=user)], input=data, capture_output=True, text=True, env=CLEAN, cwd="/")
        assert status in (None, done.returncode), (argv, done.stdout, done.stderr)
        more, owner_changed = needed(folder / "trace", root.path)
        found.update(more)
        chowns |= owner_changed

    def configure(text, name=".relayrc"):
        root.put(f"home/alice/{name}", text, 0o600)
        os.chown(root.path / "home/alice" / name, *(root.path / "home/alice").stat()[4:6])
    try:
        root.install(deb, {"host": "127.0.0.1:9", "user": "me@x.test"})
        with Listening(root):
            run("alice", "sendmail", "b@x.test")
            run("alice", "mailq")
        run("root", "relay", "password", "set", data="secret\n")
        run("root", "relay", "password", "forget")
        configure(RC + "passwordeval echo secret\nlogfile ~/relay.log\n")
        for user in "root", "alice":
            run(user, "sendmail", "-odq", "b@x.test", data=LONG)
            run(user, "sendmail", "-odb", "b@x.test")
            run(user, "sendmail", "-bs", data=SMTP)
            run(user, "sendmail", "-q")
            for verb in "hold", "release", "retry", "delete":
                run(user, "relay", "queue", verb, "ALL")
        configure(RC + "passwordeval echo secret\nqueue off\n")
        run("alice", "sendmail", "b@x.test", data=LONG, status=75)
        configure(RC)
        run("alice", "relay", "password", "set", data="secret\n")
        run("alice", "relay", "password", "forget")
        for name in "home/alice/.relayrc", "etc/relayrc":
            (root.path / name).unlink()
        configure(RC, ".msmtprc")
        root.put("etc/msmtprc", RC)
        for user in "root", "alice":
            run(user, "relay", "import", "--write")
        yield found, chowns
    finally:
        root.__exit__()


def test_the_trace_has_what_is_known(seen):
    found = {(letter, re.sub(r"\.\d+$", ".N", path)) for letter, path in seen[0]}
    assert {("w", "/etc/relay/default.password"), ("l", "/etc/relayrc"), ("w", "/home/alice/.relayrc.N"), ("x", "/bin/sh"),
            ("w", "/home/alice/relay.log"), ("w", "/run/relay/submit")} <= found
    assert {letter for letter, path in found if path.startswith("/var/spool/relay/")} == {"w", "k"}


def test_the_profile_allows_what_is_done(seen):
    found, chowns = seen
    allowed, capabilities = rules()

    def is_allowed(letter, path):
        """A folder's rule has a slash at its end."""
        return any(letter in letters.lower() and (glob.fullmatch(path) or glob.fullmatch(path + "/")) for glob, letters in allowed)
    assert [one for one in sorted(found) if not is_allowed(*one)] == []
    assert not chowns or "chown" in capabilities
