"""Contacts and leads in Kommo: found or made, each exactly once, whatever dies or falls silent in between.

What is about to be made is noted in the ledger beforehand and what came of it afterwards. So whoever comes next knows
that a try was made, looks for what may have come of it, and makes it only where there is nothing. Kommo searches an
index that lags behind, so that look is worth something only a while after the try (`settle`).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

from crm_adapter.kommo_client import Client
from crm_adapter.kommo_faults import DoubtError, KommoError, LaterError, RefusalError
from crm_adapter.kommo_pages import LIMIT, emails, pages, rows
from crm_adapter.kommo_text import TAG, spellings, title
from crm_adapter.port import BusyError, Deal, Held, Ledger, Person

T = TypeVar("T")
BATCH = 50
"""Items of one request that writes: five times as many are taken, but large ones may end in a 504."""
LEASE_SECONDS = 30.0
_PATIENCE_SECONDS = 20.0
_CLOCKS_APART = 600.0
_LOOKED_AT = 50


@asynccontextmanager
async def hold(ledger: Ledger, key: str) -> AsyncIterator[Held]:
    """A lease, waited for a little: whoever has it is mostly about to do what we want."""
    until = time.monotonic() + _PATIENCE_SECONDS
    async with AsyncExitStack() as stack:
        while True:
            try:
                held = await stack.enter_async_context(ledger.lease(key, LEASE_SECONDS))
                break
            except BusyError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.1)
        yield held


async def attempt(held: Held, key: str, intent: str, before: str | None, write: Callable[[], Awaitable[T]]) -> T:
    """Writes to Kommo what the ledger knows of beforehand. before: what it knew; so it is again where nothing came."""
    await held.save(key, intent)
    try:
        return await write()
    except DoubtError:
        raise
    except KommoError:
        await held.save(key, before)
        raise


@dataclass(frozen=True, slots=True)
class Filed:
    """A lead of ours in Kommo. id: Kommo's, 0 while it isn't there. tried: when it was last tried to make it.

    merged: Kommo's own control of duplicates filed it on one that was there. linked: Kommo's ids of its contacts.
    gone: somebody deleted it in Kommo.
    """

    id: int = 0
    tried: float = 0.0
    merged: bool = False
    linked: tuple[int, ...] = ()
    gone: bool = False


class Cards:
    """The cards of one account. settle: the seconds after which a search finds what was made."""

    def __init__(self, client: Client, ledger: Ledger, settle: float) -> None:
        self._client, self._ledger, self._settle = client, ledger, settle

    async def contact(self, id: str) -> int | None:
        """Kommo's id of a contact of ours, which is made where nobody there has the address.

        None where we have no such contact any more. Raises RefusalError where Kommo won't have it.
        """
        known = _number(await self._ledger.load(_contact(id)))
        if known is not None:
            return known
        person = await self._ledger.person(id)
        if person is None or not person.emails:
            return None
        async with hold(self._ledger, _email(person)) as held:
            found, before = await self._known(held, person)
            if found is None:
                found = await attempt(held, _contact(id), _trying(), before, partial(self._make, person))
                await self._note(held, person, found)
            return found

    async def forget_contact(self, id: str, remote: int) -> None:
        """Somebody deleted it in Kommo."""
        await self._ledger.save(_contact(id), None)
        await self._ledger.save(f"person/{remote}", None)

    async def there(self, kind: str, remote: int) -> bool:
        """Whether Kommo still has a card."""
        try:
            return await self._client.get(f"/api/v4/{kind}/{remote}") is not None
        except RefusalError as fault:
            if fault.status == 404:
                return False
            raise

    async def lead(self, id: str) -> tuple[Filed | None, list[str]]:
        """A lead of ours, made where it isn't there, with all its contacts; and what could not be done, in words.

        None where neither of us has it any more.
        """
        record, deal = await self._filed(id), await self._ledger.deal(id)
        if record.gone or (deal is None and not record.id):
            return None, []
        remarks: list[str] = []
        if deal is not None and (not record.id or len(record.linked) < len(deal.contacts)):
            async with hold(self._ledger, _lead(id)) as held:
                record = await self._filed(id)
                if not record.id:
                    record = await self._open(held, deal, record, remarks)
                record = await self._link(held, deal, record, remarks)
        return record, remarks

    async def filed(self, id: str) -> Filed:
        """What is known of a lead of ours; nothing is made."""
        return await self._filed(id)

    async def forget_lead(self, id: str) -> None:
        """Somebody deleted it in Kommo: it isn't made again, its mail goes to its contacts."""
        await self._ledger.save(_lead(id), _dump(replace(await self._filed(id), gone=True)))

    async def _known(self, held: Held, person: Person) -> tuple[int | None, str | None]:
        """The contact that is there by now, and what the ledger knew. Raises LaterError while a try is too fresh."""
        before = await self._ledger.load(_contact(person.id))
        known = _number(before)
        if known is not None:
            return known, before
        found = await self._find(person.emails)
        if found is not None:
            await self._note(held, person, found)
        elif before is not None:
            self._let_settle(float(before[1:]))
        return found, before

    async def _note(self, held: Held, person: Person, remote: int) -> None:
        await held.save(_contact(person.id), str(remote))
        await held.save(f"person/{remote}", person.id)

    async def _find(self, wanted: Sequence[str]) -> int | None:
        """Who has one of the addresses, exactly: Kommo's search also finds what only looks like it. The oldest."""
        for email in wanted:
            found: list[int] = []
            for spelling in spellings(email):
                async for page in pages(self._client, "/api/v4/contacts", "contacts", query=spelling):
                    found += [one["id"] for one in page if email in emails(one)]
            if found:
                return min(found)
        return None

    async def _make(self, person: Person) -> int:
        answer = await self._client.send("POST", "/api/v4/contacts", [{**_person(person), "request_id": "0"}])
        return _made(rows(answer, "contacts"))

    async def _open(self, held: Held, deal: Deal, record: Filed, remarks: list[str]) -> Filed:
        """Makes the lead with its main contact. One that Kommo refuses is left out."""
        person = await self._ledger.person(deal.contacts[0]) if deal.contacts else None
        if person is None or not person.emails:
            return await self._make_lead(held, deal, record, None, None)
        async with hold(self._ledger, _email(person)) as theirs:
            remote, before = await self._known(theirs, person)
            if remote is not None:
                return await self._make_lead(held, deal, record, remote, None)
            try:
                both = partial(self._make_lead, held, deal, record, None, person)
                made = await attempt(theirs, _contact(person.id), _trying(), before, both)
            except RefusalError as fault:
                remarks.append(f"{person.emails[0]} is no contact there: {fault}")
                return await self._make_lead(held, deal, record, None, None)
            if made.linked:
                await self._note(theirs, person, made.linked[0])
            return made

    async def _make_lead(
        self, held: Held, deal: Deal, record: Filed, remote: int | None, person: Person | None
    ) -> Filed:
        """One call for the lead and its main contact: who is there by their id, who isn't with all we know."""
        if record.tried and (found := await self._look(deal, remote, record.tried)) is not None:
            return await self._keep(held, deal, Filed(found, linked=(remote,) if remote else ()))
        if record.tried:
            self._let_settle(record.tried)
        before = _dump(record) if record.tried else None
        write = partial(self._send_lead, deal, remote, person)
        made = await attempt(held, _lead(deal.id), _dump(Filed(tried=time.time())), before, write)
        return await self._keep(held, deal, made)

    async def _send_lead(self, deal: Deal, remote: int | None, person: Person | None) -> Filed:
        card: dict[str, Any] = {"name": title(deal.name), "request_id": "0", "tags_to_add": [{"name": TAG}]}
        if person is None:
            if remote is not None:
                card["_embedded"] = {"contacts": [{"id": remote, "is_main": True}]}
            answer = await self._client.send("POST", "/api/v4/leads", [card])
            return Filed(_made(rows(answer, "leads")), linked=(remote,) if remote else ())
        card["_embedded"] = {"contacts": [_person(person)], "tags": [{"name": TAG}]}
        del card["tags_to_add"]
        answer = await self._client.send("POST", "/api/v4/leads/complex", [card])
        made = answer if isinstance(answer, list) else []
        contact = made[0].get("contact_id") if made else None
        return Filed(_made(made), merged=bool(made[0].get("merged")), linked=(contact,) if contact else ())

    async def _look(self, deal: Deal, remote: int | None, tried: float) -> int | None:
        """The lead that an unanswered try may have made: of this name, since then, of nobody else here."""
        for row in sorted(await self._candidates(deal, remote), key=lambda one: int(one["id"])):
            tags = [tag.get("name") for tag in (row.get("_embedded") or {}).get("tags") or ()]
            fresh = row.get("created_at", 0) >= tried - _CLOCKS_APART
            if row.get("name") == title(deal.name) and fresh and TAG in tags:
                owner = await self._ledger.load(f"deal/{row['id']}")
                if owner in (None, deal.id):
                    return int(row["id"])
        return None

    async def _candidates(self, deal: Deal, remote: int | None) -> list[dict[str, Any]]:
        if remote is None:
            answer = await self._client.get("/api/v4/leads", query=title(deal.name), limit=LIMIT, **_NEWEST)
            return rows(answer, "leads")
        card = await self._client.get(f"/api/v4/contacts/{remote}", **{"with": "leads"})
        ids = sorted((int(one["id"]) for one in rows(card, "leads")), reverse=True)[:_LOOKED_AT]
        if not ids:
            return []
        return rows(await self._client.get("/api/v4/leads", limit=LIMIT, **{"filter[id][]": ids}), "leads")

    async def _link(self, held: Held, deal: Deal, record: Filed, remarks: list[str]) -> Filed:
        """Links who is not linked yet. Linking somebody twice changes nothing, so no look is needed."""
        wanted: list[int] = []
        for id in deal.contacts:
            try:
                remote = await self.contact(id)
            except RefusalError as fault:
                remarks.append(f"a contact is left out: {fault}")
                continue
            if remote is not None and remote not in (*record.linked, *wanted):
                wanted.append(remote)
        for start in range(0, len(wanted), BATCH):
            some = wanted[start : start + BATCH]
            links = [
                {"to_entity_id": one, "to_entity_type": "contacts", "metadata": {"main_contact": False}} for one in some
            ]
            try:
                await self._client.send("POST", f"/api/v4/leads/{record.id}/link", links)
            except RefusalError as fault:
                remarks.append(f"{len(some)} contacts are not linked: {fault}")
                continue
            record = await self._keep(held, deal, replace(record, linked=(*record.linked, *some)))
        return record

    async def _keep(self, held: Held, deal: Deal, record: Filed) -> Filed:
        await held.save(_lead(deal.id), _dump(record))
        await held.save(f"deal/{record.id}", deal.id)
        return record

    async def _filed(self, id: str) -> Filed:
        text = await self._ledger.load(_lead(id))
        if text is None:
            return Filed()
        known = json.loads(text)
        return Filed(**{**known, "linked": tuple(known["linked"])})

    def _let_settle(self, tried: float) -> None:
        left = tried + self._settle - time.time()
        if left > 0:
            raise LaterError("the last try was not answered, and what came of it can't be seen yet", after=left)


_NEWEST = {"order[id]": "desc"}


def _contact(id: str) -> str:
    return f"contact/{id}"


def _lead(id: str) -> str:
    return f"lead/{id}"


def _email(person: Person) -> str:
    """The lease of an address; a lease that a crash left behind must not tell whose it was."""
    return f"email/{sha256(person.emails[0].encode()).hexdigest()[:32]}"


def _trying() -> str:
    return f"?{time.time():.3f}"


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def _dump(record: Filed) -> str:
    return json.dumps(asdict(record))


def _person(person: Person) -> dict[str, Any]:
    values = [{"value": email, "enum_code": "WORK"} for email in person.emails]
    return {
        "name": title(person.name),
        "custom_fields_values": [{"field_code": "EMAIL", "values": values}],
        "_embedded": {"tags": [{"name": TAG}]},
    }


def _made(made: Sequence[Any]) -> int:
    """The id of the one card that was made."""
    id = made[0].get("id") if made and isinstance(made[0], dict) else None
    if not isinstance(id, int):
        raise DoubtError("Kommo did not say which card it made")
    return id
