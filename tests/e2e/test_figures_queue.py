"""What the queue costs: the system calls of one more message, whatever waits already; its fsyncs. No times."""
import os
import re
import shutil
import subprocess
from collections import Counter

import pytest

from lib.machine import USERS, machine  # noqa: F401
from lib.observed import Strace, sanitized
from lib.queuefiles import QueueFiles

pytestmark = pytest.mark.skipif(shutil.which("strace") is None or os.geteuid() != 0, reason="strace and root are needed")

MESSAGE = b"From: sender@mail.test\nTo: r@mail.test\nSubject: figures\n\n" + b"A line of the message.\n" * 40
FEW, MANY = 10, 1500
# What would tell of others' messages.
FILES = "%file,getdents64,flock,fstat,fsync,pread64,pwrite64,lseek"
NO_LEAK_CHECK = {"ASAN_OPTIONS": "detect_leaks=0"}    # it does not work under strace


def fill(queue, count, owner=None):
    """Messages in every place but incoming/, half of them with a state."""
    for i in range(count):
        place = ("deferred", "deferred", "hold", "failed")[i % 4]
        id = queue.put(place, reasons={"b@y.test": "451 later"} if i % 2 else None)
        if owner is not None:
            os.chown(queue.path / place / id, owner, owner)
            if i % 2:
                os.chown(queue.path / "state" / id, owner, owner)
    for folder in queue.path.iterdir() if owner is not None else ():
        os.chown(folder, owner, owner)


def summed_up(trace):
    return Counter(re.findall(r"^(?:\d+ +)?(\w+)\(", trace.read_text(errors="replace"), re.MULTILINE))


@pytest.fixture
def queue(tmp_path):
    return QueueFiles(tmp_path / "queue")


DIALOGUE = b"EHLO me\r\nMAIL FROM:<a@mail.test>\r\nRCPT TO:<r@mail.test>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n.\r\nQUIT\r\n"


@pytest.mark.parametrize("args,text", [(["-odq", "r@mail.test"], MESSAGE), (["-odi", "r@mail.test"], MESSAGE),
                                       (["-odb", "r@mail.test"], MESSAGE), (["-bs"], DIALOGUE),
                                       (["-bs", "-odq"], DIALOGUE)], ids=["odq", "odi", "odb", "bs", "bs-odq"])
def test_one_more_message_costs_the_same(run_sendmail, relayrc, relay, queue, tmp_path, args, text):
    """With few and with many that wait. No server is there, so each of these ends in the queue."""
    rc = relayrc(host="127.0.0.1", port=9, tls="none", queue_directory=queue.path)
    counts = []
    # At first it makes what is missing.
    for more in 1, FEW, MANY:
        fill(queue, more)
        before = len(queue.places())
        strace = Strace(tmp_path, FILES)
        done = run_sendmail(args, text, rc, under=strace.under, program=relay, env=NO_LEAK_CHECK)
        assert done.rc == 0 and len(queue.places()) == before + 1, done.err
        counts.append(summed_up(tmp_path / "strace.out"))
    assert counts[1] == counts[2] and counts[1]["openat"] > 3


def one_letter(here, client, tmp_path):
    """Alice sends; the calls of the service that serves her, until that ends."""
    strace = Strace(tmp_path, FILES)
    process = subprocess.Popen([*strace.under, "-p", str(here.services[-1].newest().pid)], stderr=subprocess.PIPE)
    assert b"attached" in process.stderr.readline()
    assert client.letter("alice").startswith("250 ")
    client.say("QUIT")
    process.communicate(timeout=20)
    return summed_up(tmp_path / "strace.out")


def test_one_more_message_for_the_machine_costs_the_same(machine, relay, tmp_path):  # noqa: F811
    """Through its socket, for a user who has a limit. His first message is the one for which all are looked into."""
    if sanitized(relay):
        pytest.skip("the leak check does not work under strace")
    here = machine(more="delivery_mode queue\n")
    here.serve()
    counts = []
    for more in 1, FEW, MANY:
        fill(here.queue, more, USERS["relay"])
        client = here.connect("alice")
        client.say("EHLO me")
        counts.append(one_letter(here, client, tmp_path))
    assert counts[1] == counts[2] and counts[1]["openat"] > 3
    assert list(here.queue.places().values()).count("deferred") >= 3


def test_fsyncs_of_one_message(run_sendmail, relayrc, relay, queue, tmp_path):
    """One of the file, one of its folder."""
    rc = relayrc(host="127.0.0.1", port=9, tls="none", queue_directory=queue.path)
    strace = Strace(tmp_path, "fsync,fdatasync,sync,syncfs,openat,rename,renameat,renameat2,link,linkat,unlink,unlinkat")
    for n in 1, 2:
        done = run_sendmail(["-odq", "r@mail.test"], MESSAGE, rc, under=strace.under, program=relay, env=NO_LEAK_CHECK)
        assert done.rc == 0
    calls = [c for c in strace.calls() if c.name != "openat"]
    paths = {c.result: c.path for c in strace.calls() if c.name == "openat" and c.ok}
    assert [c.name for c in calls] == ["fsync", "fsync"]
    file, folder = (paths[c.first] for c in calls)
    assert file in queue.places() and re.search("deferred$", folder)


def test_a_look_at_the_queue_is_not_written_down(run_sendmail, relayrc, queue):
    """On disk, as the time when each file was read: for thousands that is more work than the list."""
    ids = [queue.put("deferred", reasons={"b@y.test": "451 later"}) for _ in range(2)]
    files = [queue.path / folder / id for folder in ("deferred", "state") for id in ids]
    for file in files:
        os.utime(file, (1_000_000_000, 1_700_000_000))
    rc = relayrc(host="127.0.0.1", port=9, tls="none", queue_directory=queue.path)
    assert run_sendmail(["-bp"], rc=rc).out.count("451 later") == 2
    assert [file.stat().st_atime for file in files] == [1_000_000_000] * 4


def test_a_file_of_somebody_else_is_listed_too(machine):  # noqa: F811
    """Only its owner may read it without a trace."""
    here = machine()
    id = here.queue.put("deferred", "a@x.test")
    for folder in here.queue.path.iterdir():
        os.chown(folder, USERS["relay"], USERS["relay"])
    here.queue.file(id).chmod(0o644)
    assert "a@x.test" in here.run([], name="mailq", user="relay").out
