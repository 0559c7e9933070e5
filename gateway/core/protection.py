"""Mail that is signed or encrypted: S/MIME (RFC 8551), PGP/MIME (RFC 3156) and PGP in the text (RFC 9580).

Nothing is opened and no signature is checked here: the parts stay whole, and the message says what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.core.mime import Leaf

SMIME_ENCRYPTED, SMIME_SIGNED = "smime-encrypted", "smime-signed"
PGP_ENCRYPTED, PGP_SIGNED = "pgp-encrypted", "pgp-signed"
SENTENCES = {
    SMIME_ENCRYPTED: "This mail is encrypted with S/MIME. Only the people it was written to can open it, "
    "in their own mail program; the encrypted part is attached.",
    SMIME_SIGNED: "This mail is wrapped in an S/MIME signature, with its text inside. The wrapped part is attached.",
    PGP_ENCRYPTED: "This mail is encrypted with PGP. Only the people it was written to can open it, "
    "in their own mail program, from the message as it was received.",
}
"""What a reader is told instead of a text that can't be shown."""

_PKCS7 = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))
_PKCS7_SIGNATURE = frozenset(("application/pkcs7-signature", "application/x-pkcs7-signature"))
# The object identifier of signed data, 1.2.840.113549.1.7.2, near the beginning of the structure (RFC 5652 section 5).
_SIGNED_DATA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
_NEAR = 120

ARMOUR = "-----BEGIN PGP "
_ENCRYPTED_TEXT = re.compile(r"^-----BEGIN PGP MESSAGE-----(?:(?!^-----).*\n?)*+(?:^-----END PGP MESSAGE-----)?", re.M)
_SIGNED_TEXT = re.compile(r"^-----BEGIN PGP SIGNED MESSAGE-----[ \t]*\n(?:[A-Za-z-]+:.*\n)*+\n?", re.M)
_SIGNATURE = re.compile(
    r"^-----BEGIN PGP SIGNATURE-----(?:(?!^-----).*\n?)*+(?:^-----END PGP SIGNATURE-----\n?)?", re.M
)
_DASHED = re.compile(r"^- ", re.M)


def protection(leaves: Iterable[Leaf]) -> str | None:
    """What the parts say; encrypted wins over signed."""
    found = {_of_part(leaf) for leaf in leaves}
    return next((kind for kind in (SMIME_ENCRYPTED, PGP_ENCRYPTED, SMIME_SIGNED, PGP_SIGNED) if kind in found), None)


def without_armour(text: str) -> tuple[str, str | None]:
    """A text without PGP's armour around it or in it, and what it was: encrypted, signed, or None."""
    if ARMOUR not in text:
        return text, None
    opened, encrypted = _ENCRYPTED_TEXT.subn("", text)
    opened, signed = _SIGNED_TEXT.subn("", opened)
    if not signed:
        return opened, PGP_ENCRYPTED if encrypted else None
    opened = _DASHED.sub("", _SIGNATURE.sub("", opened))
    return opened, PGP_ENCRYPTED if encrypted else PGP_SIGNED


def _of_part(leaf: Leaf) -> str | None:
    kind = leaf.kind
    if kind == "application/pgp-encrypted":
        return PGP_ENCRYPTED
    if kind == "application/pgp-signature":
        return PGP_SIGNED
    if kind in _PKCS7_SIGNATURE:
        return SMIME_SIGNED
    if kind in _PKCS7 or (kind == "application/octet-stream" and leaf.filename.lower().endswith(".p7m")):
        named = leaf.parameters.get("smime-type", b"").lower()
        signed = named == b"signed-data" or (not named and _SIGNED_DATA in leaf.content(2 * _NEAR)[:_NEAR])
        return SMIME_SIGNED if signed else SMIME_ENCRYPTED
    return None
