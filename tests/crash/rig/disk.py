"""What of a folder survives when the power fails: a replay of strace's log of a call.

    trace = Trace(place, lambda under: place.run(args, stdin, under=under))
    for step in trace.steps:            every change, fsync and reply, in their order
        disk.apply(step)
    disk.images()                       {"least": {path: bytes}, …}: what may be there afterwards

The rules are the ones of POSIX, and no file system is worse: bytes are sure after fsync of their file, names and their
removal after fsync of their folder. One thing more is taken for granted, as all that keep a journal grant it: a rename
from one folder to another happens whole or not at all.
"""
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

CALLS = ("openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,"
         "write,pwrite64,writev,pwritev,ftruncate,truncate,fallocate,fsync,fdatasync,sync,syncfs,recvfrom,read,exit_group")
LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)", re.S)
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(?:\.\.\.)?')


def unhex(text):
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass
class Step:
    call: str
    pid: int
    path: str = None        # of the file or folder
    to: str = None          # rename
    data: bytes = b""       # write, recvfrom
    at: int = None          # pwrite; exit_group: the status
    flags: str = ""


class Trace:
    def __init__(self, place, run):
        self.top = str(place.path)
        log = place.path / "strace"
        self.done = run([shutil.which("strace"), "-f", "-y", "-xx", "-s", "4000000", "-o", log, "-e", f"trace={CALLS}",
                         "-e", "signal=none"])
        self.steps = [s for s in map(self._step, joined(log.read_text())) if s]
        log.unlink()

    def _step(self, line):
        exit = re.match(r"^(\d+) +exit_group\((\d+)\)", line)
        if exit:
            return Step("exit", int(exit[1]), at=int(exit[2]))
        match = LINE.match(line)
        if not match or int(match[4]) < 0:
            return None
        pid, call, args = int(match[1]), match[2], match[3]
        names = [self._path(folder, name) for folder, name in
                 re.findall(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:\\x[0-9a-f]{2})*)"', args)]
        own = re.match(r"\d+<([^>]*)>", args)
        own = unhex(own[1]).decode(errors="replace") if own and own[1].startswith("\\x") else ""
        data = unhex(STRING.search(args)[1]) if STRING.search(args) else b""
        if call in ("recvfrom", "read"):
            return Step("reply", pid, data=data) if call == "recvfrom" else None
        if call in ("openat", "open", "creat"):
            makes = "O_CREAT" in args or "O_TRUNC" in args
            return Step("open", pid, names[0], flags=args) if makes and self._inside(names[0]) else None
        if call.startswith("mkdir"):
            return Step("mkdir", pid, names[0]) if self._inside(names[0]) else None
        if call.startswith("rename"):
            return Step("rename", pid, names[0], names[1]) if self._inside(names[1]) else None
        if call.startswith("unlink"):
            return Step("unlink", pid, names[0]) if self._inside(names[0]) else None
        if call in ("write", "pwrite64") and self._inside(own):
            at = int(args.rsplit(", ", 1)[1]) if call == "pwrite64" else None
            return Step("write", pid, own, data=data[:int(match[4])], at=at)
        if call == "ftruncate" and self._inside(own):
            return Step("truncate", pid, own, at=int(args.rsplit(", ", 1)[1]))
        if call in ("fsync", "fdatasync") and self._inside(own):
            return Step("fsync", pid, own)
        assert call in ("write", "fsync", "pwrite64"), f"not understood: {line[:200]}"
        return None

    def _path(self, folder, name):
        name = unhex(name).decode(errors="replace")
        return os.path.join(unhex(folder).decode(errors="replace"), name) if folder else name

    def _inside(self, path):
        return path.startswith(self.top + "/") and not path.endswith("(deleted)") and path != self.top + "/log" \
            or path == self.top


def joined(text):
    """Lines, with what strace had to cut in two put together where it ended."""
    begun = {}
    for line in text.splitlines():
        pid = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun[pid] = line.removesuffix("<unfinished ...>").rstrip()
            if "exit_group" in line:
                yield line
        elif "resumed>" in line and pid in begun:
            yield begun.pop(pid) + line.split("resumed>", 1)[1]
        else:
            yield line


@dataclass
class File:
    data: bytearray = field(default_factory=bytearray)
    sure: bytes = None      # at the last fsync
    written: int = 0        # position of write(2)


FOLDER = File(sure=b"")


class Disk:
    def __init__(self, top):
        """All that is there now is sure."""
        self.top = str(top)
        self.names = {}
        for path in Path(top).rglob("*"):
            data = b"" if path.is_dir() else path.read_bytes()
            self.names[str(path)] = FOLDER if path.is_dir() else File(bytearray(data), data)
        self.sure = dict(self.names)

    def apply(self, step):
        if step.call == "open":
            file = self.names.setdefault(step.path, File())
            if "O_TRUNC" in step.flags:
                file.data.clear()
        elif step.call == "mkdir":
            self.names[step.path] = FOLDER
        elif step.call == "rename":
            self.names[step.to] = self.names.pop(step.path)
        elif step.call == "unlink":
            del self.names[step.path]
        elif step.call == "write":
            file = self.names[step.path]
            at = file.written if step.at is None else step.at
            file.data[at:at + len(step.data)] = step.data
            file.written = at + len(step.data) if step.at is None else file.written
        elif step.call == "truncate":
            del self.names[step.path].data[step.at:]
        elif step.call == "fsync" and step.path in self.names and self.names[step.path] is not FOLDER:
            self.names[step.path].sure = bytes(self.names[step.path].data)
        elif step.call == "fsync":
            self._sync_folder(step.path)

    def _sync_folder(self, folder):
        here = {p for p in self.names.keys() | self.sure.keys() if os.path.dirname(p) == folder}
        for path in here:
            new, old = self.names.get(path), self.sure.pop(path, None)
            if new is not None:
                self.sure[path] = new
            for file in {id(f): f for f in (new, old) if f is not None and f is not FOLDER}.values():
                self._move(file)

    def _move(self, file):
        """A rename that is sure at its one end is at the other."""
        now = [p for p, f in self.names.items() if f is file]
        for path in [p for p, f in self.sure.items() if f is file and p not in now]:
            del self.sure[path]
        self.sure.update({p: file for p in now if os.path.dirname(p) in self.sure})

    def images(self):
        """least: only what is sure. names: all names are there, of the bytes what is sure; empty: the rest is missing,
        zeros: it is zeros."""
        alive = {p: f for p, f in self.sure.items() if self._is_reached(p)}
        return {"least": {p: f if f is FOLDER else f.sure or b"" for p, f in alive.items()},
                "empty": {p: f if f is FOLDER else f.sure or b"" for p, f in self.names.items()},
                "zeros": {p: f if f is FOLDER else bytes(len(f.data)) if f.sure is None else f.sure
                          for p, f in self.names.items()}}

    def _is_reached(self, path):
        folder = os.path.dirname(path)
        return folder == self.top or folder in self.sure and self._is_reached(folder)

    def unsure(self):
        """Names of files whose bytes, name or folder may be lost."""
        return [p for p, f in self.names.items() if f is not FOLDER and
                (self.sure.get(p) is not f or f.sure != bytes(f.data) or not self._is_reached(p))]


def write_image(image, source, target):
    """Makes the files of an image of the folder `source` in the folder `target`."""
    for path, what in sorted(image.items()):
        new = Path(target, os.path.relpath(path, source))
        if what is FOLDER:
            new.mkdir(mode=0o700, exist_ok=True)
        else:
            new.write_bytes(what)
            new.chmod(0o600)
