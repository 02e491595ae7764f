#!/usr/bin/python3
"""demo_server.py DIRECTORY [PORT]: the submission server of tests/demo.

Implicit TLS, AUTH PLAIN or SCRAM-SHA-256 required, on a port of loopback. Writes into DIRECTORY: ca.pem, password, port
(when it is listening), arrived (when a message has come). Runs until it is killed, or two minutes. Started again in the
same DIRECTORY it has the same certificate and password.
"""
import os
import secrets
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from lib.pki import Pki  # noqa: E402
from lib.scripted import ScriptedServer  # noqa: E402


def publish(file, text):
    """The file appears with its whole content, or not at all."""
    new = file.with_suffix(".new")
    new.write_text(text)
    os.rename(new, file)


def describe(message):
    connection = message.connection
    lines = [f"login      {connection.auth_user} with {connection.auth_mechanism}, {connection.tls_version}",
             f"envelope   from <{message.sender}>"]
    lines += [f"           to <{recipient}>" for recipient in message.recipients]
    lines += [f"content    {message.size} bytes by {message.via}:", ""]
    return "\n".join(lines) + "\n" + message.data.decode(errors="replace").replace("\r\n", "\n")


def main():
    directory = Path(sys.argv[1])
    pki = Pki(directory / "pki")
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    if not (directory / "password").exists():
        publish(directory / "password", secrets.token_urlsafe(12) + "\n")
    publish(directory / "ca.pem", pki.ca.read_text())
    users = {"demo@mail.test": (directory / "password").read_text().strip()}
    with ScriptedServer(pki, port=port, tls="implicit", auth=["PLAIN", "SCRAM-SHA-256"], users=users) as server:
        publish(directory / "port", f"{server.port}\n")
        server.wait_for("BODY", seconds=120)
        server.settle()
        publish(directory / "arrived", describe(server.messages[0]))


main()
