"""All mail, searched by words."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.usecases import show_mail
from gateway.usecases.show_account import show_account
from gateway.usecases.show_mail import Filter
from gateway.web.console.session import Reader
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.services import Services

router = APIRouter(prefix="/mail")
ROWS = 50


@router.get("")
async def mails(
    request: Request, services: Services, reader: Reader, q: str = "", after: str | None = None
) -> Response:
    """All mail that was filed, or what holds the words, newest first."""
    sought = q.strip()[:200]
    start = read_cursor(after, (int, str))
    page = await show_mail.list_messages(services.store, reader, start, ROWS, Filter(q=sought))
    account = await show_account(services.store, reader, services.domains[0])
    further = urlencode({"q": sought, "after": cursor(page.next)}) if page.next else ""
    return pages_of(request).console(
        "mails.html", reader, "mail", mails=page.rows, q=sought, further=further, account=account
    )
