"""Accounts that differ in more than their server: queue folders, aliases, and users that the machine sends for."""
import pytest

from lib.parts import A, B, C, DOWN, log, received, three

MESSAGE = b"Subject: x\n\nhi\n"


@pytest.mark.parametrize("name", ["two", "three"])
def test_queue_run_for_an_account_finds_its_mail_in_the_folder_of_another(three, run_sendmail, queue, tmp_path, name):
    """The folder is that of the message's account."""
    servers = three(each={n: {"queue_directory": tmp_path / n} for n in ("two", "three")})
    assert run_sendmail(["-odq", A, B], MESSAGE).rc == 0
    assert len(queue.places()) == 1
    done = run_sendmail(["-q", "-a", name])
    sent = name == "two"
    assert (done.rc, done.err, done.out[:13]) == (0, "", "relay: 1 sent" if sent else "")
    assert [received(s) for s in servers] == [[A], [B], []] if sent else [[], [], []]
