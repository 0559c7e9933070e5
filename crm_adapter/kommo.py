"""Kommo: a contact, a lead and a note with files for what a mail made here (docs/howto-kommo.md).

| event | there |
|---|---|
| contact.created | the contact is found by its address, or made |
| lead.created | the lead is made with its main contact; the others are found or made, and linked |
| message.filed, message.sent | a note with the mail's text and files, on the lead or else on the contacts |
| message.deleted | the note's text is taken back |
| message.restored | it stands there again |
| lead.closed_reply | a note on the closed lead |

Each event is enough by itself: a card that an event speaks of and that isn't there yet is made first. So it doesn't
matter whether another conversation's events came sooner, or an account was connected in the middle of its work.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2

from crm_adapter import kommo_mirror, kommo_text
from crm_adapter.events import Event
from crm_adapter.kommo_auth import Authority
from crm_adapter.kommo_cards import Cards
from crm_adapter.kommo_client import Client
from crm_adapter.kommo_faults import BLOCKED, DoubtError, GoneError, HaltError, KommoError, LaterError
from crm_adapter.kommo_notes import Notes
from crm_adapter.port import BusyError, Dead, Delivered, Ledger, Outcome, Person, Retry, TroubleError

TYPES = (
    "contact.created",
    "lead.closed_reply",
    "lead.created",
    "message.deleted",
    "message.filed",
    "message.restored",
    "message.sent",
)
"""What Kommo is told of."""
SOURCE = "kommo"
"""The source of a contact that came from there."""
SETTLE_SECONDS = 20.0
_BUSY_SECONDS = 5.0


class Kommo:
    """One account of Kommo.

    http: a client that goes where we may go and follows nothing by itself. link: the address of a mail for people.
    settle: the seconds after which a search there finds what was made.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        url: str,
        authority: Authority,
        link: Callable[[str], str],
        settle: float = SETTLE_SECONDS,
    ) -> None:
        self._http, self._url, self._authority = http, url.rstrip("/"), authority
        self._link, self._settle = link, settle

    async def deliver(self, event: Event, ledger: Ledger) -> Outcome:
        """Does what the event asks for, or what is still to be done of it."""
        if event.type not in TYPES:
            return Delivered(note="nothing of this is shown in Kommo")
        client = self._client(ledger)
        try:
            await client.open()
            return Delivered(200, "; ".join(await self._do(event, client, ledger)))
        except BusyError:
            return Retry("another process works on the same card", _BUSY_SECONDS)
        except KommoError as fault:
            return self._outcome(fault)

    async def contacts(self, ledger: Ledger) -> AsyncIterator[tuple[Person, ...]]:
        """Contacts that changed there. Raises TroubleError."""
        client = self._client(ledger)
        try:
            await client.open()
            async for page in kommo_mirror.changed(client, ledger):
                yield page
        except KommoError as fault:
            raise TroubleError(self._outcome(fault)) from fault

    async def close(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    def _client(self, ledger: Ledger) -> Client:
        return Client(self._http, self._url, self._authority, ledger)

    def _outcome(self, fault: KommoError) -> Retry | Dead:
        why, status = str(fault), fault.status
        if isinstance(fault, LaterError):
            # That Kommo wants fewer requests is no fault of this event's: it costs it none of its tries.
            return Retry(why, fault.after, status, BLOCKED if status == 429 else None)
        if isinstance(fault, HaltError):
            return Retry(why, fault.after, status, fault.state)
        if isinstance(fault, DoubtError):
            return Retry(
                f"{why}; before the next try it is looked whether it took effect", self._settle or None, status
            )
        return Dead(why, status, "gone" if isinstance(fault, GoneError) else None)

    async def _do(self, event: Event, client: Client, ledger: Ledger) -> list[str]:
        cards = Cards(client, ledger, self._settle)
        data = event.data
        if event.type == "contact.created":
            return await self._contact(cards, event.subject, data)
        if event.type == "lead.created":
            return await self._lead(cards, event.subject)
        notes = Notes(client, ledger, cards)
        if event.type == "lead.closed_reply":
            return await self._closed(cards, notes, event)
        if event.type == "message.deleted":
            return await notes.take_back(event.subject, kommo_text.gone_note(data))
        if data.get("gone"):
            return ["it is no more"]
        if data.get("locked"):
            return ["it stands in a mailbox that its owner doesn't share"]
        text = kommo_text.mail_note(data, self._link(event.subject))
        files = data.get("attachments") or ()
        return await notes.write(event.subject, text, data.get("leads") or (), data.get("contacts") or (), files)

    async def _contact(self, cards: Cards, id: str, data: Any) -> list[str]:
        if data.get("source") == SOURCE:
            return ["it came from Kommo"]
        remote = await cards.contact(id)
        return ["it is no more" if remote is None else f"contact {remote}"]

    async def _lead(self, cards: Cards, id: str) -> list[str]:
        filed, remarks = await cards.lead(id)
        if filed is None:
            return ["it is no more"]
        merged = " that was there: Kommo's control of duplicates" if filed.merged else ""
        return [f"lead {filed.id}{merged}", *remarks]

    async def _closed(self, cards: Cards, notes: Notes, event: Event) -> list[str]:
        filed = await cards.filed(event.subject)
        if not filed.id or filed.gone:
            return ["the lead is not in Kommo"]
        return await notes.write(event.id, kommo_text.closed_note(event.id), [event.subject], (), ())
