"""The program watched from outside: its peak memory, its instructions, its system calls, the files it opens.

    Meter(tmp_path)                     .under: command words that run another command; .peak: its memory
    Strace(tmp_path, "openat,send…")    .under: command words; .calls(): what was called, in order
    Callgrind(tmp_path)                 .under; .instructions()
    sanitized(binary)                   built with a sanitizer: neither its memory nor its speed says anything
"""
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# The kernel counts a parent's memory as its child's until exec, so the parent must be small: no Python.
METER_C = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rusage usage;
	int status;
	pid_t child = fork();

	if (child == 0) {
		execv(argv[2], argv + 2);
		_exit(127);
	}
	FILE *file = argc > 2 ? fopen(argv[1], "w") : NULL;
	if (child < 0 || !file || wait4(child, &status, 0, &usage) < 0) {
		return 126;
	}
	fprintf(file, "%ld", usage.ru_maxrss);
	return fclose(file) == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
"""


class Meter:
    """Peak memory of one command."""

    def __init__(self, directory):
        program = Path(directory) / "meter"
        self._out = Path(directory) / "meter.out"
        if not program.exists():
            subprocess.run(["cc", "-O2", "-static", "-xc", "-", "-o", str(program)], input=METER_C,
                           text=True, check=True)
        self.under = [program, self._out]

    @property
    def peak(self):
        """Bytes of resident memory of the last run."""
        return int(self._out.read_text()) * 1024


@dataclass
class Call:
    name: str
    text: str           # arguments as strace writes them
    result: str         # "3", "-1 ENOENT (No such file or directory)"

    @property
    def first(self):
        """The first argument: mostly a descriptor."""
        return self.text.split(",")[0]

    @property
    def path(self):
        found = re.search(r'"([^"]*)"', self.text)
        return found[1] if found else None

    @property
    def ok(self):
        return not self.result.startswith("-1")


class Strace:
    """Of a process that is not dumpable, only root sees the strings: others get addresses for them."""

    LINE = re.compile(r"(?:\d+ +)?(\w+)\((.*)\) += (.+)$")

    def __init__(self, directory, which):
        self._out = Path(directory) / "strace.out"
        self.under = [shutil.which("strace"), "-f", "-s", "64", "-e", f"trace={which}", "-e", "signal=none", "-o",
                      self._out]

    def calls(self):
        matches = (self.LINE.match(line) for line in self._out.read_text(errors="replace").splitlines())
        return [Call(*m.groups()) for m in matches if m]


class Callgrind:
    def __init__(self, directory):
        self._out = Path(directory) / "callgrind.out"
        self.under = [shutil.which("valgrind"), "-q", "--tool=callgrind", f"--callgrind-out-file={self._out}"]

    def instructions(self):
        return int(re.search(r"^(?:totals|summary): (\d+)", self._out.read_text(), re.MULTILINE)[1])


def sanitized(binary):
    return b"__asan_init" in Path(binary).read_bytes()
