"""Bad things in a queue: symlinks, FIFOs and folders planted in it, damaged and foreign files.

Nothing of it blocks what stands beside it, nothing outside of the queue is touched, and what was set aside is named.
"""
import os
import re
import socket
import time

import pytest

from lib.queuefiles import PLACES
from rig.scenes import wire
from rig.steps import LINE, queue_with, received, send


# -- planted files ---------------------------------------------------------------------------------------------------

def plant_link(path, outside):
    path.symlink_to(outside / "precious")


def plant_dangling(path, outside):
    path.symlink_to(outside / "not there")


def plant_fifo(path, outside):
    os.mkfifo(path, 0o600)


def plant_folder(path, outside):
    path.mkdir()
    (path / "in it").write_text("x\n")


def plant_hard_link(path, outside):
    os.link(outside / "precious", path)


def plant_socket(path, outside):
    """By a short name: that of a socket has little room."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


def plant_terabyte(path, outside):
    """As it is left where a file system loses what was written last; it takes no room."""
    with open(path, "wb") as file:
        file.truncate(1 << 40)


PLANTS = {"symlink": plant_link, "dangling symlink": plant_dangling, "FIFO": plant_fifo, "folder": plant_folder,
          "hard link": plant_hard_link, "socket": plant_socket, "terabyte": plant_terabyte}


@pytest.fixture
def outside(base):
    folder = base / "outside"
    folder.mkdir()
    (folder / "precious").write_text("account default\nkeep me\n")
    yield folder
    assert os.listdir(folder) == ["precious"] and (folder / "precious").read_text() == "account default\nkeep me\n"


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("folder", [*PLACES, "state", "sessions"])
def test_what_was_planted_blocks_nothing_and_leads_nowhere(place, server, outside, folder, plant):
    one = place("plant")
    queue = queue_with(one, "plant", "good")
    one.run(["-qf"])
    locks = [one.queue / "sessions" / n for n in os.listdir(one.queue / "sessions")]
    id = queue.put("deferred", sender="sender@plant.test", recipients=["better@plant.test", "later@plant.test"],
                   message=wire("better"), arrival=time.time() - 60)
    if folder == "sessions":
        targets = locks
        for lock in locks:
            lock.unlink()
    elif folder == "state":
        targets = [one.queue / "state" / name for name in (id, f"{id}.new", queue.new_id(time.time()))]
    else:
        targets = [one.queue / folder / name for name in (queue.new_id(0), queue.new_id(time.time()), f"{id}.new")]
    assert targets
    for target in targets:
        PLANTS[plant](target, outside)
    first = one.run(["-qf"])
    assert first.status in (0, 75) and all(LINE.fullmatch(line) for line in first.err.splitlines(True)), first
    assert one.run(["-bp"]).status == 0
    assert send(one, "plant").status == 0
    assert send(one, "plant", "-odq", name="own").status == 0
    server.heal("plant")
    done = one.run(["-qf"])
    assert received(server, "plant") == ["better", "good", "later", "ok", "own"], (first, done)
    assert one.run(["-qf"]).status in (0, 75)


# -- damaged and foreign files ---------------------------------------------------------------------------------------

def damages(text, first_line):
    """Ways to damage a file: name -> bytes."""
    lines = text.split(b"\n")
    head_end = text.index(b"\n\n") if b"\n\n" in text else len(text)
    found = {"zeros": bytes(len(text)), "short zeros": b"\0", "garbage": bytes(range(256)) * 20, "one line": b"x" * 300_000,
             "many lines": b"x: y\n" * 60_000, "head alone": text[:head_end], "twice": text + text,
             "more behind": text + b"more\r\n", "less": text[:-1], "CRLF": text.replace(b"\n", b"\r\n"),
             "another version": text.replace(b" 1", b" 2", 1), "no version": text[first_line:]}
    for n, line in enumerate(lines[:text[:head_end].count(b"\n") + 1]):
        broken = {"a NUL": line[:8] + b"\0" + line[9:], "a bell": line + b"\a", "no colon": line.replace(b":", b" "),
                  "cut": line[:5], "no value": line.split(b" ")[0], "not UTF-8": line + b"\xff"}
        for what, new in broken.items():
            changed = b"\n".join([*lines[:n], new, *lines[n + 1:]])
            if changed != text:
                found[f"line {n + 1}: {what}"] = changed
    for size in {*range(0, head_end, 23), head_end, head_end + 1, head_end + 2, (len(text) + head_end) // 2}:
        found[f"cut at {size}"] = text[:size]
    return found


def test_damaged_messages_are_set_aside_and_the_others_are_sent(place, server):
    one = place("damaged")
    queue = queue_with(one, "damaged", "first")
    model = queue.put("deferred", sender="sender@damaged.test", recipients=["torn@damaged.test"], message=wire("torn"),
                      head="setting: port=1\nenvid: x\nnotify: failure\nreturn: full\n")
    text = queue.file(model).read_bytes()
    queue.file(model).unlink()
    made = {}
    for name, data in damages(text, 64).items():
        id = queue.new_id(time.time() - 30)
        (queue.folder("incoming" if len(made) % 3 == 0 else "deferred") / id).write_bytes(data)
        made[id] = name
    queue.put("deferred", sender="sender@damaged.test", recipients=["last@damaged.test"], message=wire("last"))
    assert one.run(["-bp"]).status == 0
    done = one.run(["-qf"])
    assert done.status == 0 and all(LINE.fullmatch(line) for line in done.err.splitlines(True))
    assert received(server, "damaged") == ["first", "last"]
    # What is left has only lost something that need not be there: it waits for a server that is not there.
    left = {made[n.split("/")[1]]: n.split("/")[0] for n in one.left(*PLACES) if n.split("/")[1] in made}
    assert {n for n, where in left.items() if where in ("incoming", "deferred")} <= {
        n for n in made.values() if re.match(r"line \d+: ", n)}
    gone = {n for n in made.values() if n not in left}
    assert gone <= {"cut at 0"}, gone
    for name, where in left.items():
        if re.match(r"line [1-4]: (a NUL|a bell|no colon|cut|no value)|(?!line).", name):
            assert where == "corrupt", name
    said = [re.match(r"sendmail: (\w{15}): damaged \(.+\): set aside in .+/corrupt", line) for line in done.err.splitlines()]
    assert all(said) and {made[m[1]] for m in said} == {n for n, where in left.items() if where == "corrupt"}
    assert one.run(["-q"]).err == ""


def test_damaged_states_do_not_stop_their_messages(place, server):
    one = place("states")
    queue = queue_with(one, "states")
    ids, expected = {}, []
    model = queue.put("deferred", recipients=["a@x.test", "b@x.test"], reasons={"a@x.test": "450 later"},
                      status={"a@x.test": "waiting", "b@x.test": "waiting"})
    text = (one.queue / "state" / model).read_bytes()
    queue.file(model).unlink()
    (one.queue / "state" / model).unlink()
    for n, (name, data) in enumerate(damages(text, 14).items()):
        names = [f"a{n}@states.test", f"b{n}@states.test"]
        id = queue.put("deferred", sender="sender@states.test", recipients=names, message=wire("state"),
                       arrival=time.time() - 60)
        (one.queue / "state" / id).write_bytes(data.replace(model.encode(), id.encode()))
        ids[id] = name
        expected += [f"a{n}", f"b{n}"]
    assert one.run(["-bp"]).status == 0
    done = one.run(["-qf"])
    assert done.status == 0 and all(LINE.fullmatch(line) for line in done.err.splitlines(True))
    assert received(server, "states") == sorted(expected)
    assert one.waiting() == []
    aside = {ids[n.removeprefix("corrupt/").removesuffix(".state")] for n in one.left("corrupt")}
    assert {"zeros", "garbage", "cut at 0", "another version", "less"} <= aside
    assert one.left("state") == []


def test_foreign_files_are_left_alone_and_not_talked_about(place, server):
    one = place("foreign")
    queue = queue_with(one, "foreign", "good")
    id = queue.new_id(time.time())
    foreign = [one.queue / f / n for f in (*PLACES, "state", "sessions", ".")
               for n in ("README", id.lower(), id[:-1], id + "X", f"{id}.bak", ".hidden", "1MG4I5O0U000XYZ", "new\nline")]
    for file in foreign:
        file.write_text("foreign\n")
    done = one.run(["-qf"])
    assert (done.status, done.err) == (0, "")
    assert "good" not in one.run(["-bp"]).out and send(one, "foreign", "-odq", name="own").status == 0
    one.run(["-q"])
    assert received(server, "foreign") == ["good", "own"]
    assert all(f.read_text() == "foreign\n" for f in foreign)
