"""Postfix in a jail, as a submission server.

Owns: its configuration. Ports, all on 127.0.0.1:

    plain                       no TLS, no AUTH asked
    plain_auth                  no TLS, AUTH required
    starttls, smtps             AUTH required (Cyrus SASL, sasldb)
    dovecot_starttls, dovecot_smtps     the same with Dovecot SASL
    poor_plain, poor_starttls, poor_smtps   without PIPELINING and CHUNKING
    ascii                       no TLS, no AUTH asked, without 8BITMIME and SMTPUTF8

Mechanisms: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256. Recipients refused* get 550, later* get 450. Messages up to
1.1 GB and 10000 recipients; a bare LF is refused. Every message is delivered once, with all its recipients.
"""
from .jail import USERS, Jail

MECHANISMS = "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256"

MAIN = """
compatibility_level = 3.6
myhostname = mail.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = /var/log/postfix.log
default_transport = capture
relay_transport = capture
local_transport = capture
virtual_transport = capture
capture_destination_recipient_limit = 20000
alias_maps =
alias_database =
local_recipient_maps =
local_header_rewrite_clients =
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access regexp:/etc/postfix/recipients
smtpd_forbid_bare_newline = yes
smtpd_forbid_bare_newline_exclusions =
smtpd_recipient_limit = 10000
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = /etc/postfix/sasl
smtpd_tls_chain_files = /etc/tls/both.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_loglevel = 1
in_flow_delay = 0
message_size_limit = 1181116006
mailbox_size_limit = 0
queue_minfree = 0
default_process_limit = 50
enable_long_queue_ids = yes
"""

AUTH = "-o smtpd_sasl_auth_enable=yes -o smtpd_relay_restrictions=permit_sasl_authenticated,reject"
TLS = "-o smtpd_tls_security_level=encrypt"
WRAPPED = "-o smtpd_tls_wrappermode=yes"
CLEAR = "-o smtpd_tls_security_level=none -o smtpd_tls_auth_only=no"
DOVECOT = "-o smtpd_sasl_type=dovecot -o smtpd_sasl_path=private/auth"
POOR = "-o smtpd_discard_ehlo_keywords=pipelining,chunking"
LISTENERS = {
    "plain": "", "plain_auth": f"{CLEAR} {AUTH}",
    "starttls": f"{TLS} {AUTH}", "smtps": f"{TLS} {WRAPPED} {AUTH}",
    "dovecot_starttls": f"{TLS} {AUTH} {DOVECOT}", "dovecot_smtps": f"{TLS} {WRAPPED} {AUTH} {DOVECOT}",
    "ascii": "-o smtpd_discard_ehlo_keywords=8bitmime,smtputf8",
    "poor_plain": POOR, "poor_starttls": f"{TLS} {AUTH} {POOR}", "poor_smtps": f"{TLS} {WRAPPED} {AUTH} {POOR}",
}

MASTER = """
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
capture   unix  - n n - 4 pipe
  user=capture null_sender= argv=/capture.sh sasl_method=${sasl_method},sasl_username=${sasl_username}
  ${sender} ${recipient}
"""

DOVECOT_CONF = """
protocols =
base_dir = /run/dovecot
state_dir = /run/dovecot-state
log_path = /var/log/dovecot.log
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
auth_failure_delay = 0
default_internal_user = dovecot
default_login_user = dovenull
default_internal_group = dovecot
passdb {
  driver = passwd-file
  args = username_format=%u /etc/dovecot/users
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=/
}
# No waiting after refused logins.
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
"""


def make_spool(jail):
    """The folders that Postfix's packages make when they are installed."""
    postfix, postdrop = USERS["postfix"], USERS["postdrop"]
    spool = "var/spool/postfix"
    jail.directory(spool)
    for queue in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
                  "saved", "trace"):
        jail.directory(f"{spool}/{queue}", 0o700, postfix)
    jail.directory(f"{spool}/pid")
    jail.directory(f"{spool}/public", 0o710, postfix, postdrop)
    jail.directory(f"{spool}/maildrop", 0o730, postfix, postdrop)
    jail.directory("var/lib/postfix", 0o755, postfix)


class Postfix(Jail):
    name = "postfix"
    listeners = tuple(LISTENERS)

    def __init__(self, pki, users=None, settings=""):
        """`settings`: more lines for main.cf."""
        super().__init__(pki, users)
        self.settings = settings

    def configure(self):
        make_spool(self)
        self.put_certificate(self.pki.server)
        self.put("etc/postfix/main.cf", MAIN + self.settings)
        smtpd = "".join(f"127.0.0.1:{self.ports[n]} inet n - n - - smtpd {o}\n" for n, o in LISTENERS.items())
        self.put("etc/postfix/master.cf", smtpd + MASTER)
        self.put("etc/postfix/recipients",
                 "/^refused/ 550 5.1.1 No such user here\n/^later/ 450 4.2.0 Try again later\n")
        self.put("etc/postfix/sasl/smtpd.conf", "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                 f"sasldb_path: /etc/sasldb2\nmech_list: {MECHANISMS}\n")
        for user, password in self.users.items():
            local, _, realm = user.partition("@")
            self.run("/usr/sbin/saslpasswd2", "-c", "-p", "-f", "/etc/sasldb2", "-u", realm, local,
                     data=password.encode())
        self.put("etc/sasldb2", (self.root / "etc/sasldb2").read_bytes(), 0o600, USERS["postfix"])
        self.put("etc/dovecot/dovecot.conf", DOVECOT_CONF)
        self.put("etc/dovecot/users", "".join(f"{u}:{{PLAIN}}{p}\n" for u, p in self.users.items()), 0o600,
                 USERS["dovecot"])

    def commands(self):
        return [["/usr/sbin/dovecot", "-F", "-c", "/etc/dovecot/dovecot.conf"],
                ["/usr/lib/postfix/sbin/master", "-s"]]
