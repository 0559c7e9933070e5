"""Writing a mail: new, as an answer or to hand one on, from a mailbox that is connected here (rule E11).

What was typed survives whatever comes in between: a wrong field, a mailbox that lets nobody in, a session that ended.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway.core.refusals import Away, Denied, Lost, Wrong
from gateway.core.resources import Message
from gateway.core.templates import Rendered
from gateway.usecases import send_mail, show_cards, templates
from gateway.usecases.edit_session import Visitor, who_visits
from gateway.usecases.prepare_draft import How, prepare
from gateway.usecases.show_account import show_account
from gateway.web.console.session import Reader, Session, SignInNeededError
from gateway.web.console.writing import Typed, read_form, typed_of, written
from gateway.web.guard import CONTENT_SECURITY_POLICY
from gateway.web.pages import pages_of
from gateway.web.problems import unwrap
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _
from gateway.web.tongues import later

router = APIRouter()
OFFERED = 20
"""Contacts that are offered to write to."""
_HOWS: tuple[How, ...] = ("reply", "reply_all", "forward")
_TITLES = {
    "": later("New mail"),
    "reply": later("Reply"),
    "reply_all": later("Reply to all"),
    "forward": later("Forward"),
}
_FIELDS = ("mailbox", "to", "cc", "bcc", "subject", "body", "attachments")


async def _visitor(services: Services, session: Session = None) -> Visitor | None:
    return await who_visits(services.store, session) if session else None


MaybeVisitor = Annotated[Visitor | None, Depends(_visitor)]
"""Whoever is signed in, if anybody is."""


@router.get("/compose")
async def compose(
    request: Request,
    services: Services,
    reader: Reader,
    reply: str = "",
    reply_all: str = "",
    forward: str = "",
    to: str = "",
    cc: str = "",
    subject: str = "",
    contact: str = "",
    lead: str = "",
) -> Response:
    """An empty page to write on, or one that begins as an answer."""
    asked = dict(zip(_HOWS, (reply, reply_all, forward), strict=True))
    how = next((one for one in _HOWS if asked[one]), None)
    if how is None:
        typed = Typed(to=to[:1000], cc=cc[:1000], subject=subject[:500], contact=contact[:40], lead=lead[:40])
        return await _page(request, services, reader, await _addressed(services, reader, typed))
    found = unwrap(await prepare(services.store, services.blobs, reader, how, asked[how], services.domains))
    return await _page(request, services, reader, typed_of(found, how, services.domains))


@router.post("/compose")
async def send(request: Request, services: Services, reader: MaybeVisitor) -> Response:
    """Sends it, fills a template in, or shows what is wrong; nothing that was typed is lost."""
    typed = await read_form(request)
    if reader is None:
        if not typed.says_something:
            raise SignInNeededError
        return pages_of(request).answer("compose_signed_out.html", 401, typed=typed, domain=services.domains[0])
    if typed.do in ("fill", "look"):
        return await _with_template(request, services, reader, typed)
    sent = await send_mail.send_mail(services.store, services.files, reader, written(typed), services.send_settings)
    if isinstance(sent, Message):
        return RedirectResponse(f"/mail/{sent.id}", 303)
    return await _page(request, services, reader, typed, refused=sent)


@router.post("/compose/fill")
async def fill(request: Request, services: Services, reader: Reader) -> Response:
    """A template filled in for whom the mail goes to, for the script: how it looks, and its texts."""
    typed = await read_form(request)
    found = await _filled(services, reader, typed)
    html = pages_of(request).text("part_filled.html", filled=found, typed=typed)
    shown = {"subject": found.subject, "body": found.body, "is_html": found.html} if found is not None else {}
    return JSONResponse({"html": html, **shown})


@router.get("/compose/people")
async def people(services: Services, reader: Reader, q: str = "") -> Response:
    """Contacts whose name or address holds a text."""
    return JSONResponse(await _offered(services, reader, q.strip()[:200]))


@router.post("/mail/{id}/retry")
async def retry(services: Services, reader: Reader, id: str) -> Response:
    """Puts a mail that was not sent into the queue again."""
    unwrap(await send_mail.retry_mail(services.store, reader, id))
    return RedirectResponse(f"/mail/{id}", 303)


@router.post("/mail/{id}/cancel")
async def cancel(services: Services, reader: Reader, id: str) -> Response:
    """Takes a mail out of the queue."""
    unwrap(await send_mail.cancel_mail(services.store, reader, id))
    return RedirectResponse(f"/mail/{id}", 303)


async def _with_template(request: Request, services: WebServices, reader: Visitor, typed: Typed) -> Response:
    found = await _filled(services, reader, typed)
    if typed.do == "look" or found is None or found.mistakes:
        return await _page(request, services, reader, typed, filled=found, looked=True)
    return await _page(request, services, reader, typed.with_template(found))


async def _filled(services: WebServices, reader: Visitor, typed: Typed) -> Rendered | None:
    """The chosen template, filled in; None where none is chosen."""
    if not typed.template:
        return None
    contact = await _contact(services, reader, typed)
    ids = (contact.id if contact is not None else None, typed.lead or None)
    found = await templates.render_template(services.store, reader, typed.template, *ids)
    if isinstance(found, Wrong):
        found = await templates.render_template(services.store, reader, typed.template, ids[0], None)
    return None if isinstance(found, Wrong) else found


async def _contact(services: WebServices, reader: Visitor, typed: Typed) -> Any:
    """The contact whose fields a template takes: the one the page was opened for, else the first it goes to."""
    if typed.contact and (known := await show_cards.show_contact(services.store, reader, typed.contact)):
        return known
    address = typed.first_address
    if address is None:
        return None
    page = await show_cards.list_contacts(services.store, reader, None, 1, address, "")
    return next(iter(page.rows), None)


async def _addressed(services: WebServices, reader: Visitor, typed: Typed) -> Typed:
    """To whom a mail goes that was begun on a card, where nobody is named yet."""
    if typed.to:
        return typed
    contact = typed.contact
    if not contact and typed.lead:
        lead = await show_cards.show_lead(services.store, reader, typed.lead)
        contact = (lead.main_contact or "") if lead is not None else ""
    known = await show_cards.show_contact(services.store, reader, contact) if contact else None
    return typed if known is None else typed.addressed(_named(known), known.id)


async def _offered(services: WebServices, reader: Visitor, q: str) -> list[str]:
    page = await show_cards.list_contacts(services.store, reader, None, OFFERED, None, q)
    return [_named(one) for one in page.rows if one.emails]


def _named(contact: Any) -> str:
    name, address = " ".join(contact.name.split()), next(iter(contact.emails), "")
    if not address or name == address or not name:
        return address
    plain = name.replace("\\", "").replace('"', "")
    return f"{plain} <{address}>" if plain.replace(" ", "").isalnum() else f'"{plain}" <{address}>'


async def _page(
    request: Request,
    services: WebServices,
    reader: Visitor,
    typed: Typed,
    *,
    refused: Wrong | Denied | Lost | Away | None = None,
    **more: Any,
) -> Response:
    field = refused.field.partition("/")[0] if isinstance(refused, Wrong) else ""
    status = {Denied: 403, Away: 503}.get(type(refused), 422) if refused is not None else 200
    senders = await send_mail.list_senders(services.store, reader)
    contact = await _contact(services, reader, typed)
    account = await show_account(services.store, reader, services.domains[0])
    answer = pages_of(request).console(
        "compose.html",
        reader,
        "mail",
        status,
        typed=typed,
        title=_(_TITLES.get(typed.how, _TITLES[""])),
        senders=senders,
        smart=(account.addresses.attach, account.addresses.contact, account.addresses.lead),
        account=account,
        texts=await templates.list_by_name(services.store, reader),
        leads=await show_cards.show_leads(services.store, reader, contact.leads[:OFFERED]) if contact else (),
        offered=await _offered(services, reader, ""),
        wrong=refused.detail if isinstance(refused, Wrong) and field in _FIELDS else "",
        wrong_field=field,
        refused=refused.detail if refused is not None and field not in _FIELDS else "",
        most=services.max_message_bytes,
        **{"filled": None, "looked": False, **more},
    )
    answer.headers["Content-Security-Policy"] = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"
    return answer
