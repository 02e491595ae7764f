"""Settings out of the environment, for containers: RELAY_HOST and the like, where there is no configuration file."""
import os
import shutil
import subprocess

import pytest

from test_config import settings

MESSAGE = b"From: sender@mail.test\nSubject: x\n\ntext\n"
USER, PASSWORD = "user@mail.test", "xyzzy-Plugh-9"
SYSTEM_FILE = "/etc/relayrc"

pytestmark = pytest.mark.skipif(os.path.exists(SYSTEM_FILE), reason=f"there is {SYSTEM_FILE}")


@pytest.fixture
def variables(scripted, pki):
    """variables(NAME=value, …) -> the environment for a new server that knows the user, and the server."""
    def make(**more):
        server = scripted(tls="implicit", auth=["PLAIN"], users={USER: PASSWORD})
        values = {"host": "127.0.0.1", "port": server.port, "tls_starttls": "off", "tls_trust_file": pki.ca, "user": USER,
                  "from": "sender@mail.test", "timeout": "5"}
        named = {f"RELAY_{k.upper()}": str(v) for k, v in values.items()}
        return named | {k: str(v) for k, v in more.items()}, server
    return make


def accepted(done, server):
    assert (done.rc, done.err, done.out) == (0, "", "")
    assert len(server.settle().messages) == 1 and server.connections[0].auth_seen["password"] == PASSWORD


def test_everything_from_the_environment(variables, run_sendmail, tmp_path):
    file = tmp_path / "secret"
    file.write_text(PASSWORD + "\n")
    file.chmod(0o400)
    for more in ({"RELAY_PASSWORD_FILE": file}, {"RELAY_PASSWORD": PASSWORD}, {"RELAY_PASSWORDEVAL": f"echo {PASSWORD}"},
                 {"CREDENTIALS_DIRECTORY": credentials(tmp_path)}):
        env, server = variables(**more)
        accepted(run_sendmail(["r@mail.test"], MESSAGE, env=env), server)


def credentials(tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    (folder / "relay.default.password").write_text(PASSWORD)
    (folder / "relay.default.password").chmod(0o440)
    return folder


def test_mail_waits_and_a_queue_run_reads_the_same(variables, run_sendmail, queue):
    env, server = variables(RELAY_PASSWORD=PASSWORD)
    done = run_sendmail(["-odq", "--queue=on", "r@mail.test"], MESSAGE, env=env)
    assert (done.rc, done.err) == (0, "") and server.settle().connections == []
    # The password is not in the queue's files.
    for folder, _, files in os.walk(queue.path):
        for name in files:
            with open(os.path.join(folder, name), "rb") as file:
                assert PASSWORD.encode() not in file.read()
    assert run_sendmail(["-q"], env=env).rc == 0
    assert len(server.settle().messages) == 1


def test_no_file_is_read_beside_them_and_a_file_wins(variables, run_sendmail, home):
    env, server = variables(RELAY_PASSWORD=PASSWORD)
    home(".relayrc", "host from.file.test\nfrom sender@mail.test\n")
    shown = settings(run_sendmail(["check", "--offline"], name="relay", env=env).out)
    assert shown["host"][0] == "from.file.test" and "user" not in shown
    done = run_sendmail(["-P"], rc="host named.test\n", env=env)
    assert settings(done.out)["host"][0] == "named.test"
    assert server.settle().connections == []


@pytest.mark.parametrize("call", [["-P"], "check"], ids=str)
def test_shown_with_the_variable_as_origin(run_sendmail, call):
    env = {"RELAY_HOST": "h.test", "RELAY_USER": "me", "RELAY_PASSWORD": PASSWORD, "RELAY_TLS_CERTCHECK": "off",
           "RELAY_FROM": "me@h.test"}
    done = run_sendmail(["check", "--offline"] if call == "check" else call, name="relay" if call == "check" else None, env=env)
    if call == "check":
        assert done.rc == 1 and done.err.startswith("RELAY_TLS_CERTCHECK: warning: account default: tls_certcheck: off, so ")
    else:
        assert (done.rc, done.err) == (0, "")
    found = settings(done.out)
    assert found["account"] == ("default", "environment") and found["host"] == ("h.test", "RELAY_HOST")
    assert found["password"] == ("********", "RELAY_PASSWORD") and found["tls_certcheck"] == ("off", "RELAY_TLS_CERTCHECK")
    assert found["port"] == ("465", "default") and PASSWORD not in done.out


@pytest.mark.parametrize("env, error", [
    ({"RELAY_PORT": "tcp://10.0.0.1:25"}, "no configuration: "), ({"RELAY_PORT": "x"}, "RELAY_PORT: port: must be a number from 1 to 65535"),
    ({"RELAY_HOTS": "h"}, "RELAY_HOTS: unknown setting; did you mean RELAY_HOST?"),
    ({"RELAY_HOST": "h.test", "RELAY_PASSWRD": "p"}, "RELAY_PASSWRD: unknown setting; did you mean RELAY_PASSWORD?"),
    ({"RELAY_HOST": "h.test", "RELAY_PASSWORD": "hunter2\n"}, "RELAY_PASSWORD: password: there is a line break"),
    ({"RELAY_HOST": "h.test", "RELAY_AUTH": "on"}, "RELAY_AUTH: auth: a login needs a user"),
    ({"RELAY_USER": "me"}, "RELAY_HOST: it is not set, but RELAY_USER is"),
    ({"RELAY_HOST": ""}, "no configuration: "), ({"RELAY_SERVICE_HOST": "h"}, "no configuration: "),
])
def test_errors_name_the_variable(run_sendmail, env, error):
    done = run_sendmail(["r@mail.test"], MESSAGE, env=env)
    assert done.rc == 78 and done.err.startswith(f"sendmail: {error}") and done.err.count("\n") == 1
    assert "hunter2" not in done.err


def test_commands_do_not_get_the_password(variables, run_sendmail, tmp_path):
    """Those that the configuration starts: here to look at what they could see."""
    env, server = variables(RELAY_PASSWORD_FILE="", RELAY_PASSWORDEVAL=f"env >{tmp_path}/seen; echo {PASSWORD}")
    accepted(run_sendmail(["r@mail.test"], MESSAGE, env=env), server)
    assert "RELAY_HOST=" in (tmp_path / "seen").read_text()
    done = run_sendmail(["-P"], env={"RELAY_PASSWORD": "hunter2"}, rc=f"eval env >{tmp_path}/seen; echo host h.test\n")
    assert done.rc == 0 and "hunter2" not in (tmp_path / "seen").read_text()


def test_never_with_the_rights_of_somebody_else(relay, public, environment):
    """Set-uid is not how this program is installed; if somebody does it, the caller does not say where mail goes."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    program = shutil.copy(relay, public / "sendmail")
    env = {"RELAY_HOST": "h.test", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}

    def call():
        return subprocess.run([program, "-P"], env=env, capture_output=True, text=True, user=12345, group=12345, extra_groups=[],
                              check=False, timeout=30)
    os.chmod(program, 0o755)
    assert settings(call().stdout)["host"] == ("h.test", "RELAY_HOST")
    os.chown(program, 54321, 54321)
    os.chmod(program, 0o4755)
    done = call()
    if done.returncode == 0 and settings(done.stdout)["host"][0] == "h.test" and is_nosuid(public):
        pytest.skip("set-uid has no effect here")
    assert done.stdout == "" and "no configuration: " in done.stderr
    # LeakSanitizer ends it otherwise: it needs rights that such a process does not have.
    assert done.returncode == 78 or b"__asan_init" in open(program, "rb").read()


def is_nosuid(folder):
    return bool(os.statvfs(folder).f_flag & os.ST_NOSUID)
