"""Private roots in which Debian's cron or at runs.

    make_root(CronRoot, crontab="5 3 * * * root echo hi\n")        fires half a second after its start, as JOB does
    make_root(AtRoot)                   root.run("at", "now", data=b"echo hi\n")
"""
from lib.cron import fast_cron
from private_root import PrivateRoot

SERVICE = ["/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
JOB = "5 3 * * *"       # half a minute of cron's after its start


class CronRoot(PrivateRoot):
    """`crontab`: of the system, or of alice with user=ALICE; `locale` is cron's own."""

    name = "cron"

    def __init__(self, *args, crontab, user=None, locale="C.UTF-8", **options):
        super().__init__(*args, **options)
        self.crontab, self.user, self.locale = crontab, user, locale

    def prepare(self):
        super().prepare()
        for path in ("var/spool/cron/crontabs", "etc/cron.d"):
            self.directory(path)
        self.put("etc/crontab", "")
        for packaged in (self.root / "etc/cron.d").iterdir():
            packaged.unlink()
        if self.user is None:
            self.put("etc/cron.d/job", self.crontab)
        else:
            self.put("var/spool/cron/crontabs/alice", self.crontab, 0o600, self.user)

    def commands(self):
        _, *rest = fast_cron(self.root)
        return [[*SERVICE, f"LANG={self.locale}", *rest]]


class AtRoot(PrivateRoot):
    name = "cron"

    def prepare(self):
        super().prepare()
        for path in ("var/spool/cron/atjobs", "var/spool/cron/atspool"):
            self.directory(path, 0o1770, 1)
        self.put("var/spool/cron/atjobs/.SEQ", "00000\n", 0o600, 1)
        self.put("etc/at.deny", "")

    def commands(self):
        return [[*SERVICE, "LANG=C.UTF-8", "/usr/sbin/atd", "-f"]]
