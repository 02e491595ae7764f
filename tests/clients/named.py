"""The name that the private roots' host has, HOST.client.test, for the process that asks for it and its children.

    with_full_name() -> whether that could be done

A namespace of its own for mounts and for the host's name: root alone can have one. It lasts as long as the process, which
sees no other difference.
"""
import ctypes
import os
import socket
import tempfile

import catalogue

CLONE_NEWNS, CLONE_NEWUTS = 0x20000, 0x4000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000


def with_full_name():
    libc = ctypes.CDLL(None, use_errno=True)
    short = catalogue.host()
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNS | CLONE_NEWUTS) != 0:
        return False
    with open("/etc/hosts") as old, tempfile.NamedTemporaryFile("w", prefix="hosts") as new:
        new.write(f"127.0.1.1 {short}.client.test {short}\n{old.read()}")
        new.flush()
        os.chmod(new.name, 0o644)
        if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
            return False
        if libc.mount(new.name.encode(), b"/etc/hosts", None, MS_BIND, None) != 0:
            return False
    socket.sethostname(short)
    return True
