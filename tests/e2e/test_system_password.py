"""`relay password` as root, for the machine: the file is root's, the user `relay` can read it, and nobody else."""
import os
import stat

import pytest

from lib.machine import USERS, machine     # noqa: F401

SECRET = "xyzzy-Plugh-9"
LOGIN = "auth plain\nauth_cleartext on\nuser user@mail.test\n"
FILE = "/etc/relay/default.password"
LETTER = b"To: b@far.test\nSubject: x\n\nhi\n"


def password(here, *args, user="root", status=0):
    done = here.run(["password", *args], f"{SECRET}\n".encode(), user=user, name="relay")
    assert done.rc == status and SECRET not in done.out + done.err, done.err
    return done


def with_login(here, more=""):
    text = (here.root / "etc/relayrc").read_text()
    here.configure(text.replace("auth off\n", LOGIN) + more)
    return here


def look(path):
    st = path.stat()
    return st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_where_the_user_relay_finds_it_and_nobody_else(machine, scripted, umask):
    server = scripted(auth=["PLAIN"], users={"user@mail.test": SECRET})
    here = with_login(machine(server))
    done = here.run(["password", "set"], f"{SECRET}\n".encode(), user="root", name="relay", more=lambda: os.umask(umask))
    assert (done.rc, done.err) == (0, "")
    assert done.out.splitlines() == [f"the password is in a file that only root and the user relay can read: {FILE}",
                                     "add this line to account default in /etc/relayrc:", f"password_file {FILE}"]
    assert look(here.root / FILE[1:]) == (0, USERS["relay"], 0o640) and not (here.root / "root/.config").exists()
    with_login(here, done.out.splitlines()[-1] + "\n")
    assert "comes from password_file, /etc/relayrc:" in password(here, "test").out
    here.serve()
    for user in "root", "alice":
        assert here.run(["-t"], LETTER, user=user).err == ""
    assert len(server.settle().messages) == 2
    # A new one goes to the same place, and looks the same.
    assert "is in its password_file" in password(here, "set").out
    assert look(here.root / FILE[1:]) == (0, USERS["relay"], 0o640)
    assert password(here, "forget").out.splitlines()[0] == f"removed: {FILE}"
    assert not (here.root / FILE[1:]).exists()


def test_a_password_file_that_is_named_and_not_there_yet(machine):
    here = with_login(machine(), "password_file /etc/mail.password\n")
    password(here, "set")
    assert look(here.root / "etc/mail.password") == (0, USERS["relay"], 0o640)


def test_the_usual_file_can_be_named_before_its_folder_is_there(machine):
    here = with_login(machine(), f"password_file {FILE}\n")
    password(here, "set")
    assert look(here.root / FILE[1:]) == (0, USERS["relay"], 0o640) and "password_file" in password(here, "test").out


@pytest.mark.parametrize("owner, mode, after", [("root", 0o600, ("root", 0o640)), ("relay", 0o600, ("relay", 0o600))])
def test_one_that_is_there_can_be_read_by_the_user_relay_after_that(machine, owner, mode, after):
    here = with_login(machine(), "password_file /etc/mail.password\n")
    here.put("etc/mail.password", "old\n", owner=owner, mode=mode)
    password(here, "set")
    uid, gid, now = look(here.root / "etc/mail.password")
    assert (uid, now) == (USERS[after[0]], after[1]) and gid == USERS["relay"]
    assert "comes from password_file" in password(here, "test").out


def test_test_looks_as_the_user_relay(machine):
    here = with_login(machine(), "password_file /etc/mail.password\n")
    here.put("etc/mail.password", "x\n", mode=0o600)
    assert "/etc/mail.password: Permission denied" in password(here, "test", status=75).err


def test_without_a_user_relay_it_is_roots(machine):
    here = with_login_of_root(machine(relay_user=False))
    assert "that only root can read" in password(here, "set").out
    assert look(here.root / FILE[1:])[0::2] == (0, 0o600)


def with_login_of_root(here):
    text = (here.root / "etc/relayrc").read_text()
    here.put("etc/relayrc", text.replace("auth off\n", LOGIN), mode=0o600)
    return here


def test_roots_own_account_keeps_its_password_in_roots_home(machine):
    here = with_login(machine())
    here.put("root/.relayrc", (here.root / "etc/relayrc").read_text(), mode=0o600)
    assert "/root/.config/relay/default.password" in password(here, "set").out
    assert not (here.root / "etc/relay").exists()


@pytest.mark.parametrize("command", ["set", "test", "forget"])
def test_users_have_none(machine, command):
    here = with_login(machine())
    done = password(here, command, user="alice", status=78)
    assert "you have no account of your own: your mail goes through the service of the machine" in done.err
    assert not (here.root / "home/alice/.config").exists()


def test_the_user_relay_cannot_write_it(machine):
    here = with_login(machine())
    assert "cannot make the folder /etc/relay: Permission denied" in password(here, "set", user="relay", status=75).err
