"""What a message holds: what was written, in a frame of its own, its header and its bytes, and its files."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.core.folding import fold
from gateway.core.source import as_text, header_of
from gateway.usecases import show_mail
from gateway.usecases.edit_session import Visitor
from gateway.usecases.show_pictures import pictures_of
from gateway.web.console.session import Reader
from gateway.web.downloads import download
from gateway.web.pages import pages_of
from gateway.web.problems import unwrap
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _

router = APIRouter(prefix="/mail")
Images = Literal["block", "show"]
_MOST_SOURCE = 40_000
_READ_BYTES = 300_000
PAGE_POLICY = (
    "default-src 'none'; img-src 'self' data: {}; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)
"""No script, no form, no font and no frame. Its own origin lets it show the mail's own pictures, and the page around
it measure its height."""


async def read_paper(services: WebServices, reader: Visitor, id: str, *, images: bool) -> show_mail.Read:
    """A message with what it says, its HTML made safe and with the markers of `core.folding`."""
    found = await show_mail.open_message(
        services.store,
        services.blobs,
        reader,
        id,
        services.mime_limits,
        f"/mail/{id}/attachments/",
        images=images,
        marked=True,
    )
    return unwrap(found)


@router.get("/{id}/page")
async def page(
    request: Request,
    services: Services,
    reader: Reader,
    id: str,
    images: Images | None = None,
    told: bool = False,
) -> Response:
    """What was written, made safe, as a document that stands in a frame. images: remote ones are shown or not, left out
    as the reader chose for this sender. told: the page around it says that there are some."""
    if images is None:
        mail = unwrap(await show_mail.show_message(services.store, reader, id))
        images = "show" if not mail.locked and (await pictures_of(services.store, reader, mail)).always else "block"
    read = await read_paper(services, reader, id, images=images == "show")
    content = read.content
    words = {"quote": _("Quoted text"), "signature": _("Signature")}
    folded = fold(content.html, content.blocks, words) if content.html is not None else None
    answer = pages_of(request).answer(
        "mail_page.html",
        mail=read.message,
        content=content,
        folded=folded,
        blocked=content.remote_images and images == "block" and not told,
    )
    answer.headers["Content-Security-Policy"] = PAGE_POLICY.format("http: https:" if images == "show" else "")
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@router.get("/{id}/headers")
async def headers(request: Request, services: Services, reader: Reader, id: str) -> Response:
    """The header, all fields in their order."""
    return await _source(request, services, reader, id, header=True)


@router.get("/{id}/source")
async def source(request: Request, services: Services, reader: Reader, id: str) -> Response:
    """The mail as it came, as far as a page holds it."""
    return await _source(request, services, reader, id, header=False)


async def _source(request: Request, services: WebServices, reader: Visitor, id: str, *, header: bool) -> Response:
    found = unwrap(await show_mail.show_source(services.store, services.blobs, reader, id, _READ_BYTES))
    mail = unwrap(await show_mail.show_message(services.store, reader, id))
    text, whole = as_text(header_of(found) if header else found, _MOST_SOURCE)
    known: dict[str, Any] = {"mail": mail, "text": text, "whole": whole, "header": header}
    return pages_of(request).console("mail_source.html", reader, "mail", **known)


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
