"""Messages as one reader sees them: by the best of the sources that they may open, else locked (rules E13, F)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from gateway.core.resources import File, Message, Party, Source
from gateway.core.visibility import Sight
from gateway.store.deletions import DELETED, NOTE
from gateway.store.mailbox_reading import Remote, find_lost, find_owners, find_remotes
from gateway.store.outgoing import WRITTEN, find_sendings
from gateway.store.reading import collect
from gateway.store.tables import cards, participants, sources

_KINDS = ("contact", "lead", "customer")
_ROLES = ("from", "to", "cc")


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as a reader sees it. n: the source it is shown by, and so its body; None where it is locked.

    box: that source's mailbox. others: further sources that they may open. carded: it stands on a card.
    """

    message: Message
    state: str
    n: int | None
    box: str | None
    others: tuple[int, ...]
    carded: bool


def show_rows(tx: Connection, account: int, rows: Sequence[Row[Any]], sight: Sight) -> list[Shown]:
    """Rows of `messages` as a reader sees them, in their order; a few statements for all of them."""
    ids = [row.id for row in rows]
    roads = _of(tx, select(sources).where(sources.c.account == account), sources.c.message, ids)
    best = {row.id: _best(row, roads.get(row.id, []), sight) for row in rows}
    people = _of(tx, select(participants).where(participants.c.account == account), participants.c.message, ids)
    on_cards = select(cards.c.message, cards.c.card, cards.c.kind).where(cards.c.account == account)
    standing = collect(tx, on_cards, cards.c.message, ids, cards.c.card)
    views = {row.id: _view(row, best[row.id], people.get(row.id, [])) for row in rows if best[row.id]}
    twins = {
        row.id: frozenset(
            _named(file)
            for one in best[row.id][1:]
            if one.mailbox is None
            for file in _view(row, [one], people.get(row.id, []))["attachments"]
        )
        for row in rows
    }
    sendings = find_sendings(tx, account, list(views))
    available = _availability(tx, account, {id: (best[id][0], view) for id, view in views.items()}, twins)
    told = _locks(tx, account, {row.id: roads.get(row.id, []) for row in rows if not best[row.id]})
    found = []
    for row in rows:
        shown, open_to = standing.get(row.id, []), best[row.id]
        if not open_to:
            message = _locked(row, *told[row.id])
            found.append(Shown(message, row.state, None, None, (), bool(shown)))
            continue
        message = _message(row, views[row.id], open_to, shown, available)
        if any(one.road == WRITTEN for one in open_to):  # others may not know of whom it did not reach, who is in Bcc
            message = replace(message, sending=sendings.get(row.id))
        others = tuple(one.n for one in open_to[1:])
        found.append(Shown(message, row.state, open_to[0].n, open_to[0].mailbox, others, bool(shown)))
    return found


def _of(tx: Connection, query: Select[Any], column: Any, ids: list[str]) -> dict[str, list[Row[Any]]]:
    return collect(tx, query, column, ids, column.table.c.n)


def _best(row: Row[Any], roads: Sequence[Row[Any]], sight: Sight) -> list[Row[Any]]:
    """The sources that are open, the nearest first. What was deleted is seen as it was before (E8)."""
    if row.state == NOTE:
        return []
    there = [one for one in roads if one.removed_at is None or row.state == DELETED]
    near = [(found, one.n, one) for one in there if (found := sight.near(one.mailbox)) is not None]
    return [one for _, _, one in sorted(near, key=lambda found: found[:2])]


def _view(row: Row[Any], open_to: Sequence[Row[Any]], people: Sequence[Row[Any]]) -> Mapping[str, Any]:
    """What the first of these sources shows. One without a view of its own is like the first source, where that is open
    as well."""
    source = open_to[0]
    if source.n and source.view is not None:
        found: Mapping[str, Any] = json.loads(source.view)
        return found
    if all(one.n for one in open_to):
        return {"subject": "", "snippet": "", "attachments": [], "from": [], "to": [], "cc": [], "auth": {}}
    return {
        "subject": row.subject,
        "snippet": row.snippet,
        "attachments": json.loads(row.attachments),
        "auth": json.loads(row.auth),
        **{role: [{"address": one.address, "name": one.name} for one in people if one.role == role] for role in _ROLES},
    }


def _message(
    row: Row[Any],
    view: Mapping[str, Any],
    open_to: Sequence[Row[Any]],
    shown: Sequence[Row[Any]],
    available: Callable[[str, int], bool],
) -> Message:
    parties = {role: tuple(Party(one["address"], one["name"]) for one in view[role]) for role in _ROLES}
    on = {kind: tuple(one.card for one in shown if one.kind == kind) for kind in _KINDS}
    return Message(
        id=row.id,
        message_id=row.message_id,
        direction=row.direction,
        subject=view["subject"],
        from_=parties["from"][0] if parties["from"] else None,
        to=parties["to"],
        cc=parties["cc"],
        date=row.date,
        snippet=view["snippet"],
        sources=tuple(Source(one.road, one.mailbox, one.folder, one.thread, one.at) for one in open_to),
        attachments=tuple(_file(one, available(row.id, one["n"])) for one in view["attachments"]),
        contacts=on["contact"],
        leads=on["lead"],
        customers=on["customer"],
        thread=open_to[0].thread,
        mailbox=open_to[0].mailbox,
        auth=view["auth"],
    )


def _file(one: Mapping[str, Any], available: bool) -> File:
    return File(
        n=one["n"],
        filename=one["filename"],
        content_type=one["content_type"],
        size=one["size"],
        content_id=one.get("content_id"),
        inline=one.get("inline", False),
        available=available,
    )


def _availability(
    tx: Connection,
    account: int,
    views: Mapping[str, tuple[Row[Any], Mapping[str, Any]]],
    twins: Mapping[str, Set[tuple[int, str, str]]],
) -> Callable[[str, int], bool]:
    """Whether a file can be had: one that was left on a server, while it is there and can be reached (E7).

    views: the source that each message is shown by, in whose folder its files are, and what that shows. twins: the
    files of a copy that a smart address got, which are kept here."""
    asked = {
        id: (source.mailbox, source.folder)
        for id, (source, view) in views.items()
        if source.mailbox is not None and view["attachments"]
    }
    places = find_remotes(tx, account, tuple(asked)) if asked else {}
    left = {
        id: [one for one in found if (one.mailbox, one.role) == asked[id] and one.files] for id, found in places.items()
    }
    lost = find_lost(tx, account, sorted({one.mailbox for found in left.values() for one in found})) if left else ()

    def available(id: str, n: int) -> bool:
        holding = [one for one in left.get(id, ()) if one.file(n) is not None]
        return not holding or any(_there(one, lost) for one in holding) or _is_kept(id, n)

    def _is_kept(id: str, n: int) -> bool:
        return any(one["n"] == n and _named(one) in twins[id] for one in views[id][1]["attachments"])

    return available


def _named(file: Mapping[str, Any]) -> tuple[int, str, str]:
    return file["n"], file["filename"], file["content_type"]


def _there(place: Remote, lost: Sequence[str] | frozenset[str]) -> bool:
    return not place.gone and place.mailbox not in lost


def _locks(tx: Connection, account: int, locked: Mapping[str, Sequence[Row[Any]]]) -> dict[str, tuple[str | None, str]]:
    """Of messages that are locked, the address of the user whose mailbox they are in, and what is to be known."""
    boxes = {id: _box_of(roads) for id, roads in locked.items()}
    asked = sorted({box for box, _ in boxes.values() if box is not None})
    owners = find_owners(tx, account, asked) if asked else {}
    told = {}
    for id, (box, purged) in boxes.items():
        address, owner = owners.get(box or "", ("another system", None))
        told[id] = (owner, f"This mail is available only on the mail server of {address}." if purged else "")
    return told


def _box_of(roads: Sequence[Row[Any]]) -> tuple[str | None, bool]:
    """The mailbox a locked message is in; and whether its content was purged (`disconnecting`)."""
    for one in roads:
        if one.mailbox == "":
            return json.loads(one.view)["mailbox"], True
    standing = [one.mailbox for one in roads if one.removed_at is None] or [one.mailbox for one in roads]
    return next((box for box in standing if box is not None), None), False


def _locked(row: Row[Any], owner: str | None, note: str) -> Message:
    """All that is shown of a message that its reader may not open: when, and in which direction (F)."""
    return Message(
        id=row.id,
        message_id=None,
        direction=row.direction,
        subject="",
        from_=None,
        to=(),
        cc=(),
        date=row.date,
        snippet="",
        sources=(),
        attachments=(),
        contacts=(),
        leads=(),
        customers=(),
        thread=None,
        mailbox=None,
        auth={},
        locked=True,
        owner=owner,
        note=note,
    )
