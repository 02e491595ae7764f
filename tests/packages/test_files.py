"""packaging/apparmor, packaging/logrotate and packaging/alpine: each read by the program that it is for, or by what stands in
for it."""
import getpass
import grp
import os
import re
import shutil
import subprocess

import pytest
from conftest import TOP, export

PACKAGING = TOP / "packaging"
SHA512 = re.compile(r"^([0-9a-f]{128})  (\S+)$", re.M)


# -- AppArmor ----------------------------------------------------------------------------------------------------------

def parse_profile(text, folder):
    """apparmor_parser's status and words; the kernel is left alone."""
    file = folder / "profile"
    file.write_text(text)
    done = subprocess.run(["apparmor_parser", "--skip-kernel-load", "--skip-cache", "--warn=all", file], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


@pytest.mark.skipif(not shutil.which("apparmor_parser"), reason="no apparmor_parser")
def test_apparmor_profile(tmp_path):
    text = (PACKAGING / "apparmor/usr.sbin.sendmail").read_text()
    status, said = parse_profile(text, tmp_path)
    assert status == 0, said
    assert not re.search(r"profile.*(error|not found|conflict)", said), said
    # What it does not accept is found.
    assert parse_profile(text.replace("Ux,", "Ux", 1), tmp_path)[0] != 0
    assert parse_profile(text.replace("abstractions/nameservice", "abstractions/nobody"), tmp_path)[0] != 0


def test_apparmor_profile_has_what_we_write_and_run():
    """The places of the source and of the units, by name."""
    text = (PACKAGING / "apparmor/usr.sbin.sendmail").read_text()
    rules = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for path in ("/var/spool/relay/", "/var/log/relay/", ".local/{,state/{,relay/", "run/relay/submit", "@{PROC}/locks"):
        assert path in rules
    assert re.search(r"bin/\{sh,.*Ux,", rules) and "include if exists <local/usr.sbin.sendmail>" in rules
    # Nothing else is run.
    assert len(re.findall(r"^  /.* \w*[xX],$", rules, re.M)) == 2


# -- logrotate ---------------------------------------------------------------------------------------------------------

@pytest.mark.skipif(not shutil.which("logrotate"), reason="no logrotate")
def test_logrotate(tmp_path):
    """Really rotated, as the user of the tests and in a folder of theirs."""
    me, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    text = (PACKAGING / "logrotate/relay").read_text()
    assert "/var/log/relay/*.log" in text and "su relay relay" in text and "create 0640 relay relay" in text
    folder = tmp_path / "log"
    folder.mkdir(mode=0o750)
    log, config = folder / "relay.log", tmp_path / "config"
    config.write_text(text.replace("/var/log/relay", str(folder)).replace("relay relay", f"{me} {group}"))
    config.chmod(0o644)

    def rotate(*options):
        done = subprocess.run(["/usr/sbin/logrotate", "-s", tmp_path / "state", *options, config], capture_output=True, text=True)
        assert (done.returncode, "error" in done.stderr) == (0, False), done.stderr
        return done.stderr

    # No file is no error, and -d says what would be done.
    assert "considering log" in (log.write_text("one\n") and rotate("-d"))
    log.unlink()
    rotate("-f")
    for number in (1, 2):
        log.write_text(f"line {number}\n")
        rotate("-f")
        assert log.read_text() == "" and log.stat().st_mode & 0o777 == 0o640
    assert sorted(file.name for file in folder.iterdir()) == ["relay.log", "relay.log.1", "relay.log.2.gz"]
    # What is empty is left.
    rotate("-f")
    assert (folder / "relay.log.1").read_text() == "line 2\n"


# -- Alpine ------------------------------------------------------------------------------------------------------------

APKBUILD = PACKAGING / "alpine/APKBUILD"
# What abuild gives: its functions as far as they are called, and the options of its abuild-meson.
ABUILD = """\
set -eu
want_check() { return 1; }
amove() { for f; do mkdir -p "$subpkgdir/${f%/*}"; mv "$pkgdir/$f" "$subpkgdir/$f"; done; }
depends= srcdir=$PWD/.. pkgdir=$PWD/../pkg subpkgdir=$PWD/../sub
. "$APKBUILD"
"""
ABUILD_MESON = """\
#!/bin/sh
exec meson setup --prefix=/usr --libdir=/usr/lib --libexecdir=/usr/lib --bindir=/usr/bin --sbindir=/usr/sbin \\
    --includedir=/usr/include --datadir=/usr/share --mandir=/usr/share/man --sysconfdir=/etc --localstatedir=/var \\
    --buildtype=plain --wrap-mode=nodownload -Db_lto=true -Db_pie=true "$@"
"""
# No user relay here.
INSTALL = '#!/bin/sh\nfor w; do shift; case $w in -o | -g) s=1 ;; *) [ "$s" ] || set -- "$@" "$w"; s= ;; esac; done\nexec /usr/bin/install "$@"\n'


def variables():
    names = ("pkgname", "pkgver", "pkgrel", "pkgdesc", "url", "arch", "license", "depends", "makedepends", "install", "subpackages",
             "source", "sha512sums", "pkgusers")
    script = '. "$1"; ' + "".join(f'printf "%s\\037" "${name}"; ' for name in names)
    done = subprocess.run(["sh", "-euc", script, "sh", APKBUILD], capture_output=True, text=True, check=True)
    return dict(zip(names, done.stdout.split("\037")))


@pytest.mark.parametrize("name", sorted(file.name for file in APKBUILD.parent.iterdir()))
def test_alpine_scripts_are_right(name):
    subprocess.run(["sh", "-n", APKBUILD.parent / name], check=True)
    text = (APKBUILD.parent / name).read_text()
    assert not re.search(r"[ \t]+$", text, re.M) and text.endswith("\n") and not re.search("^    ", text, re.M)


def test_apkbuild_keeps_the_rules():
    found = variables()
    assert all(found[name] for name in found), found
    assert found["pkgver"] == re.search(r"version: '([^']+)'", (TOP / "meson.build").read_text())[1]
    assert re.fullmatch("[a-z0-9-]+", found["pkgname"]) and found["pkgrel"].isdigit() and len(found["pkgdesc"]) < 128
    assert not found["pkgdesc"].endswith(".") and found["license"] == "ISC"
    text = APKBUILD.read_text()
    assert re.search("^# Maintainer: .+ <.+@.+>$", text, re.M) and "# Contributor:" in text
    assert all(re.search(rf"^{name}\(\) {{$", text, re.M) for name in ("build", "check", "package", "vim"))
    # The files beside it, and that nobody has changed them since.
    for name in found["source"].split()[1:] + found["install"].split():
        assert (APKBUILD.parent / name).exists(), name
    local = found["source"].split()[1:]
    assert [name for _, name in SHA512.findall(found["sha512sums"])] == local
    done = subprocess.run(["sha512sum", "-c", "--quiet"], input=found["sha512sums"].strip() + "\n", text=True, cwd=APKBUILD.parent,
                          capture_output=True)
    assert done.returncode == 0, "run: abuild checksum\n" + done.stdout


def test_apkbuild_builds_and_packages(tmp_path):
    """build() and package() with what abuild would give them, here with this C library."""
    if not shutil.which("git") or not (TOP / ".git").exists():
        pytest.skip("not a git work tree: which files are the source is not known")
    source = tmp_path / "relay"
    source.mkdir()
    export(source)
    for name in ("relay.initd", "relay.periodic"):
        shutil.copy(APKBUILD.parent / name, tmp_path)
    for name, text in {"abuild-meson": ABUILD_MESON, "install": INSTALL}.items():
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "APKBUILD": str(APKBUILD), "s": ""}
    done = subprocess.run(["sh", "-c", ABUILD + "build; package; amove etc/init.d; vim"], cwd=source, env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "warning:" not in done.stdout
    package = tmp_path / "pkg"
    modes = {str(file.relative_to(package)): file.lstat().st_mode & 0o7777 for file in package.rglob("*") if not file.is_symlink()}
    assert modes["usr/sbin/sendmail"] == 0o755 and modes["etc/relayrc"] == 0o640 and modes["var/spool/relay"] == 0o700
    assert modes["etc/periodic/15min/relay"] == 0o755
    links = {name: os.readlink(package / name) for name in ("usr/lib/sendmail", "usr/bin/mailq", "usr/bin/newaliases", "usr/bin/relay")}
    assert set(links.values()) == {"../sbin/sendmail"}
    version = subprocess.run([package / "usr/bin/relay", "version"], capture_output=True, text=True, check=True).stdout
    assert version == f"relay {variables()['pkgver']}\n"
    # Nothing of systemd, nothing set-id; the password's file says nothing that counts.
    assert not [name for name, mode in modes.items() if "lib/systemd" in name or mode & 0o6000]
    assert not re.search("^[^#\n]", (package / "etc/relayrc").read_text(), re.M)
    # What the subpackages take.
    assert (tmp_path / "sub/etc/init.d/relay").exists() and (tmp_path / "sub/usr/share/vim/vimfiles/syntax/relayrc.vim").exists()
    for name in ("usr/share/bash-completion/completions/relay", "usr/share/zsh/site-functions/_relay",
                 "usr/share/fish/vendor_completions.d/relay.fish", "usr/share/man/man8/sendmail.8"):
        assert name in modes


def test_the_openrc_service_starts_what_the_sample_starts():
    """One line in two places: sample-config/relay.socat has a test of its own."""
    def arguments(text):
        return re.search(r"UNIX-LISTEN:\S+\s+'EXEC:[^']+'", text.replace("\\\n", " "))

    sample = TOP / "sample-config/relay.socat"
    if not sample.exists():
        pytest.skip("no sample for socat")
    wanted = arguments(sample.read_text())[0].split()
    assert arguments((APKBUILD.parent / "relay.initd").read_text())[0].split() == wanted
