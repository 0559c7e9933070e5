"""`/messages` and `/threads`: the mail that was filed, its text, its bytes and its files."""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from gateway.core.decision import Decision
from gateway.core.outgoing import Draft, Upload
from gateway.core.refusals import Wrong
from gateway.core.resources import as_json
from gateway.usecases import delete_mail, make_card, review_held, send_mail, show_mail
from gateway.usecases.show_mail import Filter
from gateway.web.api import asked, shapes
from gateway.web.api.access import Admin, Reader, Writer
from gateway.web.downloads import download
from gateway.web.openapi import problem
from gateway.web.paging import AfterId, AfterTime, Limit, Listed, Words, page_json
from gateway.web.problems import ADMINS_ONLY, NOT_THERE, Problem, unwrap
from gateway.web.services import Services

router = APIRouter(tags=["messages"])
Folder = Literal["inbox", "sent", "deleted", "held"]
Images = Literal["block", "show"]
Purge = Annotated[bool, Query(description="Drop the content of a deleted message for good.")]
_GONE: dict[int | str, dict[str, Any]] = {410: problem(410)}
_RAW: dict[int | str, dict[str, Any]] = {200: {"content": {"message/rfc822": {"schema": {"type": "string"}}}}, **_GONE}
_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"*/*": {"schema": {"type": "string"}}}}, **_GONE}


@router.get("/messages", response_model=Listed[shapes.Message])
async def list_messages(
    services: Services,
    reader: Reader,
    after: AfterTime,
    limit: Limit = 50,
    contact: str | None = None,
    lead: str | None = None,
    thread: str | None = None,
    mailbox: str | None = None,
    folder: Folder | None = None,
    q: Words = "",
) -> Any:
    """Messages by the time they came, newest first. `folder`: inbox, sent, and for admins held and deleted; left out,
    the first two."""
    if folder in ("deleted", "held") and reader.role != "admin":
        raise ADMINS_ONLY
    cards = tuple(card for card in (contact, lead) if card is not None)
    wanted = Filter(cards, thread, mailbox, folder, q)
    return page_json(await show_mail.list_messages(services.store, reader, after, limit, wanted))


@router.post("/messages", status_code=201, response_model=shapes.Message)
async def send_message(services: Services, writer: Writer, wish: asked.NewMessage) -> Any:
    """Sends a mail through a mailbox you may send from. It is filed at once, on the cards of the contacts it goes to;
    `sending` says how far it is, and the events `message.sent` and `message.failed` tell what became of it."""
    draft = unwrap(await asyncio.to_thread(_draft, wish))
    sent = await send_mail.send_mail(services.store, services.files, writer, draft, services.send_settings)
    return as_json(unwrap(sent))


@router.post("/messages/{id}/retry", status_code=202, response_model=shapes.Message)
async def retry_message(services: Services, writer: Writer, id: str) -> Any:
    """Sends a mail that failed once more, to those it has not reached. 409 where it has not failed."""
    return as_json(unwrap(await send_mail.retry_mail(services.store, writer, id)))


@router.post("/messages/{id}/cancel", response_model=shapes.Message)
async def cancel_message(services: Services, writer: Writer, id: str) -> Any:
    """Takes a mail back that still waits in the queue: it has failed then, and can be sent again. 409 where it waits no
    more."""
    return as_json(unwrap(await send_mail.cancel_mail(services.store, writer, id)))


@router.get("/messages/{id}", response_model=shapes.OpenMessage)
async def get_message(services: Services, reader: Reader, id: str, images: Images = "block") -> Any:
    """One message with its text; `images=show` keeps pictures on other servers in its HTML. Of one that stands on a
    card and is in a mailbox that the reader may not open, that it is there: `locked`."""
    files_at = f"/v1/messages/{id}/attachments/"
    read = unwrap(
        await show_mail.open_message(
            services.store, services.blobs, reader, id, services.mime_limits, files_at, images=images == "show"
        )
    )
    return as_json(read.message) | as_json(read.content) | {"reply_text": read.content.reply_text}


@router.delete("/messages/{id}", status_code=204)
async def delete_message(services: Services, writer: Writer, id: str, purge: Purge = False) -> None:
    """Puts a message into Deleted, from where an admin may restore it for 30 days; then its content is dropped.

    Where it also came by a mailbox that you may not open, it stays there for those who may.

    `purge=true` drops the content of a deleted message at once and for good; admins only.
    """
    if purge and writer.role != "admin":
        raise ADMINS_ONLY
    verb = delete_mail.purge_message if purge else delete_mail.delete_message
    if not unwrap(await verb(services.store, writer, id)):
        raise NOT_THERE


@router.post("/messages/{id}/restore", response_model=shapes.Message)
async def restore_message(services: Services, admin: Admin, id: str) -> Any:
    """Takes a message out of Deleted, back to the cards, threads and lists it was in; admins only."""
    return as_json(unwrap(await delete_mail.restore_message(services.store, admin, id)))


@router.post("/messages/{id}/release", response_model=shapes.Message)
async def release_message(services: Services, admin: Admin, id: str) -> Any:
    """Lets a held mail in: the rules run again with today's facts, the hold waived. 409 where they refuse it today."""
    released = unwrap(await review_held.release_held(services.store, services.blobs, admin, id, services.filing))
    if isinstance(released, Decision):
        raise Problem(409, f"Today's rules don't let this mail in (rule {released.rule}): {released.reply.text}")
    return as_json(released)


@router.post("/messages/{id}/refuse", response_model=shapes.Message)
async def refuse_message(services: Services, admin: Admin, id: str) -> Any:
    """Drops a held mail's content for good; its receipt stays. The message as it was."""
    return as_json(unwrap(await review_held.refuse_held(services.store, admin, id)))


@router.post("/messages/{id}/card", status_code=201, response_model=shapes.Contact | shapes.Lead)
async def post_message_card(services: Services, writer: Writer, id: str, wish: asked.NewCardOfMail) -> Any:
    """Makes a contact of a mail's primary client, or a lead of its conversation, with the other mail of that client
    that waits for a card; where it is there already, that one."""
    domains, limits = services.domains, services.limits
    made = await make_card.make_card(services.store, services.blobs, writer, id, wish.kind, domains, limits)
    return as_json(unwrap(made))


@router.get("/messages/{id}/raw", response_class=Response, responses=_RAW)
async def get_raw(services: Services, reader: Reader, id: str) -> Response:
    """The message as it was received, after the trace header fields we put before it. What was left on its mail server
    is fetched from there; 410 once it is gone from it."""
    raw = unwrap(await show_mail.stream_raw(services.store, services.files, reader, id))
    return download(raw, f"{id}.eml", "message/rfc822")


@router.get("/messages/{id}/attachments/{n}", response_class=Response, responses=_FILE)
async def get_attachment(
    services: Services, reader: Reader, id: str, n: Annotated[int, Path(ge=1, le=1_000_000)]
) -> Response:
    """An attachment's decoded bytes. What was left on its mail server is fetched from there; 410 once it is gone."""
    found = unwrap(await show_mail.show_attachment(services.store, services.files, reader, id, n))
    return download(found.data, found.filename, found.content_type)


def _draft(wish: asked.NewMessage) -> Draft | Wrong:
    if wish.text is not None and wish.html is not None:
        return Wrong("html", "there is a text as well; allowed: one of the two, as the text of HTML is derived from it")
    uploads = []
    for n, one in enumerate(wish.attachments):
        try:
            data = b64decode(one.data, validate=True)
        except (binascii.Error, ValueError):
            return Wrong(f"attachments/{n}/data", "this is no base64; allowed: the file's bytes in base64")
        uploads.append(Upload(one.filename, one.content_type, data))
    return Draft(
        wish.mailbox,
        tuple(wish.to),
        tuple(wish.cc),
        tuple(wish.bcc),
        wish.subject,
        wish.text or wish.html or "",
        wish.html is not None,
        wish.answers,
        wish.forwards,
        tuple(uploads),
    )


@router.get("/threads", response_model=Listed[shapes.Thread])
async def list_threads(
    services: Services, reader: Reader, after: AfterId, limit: Limit = 50, mailbox: str | None = None
) -> Any:
    """Threads, newest first; `mailbox` is `smart` or a mailbox's id."""
    return page_json(await show_mail.list_threads(services.store, reader, after, limit, mailbox))


@router.get("/threads/{id}", response_model=shapes.Thread)
async def get_thread(services: Services, reader: Reader, id: str) -> Any:
    """One thread."""
    return as_json(unwrap(await show_mail.show_thread(services.store, reader, id)))
