"""Mails for the tests of signatures: written with plain line ends, signed by dkimpy with keys made for the test."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import dkim
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from gateway.smtp.authenticity.message import Message

HEADER_LIMIT = 262_144
LETTER = """From: Carol Jones <carol@example.net>
To: Dimas <dimas@acme.example>
Cc: acme+lead@mail.kommo.com
Subject: Coffee for  twelve
Message-ID: <coffee@example.net>
Date: Mon, 23 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: text/plain

Good morning,

we need  coffee. \t
Twelve cups.


"""


def wire(text: str | bytes) -> bytes:
    """A text with plain line ends as it goes over the wire."""
    return text if isinstance(text, bytes) else text.replace("\n", "\r\n").encode()


def message(text: str | bytes) -> Message:
    """The message as the door hands it on."""
    raw = wire(text)
    return Message(len(raw), lambda at, size: raw[at : at + size], HEADER_LIMIT)


@cache
def rsa_key(bits: int = 1024) -> tuple[bytes, str]:
    """A private key as dkimpy takes it, and the record that publishes it."""
    key = rsa.generate_private_key(65537, bits)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return private, f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


@cache
def ed25519_key() -> tuple[bytes, str]:
    key = ed25519.Ed25519PrivateKey.generate()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    return base64.b64encode(key.private_bytes_raw()), f"v=DKIM1; k=ed25519; p={public}"


def zones(domain: str = "example.net", **others: str) -> dict[str, Any]:
    """The key records of a domain: `rsa`, `ed` and what else is given by selector."""
    records = {"rsa": rsa_key()[1], "ed": ed25519_key()[1]} | others
    return {f"{selector}._domainkey.{domain}": [("TXT", text)] for selector, text in records.items()}


def sign(text: str | bytes = LETTER, domain: str = "example.net", selector: str = "rsa", **how: Any) -> bytes:
    """The mail with a DKIM signature on top."""
    raw = wire(text)
    private = ed25519_key()[0] if selector == "ed" else how.pop("key", rsa_key()[0])
    how.setdefault("signature_algorithm", b"ed25519-sha256" if selector == "ed" else b"rsa-sha256")
    signature: bytes = dkim.sign(raw, selector.encode(), domain.encode(), private, **how)
    return signature + raw


def seal(raw: bytes, domain: str, results: str) -> bytes:
    """The mail as a forwarder hands it on: with its results, sealed (ARC)."""
    told = f"Authentication-Results: {domain}; {results}\r\n".encode() + raw
    fields: list[bytes] = dkim.arc_sign(told, b"rsa", domain.encode(), rsa_key()[0], domain.encode())
    return b"".join(fields) + told
