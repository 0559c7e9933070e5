"""The fields that an account gives its cards: what they may be called, and what may stand in them (section G)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping

from gateway.core.options import AccountError, check_name
from gateway.core.refusals import Wrong

KINDS = ("contact", "lead", "customer")
MAX_FIELDS = 50
"""Fields of one kind of card."""
MAX_VALUE = 1_000
_MAX_KEY = 40
_KEY = re.compile(rf"[a-z][a-z0-9_]{{0,{_MAX_KEY - 1}}}")
OWN = frozenset(
    (
        "contacts",
        "created_at",
        "custom",
        "email",
        "emails",
        "first_name",
        "id",
        "last_name",
        "leads",
        "main_contact",
        "merged",
        "name",
        "price",
        "source",
        "status",
    )
)
"""What templates and the API call something else of a card."""


def check_field(kind: str, name: str, key: str, taken: Collection[str]) -> tuple[str, str] | Wrong:
    """Name and key of a new field. key: derived from the name where it is empty. taken: keys of the kind's fields."""
    if kind not in KINDS:
        return Wrong("kind", f"{kind[:80]!a} is not allowed; allowed: {', '.join(KINDS)}")
    if len(taken) >= MAX_FIELDS:
        return Wrong("kind", f"a {kind} has {len(taken)} fields already; allowed: at most {MAX_FIELDS}")
    named = check_field_name(name)
    if isinstance(named, Wrong):
        return named
    if not key:
        return named, key_of(named, (*taken, *OWN))
    if not _KEY.fullmatch(key):
        return Wrong("key", f"{key[:80]!a} is not allowed; allowed: 1 to {_MAX_KEY} of a-z, 0-9 and _, a letter first")
    if key in OWN or key in taken:
        return Wrong("key", f"{key!a} is taken; allowed: a key that no field of a {kind} has")
    return named, key


def check_field_name(name: str) -> str | Wrong:
    """A field's name as people read it."""
    try:
        return check_name(name)
    except AccountError as fault:
        return Wrong("name", str(fault))


def key_of(name: str, taken: Collection[str]) -> str:
    """A free key that reminds of a name: "Café no." becomes `cafe_no`; `field` where nothing of it can be in a key."""
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    words = "_".join(re.findall("[a-z0-9]+", plain)).lstrip("0123456789_")[:_MAX_KEY].rstrip("_") or "field"
    key, n = words, 1
    while key in taken:
        n += 1
        key = f"{words[: _MAX_KEY - len(str(n)) - 1]}_{n}"
    return key


def check_values(given: Mapping[str, str | None], known: Collection[str]) -> dict[str, str] | Wrong:
    """What is to stand in fields, by their keys, each on one line; empty where a field is to be emptied."""
    values = {}
    for key, text in given.items():
        path = f"custom/{key.replace('~', '~0').replace('/', '~1')}"
        if key not in known:
            return Wrong(path, f"{key[:80]!a} is no field; allowed: {', '.join(sorted(known)) or 'none is made yet'}")
        value = " ".join((text or "").split())
        if len(value) > MAX_VALUE or not value.isprintable():
            return Wrong(path, f"what is given is not allowed; allowed: at most {MAX_VALUE:,} characters on one line")
        values[key] = value
    return values
