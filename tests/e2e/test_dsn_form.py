"""Every line of a delivery report is one that other programs read: what lib/report.py checks, with odd names, addresses,
texts and messages.
"""
import pytest

from lib.report import Report
from test_dsn import BODY, SENDER, flush, queue, queued, setup  # noqa: F401 (fixtures)


# -- names of servers ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("listen, name", [("127.0.0.1", "[127.0.0.1]"), ("::1", "[IPv6:::1]")])
def test_an_address_is_named_as_a_literal(setup, queued, listen, name):
    server, rc = setup(listen=listen)
    [report] = queued(server, rc, "-f", SENDER, "gone@y.test")
    assert report.of_one["Remote-MTA"] == f"dns; {name}"


@pytest.mark.parametrize("domain, name", [("bücher.example", "xn--bcher-kva.example"), ("[192.0.2.1]", "[192.0.2.1]"), ("h_1", "h_1")])
def test_the_own_name_is_one_that_dns_knows(setup, queued, domain, name):
    server, rc = setup({"domain": domain})
    [report] = queued(server, rc, "-f", SENDER, "gone@y.test")
    assert report.message["Reporting-MTA"] == f"dns; {name}" and f"mail system of {name}." in report.text.get_content()
    assert server.connections[0].helo == name
