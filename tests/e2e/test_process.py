"""The program as a process: what it reads and when, descriptors, signals, temporary files, and the names it is called by.
"""
import os
import resource
import select
import signal
import subprocess
import sys
import threading

import pytest

from lib.hostile import hold, on

BODY = b"Subject: x\n\ntext\n"
LARGE = b"Subject: x\n\n" + b"A line of the message, as long as lines are.\n" * 50_000
NOBODY = 54321      # a user without a passwd entry


# -- what is read, and when -----------------------------------------------------------------------------------------

BREAKS = [[o + "x" + b + "y"] if o.startswith("--") else [o, "x" + b + "y"] if o else ["a@x.test" + b + "RCPT TO:<b@x.test>"]
          for b in ("\n", "\r", "\r\n") for o in ("", "-f", "-F", "-V", "-a", "-C", "-N", "-o", "--user=", "--domain=")]
USAGE = [[], ["-i"], ["--nosuch"], ["-Q"], ["-tQ"], ["-f"], ["-bs"], ["-bx"], ["-b"], ["-bd"], ["--tls=x"], ["--host"], *BREAKS]


@pytest.mark.parametrize("args", USAGE, ids=repr)
def test_wrong_call_ends_before_a_byte_is_read(start, relayrc, args):
    """Standard input is a pipe that nobody closes: the program must not wait for it, nor take anything out of it."""
    read_end, write_end = os.pipe()
    os.write(write_end, BODY)
    process = start(args if args in ([], ["-i"]) else [*args, "a@x.test"] if args not in (["-f"], ["--host"]) else args,
                    relayrc(host="127.0.0.1", port=9, tls="off"), stdin=read_end)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (64, b"")
    assert err.startswith(b"sendmail: ") and err.count(b"\n") == 1 and b"\r" not in err
    assert os.read(read_end, 1000) == BODY
    os.close(read_end)
    os.close(write_end)


@pytest.mark.parametrize("args", [["a@"], ["@x.test"], ["a b@x.test"], ["a@x..test"], ["<a@x.test"], ["a@x.test>"], ["a@@x.test"],
                                  ['"a@x.test'], ["a@[1.2"], ["(a@x.test"], ["<>"], ["a@x.test", "-f", "b@"],
                                  ["a@x.test, b@"], ["a@x.test\x01"], ["a\x7f@x.test"], ["a" * 2000 + "@x.test"]], ids=repr)
def test_malformed_address_sends_nothing(start, scripted, relayrc, args):
    server = scripted()
    process = start(args, relayrc(server))
    out, err = process.communicate(BODY, timeout=10)
    assert (process.returncode, out, server.connections) == (65, b"", [])
    assert err.startswith(b"sendmail: ") and err.count(b"\n") == 1 and err[:-1].decode().isprintable()


@pytest.mark.parametrize("field", ["To: a@", "To: <a@x.test", "Cc: ok@x.test, a b@x.test", 'Bcc: "a@x.test', "To: <>",
                                   "To: a@x.test\n b@x.test"], ids=repr)
def test_malformed_address_in_the_header_sends_nothing(submit, field):
    done, server = submit(["-t", "good@x.test"], field.encode() + b"\n\ntext\n")
    assert (done.rc, server.connections) == (65, [])
    assert done.err.startswith(f"sendmail: {field.partition(':')[0]}: ") and done.err.count("\n") == 1


@pytest.mark.parametrize("text", [b"", b"\n", b"Subject: x\n\nTo: a@x.test\n", b"To: nobody:;\n\n", b"Bcc:\n\n"], ids=repr)
def test_t_without_recipients(submit, text):
    done, server = submit(["-t"], text)
    assert (done.rc, server.connections, done.err.count("\n")) == (64, [], 1) and "no recipients" in done.err


def test_input_that_fails(start, scripted, relayrc, tmp_path):
    server = scripted()
    for source in (os.open("/", os.O_RDONLY), os.open(tmp_path / "new", os.O_WRONLY | os.O_CREAT)):
        process = start(["a@x.test"], relayrc(server), stdin=source)
        _, err = process.communicate(timeout=10)
        os.close(source)
        assert process.returncode == 66 and err.startswith(b"sendmail: cannot read the message: ")
    done = start(["a@x.test"], relayrc(server), preexec_fn=lambda: os.close(0))
    assert done.wait(10) == 66 and server.connections == []


def test_whole_input_is_read_before_the_network_is_touched(start, scripted, relayrc):
    """A caller that dies in the middle of a message must not have half of it sent."""
    server = scripted()
    process = start(["a@x.test"], relayrc(server))
    # More than a pipe holds: when write returns, the program is reading.
    process.stdin.write(LARGE[:300_000])
    process.stdin.flush()
    process.kill()
    assert process.wait(10) == -signal.SIGKILL and server.connections == []


# -- descriptors ----------------------------------------------------------------------------------------------------

CLOSED = [(1,), (2,), (1, 2), (0, 1, 2)]


@pytest.mark.parametrize("closed", CLOSED, ids=str)
@pytest.mark.parametrize("recipient,status", [("a@x.test", 0), ("no@x.test", 67)])
def test_closed_descriptors(start, scripted, relayrc, closed, recipient, status):
    """With -v and a log on standard output: what is meant for 1 and 2 must not go down the connection instead."""
    server = scripted(refuse={"no@x.test": "550 5.1.1 no"})
    process = start(["-v", recipient], relayrc(server, logfile="-"), preexec_fn=lambda: [os.close(fd) for fd in closed])
    process.communicate(BODY if 0 not in closed else None, timeout=10)
    if 0 in closed:
        assert process.returncode == 66
    else:
        assert process.returncode == status
        assert server.settle().violations == [] and len(server.messages) == (status == 0)


@pytest.mark.parametrize("target", ["broken pipe", "/dev/full"])
@pytest.mark.parametrize("recipient,status", [("a@x.test", 0), ("no@x.test", 67)])
def test_output_that_cannot_be_written_changes_nothing(start, scripted, relayrc, target, recipient, status):
    server = scripted(refuse={"no@x.test": "550 5.1.1 no"})
    if target == "broken pipe":
        read_end, out = os.pipe()
        os.close(read_end)
    else:
        out = os.open(target, os.O_WRONLY)
    process = start(["-v", recipient], relayrc(server, logfile="-"), stdout=out, stderr=out)
    os.close(out)
    process.communicate(BODY, timeout=10)
    assert process.returncode == status and len(server.settle().messages) == (status == 0)


def test_listing_that_cannot_be_written_is_an_error(start):
    with open("/dev/full", "wb") as full:
        process = start(["-bp"], stdout=full)
        assert process.wait(10) == 74


# -- signals --------------------------------------------------------------------------------------------------------

def block_all():
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda s: s.name)
@pytest.mark.parametrize("stage", ["input", "HANDSHAKE", "GREETING", "AUTH-END", "MAIL", "BODY"])
@pytest.mark.parametrize("prepare", [None, block_all], ids=["", "blocked"])
def test_deadly_signal(start, scripted, relayrc, number, stage, prepare):
    released = threading.Event()
    # LOGIN: not pipelined, so that the message does not go out together with it.
    server = scripted(tls="implicit", auth=["LOGIN"], rules=[on(stage, hold(released))])
    process = start(["a@x.test"], relayrc(server, user="user@mail.test", password="secret"), preexec_fn=prepare)
    if stage == "input":
        process.stdin.write(LARGE[:300_000])
        process.stdin.flush()
    else:
        process.stdin.write(BODY)
        process.stdin.close()
        process.stdin = None
        server.wait_for(stage)
    process.send_signal(number)
    assert process.wait(10) == 75
    released.set()
    err = process.stderr.read().decode()
    assert err.startswith("sendmail: ") and err.count("\n") == 1 and "signal" in err
    server.settle()
    if stage in ("MAIL", "BODY"):
        # The message was on its way, with MAIL: to say that nothing was sent would be wrong.
        assert "nothing was sent" not in err
    else:
        assert server.messages == [] and "nothing was sent" in err


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_ignored_signals_stay_ignored(start, scripted, relayrc, number):
    released = threading.Event()
    server = scripted(rules=[on("MAIL", hold(released))])
    process = start(["a@x.test"], relayrc(server), preexec_fn=lambda: signal.signal(number, signal.SIG_IGN))
    process.stdin.write(BODY)
    process.stdin.close()
    process.stdin = None
    server.wait_for("MAIL")
    process.send_signal(number)
    released.set()
    assert process.wait(10) == 0 and len(server.settle().messages) == 1


def test_ignored_sigchld_and_commands_with_usual_signals(submit, start, scripted, relayrc):
    """A caller that ignores SIGCHLD and SIGPIPE: passwordeval still works, and its pipeline ends silently."""
    server = scripted(tls="implicit", auth=["PLAIN"])

    def ignore():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    process = start(["a@x.test"], relayrc(server, user="user@mail.test", passwordeval="yes secret | head -n 1"),
                    preexec_fn=ignore, restore_signals=False)
    out, err = process.communicate(BODY, timeout=10)
    assert (process.returncode, out, err) == (0, b"", b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
def test_command_of_passwordeval_ends_with_the_program(start, relayrc, tmp_path, number):
    os.mkfifo(tmp_path / "fifo")
    command = f"echo $$ > {tmp_path}/fifo; exec sleep 1000"
    process = start(["a@x.test"], relayrc(host="127.0.0.1", port=9, tls="on", user="u", passwordeval=command))
    process.stdin.close()
    process.stdin = None
    child = os.pidfd_open(int((tmp_path / "fifo").read_text()))
    process.send_signal(number)
    assert process.wait(10) == (75 if number == signal.SIGTERM else -number)
    ended = select.select([child], [], [], 5)[0]
    if not ended:
        signal.pidfd_send_signal(child, signal.SIGKILL)
    os.close(child)
    assert ended


# -- temporary files ------------------------------------------------------------------------------------------------

def limit_file_size():
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))


def test_large_message_needs_no_tmpdir_of_the_caller(submit, tmp_path):
    for folder in (tmp_path / "missing", "relative", "/dev/null", "", "/proc"):
        done, server = submit(["a@x.test"], LARGE, env={"TMPDIR": str(folder)})
        assert (done.rc, done.err, len(server.messages)) == (0, "", 1)


def test_file_size_limit_is_a_temporary_failure(start, scripted, relayrc):
    server = scripted()
    process = start(["a@x.test"], relayrc(server), preexec_fn=limit_file_size)
    _, err = process.communicate(LARGE, timeout=10)
    assert process.returncode == 75 and server.connections == []
    assert err.startswith(b"sendmail: cannot store the message: ") and err.count(b"\n") == 1


def test_full_disk_is_a_temporary_failure(run_sendmail, relayrc, scripted, tmp_path, relay):
    folder = tmp_path / "small"
    folder.mkdir()
    script = 'mount -t tmpfs -o size=1m none "$1" && TMPDIR=$1 && export TMPDIR && shift && exec "$@"'
    if subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", folder, "true"], capture_output=True).returncode:
        pytest.skip("cannot mount a small file system here")
    server = scripted()
    (tmp_path / "rc").touch(0o600)
    (tmp_path / "rc").write_text(relayrc(server))
    done = run_sendmail(["-m", "sh", "-c", script, "sh", folder, relay, "-C", tmp_path / "rc", "a@x.test"], LARGE,
                        executable="/usr/bin/unshare")
    assert (done.rc, server.connections) == (75, [])
    assert done.err == "sendmail: cannot store the message: No space left on device\n"


# -- names and environment ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["sendmail", "sendmail.relay", "msmtp", "rmail", "relay-sendmail", "x y"])
def test_any_other_name_is_sendmail(run_sendmail, scripted, relayrc, name):
    server = scripted()
    assert run_sendmail(["a@x.test"], BODY, relayrc(server), name=name).rc == 0
    assert len(server.settle().messages) == 1
    assert run_sendmail([], name=name).err.startswith("sendmail: ")


@pytest.mark.parametrize("name,args", [("mailq", []), ("mailq", ["-v"]), ("sendmail", ["-bp"])])
def test_mailq(run_sendmail, name, args):
    done = run_sendmail(args, name=name)
    assert (done.rc, done.err, done.out) == (0, "", "Mail queue is empty\n")


@pytest.mark.parametrize("option", ["-q", "-qf", "-qRx", "-qSx"])
def test_flush_of_no_queue(run_sendmail, option):
    done = run_sendmail([option])
    assert (done.rc, done.err, done.out) == (0, "", "")


@pytest.mark.parametrize("name,args", [("newaliases", []), ("sendmail", ["-bi"])])
def test_newaliases(run_sendmail, relayrc, tmp_path, name, args):
    rc = relayrc(host="mail.test", aliases=tmp_path / "aliases")
    assert run_sendmail(args, rc=rc, name=name).rc == 78
    (tmp_path / "aliases").write_text("root: me@x.test\n")
    assert run_sendmail(args, rc=rc, name=name).rc == 0
    (tmp_path / "aliases").write_text("root: me@x.test\nroot: you@x.test\n")
    done = run_sendmail(args, rc=rc, name=name)
    assert done.rc == 78 and done.err.startswith(f"{name}: {tmp_path}/aliases:2: ")


def test_empty_environment(run_sendmail, scripted, relayrc):
    server = scripted(tls="implicit", auth=["PLAIN"])
    rc = relayrc(server, user="user@mail.test", passwordeval="echo secret")
    done = run_sendmail(["-t"], b"To: a@x.test\n\n", rc, bare=True)
    assert (done.rc, done.err, len(server.settle().messages)) == (0, "", 1)


@pytest.mark.parametrize("env", [{}, {"HOME": "/nonexistent", "USER": "x", "LOGNAME": "x"}], ids=str)
def test_user_without_a_passwd_entry(public, relay_for_all, scripted, relayrc, env):
    server = scripted()
    (public / "relayrc").write_text(relayrc(server, from_=None, maildomain="dom.test"))
    done = subprocess.run([relay_for_all, "-C", public / "relayrc", "root"], input=LARGE, capture_output=True, env=env,
                          preexec_fn=lambda: os.setuid(NOBODY))
    assert (done.returncode, done.stderr) == (0, b"")
    assert [(m.sender, m.recipients) for m in server.settle().messages] == [(f"uid{NOBODY}@dom.test", ["root@dom.test"])]


def test_no_argv_at_all(relay):
    """execve with an empty argv; a kernel since 5.18 makes one empty word of it."""
    script = f"import ctypes; ctypes.CDLL(None).execve({os.fsencode(relay)!r}, (ctypes.c_char_p * 1)(None), None)"
    done = subprocess.run([sys.executable, "-c", script], stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 64 and done.stderr.startswith(b"sendmail: no recipients")
