"""A throwaway public key infrastructure, made with the openssl command line.

Owns: a root CA, server and client certificates, and every broken certificate a test may want (expired, not yet
valid, wrong name, self-signed, unknown CA, revoked, through an intermediate). Keys are P-256, so making one takes
milliseconds. Each certificate is made when it is first asked for and kept in the directory given.

    pki = Pki(tmp_dir)
    pki.ca                  path of the CA certificate (PEM): what a client should trust
    pki.server              the good certificate; .cert .key .chain .fingerprint
    pki.expired, pki.not_yet_valid, pki.wrong_name, pki.self_signed, pki.unknown_ca, pki.revoked, pki.intermediate
    pki.crl                 CRL of pki.ca; it lists pki.revoked
    pki.leaf("own", names=["DNS:x.test"], issuer="other", start="20200101000000Z", end="20210101000000Z")
"""
import hashlib
import ssl
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

NAMES = ("DNS:localhost", "DNS:mail.test", "IP:127.0.0.1", "IP:::1")
FOREVER = ("20200101000000Z", "20491231235959Z")

CONFIG = """
[ca]
default_ca = this
[this]
dir = {dir}
database = $dir/index.txt
new_certs_dir = $dir
serial = $dir/serial
crlnumber = $dir/crlnumber
certificate = $dir/cert.pem
private_key = $dir/key.pem
default_md = sha256
default_crl_days = 10000
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
[req]
distinguished_name = nothing
prompt = no
[nothing]
CN = unused
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""

LEAF = """
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
extendedKeyUsage = {usage}
{san}
"""


@dataclass(frozen=True)
class Cert:
    """Files of one certificate. `chain` is the certificate followed by its intermediates; `trust` the root to trust."""
    cert: Path
    key: Path
    chain: Path
    trust: Path

    @property
    def fingerprint(self):
        """SHA-256 of the certificate's DER form, as AA:BB:…"""
        der = ssl.PEM_cert_to_DER_cert(self.cert.read_text())
        return hashlib.sha256(der).digest().hex(":").upper()

    @property
    def files(self):
        """(chain, key) as ssl.SSLContext.load_cert_chain takes them."""
        return str(self.chain), str(self.key)


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(map(str, args))}: {done.stderr}")
    return done.stdout


KEYS = {"ec": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]}


def new_key(path, kind="ec"):
    openssl("genpkey", *KEYS[kind], "-out", path)
    path.chmod(0o600)


class Pki:
    def __init__(self, directory):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)

    # -- authorities ------------------------------------------------------------------------------------------

    def authority(self, name, issuer=None, cn=None):
        """The directory of CA `name`, made at need: self-signed, or signed by the CA `issuer`."""
        home = self.dir / f"ca-{name}"
        if (home / "cert.pem").exists():
            return home
        home.mkdir()
        (home / "openssl.cnf").write_text(CONFIG.format(dir=home))
        (home / "index.txt").touch()
        (home / "serial").write_text("1000\n")
        (home / "crlnumber").write_text("01\n")
        new_key(home / "key.pem")
        openssl("req", "-new", "-config", home / "openssl.cnf", "-key", home / "key.pem",
                "-subj", f"/CN={cn or 'Throwaway ' + name}", "-out", home / "csr.pem")
        signer = ["-selfsign"] if issuer is None else []
        signing_home = home if issuer is None else self.authority(issuer)
        self._sign(signing_home, home / "csr.pem", home / "cert.pem", *FOREVER, *signer, "-extensions", "root",
                   "-extfile", home / "openssl.cnf", *(["-keyfile", home / "key.pem"] if issuer is None else []))
        return home

    def _sign(self, home, csr, out, start, end, *options):
        openssl("ca", "-batch", "-notext", "-config", home / "openssl.cnf", "-in", csr, "-out", out,
                "-startdate", start, "-enddate", end, *options)

    @cached_property
    def ca(self):
        """The root certificate a client trusts."""
        return self.authority("root") / "cert.pem"

    # -- leaves -----------------------------------------------------------------------------------------------

    def leaf(self, name, names=NAMES, issuer="root", start=FOREVER[0], end=FOREVER[1], usage="serverAuth",
             cn="mail.test", intermediates=(), key="ec"):
        """A certificate, cached by `name`. `names` are subject alternative names in openssl's spelling."""
        home = self.dir / f"leaf-{name}"
        made = Cert(home / "cert.pem", home / "key.pem", home / "chain.pem", self.ca)
        if made.chain.exists():
            return made
        home.mkdir()
        new_key(made.key, key)
        authority = self.authority(issuer)
        openssl("req", "-new", "-config", authority / "openssl.cnf", "-key", made.key, "-subj", f"/CN={cn}",
                "-out", home / "csr.pem")
        san = f"subjectAltName = {', '.join(names)}" if names else ""
        (home / "ext.cnf").write_text(LEAF.format(usage=usage, san=san))
        self._sign(authority, home / "csr.pem", made.cert, start, end, "-extfile", home / "ext.cnf")
        between = "".join((self.authority(i) / "cert.pem").read_text() for i in intermediates)
        made.chain.write_text(made.cert.read_text() + between)
        return made

    @cached_property
    def server(self):
        return self.leaf("server")

    @cached_property
    def server_rsa(self):
        return self.leaf("server-rsa", key="rsa")

    @cached_property
    def expired(self):
        return self.leaf("expired", start="20200101000000Z", end="20210101000000Z")

    @cached_property
    def not_yet_valid(self):
        return self.leaf("not-yet-valid", start="20480101000000Z")

    @cached_property
    def wrong_name(self):
        return self.leaf("wrong-name", names=["DNS:other.test", "IP:192.0.2.1"], cn="other.test")

    @cached_property
    def wildcard(self):
        return self.leaf("wildcard", names=["DNS:*.mail.test"], cn="*.mail.test")

    @cached_property
    def unknown_ca(self):
        """Signed by a CA that is not pki.ca."""
        return self.leaf("unknown-ca", issuer="unknown")

    @cached_property
    def self_signed(self):
        home = self.authority("selfsigned")
        own = self.dir / "leaf-self-signed"
        made = Cert(own / "cert.pem", own / "key.pem", own / "chain.pem", own / "cert.pem")
        if not made.chain.exists():
            own.mkdir()
            new_key(made.key)
            openssl("req", "-x509", "-new", "-config", home / "openssl.cnf", "-key", made.key, "-subj", "/CN=mail.test",
                    "-days", "3650", "-addext", f"subjectAltName={','.join(NAMES)}", "-out", made.cert)
            made.chain.write_text(made.cert.read_text())
        return made

    @cached_property
    def intermediate(self):
        """Signed by an intermediate CA; the chain presents it."""
        self.authority("middle", issuer="root")
        return self.leaf("intermediate", issuer="middle", intermediates=["middle"])

    @cached_property
    def broken_chain(self):
        """Signed by the same intermediate CA, which is not presented."""
        self.authority("middle", issuer="root")
        return self.leaf("broken-chain", issuer="middle")

    def client(self, cn="client@mail.test"):
        """A client certificate, signed by pki.ca."""
        return self.leaf(f"client-{cn}", names=[f"email:{cn}"] if "@" in cn else [], usage="clientAuth", cn=cn)

    # -- revocation -------------------------------------------------------------------------------------------

    @cached_property
    def revoked(self):
        made = self.leaf("revoked")
        self._crl_of(revoke=made.cert)
        return made

    @cached_property
    def crl(self):
        self.revoked
        return self.authority("root") / "crl.pem"

    def _crl_of(self, revoke):
        home = self.authority("root")
        if not (home / "crl.pem").exists():
            openssl("ca", "-config", home / "openssl.cnf", "-revoke", revoke)
            openssl("ca", "-config", home / "openssl.cnf", "-gencrl", "-out", home / "crl.pem")
