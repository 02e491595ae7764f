"""Fixtures of the crash tests: what happens to mail when a call, the disk, the clock or a server fails.

    binary          path of the program: $RELAY_BIN, or build/src/sendmail
    tracer          rig/inject.c, compiled: kills at a system call, or lets it fail
    base            an empty folder, in memory where that can be: thousands of places are made in it
    server          rig/server.py, running
    place           place("k1", **settings): a home directory with a queue, for that server
    each            each(function, points): calls function(point) for all, on all processors; the results in their order

Run by tests/run. One file, or one test: `RELAY_BIN=$PWD/build/src/sendmail pytest tests/crash/test_kill.py -k large`.
"""
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/e2e"))      # lib.queuefiles

from rig.place import Place, Tracer     # noqa: E402
from rig.server import Server           # noqa: E402


@pytest.fixture(scope="session")
def binary():
    binary = Path(os.environ.get("RELAY_BIN", TOP / "build/src/sendmail")).resolve()
    if not binary.exists():
        pytest.fail(f"{binary} is not there: build first, or set RELAY_BIN")
    return binary


@pytest.fixture(scope="session")
def tracer(tmp_path_factory):
    if os.uname().machine != "x86_64":
        pytest.skip("rig/inject.c knows only the registers of x86_64")
    return Tracer(tmp_path_factory.mktemp("tracer"))


@pytest.fixture
def base(tmp_path):
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="relay-crash-", dir=memory))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server():
    with Server() as running:
        yield running


@pytest.fixture
def place(base, binary, server):
    return lambda key, **settings: Place(base / key, binary, settings.pop("port", server.port), **settings)


@pytest.fixture(scope="session")
def each():
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield lambda function, points: list(pool.map(function, points))
