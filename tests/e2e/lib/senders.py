"""The other programs that relay is imported from, each in a jail: msmtp, ssmtp, nullmailer, dma, esmtp.

Owns: where each has its configuration, what its spool wants, and the command that sends.

    with Ssmtp(pki, {"etc/ssmtp/ssmtp.conf": "mailhub=127.0.0.1:10025\\n"}) as program:
        program.send(["to@mail.test"], b"Subject: x\\n\\nhello\\n", sender="me@mail.test")
        program.file                    # what `relay import --root program.root NAME` is given
"""
import os

from .jail import USERS, Jail


class Sender(Jail):
    argv = ()
    file = None

    def __init__(self, pki, files):
        super().__init__(pki)
        self.files = files

    def configure(self):
        for name, text in self.files.items():
            self.put(name, text, 0o600)
        self.put(str(self.pki.ca).lstrip("/"), self.pki.ca.read_bytes())
        self.put("etc/mailname", "pi.home.test\n")
        self.put("etc/hostname", "pi\n")

    def commands(self):
        return []

    def send(self, recipients, message, sender=None):
        self.run(*self.argv, *(["-f", sender] if sender else []), *recipients, data=message)


class Msmtp(Sender):
    name, argv, file = "msmtp", ["/usr/bin/msmtp", "-i", "-C", "/.msmtprc"], "/.msmtprc"


class Ssmtp(Sender):
    name, argv, file = "ssmtp", ["/usr/sbin/ssmtp"], "/etc/ssmtp/ssmtp.conf"

    def send(self, recipients, message, sender=None):
        # It wants -f and the address in one word.
        self.run(*self.argv, *([f"-f{sender}"] if sender else []), *recipients, data=message)


class Nullmailer(Sender):
    name, argv, file = "nullmailer", ["/usr/bin/nullmailer-inject"], "/etc/nullmailer/remotes"

    def configure(self):
        super().configure()
        # Read by a program that is set-uid mail; only the passwords are root's.
        for name in self.files:
            if not name.endswith("remotes"):
                (self.root / name).chmod(0o644)
        # One pass through the queue, and no more.
        self.put("etc/nullmailer/pausetime", "0\n")
        for folder in ("queue", "tmp", "failed"):
            self.directory(f"var/spool/nullmailer/{folder}", 0o700, USERS["mail"])
        trigger = self.root / "var/spool/nullmailer/trigger"
        if not trigger.exists():
            os.mkfifo(trigger, 0o600)
            os.chown(trigger, USERS["mail"], 0)

    def send(self, recipients, message, sender=None):
        super().send(recipients, message, sender)
        self.run("/usr/sbin/nullmailer-send")


class Dma(Sender):
    name, argv, file = "dma", ["/usr/sbin/dma", "-i", "-D"], "/etc/dma/dma.conf"

    def configure(self):
        super().configure()
        self.directory("var/spool/dma", 0o2775, 0, USERS["mail"])
        # It becomes another user before it reads them.
        for name, text in self.files.items():
            self.put(name, text, 0o600, USERS["mail"])


class Esmtp(Sender):
    name, argv, file = "esmtp", ["/usr/bin/esmtp", "-i"], "/.esmtprc"

    def configure(self):
        super().configure()
        self.put(".authenticate/ca.pem", self.pki.ca.read_bytes(), 0o600)


SENDERS = {one.name: one for one in (Msmtp, Ssmtp, Nullmailer, Dma, Esmtp)}
