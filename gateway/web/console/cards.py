"""Contacts and leads: lists, and the cards with their mail."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.usecases import show_cards
from gateway.usecases.edit_session import Visitor
from gateway.usecases.show_account import show_account
from gateway.usecases.show_mail import Filter, list_messages
from gateway.web.console.session import Reader
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.problems import unwrap
from gateway.web.services import Services, WebServices

router = APIRouter()
ROWS = 50


@router.get("/contacts")
async def contacts(
    request: Request, services: Services, reader: Reader, q: str = "", after: str | None = None
) -> Response:
    """Everybody the account knows, newest first."""
    sought = q.strip()[:200]
    start = read_cursor(after, (str,))
    page = await show_cards.list_contacts(services.store, reader, start, ROWS, None, sought)
    account = await show_account(services.store, reader, services.domains[0])
    further = urlencode({"q": sought, "after": cursor(page.next)}) if page.next else ""
    return pages_of(request).console(
        "contacts.html", reader, "contacts", contacts=page.rows, q=sought, further=further, account=account
    )


@router.get("/contacts/{id}")
async def contact(request: Request, services: Services, reader: Reader, id: str, after: str | None = None) -> Response:
    """One contact with the mail on its card."""
    found = unwrap(await show_cards.show_contact(services.store, reader, id))
    leads = await show_cards.show_leads(services.store, reader, found.leads)
    mail = await _mail_on(services, reader, id, after)
    return pages_of(request).console("contact.html", reader, "contacts", contact=found, leads=leads, **mail)


@router.get("/leads")
async def leads(
    request: Request, services: Services, reader: Reader, q: str = "", after: str | None = None
) -> Response:
    """All leads, newest first."""
    sought = q.strip()[:200]
    page = await show_cards.list_leads(services.store, reader, read_cursor(after, (str,)), ROWS, q=sought)
    account = await show_account(services.store, reader, services.domains[0])
    people = tuple({lead.main_contact for lead in page.rows if lead.main_contact})
    named = {one.id: one.name for one in await show_cards.show_contacts(services.store, reader, people)}
    further = urlencode({"q": sought, "after": cursor(page.next)}) if page.next else ""
    return pages_of(request).console(
        "leads.html", reader, "leads", leads=page.rows, q=sought, named=named, further=further, account=account
    )


@router.get("/leads/{id}")
async def lead(request: Request, services: Services, reader: Reader, id: str, after: str | None = None) -> Response:
    """One lead with its people and its mail."""
    found = unwrap(await show_cards.show_lead(services.store, reader, id))
    contacts = await show_cards.show_contacts(services.store, reader, found.contacts)
    mail = await _mail_on(services, reader, id, after)
    return pages_of(request).console("lead.html", reader, "leads", lead=found, contacts=contacts, **mail)


async def _mail_on(services: WebServices, reader: Visitor, card: str, after: str | None) -> dict[str, Any]:
    """What a card's page shows below its fields: a page of its mail, and the addresses to write with."""
    start = read_cursor(after, (int, str))
    mails = await list_messages(services.store, reader, start, ROWS, Filter(cards=(card,)))
    return {
        "mails": mails.rows,
        "further": urlencode({"after": cursor(mails.next)}) if mails.next else "",
        "account": await show_account(services.store, reader, services.domains[0]),
    }
