"""Certificates of the stand's servers: good ones, and those that have to be refused."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAMES = ("localhost", "127.0.0.1", "imap.acme.example", "mail.acme.example")
KINDS = ("good", "expired", "self-signed", "wrong-name", "unknown-authority")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's key and chain, in PEM."""

    pem: bytes

    def write(self, path: Path) -> Path:
        path.write_bytes(self.pem)
        path.chmod(0o600)
        return path

    def context(self, folder: Path) -> ssl.SSLContext:
        """For a server of our own; the file is written into the folder, where no other certificate's is."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.write(folder / f"{hash(self.pem):x}.pem"))
        return made


class Authority:
    """An authority that only the tests trust: `file` is what SMARTGATE_MAILBOX_CA_FILE names."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.folder = folder
        self.file = folder / "authority.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def certificate(self, kind: str = "good", names: tuple[str, ...] = NAMES) -> Certificate:
        """A certificate of one of KINDS for these names; `wrong-name` is good for another name alone."""
        if kind == "self-signed":
            return _self_signed(names)
        if kind == "unknown-authority":
            return _issued(trustme.CA(), names)
        if kind == "expired":
            yesterday = datetime.now(UTC) - timedelta(days=1)
            return _issued(self._ca, names, yesterday - timedelta(days=90), yesterday)
        return _issued(self._ca, ("other.example",) if kind == "wrong-name" else names)

    def client(self) -> ssl.SSLContext:
        """What a client that trusts this authority connects with."""
        return ssl.create_default_context(cafile=str(self.file))


def _issued(
    ca: trustme.CA, names: tuple[str, ...], begins: datetime | None = None, ends: datetime | None = None
) -> Certificate:
    made = ca.issue_cert(*names, not_before=begins, not_after=ends)
    return Certificate(made.private_key_and_cert_chain_pem.bytes())


def _self_signed(names: tuple[str, ...]) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    itself = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(itself)
        .issuer_name(itself)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return Certificate(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(encoding)
    )
