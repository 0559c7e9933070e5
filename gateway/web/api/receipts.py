"""`/receipts`, `/explain` and `/events`: what became of every attempt, and what would become of one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import IPvAnyAddress

from crm_adapter.events import TYPES
from gateway.core.refusals import Wrong
from gateway.core.resources import as_json
from gateway.usecases import show_receipts
from gateway.usecases.show_receipts import Search
from gateway.web.api import shapes
from gateway.web.api.access import Reader
from gateway.web.api.decisions import Decision
from gateway.web.openapi import problem
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
    type: Annotated[list[str] | None, Query(max_length=50)] = None,
) -> Any:
    """What happened, oldest first; `after` replays from a point on: a page's `next`, an event's id, a `webhook-id`."""
    for n, name in enumerate(type or ()):
        if name not in TYPES:
            wrong = f"{name[:80]!a} is no type of event; allowed: {', '.join(TYPES)}"
            raise Problem(422, wrong, [Wrong(f"type/{n}", wrong)])
    return page_json(await show_receipts.list_events(services.store, reader, after, limit, type or ()))


_NAME_NO_ACCOUNT = ("A1", "A2", "A3")
"""Rules whose refusal anybody may be told of; every other decision is an account's own, or the operators'."""
_MESSAGE = {"requestBody": {"required": True, "content": {"message/rfc822": {"schema": {"type": "string"}}}}}


_PROBLEMS: dict[int | str, dict[str, Any]] = {404: problem(404), 415: problem(415)}


@router.post("/explain", response_model=Decision, openapi_extra=_MESSAGE, responses=_PROBLEMS)
async def explain(
    request: Request,
    services: Services,
    reader: Reader,
    rcpt: Annotated[list[str], Query(min_length=1, max_length=100)],
    sender: str | None = None,
    peer: IPvAnyAddress | None = None,
) -> Any:
    """The decision on the message in the body, as of now; nothing is stored. `sender` left out is the From address."""
    kind = request.headers.get("content-type", "message/rfc822").partition(";")[0].strip().lower()
    if kind not in ("message/rfc822", "text/plain", "application/octet-stream"):
        raise Problem(415, "Send the raw message as message/rfc822.")
    decision = await services.explain(await request.body(), rcpt, sender, str(peer) if peer else None)
    nobodys = decision["account"] is None and decision["rule"] in _NAME_NO_ACCOUNT
    if decision["account"] != reader.slug and not nobodys:
        raise Problem(404, "`rcpt` names no smart address of this account.", [Wrong("rcpt", "is not yours")])
    return decision
