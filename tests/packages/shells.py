"""What a person sees who presses TAB, in real shells that start in $HOME.

    shell = Bash(env)           or Zsh(env): interactive, on a terminal, with what is installed below env's folders
    shell.tab("relay queue ")   the words that are offered, or what the line has become
    fish(env, "relay queue ")   the same from fish, which can be asked without a terminal
"""
import os
import pty
import re
import select
import signal
import subprocess
import time

SECONDS = 20


class Terminal:
    """argv on a terminal of its own. Its prompt is waited for: what is typed too early is not edited."""
    prompt = "READY> "

    def __init__(self, argv, env, setup):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(env["HOME"])
            os.execvpe(argv[0], argv, env)
        self.number = 0
        self.run(setup)

    def read_until(self, mark):
        """Up to the prompt behind mark."""
        seen, end = "", time.monotonic() + SECONDS
        while self.prompt not in seen.partition(mark)[2]:
            left = end - time.monotonic()
            assert left > 0 and select.select([self.fd], [], [], left)[0], f"{mark!r} did not come: {seen!r}"
            seen += os.read(self.fd, 4096).decode(errors="replace")
        return seen

    def send(self, text):
        os.write(self.fd, text.encode())

    def mark(self):
        """A word that stands in the output, but not in the command that makes it."""
        self.number += 1
        return f"echo DONE$(({self.number}+41)).\n", f"DONE{self.number + 41}."

    def run(self, command):
        end, mark = self.mark()
        self.send(f"{command}\n{end}")
        self.read_until(mark)

    def tab(self, line):
        """Everything that is printed for line and TAB, twice: the completed line, and the list."""
        end, mark = self.mark()
        self.send(f"{line}\t\t")
        # Control-U: the line is thrown away.
        self.send(f"\x15{end}")
        seen = self.read_until(mark)
        return [word for word in re.split(r"\s+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\x07\x08]", " ", seen)) if word]

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Bash(Terminal):
    def __init__(self, env):
        settings = ("show-all-if-ambiguous on", "page-completions off", "completion-query-items 0", "enable-bracketed-paste off",
                    "bell-style none", "completion-display-width 1")
        super().__init__(["bash", "--norc", "--noprofile", "-i"], env,
                         "PS1='READY''> '; . /usr/share/bash-completion/bash_completion; "
                         + "; ".join(f"bind 'set {setting}'" for setting in settings))


class Zsh(Terminal):
    def __init__(self, env, folder):
        super().__init__(["zsh", "-f", "-i"], env,
                         f"PS1='READY''> '; fpath=({folder} $fpath); autoload -Uz compinit && compinit -u -D; unsetopt beep zle_bracketed_paste; "
                         "LISTMAX=1000; setopt list_rows_first; zstyle ':completion:*' verbose no; zstyle ':completion:*' insert-tab no; "
                         "bindkey '^U' kill-whole-line")


def fish(env, line):
    done = subprocess.run(["fish", "-c", f"complete -C '{line}'"], env=env, cwd=env["HOME"], capture_output=True, text=True,
                          timeout=SECONDS)
    assert done.stderr == ""
    return [row.split("\t")[0] for row in done.stdout.splitlines()]
