"""Every call of the catalogue, made again without the client: what its users, and a strict provider, see of it."""
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest

import catalogue
import content
from lib.hostile import on, reply
from lib.jail import free_ports
from lib.scripted import ScriptedServer
from named import with_full_name
from private_root import Arrived, check_strict
from replay import Replayer

CALLS = catalogue.calls()
LACKING = {"no-smtputf8": "SMTPUTF8", "no-8bitmime": "8BITMIME"}


@pytest.fixture(scope="module")
def has_full_name():
    return with_full_name()


@pytest.fixture(scope="module")
def replayer(relay, has_full_name):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Replayer(relay, folder)


@pytest.fixture(scope="module")
def good():
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def server_of(good):
    """The server that a call wants, without mail of other calls; None: nobody listens."""
    opened = []

    def choose(call):
        kind = call.facts.get("server")
        if kind is None:
            good.settle()
            for records in (good.messages, good.connections):
                records.clear()
            return good
        if kind == "down":
            return None
        later = on("RCPT", reply("450 4.2.0 greylisted, try again in a minute"), nth=None)
        options = {"rules": [later]} if kind == "later" else {"without": [LACKING[kind]]}
        opened.append(ScriptedServer(**options).__enter__())
        return opened[-1]
    yield choose
    for running in opened:
        running.__exit__(None, None, None)


def messages_of(server):
    return server.settle().messages if server else []


@pytest.fixture
def wants_full_name(call, has_full_name):
    if not has_full_name and f"{catalogue.host()}.client.test" in catalogue.text("", [call]).replace("\\h", catalogue.host()):
        pytest.skip("needs root, to give the machine the name of the one that the call was recorded on")


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.id)
def test_call(replayer, wants_full_name, server_of, call):
    server = server_of(call)
    check_call(call, replayer.run(call, "127.0.0.1", server.port if server else free_ports(1)[0]), server)


def check_call(call, done, server, meant=lambda written: written):
    """`meant`: what was written, as it is to be read."""
    status = int((call.expected("exit") or ["0"])[0])
    assert (done.rc, done.refused) == (status, []), done.stderr
    if status == 0:
        assert done.stderr == b""
    elif call.facts.get("stderr", "pipe") == "pipe":
        assert done.stderr.startswith(b"sendmail: ") and done.stderr.count(b"\n") == 1
    if "-bs" not in call.argv:
        assert done.stdout.decode() == "".join(call.expected("stdout"))
    messages = messages_of(server)
    recipients = sorted(set(call.expected("recipient")))
    if call.facts.get("server") in ("down", "later"):
        assert (messages, sorted(done.waiting)) == ([], recipients)
        return
    assert server.violations == [] and done.waiting == []
    assert sorted({r for m in messages for r in m.recipients}) == recipients
    written = content.messages(call) if recipients else []
    # With -odb, each has a process of its own.
    messages = sorted(messages, key=lambda m: min(call.expected("recipient").index(r) for r in m.recipients))
    for one, message in zip(written, messages, strict=True):
        check_message(call, meant(one), message)


def check_message(call, written, message):
    assert b"\r" not in message.data.replace(b"\r\n", b"") and b"\n" not in message.data.replace(b"\r\n", b"")
    arrived = Arrived(message.sender, message.recipients, message.data.replace(b"\r\n", b"\n"))
    assert call.expected("sender")[:1] in ([], [message.sender])
    check_strict(arrived)
    content.check_declared(written, arrived)
    for parameter in call.expected("parameter"):
        name, _, value = parameter.partition("=")
        assert all(p.get(name) == value for p in ([message.mail_params] if name == "RET" else message.rcpt_params))
    for header in call.expected("header"):
        name, _, value = header.partition(": ")
        assert [" ".join(str(v).split()) for v in arrived.mail.get_all(name, [])] == [value], name
    for name in call.expected("no header"):
        assert name not in arrived.mail
    content.check_content(call, written, arrived)
    content.check_origin(written, arrived)


# -- the catalogue itself ------------------------------------------------------------------------------------------

def test_the_catalogue_is_whole():
    """Read, written and read again it is the same; and it has lost no file."""
    for file in sorted(catalogue.FOLDER.glob("*.txt")):
        of_client = catalogue.calls(file.stem)
        assert of_client and catalogue.read(catalogue.text("x", of_client), file.stem) == of_client, file
    assert len({call.client for call in CALLS}) >= 60 and len(CALLS) >= 150


def test_the_catalogue_says_what_is_expected():
    """A call that expects nothing would pass whatever happened to its message."""
    for call in CALLS:
        assert call.expected("recipient") or call.expected("exit") or not call.stdin, call.id


# -- more than one call --------------------------------------------------------------------------------------------

def call_of(client, name):
    return next(call for call in catalogue.calls(client) if call.name == name)


def test_jobs_of_one_minute_all_send(replayer, server_of):
    """cron starts all that is due at once, and never looks at the exit status."""
    call = call_of("cron", "what a job printed")
    server = server_of(call)
    with ThreadPoolExecutor(max_workers=40) as pool:
        results = list(pool.map(lambda _: replayer.run(call, "127.0.0.1", server.port), range(40)))
    assert [(r.rc, r.stderr, r.waiting) for r in results] == [(0, b"", [])] * 40
    assert len(messages_of(server)) == 40


@pytest.mark.parametrize("client", ["fail2ban", "sudo"])
def test_calls_without_an_environment(replayer, server_of, client):
    call = catalogue.calls(client)[0]
    call.env = {}
    server = server_of(call)
    assert replayer.run(call, "127.0.0.1", server.port).rc == 0 and len(messages_of(server)) == 1
