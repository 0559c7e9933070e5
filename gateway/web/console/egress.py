"""The addresses we connect from, on a page to show to whoever minds a firewall (rule E12)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.web.console.session import Reader
from gateway.web.pages import pages_of
from gateway.web.services import Services

router = APIRouter(prefix="/egress")


@router.get("")
async def show_egress(request: Request, services: Services, reader: Reader) -> Response:
    """What a mail server's firewall has to let in: for admins among the settings, for users beside the mailboxes."""
    pages, addresses = pages_of(request), services.egress
    if reader.role == "admin":
        return pages.console("egress_settings.html", reader, "settings", tab_here="egress", addresses=addresses)
    return pages.console("egress.html", reader, "mailboxes", addresses=addresses)
