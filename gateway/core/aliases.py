"""Which other addresses of its owner the mail of a mailbox tells of (rule E14): proposals that a person confirms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from gateway.core.address import Mailbox, parse_address_list
from gateway.core.header import read_header
from gateway.core.mail import Limits
from gateway.core.mailboxes import SENT
from gateway.core.people import Kind, Team

MOST = 20
"""So many proposals are kept."""
_LONGEST = 1_000
"""Octets of a field that names one address. A longer one is made to take long: it is passed over."""
_FIELDS = {SENT: ("from",)}
_DELIVERED = ("delivered-to", "x-original-to")


def told_aliases(message: bytes, folder: str, limits: Limits) -> Iterator[Mailbox]:
    """Addresses that a message was delivered to, or sent from, by the first fields of each name. folder: `inbox` or
    `sent`."""
    header = read_header(message, max_bytes=limits.header_bytes, max_lines=limits.header_lines)
    for name in _FIELDS.get(folder, _DELIVERED):
        for value in header.all(name)[:MOST]:
            if len(value) <= _LONGEST:
                yield from parse_address_list(value).mailboxes[:1]


def with_proposals(kept: Collection[str], told: Iterable[Mailbox], team: Team) -> tuple[str, ...]:
    """The proposals, with those that are told of and are not team already; in the order in which they were found."""
    found = dict.fromkeys(kept)
    found.update(dict.fromkeys(box.key for box in told if team.kind(box) is Kind.CLIENT))
    return tuple(found)[:MOST]
