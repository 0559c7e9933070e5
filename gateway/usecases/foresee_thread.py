"""Foresee in which thread a mail would stand (rules, section D): for the mail tester, with nothing stored."""

from __future__ import annotations

from gateway.core.address import parse_address
from gateway.core.subject import subject_key
from gateway.store.access import Principal
from gateway.store.engine import Store
from gateway.store.facts import SMART, find_threads


async def foresee_thread(store: Store, reader: Principal, client: str | None, base_subject: str) -> str | None:
    """The id of the thread that is there already. client: the primary client's address, None for none. A mail with an
    empty base subject goes by what it answers, which isn't told here."""
    address = parse_address(client) if client else None
    subject = subject_key(base_subject)
    if not subject:
        return None
    key = (reader.account, SMART, address.key if address else "", subject)
    found = await store.read(lambda tx: find_threads(tx, [key]))
    return found[key].id if key in found else None
