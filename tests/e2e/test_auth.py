"""The login: which mechanism is chosen, what each of them says, and how a login fails.

A login that fails ends the run with 75 and one line that names mechanism and user, never the password; there is one
attempt, and nothing but the login has been sent. Secrets and where they show up: test_auth_secrets.py.
"""
import base64

import pytest

from lib.hostile import on, reply
from lib.wire import Closed

MESSAGE = b"From: sender@mail.test\nSubject: x\n\ntext\n"
USER, PASSWORD, TOKEN = "user@mail.test", "xyzzy-Plugh-9", "ya29.T0ken-of_the~tests/+=="
SHOWING = ["PLAIN", "LOGIN"]
SCRAM = ["SCRAM-SHA-1", "SCRAM-SHA-256"]
PLUS = ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]
BEARER = ["OAUTHBEARER", "XOAUTH2"]
PASSWORDS = SHOWING + ["CRAM-MD5"] + SCRAM + PLUS
ALL = PASSWORDS + BEARER + ["EXTERNAL"]
TLS = pytest.mark.parametrize("tls", ["implicit", "starttls"])


@pytest.fixture
def login(scripted, relayrc, run_sendmail, pki):
    """login(["PLAIN"], {settings}, …server options) -> (Result, server). Password and token are right unless set."""
    def call(offered, settings=None, tls="implicit", args=(), **options):
        server = scripted(**{"tls": tls, "auth": offered, "users": {USER: PASSWORD}, "tokens": {USER: TOKEN}} | options)
        values = {"user": USER, "password": PASSWORD, "timeout": 5} | (settings or {})
        if "bearer" in str(values.get("auth")) or "xoauth2" in str(values.get("auth")):
            values["password"] = (settings or {}).get("password", TOKEN)
        done = run_sendmail(["-i", *args, "r@mail.test"], MESSAGE, relayrc(server, **values))
        return done, server.settle()
    return call


def accepted(done, server):
    """The connection."""
    assert (done.rc, done.err, done.out) == (0, "", "")
    assert server.violations == [] and len(server.messages) == 1
    [connection] = server.connections
    return connection


def refused(done, server, *words, attempts=1, status=75):
    """One line with all the words; `attempts` at the login and no mail. The line."""
    assert (done.rc, done.out, server.messages, server.violations) == (status, "", [], [])
    [line] = done.err.splitlines()
    assert line.startswith("sendmail: ") and line.isprintable()
    for word in words:
        assert word in line
    assert PASSWORD not in line and TOKEN not in line
    verbs = [v for c in server.connections for v in c.verbs]
    assert verbs.count("AUTH") == attempts and len(server.connections) <= 1
    return line


def initial(connection):
    """The initial response, decoded; None if there was none."""
    [line] = [c for c in connection.commands if c.startswith("AUTH ")]
    words = line.split(" ")
    return None if len(words) == 2 else base64.b64decode(words[2] if words[2] != "=" else "")


# -- every mechanism ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("tls", ["implicit", "starttls", "none"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"] + SCRAM + BEARER)
def test_mechanism_logs_in(login, tls, mechanism):
    settings = {"auth": mechanism.lower(), "auth_cleartext": "on"}
    connection = accepted(*login([mechanism], settings, tls))
    assert (connection.auth_mechanism, connection.auth_user) == (mechanism, USER)


@pytest.mark.parametrize("mechanism", ALL)
def test_initial_response(login, pki, mechanism):
    """A round trip less, where the mechanism has one."""
    settings = {"auth": mechanism.lower()}
    if mechanism == "EXTERNAL":
        own = pki.client("joe")
        settings |= {"user": None, "password": None, "tls_cert_file": own.cert, "tls_key_file": own.key}
    connection = accepted(*login([mechanism], settings, client_ca=pki.ca))
    first = initial(connection)
    expected = {"PLAIN": f"\0{USER}\0{PASSWORD}", "LOGIN": None, "CRAM-MD5": None, "EXTERNAL": "",
                "XOAUTH2": f"user={USER}\1auth=Bearer {TOKEN}\1\1"}
    if mechanism in expected:
        assert first == (None if expected[mechanism] is None else expected[mechanism].encode())
    elif mechanism == "OAUTHBEARER":
        assert first.startswith(f"n,a={USER},\1".encode()) and f"\1auth=Bearer {TOKEN}\1\1".encode() in first
        assert (connection.auth_seen["host"], connection.auth_seen["port"].isdigit()) == ("127.0.0.1", True)
    else:
        assert first.startswith(b"p=tls-exporter,,n=" if "PLUS" in mechanism else b"n,,n=")


@TLS
@pytest.mark.parametrize("version, binding", [("TLSv1_2", "tls-unique"), ("TLSv1_3", "tls-exporter")])
@pytest.mark.parametrize("mechanism", PLUS)
def test_channel_binding(login, tls, version, binding, mechanism):
    """The server compares: an exchange that somebody relays over another TLS session fails."""
    connection = accepted(*login(PASSWORDS, {"auth": mechanism.lower()}, tls, max_tls=version))
    assert (connection.auth_mechanism, connection.auth_user) == (mechanism, USER)
    assert connection.auth_seen["binding"] == binding


def test_plus_is_not_used_without_tls(login):
    done, server = login(PLUS, {"auth": "on"}, "none")
    refused(done, server, "SCRAM-SHA-256-PLUS", attempts=0)
    assert accepted(*login(PLUS + ["SCRAM-SHA-1"], {"auth": "on"}, "none")).auth_mechanism == "SCRAM-SHA-1"


@TLS
@pytest.mark.parametrize("user, identity", [(None, ""), ("joe", "joe")])
def test_external_takes_the_identity_of_the_client_certificate(login, pki, tls, user, identity):
    own = pki.client("joe")
    settings = {"auth": "external", "user": user, "password": None, "tls_cert_file": own.cert, "tls_key_file": own.key}
    connection = accepted(*login(["PLAIN", "EXTERNAL"], settings, tls, client_ca=pki.ca))
    assert (connection.auth_mechanism, connection.auth_user) == ("EXTERNAL", "joe")
    assert connection.auth_seen["authzid"] == identity


def test_external_as_somebody_else_is_refused(login, pki):
    own = pki.client("joe")
    settings = {"auth": "external", "user": "jane", "password": None, "tls_cert_file": own.cert, "tls_key_file": own.key}
    refused(*login(["EXTERNAL"], settings, client_ca=pki.ca), "EXTERNAL", "jane", "535 5.7.8")


def test_user_with_characters_that_mechanisms_reserve(login):
    """SCRAM and GS2 names write "," and "=" otherwise."""
    user = "a,b=c d@mail.test"
    for mechanism in SHOWING + ["CRAM-MD5"] + SCRAM:
        connection = accepted(*login([mechanism], {"user": user, "auth": mechanism.lower()}, users={user: PASSWORD}))
        assert connection.auth_user == user
    coded = user.replace("=", "=3D").replace(",", "=2C")
    assert accepted(*login(["OAUTHBEARER"], {"user": user, "auth": "oauthbearer"}, tokens={coded: TOKEN})).auth_user == coded


# -- the choice -----------------------------------------------------------------------------------------------------

# With TLS. CRAM-MD5 hides the password from the server alone, which has to keep it readable for that.
ORDER = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5"]
WITHOUT_TLS = ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"]


@TLS
@pytest.mark.parametrize("auth", [None, "on"])
@pytest.mark.parametrize("best", ORDER)
def test_strongest_is_chosen(login, tls, auth, best):
    # The order in which the server names them does not matter, nor those that only a name in `auth` allows.
    for offered in (ORDER[ORDER.index(best):] + BEARER, ["EXTERNAL"] + ORDER[ORDER.index(best):][::-1]):
        connection = accepted(*login(offered, {"auth": auth}, tls))
        assert connection.auth_mechanism == best


@pytest.mark.parametrize("best", WITHOUT_TLS)
def test_without_tls_what_shows_the_password_is_last(login, best):
    offered = WITHOUT_TLS[WITHOUT_TLS.index(best):][::-1]
    settings = {"auth": "on", "auth_cleartext": "on"}
    assert accepted(*login(offered, settings, "none")).auth_mechanism == best


@pytest.mark.parametrize("auth, offered, chosen", [
    ("plain", PASSWORDS, "PLAIN"), ("PLAIN", PASSWORDS, "PLAIN"), ("login", PASSWORDS, "LOGIN"),
    ("login plain", PASSWORDS, "PLAIN"), ("cram-md5,scram-sha-1", PASSWORDS, "SCRAM-SHA-1"),
    ("cram-md5, login", PASSWORDS, "LOGIN"), ("scram-sha-1 scram-sha-1-plus", PASSWORDS, "SCRAM-SHA-1-PLUS"),
    ("scram-sha-256 cram-md5", ["CRAM-MD5", "PLAIN"], "CRAM-MD5"), ("plain xoauth2", ["PLAIN", "LOGIN"], "PLAIN"),
])
def test_account_allows_some(login, auth, offered, chosen):
    assert accepted(*login(offered, {"auth": auth, "password": PASSWORD})).auth_mechanism == chosen


@TLS
@pytest.mark.parametrize("auth, offered", [("scram-sha-256", ["PLAIN", "LOGIN"]), ("plain", ["LOGIN", "CRAM-MD5"]),
                                           ("on", ["XOAUTH2", "EXTERNAL"]), ("external", ["PLAIN"])])
def test_nothing_in_common(login, tls, auth, offered):
    done, server = login(offered, {"auth": auth}, tls)
    line = refused(done, server, *offered, attempts=0)
    assert auth in line or auth == "on"


@pytest.mark.parametrize("tls", ["implicit", "starttls", "none"])
def test_no_login_is_offered(login, tls):
    done, server = login([], {"auth": "on"}, tls)
    refused(done, server, "offers no login", attempts=0)
    assert "MAIL" not in server.connections[0].verbs


def test_no_user_no_login(login):
    connection = accepted(*login(["PLAIN"], {"user": None, "password": None}, auth_required=False))
    assert "AUTH" not in connection.verbs
    connection = accepted(*login(["PLAIN"], {"auth": "off"}, auth_required=False))
    assert "AUTH" not in connection.verbs


# -- without TLS ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("offered", [["PLAIN"], ["LOGIN"], ["PLAIN", "LOGIN"], ["PLAIN", "OAUTHBEARER"], ["CRAM-MD5"]],
                         ids="-".join)
@pytest.mark.parametrize("auth", ["on", "plain login scram-sha-1", "oauthbearer scram-sha-1", "scram-sha-256"])
def test_without_tls_no_password_is_shown(login, offered, auth):
    done, server = login(offered, {"auth": auth}, "none")
    refused(done, server, offered[0], attempts=0)
    assert server.connections[0].verbs[0] == "EHLO" and "MAIL" not in server.connections[0].verbs


@pytest.mark.parametrize("settings, word", [
    ({}, "tls"), ({"auth": "plain"}, "auth_cleartext"), ({"auth": "login plain"}, "auth_cleartext"),
    ({"auth": "xoauth2"}, "auth_cleartext"), ({"auth_cleartext": "on"}, "auth on"),
])
def test_without_tls_a_login_has_to_be_asked_for(login, settings, word):
    done, server = login(PASSWORDS, settings, "none")
    refused(done, server, word, status=78, attempts=0)
    assert server.connections == []


def test_without_tls_cram_md5_only_by_name(login):
    assert accepted(*login(["CRAM-MD5"], {"auth": "cram-md5"}, "none")).auth_mechanism == "CRAM-MD5"


# -- a login that fails ---------------------------------------------------------------------------------------------

@TLS
@pytest.mark.parametrize("mechanism", ALL)
def test_wrong_password(login, pki, tls, mechanism):
    """All are offered, and yet there is one attempt: more could lock the account."""
    wrong = {"auth": f"{mechanism.lower()}", "password": "Wr0ng-one"}
    if mechanism == "EXTERNAL":
        wrong["password"] = None
    done, server = login(ALL, wrong, tls, client_ca=pki.ca)
    line = refused(done, server, mechanism, USER, "login", "127.0.0.1", "535 5.7.8")
    assert "Wr0ng" not in line
    assert server.connections[0].auth_user is None


@pytest.mark.parametrize("offered", [ORDER, ["PLAIN", "LOGIN", "CRAM-MD5"]], ids=["all", "weak"])
def test_wrong_password_is_not_tried_with_another_mechanism(login, offered):
    refused(*login(offered, {"password": "Wr0ng-one"}), offered[0], USER)


@pytest.mark.parametrize("said, words", [
    ("535 5.7.8 Username and Password not accepted. For more, go to https://support.example/?p=1", "support.example"),
    ("534 5.7.9 Application-specific password required", "Application-specific"), ("454 4.7.0 later", "454 4.7.0 later"),
    ("535-5.7.8 two\n535 5.7.8 lines", "two"), ("530 5.7.0 Must issue STARTTLS", "STARTTLS"), ("535", "535"),
    ("538 5.7.11 Encryption required", "538"), ("432 4.7.12 change the password", "432")])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_words_of_the_server_are_shown(login, mechanism, said, words):
    rules = [on("AUTH-END", reply(said), nth=None)]
    refused(*login([mechanism], rules=rules), words, mechanism, USER)


@pytest.mark.parametrize("mechanism", BEARER)
def test_refused_token_shows_the_reason(login, mechanism):
    """The reason comes as a challenge, which has to be answered before the server says 535."""
    done, server = login([mechanism], {"auth": mechanism.lower(), "password": "Wr0ng-token"})
    line = refused(done, server, mechanism, USER, "invalid_token")
    assert "Wr0ng" not in line
    assert server.connections[0].responses == [{"OAUTHBEARER": "AQ==", "XOAUTH2": ""}[mechanism]]


@pytest.mark.parametrize("mechanism", BEARER)
@pytest.mark.parametrize("token", ["with blank", "with\ttab", "ümlaut"])
def test_token_that_is_none_is_not_sent(login, mechanism, token):
    done, server = login([mechanism], {"auth": mechanism.lower(), "passwordeval": f"printf '%s\\n' '{token}'", "password": None})
    refused(done, server, "token", attempts=0, status=done.rc)
    assert done.rc in (75, 78) and token not in done.err


# -- a server that is not the right one -----------------------------------------------------------------------------

def nothing_follows(server):
    [connection] = server.connections
    assert not {"MAIL", "RCPT", "DATA", "BDAT"} & set(connection.verbs)
    assert connection.auth_user is None or connection.ended


@TLS
@pytest.mark.parametrize("mechanism", SCRAM + PLUS)
def test_wrong_server_signature_is_fatal(login, tls, mechanism):
    done, server = login([mechanism, "PLAIN"], {"auth": "on"}, tls, scram_wrong_signature=True)
    refused(done, server, mechanism, USER, "impostor")
    nothing_follows(server)


@pytest.mark.parametrize("step", ["AUTH", "AUTH-STEP"])
@pytest.mark.parametrize("mechanism", SCRAM + PLUS)
def test_server_that_gives_no_signature_is_not_believed(login, mechanism, step):
    def done_already(session, normal):
        session.wire.put(b"235 2.7.0 welcome\r\n")
        session.wire.flush()
        session.wire.gather()
        session.record.commands += session.wire.buffer.decode().splitlines()
        raise Closed("ours")
    done, server = login([mechanism], rules=[on(step, done_already)])
    refused(done, server, mechanism)
    nothing_follows(server)


@pytest.mark.parametrize("mechanism", SCRAM)
@pytest.mark.parametrize("options, word", [({"scram_nonce": "fixed"}, ""), ({"scram_iterations": 2_000_000_000}, "rounds")])
def test_scram_that_makes_no_sense_is_cancelled(login, mechanism, options, word):
    done, server = login([mechanism], **options)
    refused(done, server, mechanism, USER, word)
    # Not even the proof was given.
    assert server.connections[0].responses in ([], ["*"])
    nothing_follows(server)


@pytest.mark.parametrize("text", ["334 not*base64", "334", "334 cj1h", "334 " + "A" * 3000, "250 ok", "221 bye", "xyz"])
@pytest.mark.parametrize("mechanism", ["LOGIN", "CRAM-MD5", "SCRAM-SHA-256"])
def test_odd_challenges_end_the_login(login, mechanism, text):
    """Endless, empty and malformed ones: an error, and no mail."""
    def odd(session, normal):
        for _ in range(60):
            session.wire.put(text.encode() + b"\r\n")
            session.wire.flush()
            session.record.note_response(session.wire.line().decode().strip())
        raise Closed("ours")
    done, server = login([mechanism], rules=[on("AUTH", odd)])
    assert done.rc == 75 and done.err.count("\n") == 1 and PASSWORD not in done.err
    nothing_follows(server)
    assert len(server.connections[0].responses) < 40
