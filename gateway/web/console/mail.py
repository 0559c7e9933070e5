"""One message: who, when, its text, its files and its bytes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.usecases import show_mail
from gateway.usecases.show_cards import show_contacts, show_leads
from gateway.usecases.show_receipts import show_first_attempt
from gateway.web.console.session import Reader
from gateway.web.downloads import download
from gateway.web.pages import pages_of
from gateway.web.problems import unwrap
from gateway.web.services import Services

router = APIRouter(prefix="/mail")


@router.get("/{id}")
async def message(request: Request, services: Services, reader: Reader, id: str) -> Response:
    """A message as text."""
    found = unwrap(await show_mail.show_message(services.store, reader, id))
    raw = unwrap(await show_mail.show_raw(services.store, services.blobs, reader, id))
    content = await show_mail.show_content(raw, services.mime_limits)
    return pages_of(request).console(
        "mail.html",
        reader,
        "mail",
        mail=found,
        text=content.text,
        receipt=await show_first_attempt(services.store, reader, id),
        contacts=await show_contacts(services.store, reader, found.contacts),
        leads=await show_leads(services.store, reader, found.leads),
    )


@router.get("/{id}/raw")
async def raw(services: Services, reader: Reader, id: str) -> Response:
    """The bytes."""
    found = unwrap(await show_mail.show_raw(services.store, services.blobs, reader, id))
    return download(found.trace + found.message, f"{id}.eml", "message/rfc822")


@router.get("/{id}/attachments/{n}")
async def attachment(
    services: Services, reader: Reader, id: str, n: Annotated[int, Path(ge=1, le=1_000_000)]
) -> Response:
    """A file of the message."""
    found = unwrap(await show_mail.show_raw(services.store, services.blobs, reader, id))
    about, data = unwrap(await show_mail.show_attachment(found, n, services.mime_limits))
    return download(data, about.filename, about.content_type)
