"""The server side of the SASL mechanisms a submission client may use.

Owns: PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1 and -256 with and without -PLUS, OAUTHBEARER, XOAUTH2, EXTERNAL. Each is a
generator: it yields challenges (bytes, before base64), is sent the client's responses, and returns the user name, or
raises AuthFailed. `first` is the initial response, or None if there was none.
"""
import base64
import hashlib
import hmac
import json
import os
import stringprep
import unicodedata
from dataclasses import dataclass, field


class AuthFailed(Exception):
    """The text is the reply's."""

    def __init__(self, reply="535 5.7.8 Error: authentication failed"):
        super().__init__(reply)
        self.reply = reply


@dataclass
class Credentials:
    """What the server knows, and what it saw: `seen` collects authzid, password, gs2 header and so on for the test."""
    users: dict = field(default_factory=dict)       # user -> password
    tokens: dict = field(default_factory=dict)      # user -> OAuth 2.0 bearer token
    certificate_user: str = None                    # from the client certificate, for EXTERNAL
    bindings: dict = field(default_factory=dict)    # channel binding type -> bytes
    plus_offered: bool = False
    wrong_signature: bool = False                   # SCRAM: lie in the server signature
    iterations: int = 4096
    server_nonce: str = None                        # SCRAM: fixed, and not an extension of the client's, if set
    seen: dict = field(default_factory=dict)


PROHIBITED = (stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3, stringprep.in_table_c4,
              stringprep.in_table_c5, stringprep.in_table_c6, stringprep.in_table_c7, stringprep.in_table_c8,
              stringprep.in_table_c9)


def saslprep(text):
    """RFC 4013, without its rule for right-to-left text."""
    mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c))
    text = unicodedata.normalize("NFKC", mapped)
    if any(prohibited(c) for c in text for prohibited in PROHIBITED):
        raise AuthFailed("535 5.7.8 password is not valid after SASLprep")
    return text


def check_password(creds, user, password):
    creds.seen.update(user=user, password=password)
    known = creds.users.get(user)
    if known is None or saslprep(known) != saslprep(password):
        raise AuthFailed()
    return user


def plain(creds, first):
    response = first if first is not None else (yield b"")
    parts = response.split(b"\0")
    if len(parts) != 3:
        raise AuthFailed("501 5.5.2 malformed PLAIN response")
    creds.seen["authzid"] = parts[0].decode()
    return check_password(creds, parts[1].decode(), parts[2].decode())


def login(creds, first):
    user = first if first is not None else (yield b"Username:")
    password = yield b"Password:"
    return check_password(creds, user.decode(), password.decode())


def cram_md5(creds, first):
    if first is not None:
        raise AuthFailed("501 5.7.0 CRAM-MD5 takes no initial response")
    challenge = f"<{os.urandom(8).hex()}@mail.test>".encode()
    user, _, digest = (yield challenge).decode().rpartition(" ")
    creds.seen["user"] = user
    password = saslprep(creds.users.get(user, "")).encode()
    if user not in creds.users or not hmac.compare_digest(hmac.new(password, challenge, "md5").hexdigest(), digest):
        raise AuthFailed()
    return user


def external(creds, first):
    authzid = (first if first is not None else (yield b"")).decode()
    creds.seen["authzid"] = authzid
    if creds.certificate_user is None or authzid not in ("", creds.certificate_user):
        raise AuthFailed()
    return creds.certificate_user


def _refuse_token(creds):
    yield json.dumps({"status": "invalid_token", "schemes": "bearer", "scope": "mail"}).encode()
    raise AuthFailed()


def oauthbearer(creds, first):
    response = (first if first is not None else (yield b"")).decode()
    gs2, *pairs = response.split("\x01")
    fields = dict(p.split("=", 1) for p in pairs if "=" in p)
    creds.seen.update(gs2=gs2, **fields)
    user = dict(p.split("=", 1) for p in gs2.split(",") if "=" in p).get("a", "")
    creds.seen["user"] = user
    if not response.endswith("\x01\x01") or creds.tokens.get(user) != fields.get("auth", "").removeprefix("Bearer "):
        yield from _refuse_token(creds)
    return user


def xoauth2(creds, first):
    response = (first if first is not None else (yield b"")).decode()
    fields = dict(p.split("=", 1) for p in response.split("\x01") if "=" in p)
    user = fields.get("user", "")
    creds.seen.update(fields)
    if not response.endswith("\x01\x01") or creds.tokens.get(user) != fields.get("auth", "").removeprefix("Bearer "):
        yield from _refuse_token(creds)
    return user


def scram(hash_name, plus):
    def mechanism(creds, first):
        message = (first if first is not None else (yield b"")).decode()
        flag, authzid, bare = message.split(",", 2)
        creds.seen.update(gs2=f"{flag},{authzid},", authzid=authzid.removeprefix("a="))
        binding = _binding(creds, flag, plus)
        fields = dict(p.split("=", 1) for p in bare.split(","))
        user = fields["n"].replace("=2C", ",").replace("=3D", "=")
        creds.seen["user"] = user
        nonce = creds.server_nonce or fields["r"] + base64.b64encode(os.urandom(12)).decode()
        salt = hashlib.sha256(user.encode()).digest()[:16]
        server_first = f"r={nonce},s={base64.b64encode(salt).decode()},i={creds.iterations}"
        final = (yield server_first.encode()).decode()
        without_proof, _, proof = final.rpartition(",p=")
        wanted = base64.b64encode(f"{flag},{authzid},".encode() + binding).decode()
        if without_proof != f"c={wanted},r={nonce}" or user not in creds.users:
            raise AuthFailed()
        salted = hashlib.pbkdf2_hmac(hash_name, saslprep(creds.users[user]).encode(), salt, creds.iterations)
        auth_message = f"{bare},{server_first},{without_proof}".encode()
        client_key = hmac.digest(salted, b"Client Key", hash_name)
        stored_key = hashlib.new(hash_name, client_key).digest()
        signature = hmac.digest(stored_key, auth_message, hash_name)
        if bytes(a ^ b for a, b in zip(client_key, signature)) != base64.b64decode(proof):
            raise AuthFailed()
        server_key = hmac.digest(salted, b"Server Key", hash_name)
        verifier = hmac.digest(server_key, auth_message, hash_name)
        if creds.wrong_signature:
            verifier = bytes(b ^ 1 for b in verifier)
        yield b"v=" + base64.b64encode(verifier)
        return user
    return mechanism


def _binding(creds, flag, plus):
    """The channel binding data the gs2 flag calls for, or AuthFailed."""
    if flag.startswith("p="):
        creds.seen["binding"] = flag[2:]
        if not plus or flag[2:] not in creds.bindings:
            raise AuthFailed("535 5.7.8 channel binding type not supported")
        return creds.bindings[flag[2:]]
    if plus:
        raise AuthFailed("535 5.7.8 -PLUS without channel binding")
    if flag == "y" and creds.plus_offered:
        raise AuthFailed("535 5.7.8 channel binding downgrade detected")
    return b""


MECHANISMS = {
    "PLAIN": plain, "LOGIN": login, "CRAM-MD5": cram_md5, "EXTERNAL": external,
    "OAUTHBEARER": oauthbearer, "XOAUTH2": xoauth2,
    "SCRAM-SHA-1": scram("sha1", False), "SCRAM-SHA-256": scram("sha256", False),
    "SCRAM-SHA-1-PLUS": scram("sha1", True), "SCRAM-SHA-256-PLUS": scram("sha256", True),
}
