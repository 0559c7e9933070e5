"""Help: the keys that work in lists, for who opens it as a page and not over one."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.web.console.session import Reader
from gateway.web.pages import pages_of

router = APIRouter()


@router.get("/help")
async def show_help(request: Request, reader: Reader) -> Response:
    """What there is to know of using the pages."""
    return pages_of(request).console("keys.html", reader, "help")
