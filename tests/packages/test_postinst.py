"""packaging/debian/relay.postinst: the relayrc that it makes of answers, line by line."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

POSTINST = Path(__file__).resolve().parents[2] / "packaging/debian/relay.postinst"
SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]


def relayrc(shell, **answers):
    """The lines that are no comments."""
    functions = re.search(r"^setting\(\) .*?(?=^# Never in the place)", POSTINST.read_text(), re.M | re.S)[0]
    script = "db_get() { eval \"RET=\\$${1#relay/}\"; }\n" + functions + "print_relayrc\n"
    done = subprocess.run([shell, "-eu", "-c", script], env=dict.fromkeys(("host", "user", "from", "system_mail"), "") | answers,
                          capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if line and line[0] != "#"]


@pytest.mark.parametrize("shell", SHELLS)
def test_an_answer_is_one_line_as_it_was_given(shell):
    user = r"CORP\nick\0151\c"
    assert relayrc(shell, host="mail.test:587", user=user, **{"from": "a@b.test\npasswordeval x"}) == [
        "host mail.test", "port 587", "tls_starttls on", f"user {user}", "from a@b.testpasswordeval x", "system_mail a@b.testpasswordeval x",
        "syslog LOG_MAIL"]
    assert "user \"\"x\\n\"\"" in relayrc(shell, host="h", user="\"x\\n\"")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("answer, lines", [
    ("mail.test", ["host mail.test"]), ("mail.test:465", ["host mail.test"]),
    ("mail.test:25", ["host mail.test", "port 25", "tls_starttls on"]),
    # As Postfix has it in relayhost.
    ("[mail.test]:587", ["host mail.test", "port 587", "tls_starttls on"]), ("[mail.test]", ["host mail.test"]),
    ("2001:db8::1", ["host 2001:db8::1"]), ("[2001:db8::1]", ["host 2001:db8::1"]),
    ("[2001:db8::1]:587", ["host 2001:db8::1", "port 587", "tls_starttls on"])])
def test_host_and_port(shell, answer, lines):
    assert relayrc(shell, host=answer)[:-1] == lines
