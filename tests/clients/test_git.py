"""git send-email: a patch is a commit again at the other end."""
import pytest
from private_root import ALICE, check_strict

AUTHOR = {"GIT_AUTHOR_NAME": "Älice Liddell", "GIT_AUTHOR_EMAIL": "alice@mail.test",
          "GIT_COMMITTER_NAME": "Älice Liddell", "GIT_COMMITTER_EMAIL": "alice@mail.test", "GIT_CONFIG_NOSYSTEM": "1"}
FIRST = "one\n.\n..\nFrom the start\n>From quoted\nGröße\ntrailing \n\tTab\n-- \nsignature?\n"
SECOND = "one\n.\n.\n..\n.dot\nFrom the end\nFrom me@mail.test Sat Nov 21 05:00:00 2026\nGröße 日本語\n" + "x" * 990 + "\n"
LATIN1 = "Größe\n".encode("latin-1")


@pytest.fixture
def git(root):
    (root.root / "home/alice/.gitconfig").unlink(missing_ok=True)

    def run(*args, cwd="/home/alice/project", **more):
        return root.run("git", *args, user="alice", cwd=cwd, env=AUTHOR, **more).decode()
    return run


@pytest.fixture
def repository(root, git):
    """A repository with a first commit, and a clone that only has that."""
    root.run("rm", "-rf", "/home/alice/project", "/home/alice/theirs")
    git("init", "-q", "-b", "main", "/home/alice/project", cwd="/home/alice")
    root.put("home/alice/project/file", FIRST, owner=ALICE)
    git("add", "file")
    git("commit", "-q", "-m", "first")
    git("clone", "-q", "/home/alice/project", "/home/alice/theirs", cwd="/home/alice")
    return root


def commit(root, git, files, message):
    for name, content in files.items():
        root.put(f"home/alice/project/{name}", content, owner=ALICE)
    git("add", "-A")
    git("commit", "-q", "-F", "-", data=message.encode())


def apply(root, git, arrived):
    """git am of what arrived, in the clone; the commit that it makes."""
    root.put("home/alice/mail", b"From someone Sat Nov 21 05:00:00 2026\n" + arrived.data, owner=ALICE)
    git("am", "-q", "--keep-cr", "/home/alice/mail", cwd="/home/alice/theirs")
    return made(git, "/home/alice/theirs")


def made(git, where):
    """The tree with all its bytes, author and message of the newest commit. (git send-email gives it the date of sending.)"""
    return git("log", "-1", "--format=%T %an <%ae> %B", cwd=where)


SERIES = {
    "dots and From lines": ({"file": SECOND}, "Change the größe\n\nFrom now on it is größer.\n.\nA lone dot, 日本語.\n"),
    "ASCII": ({"file": FIRST + "more\n"}, "Add a line\n"),
    "8-bit that is not UTF-8": ({"latin1": LATIN1, "bytes": bytes(range(1, 256)).replace(b"\n", b"") + b"\n"}, "Add\n"),
}


@pytest.mark.parametrize("name", SERIES)
def test_the_patch_is_the_same_commit_after_git_am(repository, git, record, name):
    root = repository
    commit(root, git, *SERIES[name])
    git("send-email", "--quiet", "--confirm=never", "--from=Älice Liddell <alice@mail.test>", "--to=joe@mail.test",
        "--cc=root@mail.test", "--suppress-cc=all", "-1", cwd="/home/alice/project")
    call, arrived = root.sent()
    check_strict(arrived)
    assert arrived.recipients == ["joe@mail.test", "root@mail.test"]
    assert apply(root, git, arrived) == made(git, "/home/alice/project")
    record("git-send-email", name, call, arrived)


def test_a_series_with_a_sender_of_its_own(repository, git, record):
    """One call for each message, one after the other, and threads."""
    root = repository
    commit(root, git, {"file": FIRST + "two\n"}, "Two\n")
    commit(root, git, {"file": FIRST + "two\nthree\n"}, "Three\n")
    git("send-email", "--quiet", "--confirm=never", "--envelope-sender=bounces@mail.test", "--to=joe@mail.test",
        "--suppress-cc=all", "-2")
    calls, arrived = root.sent(2)
    for call, message in zip(calls, arrived):
        check_strict(message)
        assert message.sender == "bounces@mail.test" and call.argv[1:3] == ["-f", "bounces@mail.test"]
    first, second = sorted(arrived, key=lambda m: m.field("Subject"))
    assert second.field("In-Reply-To") == first.field("Message-ID")
    apply(root, git, first)
    assert apply(root, git, second) == made(git, "/home/alice/project")
    record("git-send-email", "--envelope-sender", calls[0], arrived[0])


def test_sendmail_cmd_goes_through_a_shell(repository, git, record):
    root = repository
    commit(root, git, {"file": FIRST + "more\n"}, "Add a line\n")
    git("send-email", "--quiet", "--confirm=never", "--sendmail-cmd=/usr/lib/sendmail -oem", "--to=joe@mail.test",
        "--suppress-cc=all", "-1")
    call, arrived = root.sent()
    check_strict(arrived)
    assert call.argv[:2] == ["/usr/lib/sendmail", "-oem"]
    record("git-send-email", "--sendmail-cmd", call, arrived)
