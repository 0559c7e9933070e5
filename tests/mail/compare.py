"""How an expectation is held against a decision: only the fields it names, each by the rule for that field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.mail.sample import Expectation


def differences(expect: Expectation, decision: Mapping[str, Any]) -> list[str]:
    """Say, a line each, where a decision (the shape of `explain --json`) falls short of the expectation."""
    found: list[str] = []
    for field, wanted in expect.items():
        found += _COMPARE.get(field, _equal)(field, wanted, decision.get(field))
    return found


def _equal(field: str, wanted: object, got: object) -> list[str]:
    return [] if wanted == got else [f"{field}: expected {wanted!r}, got {got!r}"]


def _participants(field: str, wanted: list[list[str | None]], got: list[dict[str, str]]) -> list[str]:
    """The same people in any order; a wanted name of None fits every name."""
    left = [[one["role"], one["address"], one["name"], one["kind"]] for one in got]
    found: list[str] = []
    for role, address, name, kind in wanted:
        fits = [row for row in left if [row[0], row[1], row[3]] == [role, address, kind] and name in (None, row[2])]
        if fits:
            left.remove(fits[0])
        else:
            found.append(f"{field}: missing {[role, address, name, kind]!r}")
    return found + [f"{field}: unexpected {row!r}" for row in left]


def _unread(field: str, wanted: list[str], got: list[str]) -> list[str]:
    """An empty list means nothing unread; else each fragment stands in an entry, however much of it is quoted."""
    if not wanted:
        return _equal(field, wanted, got)
    return [f"{field}: nothing holds {part!r} in {got!r}" for part in wanted if not any(part in entry for entry in got)]


def _creates(field: str, wanted: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """Contacts in the order they are made (C4), by address without regard to case (C7); the lead by its name."""
    names = {_folded(one["email"]): one["name"] for one in got["contacts"]}
    found: list[str] = []
    if "contacts" in wanted:
        found += _equal(f"{field}.contacts", _all_folded(wanted["contacts"]), list(names))
    if "lead" in wanted:
        found += _equal(f"{field}.lead", wanted["lead"], (got["lead"] or {}).get("name"))
    for address, name in wanted.get("names", {}).items():
        found += _equal(f"{field}.names[{address}]", name, names.get(_folded(address)))
    return found


def _folded(address: str) -> str:
    return address.casefold()


def _all_folded(addresses: Iterable[str]) -> list[str]:
    return [_folded(address) for address in addresses]


_COMPARE: dict[str, Callable[[str, Any, Any], list[str]]] = {
    "participants": _participants,
    "unread": _unread,
    "creates": _creates,
}
