"""Fixtures of the tests of packaging/: what is built and installed of it.

    relay               the binary under test
    deb                 the built package, with the .changes file beside it
    machine             a machine with systemd as process 1 and the package (booted.py), one for a file; with the files that the
                        file's PUT has: path -> text or (text, mode)
    server, pki         Postfix as the provider's submission server (lib/postfix.py); certificates

    RELAY_BIN=$PWD/build/src/sendmail pytest tests/packages

Needs the packages that tests/lib/install names; skipped with the reason where one is missing. What installs the package
needs root.
"""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/e2e"))      # lib

from booted import Booted, NoBoot       # noqa: E402
from lib.jail import NoJail     # noqa: E402
from lib.pki import Pki         # noqa: E402
from lib.postfix import Postfix     # noqa: E402
from serving import answers, fill_in, make_root     # noqa: E402


@pytest.fixture(scope="session")
def relay():
    binary = Path(os.environ.get("RELAY_BIN", TOP / "build/src/sendmail")).resolve()
    if not binary.exists():
        pytest.fail(f"{binary} is not there: build first, or set RELAY_BIN")
    return binary


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def server_of_session(pki):
    try:
        server = Postfix(pki).__enter__()
    except NoJail as reason:
        pytest.skip(f"postfix: {reason}")
    yield server
    server.__exit__()


@pytest.fixture
def server(server_of_session):
    server_of_session.clear()
    return server_of_session


def export(folder):
    """What a release would have: the files of the work tree that git knows, or would take."""
    listed = subprocess.run(["git", "-c", f"safe.directory={TOP}", "ls-files", "-zco", "--exclude-standard"], cwd=TOP,
                            capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (TOP / name).exists() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, folder / name)


@pytest.fixture(scope="session")
def deb(tmp_path_factory):
    """As HACKING.md says; without the tests of the build, which run elsewhere."""
    missing = [p for p in ("dpkg-buildpackage", "dh", "debconf-updatepo") if not shutil.which(p)]
    if missing:
        pytest.skip(f"no {missing[0]}: the package cannot be built")
    if not shutil.which("git") or not (TOP / ".git").exists():
        pytest.skip("not a git work tree: which files are the source is not known")
    folder = tmp_path_factory.mktemp("deb")
    source = folder / "relay"
    export(source)
    shutil.copytree(source / "packaging/debian", source / "debian")
    env = os.environ | {"DEB_BUILD_OPTIONS": f"nocheck parallel={os.cpu_count()}", "LC_ALL": "C"}
    done = subprocess.run(["dpkg-buildpackage", "-us", "-uc", "-b"], cwd=source, env=env, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-3000:]
    built, = folder.glob("relay_*.deb")
    return built


@pytest.fixture(scope="module")
def machine(request, deb, pki, server_of_session):
    root = make_root(systemd=True)
    try:
        root.install(deb, answers(server_of_session))
        fill_in(root, pki)
        for path, content in getattr(request.module, "PUT", {}).items():
            root.put(path, *(content if isinstance(content, tuple) else (content,)))
        try:
            with Booted(root) as running:
                running.network.let_through(server_of_session.ports["starttls"])
                yield running
        except NoBoot as reason:
            pytest.skip(str(reason))
    finally:
        root.__exit__()
