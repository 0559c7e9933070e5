"""A conversation: what is new in each of its messages, the one that is read opened with all that belongs to it."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.core.resources import Message
from gateway.usecases import show_cards, show_mail
from gateway.usecases.edit_session import Visitor
from gateway.usecases.read_thread import Talk, read_message, read_thread
from gateway.usecases.show_pictures import pictures_of
from gateway.web.console.paper import Images, read_paper
from gateway.web.console.session import Reader, Session, reader_now
from gateway.web.guard import CONTENT_SECURITY_POLICY
from gateway.web.live import Part, live_of
from gateway.web.pages import pages_of
from gateway.web.problems import unwrap
from gateway.web.services import Services, WebServices

router = APIRouter()
_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,500}")
_SETTLED = ("sent", "failed")
_EVERY_SECONDS = 0.5


@router.get("/threads/{id}")
async def thread(
    request: Request,
    services: Services,
    reader: Reader,
    id: str,
    before: str | None = None,
    after: str | None = None,
    images: Images | None = None,
) -> Response:
    """A thread, its newest message opened. before, after: the id of one of its messages, for an earlier or a later
    page."""
    talk = unwrap(await read_thread(services.store, reader, id, before, after))
    return await _page(request, services, reader, talk, images, f"/threads/{id}")


@router.get("/mail/{id}")
async def message(
    request: Request, services: Services, reader: Reader, id: str, images: Images | None = None
) -> Response:
    """A message, opened among those of its thread."""
    talk = unwrap(await read_message(services.store, reader, id))
    return await _page(request, services, reader, talk, images, f"/mail/{id}")


@router.get("/mail/{id}/live")
async def sending(request: Request, services: Services, reader: Reader, id: str, session: Session = None) -> Response:
    """How a mail that was written here is on its way, as it goes on."""
    unwrap(await show_mail.show_message(services.store, reader, id))

    async def render() -> Part:
        now = await reader_now(services, session)
        found = await show_mail.show_message(services.store, now, id)
        if found is None or found.sending is None:
            return Part("", over=True)
        html = pages_of(request).text("part_sending.html", mail=found, reader=now)
        said = pages_of(request).text("part_sending_said.html", mail=found).strip()
        return Part(html, said, over=found.sending.state in _SETTLED)

    return live_of(request).answer(render, _EVERY_SECONDS)


async def _page(
    request: Request, services: WebServices, reader: Visitor, talk: Talk, images: Images | None, here: str
) -> Response:
    opened = talk.opened
    known: dict[str, Any] = {"talk": talk, "mail": opened, "back": back_of(request), "here_at": here}
    if opened.locked:
        return pages_of(request).console("mail_locked.html", reader, "mail", **known)
    pictures = await pictures_of(services.store, reader, opened)
    shown = images or ("show" if pictures.always else "block")
    read = await read_paper(services, reader, opened.id, images=shown == "show")
    answer = pages_of(request).console(
        "thread.html",
        reader,
        "mail",
        **known,
        subject=talk.thread.subject if talk.thread is not None and len(talk.mails) > 1 else opened.subject,
        message=read.message,
        content=read.content,
        files=_files(read),
        images=shown,
        pictures=pictures,
        said_by=_author(opened),
        proofs={one.id: talk.attempts[one.id] for one in talk.mails if one.mailbox is None and one.id in talk.attempts},
        **await _cards(services, reader, opened),
    )
    answer.headers["Content-Security-Policy"] = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"
    return answer


def back_of(request: Request) -> str:
    """Where the reader came from: a path of ours, else all mail."""
    came = request.query_params.get("from", "")
    return came if _LOCAL.fullmatch(came) else "/mail"


def _files(read: show_mail.Read) -> list[Any]:
    """What of a message is a file to its reader: not the pictures that stand within its text."""
    html, at = read.content.html or "", f"/mail/{read.message.id}/attachments/"
    return [one for one in read.message.attachments if not (one.inline and f'src="{at}{one.n}"' in html)]


def _author(mail: Message) -> str:
    return (mail.from_.name or mail.from_.address) if mail.from_ is not None else ""


async def _cards(services: WebServices, reader: Visitor, mail: Message) -> dict[str, Any]:
    customers = [await show_cards.show_customer(services.store, reader, id) for id in mail.customers[:5]]
    return {
        "contacts": await show_cards.show_contacts(services.store, reader, mail.contacts),
        "leads": await show_cards.show_leads(services.store, reader, mail.leads),
        "customers": [one for one in customers if one is not None],
    }
