"""What meson installs for people who type: completions of bash, zsh and fish, and vim's syntax of relayrc. In real shells."""
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import shells

TOP = Path(__file__).resolve().parents[2]
RELAYRC = """\
defaults
host 127.0.0.1
port 9
tls off
from me@x.test
queue_directory {home}/queue

account default
account work : default
  account "home" : work
account $(>$HOME/ran)`>$HOME/ran`;x*
"""
QUEUE_COMMANDS = {"list", "show", "export", "flush", "hold", "release", "retry", "delete"}


def needs(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    return pytest.mark.skipif(bool(missing), reason=f"no {' '.join(missing)}")


@pytest.fixture(scope="module")
def installed(relay, tmp_path_factory):
    """Where meson installs it, below the prefix."""
    build = relay.parents[1]
    if not (build / "build.ninja").exists():
        pytest.skip("RELAY_BIN is not in a build directory")
    options = json.loads(subprocess.run(["meson", "introspect", "--buildoptions", build], capture_output=True, text=True,
                                        check=True).stdout)
    prefix, = (option["value"] for option in options if option["name"] == "prefix")
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(["meson", "install", "-C", build, "--destdir", folder, "--quiet"], check=True, capture_output=True)
    return folder / prefix.lstrip("/")


@pytest.fixture(scope="module")
def env(installed, tmp_path_factory):
    """A person with accounts and one message in the queue."""
    home = tmp_path_factory.mktemp("home")
    (home / ".relayrc").write_text(RELAYRC.format(home=home))
    (home / ".relayrc").chmod(0o600)
    (home / "letter.txt").write_text("")
    found = {"PATH": f"{installed}/bin:{installed}/sbin:/usr/bin:/bin", "HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8",
             "XDG_DATA_DIRS": f"{installed}/share:/usr/share", "COLUMNS": "200", "INPUTRC": "/dev/null"}
    subprocess.run(["sendmail", "-odq", "you@x.test"], input=b"Subject: x\n\n", env=found, cwd=home, check=True)
    return found


@pytest.fixture(scope="module")
def queue_id(env):
    text = subprocess.run(["relay", "queue", "--json", "list"], env=env, capture_output=True, check=True).stdout
    return json.loads(text)["queue_id"]


@pytest.fixture(scope="module", params=[pytest.param("bash", marks=needs("bash")), pytest.param("zsh", marks=needs("zsh")),
                                        pytest.param("fish", marks=needs("fish"))])
def tab(request, env, installed):
    """What is offered for a line, in each of the shells."""
    if request.param == "fish":
        yield lambda line: shells.fish(env, line)
        return
    if request.param == "bash" and not Path("/usr/share/bash-completion/bash_completion").exists():
        pytest.skip("no bash-completion")
    folder, = installed.glob("share/zsh/*")
    terminal = shells.Bash(env) if request.param == "bash" else shells.Zsh(env, folder)
    yield terminal.tab
    terminal.close()


def test_commands(tab):
    words = set(tab("relay "))
    assert {"check", "help", "import", "password", "queue", "version"} <= words
    assert not {"list", "postfix"} & words
    assert QUEUE_COMMANDS <= set(tab("relay queue "))
    assert {"set", "test", "forget"} <= set(tab("relay password "))
    assert {"postfix", "msmtp", "esmtp"} <= set(tab("relay import "))


def test_commands_behind_options(tab):
    assert QUEUE_COMMANDS <= set(tab("relay queue -C /dev/null -a work "))
    # The value of an option is no command.
    assert {"set", "test", "forget"} <= set(tab("relay password -C set "))


def test_a_beginning_is_completed(tab):
    assert [word for word in tab("relay que") if "que" in word].count("queue") >= 1
    words = tab("relay queue re")
    assert {"release", "retry"} <= set(words) and "delete" not in words


def test_a_single_dash_offers_the_options(tab):
    assert {"-C", "-a", "--json", "--offline"} <= set(tab("relay check -"))
    assert {"-v", "--now"} <= set(tab("relay queue flush -"))


def test_accounts(tab):
    for line in ("relay password set ", "sendmail -a ", "sendmail --account=", "relay check -a "):
        found = {word.rpartition("=")[2] for word in tab(line)}
        assert {"default", "work", "home"} <= found, line


def test_what_an_account_is_called_is_not_run(tab, env):
    for line in ("relay password set ", "sendmail -a ", "sendmail --account="):
        assert "ran" in " ".join(tab(line)) and not (Path(env["HOME"]) / "ran").exists(), line


def test_settings_as_options(tab):
    words = {word.rstrip("=") for word in tab("sendmail --tls-")}
    assert {"--tls-starttls", "--tls-certcheck", "--tls-trust-file", "--tls-host-override"} <= words
    # msmtp's old words, and what must not stand on a command line.
    assert not {"--tls-nocertcheck", "--host"} & words
    assert "--password-file" in {word.rstrip("=") for word in tab("sendmail --password-")}
    assert "--password=" not in tab("sendmail --pass")


def test_values(tab):
    for line, wanted in {"sendmail --tls=": {"on", "off"}, "sendmail --protocol=": {"smtp", "lmtp"},
                         "sendmail --inet-protocols=": {"all", "ipv4", "ipv6"},
                         "sendmail --dsn-return=": {"off", "headers", "full"}}.items():
        assert wanted <= {word.rpartition("=")[2] for word in tab(line)}, line


def test_files(tab):
    assert any("letter.txt" in word for word in tab("sendmail -C let"))
    assert any("letter.txt" in word for word in tab("sendmail --tls-trust-file=let"))


def test_messages_in_the_queue(tab, queue_id):
    words = tab("relay queue hold ")
    assert {queue_id, "ALL"} <= set(words)
    assert queue_id in tab("relay queue show ")


def test_letters_of_sendmail(tab):
    words = set(tab("sendmail -b"))
    assert {"-bp", "-bs", "-bv"} <= words and "-bd" not in words


@needs("vim")
def test_vim(installed, tmp_path):
    """The group of each setting and of its value; the file is known by its name."""
    rc = tmp_path / ".relayrc"
    lines = {"# host x": ("relayrcComment", None), "account work : default": ("relayrcSection", "relayrcText"),
             "host smtp.x.test": ("relayrcKey", "relayrcText"), "tls on": ("relayrcKey", "relayrcWord"),
             "  tls_starttls off": ("relayrcKey", "relayrcWord"), "tls maybe": ("relayrcKey", "relayrcWrong"),
             "syslog LOG_MAIL": ("relayrcKey", "relayrcWord"), "delivery_mode \"b\"": ("relayrcKey", "relayrcWord"),
             "password hunter2": ("relayrcKey", "relayrcSecret"), "hots x": ("relayrcUnknown", "relayrcText"),
             "tls_nocertcheck": ("relayrcOld", None), "tlsx on": ("relayrcUnknown", "relayrcText"),
             "port 465\t# TLS": ("relayrcKey", "relayrcTail"), "tls off\t# for tests": ("relayrcKey", "relayrcTail")}
    rc.write_text("".join(line + "\n" for line in lines))
    script = tmp_path / "look.vim"
    # A group that is linked to another of ours stands for that one.
    script.write_text("""\
let out = [&filetype, v:errmsg]
for number in range(1, line('$'))
    let row = []
    for column in [match(getline(number), '\\S') + 1, col([number, '$']) - 1]
        let id = synID(number, column, 1)
        let name = synIDattr(id, 'name')
        call add(row, name =~ '^relayrcWord' ? 'relayrcWord' : name)
    endfor
    call add(out, join(row))
endfor
call writefile(out, $OUT)
qall!
""")
    done = subprocess.run(["vim", "-es", "-N", "-u", "NONE", "-i", "NONE", "--cmd", f"set rtp^={installed}/share/vim/vimfiles",
                           "--cmd", "filetype on | syntax on", rc, "-S", script], capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "dumb", "OUT": str(tmp_path / "out")})
    assert done.returncode == 0, done.stdout + done.stderr
    filetype, error, *groups = (tmp_path / "out").read_text().splitlines()
    assert (filetype, error) == ("relayrc", "")
    wanted = [f"{first} {last or first}" for first, last in lines.values()]
    assert dict(zip(lines, groups)) == dict(zip(lines, wanted))


@needs("vim")
@pytest.mark.parametrize("sample", sorted((TOP / "sample-config").glob("relayrc*")), ids=lambda path: path.name)
def test_vim_finds_nothing_wrong_in_the_samples(sample, installed, tmp_path):
    script = tmp_path / "look.vim"
    script.write_text("""\
let out = []
for number in range(1, line('$'))
    for column in range(1, col([number, '$']))
        if synIDattr(synID(number, column, 1), 'name') =~ 'Unknown\\|Wrong\\|Old'
            call add(out, getline(number))
        endif
    endfor
endfor
call writefile(out, $OUT)
qall!
""")
    subprocess.run(["vim", "-es", "-N", "-u", "NONE", "-i", "NONE", "--cmd", f"set rtp^={installed}/share/vim/vimfiles",
                    "--cmd", "filetype on | syntax on", sample, "-S", script], check=True,
                   env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "dumb", "OUT": str(tmp_path / "out")})
    assert (tmp_path / "out").read_text() == ""


def test_every_current_setting_is_in_all_of_them(installed):
    """Read with another eye than the generator's."""
    rows = re.findall(r'^KEY\(\w+, "(\w+)", (\w+),.*?, ([A-Z_| 0]+), "[^"]+"\)$', (TOP / "src/conf/keys.def").read_text(), re.M)
    assert len(rows) > 60
    folder, = installed.glob("share/zsh/*")
    texts = [(installed / "share/bash-completion/completions/sendmail").read_text(), (folder / "_relay").read_text(),
             (installed / "share/fish/vendor_completions.d/sendmail.fish").read_text()]
    vim = (installed / "share/vim/vimfiles/syntax/relayrc.vim").read_text()
    for name, _, flags in rows:
        assert re.search(rf"\b{name}\b", vim) or "LATER" in flags, name
        is_option = not re.search("NO_OPTION|OBSOLETE|LATER", flags)
        for text in texts:
            written = name.replace("_", "-")
            assert bool(re.search(rf"(--|-l '){written}(?![\w-])", text)) == is_option, name
