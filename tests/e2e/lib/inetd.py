"""Debian's inetd and xinetd in a jail, with our sendmail behind a port of 127.0.0.1, as sample-config/ sets it up.

    with Inetd(binary, rc) as server:       openbsd-inetd, relay.inetd
    with Xinetd(binary, rc) as server:      xinetd, relay.xinetd
        server.ports["smtp"]                who connects there speaks to sendmail -bs, run as the user `relay`
        server.queue                        that user's queue, seen from outside
"""
import os
import re
import shutil
import subprocess
from pathlib import Path

from .jail import Jail

SAMPLES = Path(__file__).resolve().parents[3] / "sample-config"
UID = 64900
SPOOL = "var/spool/relay"


class Inetd(Jail):
    name = "inetd"
    listeners = ("smtp",)

    def __init__(self, binary, rc):
        super().__init__(None)
        self.binary, self.rc = binary, rc

    def configure(self):
        passwd = (self.root / "etc/passwd").read_text()
        self.put("etc/passwd", passwd + f"relay:x:{UID}:{UID}::/{SPOOL}:/usr/sbin/nologin\n")
        self.put("etc/group", (self.root / "etc/group").read_text() + f"relay:x:{UID}:\n")
        self.put("etc/protocols", "tcp 6 TCP\n")
        self.put("usr/sbin/sendmail", Path(self.binary).read_bytes(), 0o755)
        self._put_libraries()
        self.directory(SPOOL, 0o700, UID)
        self.put("etc/relayrc", self.rc, 0o640)
        os.chown(self.root / "etc/relayrc", 0, UID)
        self.directory("root", 0o700)
        self.put_service()

    def _put_libraries(self):
        found = subprocess.run(["ldd", self.binary], capture_output=True, text=True).stdout
        for path in re.findall(r"(/\S+) \(0x", found):
            target = self.root / path[1:]
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)

    def put_service(self):
        text = (SAMPLES / "relay.inetd").read_text()
        assert text.count("\n127.0.0.1:25 ") == 1
        self.put("etc/inetd.conf", text.replace("\n127.0.0.1:25 ", f"\n127.0.0.1:{self.ports['smtp']} "))

    def commands(self):
        return [["/usr/sbin/inetd", "-i"]]

    def _env(self):
        # As a boot script has it: the home of somebody else, who lets nobody in.
        return super()._env() | {"HOME": "/root"}

    @property
    def queue(self):
        return self.root / SPOOL


class Xinetd(Inetd):
    name = "xinetd"

    def put_service(self):
        text = (SAMPLES / "relay.xinetd").read_text()
        assert text.count("= 25\n") == 1
        self.put("etc/xinetd.d/relay", text.replace("= 25\n", f"= {self.ports['smtp']}\n"))
        self.put("etc/xinetd.conf", "defaults\n{\n\tlog_type = FILE /var/log/xinetd.log\n}\nincludedir /etc/xinetd.d\n")

    def commands(self):
        return [["/usr/sbin/xinetd", "-dontfork"]]


def owner(path):
    return os.stat(path).st_uid
