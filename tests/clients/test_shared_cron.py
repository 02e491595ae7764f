"""cron and at of a machine on which root is one user of several: the mail of a job is its user's."""
import pytest
from cron_root import JOB, AtRoot, CronRoot
from private_root import ALICE, USERS, WWW
from shared_root import JOE, LATER, Shared, check_shared

ADMIN = "admin@mail.test"
SYSTEM = f"{JOB} root echo Größe\nMAILTO=root,{JOE}\n{JOB} root echo for two\n{JOB} www-data echo of the site; id -u\n"
OF_ROOT = f"MAILTO={LATER}\n{JOB} echo root, later\n"
OF_ALICE = f"{JOB} echo alice\nMAILTO={LATER}\n{JOB} echo alice, later\n"


class SharedCron(Shared, CronRoot):
    """`crontabs`: user -> text, beside that of the system."""

    def __init__(self, *args, crontabs, **options):
        super().__init__(*args, **options)
        self.crontabs = crontabs

    def prepare(self):
        super().prepare()
        for user, text in self.crontabs.items():
            self.put(f"var/spool/cron/crontabs/{user}", text, 0o600, USERS[user][0])


class SharedAt(Shared, AtRoot):
    pass


@pytest.fixture
def cron(make_root):
    return make_root(SharedCron, crontab=SYSTEM, crontabs={"root": OF_ROOT, "alice": OF_ALICE})


def check_job(arrived, user, recipients):
    check_shared(arrived, f"{user} on ", "Cron Daemon", recipients=recipients)
    assert arrived.field("Subject").startswith(f"Cron <{user}@")


def test_cron(cron):
    """All at the same time; two jobs write to someone whose provider is down."""
    calls, arrived = cron.sent(6, messages=4)
    assert sorted(call.facts["user"] for call in calls) == ["alice", "alice", "root", "root", "root", "www-data"]
    jobs = {"Größe\n": ("root", [ADMIN]), "for two\n": ("root", [ADMIN, JOE]), f"of the site\n{WWW}\n": ("www-data", [ADMIN, JOE]),
            "alice\n": ("alice", [ADMIN])}
    assert {message.text for message in arrived} == set(jobs)
    for message in arrived:
        check_job(message, *jobs[message.text])

    cron.until(lambda: len(cron.waiting()) == 2)
    assert sorted(cron.waiting()) == [(0, [LATER]), (ALICE, [LATER])]
    assert [cron.mailq(user) for user in ("root", "alice", "bob", "www-data")] == [[LATER, LATER], [LATER], [], []]
    for uid, times in (0, 3), (WWW, 1), (ALICE, 2):
        assert len(cron.logged(rf"postfix/pickup\[\d+\]: \w+: uid={uid} from=<account@mail.test>")) == times
    late = cron.flush(2)
    assert {message.text for message in late} == {"root, later\n", "alice, later\n"}
    for message in late:
        check_job(message, message.text.partition(",")[0], [LATER])


@pytest.mark.parametrize("user", ["root", "alice"])
def test_at(make_root, user):
    root = make_root(SharedAt)
    root.run("at", "now", user=user, data="echo Größe; echo .; echo end\n".encode())
    call, arrived = root.sent()
    check_shared(arrived, f"{user} on ", recipients=[ADMIN])
    assert (arrived.text, call.facts["user"]) == ("Größe\n.\nend\n", user)
    root.logged(rf"pickup\[\d+\]: \w+: uid={USERS[user][0]} ")
    assert root.waiting() == []
