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
async def show_egress(request: Request, services: Services, _: Reader) -> Response:
    """What a mail server's firewall has to let in."""
    return pages_of(request).answer("egress.html", addresses=services.egress, domain=services.domains[0])
