"""`/receipts`, `/explain` and `/events`: what became of every attempt, and what would become of one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import IPvAnyAddress

from gateway.core.refusals import Wrong
from gateway.core.resources import as_json
from gateway.usecases import show_receipts
from gateway.usecases.show_receipts import Search
from gateway.web.api import shapes
from gateway.web.api.access import Reader
from gateway.web.paging import AfterId, Limit, Listed, page_json
from gateway.web.problems import Problem, unwrap
from gateway.web.services import Services

router = APIRouter(tags=["receipts"])
Verdict = Literal["file", "refuse", "hold"]


@router.get("/receipts", response_model=Listed[shapes.Receipt])
async def list_receipts(
    services: Services,
    reader: Reader,
    after: AfterId,
    limit: Limit = 50,
    verdict: Verdict | None = None,
    message_id: str | None = None,
    sender: str | None = None,
) -> Any:
    """Receipts, newest first; `message_id` with or without its angle brackets, `sender` is the envelope's."""
    wanted = Search(verdict=verdict, message_id=message_id, sender=sender)
    page = await show_receipts.list_receipts(services.store, reader, after, limit, wanted)
    return page_json(page.map(lambda attempt: attempt.receipt))


@router.get("/receipts/{id}", response_model=shapes.Receipt)
async def get_receipt(services: Services, reader: Reader, id: str) -> Any:
    """One receipt."""
    return as_json(unwrap(await show_receipts.show_receipt(services.store, reader, id)).receipt)


@router.get("/events", response_model=Listed[shapes.Event])
async def list_events(
    services: Services,
    reader: Reader,
    after: AfterId,
    limit: Limit = 50,
    type: Annotated[list[str] | None, Query()] = None,
) -> Any:
    """What happened, oldest first; `after` replays from a point on."""
    return page_json(await show_receipts.list_events(services.store, reader, after, limit, type or ()))


_MESSAGE = {"requestBody": {"required": True, "content": {"message/rfc822": {"schema": {"type": "string"}}}}}


@router.post("/explain", openapi_extra=_MESSAGE)
async def explain(
    request: Request,
    services: Services,
    reader: Reader,
    rcpt: Annotated[list[str], Query(min_length=1, max_length=100)],
    sender: str | None = None,
    peer: IPvAnyAddress | None = None,
) -> dict[str, Any]:
    """The decision on the message in the body, as of now; nothing is stored. `sender` left out is the From address."""
    kind = request.headers.get("content-type", "message/rfc822").partition(";")[0].strip().lower()
    if kind not in ("message/rfc822", "text/plain", "application/octet-stream"):
        raise Problem(415, "Send the raw message as message/rfc822.")
    raw = await read_body(request, services.max_message_bytes)
    decision = await services.explain(raw, rcpt, sender, str(peer) if peer else None)
    if decision["account"] not in (None, reader.slug):
        raise Problem(404, "`rcpt` names no smart address of this account.", [Wrong("rcpt", "is not yours")])
    return decision


async def read_body(request: Request, most: int) -> bytes:
    """The body of a request. Raises a problem for one that is larger than a mail may be (A8)."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise Problem(413, f"The message is larger than {most} bytes.")
        parts.append(part)
    return b"".join(parts)
