"""Held mail: what waits for an admin, and letting it in or not (rules B7, B8b, F)."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.decision import Decision
from gateway.core.refusals import Taken
from gateway.usecases import review_held, show_held
from gateway.usecases.edit_session import Visitor
from gateway.web.console.bulk import here, tell_done
from gateway.web.console.lists import days_left
from gateway.web.console.session import Admin
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.problems import Problem
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _

router = APIRouter(prefix="/held")
ROWS = 25


@router.get("")
async def held(
    request: Request, services: Services, admin: Admin, after: str | None = None, done: str | None = None
) -> Response:
    """What waits, newest first; above it what was decided last, where an answer led here."""
    reviewed = await show_held.show_reviewed(services.store, admin, done) if done else None
    return await _page(request, services, admin, after=after, reviewed=reviewed)


@router.post("/{id}/release")
async def release(request: Request, services: Services, admin: Admin, id: str) -> Response:
    """Lets a mail in; where today's rules refuse it, it stays held and the page says why."""
    released = await review_held.release_held(services.store, services.blobs, admin, id, services.filing)
    if released is None or isinstance(released, Taken):
        raise _not_held()
    if isinstance(released, Decision):
        return await _page(request, services, admin, 409, denied=released)
    return RedirectResponse(f"/held?done={id}", 303)


@router.post("/{id}/refuse")
async def refuse(services: Services, admin: Admin, id: str) -> Response:
    """Drops a mail's content for good."""
    refused = await review_held.refuse_held(services.store, admin, id)
    if refused is None or isinstance(refused, Taken):
        raise _not_held()
    return RedirectResponse(f"/held?done={id}", 303)


def _not_held() -> Problem:
    return Problem(404, _("This mail isn’t held any more: somebody decided on it, or its days were over."))


async def _page(
    request: Request, services: WebServices, admin: Visitor, status: int = 200, after: str | None = None, **told: Any
) -> Response:
    page = await show_held.list_held(services.store, admin, read_cursor(after, (int, str)), ROWS)
    now = time.time_ns() // 1_000_000
    return pages_of(request).console(
        "held.html",
        admin,
        "mail",
        status,
        mails=[(one, days_left(one.message.sources[0].at, now, services.held_days)) for one in page.rows],
        further=cursor(page.next),
        paged=after is not None,
        held_days=services.held_days,
        reviewed=told.get("reviewed"),
        denied=told.get("denied"),
        told=await tell_done(services, admin, request),
        back=here(request),
    )
