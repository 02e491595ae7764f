"""Exim in a jail, as a submission server.

Owns: its configuration. Ports, all on 127.0.0.1: plain (no AUTH asked), starttls and smtps (AUTH required). Mechanisms:
PLAIN LOGIN CRAM-MD5. Recipients refused* get 550, later* get 450. Every message is delivered once, with all its
recipients.
"""
from .jail import USERS, Jail

CONFIG = """
primary_hostname = mail.test
smtp_accept_queue_per_connection = 0
domainlist local_domains =
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt
exim_user = Debian-exim
exim_group = Debian-exim
never_users =
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
log_selector = +smtp_protocol_error +smtp_syntax_error +tls_cipher
local_interfaces = {interfaces}
tls_on_connect_ports = {smtps}
tls_advertise_hosts = *
tls_certificate = /etc/tls/chain.pem
tls_privatekey = /etc/tls/key.pem
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
dsn_advertise_hosts = *
message_size_limit = 1100M
recipients_max = 20000
remote_max_parallel = 1
smtp_accept_max = 100
check_spool_space = 0
host_lookup =
rfc1413_hosts =
allow_utf8_domains
qualify_domain = mail.test

begin acl
check_mail:
  accept condition = ${{if eq{{$received_port}}{{{plain}}}}}
  deny !authenticated = *
       message = 5.7.0 Authentication required
  accept
check_rcpt:
  deny local_parts = ^refused
       message = 5.1.1 No such user here
  defer local_parts = ^later
       message = 4.2.0 Try again later
  accept

begin routers
capture:
  driver = accept
  transport = capture

begin transports
capture:
  driver = pipe
  command = /exim-capture.sh $pipe_addresses
  environment = AUTH=$authenticated_id
  batch_max = 20000
  user = capture
  group = capture
  home_directory = /
  message_prefix =
  message_suffix =
  use_shell = false
  return_fail_output

begin retry
* * F,1h,1s

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = {plain_ok}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = {login_ok}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{lookup{{$auth1}}lsearch{{/etc/exim4/users}}{{$value}}fail}}
  server_set_id = $auth1
"""
KNOWN = "${if and{{!eq{USER}{}} {eq{PASSWORD}{${lookup{USER}lsearch{/etc/exim4/users}}}}}}"
# Exim lets nothing that came from outside into a command line, but gives the sender in the environment.
WRAPPER = """#!/bin/dash
exec /capture.sh "sasl_username=$AUTH" "$SENDER" "$@"
"""


class Exim(Jail):
    name = "exim"
    listeners = ("plain", "starttls", "smtps")

    def configure(self):
        exim = USERS["Debian-exim"]
        self.directory("var/spool/exim4", 0o750, exim)
        self.directory("var/log/exim4", 0o755, exim)
        self.put_certificate(self.pki.server, owner=exim)
        self.put("exim-capture.sh", WRAPPER, 0o755)
        interfaces = " : ".join(f"127.0.0.1.{p}" for p in self.ports.values())
        self.put("etc/exim4/exim4.conf", CONFIG.format(
            interfaces=interfaces, **self.ports,
            plain_ok=KNOWN.replace("USER", "$auth2").replace("PASSWORD", "$auth3"),
            login_ok=KNOWN.replace("USER", "$auth1").replace("PASSWORD", "$auth2")))
        self.put("etc/exim4/users", "".join(f"{u}: {p}\n" for u, p in self.users.items()), 0o600, exim)

    def commands(self):
        return [["/usr/sbin/exim4", "-bdf", "-q1m"]]
