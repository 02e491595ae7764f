"""Debian's cron in a jail, with our sendmail as the machine's, and a clock that runs fast.

    with Cron(binary, crontabs={"relay": "*/5 * * * * root /usr/sbin/sendmail -q"}, rc="host …") as cron:
        cron.run("/usr/sbin/sendmail", "-odq", "joe@mail.test", data=b"…")      as root, whose home is /
        cron.queue                          where root's queue is, seen from outside
        cron.syslog                         what was logged: lines

`crontabs` become files of /etc/cron.d. A minute of cron takes 60 / SPEED seconds; it starts half a minute before a
time that can be divided by five minutes. Sendmail has the true clock.
"""
import re
import shutil
import subprocess
from pathlib import Path

from .jail import Jail
from .syslog import Syslog

SPEED = 60
TRUE_CLOCK = """#!/bin/sh
unset LD_PRELOAD FAKETIME
exec /usr/lib/relay/sendmail "$@"
"""
PAM = "".join(f"{kind} required pam_permit.so\n" for kind in ("auth", "account", "session"))


def fast_cron(root):
    """The command line of cron in a jail, with that clock."""
    library = next(root.glob("usr/lib/*/faketime/libfaketime.so.1"), None)
    assert library, "no libfaketime in the jail"
    return ["/usr/bin/env", f"LD_PRELOAD=/{library.relative_to(root)}", "DONT_FAKE_MONOTONIC=1",
            f"FAKETIME=@2026-11-02 03:04:30 x{SPEED}", "/usr/sbin/cron", "-f", "-L", "15"]


class Cron(Jail):
    name = "cron"

    def __init__(self, binary, crontabs, rc):
        super().__init__(None)
        self.binary, self.crontabs, self.rc = binary, crontabs, rc
        self._log = None

    def __exit__(self, *args):
        super().__exit__(*args)
        if self._log:
            self._log.close()

    @property
    def syslog(self):
        return self._log.lines

    def configure(self):
        self.put("etc/pam.d/cron", PAM)
        self.put("etc/pam.d/other", PAM)
        self.put("usr/lib/relay/sendmail", Path(self.binary).read_bytes(), 0o755)
        self.put("usr/sbin/sendmail", TRUE_CLOCK, 0o755)
        self._put_libraries()
        self.put(".relayrc", self.rc, 0o600)
        shell = self.root / "bin/sh"
        if not shell.exists():
            shell.symlink_to("dash")
        for path in ("var/spool/cron/crontabs", "var/run", "etc/cron.d"):
            self.directory(path)
        self._log = Syslog(self.root / "dev/log")
        self.put("etc/crontab", "")
        for name, text in self.crontabs.items():
            self.put(f"etc/cron.d/{name}", text)

    def _put_libraries(self):
        """What the binary is linked with and the jail has not (a sanitizer's library)."""
        found = subprocess.run(["ldd", self.binary], capture_output=True, text=True).stdout
        for path in re.findall(r"(/\S+) \(0x", found):
            target = self.root / path[1:]
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)

    def commands(self):
        return [fast_cron(self.root)]

    @property
    def queue(self):
        return self.root / ".local/state/relay/queue"
