"""Fixtures of the tests that drive real programs with our sendmail, and of the catalogue of what they pass to it.

    pki, server         certificates; a strict Postfix (private_root.py), one for the run
    make_root           make_root(PrivateRoot, daemons=[…], …) -> a running root of that class; ended after the test
    root                one for a file, of the class that the file names ROOT, or PrivateRoot; emptied of calls and mail
                        before each test
    record              record("mutt", "a plain message", call, arrived): one call for the catalogue, with the envelope
                        that arrived; written with --record, when all tests of the run have passed

Skipped, with the reason, where a chroot or Debian's packages cannot be had.

    RELAY_BIN=$PWD/build/src/sendmail pytest tests/clients [--record]
"""
import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/e2e"))      # lib

import catalogue                        # noqa: E402
from lib.jail import NoJail             # noqa: E402
from lib.observed import sanitized      # noqa: E402
from lib.pki import Pki                 # noqa: E402
from private_root import PrivateRoot, Strict        # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--record", action="store_true", help="write what the clients pass to sendmail into the catalogue")


@pytest.fixture(scope="session")
def relay():
    binary = Path(os.environ.get("RELAY_BIN", TOP / "build/src/sendmail")).resolve()
    if not binary.exists():
        pytest.fail(f"{binary} is not there: build first, or set RELAY_BIN")
    return binary


@pytest.fixture(scope="session")
def recorder(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler for recorder.c")
    program = tmp_path_factory.mktemp("recorder") / "recorder"
    subprocess.run([compiler, "-O1", "-o", program, Path(__file__).with_name("recorder.c")], check=True)
    return program


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@contextlib.contextmanager
def _running(jail):
    with contextlib.ExitStack() as running:
        try:
            running.enter_context(jail)
        except NoJail as reason:
            pytest.skip(f"{jail.name}: {reason}")
        yield jail


@pytest.fixture(scope="session")
def server(pki):
    with _running(Strict(pki)) as running:
        yield running


@pytest.fixture(scope="session")
def _builder(server, relay, recorder):
    if sanitized(relay):
        pytest.skip("sanitizers want a /proc, which the root has not")
    return lambda kind, options: kind(server, relay, recorder, **options)


@pytest.fixture
def make_root(_builder, server):
    server.clear()
    with contextlib.ExitStack() as running:
        yield lambda kind=PrivateRoot, **options: running.enter_context(_running(_builder(kind, options)))


@pytest.fixture(scope="module")
def _root_of_file(request, _builder):
    with _running(_builder(getattr(request.module, "ROOT", PrivateRoot), {})) as root:
        yield root


@pytest.fixture
def root(_root_of_file, server):
    server.clear()
    _root_of_file.forget()
    return _root_of_file


# -- the catalogue -------------------------------------------------------------------------------------------------

_recorded = {}


@pytest.fixture
def record():
    def note(client, name, call, arrived=None, notes=()):
        """`arrived` is an Arrived, or a list of them if the call made several messages."""
        call.client, call.name, call.notes = client, name, ["recorded", *notes]
        all_arrived = arrived if isinstance(arrived, list) else [arrived] if arrived else []
        call.expect = [("sender", a.sender) for a in all_arrived[:1]]
        call.expect += [("recipient", r) for a in all_arrived for r in a.recipients]
        _recorded.setdefault(client, []).append(call)
    return note


def pytest_sessionfinish(session, exitstatus):
    if not session.config.getoption("--record") or exitstatus != 0:
        return
    for client, calls in _recorded.items():
        file = catalogue.FOLDER / f"{client}.txt"
        # By hand are the calls that no test records, and the head if there is one.
        old = catalogue.calls(client) if file.exists() else []
        head = "\n".join(line[2:] for line in file.read_text().split("\n\n")[0].split("\n")) if old else \
            f"{client}\nRecorded by tests/clients."
        fresh = {call.name: call for call in calls}
        merged = [fresh.pop(call.name, call) for call in old] + list(fresh.values())
        catalogue.write(client, head, merged)
