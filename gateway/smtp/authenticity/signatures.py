"""What signatures of DKIM and ARC share: tag lists, keys in the DNS, and the check itself (RFC 6376, 8301, 8463).

Our own reader and not a library's: see decision 8. An unusable signature is an exception that carries its result word.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from gateway.core.address import normal_domain
from gateway.smtp.authenticity.message import Field, Message
from gateway.smtp.authenticity.resolver import LookupFailedError, Resolver

LEAST_BITS, MOST_BITS = 1024, 8192
"""RSA keys below are too weak (RFC 8301 section 3.2); above they cost more than anybody needs."""
ALGORITHMS = {b"rsa-sha256": "rsa", b"ed25519-sha256": "ed25519"}
SINGLETONS = frozenset(
    b"from sender reply-to to cc subject date message-id in-reply-to references mime-version content-type"
    b" content-transfer-encoding".split()
)
"""Fields that may stand once (RFC 5322 section 3.6, RFC 2045 section 3)."""
_TAG = re.compile(rb"[A-Za-z][A-Za-z0-9_]*")
_BLANK = re.compile(rb"[ \t\r\n]+")
_SELECTOR = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_Key = RSAPublicKey | Ed25519PublicKey


class UnusableError(Exception):
    """A signature that can't pass. word: its result (RFC 8601 section 2.7.1). str() says why."""

    def __init__(self, word: str, why: str) -> None:
        super().__init__(why)
        self.word = word


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A public key as a domain publishes it (section 3.6.1). same_domain: the flag `s`, no sub-domain may sign."""

    key: _Key
    same_domain: bool


def read_tags(value: bytes) -> dict[bytes, bytes]:
    """A tag list (section 3.2). Raises UnusableError for what is none; a tag that stands twice spoils it."""
    tags: dict[bytes, bytes] = {}
    parts = value.split(b";")
    if not parts[-1].strip(b" \t\r\n"):
        parts.pop()
    for part in parts:
        name, equals, text = part.partition(b"=")
        name = name.strip(b" \t\r\n")
        if not equals or not _TAG.fullmatch(name) or name in tags:
            raise UnusableError("permerror", "the list of its tags is broken")
        tags[name] = text.strip(b" \t\r\n")
    return tags


def need(tags: dict[bytes, bytes], *names: bytes) -> None:
    """Raises UnusableError where one of these tags is missing or empty."""
    for name in names:
        if not tags.get(name):
            raise UnusableError("permerror", f"it has no {name.decode('ascii')}=")


def decoded(value: bytes) -> bytes:
    """Base64 with blanks anywhere."""
    try:
        return base64.b64decode(_BLANK.sub(b"", value), validate=True)
    except binascii.Error:
        raise UnusableError("permerror", "its base64 is broken") from None


def algorithm(tags: dict[bytes, bytes]) -> str:
    """The kind of key a signature needs; rsa-sha1 proves nothing any more (RFC 8301 section 3.1)."""
    kind = ALGORITHMS.get(tags[b"a"].lower())
    if kind is None:
        old = tags[b"a"].lower() == b"rsa-sha1"
        raise UnusableError("policy" if old else "permerror", "its algorithm is too weak or unknown")
    return kind


def signer(tags: dict[bytes, bytes]) -> tuple[str, str]:
    """Domain, as A-labels, and selector (RFC 8616 lets both be written in any script)."""
    need(tags, b"d", b"s")
    domain = normal_domain(tags[b"d"].decode("utf-8", "replace"))
    selector = tags[b"s"].decode("utf-8", "replace")
    selector = selector if selector.isascii() else normal_domain(selector) or ""
    if not domain or not _SELECTOR.fullmatch(selector):
        raise UnusableError("permerror", "its domain or selector is no name")
    return domain, selector.lower()


def names(value: bytes) -> tuple[bytes, ...]:
    """The field names of h=, lower case."""
    return tuple(_BLANK.sub(b"", name).lower() for name in value.split(b":"))


def without_signature(field: Field) -> Field:
    """The field as it was signed: the value of b= left out, blanks around it too (section 3.7)."""
    head, colon, value = field.raw.partition(b":")
    parts = value.split(b";")
    for n, part in enumerate(parts):
        name, equals, _ = part.partition(b"=")
        if equals and name.strip(b" \t\r\n") == b"b":
            parts[n] = name + equals
    return Field(field.name, head + colon + b";".join(parts))


async def find_key(resolver: Resolver, domain: str, selector: str, kind: str) -> KeyRecord:
    """The key a signature names (section 6.1.2). Raises UnusableError; `temperror` where the DNS owes an answer."""
    try:
        answer = await resolver.lookup(f"{selector}._domainkey.{domain}", "TXT")
    except LookupFailedError:
        raise UnusableError("temperror", "its key can't be looked up now") from None
    return read_key(answer.records, kind)


def read_key(texts: Iterable[str], kind: str) -> KeyRecord:
    """The one key among the records of a name."""
    records = []
    for text in texts:
        try:
            tags = read_tags(text.encode("ascii", "replace"))
        except UnusableError:
            continue
        if b"p" in tags and tags.get(b"v", b"DKIM1") == b"DKIM1":
            records.append(tags)
    if len(records) != 1:
        raise UnusableError("permerror", "its domain publishes no such key")
    return _key(records[0], kind)


def _key(tags: dict[bytes, bytes], kind: str) -> KeyRecord:
    if not tags[b"p"]:
        raise UnusableError("permerror", "its key has been revoked")
    services = {one.strip() for one in tags.get(b"s", b"*").split(b":")}
    hashes = {one.strip() for one in tags.get(b"h", b"sha256").split(b":")}
    if tags.get(b"k", b"rsa").decode("ascii", "replace") != kind or b"sha256" not in hashes:
        raise UnusableError("permerror", "its key is of another kind")
    if not services & {b"*", b"email"}:
        raise UnusableError("permerror", "its key is not for mail")
    flags = {one.strip() for one in tags.get(b"t", b"").split(b":")}
    return KeyRecord(_load(decoded(tags[b"p"]), kind), b"s" in flags)


def _load(data: bytes, kind: str) -> _Key:
    try:
        key = Ed25519PublicKey.from_public_bytes(data) if kind == "ed25519" else load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableError("permerror", "its key can't be read") from None
    if isinstance(key, RSAPublicKey):
        if key.key_size < LEAST_BITS:
            raise UnusableError("policy", f"its key has fewer than {LEAST_BITS} bits")
        if key.key_size > MOST_BITS:
            raise UnusableError("permerror", f"its key has more than {MOST_BITS} bits")
        return key
    if isinstance(key, Ed25519PublicKey):
        return key
    raise UnusableError("permerror", "its key is of another kind")


def verify(key: _Key, signature: bytes, signed: bytes) -> None:
    """Raises UnusableError where the signature is not of these octets (RFC 8463 section 3 signs their hash)."""
    digest = sha256(signed).digest()
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, digest, PKCS1v15(), Prehashed(SHA256()))
        else:
            key.verify(signature, digest)
    except (InvalidSignature, ValueError):
        raise UnusableError("fail", "what it signs has been changed") from None


async def check_body(message: Message, tags: dict[bytes, bytes], *, relaxed: bool, length: int | None) -> None:
    """Holds bh= against the body. One that covers a part only is not accepted: anything could stand behind it."""
    digest, total = await message.body_hash(relaxed=relaxed, length=length)
    if digest != decoded(tags[b"bh"]) or (length or 0) > total:
        raise UnusableError("fail", "the body has been changed")
    if length is not None and length < total:
        raise UnusableError("policy", "it covers a part of the body only")


def check_singletons(message: Message, names: tuple[bytes, ...]) -> None:
    """A signed field that may stand once and stands twice: readers would show the one that nobody signed (8.15)."""
    for name in SINGLETONS & set(names):
        present = len(message.all(name))
        if present > 1 and present > names.count(name):
            raise UnusableError("policy", f"{name.decode('ascii')} stands twice and is signed once")


def canonical_forms(tags: dict[bytes, bytes], default: bytes) -> tuple[bool, bool]:
    """Whether header and body are relaxed (section 3.5, c=)."""
    header, _, body = tags.get(b"c", default).lower().partition(b"/")
    if header not in (b"simple", b"relaxed") or body not in (b"", b"simple", b"relaxed"):
        raise UnusableError("permerror", "its canonical form is unknown")
    return header == b"relaxed", body == b"relaxed"
