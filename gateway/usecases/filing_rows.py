"""The rows of one message: itself, who is in it, and each of its sources with the content that came by it (E13)."""

from __future__ import annotations

from typing import Any

from gateway.core.decision import Decision, auth_as_json
from gateway.core.envelope import Action
from gateway.core.mail import Mail
from gateway.core.people import Cast, Kind
from gateway.store import tables
from gateway.store.filing import Pages, dump
from gateway.usecases.filing_facts import Handing


def add_message(
    pages: Pages, handing: Handing, cast: Cast, decision: Decision, *, id: str, state: str, conversation: str | None
) -> None:
    """The message and its participants. Its row shows what came by the first source."""
    mail = handing.mail
    pages.add(
        tables.messages,
        account=handing.account,
        id=id,
        at=handing.stands_at,
        state=state,
        direction=cast.direction,
        action=(decision.action or Action.ATTACH).value,
        automatic=decision.automatic,
        message_id=mail.message_id,
        identity=mail.identity,
        subject=mail.subject,
        base_subject=mail.base_subject,
        date=mail.date,
        snippet=mail.outline.snippet,
        attachments=dump(_attachments(mail)),
        auth=dump(auth_as_json(decision.auth)),
        unread=dump(list(decision.unread)),
        primary=cast.primary.address if cast.primary else None,
        conversation=conversation,
        size=mail.size,
    )
    carded = decision.effects.cards
    concerned = {one.key for one in cast.clients}
    for n, person in enumerate(cast.participants):
        waits = person.kind is Kind.CLIENT and person.key in concerned and person.key not in carded
        pages.add(
            tables.participants,
            account=handing.account,
            message=id,
            n=n,
            role=person.role,
            address=person.address,
            key=person.key,
            name=person.name,
            kind=person.kind.value,
            waiting=int(waits),
        )


def folder_of(handing: Handing, cast: Cast) -> str:
    """The folder in which it stands in its mailbox; that of the smart addresses sorts by direction."""
    if handing.origin is not None:
        return handing.origin.folder
    return "sent" if cast.direction == "outgoing" else "inbox"


def add_source(
    pages: Pages, handing: Handing, cast: Cast, *, message: str, n: int, thread: str | None, view: str | None = None
) -> None:
    """A road by which a message came, with the content that came by it. view: of a later source (`view_of`)."""
    body = handing.body
    if body.land is not None:
        pages.folders.add(body.land())
    pages.add(
        tables.bodies,
        account=handing.account,
        message=message,
        n=n,
        codec=body.codec,
        trace=body.trace,
        data=body.data,
    )
    pages.add(
        tables.sources,
        account=handing.account,
        message=message,
        n=n,
        road=handing.envelope.road,
        mailbox=handing.origin.mailbox if handing.origin else None,
        folder=folder_of(handing, cast),
        thread=thread,
        at=handing.stands_at,
        view=view,
        removed_at=None,
    )


def view_of(handing: Handing, cast: Cast, decision: Decision) -> str:
    """What the content of a later source shows: a copy may be another one than the first, or a forged one (E13)."""
    mail = handing.mail
    parties: dict[str, list[dict[str, str]]] = {"from": [], "to": [], "cc": []}
    for person in cast.participants:
        parties[person.role].append({"address": person.address, "name": person.name})
    shown = {
        "subject": mail.subject,
        "snippet": mail.outline.snippet,
        "attachments": _attachments(mail),
        "auth": auth_as_json(decision.auth),
    }
    return dump(shown | parties)


def _attachments(mail: Mail) -> list[dict[str, Any]]:
    return [
        {
            "n": one.n,
            "filename": one.filename,
            "content_type": one.content_type,
            "size": one.size,
            "content_id": one.content_id,
            "inline": one.inline,
        }
        for one in mail.outline.attachments
    ]
