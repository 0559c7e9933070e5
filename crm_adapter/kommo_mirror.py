"""The contacts of Kommo that changed, for our own copy, so that the rules never wait for Kommo.

In the order of their ids, which no change disturbs: a contact that changes while the pages are read moves no other one
over the edge of a page. What was read is remembered page by page, and the next look begins where this one began.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from crm_adapter.kommo_client import Client
from crm_adapter.kommo_pages import LIMIT, emails, next_page, rows
from crm_adapter.port import Ledger, Person

_KEY = "mirror"
_OVERLAP = 300
"""Seconds by which clocks may differ, and a search may lag behind: so much is read again."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the copy is. since: changes from this moment on, in seconds since 1970. next, began: of a look that was
    broken off, where it goes on and when it was begun."""

    since: int = 0
    next: str | None = None
    began: int = 0


async def changed(client: Client, ledger: Ledger) -> AsyncIterator[tuple[Person, ...]]:
    """Pages of contacts that have an address."""
    text = await ledger.load(_KEY)
    cursor = Cursor(**json.loads(text)) if text else Cursor()
    if cursor.next is None:
        cursor = replace(cursor, began=int(time.time()))
        sought = {"filter[updated_at][from]": cursor.since, "order[id]": "asc", "limit": LIMIT}
        answer = await client.get("/api/v4/contacts", **sought)
    else:
        answer = await client.get(cursor.next)
    while True:
        people = tuple(filter(None, map(_person, rows(answer, "contacts"))))
        if people:
            yield people
        following = next_page(answer)
        if following is None:
            break
        cursor = replace(cursor, next=following)
        await _keep(ledger, cursor)
        answer = await client.get(following)
    await _keep(ledger, Cursor(since=max(cursor.since, cursor.began - _OVERLAP)))


def _person(row: dict[str, Any]) -> Person | None:
    known = tuple(dict.fromkeys(emails(row)))
    if not known or not isinstance(row.get("id"), int):
        return None
    return Person(str(row["id"]), str(row.get("name") or ""), known)


async def _keep(ledger: Ledger, cursor: Cursor) -> None:
    await ledger.save(_KEY, json.dumps(asdict(cursor)))
