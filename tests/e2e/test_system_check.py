"""relay check, relay route and sendmail -P in the machine's mail: as root, and for users without an account of their own."""
import json
import os

import pytest

from lib.machine import DOWN, USERS, machine     # noqa: F401

OWN = "# You have no account of your own: your mail goes through the service of the machine.\n"
WORK = "account work\nhost 127.0.0.1\nport 9\ntls off\nauth off\nfrom alice@work.test\n"
START = "systemctl start relay-submit.socket"


def relay(here, *args, user="alice"):
    return here.run(args, user=user, name="relay")


@pytest.fixture
def here(machine):
    return machine(more="system_mail admin@mail.test\n")


def test_a_user_whose_mail_goes_through_the_service(here):
    here.serve()
    done = relay(here, "check")
    assert (done.rc, done.out, done.err) == (0, OWN, "")
    assert json.loads(relay(here, "check", "--json").out) == {"accounts": [], "findings": []}


def test_a_user_whose_mail_goes_nowhere(here):
    done = relay(here, "check")
    assert done.rc == 78 and done.out == OWN and done.err.count("\n") == 1
    assert "error: the service of the machine, which your mail goes through, does not answer: " in done.err and START in done.err
    here.serve()
    here.stop()         # the socket's file stays
    assert "Connection refused" in relay(here, "check").err and relay(here, "check", "--offline").rc == 0


def test_a_service_that_is_full_is_not_one_to_start(here):
    here.serve(most=0)
    full = "the service of the machine hung up: perhaps it is full; try again later\n"
    for done, status in [(relay(here, "check"), 78), (here.run([], name="mailq"), 75)]:
        assert done.rc == status and done.err.endswith(full) and done.err.count("\n") == 1 and START not in done.err


def test_a_user_from_whom_the_service_takes_nothing(here):
    here.serve()
    for rc, reply in [("hots mail.test\n", "451 4.3.5 the configuration of the machine is wrong; root sees it with relay check"),
                      (DOWN + "authorized_submit_users !alice static:all\n", "554 5.7.1 user alice may not send mail here (authorized_submit_users)")]:
        here.configure(rc)
        done = relay(here, "check")
        assert (done.rc, done.out) == (78, OWN)
        assert done.err == f"relay check: error: the service of the machine, which your mail goes through, would not take it: /run/relay/submit: {reply}\n"
        assert relay(here, "check", "--offline").rc == 0
    assert here.queue.places() == {}


def test_root_hears_that_the_service_has_no_configuration(here):
    here.serve()
    (here.root / "etc/relayrc").unlink()
    done = relay(here, "check", user="root")
    assert (done.rc, done.out) == (1, OWN)
    assert done.err.startswith("relay check: warning: there is no /etc/relayrc, ") and done.err.count("\n") == 1


def test_a_user_with_accounts_for_some_of_it(here):
    here.put("home/alice/.relayrc", WORK, owner="alice", mode=0o600)
    done = relay(here, "check")
    assert done.rc == 1 and "warning: the service of the machine" in done.err and "no account default" not in done.err
    here.serve()
    done = relay(here, "check")
    assert (done.rc, done.err) == (0, "")


def test_root_hears_that_users_cannot_send(here):
    done = relay(here, "check", "--offline", user="root")
    assert done.rc == 1 and done.err.count("\n") == 1
    assert "users without an account of their own cannot send: " in done.err and "systemctl enable --now relay-submit.socket" in done.err
    here.serve()
    done = relay(here, "check", user="root")
    assert (done.rc, done.err) == (0, "") and "# /etc/relayrc:" in done.out


@pytest.mark.parametrize("mode, why", [(0o600, "the user relay may not read it; run: "), (0o644, "the file can be read by others; run: ")])
def test_what_root_is_told_to_do_makes_the_file_right(machine, mode, why):
    here = machine(more="password x\n")
    file = here.configure(here.rc, group="root", mode=mode)
    done = relay(here, "check", user="root")
    assert done.rc == 78 and done.err.endswith(why + "chown root:relay /etc/relayrc && chmod 640 /etc/relayrc\n"), done.err
    os.chown(file, 0, USERS["relay"])
    file.chmod(0o640)
    assert relay(here, "check", "--offline", user="root").rc == 1


@pytest.mark.parametrize("mode, why", [(0o600, "Permission denied for the user relay: "), (0o644, "others can use it (mode 0644): ")])
def test_what_root_is_told_to_do_makes_the_password_file_right(machine, mode, why):
    here = machine(more="auth plain\nauth_cleartext on\nuser x\npassword_file /etc/password\n")
    file = here.put("etc/password", "x\n", mode=mode)
    done = relay(here, "check", "--offline", user="root")
    assert done.rc == 78 and f"/etc/password: {why}chown root:relay /etc/password && chmod 640 /etc/password; " in done.err
    os.chown(file, 0, USERS["relay"])
    file.chmod(0o640)
    assert relay(here, "check", "--offline", user="root").rc == 1


def test_where_there_is_no_user_relay_there_is_no_service(machine):
    done = relay(machine(more="system_mail admin@mail.test\n", relay_user=False), "check", user="root")
    assert (done.rc, done.err) == (0, "")


def test_route_and_settings_of_such_a_user(here):
    done = relay(here, "route", "root")
    assert done.rc == 78 and START in done.err and done.out == ""
    here.serve()
    done = relay(here, "route", "root")
    assert (done.rc, done.err) == (0, "")
    assert done.out.startswith("root\n  account   the machine's, by /run/relay/submit: ") and "  sender    <alice>\n" in done.out
    done = here.run(["-P"])
    assert done.rc == 78 and "you have no account of your own: your mail goes through the service" in done.err
    assert "<admin@mail.test>" not in done.out and relay(here, "route", "root", user="root").out.startswith("admin@mail.test, for root\n")


def test_mailq_says_what_to_start(here):
    done = here.run([], name="mailq")
    assert done.rc == 78 and START in done.err and done.err.count("\n") == 1
    here.serve()
    here.stop()
    done = here.run([], name="mailq")
    assert done.rc == 75 and START in done.err


@pytest.mark.parametrize("has_user", [True, False], ids=["relay", "no-relay"])
def test_import_write_makes_a_file_for_the_user_relay(machine, has_user):
    here = machine(relay_user=has_user)
    (here.root / "etc/relayrc").unlink()
    here.put("etc/postfix/main.cf", "relayhost = [mail.test]:587\nmydestination =\nauthorized_submit_users = !bob, static:all\n")
    done = relay(here, "import", "--write", user="root")
    assert done.rc == 0, done.err
    st = (here.root / "etc/relayrc").stat()
    assert (st.st_uid, st.st_gid, st.st_mode & 0o777) == ((0, USERS["relay"], 0o640) if has_user else (0, 0, 0o600))
    assert relay(here, "check", "--offline", user="root").rc in (0, 1)
    if has_user:
        here.serve()
        done = here.run(["-odq", "b@far.test"], b"\nhi\n", user="bob")
        assert done.rc == 69 and "554 5.7.1 user bob may not send mail here (authorized_submit_users)" in done.err
        assert here.run(["-odq", "b@far.test"], b"\nhi\n", user="alice").rc == 0
