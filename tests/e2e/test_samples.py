"""sample-config: what each relayrc in it means to the program, and that no sample has a word it should not have."""
import os
import re
from pathlib import Path

import pytest

from test_config import settings

TOP = Path(__file__).resolve().parents[2]
SAMPLES = TOP / "sample-config"
FILES = sorted([*SAMPLES.glob("relayrc*"), *SAMPLES.glob("providers/*")])
SYSTEM_FILE = "/etc/relayrc"

# src/conf/keys.def: all words, and the old ones among them.
ROWS = re.findall(r'^KEY\(\w+, "(\w+)", (.*)\)$', (TOP / "src/conf/keys.def").read_text(), re.M)
WORDS = {word for word, row in ROWS if "KEY_OBSOLETE" not in row} | {"account", "defaults", "eval"}

IMPLICIT, STARTTLS, NONE = ("on", "off"), ("on", "on"), ("off", "off")

# File, account: host, port, TLS mode, user, and what else matters.
ACCOUNTS = [
    ("relayrc", "default", "smtp.example.org", 465, IMPLICIT, "me@example.org", {}),
    ("relayrc.minimal", "default", "smtp.example.org", 465, IMPLICIT, "me@example.org", {"tls_certcheck": "on", "auth": "on"}),
    ("relayrc.smtps", "default", "smtp.example.org", 465, IMPLICIT, "me@example.org", {}),
    ("relayrc.starttls", "default", "smtp.example.org", 587, STARTTLS, "me@example.org", {}),
    ("relayrc.accounts", "default", "smtp.example.org", 465, IMPLICIT, "me@example.org", {"timeout": "60"}),
    ("relayrc.accounts", "home", "smtp.example.org", 465, IMPLICIT, "me@example.org", {"timeout": "60"}),
    ("relayrc.accounts", "work", "mail.example.com", 587, STARTTLS, "me", {"timeout": "60"}),
    ("relayrc.by-sender", "own-domain", "smtp.example.org", 465, IMPLICIT, "me@example.org", {"from": "*@example.org"}),
    ("relayrc.by-sender", "default", "mail.isp.example.net", 465, IMPLICIT, "me@isp.example.net", {}),
    ("relayrc.by-recipient", "company", "smtp.example.com", 465, IMPLICIT, "me",
     {"to": "helpdesk@example.net"}),
    ("relayrc.by-recipient", "default", "mail.isp.example.net", 465, IMPLICIT, "me@isp.example.net", {}),
    ("relayrc.fallback", "default", "smtp1.example.org smtp2.example.org", 465, IMPLICIT, "me@example.org",
     {"fallback": "spare"}),
    ("relayrc.fallback", "spare", "smtp.example.com", 465, IMPLICIT, "me@example.com", {"from": "me@example.org"}),
    ("relayrc.keyring", "default", "smtp.example.org", 465, IMPLICIT, "me@example.org", {}),
    ("relayrc.pass", "default", "smtp.example.org", 465, IMPLICIT, "me@example.org", {"passwordeval": "pass show mail/example.org"}),
    ("relayrc.credentials", "default", "smtp.example.org", 465, IMPLICIT, "server@example.org", {"delivery_mode": "queue"}),
    ("relayrc.system", "default", "smtp.example.org", 465, IMPLICIT, "server@example.org",
     {"password_file": "/etc/relay/default.password", "system_mail": "admin@example.org", "allow_from_override": "off"}),
    ("relayrc.special", "tunnel", "127.0.0.1", 10465, IMPLICIT, "me@example.org", {"tls_host_override": "smtp.example.org"}),
    ("relayrc.special", "inside", "relay.corp.example", 25, NONE, None, {"auth": "off"}),
    ("fastmail", "default", "smtp.fastmail.com", 465, IMPLICIT, "me@fastmail.com", {}),
    ("gmail", "default", "smtp.gmail.com", 465, IMPLICIT, "me@gmail.com", {}),
    ("gmx", "default", "mail.gmx.net", 465, IMPLICIT, "me@gmx.net", {}),
    ("icloud", "default", "smtp.mail.me.com", 587, STARTTLS, "me@icloud.com", {}),
    ("mailgun", "default", "smtp.mailgun.org", 465, IMPLICIT, "postmaster@mg.example.org", {}),
    ("microsoft365", "default", "smtp.office365.com", 587, STARTTLS, "me@example.org", {"auth": "xoauth2"}),
    ("outlook", "default", "smtp-mail.outlook.com", 587, STARTTLS, "me@outlook.com", {"auth": "xoauth2"}),
    ("postmark", "default", "smtp.postmarkapp.com", 587, STARTTLS, "YOUR-SERVER-TOKEN", {}),
    ("proton", "default", "127.0.0.1", 1025, STARTTLS, "me@proton.me", {}),
    ("sendgrid", "default", "smtp.sendgrid.net", 465, IMPLICIT, "apikey", {}),
    ("ses", "default", "email-smtp.eu-west-1.amazonaws.com", 465, IMPLICIT, "YOUR-SMTP-USER-NAME", {}),
    ("yahoo", "default", "smtp.mail.yahoo.com", 465, IMPLICIT, "me@yahoo.com", {}),
    ("zoho", "default", "smtp.zoho.com", 465, IMPLICIT, "me@zoho.com", {}),
    ("japan", "ocn", "smtp.ocn.ne.jp", 465, IMPLICIT, "me@example.ocn.ne.jp", {}),
    ("japan", "biglobe", "mail.biglobe.ne.jp", 465, IMPLICIT, "me@example.biglobe.ne.jp", {}),
    ("japan", "plala", "secure.plala.or.jp", 587, STARTTLS, "me@example.plala.or.jp", {}),
    ("japan", "so-net", "mail.so-net.ne.jp", 587, STARTTLS, "me@example.so-net.ne.jp", {}),
    ("japan", "nifty", "smtp.nifty.com", 465, IMPLICIT, "me", {}),
    ("japan", "au", "msa.a1.auone-net.jp", 465, IMPLICIT, "me@a1.auone-net.jp", {}),
    ("japan", "softbank", "smtp.softbank.jp", 465, IMPLICIT, "me", {}),
    ("japan", "yahoo-bb", "ybbsmtp.mail.yahoo.co.jp", 465, IMPLICIT, "me", {}),
    ("japan", "yahoo-japan", "smtp.mail.yahoo.co.jp", 465, IMPLICIT, "me", {}),
    ("japan", "asahi-net", "mail.asahi-net.or.jp", 465, IMPLICIT, "ab1c-dfg", {}),
    ("japan", "iijmio", "mbox.iijmio-mail.jp", 587, STARTTLS, "me.iijmio-mail.jp", {"auth": "cram-md5"}),
    ("japan", "iij4u", "mbox.iij4u.or.jp", 587, STARTTLS, "me.dd.iij4u.or.jp", {"auth": "cram-md5"}),
    ("japan", "xserver", "sv123.xserver.jp", 465, IMPLICIT, "me@example.jp", {}),
    ("japan", "lolipop", "smtp.lolipop.jp", 465, IMPLICIT, "me@example.co.jp", {}),
    ("japan", "sakura", "example.sakura.ne.jp", 587, STARTTLS, "me@example.ne.jp", {}),
]
# Each of them says of itself that it is not sure.
NOT_VERIFIED = ["gmx", "mailgun", "proton", "japan"]


def text_of(name):
    return (SAMPLES / (name if name.startswith("relayrc") else f"providers/relayrc.{name}")).read_text()


def name_of(path):
    return path.name if path.parent == SAMPLES else path.name.removeprefix("relayrc.")


def lines_of(text):
    """(number, word, whole line, is it switched off) for each setting, and each that is switched off with `#word`."""
    for number, line in enumerate(text.splitlines()):
        found = re.match(r"(#?)([a-z_0-9]+)(\s|$)", line)
        if found:
            yield number, found[2], line, found[1] == "#"


@pytest.fixture
def call(run_sendmail, home):
    def run(text, *args, mode=0o644):
        """Readable for all, as `cp` leaves it: no sample may need more than that to be accepted."""
        done = run_sendmail([*args, "-C", home("relayrc", text, mode)], name="sendmail")
        assert (done.rc, done.err) == (0, "")
        return done.out
    return run


@pytest.mark.parametrize("file, account, host, port, tls, user, more", ACCOUNTS, ids=lambda v: v if isinstance(v, str) else "")
def test_values_in_force(call, file, account, host, port, tls, user, more):
    found = {key: value for key, (value, _) in settings(call(text_of(file), "-P", "-a", account)).items()}
    assert (found["host"], found["port"], (found["tls"], found["tls_starttls"]), found.get("user")) == (host, str(port), tls, user)
    assert {key: found[key] for key in more} == more
    assert found["tls_certcheck"] == "on" and "password" not in found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_account_parses_and_no_word_is_unknown_or_old(path, call):
    text = path.read_text()
    assert not {word for _, word, _, _ in lines_of(text)} - WORDS
    accounts = re.findall(r"^account (\S+)", text, re.M) or ["default"]
    for account in accounts:
        assert settings(call(text, "-P", "-a", account))["account"][0] == account
    # Without -a, what a program would get.
    assert call(text, "-bv", "you@example.com").startswith("account: ")
    listed = {account for file, account, *_ in ACCOUNTS if file == name_of(path)}
    aliases = re.findall(r"^account (\S+) :", text, re.M)
    assert name_of(path) == "relayrc.special" or not set(accounts) - listed - set(aliases), "not in the table"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_lines_that_are_switched_off_parse_when_they_are_on(path, call):
    text = path.read_text().splitlines()
    for number, word, line, off in lines_of("\n".join(text)):
        if off:
            changed = "\n".join([*text[:number], line[1:], *text[number + 1:]])
            assert settings(call(changed + "\n", "-P", mode=0o600))[word][1].endswith(f":{number + 1}")


def test_the_index_and_the_files_agree():
    index = (SAMPLES / "README.md").read_text()
    for path in [*SAMPLES.iterdir(), *SAMPLES.glob("providers/*")]:
        if path.name not in ("README.md", "providers"):
            assert re.search(rf"\b{re.escape(name_of(path))}\b", index), path.name
    for path in FILES:
        text = path.read_text()
        assert "relay check" in text
        # Where nobody has compared it with the provider's pages, the file says so.
        assert ("Not verified" in text) == (name_of(path) in NOT_VERIFIED), path.name


# -- what the samples are for ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("file, args, account, sender", [
    ("relayrc.by-sender", ["-f", "shop@example.org"], "own-domain", "shop@example.org"),
    ("relayrc.by-sender", ["-f", "me@isp.example.net"], "default", "me@isp.example.net"),
    ("relayrc.by-sender", [], "default", "me@isp.example.net"),
    ("relayrc.accounts", [], "default", "me@example.org"),
    ("relayrc.accounts", ["-a", "work"], "work", "me@example.com"),
    ("relayrc.system", ["-f", "root@localhost"], "default", "server@example.org"),
])
def test_which_account_takes_the_mail(call, file, args, account, sender):
    assert call(text_of(file), "-bv", *args, "you@example.com").splitlines()[:2] == [f"account: {account}", f"sender: <{sender}>"]


@pytest.mark.parametrize("recipient, account", [
    ("boss@example.com", "company"), ("boss@dev.example.com", "company"), ("helpdesk@example.net", "company"),
    ("you@example.net", "default")])
def test_which_account_gets_the_recipient(call, recipient, account):
    assert call(text_of("relayrc.by-recipient"), "-bv", recipient).splitlines()[0] == f"account: {account}"


def test_roots_mail_goes_to_a_person(call):
    assert "recipient: <admin@example.org>" in call(text_of("relayrc.system"), "-bv", "root")


@pytest.mark.skipif(os.path.exists(SYSTEM_FILE), reason=f"there is {SYSTEM_FILE}")
def test_container(run_sendmail):
    lines = (SAMPLES / "container.env").read_text().splitlines()
    env = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for switched_off in [{}, *({k: v} for k, v in (line[1:].split("=", 1) for line in lines if line.startswith("#RELAY_")))]:
        done = run_sendmail(["-P"], env=env | switched_off)
        assert (done.rc, done.err) == (0, "")
        found = settings(done.out)
        for name, value in (env | switched_off).items():
            assert found[name.removeprefix("RELAY_").lower()] == (value, name)
        assert found["port"][0] == ("587" if "RELAY_TLS_STARTTLS" in switched_off else "465")


def test_credential_that_the_unit_line_gives_is_the_one_that_is_looked_for(run_sendmail, home, tmp_path):
    text = text_of("relayrc.credentials")
    units = re.findall(r"^# +LoadCredential(?:Encrypted)?=([^:\s]+):(/\S+)$", text, re.M)
    assert len(units) == 2 and units[0][1] == re.search(r"--name=\S+ \\\n# +- (\S+)$", text, re.M)[1]
    assert {name for name, _ in units} == {re.search(r"--name=(\S+)", text)[1]}
    (tmp_path / units[0][0]).write_text("hushhush\n")
    (tmp_path / units[0][0]).chmod(0o400)
    home(".relayrc", text)
    given = run_sendmail(["password", "test"], name="relay", env={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert given.rc == 0 and "systemd" in given.out + given.err and "hushhush" not in given.out + given.err
    assert run_sendmail(["password", "test"], name="relay").rc == 75


@pytest.mark.skipif(os.path.exists(SYSTEM_FILE), reason=f"there is {SYSTEM_FILE}")
@pytest.mark.parametrize("path", [f for f in FILES if f.name not in ("relayrc.special", "relayrc.system")], ids=lambda f: f.name)
def test_nothing_is_wrong_with_it(run_sendmail, home, path):
    """But for what a sample cannot have: files."""
    home(".relayrc", path.read_text())
    done = run_sendmail(["check", "--offline"], name="relay")
    assert [line for line in done.err.splitlines() if not line.endswith("remove the line")] == []
