"""What the tests of places and damages do again and again."""
import re
import time

from lib.queuefiles import PLACES, QueueFiles

from .scenes import FOLDERS, wire

LINE = re.compile(r"sendmail: .+\n")


def received(server, key):
    return sorted(r.split("@")[0] for d in server.delivered(key) for r in d.recipients)


def send(place, key, *args, name="ok", size=60):
    return place.run([*args, "-i", "-f", f"sender@{key}.test", f"{name}@{key}.test"], wire(key, size))


def queue_with(place, key, *names, folder="deferred"):
    """A queue with all its folders, and a message for each name."""
    queue = QueueFiles(place.queue)
    for each in (*PLACES, *FOLDERS):
        queue.folder(each)
    for name in names:
        queue.put(folder, sender=f"sender@{key}.test", recipients=[f"{name}@{key}.test"], message=wire(name),
                  arrival=time.time() - 60)
    return queue
