"""Fixtures for one message to recipients of several accounts.

    three               three({options of the first server}, {…}, {…}, **settings): three servers, and ~/.relayrc with the
                        accounts default, two (to two.test, with a sender of its own) and three (to three.test)
    log                 their log file
"""
import contextlib

import pytest

from .accounts import several
from .hostile import on, reply_then_close
from .sessions import CountedServer

DOWN = {"rules": [on("GREETING", reply_then_close("fin", "421 4.3.2 busy"), nth=None)]}
SENDER, OTHER = "me@home.test", "two@mail.test"
A, B, C = "a@one.test", "b@two.test", "c@three.test"
ALL = (A, B, C)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def three(pki, home, log):
    with contextlib.ExitStack() as running:
        def make(*options, each=(), **settings):
            options = [*options, {}, {}, {}][:3]
            servers = [running.enter_context(CountedServer(pki, **o)) for o in options]
            routes = {"default": {"from_": SENDER}, "two": {"from_": OTHER, "to": "two.test"},
                      "three": {"from_": SENDER, "to": "three.test"}}
            home(".relayrc", several(pki, {name: {"server": server, **own, **dict(each).get(name, {})}
                                           for server, (name, own) in zip(servers, routes.items())},
                                     **({"queue": "on", "logfile": log} | settings)))
            return servers
        yield make


def received(server):
    return sorted(r for m in server.settle().messages for r in m.accepted)


def envelopes(server):
    return [(m.sender, m.accepted) for m in server.settle().messages]
