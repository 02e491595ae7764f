"""Mail to names of this machine: aliases(5), system_mail, newaliases; and what delivery reports call the recipient."""
import os
import re
import time
import socket
import subprocess

import pytest

ADMIN = "me@example.org"
ANY = b"Subject: x\n\ntext\n"


def recipients(result):
    """Whom the server got it for, after a silent success."""
    done, server = result
    assert (done.rc, done.err, done.out) == (0, "", "")
    [got] = server.messages
    return got.recipients


# -- system_mail ------------------------------------------------------------------------------------------------------

OWN = ["root", "root@localhost", "root@localhost.localdomain", "postmaster", "anybody", "Root", "root@[127.0.0.1]",
       "root@" + socket.gethostname(), "root@" + socket.getfqdn(), "Cron Daemon <root>", "root (the boss)"]


@pytest.mark.parametrize("name", OWN)
def test_local_names_reach_system_mail(submit, name):
    assert recipients(submit([name], ANY, {"system_mail": ADMIN})) == [ADMIN]


@pytest.mark.parametrize("name", OWN)
def test_local_names_of_the_header_reach_system_mail(submit, name):
    assert recipients(submit(["-t"], f"To: {name}\n\nx\n".encode(), {"system_mail": ADMIN})) == [ADMIN]


def test_all_local_names_together_are_one_recipient(submit):
    got = recipients(submit([",".join(OWN), "you@y.test", ADMIN], ANY, {"system_mail": ADMIN}))
    assert got == [ADMIN, "you@y.test"]


def test_other_names_do_not(submit):
    names = ["root@x.test", "root@mail.test", f"root@{socket.gethostname()}.x.test"]
    assert recipients(submit(names, ANY, {"system_mail": ADMIN})) == names


def test_the_account_decides(submit):
    """The domain of one's own address is not local, whatever the machine is called."""
    settings = {"from": f"me@{socket.gethostname()}.test", "system_mail": ADMIN}
    name = f"joe@{socket.gethostname()}.test"
    assert recipients(submit([name], ANY, settings)) == [name]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give the machine another name")
@pytest.mark.parametrize("host,hosts,name,expected", [
    ("box", "127.0.1.1 box.home.test box", "root@box.home.test", ADMIN),
    ("box", "127.0.1.1 box.home.test box", "root@box", ADMIN),
    ("box", "127.0.1.1 box.home.test box", "root@home.test", "root@home.test"),
    ("box", "127.0.1.1 box.home.test box", "root@box.other.test", "root@box.other.test"),
    ("box.home.test", "", "root@box.home.test", ADMIN),
    ("box.home.test", "", "root@box", ADMIN),
    ("example.org", "", "joe@example.org", "joe@example.org"),
    ("example.org", "", "root", ADMIN),
])
def test_every_name_of_the_machine(tmp_path, run_sendmail, scripted, relayrc, host, hosts, name, expected):
    server = scripted()
    (tmp_path / "hosts").write_text(f"127.0.0.1 localhost\n{hosts}\n")
    script = 'mount --bind hosts /etc/hosts && hostname "$0" && exec "$@"'
    try:
        subprocess.run(["unshare", "-um", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("cannot give the machine another name")
    done = run_sendmail([name], ANY, relayrc(server, system_mail=ADMIN),
                        under=["unshare", "-um", "sh", "-c", script, host])
    assert (done.rc, done.err) == (0, "")
    assert [m.recipients for m in server.settle().messages] == [[expected]]


# -- aliases ----------------------------------------------------------------------------------------------------------

ALIASES = """# Everybody
postmaster: root
root: admin@y.test, \\root
list: :include:{dir}/list
joe: joe@y.test,
  "joe the second"@y.test
staff: joe, list, \\
ann@y.test
run: "|/usr/bin/run -x", b@y.test
keep: /var/mail/keep
only: |/usr/bin/run
lost: :include:{dir}/nothing, c@y.test
loop: ring
ring: loop
"""


@pytest.fixture
def aliases(tmp_path):
    (tmp_path / "aliases").write_text(ALIASES.format(dir=tmp_path))
    (tmp_path / "list").write_text("# readers\nl1@y.test\nl2@y.test, L Three <l3@y.test>\n\njoe\n")
    return {"aliases": tmp_path / "aliases", "system_mail": ADMIN}


@pytest.mark.parametrize("args,expected", [
    (["postmaster"], ["admin@y.test", ADMIN]),
    (["Postmaster@localhost"], ["admin@y.test", ADMIN]),
    (["list"], ["l1@y.test", "l2@y.test", "l3@y.test", "joe@y.test", '"joe the second"@y.test']),
    (["staff"], ["joe@y.test", '"joe the second"@y.test', "l1@y.test", "l2@y.test", "l3@y.test", "ann@y.test"]),
    (["nobody", "joe,a@y.test"], [ADMIN, "joe@y.test", '"joe the second"@y.test', "a@y.test"]),
])
def test_aliases_come_before_system_mail(submit, aliases, args, expected):
    assert recipients(submit(args, ANY, aliases)) == expected


@pytest.mark.parametrize("args,expected,told", [
    (["run"], ["b@y.test"], [r'aliases:9: run: no mail goes to "\|/usr/bin/run -x": this is a command']),
    (["keep", "a@y.test"], ["a@y.test"], ["aliases:10: keep: .*file"]),
    (["lost"], ["c@y.test"], ["aliases:12: lost: :include:: cannot open .*/nothing: No such file"]),
    (["run", "lost"], ["b@y.test", "c@y.test"], ["aliases:9: ", "aliases:12: "]),
])
@pytest.mark.parametrize("mode", [[], ["-oem"], ["-oee"], ["-oeq"]])
def test_the_rest_is_delivered(submit, aliases, args, expected, told, mode):
    """Without a queue there is no report, whatever the mode."""
    done, server = submit([*mode, *args], ANY, aliases)
    assert done.rc == 78 and [m.recipients for m in server.messages] == [expected]
    told = [] if mode == ["-oeq"] else told
    assert len(done.err.splitlines()) == len(told)
    for line, pattern in zip(done.err.splitlines(), told):
        assert re.search(pattern, line)


@pytest.mark.parametrize("name,told", [("only", "aliases:11: only: no mail goes to"), ("keep", "aliases:10: keep")])
def test_nothing_is_sent_when_nobody_is_left(submit, aliases, name, told):
    done, server = submit([name], ANY, aliases)
    assert done.rc == 78 and server.connections == []
    assert told in done.err and done.err.count("\n") == 1


def test_a_queued_message_says_so_too(run_sendmail, relayrc, aliases, tmp_path):
    rc = relayrc(host="mail.test", queue="on", queue_directory=tmp_path / "queue", logfile=tmp_path / "log", **aliases)
    done = run_sendmail(["-odq", "run"], ANY, rc)
    assert done.rc == 78 and "aliases:9: run:" in done.err
    assert "b@y.test" in run_sendmail(["-bp"], rc=rc).out
    assert "aliases:9: run: no mail goes to" in (tmp_path / "log").read_text()


def test_in_the_background_too(run_sendmail, scripted, relayrc, aliases, tmp_path):
    server = scripted()
    rc = relayrc(server, queue="on", queue_directory=tmp_path / "queue", **aliases)
    done = run_sendmail(["-odb", "run"], ANY, rc)
    assert done.rc == 78 and "aliases:9: run:" in done.err
    deadline = time.monotonic() + 10
    while "empty" not in run_sendmail(["-bp"], rc=rc).out and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [m.recipients for m in server.settle().messages] == [["b@y.test"]]


def test_bv_shows_who_gets_it(run_sendmail, relayrc, aliases):
    done = run_sendmail(["-bv", "run", "root@localhost"], rc=relayrc(host="mail.test", **aliases))
    assert done.rc == 78 and "aliases:9: run:" in done.err
    assert done.out.splitlines()[2:5] == ["recipient: <b@y.test>", "recipient: <admin@y.test>",
                                          f"recipient: <{ADMIN}>"]


@pytest.mark.parametrize("what", ["missing", "a folder", "too large"])
def test_a_file_that_cannot_be_read_stops_only_mail_to_local_names(submit, tmp_path, what):
    """And with somebody who reads local mail not even that."""
    file = tmp_path / "nothing"
    if what == "a folder":
        file.mkdir()
    elif what == "too large":
        file.write_text("a: b@x\n" * 200_000)
    settings = {"aliases": file}
    assert recipients(submit(["a@y.test"], ANY, settings)) == ["a@y.test"]
    done, server = submit(["root"], ANY, settings)
    assert done.rc == 78 and str(file) in done.err and done.err.count("\n") == 1 and server.connections == []
    done, server = submit(["root"], ANY, settings | {"system_mail": ADMIN})
    assert done.rc == 0 and [m.recipients for m in server.messages] == [[ADMIN]]
    assert f"mail to local names goes to {ADMIN}" in done.err and str(file) in done.err and done.err.count("\n") == 1


# -- newaliases -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name,args", [("newaliases", []), ("sendmail", ["-bi"]), ("sendmail", ["-I"])])
def test_newaliases_tells_everything(run_sendmail, relayrc, aliases, tmp_path, name, args):
    with open(tmp_path / "aliases", "a") as file:
        file.write("bad\nroot: x@y.test\n")
    done = run_sendmail(args, rc=relayrc(host="mail.test", **aliases), name=name)
    lines = [re.sub(rf"^{name}: {tmp_path}/aliases:?", "", line) for line in done.err.splitlines()]
    assert done.rc == 78 and done.out == ""
    assert sorted(int(line.split(":")[0]) for line in lines[:-1]) == [9, 10, 11, 12, 13, 15, 16]
    assert lines[-1] == " 3 mistakes"


def test_newaliases_is_content(run_sendmail, relayrc, tmp_path):
    (tmp_path / "aliases").write_text("root: me@x.test\njoe: root\n")
    done = run_sendmail([], rc=relayrc(host="mail.test", aliases=tmp_path / "aliases"), name="newaliases")
    assert (done.rc, done.err) == (0, "")
    assert done.out == f"{tmp_path}/aliases: 2 aliases, no mistakes\n"


def test_newaliases_fails_for_mistakes_alone(run_sendmail, relayrc, tmp_path):
    """Packages call it when they are installed: what is no mistake must not stop that."""
    file = tmp_path / "aliases"
    file.write_text("list: |/usr/bin/run\nbox: /var/mail/box\nnobody: /dev/null\n")
    done = run_sendmail([], rc=relayrc(host="mail.test", aliases=file), name="newaliases")
    assert done.rc == 0 and done.out == f"{file}: 3 aliases, no mistakes\n"
    assert [line.split(": ")[1] for line in done.err.splitlines()] == [f"{file}:1", f"{file}:2", str(file)]


@pytest.mark.skipif(os.path.exists("/etc/relayrc"), reason="this machine has a configuration")
@pytest.mark.parametrize("name,args", [("newaliases", []), ("sendmail", ["-bi"])])
def test_newaliases_without_a_configuration_is_content(run_sendmail, name, args):
    """Packages call it when they are installed, perhaps before there is one."""
    done = run_sendmail(args, name=name if args == [] else None)
    assert done.rc == 0 and done.out == "" and "no aliases file: no configuration: write " in done.err and done.err.count("\n") == 1


def test_relay_check_tells_everything(home, run_sendmail, aliases):
    home(".relayrc", "host h.test\nfrom me@h.test\n" + "".join(f"{k} {v}\n" for k, v in aliases.items()))
    done = run_sendmail(["check", "--offline"], name="relay")
    newaliases = run_sendmail([], rc="host h.test\n" + "".join(f"{k} {v}\n" for k, v in aliases.items()), name="newaliases")
    said = [line.removeprefix("newaliases: ") for line in newaliases.err.splitlines()[:-1]]
    found = [line.replace(": error: ", ": ").replace(": warning: ", ": ") for line in done.err.splitlines()]
    assert done.rc == 78 and sorted(found) == sorted(said) and ": warning: " in done.err


# -- delivery reports (RFC 3461) --------------------------------------------------------------------------------------

@pytest.mark.parametrize("settings,args,expected", [
    ({}, ["a@x.test"], {"a@x.test": "rfc822;a@x.test"}),
    ({"maildomain": "dom.test"}, ["root"], {ADMIN: "rfc822;root@dom.test"}),
    ({}, ["root@localhost"], {ADMIN: "rfc822;root@localhost"}),
    ({"maildomain": "dom.test"}, ["joe"], {"joe@y.test": "rfc822;joe@dom.test",
                                           '"joe the second"@y.test': "rfc822;joe@dom.test"}),
])
def test_reports_are_about_the_recipient_that_was_named(submit, aliases, settings, args, expected):
    aliases["aliases"].write_text(aliases["aliases"].read_text().replace("root: ", "boss: "))
    done, server = submit(["-N", "failure", *args], ANY, aliases | settings)
    assert (done.rc, done.err) == (0, "")
    [got] = server.messages
    assert dict(zip(got.recipients, (p.get("ORCPT") for p in got.rcpt_params))) == expected
