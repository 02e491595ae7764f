"""A relayrc with several accounts, and what its log says.

    text = several(pki, {"one": {"server": first, "fallback": "two"}, "two": {"server": second}}, default="one", queue="on")
    servers_of(log_file)        of each recipient's line: (recipient, host, account, status)
"""
import re
from pathlib import Path

TLS = {"none": {"tls": "off"}, "starttls": {"tls_starttls": "on"}, "implicit": {"tls_starttls": "off"}}
LINE = re.compile(r"to=<([^>]*)>, relay=([^\[, ]+)\S*, .* status=(\w+) \(.*\), account=(\S+), ")


def of_server(pki, server):
    if server is None:
        return {}
    values = {"host": server.host, "port": server.port} | TLS[server.options.tls]
    return values | ({} if server.options.tls == "none" else {"tls_trust_file": pki.ca})


def section(pki, server=None, **settings):
    """The lines of one account; a list is one line for each; None leaves a setting out."""
    values = of_server(pki, server) | {name.rstrip("_"): value for name, value in settings.items()}
    return "".join(f"{name} {one}\n" for name, value in values.items() if value is not None
                   for one in (value if isinstance(value, list) else [value]))


def several(pki, accounts, default=None, **common):
    """`common` is for all of them; `default` is the name of one: without it there is none."""
    text = "defaults\n" + section(pki, **({"from_": "sender@mail.test", "queue": "off"} | common))
    for name, settings in accounts.items():
        text += f"\naccount {name}\n" + section(pki, **settings)
    return text + (f"\naccount default : {default}\n" if default else "")


def servers_of(log):
    found = LINE.findall(Path(log).read_text())
    return [(to, host, account, status) for to, host, status, account in found]
