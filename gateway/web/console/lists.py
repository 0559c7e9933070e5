"""The lists of mail: all of it, Inbox, Sent and Deleted; by mailbox, by words and days, in threads or not."""

from __future__ import annotations

import time
from typing import Literal
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.usecases.list_mail import SMART, Filter, list_deleted, list_mail
from gateway.usecases.show_account import show_account
from gateway.web.console.bulk import here, tell_done
from gateway.web.console.forms import day_of
from gateway.web.console.session import Admin, Reader
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.services import Services

router = APIRouter()
ROWS = 50
_DAY_MS = 86_400_000
Folder = Literal["", "inbox", "sent"]
View = Literal["", "threads", "messages"]


@router.get("/mail")
async def mails(
    request: Request,
    services: Services,
    reader: Reader,
    folder: Folder = "",
    mailbox: str = "",
    q: str = "",
    since: str = "",
    until: str = "",
    view: View = "",
    after: str | None = None,
) -> Response:
    """Mail that was filed, newest first."""
    asked = {"folder": folder, "mailbox": mailbox[:40], "q": q.strip()[:200]}
    asked |= {"since": since[:10], "until": until[:10], "view": view}
    asked = {name: value for name, value in asked.items() if value}
    last = day_of(until)
    wanted = Filter(
        mailbox=asked.get("mailbox"),
        folder=folder or None,
        q=asked.get("q", ""),
        since=day_of(since),
        until=last + _DAY_MS if last is not None else None,
    )
    grouped = {"threads": True, "messages": False}.get(view)
    page = await list_mail(services.store, reader, read_cursor(after, (int, str)), ROWS, wanted, grouped)
    account = await show_account(services.store, reader, services.domains[0])
    return pages_of(request).console(
        "mails.html",
        reader,
        "mail",
        folder=folder,
        asked=asked,
        lines=page.rows,
        boxes=page.boxes,
        grouped=page.grouped,
        lost=page.lost,
        smart_box=SMART,
        other_view=_query(asked, view="messages" if page.grouped else "threads"),
        further=_query(asked, after=cursor(page.next)) if page.next else "",
        paged=after is not None,
        account=account,
        told=await tell_done(services, reader, request),
        back=here(request),
    )


@router.get("/deleted")
async def deleted(
    request: Request, services: Services, admin: Admin, q: str = "", after: str | None = None
) -> Response:
    """What was deleted, for the days it can be restored."""
    sought = q.strip()[:200]
    page = await list_deleted(services.store, admin, read_cursor(after, (int, str)), ROWS, sought)
    now = time.time_ns() // 1_000_000
    return pages_of(request).console(
        "deleted.html",
        admin,
        "mail",
        mails=[(one, days_left(since, now, services.deleted_days)) for one, since in page.rows],
        q=sought,
        further=urlencode({"q": sought, "after": cursor(page.next)}) if page.next else "",
        deleted_days=services.deleted_days,
        told=await tell_done(services, admin, request),
        back=here(request),
    )


def days_left(since: int, now: int, days: int) -> int:
    """Whole days until what has lain here since a moment goes by itself."""
    return max((since + days * _DAY_MS - now) // _DAY_MS, 0)


def _query(asked: dict[str, str], **more: str | None) -> str:
    return urlencode(asked | {name: value for name, value in more.items() if value})
