# SPDX-License-Identifier: ISC
"""What sendmail and relay can be told, read from the tables of the source and the SYNOPSIS of relay(1).

    read(top)   Tables: .options, .operands, .settings

Every row stands on one line; one that is not understood ends the program, so that nothing is left out unnoticed.
"""
import re
import sys
from dataclasses import dataclass, field

STRING = r'"((?:[^"\\]|\\.)*)"'
OPTION = re.compile(rf"^OPTION\((\w+), (?:'(.)'|0), (?:{STRING}|NULL), (\w+), (\w+), {STRING}\)$")
VALUE = re.compile(rf"^VALUE\('(.)', {STRING}, (\w+), (\w+), (\w+), (\w+), {STRING}\)$")
KEY = re.compile(rf'^KEY\((\w+), "(\w+)", TYPE_(\w+), (?:{STRING}|NULL), [^",]+, [^",]+, (?:{STRING}|NULL), ([^"]+), {STRING}\)$')

# Kinds of what is not one of a few words.
FILE, FOLDER, ACCOUNT, ID = ":file", ":folder", ":account", ":id"
KIND_OF_EFFECT = {"FILE": FILE, "LOGFILE": FILE, "ACCOUNT": ACCOUNT}
KIND_OF_TYPE = {"PATH": FILE, "ACCOUNTS": ACCOUNT}
KIND_OF_ARGUMENT = {"file": FILE, "folder": FOLDER, "account": ACCOUNT, "ID": ID}
# Words of the syntax of relayrc, not settings.
SYNTAX = {"account": "begins an account, or several with one parent", "defaults": "settings of all accounts behind it",
          "eval": "a command that prints the line"}


@dataclass
class Option:
    """value: "" none; else what can stand there: words, one of the kinds, or "other" for anything."""
    name: str
    summary: str = ""
    value: str = ""
    is_optional: bool = False       # then it has to be attached, with = for a long name
    has_equals: bool = False        # its value may stand behind =


@dataclass
class Setting:
    name: str
    type: str
    words: list         # every spelling
    summary: str
    flags: set

    @property
    def offered(self):
        """What to offer as its value; "" where it is anything."""
        first = [word.split("|")[0] for word in self.words] if self.type in ("ENUM", "MECHANISMS") else []
        if self.type == "BOOL":
            first = ["on", "off"]
        elif self.type == "MECHANISMS":
            first = ["on", "off", *first]
        elif self.type == "NOTIFY":
            first = ["off", "never", "failure", "delay", "success"]
        elif "KEY_CAN_BE_OFF" in self.flags:
            first = ["off"]
        return " ".join(first) or KIND_OF_TYPE.get(self.type, "")

    @property
    def allowed(self):
        """All that its value can be; empty where it is more than words."""
        if self.type == "BOOL":
            return ["on", "off"]
        return [spelling for word in self.words for spelling in word.split("|")] if self.type == "ENUM" else []

    @property
    def is_current(self):
        return not self.flags & {"KEY_OBSOLETE", "KEY_LATER"}


@dataclass
class Tables:
    """The path of a command is its words: "relay", "relay queue", "relay queue show"; and "sendmail"."""
    options: dict = field(default_factory=dict)     # path → list of Option
    operands: dict = field(default_factory=dict)    # path → list of (word or kind, summary)
    settings: list = field(default_factory=list)


def rows(path, start, pattern):
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        if line.startswith(start):
            found = pattern.match(line.rstrip("\n"))
            if not found:
                sys.exit(f"{path}:{number}: not understood; keep each row on one line")
            yield found.groups()


def read_settings(path):
    return [Setting(name, kind, (words or "").split(), summary, set(flags.split(" | ")))
            for _, name, kind, _, words, flags, summary in rows(path, "KEY(", KEY)]


def is_value_optional(setting):
    """As is_value_optional() of app/options.c."""
    return setting.type in ("BOOL", "MECHANISMS") or (
        setting.type == "ENUM" and bool(re.search(r"^on|[ ]on|auto", " ".join(setting.words))))


def sendmail_options(path, settings):
    found, letters = [], {}
    for effect, letter, name, argument, treatment, summary in rows(path, "OPTION(", OPTION):
        # -b and -o are nothing without a word; -M is only there for old programs.
        if treatment != "HONOURED" or effect in ("NONE", "NO_SUCH_MODE") and letter not in "bo":
            continue
        letters[letter] = summary.rstrip(":")
        value = "" if argument == "NONE" else KIND_OF_EFFECT.get(effect, "other")
        for written in filter(None, (letter and f"-{letter}", name and f"--{name}")):
            found.append(Option(written, summary.rstrip(":"), value, argument == "ATTACHED", written.startswith("--")))
    for letter, word, match, argument, treatment, _, summary in rows(path, "VALUE(", VALUE):
        if treatment == "HONOURED" and word and letter in letters and summary != "the same":
            value = "" if (match, argument) == ("WHOLE", "NONE") else "other"
            found.append(Option(f"-{letter}{word}", summary, value, bool(value) and argument == "NONE"))
    found = [option for option in found if option.name not in ("-b", "-o")]
    names = {option.name for option in found}
    for setting in settings:
        name = "--" + setting.name.replace("_", "-")
        if setting.is_current and "KEY_NO_OPTION" not in setting.flags and name not in names:
            found.append(Option(name, setting.summary, setting.offered or "other", is_value_optional(setting), True))
    return found


def c_table(path, name="commands"):
    """Of each row of a C table its name, which stands first, and its summary, which stands third or is ""."""
    text = open(path, encoding="utf-8").read()
    table = re.search(rf"\b{name}\[\] = {{\n(.*?)\n}};", text, re.S)
    found = re.findall(rf'{{ "(\w+)", \w+,(?:\s*{STRING})?', table[1]) if table else []
    if not found:
        sys.exit(f"{path}: the table {name} was not found")
    return found


def synopsis(path):
    """The forms of relay(1): for each a list of macro lines, each a list of its words."""
    text = open(path, encoding="utf-8").read().split(".Sh SYNOPSIS\n")[1].split(".Sh ")[0]
    return [[line.lstrip(".").split() for line in form.splitlines()] for form in text.split(".Nm\n")[1:]]


def add_operands(tables, paths, words, programs):
    """`Ar ID ... | Cm ALL | Fl` and the like; what stands behind a nested Op follows."""
    now, _, behind = " ".join(words).partition(" Op ")
    offered = []
    for part in now.replace("...", "").split("|"):
        macro, _, name = part.strip().partition(" ")
        if macro == "Cm":
            offered.append((name, ""))
        elif macro == "Fl" and not name:
            offered.append(("-", "IDs from standard input"))
        elif name == "program":
            offered += [(program, "") for program in programs]
        elif name in KIND_OF_ARGUMENT:
            offered.append((KIND_OF_ARGUMENT[name], ""))
    for path in paths:
        tables.operands.setdefault(path, []).extend(offered)
    if behind:
        add_operands(tables, [f"{path} {word}" for path in paths for word, _ in offered if word[0] != ":"],
                     behind.split(), programs)


def add_form(tables, form, summaries, programs):
    """One form of a command: what it takes, for its first word and those behind it."""
    paths, options = ["relay"], []
    for macro, *words in form:
        if macro == "Cm":
            paths = [f"{path} {word}" for path in paths[-1:] for word in " ".join(words).replace("|", " ").split()]
            for path in paths:
                parent, _, word = path.rpartition(" ")
                known = tables.operands.setdefault(parent, [])
                if parent != "relay" and word not in [w for w, _ in known]:
                    known.append((word, summaries.get(path, "")))
        elif (macro, words[:1]) == ("Op", ["Fl"]):
            is_long = words[1] == "Fl"
            name = "--" + words[2] if is_long else "-" + words[1]
            options.append((name, KIND_OF_ARGUMENT.get(words[-1], "other") if "Ar" in words else ""))
        else:
            add_operands(tables, paths, words if macro == "Op" else [macro, *words], programs)
        # Options are taken before and behind the second word.
        for path in paths:
            known = tables.options.setdefault(path, [])
            names = {option.name for option in known}
            known += [Option(name, summaries.get(name, ""), value) for name, value in options if name not in names]


def read(top):
    source = f"{top}/src/app"
    tables = Tables(settings=read_settings(f"{top}/src/conf/keys.def"))
    tables.options["sendmail"] = sendmail_options(f"{source}/options.def", tables.settings)
    summaries = {o.name: re.sub(r"^with -\w+: ", "", o.summary) for o in tables.options["sendmail"]}
    tables.operands["relay"] = c_table(f"{source}/relay.c")
    summaries.update((f"relay password {name}", text) for name, text in c_table(f"{source}/password_command.c"))
    programs = [name for name, _ in c_table(f"{source}/import_command.c", "programs")]
    for form in synopsis(f"{top}/man/relay.1"):
        add_form(tables, form, summaries, programs)
    # Before its second word a command takes what any of its forms takes.
    for path in list(tables.options):
        parent = path.rpartition(" ")[0]
        if parent.count(" ") == 1:
            names = {option.name for option in tables.options.setdefault(parent, [])}
            tables.options[parent] += [o for o in tables.options[path] if o.name not in names]
    return tables


def undocumented(top, tables):
    """Commands that a table of the source has and the SYNOPSIS has not, or the other way round."""
    has = {name for name, _ in tables.operands["relay"]}
    shown = {path.split()[1] for path in tables.options if path.startswith("relay ")}
    wrong = [f"relay {name}: is in one of relay.c and the SYNOPSIS of relay.1 only" for name in sorted(has ^ shown)]
    for command in ("queue", "password"):
        rows_of = {name for name, _ in c_table(f"{top}/src/app/{command}_command.c")}
        words = {word for word, _ in tables.operands.get(f"relay {command}", []) if word[0] not in ":-"}
        wrong += [f"relay {command} {name}: is in one of {command}_command.c and the SYNOPSIS of relay.1 only"
                  for name in sorted(rows_of ^ words)]
    return wrong
