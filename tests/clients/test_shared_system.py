"""What tells the administrator by mail, on a machine in whose mail root is one user of several; and who asks for the queue."""
import pytest
from shared_root import LATER, SENDMAIL, SERVICE, Shared, check_both
from system_root import System

ENV = SERVICE | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
WARNING = {"MAILER": "", "SUBJECT": "", "DEVICE": "/dev/sda", "DEVICETYPE": "sat", "DEVICESTRING": "/dev/sda", "DEVICEINFO": "DISK größer",
           "FAILTYPE": "Health", "PREVCNT": "0", "MESSAGE": "Device: /dev/sda, FAILED", "NEXTDAYS": "1", "TFIRST": "x", "TFIRSTEPOCH": "1"}


class ROOT(Shared, System):
    pass


def mdadm(root, to):
    root.put("etc/mdadm/mdadm.conf", f"MAILADDR {to}\n")
    root.run("/sbin/mdadm", "--monitor", "--test", "--oneshot", "/dev/md0", env=ENV)


def smartd(root, to):
    words = {f"SMARTD_{name}": value for name, value in WARNING.items()}
    root.run("/usr/share/smartmontools/smartd_warning.sh", env=ENV | words | {"SMARTD_ADDRESS": to})


def logwatch(root, to):
    root.put("var/log/auth.log", "Nov 21 03:00:00 box sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2\n")
    root.run("/usr/sbin/logwatch", "--output", "mail", "--range", "all", "--service", "sshd", "--mailto", to, env=ENV)


def anacron(root, to):
    root.put("etc/anacrontab", f"SHELL=/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nLOGNAME=root\nMAILTO={to}\n1 0 daily echo größer\n")
    root.run("/usr/sbin/anacron", "-d", "-n", "-f")


def sudo(root, to):
    """Who calls it is the sender; nobody waits for that process."""
    root.sudo(f"Defaults !authenticate, mailto=\"{to}\"\nroot ALL=(ALL) ALL\n")
    root.run("/usr/bin/sudo", "-n", "id", "größer", user="alice", status=1)


# function -> who sends, what From says of it, and the text
PROGRAMS = {mdadm: ("root", "mdadm monitoring", "A TestMessage event"), smartd: ("root", "root on ", "DISK größer"),
            logwatch: ("root", "root on ", "192.0.2.1"), anacron: ("root", "Anacron", "größer"), sudo: ("alice", "alice on ", "id größer")}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_program(root, program):
    user, words, text = PROGRAMS[program]
    _, arrived = check_both(root, user, lambda to: program(root, to), words)
    assert text in arrived.text


def check_mailq(root, user, status, *options):
    return root.run("/usr/lib/nagios/plugins/check_mailq", "-w", "2", "-c", "4", *options, user=user, env=ENV, status=status).decode()


def test_check_mailq_counts_ones_own(root):
    for _ in range(3):
        root.run(SENDMAIL, LATER, user="alice", data=b"Subject: waits\n\nhi\n")
    try:
        for mailer in ("sendmail", "postfix"):
            assert check_mailq(root, "root", 1, "-M", mailer).startswith(f"WARNING: {mailer} mailq is 3 ")
            assert check_mailq(root, "alice", 1, "-M", mailer).startswith(f"WARNING: {mailer} mailq is 3 ")
            assert check_mailq(root, "www-data", 0, "-M", mailer).startswith("OK: ")
    finally:
        root.flush(3)
