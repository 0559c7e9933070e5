"""A mail in Kommo: a note on its lead, or on its contacts where it has none, and its files on the same cards.

Kommo's own kind of mail (`amomail_message`) can't be written by anybody, so it is an `extended_service_message`: long
text, folded away until somebody opens it. The mark at its end finds it again. What is done is kept in one entry a
mail, so that whoever comes next goes on where the last one stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from crm_adapter.kommo_cards import BATCH, Cards, hold
from crm_adapter.kommo_client import Client
from crm_adapter.kommo_drive import Drive
from crm_adapter.kommo_faults import DoubtError, KommoError, RefusalError
from crm_adapter.kommo_pages import pages, rows
from crm_adapter.kommo_text import TAG, marker
from crm_adapter.port import Held, Ledger

NOTE = "extended_service_message"
_UNSURE = 0
_ROUNDS = 3
"""Cards that were deleted in Kommo are replaced so often: a lead by its contacts, and those by new ones."""


@dataclass(frozen=True, slots=True)
class Place:
    """A card of Kommo. kind: `leads` or `contacts`. ours: the id of our card."""

    kind: str
    id: int
    ours: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"


@dataclass(slots=True)
class Done:
    """What was done for one mail. notes: by card, the note's id, 0 while nobody knows. files: their UUID by number.

    attached: by card, the files that are on it. deleted: the note's text was taken back.
    """

    notes: dict[str, int] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    attached: dict[str, list[str]] = field(default_factory=dict)
    deleted: bool = False


class Notes:
    """The notes of one account."""

    def __init__(self, client: Client, ledger: Ledger, cards: Cards) -> None:
        self._client, self._ledger, self._cards = client, ledger, cards
        self._drive = Drive(client, ledger)

    async def write(
        self, id: str, text: str, leads: Iterable[str], contacts: Iterable[str], files: Iterable[Mapping[str, Any]]
    ) -> list[str]:
        """Puts a text with its files on cards of ours; what came of it, in words. id: the mail's, or the event's.

        Raises RefusalError where Kommo has none of it.
        """
        async with hold(self._ledger, _key(id)) as held:
            done = await self._done(id)
            for _ in range(_ROUNDS):
                places, remarks = await self._places(leads, contacts)
                if not places:
                    return [*remarks, "on no card of Kommo"]
                refused, gone = await self._note(held, id, done, text, places)
                if not gone:
                    break
            placed = [place for place in places if done.notes.get(str(place))]
            if not placed:
                raise RefusalError("; ".join([*remarks, *refused]) or "no card took it", 400)
            remarks += [f"note {done.notes[str(place)]} on {place}" for place in placed]
            return [*remarks, *refused, *await self._files(held, id, done, placed, files)]

    async def take_back(self, id: str, text: str) -> list[str]:
        """Leaves of the notes of a mail only this text; Kommo deletes no notes."""
        async with hold(self._ledger, _key(id)) as held:
            done = await self._done(id)
            for card in [card for card, number in done.notes.items() if number == _UNSURE]:
                kind, _, remote = card.partition("/")
                done.notes[card] = await self._look(Place(kind, int(remote), ""), id)
            if not any(done.notes.values()) or done.deleted:
                return ["no note to take back"]
            await self._rewrite(done, text)
            done.deleted = True
            await self._keep(held, id, done)
            return [f"took back {len(done.notes)} notes"]

    async def _places(self, leads: Iterable[str], contacts: Iterable[str]) -> tuple[list[Place], list[str]]:
        """Where the mail stands: on its lead while that is there, else on its contacts."""
        remarks: list[str] = []
        places = []
        for ours in leads:
            filed, said = await self._cards.lead(ours)
            remarks += said
            if filed is not None and filed.merged:
                remarks.append(f"lead {filed.id} was there: Kommo's control of duplicates")
            if filed is not None:
                places.append(Place("leads", filed.id, ours))
        for ours in () if places else contacts:
            try:
                remote = await self._cards.contact(ours)
            except RefusalError as fault:
                remarks.append(f"a contact is left out: {fault}")
                continue
            if remote is not None and all(remote != place.id for place in places):
                places.append(Place("contacts", remote, ours))
        return places, remarks

    async def _note(self, held: Held, id: str, done: Done, text: str, places: list[Place]) -> tuple[list[str], bool]:
        """One note a card, in few calls for all that have none yet.

        What Kommo refuses of it, in words, and whether that is for a card that somebody deleted there.
        """
        for place in places:
            if done.notes.get(str(place)) == _UNSURE:
                done.notes[str(place)] = await self._look(place, id)
        if done.deleted:
            await self._rewrite(done, text)
            done.deleted = False
        wanted = [place for place in places if not done.notes.get(str(place))]
        refused: list[str] = []
        bad: list[Place] = []
        while wanted:
            some, wanted = wanted[:BATCH], wanted[BATCH:]
            try:
                await self._send(held, id, done, text, some)
            except RefusalError as fault:
                wrong = [one for n, one in enumerate(some) if str(n) in fault.items] or some
                refused += [f"no note on {one}: {fault}" for one in wrong]
                wanted = [one for one in some if one not in wrong] + wanted
                bad += wrong
        await self._keep(held, id, done)
        return refused, await self._forget(bad)

    async def _send(self, held: Held, id: str, done: Done, text: str, places: list[Place]) -> None:
        before = dict(done.notes)
        done.notes |= {str(place): _UNSURE for place in places}
        await self._keep(held, id, done)
        notes = [{"entity_id": place.id, "request_id": str(n), **_body(text)} for n, place in enumerate(places)]
        try:
            made = rows(await self._client.send("POST", f"/api/v4/{places[0].kind}/notes", notes), "notes")
        except DoubtError:
            raise
        except KommoError:
            done.notes = before
            await self._keep(held, id, done)
            raise
        ids = {note.get("entity_id"): note.get("id") for note in made}
        done.notes |= {str(place): number for place in places if isinstance(number := ids.get(place.id), int)}
        await self._keep(held, id, done)
        if any(done.notes[str(place)] == _UNSURE for place in places):
            raise DoubtError("Kommo did not say which notes it made")

    async def _look(self, place: Place, id: str) -> int:
        """The note that an unanswered try may have made."""
        path, sought = f"/api/v4/{place.kind}/{place.id}/notes", {"filter[note_type][]": NOTE, "order[id]": "desc"}
        async for page in pages(self._client, path, "notes", **sought):
            for note in page:
                if marker(id) in str((note.get("params") or {}).get("text", "")):
                    return int(note["id"])
        return _UNSURE

    async def _forget(self, places: Iterable[Place]) -> bool:
        """Cards that refuse a note because somebody deleted them: others take their place. False where none is."""
        gone = [place for place in places if not await self._cards.there(place.kind, place.id)]
        for place in gone:
            if place.kind == "leads":
                await self._cards.forget_lead(place.ours)
            else:
                await self._cards.forget_contact(place.ours, place.id)
        return bool(gone)

    async def _rewrite(self, done: Done, text: str) -> None:
        for kind in ("leads", "contacts"):
            notes = [
                {"id": number, "entity_id": int(place.partition("/")[2]), **_body(text)}
                for place, number in done.notes.items()
                if place.startswith(kind) and number
            ]
            if notes:
                await self._client.send("PATCH", f"/api/v4/{kind}/notes", notes)

    async def _files(
        self, held: Held, id: str, done: Done, places: list[Place], files: Iterable[Mapping[str, Any]]
    ) -> list[str]:
        """Sends what is no part of the text, and puts it on the cards; putting twice changes nothing."""
        remarks = []
        for file in files:
            n = str(file["n"])
            if file.get("inline") or n in done.files or not file.get("available", True):
                continue
            content = await self._ledger.file(id, file["n"])
            if content is None:
                remarks.append(f"file {n} is no longer available")
                continue
            try:
                done.files[n] = await self._drive.put(file["filename"] or f"file {n}", file["content_type"], content)
            except RefusalError as fault:
                remarks.append(f"file {n} is left out: {fault}")
                continue
            await self._keep(held, id, done)
        for place in places:
            remarks += await self._attach(held, id, done, place)
        return remarks

    async def _attach(self, held: Held, id: str, done: Done, place: Place) -> list[str]:
        lacking = [uuid for uuid in done.files.values() if uuid not in done.attached.get(str(place), [])]
        if not lacking:
            return []
        try:
            path = f"/api/v4/{place.kind}/{place.id}/files"
            await self._client.send("PUT", path, [{"file_uuid": uuid} for uuid in lacking])
        except RefusalError as fault:
            return [f"{len(lacking)} files are not on {place}: {fault}"]
        done.attached[str(place)] = [*done.attached.get(str(place), []), *lacking]
        await self._keep(held, id, done)
        return [f"{len(lacking)} files on {place}"]

    async def _done(self, id: str) -> Done:
        text = await self._ledger.load(_key(id))
        return Done(**json.loads(text)) if text else Done()

    async def _keep(self, held: Held, id: str, done: Done) -> None:
        await held.save(_key(id), json.dumps(asdict(done)))


def _key(id: str) -> str:
    return f"mail/{id}"


def _body(text: str) -> dict[str, Any]:
    return {
        "note_type": NOTE,
        "is_need_to_trigger_digital_pipeline": False,
        "params": {"service": TAG, "text": text},
    }
