"""Contacts: the list, a new one, its fields, taking it away, and merging two that are one person."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.refusals import Taken, Wrong
from gateway.core.resources import Field
from gateway.usecases import edit_contacts, merge_contacts, show_cards
from gateway.usecases.edit_contacts import ContactChange
from gateway.usecases.edit_fields import show_fields
from gateway.usecases.edit_session import Visitor
from gateway.usecases.show_account import show_account
from gateway.web.console.cards import FOUND, ROWS, card_page, to_card
from gateway.web.console.forms import Given, Values, custom_of, faults_of, lines_of
from gateway.web.console.session import Reader
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.problems import NOT_THERE, unwrap
from gateway.web.services import Services, WebServices

router = APIRouter(prefix="/contacts")
KIND = "contact"


@router.get("")
async def contacts(
    request: Request, services: Services, reader: Reader, q: str = "", after: str | None = None
) -> Response:
    """Everybody the account knows, newest first."""
    sought = q.strip()[:200]
    page = await show_cards.list_contacts(services.store, reader, read_cursor(after, (str,)), ROWS, None, sought)
    return pages_of(request).console(
        "contacts.html",
        reader,
        "contacts",
        contacts=page.rows,
        q=sought,
        further=urlencode({"q": sought, "after": cursor(page.next)}) if page.next else "",
        account=await show_account(services.store, reader, services.domains[0]),
    )


@router.get("/new")
async def new_contact(request: Request, services: Services, reader: Reader, email: str = "") -> Response:
    """The form of a new contact. email: what stands in it already."""
    return await _new_page(request, services, reader, {"emails": email[:320]})


@router.post("")
async def make_contact(request: Request, services: Services, reader: Reader, given: Given) -> Response:
    """Makes a contact; mail of its addresses that waits comes onto its card."""
    fields = await show_fields(services.store, reader, KIND)
    change = _change(given, fields, new=True)
    made = await edit_contacts.make_contact(services.store, reader, change, services.domains, "console")
    if isinstance(made, Wrong | Taken):
        return await _new_page(request, services, reader, given, made)
    return to_card(KIND, made.id)


async def _new_page(
    request: Request, services: WebServices, reader: Visitor, given: Values, refusal: Wrong | Taken | None = None
) -> Response:
    fields = await show_fields(services.store, reader, KIND)
    return pages_of(request).console(
        "contact_new.html",
        reader,
        "contacts",
        200 if refusal is None else 422,
        given=given,
        faults={} if refusal is None else faults_of(refusal),
        holder=refusal.holder if isinstance(refusal, Taken) else "",
        fields=fields,
    )


@router.get("/{id}")
async def contact(request: Request, services: Services, reader: Reader, id: str) -> Response:
    """One contact with the mail and notes on its card; one that was merged leads to who they are now."""
    if await show_cards.show_contact(services.store, reader, id) is None:
        successor = await merge_contacts.find_successor(services.store, reader, id)
        if successor is not None:
            return to_card(KIND, successor)
    return await card_page(request, services, reader, KIND, id)


@router.post("/{id}")
async def change_contact(request: Request, services: Services, reader: Reader, id: str, given: Given) -> Response:
    """Changes names, addresses and the account's own fields."""
    fields = await show_fields(services.store, reader, KIND)
    change, store = _change(given, fields), services.store
    changed = await edit_contacts.change_contact(store, reader, id, change, services.domains, _as_it_is)
    if isinstance(changed, Wrong | Taken):
        return await card_page(request, services, reader, KIND, id, 422, given, faults_of(changed))
    unwrap(changed)
    return to_card(KIND, id)


@router.get("/{id}/delete")
async def ask_to_delete(request: Request, services: Services, reader: Reader, id: str) -> Response:
    """What deleting the contact would do."""
    found = unwrap(await show_cards.show_contact(services.store, reader, id))
    counts = await merge_contacts.count_card(services.store, reader, id)
    return pages_of(request).console(
        "card_delete.html", reader, "contacts", card=found, kind=KIND, room="contacts", counts=counts
    )


@router.post("/{id}/delete")
async def delete_contact(services: Services, reader: Reader, id: str) -> Response:
    """Takes the contact away; its mail stays in Mail."""
    if not await edit_contacts.drop_contact(services.store, reader, id):
        raise NOT_THERE
    return RedirectResponse("/contacts", 303)


@router.get("/{id}/merge")
async def ask_to_merge(
    request: Request, services: Services, reader: Reader, id: str, q: str | None = None, other: str = ""
) -> Response:
    """Who else it may be, or, once somebody is picked (`other`), what would come of it."""
    return await _merge_page(request, services, reader, id, q, other)


@router.post("/{id}/merge")
async def merge_contact(request: Request, services: Services, reader: Reader, id: str, given: Given) -> Response:
    """Merges another contact into this one."""
    other, library = given.get("other", ""), services.library
    merged = await merge_contacts.merge_contacts(services.store, reader, id, other, library)
    if isinstance(merged, Wrong):
        return await _merge_page(request, services, reader, id, None, other, 422)
    unwrap(merged)
    return to_card(KIND, id)


async def _merge_page(
    request: Request, services: WebServices, reader: Visitor, id: str, q: str | None, other: str, status: int = 200
) -> Response:
    kept = unwrap(await show_cards.show_contact(services.store, reader, id))
    sought = (kept.last_name or kept.name if q is None else q).strip()[:200]
    context: dict[str, Any] = {"contact": kept, "q": sought, "outlook": None, "fault": "", "found": ()}
    if other:
        outlook = await merge_contacts.foresee(services.store, reader, id, other)
        if isinstance(outlook, Wrong):
            context["fault"], status = outlook.detail, 422
        else:
            context["outlook"] = unwrap(outlook)
    if context["outlook"] is None:
        found = await show_cards.list_contacts(services.store, reader, None, FOUND + 1, None, sought)
        context["found"] = tuple(one for one in found.rows if one.id != id)[:FOUND]
    return pages_of(request).console("merge.html", reader, "contacts", status, **context)


def _change(given: Values, fields: tuple[Field, ...], *, new: bool = False) -> ContactChange:
    """What was sent; of a new contact, what is empty is derived (C8)."""
    names = {name: given[name] for name in ("name", "first_name", "last_name") if name in given}
    if new:
        names = {name: text for name, text in names.items() if text.strip()}
    emails = lines_of(given["emails"]) if "emails" in given else None
    return ContactChange(emails, **names, custom=custom_of(given, fields))


def _as_it_is(_: object) -> bool:
    """A form changes what it shows, whatever else was changed meanwhile."""
    return True
