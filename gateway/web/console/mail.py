"""One message: who, when, what was written, its files and its bytes."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.usecases import show_mail
from gateway.usecases.edit_session import Visitor
from gateway.usecases.show_cards import show_contacts, show_leads
from gateway.usecases.show_held import is_held
from gateway.usecases.show_receipts import show_first_attempt, show_outcome
from gateway.web.console.session import Reader
from gateway.web.downloads import download
from gateway.web.guard import CONTENT_SECURITY_POLICY
from gateway.web.pages import pages_of
from gateway.web.problems import unwrap
from gateway.web.services import Services, WebServices

router = APIRouter(prefix="/mail")
Images = Literal["block", "show"]
PAGE_POLICY = (
    "default-src 'none'; img-src 'self' data: {}; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)
"""No script, no form, no font and no frame. Its own origin lets it show the mail's own pictures, and the page around
it measure its height."""


@router.get("/{id}")
async def message(request: Request, services: Services, reader: Reader, id: str, images: Images = "block") -> Response:
    """A message: as it was written, in a frame of its own, or as text where it has no HTML."""
    read = await _read(services, reader, id)
    found, content = read.message, read.content
    receipt = await show_first_attempt(services.store, reader, id) if not found.locked else None
    outcome = await show_outcome(services.store, reader, receipt) if receipt is not None else None
    answer = pages_of(request).console(
        "mail.html",
        reader,
        "mail",
        mail=found,
        content=content,
        images=images,
        attempt=outcome.attempt if outcome is not None else None,
        held=await is_held(services.store, reader, id),
        contacts=await show_contacts(services.store, reader, found.contacts),
        leads=await show_leads(services.store, reader, found.leads),
    )
    answer.headers["Content-Security-Policy"] = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"
    return answer


@router.get("/{id}/page")
async def page(request: Request, services: Services, reader: Reader, id: str, images: Images = "block") -> Response:
    """What was written, made safe, as a document that stands in a frame; by `images=show` with remote pictures."""
    read = await _read(services, reader, id, images=images == "show")
    answer = pages_of(request).answer("mail_page.html", mail=read.message, content=read.content)
    answer.headers["Content-Security-Policy"] = PAGE_POLICY.format("http: https:" if images == "show" else "")
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


async def _read(services: WebServices, reader: Visitor, id: str, *, images: bool = False) -> show_mail.Read:
    limits, files_at = services.mime_limits, f"/mail/{id}/attachments/"
    return unwrap(
        await show_mail.open_message(services.store, services.blobs, reader, id, limits, files_at, images=images)
    )


@router.get("/{id}/raw")
async def raw(services: Services, reader: Reader, id: str) -> Response:
    """The bytes."""
    found = unwrap(await show_mail.stream_raw(services.store, services.files, reader, id))
    return download(found, f"{id}.eml", "message/rfc822")


@router.get("/{id}/attachments/{n}")
async def attachment(
    services: Services, reader: Reader, id: str, n: Annotated[int, Path(ge=1, le=1_000_000)]
) -> Response:
    """A file of the message."""
    found = unwrap(await show_mail.show_attachment(services.store, services.files, reader, id, n))
    return download(found.data, found.filename, found.content_type)
