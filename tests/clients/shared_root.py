"""A private root in which mail is the machine's: /etc/relayrc and /var/spool/relay are for the user `relay` alone, and whoever is
not root sends through /run/relay/submit.

    ROOT = Shared                           in a test file; or class ROOT(Shared, System), any PrivateRoot
    check_both(root, "alice", send, "Liddell")      send("joe@mail.test") arrives at once; to down.test, it waits until the flush
    check_shared(arrived, "alice")          a message of hers, as it leaves
    root.waiting()                          [(uid, recipients)] of what is in /var/spool/relay
    root.mailq("alice")                     the recipients that she is shown
    root.flush(2)                           the provider of down.test is back: the queue run, as relay; [Arrived, …]
    root.logged(r"uid=1000 ")               the lines that were logged, once this expression is among them
"""
import re
import subprocess
import time

import catalogue
from lib.machine import Service
from lib.queuefiles import QueueFiles
from private_root import RELAY, USERS, Arrived, PrivateRoot, check_strict

SENDER, JOE, LATER = "account@mail.test", "joe@mail.test", "joe@down.test"
SENDMAIL = "/usr/lib/relay/sendmail"        # without the recorder
# As services have them.
SERVICE = {name: None for name in ("HOME", "USER", "LOGNAME", "SHELL", "LANG")}
# Nobody listens there.
DOWN = "port 9\n"
RC = catalogue.ACCOUNT + f"tls_starttls off\nsyslog LOG_MAIL\naccount down : default\n{DOWN}to *@down.test\n"


class Shared(PrivateRoot):
    known, members = USERS | {"relay": (RELAY, "Mail relay", "/var/spool/relay")}, ""

    def __init__(self, *args, rc=RC, **options):
        super().__init__(*args, rc=rc, **options)
        self.service = None

    def prepare(self):
        super().prepare()
        self.directory("var/spool/relay", 0o700, RELAY)
        self.directory("run/relay")
        self.service = Service(self, command=(SENDMAIL, "-bs"))

    def __exit__(self, *args):
        if self.service:
            self.service.close()
        super().__exit__(*args)

    def start(self, argv, user, **popen):
        """As lib/machine.py's, for the service."""
        return subprocess.Popen(self._command(argv, user, SERVICE, "/"), **popen)

    # -- what a test asks -------------------------------------------------------------------------------------------

    def waiting(self):
        queue = QueueFiles(self.root / "var/spool/relay")
        ids = sorted(id for id, place in queue.places().items() if place == "deferred")
        heads = [queue.file(id).read_bytes().partition(b"\n\n")[0].decode() for id in ids]
        return [(int(re.search(r"^uid: (\d+)$", head, re.M)[1]), re.findall(r"^recipient: <(.*)>$", head, re.M)) for head in heads]

    def mailq(self, user):
        shown = self.run(SENDMAIL, "-bp", user=user).decode()
        return re.findall(r"^ {40,}(\S+)$", shown, re.M)

    def flush(self, count=1):
        self.settings(self.rc.replace(DOWN, ""))
        try:
            said = self.run(SENDMAIL, "-qf", user="relay")
        finally:
            self.settings(self.rc)
        assert f"relay: {count} sent, 0 deferred, 0 failed" in said.decode(), said
        found = self.server.wait_messages(count)
        self.server.clear()
        assert self.waiting() == [] and len(found) == count
        return [Arrived(m.sender, sorted(m.recipients), m.sent) for m in found]

    def logged(self, expression, seconds=20):
        return self.until(lambda: [line for line in self._log.lines if re.search(expression, line)], expression, seconds)

    def until(self, condition, what="it", seconds=20):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what} does not come: {self.log()}"
            time.sleep(0.01)
        return found


def check_shared(arrived, *words, sender=SENDER, address=SENDER, recipients=(JOE,)):
    """From the machine's address, and From says who wrote it: these words."""
    check_strict(arrived)
    assert (arrived.sender, arrived.recipients) == (sender, sorted(recipients))
    name, author = arrived.address("From")
    assert author == address and all(word in name for word in words), name


def check_both(root, user, send, *words, **expected):
    """What was logged and is in the queue's file is of this user, and nobody else sees it. The call that was sent at once, and
    its message."""
    uid, bystander = USERS[user][0], "bob"
    root._log.lines.clear()
    send(JOE)
    call, arrived = root.sent()
    assert call.facts["user"] == user and root.waiting() == []
    check_shared(arrived, *words, **expected)
    root.logged(rf"postfix/pickup\[\d+\]: \w+: uid={uid} from=<{arrived.sender}>")
    root.logged(rf"to=<{JOE}>, .* status=sent .* account=default, tls=TLSv1.3, auth=")
    send(LATER)
    root.calls(1)
    root.until(lambda: root.waiting() == [(uid, [LATER])])      # sudo does not wait for sendmail
    assert (root.mailq(user), root.mailq(bystander), root.mailq("root")) == ([LATER], [], [LATER])
    root.logged(rf"to=<{LATER}>, .* status=deferred \(cannot connect to ")
    late, = root.flush()
    check_shared(late, *words, **(expected | {"recipients": [LATER]}))
    assert late.mail["Subject"] == arrived.mail["Subject"]
    return call, arrived
