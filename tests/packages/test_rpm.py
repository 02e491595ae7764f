"""packaging/rpm: the package built by rpmbuild, looked at by rpmlint, and installed beside another mail program in a root
with `alternatives`.

Debian's update-alternatives takes the same arguments as Fedora's alternatives; RELAY_ALTERNATIVES=FILE is another one to
take, such as Fedora's own (of the project chkconfig, linked statically).
"""
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from conftest import TOP, export
from debroot import DebianRoot
from lib.jail import NoJail

HERE = Path(__file__).parent
SPEC = TOP / "packaging/rpm/relay.spec"
MAN = "/usr/share/man/man{0}/{1}.{0}.gz"
# Link, name and relay's file for each follower that mail programs of Fedora have and relay has too.
FOLLOWERS = {
    ("/usr/bin/mailq", "mta-mailq"): "/usr/bin/mailq.relay",
    ("/usr/bin/newaliases", "mta-newaliases"): "/usr/bin/newaliases.relay",
    ("/usr/lib/sendmail", "mta-sendmail"): "/usr/sbin/sendmail.relay",
    (MAN.format(8, "sendmail"), "mta-sendmailman"): MAN.format(8, "sendmail.relay"),
    (MAN.format(1, "mailq"), "mta-mailqman"): MAN.format(1, "mailq.relay"),
    (MAN.format(1, "newaliases"), "mta-newaliasesman"): MAN.format(1, "newaliases.relay"),
    (MAN.format(5, "aliases"), "mta-aliasesman"): MAN.format(5, "aliases.relay"),
}
# What another one registers: Postfix, with the two that relay has not.
OTHERS = [*FOLLOWERS, ("/usr/bin/rmail", "mta-rmail"), ("/etc/pam.d/smtp", "mta-pam")]


@pytest.fixture(scope="module")
def rpm(tmp_path_factory):
    """Without the tests of the build, which run elsewhere."""
    if not shutil.which("rpmbuild"):
        pytest.skip("no rpmbuild (Debian: rpm)")
    if not shutil.which("git") or not (TOP / ".git").exists():
        pytest.skip("not a git work tree: which files are the source is not known")
    folder = tmp_path_factory.mktemp("rpm")
    version = re.search(r"^Version: *(\S+)", SPEC.read_text(), re.M)[1]
    source = folder / f"relay-{version}"
    source.mkdir()
    export(source)
    (folder / "SOURCES").mkdir()
    with tarfile.open(folder / f"SOURCES/relay-{version}.tar.gz", "w:gz") as tar:
        tar.add(source, source.name)
    # Debian's package database knows nothing of the packages of the build.
    done = subprocess.run(["rpmbuild", "-bb", "--nodeps", "--without", "tests", "--load", HERE / "fedora.macros",
                           "--define", f"_topdir {folder}", SPEC], text=True, errors="replace", stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | {"LC_ALL": "C"})
    assert done.returncode == 0, done.stdout[-3000:]
    built, = folder.glob("RPMS/*/relay-*.rpm")
    return built


def ask(rpm, *what):
    return subprocess.run(["rpm", "-qp", *what, rpm], capture_output=True, text=True, check=True).stdout


def test_version_is_that_of_meson():
    of_meson = re.search(r"version: '([^']+)'", (TOP / "meson.build").read_text())[1]
    assert re.search(r"^Version: *(\S+)", SPEC.read_text(), re.M)[1] == of_meson
    assert f" - {of_meson}-" in SPEC.read_text().split("%changelog")[1].splitlines()[1]


def test_rpmlint(rpm):
    if not shutil.which("rpmlint"):
        pytest.skip("no rpmlint")
    done = subprocess.run(["rpmlint", "-c", HERE / "fedora.rpmlint.toml", "-r", SPEC.with_suffix(".rpmlintrc"), rpm, SPEC],
                          capture_output=True, text=True)
    assert (done.returncode, re.findall(r"^\S+: [EW]: .*", done.stdout, re.M)) == (0, []), done.stdout
    assert "1 packages and 1 specfiles checked; 0 errors, 0 warnings" in done.stdout


def test_what_is_in_it(rpm):
    listed = {line.split()[-1]: line.split() for line in ask(rpm, "-l", "-v").splitlines() if " -> " not in line}
    assert listed["/usr/sbin/sendmail.relay"][0] == "-rwxr-xr-x"
    assert listed["/etc/relayrc"][::2][:2] == ["-rw-r-----", "root"] and listed["/etc/relayrc"][3] == "relay"
    assert (listed["/var/spool/relay"][0], *listed["/var/spool/relay"][2:4]) == ("drwx------", "relay", "relay")
    # Nothing set-id, nothing that everybody may write.
    assert not [path for path, words in listed.items() if re.search("[sStT]", words[0]) or words[0][-2] == "w"]
    # Made by alternatives, but known as ours; nothing of these names is in the package itself.
    ghosts = {line.split(" ", 1)[1] for line in ask(rpm, "--qf", "[%{FILEFLAGS:fflags} %{FILENAMES}\n]").splitlines()
              if "g" in line.split(" ", 1)[0]}
    assert ghosts == {"/usr/sbin/sendmail", *(link for link, _ in FOLLOWERS)}
    assert {"MTA", "smtpdaemon", "server(smtp)"} <= set(ask(rpm, "--provides").split("\n"))
    assert re.search("^gnutls >=", ask(rpm, "--requires"), re.M)
    assert listed["/usr/lib/systemd/system/relay-submit.socket"]


def test_it_registers_what_the_mail_programs_of_fedora_register(rpm):
    scripts = ask(rpm, "--scripts").replace("\\\n", " ")
    line, = re.findall(r"alternatives --install (.*)", scripts)
    head, *slaves = [part.split() for part in line.split("--slave")]
    assert head[:3] == ["/usr/sbin/sendmail", "mta", "/usr/sbin/sendmail.relay"]
    # Below sendmail (90) and Postfix (60): it is installed on purpose, but not to take their place unasked.
    assert int(head[3]) == 30
    assert {(link, name): path for link, name, path in slaves} == FOLLOWERS


# -- installed ---------------------------------------------------------------------------------------------------------

class RpmRoot(DebianRoot):
    def rpm(self, *args):
        # Debian's rpm installs only for who insists.
        done = subprocess.run(["rpm", f"--root={self.path}", "--force-debian", "--nodeps", *map(str, args)], capture_output=True,
                              text=True)
        # update-alternatives warns when the chosen program is gone; that it is removed after that is what Fedora does.
        said = re.sub("^(update-alternatives: warning|warning: .* saved as).*", "", done.stdout + done.stderr, flags=re.M)
        assert done.returncode == 0 and not re.search("error|warning|failed", said), done.stdout + done.stderr

    def target(self, link):
        """Where it leads to in the root, through /etc/alternatives; None: it is not there."""
        file = self.path / link.lstrip("/")
        if not file.is_symlink():
            assert not file.exists()
            return None
        return os.readlink(self.path / os.readlink(file).lstrip("/"))

    def targets(self):
        return {(link, name): self.target(link) for link, name in OTHERS}

    def choose(self, path):
        """As a person does it, by the number that the menu shows."""
        menu = self.run("alternatives", "--config", "mta", data="\n")
        number = re.findall(rf"^\W*(\d+)\s.*{re.escape(path)}\b", menu, re.M)[-1]
        self.run("alternatives", "--config", "mta", data=f"{number}\n")
        assert self.target("/usr/sbin/sendmail") == path


@pytest.fixture
def root():
    root = RpmRoot()
    try:
        root.__enter__()
    except NoJail as reason:
        pytest.skip(str(reason))
    yield root
    root.__exit__()


def prepare(root, has_other=True):
    """alternatives; and Postfix, as far as alternatives knows it."""
    other = os.environ.get("RELAY_ALTERNATIVES")
    program = root.path / "usr/sbin/alternatives"
    if other:
        shutil.copy(other, program)
        (root.path / "var/lib/alternatives").mkdir(parents=True, exist_ok=True)
    else:
        program.symlink_to("/usr/bin/update-alternatives")
    for folder in ("usr/share/man/man1", "usr/share/man/man5", "usr/share/man/man8", "etc/pam.d"):
        (root.path / folder).mkdir(parents=True, exist_ok=True)
    if has_other:
        words = []
        for link, name in OTHERS:
            root.put(f"{link.lstrip('/')}.postfix", "")
            words += ["--slave", link, name, f"{link}.postfix"]
        root.put("usr/sbin/sendmail.postfix", "#!/bin/sh\necho postfix\n", 0o755)
        root.run("alternatives", "--install", "/usr/sbin/sendmail", "mta", "/usr/sbin/sendmail.postfix", "60", *words)


def test_alone(root, rpm):
    prepare(root, has_other=False)
    root.rpm("-i", rpm)
    assert root.target("/usr/sbin/sendmail") == "/usr/sbin/sendmail.relay"
    assert {key: path for key, path in root.targets().items() if path} == FOLLOWERS
    # Every one of them leads to a file.
    assert all(root.may("root", "test", "-e", link) for link, _ in FOLLOWERS)
    assert "relay" in root.run("sendmail", "--version")
    assert "relay" in root.run("/usr/lib/sendmail", "--version")
    status = [root.run("stat", "-c", "%a %U %G", path).strip() for path in ("/etc/relayrc", "/var/spool/relay")]
    assert status == ["640 root relay", "700 relay relay"]
    # Of what is to be filled in nothing counts yet.
    assert "there is no account" in root.run("relay", "check", status=None)
    root.rpm("-e", "relay")
    assert root.target("/usr/sbin/sendmail") is None and not any(root.targets().values())
    assert not (root.path / "var/spool/relay").exists()


def test_beside_postfix(root, rpm):
    prepare(root)
    of_postfix = {(link, name): f"{link}.postfix" for link, name in OTHERS}
    root.rpm("-i", rpm)
    # Not unasked.
    assert root.targets() == of_postfix and root.run("sendmail") == "postfix\n"
    root.choose("/usr/sbin/sendmail.relay")
    assert {key: path for key, path in root.targets().items() if path} == FOLLOWERS
    assert "relay" in root.run("sendmail", "--version")
    # An update keeps the choice, the configuration and the queue.
    root.put("etc/relayrc", "host x.test\n", 0o640)
    root.put("var/spool/relay/left", "")
    root.rpm("-U", "--replacepkgs", rpm)
    assert root.target("/usr/sbin/sendmail") == "/usr/sbin/sendmail.relay"
    assert (root.path / "etc/relayrc").read_text() == "host x.test\n"
    root.choose("/usr/sbin/sendmail.postfix")
    assert root.targets() == of_postfix
    root.choose("/usr/sbin/sendmail.relay")
    # Removed, it leaves the place to the other, and the mail on the disk.
    root.rpm("-e", "relay")
    assert root.targets() == of_postfix and root.run("sendmail") == "postfix\n"
    assert (root.path / "var/spool/relay/left").exists()
    assert (root.path / "etc/relayrc.rpmsave").read_text() == "host x.test\n"
