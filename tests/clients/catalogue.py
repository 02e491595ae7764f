r"""The catalogue: what programs pass to sendmail. One file a program in catalogue/, read and written here.

    calls("mutt")           -> the calls of catalogue/mutt.txt; calls() -> all of all files
    write("mutt", head, [Call, …])
    read(text, "mutt"), text(head, [Call, …])       the same without a file
    summary()                       how much there is, in a line; printed when this file is run

A file is UTF-8 text. Before the first call stand comments: lines with "#", which say which program and version, who made
it (recorded by a driven client, or written by hand after what was seen), and what is special. Then the calls:

    == crontab of a user, output with umlauts           a name, once in a file
    argv: /usr/sbin/sendmail -i -FCronDaemon root       as for a shell: quotes where they are needed
    env: PATH=/usr/bin:/bin                             one line a variable; none at all: an empty environment
    env: LANG=C.UTF-8
    user: alice                                         who calls; without: not important
    stdin: pipe                                         pipe, file, socket, null, tty; without: pipe
    stdout: null                                        the same words, and closed
    stderr: null
    blocked: CHLD TSTP                                  signals that are blocked when sendmail starts
    ignored: PIPE                                       signals that are ignored
    umask: 077
    cwd: /                                              anything else is about sendmail's caller, and not recorded
    before: /usr/sbin/sendmail -F                       a call before it, with the same open stdin, which it must leave as it is
    aliases: root: ann@far.test\n                       what the file of that setting holds
    server: no-smtputf8                                 down, later (450), no-smtputf8 or no-8bitmime; without: a good one
    note: why this call is here                         as often as one likes
    expect sender: account@mail.test                    the envelope that arrives; '' is the null sender
    expect recipient: admin@mail.test                   one line each, in any order
    expect exit: 0                                      0 when it is not said
    expect header: Subject: Grüße                       after decoding and unfolding; this field, and only one of it
    expect stdout: Mail queue is empty\n                all of it; without: nothing
    expect text: before\n                               the text that arrives, where it is not what the input has
    expect parameter: NOTIFY=FAILURE,DELAY              of MAIL or RCPT
    expect no header: Bcc
    expect body: same                                   same: the octets after the header arrive as they were given, but for
    input:                                              line ends. text: they do after decoding. Without: text
     |From: root (Cron Daemon)
     |
     |Gr\xfc\xdfe

All of it is as it was, but for what only this machine has: \h is the short name of the host (gethostname up to its first
dot), \f its full name; in a replay, of the machine that replays. In argv, env and input, \\ is a backslash, \r a CR, \t a
tab, \xNN any octet that is not UTF-8 text to be read. A line of the input ends with LF; with a backslash as its last
character it goes on in the next line (so that backslash at the very end means: no LF at the end). " *50 |text" is 50 such
lines. No "input:" is an empty standard input.

The expectations are for ACCOUNT, the settings of /etc/relayrc that the clients were driven with; {host}, {port} and {ca}
are a server's. A call made by hand says what it expects; a recorded one has the envelope that arrived, and the tests of
the client have looked at the rest.
"""
import re
import shlex
import socket
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).with_suffix("")
ACCOUNT = """\
account default
host {host}
port {port}
tls_trust_file {ca}
auth on
user user@mail.test
password secret
from account@mail.test
system_mail admin@mail.test
"""

FACTS = ("user", "stdin", "stdout", "stderr", "umask", "cwd", "before", "aliases", "server")
SIGNALS = ("blocked", "ignored")
EXPECT = ("sender", "recipient", "exit", "header", "no header", "body", "stdout", "text", "parameter")
WIDTH = 96


class Malformed(Exception):
    """A file of the catalogue is not as the head of catalogue.py says; the text says where."""


@dataclass
class Call:
    client: str                     # the file's name without .txt
    name: str
    argv: list                      # of str; octets that are not UTF-8 are surrogates, as in os.fsdecode
    env: dict = field(default_factory=dict)
    stdin: bytes = b""
    facts: dict = field(default_factory=dict)       # FACTS -> word; umask too, as octal digits
    blocked: list = field(default_factory=list)     # names without SIG
    ignored: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    expect: list = field(default_factory=list)      # (one of EXPECT, text)

    def expected(self, what):
        """All values that are expected for one of EXPECT."""
        return [value for key, value in self.expect if key == what]

    @property
    def id(self):
        return f"{self.client}: {self.name}"


def host():
    return socket.gethostname().partition(".")[0]


def full_host():
    """As `hostname -f`; the short name if there is no other."""
    try:
        return socket.getaddrinfo(socket.gethostname(), None, flags=socket.AI_CANONNAME)[0][3] or host()
    except OSError:
        return host()


def private_host():
    """The full name in a private root, where calls are recorded."""
    return f"{host()}.client.test"


def calls(client=None):
    names = [client] if client else sorted(f.stem for f in FOLDER.glob("*.txt"))
    return [call for name in names for call in read((FOLDER / f"{name}.txt").read_text(), name)]


def write(client, head, of_client):
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{client}.txt").write_text(text(head, of_client))


# -- writing -------------------------------------------------------------------------------------------------------

def text(head, of_client):
    blocks = ["".join(f"# {line}".rstrip() + "\n" for line in head.splitlines())]
    return "\n".join(blocks + [_block(call) for call in of_client])


def _block(call):
    lines = [f"== {call.name}", "argv: " + escape(shlex.join(call.argv))]
    lines += [f"env: {escape(f'{name}={value}')}" for name, value in sorted(call.env.items())]
    lines += [f"{fact}: {escape(str(call.facts[fact]))}" for fact in FACTS if fact in call.facts]
    lines += [f"{kind}: {' '.join(getattr(call, kind))}" for kind in SIGNALS if getattr(call, kind)]
    lines += [f"note: {note}" for note in call.notes]
    lines += [f"expect {what}: {escape(value) or chr(39) * 2}" for what, value in call.expect]
    if call.stdin:
        lines.append("input:")
        lines += _repeats(_input_lines(call.stdin))
    return "".join(line + "\n" for line in lines)


def escape(value):
    """str or bytes as readable text of one line."""
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    shown = value.decode("utf-8", "surrogateescape").replace("\\", "\\\\")
    shown = shown.replace(private_host(), r"\f")
    shown = re.sub(rf"(?<![\w.-]){re.escape(host())}(?![\w-])", r"\\h", shown)
    return "".join(_shown(c) for c in shown)


def _shown(c):
    if "\udc80" <= c <= "\udcff":
        return f"\\x{ord(c) - 0xdc00:02x}"
    if c in "\r\t\n":
        return {"\r": "\\r", "\t": "\\t", "\n": "\\n"}[c]
    # Marks that are not seen, and spaces that are none, would not survive an editor.
    return c if c == " " or c.isprintable() else "".join(f"\\x{octet:02x}" for octet in c.encode())


def _input_lines(data):
    shown = []
    for line in data.split(b"\n"):
        shown += _pieces(line)
    # What split leaves after the last LF; without that LF, a line that goes on in nothing.
    if shown[-1] == "":
        shown.pop()
    else:
        shown[-1] += "\\"
    return shown


def _pieces(line):
    """One line of input as one or more of the file; a long one is cut where no character and no escape is torn."""
    shown = escape(line)
    pieces = []
    while len(shown) > 10 * WIDTH:
        cut = re.match(r"(?:\\x..|\\.|[^\\]){%d}" % (2 * WIDTH), shown)
        pieces.append(cut[0] + "\\")
        shown = shown[cut.end():]
    # A blank at the end would be lost in an editor.
    return pieces + [shown[:-1] + "\\x20" if shown.endswith(" ") else shown]


def _repeats(lines):
    shown, at = [], 0
    while at < len(lines):
        count = 1
        while at + count < len(lines) and lines[at + count] == lines[at]:
            count += 1
        shown += [f" *{count} |{lines[at]}"] if count > 2 else [f" |{lines[at]}"] * count
        at += count
    return shown


# -- reading -------------------------------------------------------------------------------------------------------

def read(content, client):
    """The calls of the file `client`."""
    found, data = [], None
    for number, line in enumerate(content.split("\n"), 1):
        try:
            if data is not None and (match := re.match(r" (?:\*(\d+) )?\|(.*)$", line)):
                data += int(match[1] or 1) * _octets(match[2])
                found[-1].stdin = bytes(data)
            elif line.startswith("== "):
                found.append(Call(client, line[3:], []))
                data = None
            elif line == "input:":
                data = bytearray()
            elif line and not line.startswith("#"):
                _setting(found[-1], *re.match(r"([a-z ]+): (.*)$", line).groups())
        except (TypeError, AttributeError, IndexError, KeyError, ValueError) as error:
            raise Malformed(f"{client}.txt:{number}: {line[:60]!r}: {error}") from None
    if any(not call.argv for call in found) or len({call.name for call in found}) != len(found):
        raise Malformed(f"{client}.txt: a call has no argv, or two have one name")
    return found


def _setting(call, key, value):
    if key == "argv":
        call.argv = shlex.split(unescape(value))
    elif key == "env":
        name, equals, rest = unescape(value).partition("=")
        if not equals:
            raise ValueError("no =")
        call.env[name] = rest
    elif key in FACTS:
        call.facts[key] = unescape(value)
    elif key in SIGNALS:
        setattr(call, key, value.split())
    elif key == "note":
        call.notes.append(value)
    elif key.startswith("expect ") and key[7:] in EXPECT:
        call.expect.append((key[7:], "" if value == "''" else unescape(value)))
    else:
        raise KeyError(f"unknown: {key}")


def unescape(shown):
    return _unescaped(shown).decode("utf-8", "surrogateescape")


def _unescaped(shown):
    def octets(match):
        code = match[1]
        if code[0] == b"x"[0]:
            return bytes([int(code[1:], 16)])
        return {b"\\": b"\\", b"r": b"\r", b"t": b"\t", b"n": b"\n", b"h": host().encode(), b"f": full_host().encode()}[code]
    return re.sub(rb"\\(x[0-9a-f]{2}|.)", octets, shown.encode("utf-8", "surrogateescape"))


def _octets(shown):
    """A line of input: its octets, with the LF if it has one."""
    goes_on = len(shown) - len(shown.rstrip("\\"))
    return _unescaped(shown[:-1]) if goes_on % 2 else _unescaped(shown) + b"\n"


def summary():
    """How much there is."""
    everything = calls()
    driven = [call for call in everything if "recorded" in call.notes]
    names = sorted({call.client for call in driven})
    return (f"{len({call.client for call in everything})} clients, {len(everything)} calls; driven: {len(names)} clients, "
            f"{len(driven)} calls: {', '.join(names)}")


if __name__ == "__main__":
    print(summary())
