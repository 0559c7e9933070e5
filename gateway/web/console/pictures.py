"""Whose remote pictures a reader always sees: chosen at a mail, and taken back there or on a page of their own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.usecases.show_pictures import choose_sender, forget_sender, list_senders
from gateway.web.console.session import Reader
from gateway.web.pages import pages_of
from gateway.web.problems import unwrap
from gateway.web.services import Services

router = APIRouter()


@router.post("/mail/{id}/pictures")
async def choose(services: Services, reader: Reader, id: str) -> Response:
    """From now on pictures of whoever wrote this mail are shown."""
    unwrap(await choose_sender(services.store, reader, id))
    return RedirectResponse(f"/mail/{id}", 303)


@router.get("/me/pictures")
async def chosen(request: Request, services: Services, reader: Reader) -> Response:
    """Everybody whose pictures the reader always sees."""
    found = await list_senders(services.store, reader)
    return pages_of(request).console("pictures.html", reader, "me", senders=found)


@router.post("/me/pictures/forget")
async def forget(
    services: Services,
    reader: Reader,
    address: Annotated[str, Form(max_length=1000)],
    mail: Annotated[str, Form()] = "",
) -> Response:
    """From now on the reader decides again, mail by mail. mail: the id of the one at which they said so."""
    await forget_sender(services.store, reader, address)
    return RedirectResponse(f"/mail/{mail}" if mail.isalnum() and mail.isascii() else "/me/pictures", 303)
