"""A web server's PHP: Debian's FPM and its pool of www-data, with the settings they come with."""
import re
import socket
import struct

from lib.machine import short
from private_root import check_strict
from shared_root import JOE, SENDER, Shared, check_both

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
POOL = "etc/php/8.2/fpm/pool.d/www.conf"


class ROOT(Shared):
    name = "php"

    def prepare(self):
        super().prepare()
        self._link("usr/sbin/php-fpm", "php-fpm8.2")
        self.directory("run/php")
        # No zones of time are here.
        self.put(POOL, (self.root / POOL).read_text() + "php_admin_value[error_log] = /var/log/php.log\n")

    def commands(self):
        return [["/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "/usr/sbin/php-fpm", "--nodaemonize", "--fpm-config",
                 "/etc/php/8.2/fpm/php-fpm.conf"]]


def _record(kind, content=b""):
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def page(root, code):
    """What a page says that is this code."""
    root.put("var/www/page.php", f"<?php {code}")
    pairs = {"SCRIPT_FILENAME": "/var/www/page.php", "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/page.php", "SERVER_NAME": "www.mail.test"}
    params = b"".join(bytes([len(k), len(v)]) + k.encode() + v.encode() for k, v in pairs.items())
    with socket.socket(socket.AF_UNIX) as client, short(root.root / "run/php/php8.2-fpm.sock") as name:
        client.settimeout(30)
        root.until(lambda: client.connect_ex(name) == 0)
        client.sendall(_record(BEGIN, struct.pack("!HB5x", 1, 0)) + _record(PARAMS, params) + _record(PARAMS) + _record(STDIN))
        said, kind = b"", None
        with client.makefile("rb") as stream:
            while kind != END:
                _, kind, _, size, padding = struct.unpack("!BBHHBx", stream.read(8))
                content = stream.read(size + padding)[:size]
                said += content if kind == STDOUT else b""
    return said.partition(b"\r\n\r\n")[2].decode()


def mail(root, *args):
    words = ", ".join(f"'{arg}'" for arg in args)
    return page(root, f"echo mail({words}) ? 'sent' : 'not sent';")


def test_a_page_sends(root):
    def send(to):
        assert mail(root, to, "Größe", "Grüße\n.\n") == "sent"
    call, arrived = check_both(root, "www-data", send, "www-data on ")
    assert arrived.field("Subject") == "Größe" and call.argv == ["/usr/sbin/sendmail", "-t", "-i"]


def test_a_page_cannot_be_somebody_else(root):
    assert mail(root, JOE, "x", "hi", "From: root@localhost", "-froot") == "not sent"
    assert root.waiting() == [] and root.server.messages() == []
    root.forget()
    assert mail(root, JOE, "x", "hi", "From: Root <root>\r\nSender: alice") == "sent"
    _, arrived = root.sent()
    check_strict(arrived)
    assert arrived.address("From")[1] == SENDER and not re.search(rb"(?m)^(From|Sender):.*(root|alice)@", arrived.data)


def test_a_page_reads_neither_password_nor_queue(root):
    for path in "/etc/relayrc", "/var/spool/relay", "/var/spool/relay/deferred":
        assert page(root, f"echo is_readable('{path}') ? 'yes' : 'no';") == "no", path
