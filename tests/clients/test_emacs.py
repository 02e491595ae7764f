"""Emacs: mail-mode's and message-mode's ways to sendmail."""
import pytest
from private_root import PrivateRoot, check_strict

SCRIPT = """\
(require 'message)
(require 'sendmail)
(setq user-mail-address "alice@mail.test" user-full-name "Älice Liddell"
      send-mail-function 'sendmail-send-it message-send-mail-function 'message-send-mail-with-sendmail
      message-confirm-send nil message-kill-buffer-on-exit t)
(defvar text "Grüße\\n.\\nFrom me\\n")
"""
MESSAGE = SCRIPT + """\
(message-mail "joe@mail.test" "Größe: 日本語")
(save-excursion (message-goto-bcc) (insert "boss@mail.test"))
(message-goto-body)
(insert text)
(message-send)
"""
MAIL = SCRIPT + """\
(setq mail-interactive t)
(with-temp-buffer
  (insert "To: joe@mail.test, root\\nSubject: Größe\\nBcc: boss@mail.test\\n" mail-header-separator "\\n" text)
  (sendmail-send-it))
"""


class EmacsRoot(PrivateRoot):
    name = "emacs"

    def prepare(self):
        # It looks for the source of each compiled file; the package with all of it is large.
        for compiled in (self.root / "usr/share/emacs").rglob("*.elc"):
            compiled.with_suffix(".el").touch()


ROOT = EmacsRoot


@pytest.fixture
def emacs(root):
    def run(script):
        root.put("tmp/script.el", ";; -*- coding: utf-8 -*-\n" + script)
        root.run("emacs-nox", "-Q", "--batch", "--eval", "(setq native-comp-deferred-compilation nil)",
                 "-l", "/tmp/script.el", user="alice")
        return root.sent()
    return run


def test_message_mode(emacs, record):
    call, arrived = emacs(MESSAGE)
    check_strict(arrived)
    assert (arrived.sender, arrived.recipients) == ("alice@mail.test", ["boss@mail.test", "joe@mail.test"])
    assert arrived.field("Subject") == "Größe: 日本語" and arrived.address("From") == ("Älice Liddell", "alice@mail.test")
    assert arrived.text == "Grüße\n.\nFrom me\n"
    record("emacs", "message-mode", call, arrived)


def test_mail_mode(emacs, record):
    call, arrived = emacs(MAIL)
    check_strict(arrived)
    assert (arrived.sender, arrived.recipients) == ("account@mail.test", ["admin@mail.test", "boss@mail.test", "joe@mail.test"])
    assert arrived.field("Subject") == "Größe" and arrived.text == "Grüße\n.\nFrom me\n"
    record("emacs", "mail-mode, it waits for errors", call, arrived)
