"""Programs that tell the administrator by mail: mdadm, smartd, sudo, logwatch, anacron; and who asks for the queue."""
import catalogue
from system_root import SENDER, SERVICE, check_local, system, _system_of_file      # noqa: F401


# -- mdadm ---------------------------------------------------------------------------------------------------------

def test_mdadm_monitor_test(system, record):
    """The message of --test is sent before the array is opened, so none is needed."""
    system.put("etc/mdadm/mdadm.conf", "MAILADDR root\n")
    system.run("/sbin/mdadm", "--monitor", "--test", "--oneshot", "/dev/md0", env=SERVICE)
    call, arrived = system.sent()
    check_local(arrived, "mdadm monitoring")
    assert arrived.field("Subject") == f"TestMessage event on /dev/md0:{catalogue.host()}"
    assert "A TestMessage event had been detected on md device /dev/md0." in arrived.text
    record("mdadm", "mdadm --monitor --test", call, arrived)


def test_mdadm_with_a_sender_of_its_own(system, record):
    system.put("etc/mdadm/mdadm.conf", f"MAILADDR joe@far.test\nMAILFROM Disks <{SENDER}>\n")
    system.run("/sbin/mdadm", "--monitor", "--test", "--oneshot", "/dev/md0", env=SERVICE)
    call, arrived = system.sent()
    check_local(arrived, "Disks", recipients=["joe@far.test"])
    assert arrived.field("To") == "joe@far.test"
    record("mdadm", "MAILFROM and MAILADDR of the provider", call, arrived)


# -- smartd --------------------------------------------------------------------------------------------------------

WARNING = SERVICE | {
    "SMARTD_SUBJECT": "", "SMARTD_DEVICE": "/dev/sda", "SMARTD_DEVICETYPE": "sat", "SMARTD_DEVICESTRING": "/dev/sda [SAT]",
    "SMARTD_DEVICEINFO": "DISK größer, S/N:1, 1.00 TB", "SMARTD_FAILTYPE": "CurrentPendingSector", "SMARTD_PREVCNT": "0",
    "SMARTD_MESSAGE": "Device: /dev/sda [SAT], 8 Currently unreadable (pending) sectors", "SMARTD_NEXTDAYS": "1",
    "SMARTD_TFIRST": "Sun Nov 22 05:00:00 2026 UTC", "SMARTD_TFIRSTEPOCH": "1795323600"}


def warn(system, address, mailer):
    system.run("/usr/share/smartmontools/smartd_warning.sh",
               env=WARNING | {"SMARTD_ADDRESS": address, "SMARTD_MAILER": mailer})
    call, arrived = system.sent()
    assert arrived.field("Subject") == f"SMART error (CurrentPendingSector) detected on host: {catalogue.host()}"
    assert WARNING["SMARTD_MESSAGE"] in arrived.text and WARNING["SMARTD_DEVICEINFO"] in arrived.text
    return call, arrived


def test_smartds_script_as_debian_runs_it(system, record):
    """smartd's script, Debian's runner, run-parts, mail(1)."""
    call, arrived = warn(system, "root", "/usr/share/smartmontools/smartd-runner")
    check_local(arrived)
    record("smartd", "smartd_warning.sh, smartd-runner, bsd-mailx", call, arrived)


def test_smartds_script_with_several_addresses(system, record):
    call, arrived = warn(system, "root joe@mail.test", "")
    check_local(arrived, recipients=["admin@mail.test", "joe@mail.test"])
    record("smartd", "smartd_warning.sh, two addresses", call, arrived)


# -- sudo ----------------------------------------------------------------------------------------------------------

def test_sudo_by_a_user_who_may_not(system, record):
    """sendmail is alice's then, with both outputs at /dev/null."""
    system.sudo("Defaults !authenticate, mailto=root\nroot ALL=(ALL) ALL\n")
    system.run("/usr/bin/sudo", "-n", "id", "größer", user="alice", status=1)
    call, arrived = system.sent()
    check_local(arrived, "alice")
    assert arrived.field("Subject").startswith("*** SECURITY information for ")
    assert "alice : user NOT in sudoers" in arrived.text and arrived.text.rstrip().endswith("COMMAND=/usr/bin/id größer")
    assert arrived.field("Auto-Submitted") == "auto-generated"
    assert (call.facts["user"], call.facts["stderr"]) == ("alice", "null")
    record("sudo", "a user who is not in sudoers", call, arrived)


def test_sudo_with_a_wrong_password(system, record):
    system.sudo("Defaults mail_badpass, mailto=\"root,joe@mail.test\", passwd_tries=1\nalice ALL=(ALL) ALL\n", auth="deny")
    system.run("/usr/bin/sudo", "-S", "id", user="alice", data=b"guess\n", status=1)
    call, arrived = system.sent()
    check_local(arrived, "alice", recipients=["admin@mail.test", "joe@mail.test"])
    assert "1 incorrect password attempt" in arrived.text
    record("sudo", "mail_badpass, mailto with two addresses", call, arrived)


# -- logwatch ------------------------------------------------------------------------------------------------------

LOG = ("Nov 21 03:00:00 {host} sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2\n"
       "Nov 21 03:00:01 {host} sshd[1]: Accepted password for jörg from 192.0.2.1 port 1 ssh2\n")


def logwatch(system, *args):
    system.put("var/log/auth.log", LOG.format(host=catalogue.host()))
    system.run("/usr/sbin/logwatch", "--output", "mail", "--range", "all", "--service", "sshd", *args)
    call, arrived = system.sent()
    assert arrived.field("Subject") == f"Logwatch for {catalogue.host()} (Linux)"
    assert "192.0.2.1" in arrived.text and "jörg" in arrived.text
    return call, arrived


def test_logwatch(system, record):
    call, arrived = logwatch(system, "--mailto", "root")
    check_local(arrived, "root")
    record("logwatch", "logwatch --output mail", call, arrived)


def test_logwatch_to_two(system, record):
    """It writes a To field for each of them, which strict servers refuse."""
    call, arrived = logwatch(system, "--mailto", "root joe@mail.test")
    check_local(arrived, "root", recipients=["admin@mail.test", "joe@mail.test"])
    assert call.stdin.count(b"To: ") == 2
    record("logwatch", "two addresses", call, arrived)


# -- anacron -------------------------------------------------------------------------------------------------------

ANACRONTAB = "SHELL=/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nHOME=/root\nLOGNAME=root\n{more}1 0 daily {job}\n"


def anacron(system, job, more=""):
    system.put("etc/anacrontab", ANACRONTAB.format(job=job, more=more))
    system.run("/usr/sbin/anacron", "-d", "-n", "-f")
    call, arrived = system.sent()
    assert arrived.field("Subject") == f"Anacron job 'daily' on {catalogue.host()}"
    return call, arrived


def test_anacron(system, record):
    call, arrived = anacron(system, "echo größer; echo zwei")
    check_local(arrived, "Anacron")
    assert arrived.text == "größer\nzwei\n"
    assert call.facts["stdin"] == "file"
    record("anacron", "anacron -f", call, arrived)


def test_anacron_with_mailto(system, record):
    call, arrived = anacron(system, "echo out", "MAILTO=joe@far.test\n")
    check_local(arrived, "Anacron", recipients=["joe@far.test"])
    record("anacron", "anacron with MAILTO", call, arrived)


# -- check_mailq ---------------------------------------------------------------------------------------------------

def check_mailq(system, status, *args):
    command = ["/usr/lib/nagios/plugins/check_mailq", "-w", "2", "-c", "4", *args]
    return system.run(*command, env=SERVICE, status=status).decode()


def test_check_mailq_counts(system, record):
    """It takes us for sendmail, and may be told Postfix."""
    for mailer in ("sendmail", "postfix"):
        assert check_mailq(system, 0, "-M", mailer).startswith("OK: ")
    for _ in range(3):
        system.run("/usr/sbin/sendmail", "-odq", "joe@far.test", data=b"Subject: waits\n\nhi\n")
    system.calls(5)
    try:
        assert check_mailq(system, 1).startswith("WARNING: sendmail mailq is 3 ")
        assert check_mailq(system, 1, "-M", "postfix").startswith("WARNING: postfix mailq is 3 ")
        call = system.calls(2)[0]
        record("check_mailq", "check_mailq of monitoring-plugins", call)
        call.expect = [("stdout", "Mail queue is empty\n")]        # in a replay
    finally:
        system.run("/usr/sbin/sendmail", "-q")
        system.server.wait_messages(3)
