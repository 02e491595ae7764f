"""OpenSMTPD in a jail, as a submission server.

Owns: its configuration, and a bridge over a bug of Debian 12's package: built with OpenSSL 3, its TLS servers have lost
their private key ("missing private key", OpenSMTPD issue 1171), so every handshake fails. A preloaded library gives
OpenSSL the key; it is the server's own code that runs otherwise.

Ports, all on 127.0.0.1: plain (no AUTH asked), starttls and smtps (AUTH required). Mechanisms: PLAIN LOGIN. It has
neither PIPELINING nor CHUNKING. Recipients refused* get 550. It delivers once for each recipient; `messages` joins
those again by the ID in its Received field.
"""
import re
import shutil
import subprocess

from .jail import USERS, Captured, Jail, NoJail

CONFIG = """
pki mail.test cert "/etc/tls/chain.pem"
pki mail.test key "/etc/tls/key.pem"
table users file:/etc/users
table everyone {{ "@" = "capture" }}
smtp max-message-size "1100M"
smtp limit max-rcpt 20000
listen on 127.0.0.1 port {plain} hostname mail.test
listen on 127.0.0.1 port {starttls} hostname mail.test tls-require pki mail.test auth <users>
listen on 127.0.0.1 port {smtps} hostname mail.test smtps pki mail.test auth <users>
action "capture" mda "/capture.sh - '%{{sender}}' '%{{rcpt}}'" virtual <everyone>
match from any for rcpt-to regex "^refused" reject
match from any for any action "capture"
match auth from any for any action "capture"
"""
KEY_C = """
#include <dlfcn.h>
#include <stdio.h>

void *PEM_read_PrivateKey(FILE *, void *, void *, void *);
static void *key;

/* Runs before the server gives up root and its view of the files. */
__attribute__((constructor)) static void load(void)
{
	FILE *file = fopen("/etc/tls/key.pem", "r");
	if (file) {
		key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
		fclose(file);
	}
}

int SSL_CTX_use_PrivateKey(void *context, void *theirs)
{
	int (*use)(void *, void *) = (int (*)(void *, void *))dlsym(RTLD_NEXT, "SSL_CTX_use_PrivateKey");
	return use(context, key ? key : theirs);
}
"""
ID = re.compile(rb"\(OpenSMTPD\) with \S+ id ([0-9a-f]+)")


class OpenSMTPD(Jail):
    name = "opensmtpd"
    listeners = ("plain", "starttls", "smtps")

    def configure(self):
        self.directory("var/empty")
        self.directory("var/run")
        self.directory("var/lib/opensmtpd/empty")
        self.directory("var/spool/smtpd", 0o711)
        self.put_certificate(self.pki.server_rsa)
        self._build_key_library()
        self.put("etc/smtpd.conf", CONFIG.format(**self.ports))
        encrypted = {u: self.run("/usr/libexec/opensmtpd/encrypt", p).decode().strip() for u, p in self.users.items()}
        self.put("etc/users", "".join(f"{u}\t{p}\n" for u, p in encrypted.items()), 0o640, USERS["opensmtpd"])
        self.put("etc/mailname", "mail.test\n")

    def _build_key_library(self):
        if shutil.which("cc") is None:
            raise NoJail("OpenSMTPD needs a C compiler here: see opensmtpd.py")
        subprocess.run(["cc", "-shared", "-fPIC", "-O", "-xc", "-", "-o", str(self.root / "usr/lib/key.so")],
                       input=KEY_C, text=True, check=True)

    def commands(self):
        return [["/usr/bin/env", "LD_PRELOAD=/usr/lib/key.so", "/usr/sbin/smtpd", "-d", "-f", "/etc/smtpd.conf"]]

    def messages(self):
        joined = {}
        for one in super().messages():
            match = ID.search(one.data)
            key = match[1] if match else one.data
            if key in joined:
                joined[key].recipients += one.recipients
            else:
                joined[key] = Captured(one.info, one.sender, one.recipients, one.data)
        return list(joined.values())
