"""What must hold for every call that fails, whatever the server did: the words on standard error, and the time.

    judge.failed(done, 75)                      one line or a few, plain, without a secret
    results = judge.at_once(relay, env, dir, {"name": rc, …}, message)   many calls side by side: name -> Result
"""
import base64
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

USER, PASSWORD = "user@mail.test", "a very secret word"
LOGIN = {"user": USER, "password": PASSWORD, "auth": "plain", "auth_cleartext": "on"}
USERS = {USER: PASSWORD}
MESSAGE = (b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nFrom: Me <sender@mail.test>\r\nTo: You <r@mail.test>\r\n"
           b"Message-ID: <1@mail.test>\r\nSubject: judged\r\n\r\n" +
           b"A line of the body, as long as lines are.\r\n" * 60)
SECRETS = (PASSWORD, base64.b64encode(PASSWORD.encode()).decode(),
           base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode().rstrip("="))
# Words that only a programmer writes.
SLOPPY = re.compile(r"\(null\)|Success\b|errno|%[sdu]|: *$|: :[^:]|\bassert|0x[0-9a-f]{4}")
MAYBE = "perhaps"


@dataclass
class Timed:
    rc: int
    err: str
    seconds: float


def words(err, most=3):
    """The text is what a person can use: whole lines with the program's name, printable, without a secret."""
    assert err.endswith("\n") and 1 <= err.count("\n") <= most, err
    for line in err[:-1].split("\n"):
        assert line.startswith("sendmail: ") and line.isprintable() and 20 < len(line) < 1000, err
        assert not SLOPPY.search(line), err
    for secret in SECRETS:
        assert secret not in err


def failed(done, status=75, most=3):
    assert done.rc == status, (done.rc, done.err)
    words(done.err, most)


def at_once(relay, environment, directory, cases, message=MESSAGE, recipients=("r@mail.test",), patience=30):
    """Many calls side by side, each with its own relayrc: name -> Timed."""
    def one(number, rc):
        own = directory / f"call{number}"
        own.mkdir()
        file = own / "relayrc"
        file.touch(0o600)
        file.write_text(rc)
        source = own / "stdin"
        source.write_bytes(message)
        start = time.monotonic()
        with open(source, "rb") as opened:
            done = subprocess.run([relay, "-C", file, "-i", *recipients], stdin=opened, capture_output=True,
                                  timeout=patience, env=environment, cwd=own)
        return Timed(done.returncode, done.stderr.decode(errors="replace"), time.monotonic() - start)

    with ThreadPoolExecutor(max_workers=len(cases)) as pool:
        running = {name: pool.submit(one, number, rc) for number, (name, rc) in enumerate(cases.items())}
        return {name: future.result() for name, future in running.items()}
