"""Credentials at rest: sealed with a key that the store doesn't hold, and bound to the row they belong to.

AES-256-GCM (RFC 5116). A sealed value names its key, so that former keys still open what they sealed; what it is about
(table, account, row) is authenticated, so that a value moved to another row doesn't open there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_NAME_BYTES, _NONCE_BYTES = 4, 12
_HEAD = len(_VERSION) + _NAME_BYTES + _NONCE_BYTES


class SealError(Exception):
    """A sealed value can't be opened, or there is no key to seal with; the text says what to do."""


class Keyring:
    """The current key and former ones. keys: texts of any length; the first one seals."""

    def __init__(self, keys: Sequence[str]) -> None:
        made = [hashlib.sha256(b"smartgate sealing key\0" + key.encode()).digest() for key in keys]
        self._keys = {hashlib.sha256(key).digest()[:_NAME_BYTES]: AESGCM(key) for key in made}
        self._current = next(iter(self._keys), None)

    def __bool__(self) -> bool:
        """Whether there is a key to seal with."""
        return self._current is not None

    def seal(self, plain: bytes, about: str) -> bytes:
        """The value sealed, for the row that `about` names. Raises SealError where there is no key."""
        if self._current is None:
            raise SealError("no key to encrypt credentials with: set SMARTGATE_SECRET_KEY")
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._keys[self._current].encrypt(nonce, plain, about.encode())
        return _VERSION + self._current + nonce + sealed

    def open(self, sealed: bytes, about: str) -> bytes:
        """The value that was sealed for the row. Raises SealError where no key of ours opens it."""
        name, nonce = sealed[1 : 1 + _NAME_BYTES], sealed[1 + _NAME_BYTES : _HEAD]
        key = self._keys.get(name)
        if key is None or sealed[:1] != _VERSION:
            raise SealError(
                "a stored credential was encrypted with another key: name it in SMARTGATE_SECRET_KEYS_OLD, or enter "
                "the credential anew"
            )
        try:
            return key.decrypt(nonce, sealed[_HEAD:], about.encode())
        except InvalidTag:
            raise SealError("a stored credential is damaged, or belongs to another row: enter it anew") from None


def sealed_text(ring: Keyring, values: Mapping[str, Any], about: str, until: int) -> str:
    """Values that travel with a browser until it is back: nobody can read or change them, and they are good until a
    moment, in milliseconds since 1970. about: what they are for. Raises SealError where there is no key."""
    plain = json.dumps({**values, "until": until}).encode()
    return base64.urlsafe_b64encode(ring.seal(plain, about)).rstrip(b"=").decode()


def opened_text(ring: Keyring, text: str, about: str, now: int) -> dict[str, Any] | None:
    """What travelled; None for what is not ours, or was for something else, or is too old."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        values: dict[str, Any] = json.loads(ring.open(sealed, about))
    except (SealError, ValueError, binascii.Error):
        return None
    return values if now <= values.pop("until") else None


def key_file(path: Path) -> str:
    """The key of a store on this machine that was given none: kept in a file beside it, made when it is first needed.

    Raises SealError where it can be neither read nor made.
    """
    try:
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        with os.fdopen(handle, "w") as file:
            key = secrets.token_urlsafe(32)
            file.write(f"{key}\n")
            file.flush()
            os.fsync(file.fileno())
        return key
    except OSError as error:
        raise SealError(f"the key file {path} can't be used: {error.strerror}; set SMARTGATE_SECRET_KEY") from error
