"""Queues in bad places: a disk that is full or read-only, folders that are somebody else's or open to others.

What can be delivered at once is delivered, also when the queue cannot be used; what cannot be kept is told with one clear
line and status 75.
"""
import os
import shutil
import subprocess
import time

import pytest

from rig.scenes import wire
from rig.steps import LINE, queue_with, received, send

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount and to change owners")


@pytest.fixture
def mounted(place, base):
    """mounted("k1", "size=64k"): a place whose queue is a small file system of its own."""
    points = []

    def make(key, options):
        one = place(key)
        one.queue.mkdir(mode=0o700, parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"mode=700,{options}", "tmpfs", one.queue]
        if subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("cannot mount a file system here")
        points.append(one.queue)
        return one
    yield make
    for point in points:
        subprocess.run(["umount", "-l", point], check=True)


def remount(place, options):
    subprocess.run(["mount", "-o", f"remount,{options}", place.queue], check=True)


def fill(place, free_pages):
    """All of the file system but some pages."""
    size = os.statvfs(place.queue)
    (place.queue / "ballast").write_bytes(bytes((size.f_bavail - free_pages) * size.f_bsize))


def is_clear(done, status=75):
    return done.status == status and LINE.fullmatch(done.err) and not done.out


# -- full and read-only ----------------------------------------------------------------------------------------------

@needs_root
@pytest.mark.parametrize("size", [60, 20_000, 600_000], ids=["small", "some pages", "large"])
def test_an_enqueue_on_a_full_disk_is_kept_whole_or_refused(mounted, server, size):
    statuses = set()
    for pages in (0, 1, 3, 5, 6, 8, 16):
        key = f"full{size}p{pages}"
        place = mounted(key, "size=1m" if size < 100_000 else "size=2m")
        if pages == 16:
            assert send(place, key, "-odq").status == 0     # the folders are there, too
        fill(place, pages * (30 if size > 100_000 else 1))
        done = send(place, key, "-odq", size=size)
        statuses.add(done.status)
        if done.status == 0:
            (place.queue / "ballast").unlink()
            place.recover()
            assert wire(key, size) in [d.data for d in server.delivered(key)]
        else:
            assert is_clear(done) and "No space left on device" in done.err, done
            assert len(place.waiting()) == (pages == 16)
    assert statuses == {0, 75}


@needs_root
def test_without_inodes_nothing_can_be_kept(mounted, server):
    place = mounted("inodes", "size=1m,nr_inodes=6")
    done = [send(place, "inodes", "-odq") for _ in range(8)]
    assert {d.status for d in done} == {0, 75} and all(d.status == 0 or is_clear(d) for d in done)
    kept = sum(d.status == 0 for d in done)
    assert len(place.waiting()) == kept
    place.recover()
    assert len(received(server, "inodes")) == kept and place.waiting() == []


@needs_root
def test_a_full_disk_stops_no_delivery_at_once(mounted, server):
    place = mounted("direct", "size=64k")
    fill(place, 0)
    done = send(place, "direct")
    assert (done.status, done.err) == (0, "")
    done = send(place, "direct", name="later")
    assert done.status == 75 and "450 4.2.0 not now" in done.err and "it cannot be kept in the queue: " in done.err
    assert received(server, "direct") == ["ok"] and place.waiting() == []


@needs_root
def test_a_queue_run_on_a_full_disk_sends_once_and_forgets_nothing(mounted, server):
    place = mounted("run", "size=256k")
    queue_with(place, "run", "ok", "later", "other")
    fill(place, 0)
    done = place.run(["-qf"])
    assert done.status in (0, 75) and all(LINE.fullmatch(line) for line in done.err.splitlines(True))
    server.heal("run")
    place.run(["-qf"])
    assert received(server, "run") == ["later", "ok", "other"] and place.waiting() == []


@needs_root
def test_a_read_only_queue_sends_nothing_twice(mounted, server):
    place = mounted("ro", "size=256k")
    queue_with(place, "ro", "waiting")
    remount(place, "ro")
    assert send(place, "ro").status == 0
    assert is_clear(send(place, "ro", "-odq"))
    assert is_clear(place.run(["-qf"])) and place.run(["-qf"]).status == 75
    assert place.run(["-bp"]).status == 0
    assert received(server, "ro") == ["ok"]
    remount(place, "rw")
    place.recover()
    assert received(server, "ro") == ["ok", "waiting"]


@needs_root
@pytest.mark.parametrize("size", [300_000, 1_500_000])
def test_a_large_message_needs_no_queue_to_be_delivered_at_once(mounted, server, size):
    place = mounted("large", "size=64k")
    remount(place, "ro")
    done = send(place, "large", size=size)
    assert (done.status, done.err) == (0, "")
    assert [d.data for d in server.delivered("large")] == [wire("large", size)]
    done = send(place, "large", name="later", size=size)
    assert done.status == 75 and "it cannot be kept in the queue: " in done.err and "Read-only" in done.err
    assert is_clear(send(place, "large", "-odq", size=size))


@needs_root
def test_a_large_message_that_fills_the_disk_is_refused(mounted, server):
    place = mounted("large", "size=64k")
    done = send(place, "large", size=1_500_000)
    assert is_clear(done) and f"cannot write {place.queue}/incoming/" in done.err and "No space left on device" in done.err
    assert received(server, "large") == [] and place.waiting() == []


@needs_root
def test_a_queue_run_that_cannot_write_down_who_has_it_does_not_send_it_again_and_again(mounted, server):
    place = mounted("again", "size=64k")
    queue = queue_with(place, "again")
    queue.put("deferred", sender="sender@again.test", recipients=["ok@again.test", "later@again.test"],
              message=wire("again"), arrival=time.time() - 60)
    fill(place, 0)
    for _ in range(4):
        done = place.run(["-qf"])
        assert done.status == 75 and "1 with an error" in done.out
        assert LINE.fullmatch(done.err) and "No space left on device" in done.err
    assert len(received(server, "again")) <= 1
    (place.queue / "ballast").unlink()
    server.heal("again")
    place.recover()
    assert sorted(set(received(server, "again"))) == ["later", "ok"] and len(received(server, "again")) <= 3


# -- not ours, open to others ----------------------------------------------------------------------------------------

def chmod(mode):
    return lambda path: path.chmod(mode)


def chown(path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to change owners")
    os.chown(path, 12345, 12345)


def to_file(path):
    shutil.rmtree(path)
    path.write_text("no folder\n")


def to_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


UNTRUSTED = {"open to all": chmod(0o777), "open to the group": chmod(0o750), "of somebody else": chown, "a file": to_file}


@pytest.mark.parametrize("how", UNTRUSTED)
def test_a_queue_that_cannot_be_trusted_is_not_used(place, server, how):
    one = place("bad")
    queue_with(one, "bad", "waiting")
    UNTRUSTED[how](one.queue)
    before = sorted(one.path.rglob("*"))
    done = send(one, "bad", "-odq")
    assert is_clear(done) and str(one.queue) in done.err, done
    for args in (["-qf"], ["-q"], ["-bp"]):
        done = one.run(args)
        assert done.status != 0 and LINE.fullmatch(done.err) and str(one.queue) in done.err, done
    assert send(one, "bad").status == 0
    done = send(one, "bad", name="later")
    assert done.status == 75 and str(one.queue) in done.err
    assert received(server, "bad") == ["ok"]
    assert sorted(p for p in one.path.rglob("*") if p.name != "log") == [p for p in before if p.name != "log"]


@pytest.mark.parametrize("folder", ["incoming", "deferred", "state", "sessions", "failed"])
@pytest.mark.parametrize("how", [*UNTRUSTED, "a symlink"])
def test_a_folder_of_it_that_cannot_be_trusted_is_not_used(place, server, how, folder):
    one = place("sub")
    queue_with(one, "sub", "waiting")
    (UNTRUSTED | {"a symlink": to_link})[how](one.queue / folder)
    elsewhere = one.queue / "elsewhere"
    held = sorted(os.listdir(elsewhere)) if how == "a symlink" else None
    done = send(one, "sub")
    assert (done.status, done.err) == (0, "")
    done = send(one, "sub", "-odq", name="own")
    assert done.status == 0 if folder != "deferred" else is_clear(done)
    done = one.run(["-qf"])
    assert done.status in (0, 75) and all(LINE.fullmatch(line) for line in done.err.splitlines(True))
    assert done.status == 0 or str(one.queue / folder) in done.err or folder == "state"
    assert received(server, "sub").count("waiting") <= 1 and "ok" in received(server, "sub")
    if folder in ("sessions", "failed"):
        assert received(server, "sub") == ["ok", "own", "waiting"]
    if held is not None:
        assert sorted(os.listdir(elsewhere)) == held


@pytest.mark.parametrize("what", ["a file in the way", "not to be written"])
def test_a_queue_that_cannot_be_made_stops_no_delivery_at_once(place, server, what):
    if what == "not to be written" and os.geteuid() == 0:
        one = place("unmade", queue_directory="/proc/relay-test-queue")
    else:
        one = place("unmade", queue_directory="~/way/queue")
        (one.path / "way").write_text("a file\n") if what == "a file in the way" else (one.path / "way").mkdir(mode=0o500)
    assert (lambda d: (d.status, d.err))(send(one, "unmade")) == (0, "")
    assert is_clear(send(one, "unmade", "-odq"))
    done = send(one, "unmade", name="later")
    assert done.status == 75 and "it cannot be kept in the queue: " in done.err
    assert received(server, "unmade") == ["ok"]
