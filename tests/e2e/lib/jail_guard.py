#!/usr/bin/python3
"""jail_guard.py ROOT: ends a jail when its test run ends, in whichever way.

Reads standard input, a pipe from the test run, until it is closed: by the run when it is done with the server, by the
kernel if the run was killed. Then kills every process whose root directory is ROOT (only what was started in the jail
can be there; nothing of theirs is to be kept, so nothing is gained by asking politely) and removes ROOT.
"""
import os
import shutil
import signal
import sys
import time
from pathlib import Path


def inside(root):
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and os.readlink(process / "root") == root:
                found.append(int(process.name))
        except OSError:
            pass        # gone, or a zombie
    return found


def main():
    root = sys.argv[1]
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    while os.read(0, 4096):
        pass
    deadline = time.monotonic() + 10
    while (left := inside(root)) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.005)
    shutil.rmtree(root, ignore_errors=True)


main()
