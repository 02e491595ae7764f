"""relay import as a command: what it finds, what it prints where, --write, and the exit status."""
import os
import stat
import subprocess

import pytest

MAIN = """relayhost = [smtp.isp.test]:587
mydestination =
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd
smtp_tls_security_level = may
smtpd_banner = x
what_is_this = y
"""
POSTFIX = {"etc/postfix/main.cf": MAIN, "etc/postfix/sasl_passwd": "[smtp.isp.test]:587 me:very secret\n"}


@pytest.fixture
def run_import(relay_for_all, public):
    """run_import(args, files): files below ROOT, called as a user who is not root; ROOT/home is the home."""
    root = public / "root"
    link = public / "relay"
    link.symlink_to(relay_for_all)

    def run(args, files=None, uid=65534):
        for name, text in (files or {}).items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (root / "home").mkdir(parents=True, exist_ok=True)
        os.chown(root / "home", 65534, 65534)
        kept = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
        kept["ASAN_OPTIONS"] = "intercept_tls_get_addr=0:" + kept.get("ASAN_OPTIONS", "")
        return subprocess.run([link, "import", *args], capture_output=True, text=True, user=uid, group=uid,
                              extra_groups=[], timeout=60, env=kept | {"HOME": str(root / "home")}, cwd="/")
    run.root = root
    return run


def test_prints_relayrc_and_lines(run_import):
    done = run_import(["--root", run_import.root], POSTFIX)
    assert done.returncode == 0
    assert "host smtp.isp.test\nport 587\nuser me\npassword very secret\ntls_starttls on\n" in done.stdout
    lines = done.stderr.splitlines()
    assert lines[0] == "relay import: found postfix"
    assert any("main.cf:5: smtp_tls_security_level: changed: " in line for line in lines)
    assert "relay import: /etc/postfix/main.cf:7: what_is_this: not carried over: relay does not know this setting" \
        in lines
    assert "relay import: not needed here: smtpd_banner" in lines
    assert "secret" not in done.stderr


def test_write(run_import):
    written = run_import.root / "home/.relayrc"
    done = run_import(["--write", "--root", run_import.root, "postfix"], POSTFIX)
    assert (done.returncode, done.stdout) == (0, "")
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert "password very secret\n" in written.read_text()
    written.write_text("mine\n")
    again = run_import(["--write", "--root", run_import.root, "postfix"])
    assert (again.returncode, written.read_text()) == (73, "mine\n")
    assert "never overwritten" in again.stderr


def test_write_never_hides_the_other_relayrc(run_import):
    run_import(["help"], POSTFIX | {"home/.config/relay/relayrc": "mine\n"})
    done = run_import(["--write", "--root", run_import.root, "postfix"])
    assert done.returncode == 73
    assert "/home/.config/relay/relayrc: there is one already; " in done.stderr
    assert not (run_import.root / "home/.relayrc").exists()


def test_write_never_follows_a_link(run_import):
    run_import(["help"], POSTFIX)
    target = run_import.root / "home/target"
    (run_import.root / "home/.relayrc").symlink_to(target)
    assert run_import(["--write", "--root", run_import.root, "postfix"]).returncode == 73
    assert not target.exists()


def test_closed_password_file(run_import):
    run_import(["help"], POSTFIX)
    (run_import.root / "etc/postfix/sasl_passwd").chmod(0o600)
    done = run_import(["--write", "--root", run_import.root, "postfix"])
    assert done.returncode == 78
    assert "/etc/postfix/sasl_passwd: cannot be read by this user; run this as root" in done.stderr
    assert "the login for [smtp.isp.test]:587 could not be read" in done.stderr
    assert not (run_import.root / "home/.relayrc").exists()
    assert "# This file is not complete:" in run_import(["--root", run_import.root, "postfix"]).stdout


@pytest.mark.parametrize("args, files, status, line", [
    ([], {}, 66, "found no configuration of postfix, msmtp, ssmtp"),
    ([], POSTFIX | {"etc/ssmtp/ssmtp.conf": ""}, 64, "found several: postfix, ssmtp; name one: relay import NAME"),
    (["exim"], {}, 64, "exim: unknown program; there are: postfix, msmtp, ssmtp, nullmailer, dma, esmtp"),
    (["postfix"], {}, 66, "postfix: found no configuration of it (/etc/postfix/main.cf)"),
    (["postfix", "/no/main.cf"], {}, 66, "/no/main.cf: No such file or directory"),
    (["postfix", "a", "b"], {}, 64, "usage: relay import"),
    (["--wrong"], {}, 64, "--wrong: no such option here"),
    (["postfix"], {"etc/postfix/main.cf": "mydestination =\n"}, 78, "no server: Postfix sends to each"),
    (["postfix"], {"etc/postfix/main.cf": "a = b\0\n"}, 78, "/etc/postfix/main.cf: not a text file (a NUL byte)"),
    (["dma", "/etc/dma"], {"etc/dma/dma.conf": "SMARTHOST h.test\nNULLCLIENT\n"}, 0, "settings: 2 carried over"),
])
def test_exit_status(run_import, args, files, status, line):
    done = run_import(["--root", run_import.root, *args], files)
    assert done.returncode == status, done.stderr
    assert line in done.stderr


def test_spares_and_routes_are_written(run_import):
    files = POSTFIX | {"etc/postfix/main.cf": MAIN + "smtp_fallback_relay = [spare.test]:587\n"
                       "transport_maps = hash:/etc/postfix/transport\n",
                       "etc/postfix/transport": ".x.test smtp:[y.test]\n"}
    done = run_import(["--write", "--root", run_import.root, "postfix"], files)
    assert done.returncode == 0, done.stderr
    text = (run_import.root / "home/.relayrc").read_text()
    assert "\nfallback spare.test\n" in text and "\nto *@*.x.test\n" in text


@pytest.mark.parametrize("servers", [500, 10000])
def test_ten_thousand_transports_in_a_second(run_import, servers):
    """Each server with a login of its own."""
    lines = "".join(f"d{i}.test smtp:[h{i % servers}.test]:587\n" for i in range(10000))
    logins = "".join(f"[h{i}.test]:587 u{i}:p{i}\n" for i in range(servers))
    files = POSTFIX | {"etc/postfix/main.cf": MAIN + "transport_maps = hash:/etc/postfix/transport\n"
                       "smtp_sasl_password_maps = hash:/etc/postfix/logins\n",
                       "etc/postfix/transport": lines, "etc/postfix/logins": logins}
    run_import(["help"], files)
    before = os.times()
    done = run_import(["--root", run_import.root, "postfix"])
    after = os.times()
    assert done.stdout.count("*@d") == 10000 and done.stdout.count("\nuser u") == servers
    assert "too many" not in done.stderr
    # Processor time: others may be busy on this machine.
    assert after.children_user + after.children_system - before.children_user - before.children_system < 1
