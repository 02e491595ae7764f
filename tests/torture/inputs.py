"""What the test suites feed to their parsers: messages and address strings, with the name of where they stand.

    messages(folders)   [("python/msg_01.txt", b"…"), …]     files, and texts inside the tests that look like messages
    addresses(folders)  [("python/test_utils.py:17", "…"), …]     strings of the tests that look like addresses

They are found, not understood: a test may want its input refused.
"""
import ast
import re

HEADER = re.compile(rb"\A(?:From .*\n)?(?:[!-9;-~]+[ \t]*:.*\r?\n(?:[ \t].*\r?\n)*)+(?:\r?\n|\Z)")
ENDS = "([{<", ")]}>"


def messages(folders):
    found = []
    for name, folder in folders.items():
        for file in _files(folder):
            short = f"{name}/{file.name}"
            if file.suffix == ".mbox":
                found += [(f"{short}:{i}", text) for i, text in enumerate(_split(file.read_bytes()), 1)]
            elif _is_message(file):
                found.append((short, file.read_bytes()))
            elif file.suffix in (".py", ".t"):
                found += [(f"{short}:{line}", _bytes(text)) for line, text in _strings(file) if "\n" in text]
    seen, kept = set(), []
    for name, text in found:
        if text not in seen and (HEADER.match(text) or ":" not in name):
            seen.add(text)
            kept.append((name, text))
    return kept


def addresses(folders):
    kept = {}
    for name, folder in folders.items():
        for file in (f for f in _files(folder) if f.suffix in (".py", ".t")):
            about = re.search(r"addr|internet|extract|header|utils|test_email\.py|113fieldu|11[67]fieldu|400msg|pathological|"
                              r"order|quot|ascii|cache|comma|format|tests", file.name, re.I)
            for line, text in _strings(file) if about else []:
                if "@" in text and len(text) < 2000 and not HEADER.match(_bytes(text)):
                    kept.setdefault(text, f"{name}/{file.name}:{line}")
    return [(where, text) for text, where in kept.items()]


def _files(folder):
    """Python's test suite is of all of Python."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and ("python" not in folder.name or "test_email" in p.parts))


def _bytes(text):
    return text.encode("utf-8", "surrogateescape")


def _is_message(file):
    return file.suffix == ".msg" or "test-mails" in file.parts or \
        (file.parent.name == "data" and file.name.startswith("msg_")) or \
        (file.parent.name == "Mail" and file.suffix != ".gif")


def _split(mbox):
    return [b"From " + text for text in re.split(rb"(?:\A|\n)From (?=\S+ +\w{3} \w{3})", mbox)[1:]]


def _strings(file):
    if file.suffix == ".py":
        found = _python_strings(file.read_bytes())
    else:
        found = _perl_strings(file.read_text(encoding="utf-8", errors="surrogateescape"))
    for line, text in found:
        text = text.replace("-- ATAT --", "@")
        # Half a character (U+D800 …) cannot be given to a program.
        if not re.search("[\ud800-\udc7f\udd00-\udfff]", text):
            yield line, text


def _python_strings(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
            value = node.value
            yield node.lineno, value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def _perl_strings(text):
    """Here-documents, and strings in quotes or q and its like; a guess, for Perl can only be parsed by perl."""
    yield from ((number, line.strip()) for number, line in _data(text))
    i = 0
    token = re.compile(r"<<\s*(?P<h>[\"']?)(?P<tag>[A-Z_]\w*)(?P=h)|\b(?P<q>qq?)\s*(?P<open>[\[({<|!/])|(?P<s>[\"'])|#[^\n]*")
    while match := token.search(text, i):
        i = match.end()
        line = text.count("\n", 0, match.start()) + 1
        if match["tag"]:
            start = text.find("\n", i) + 1
            end = re.compile(rf"^{match['tag']}$", re.M).search(text, start)
            if end:
                yield line, text[start:end.start()]
        elif match["s"] or match["q"]:
            open_ = match["s"] or match["open"]
            body, i = _until(text, i, open_)
            interpolates = match["s"] == '"' or match["q"] == "qq"
            yield line, _unescape(body, interpolates, open_)


def _data(text):
    _, mark, rest = text.partition("\n__DATA__\n")
    start = text.count("\n", 0, len(text) - len(rest)) + 1 if mark else 0
    return [(start + n, line) for n, line in enumerate(rest.splitlines())] if mark else []


def _until(text, i, open_):
    close = ENDS[1][ENDS[0].index(open_)] if open_ in ENDS[0] else open_
    start, depth = i, 1
    while i < len(text):
        c = text[i]
        if c == "\\":
            i += 1
        elif c == close:
            depth -= 1
            if depth == 0:
                break
        elif c == open_:
            depth += 1
        i += 1
    return text[start:i], i + 1


def _unescape(body, interpolates, open_):
    if not interpolates:
        return re.sub(r"\\([\\" + re.escape(open_) + "])", r"\1", body)
    known = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "e": "\33"}
    body = re.sub(r"\\x\{?([0-9A-Fa-f]{1,6})\}?", lambda m: chr(int(m[1], 16) % 0x110000), body)
    return re.sub(r"\\(.)", lambda m: known.get(m[1], m[1]), body)
