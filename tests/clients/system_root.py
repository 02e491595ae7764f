"""The private root "system": programs that tell an administrator by mail, and languages in which scripts do.

    system              a fixture, one root for a file; emptied of calls and mail before each test
    check_local(arrived, "Cron Daemon")     a message from this machine to root, as the administrator gets it
    system.script("x.py", text)             a file that can be run, its path in the root
"""
import contextlib

import pytest
from lib.jail import NoJail
from private_root import ALICE, PrivateRoot, check_strict

SENDER, ADMIN = "account@mail.test", "admin@mail.test"
# As services have them.
SERVICE = {name: None for name in ("HOME", "USER", "LOGNAME", "SHELL")} | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
PAM = "auth required pam_{auth}.so\naccount required pam_permit.so\nsession required pam_permit.so\n"
# For getopt, which the real one wants, the root would need util-linux.
LSB_RELEASE = "#!/bin/sh\ncase $1 in -c) echo bookworm ;; *) echo Debian ;; esac\n"


class System(PrivateRoot):
    name = "system"

    def prepare(self):
        self._link("usr/bin/mail", "bsd-mailx")
        self.put("usr/bin/lsb_release", LSB_RELEASE, 0o755)
        for path in ("var/spool/anacron", "var/cache/logwatch", "var/log"):
            self.directory(path)

    def script(self, name, text):
        self.put(f"usr/local/bin/{name}", text, 0o755)
        return f"/usr/local/bin/{name}"

    def sudo(self, sudoers, auth="permit"):
        """sudo as it is installed: set-uid, which only this root's own copy is. Its sendmail is alice's, and has no group
        but alice's own: so she has an account."""
        if self.members:
            self.put("home/alice/.relayrc", (self.root / "etc/relayrc").read_bytes(), 0o600, ALICE)
        self.put("etc/sudoers", sudoers, 0o440)
        for service in ("sudo", "sudo-i"):
            self.put(f"etc/pam.d/{service}", PAM.format(auth=auth))
        self.put("usr/bin/sudo", (self.root / "usr/bin/sudo").read_bytes())
        (self.root / "usr/bin/sudo").chmod(0o4755)


@pytest.fixture(scope="module")
def _system_of_file(_builder):
    with contextlib.ExitStack() as running:
        try:
            yield running.enter_context(_builder(System, {}))
        except NoJail as reason:
            pytest.skip(f"system: {reason}")


@pytest.fixture
def system(_system_of_file, server):
    server.clear()
    _system_of_file.forget()
    return _system_of_file


def check_local(arrived, *words, recipients=(ADMIN,)):
    """From the account's address, and From still says who wrote it: these words."""
    check_strict(arrived)
    assert (arrived.sender, arrived.recipients) == (SENDER, sorted(recipients))
    name, address = arrived.address("From")
    assert address == SENDER and all(word in name for word in words), name
