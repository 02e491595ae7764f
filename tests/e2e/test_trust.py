"""Trust on demand, with Debian's own bundle of CAs and the test's CA somewhere in it: for each chain, our program must
say of a server what GnuTLS says when it has read the whole bundle (gnutls-cli).

tests/unit/test_tls_trust.c has a larger matrix of chains, with a small bundle.
"""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lib.pki import Cert, openssl

MESSAGE = b"From: sender@mail.test\nSubject: x\n\ntext\n"
SYSTEM = Path("/etc/ssl/certs/ca-certificates.crt")
BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", re.DOTALL)
OLD = ("20200101000000Z", "20210101000000Z")
PERMITTED = "nameConstraints = critical, permitted;DNS:{}"


@pytest.fixture(scope="module")
def system():
    """The PEM blocks of Debian's bundle."""
    if not SYSTEM.exists():
        pytest.skip(f"{SYSTEM} is not there")
    blocks = BLOCK.findall(SYSTEM.read_text())
    assert len(blocks) > 100
    return blocks


def certify(pki, name, subject, issuer, start="20200101000000Z", end="20491231235959Z", extra=""):
    """One more certificate for the key and name of the CA `subject`, signed by the CA `issuer`."""
    out = pki.dir / f"more-{name}.pem"
    if not out.exists():
        home, signer = pki.authority(subject), pki.authority(issuer)
        extensions = pki.dir / f"more-{name}.cnf"
        extensions.write_text("basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\n"
                              f"subjectKeyIdentifier = hash\n{extra}\n")
        own = ["-selfsign", "-keyfile", home / "key.pem"] if subject == issuer else []
        openssl("ca", "-batch", "-notext", "-config", signer / "openssl.cnf", "-in", home / "csr.pem", "-out", out,
                "-startdate", start, "-enddate", end, "-extfile", extensions, *own)
    return out


class Certificates:
    """The certificates of the cases by name, as PEM text; `key_of` the leaves."""

    def __init__(self, pki, system):
        self.pki, self.system = pki, system
        for name in ("middle", "narrow", "wide"):
            pki.authority(name, issuer="root")
        pki.authority("lower", issuer="middle")
        pki.authority("twin", cn="Throwaway root")
        self.leaves = {"L": pki.leaf("t-root"), "LM": pki.leaf("t-middle", issuer="middle"),
                       "LL": pki.leaf("t-lower", issuer="lower"), "LN": pki.leaf("t-narrow", issuer="narrow"),
                       "LW": pki.leaf("t-wide", issuer="wide", names=["DNS:mail.test"]), "LT": pki.leaf("t-twin", issuer="twin"),
                       "LU": pki.unknown_ca, "LE": pki.expired, "LS": pki.self_signed,
                       "LX": pki.leaf("t-expired-middle", issuer="middle", start=OLD[0], end=OLD[1])}
        files = {"R": pki.ca, "M": pki.authority("middle") / "cert.pem", "D": pki.authority("lower") / "cert.pem",
                 "T": pki.authority("twin") / "cert.pem", "U": pki.authority("unknown") / "cert.pem",
                 "E": pki.authority("elsewhere") / "cert.pem",
                 "R-old": certify(pki, "root-old", "root", "root", *OLD), "M-old": certify(pki, "middle-old", "middle", "root", *OLD),
                 "R-again": certify(pki, "root-again", "root", "root", "20210101000000Z"),
                 "R-by-E": certify(pki, "root-by-elsewhere", "root", "elsewhere"),
                 "M-by-E": certify(pki, "middle-by-elsewhere", "middle", "elsewhere"),
                 "E-by-R": certify(pki, "elsewhere-by-root", "elsewhere", "root"),
                 "N": certify(pki, "narrow", "narrow", "root", extra=PERMITTED.format("example")),
                 "W": certify(pki, "wide", "wide", "root", extra=PERMITTED.format("mail.test"))}
        self.pem = {name: file.read_text() for name, file in files.items()}
        self.pem |= {name: leaf.cert.read_text() for name, leaf in self.leaves.items()}
        self.pem |= {"debian0": system[0], "debian99": system[99]}
        self._lookalike()

    def _lookalike(self):
        """A CA that has the name, the key identifier and all the rest of one of Debian's, but our key."""
        home = self.pki.dir / "lookalike"
        home.mkdir(exist_ok=True)
        key, real, fake, leaf = home / "key.pem", home / "real.pem", home / "fake.pem", home / "leaf.pem"
        real.write_text(self.system[0])
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        openssl("x509", "-in", real, "-signkey", key, "-preserve_dates", "-out", fake)
        (home / "ext").write_text("subjectAltName=DNS:mail.test\nauthorityKeyIdentifier=keyid\n")
        openssl("req", "-new", "-key", key, "-subj", "/CN=mail.test", "-out", home / "csr.pem")
        openssl("x509", "-req", "-in", home / "csr.pem", "-CA", fake, "-CAkey", key, "-set_serial", 99, "-days", 30,
                "-extfile", home / "ext", "-out", leaf)
        assert len({openssl("x509", "-in", f, "-noout", "-subject_hash_old") for f in (real, fake)}) == 1
        self.leaves["LF"] = Cert(leaf, key, leaf, fake)
        self.pem |= {"F": fake.read_text(), "LF": leaf.read_text()}

    def chain(self, names, path):
        leaf = self.leaves[names[0]]
        path.write_text("".join(self.pem[n] for n in names))
        return Cert(leaf.cert, leaf.key, path, leaf.trust)


@pytest.fixture(scope="module")
def certificates(pki, system):
    return Certificates(pki, system)


def ask_gnutls(server, bundle):
    """GnuTLS's verdict, and the line in which it stands."""
    done = subprocess.run(["gnutls-cli", "--x509cafile", bundle, "--verify-hostname", "mail.test", "--sni-hostname", "mail.test",
                           "-p", str(server.port), server.host], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=30)
    status = re.search(r"- Status: (.*)", done.stdout)
    assert status, done.stdout + done.stderr
    return "is trusted" in status[1], status[1]


CASES = [
    # what, the server's chain, what else is in the bundle, accepted?
    ("root, signed by it", "L", "R", True), ("unknown CA", "LU U", "R", False), ("expired", "LE", "R", False),
    ("one in between", "LM M", "R", True), ("two in between", "LL D M", "R", True), ("the one between is missing", "LM", "R", False),
    ("the upper one between is missing", "LL D", "R", False), ("the root is not trusted", "LM M", "", False),
    ("the root is shown, not trusted", "LM M R", "", False), ("the root is shown and trusted", "LM M R", "R", True),
    ("in disorder", "LL M R D", "R", True), ("with strangers", "LL U D debian99 M LE", "R", True),
    ("shown twice", "LM M M R R", "R", True), ("the one between is the anchor", "LM M", "M", True),
    ("the one between is the anchor, not shown", "LM", "M", True), ("the upper one between is the anchor", "LL D M", "M", True),
    ("the leaf is the anchor", "LS", "LS", True), ("self-signed", "LS", "R", False),
    ("cross-signed, new root trusted", "LM M R-by-E", "R", True), ("cross-signed, old root trusted", "LM M R-by-E", "E", True),
    ("cross-signed, none trusted", "LM M R-by-E E", "", False), ("cross-signed, both trusted", "LM M R-by-E", "E R", True),
    ("cross-signed in a ring, none trusted", "LM M R-by-E E-by-R", "", False),
    ("cross-signed in a ring, one trusted", "LM M R-by-E E-by-R", "E", True),
    ("one between signed twice, first way", "LM M M-by-E", "R", True), ("one between signed twice, other way", "LM M-by-E M", "E", True),
    ("one between signed twice, way behind", "LM M M-by-E", "E", None),
    ("cross-signed root in the bundle", "LM M", "R-by-E", None),
    ("expired double of the root before", "LM M", "R-old R", True), ("expired double of the root behind", "LM M", "R R-old", True),
    ("only the expired root", "LM M", "R-old", False), ("the expired root is shown", "LM M R-old", "R", True),
    ("two good ones of the same name and key", "LM M", "R-again R", True), ("expired one between", "LM M-old", "R", False),
    ("expired one between, a good one trusted", "LM M-old", "R M", True), ("expired leaf behind a good one between", "LX M", "R", False),
    ("another key with the root's name before", "LM M", "T R", True), ("another key with the root's name behind", "LM M", "R T", True),
    ("only another key with the root's name", "LM M", "T", False), ("the other key's own leaf", "LT", "R T", True),
    ("constraint that is broken", "LN N", "R", False), ("constraint that is kept", "LW W", "R", True),
    ("the constrained one is the anchor", "LN", "N", None),
    ("lookalike of one of Debian's", "LF", "R", False), ("lookalike is shown", "LF F", "R", False),
    ("lookalike and the real one are shown", "LF F debian0", "R", False), ("the real one is shown", "LF debian0", "R", False),
    ("lookalike is trusted, too", "LF", "F", None),
]


@pytest.mark.parametrize("what, chain, extra, expected", CASES, ids=[c[0] for c in CASES])
def test_verdict_of_the_whole_bundle(scripted, relayrc, run_sendmail, certificates, system, tmp_path, what, chain, extra, expected):
    served = certificates.chain(chain.split(), tmp_path / "chain.pem")
    server = scripted(tls="implicit", certificate=served, idle=5)
    mine = [certificates.pem[n] for n in extra.split()]
    # At the front, in the middle, at the end.
    position = len(system) * ([c[0] for c in CASES].index(what) % 3) // 2
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("".join(system[:position] + mine + system[position:]))
    theirs, status = ask_gnutls(server, bundle)
    assert expected in (None, theirs), status
    done = run_sendmail(["r@mail.test"], MESSAGE, relayrc(server, tls_trust_file=bundle, tls_host_override="mail.test"))
    assert done.rc == (0 if theirs else 75), f"{status} {done.err}"
    assert (len(server.messages), done.err.count("\n")) == ((1, 0) if theirs else (0, 1))


def test_whole_bundle_twice_and_with_other_line_ends(scripted, relayrc, run_sendmail, certificates, system, tmp_path):
    served = certificates.chain(["LL", "D", "M"], tmp_path / "chain.pem")
    server = scripted(tls="starttls", certificate=served)
    text = "".join(system + [certificates.pem["R"]])
    for name, content in {"twice": text * 2, "crlf": text.replace("\n", "\r\n"), "trusted": text.replace(" CERT", " X509 CERT"),
                          "no end": text.rstrip("\n"), "comments": text.replace("-----BEGIN", "# a CA, -----\n-----BEGIN")}.items():
        bundle = tmp_path / name
        bundle.write_bytes(content.encode())
        done = run_sendmail(["r@mail.test"], MESSAGE, relayrc(server, tls_trust_file=bundle, tls_host_override="mail.test"))
        assert (done.rc, done.err) == (0, ""), name


@pytest.mark.parametrize("setting", ["system", None], ids=["system", "not set"])
@pytest.mark.parametrize("trusted", [True, False])
def test_trust_store_of_the_machine(relay, scripted, relayrc, run_sendmail, certificates, system, tmp_path, setting, trusted):
    """In a mount namespace, the machine's own bundle has the test's CA, too."""
    bundle = tmp_path / "bundle"
    bundle.write_text("".join(system + ([certificates.pem["R"]] if trusted else [])))
    script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    if subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", bundle, SYSTEM, "true"], capture_output=True).returncode:
        pytest.skip("cannot make a mount namespace here")
    server = scripted(tls="implicit")
    rc = tmp_path / "rc"
    rc.touch(0o600)
    rc.write_text(relayrc(server, tls_trust_file=setting))
    done = run_sendmail(["-m", "sh", "-c", script, "sh", bundle, SYSTEM, relay, "-C", rc, "r@mail.test"], MESSAGE,
                        executable=shutil.which("unshare"))
    assert done.rc == (0 if trusted else 75), done.err
    assert trusted or str(SYSTEM) in done.err or "system" in done.err
