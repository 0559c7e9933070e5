"""Two contacts that are one person: what of each stays (C7)."""

from __future__ import annotations

from dataclasses import replace

from gateway.core.refusals import Wrong
from gateway.core.resources import Contact

MAX_EMAILS = 50
"""Addresses of one contact."""


def merge(kept: Contact, other: Contact) -> Contact | Wrong:
    """The contact that stays, with all that the other one has. Its own name and values stay where it has any; one that
    is called by nothing but an address gets the other's name."""
    if kept.id == other.id:
        return Wrong("other", "A contact can't be merged with itself; allowed: another contact's id")
    emails = tuple(dict.fromkeys((*kept.emails, *other.emails)))
    if len(emails) > MAX_EMAILS:
        return Wrong("other", f"Together they have {len(emails)} addresses; allowed: at most {MAX_EMAILS}")
    named = other if kept.name in kept.emails and other.name not in other.emails else kept
    return replace(
        kept,
        name=named.name,
        first_name=named.first_name or kept.first_name or other.first_name,
        last_name=named.last_name or kept.last_name or other.last_name,
        emails=emails,
        leads=tuple(sorted({*kept.leads, *other.leads}, reverse=True)),
        custom={**other.custom, **kept.custom},
        merged=(*kept.merged, other.id, *other.merged),
    )
