"""The test suites of Python's and Perl's mail libraries, from Debian's packages, unpacked into build-torture/.

Owns that folder (git-ignored, or $RELAY_TORTURE). Only apt-get's downloads are used, with a configuration of their own: no
package is installed, no script of one runs, the lists of the machine stay as they are. Nothing of it goes into the
repository. Once there, it is used as it is, without network.
"""
import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("RELAY_TORTURE", TOP / "build-torture"))

PYTHON = "libpython3.{}-testsuite".format(sys.version_info.minor)
PERL = ["libmime-tools-perl", "libmailtools-perl", "libmail-message-perl", "libmime-lite-perl", "libemail-address-perl",
        "libemail-address-xs-perl", "libemail-mime-perl", "libemail-simple-perl"]
# Not every mirror has all sources of every release.
OTHER = "trixie"


class NoPackages(Exception):
    """They cannot be had; the text says why."""


def folders():
    """{name of the package: the folder with its test suite}, fetched at need. What cannot be had is not there."""
    done = CACHE / "unpacked"
    if not done.exists():
        if not all(map(shutil.which, ("apt-get", "dpkg", "tar"))):
            raise NoPackages("not a Debian system: no apt-get or no dpkg")
        fresh = CACHE / "unpacked.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        _fetch_python(fresh)
        _fetch_perl(fresh)
        fresh.rename(done)
    return {name: done / name for name in [PYTHON, *PERL] if (done / name).exists()}


def _fetch_python(to):
    debs = CACHE / "debs"
    debs.mkdir(exist_ok=True)
    _apt("download", PYTHON, at=debs)
    [deb] = debs.glob(f"{PYTHON}_*.deb")
    subprocess.run(["dpkg", "-x", deb, to / PYTHON], check=True)


def _fetch_perl(to):
    lists, sources = CACHE / "lists", CACHE / "sources"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    sources.mkdir(exist_ok=True)
    config = CACHE / "sources.list"
    config.write_text("".join(sorted(_source_lines())))
    options = [f"Dir::Etc::sourcelist={config}", "Dir::Etc::sourceparts=-", f"Dir::State::lists={lists}",
               "APT::Get::List-Cleanup=0", "Acquire::Languages=none", "APT::Architectures::=none"]
    _apt("update", options=options)
    for name in PERL:
        for wanted in (name, f"{name}/{OTHER}"):
            with contextlib.suppress(NoPackages):
                _apt("source", "--download-only", wanted, at=sources, options=options)
        for archive in sorted(sources.glob(f"{name}_*.orig.tar.*"))[:1]:
            (to / name).mkdir(exist_ok=True)
            subprocess.run(["tar", "-C", to / name, "--no-same-owner", "-xf", archive], check=True)


def _source_lines():
    """The machine's own lists of Debian, as sources."""
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    signed = f"[signed-by={key}] " if os.path.exists(key) else ""
    for line in set(_apt("indextargets", "--format=$(REPO_URI) $(RELEASE)", "Identifier: Packages", "Origin: Debian",
                         "Component: main").splitlines()):
        if "security" in line or "updates" in line:
            continue
        yield f"deb-src {signed}{line} main\n"
        yield f"deb-src {signed}{line.split()[0]} {OTHER} main\n"


def _apt(*args, at=None, options=()):
    at = at or CACHE
    # The unprivileged user whom apt downloads as may not be able to reach our folder.
    options = [word for option in ["APT::Sandbox::User=root", *options] for word in ("-o", option)]
    done = subprocess.run(["apt-get", "-q", *options, *args], cwd=at, capture_output=True, text=True,
                          env=os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"})
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("E:")] or [done.stderr]
        raise NoPackages(f"apt-get {args[0]} failed: {errors[0][:300]}")
    return done.stdout
