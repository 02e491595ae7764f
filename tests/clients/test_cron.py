"""Debian's cron and at: the mail of real jobs. Nobody reads what sendmail says there, and the environment is small."""
import pytest
from cron_root import JOB, AtRoot, CronRoot
from private_root import ALICE, check_strict


@pytest.fixture
def cron(make_root):
    return lambda crontab, **options: make_root(CronRoot, crontab=crontab, **options)


def check_cron(arrived, who="root"):
    """From a person's view: it came from cron on this machine, for whom, and answers have somewhere to go."""
    check_strict(arrived)
    name, address = arrived.address("From")
    assert "Cron Daemon" in name and address == "account@mail.test"
    assert arrived.field("Subject").startswith(f"Cron <{who}@")


def test_a_job_of_root(cron, record):
    root = cron(f"MAILTO=root\n{JOB} root printf 'one\\n.\\nFrom here\\nno newline'\n")
    call, arrived = root.sent()
    check_cron(arrived)
    assert (arrived.sender, arrived.recipients) == ("account@mail.test", ["admin@mail.test"])
    assert arrived.text == "one\n.\nFrom here\nno newline\n"
    assert set(call.env) == {"PATH", "LANG"}
    record("cron", "a job of root, MAILTO=root", call, arrived)


def test_output_and_command_that_are_not_ascii(cron, record):
    root = cron(f"{JOB} root echo 'Größe: 3 km² → 日本語'\n")
    call, arrived = root.sent()
    check_cron(arrived)
    assert arrived.text == "Größe: 3 km² → 日本語\n"
    assert arrived.field("Subject").endswith("echo 'Größe: 3 km² → 日本語'")
    assert not call.stdin.isascii()
    record("cron", "output and command in UTF-8", call, arrived)


def test_a_machine_without_a_locale(cron, record):
    """cron calls its text ANSI_X3.4-1968 then, whatever it is."""
    root = cron(f"{JOB} root echo Größe\n", locale="C")
    call, arrived = root.sent()
    check_cron(arrived)
    assert arrived.text == "Größe\n"
    record("cron", "8-bit output, and a locale that has none", call, arrived)


def test_output_that_is_not_text(cron, record):
    root = cron(f"{JOB} root printf 'a\\rb\\rc\\n\\377\\376\\000\\001\\n'; head -c 3000 /dev/zero | tr '\\0' x\n")
    call, arrived = root.sent()
    check_cron(arrived)
    assert arrived.text.rstrip("\n").endswith("x" * 3000)
    record("cron", "bare CR, NUL, octets that are not UTF-8, a line of 3000", call, arrived)


def test_mailto_of_several(cron, record):
    root = cron(f"MAILTO=root,joe@mail.test,ann@mail.test\n{JOB} root echo several\n")
    call, arrived = root.sent()
    check_cron(arrived)
    assert arrived.recipients == ["admin@mail.test", "ann@mail.test", "joe@mail.test"]
    assert call.argv[-1] == "root,joe@mail.test,ann@mail.test"
    record("cron", "MAILTO of three, one argument", call, arrived)


def test_a_job_in_the_crontab_of_a_user(cron, record):
    root = cron(f"{JOB} echo my job; id -u\n", user=ALICE)
    call, arrived = root.sent()
    check_cron(arrived, "alice")
    assert (arrived.sender, arrived.recipients) == ("account@mail.test", ["admin@mail.test"])
    assert arrived.text == f"my job\n{ALICE}\n"
    assert call.facts["user"] == "alice"
    record("cron", "a job in alice's crontab", call, arrived)


@pytest.fixture
def at(make_root):
    return make_root(AtRoot)


def test_at_runs_a_job_of_root(at, record):
    at.run("at", "now", data="echo Größe; echo .; echo end\n".encode())
    call, arrived = at.sent()
    check_strict(arrived)
    assert (arrived.sender, arrived.recipients) == ("account@mail.test", ["admin@mail.test"])
    assert arrived.text == "Größe\n.\nend\n"
    assert call.facts["stdin"] == "file"
    record("at", "a job of root", call, arrived)


def test_at_runs_a_job_of_a_user(at, record):
    at.run("at", "-m", "now", user="alice", data=b"true\n")
    call, arrived = at.sent()
    check_strict(arrived)
    assert arrived.recipients == ["admin@mail.test"] and call.facts["user"] == "alice"
    record("at", "a job of alice without output, -m", call, arrived)
