"""Postfix in a jail as the program that relay is imported from: its own sendmail, queue and SMTP client.

Owns: master.cf and the folders. Nothing listens.

    with PostfixClient(pki, "relayhost = [127.0.0.1]:10025\\n", {"sasl_passwd": "…"}) as postfix:
        postfix.send(["-f", "me@mail.test", "to@mail.test"], b"Subject: x\\n\\nhello\\n")

The files are put beside main.cf, or where their path says; what main.cf calls hash:… is indexed with postmap. `root` is
what `relay import --root` is given.
"""
import re

from .jail import Jail
from .postfix import make_spool

# Everything that a test does not say itself.
BASE = """
compatibility_level = 3.6
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = /var/log/postfix.log
"""

MASTER = """
pickup    unix  n - n 1 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
  -o smtp_fallback_relay=
implicit  unix  - - n - - smtp
  -o smtp_tls_wrappermode=yes -o { smtp_tls_security_level = encrypt }
local     unix  - n n - - local
error     unix  - - n - - error
retry     unix  - - n - - error
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class PostfixClient(Jail):
    name = "postfix"

    def __init__(self, pki, main, files=None):
        super().__init__(pki)
        self.main, self.files = main, files or {}

    def configure(self):
        make_spool(self)
        self.put("etc/postfix/master.cf", MASTER)
        self.put("etc/postfix/main.cf", BASE + self.main)
        for name, text in self.files.items():
            self.put(name.lstrip("/") if "/" in name else f"etc/postfix/{name}", text)
        # The certificate authority under the name that it has outside, so that both programs find it.
        self.put(str(self.pki.ca).lstrip("/"), self.pki.ca.read_bytes())
        for kind, path in sorted(set(re.findall(r"\b(hash|btree|lmdb|cdb):(/[^\s,]+)", self.main))):
            # The aliases file has a syntax of its own.
            self.run("/usr/sbin/postalias" if "aliases" in path else "/usr/sbin/postmap", f"{kind}:{path}")

    def commands(self):
        return [["/usr/lib/postfix/sbin/master", "-s"]]

    def send(self, args, message):
        self.run("/usr/sbin/sendmail", "-i", *args, data=message)
