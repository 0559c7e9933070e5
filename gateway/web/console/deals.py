"""Leads and customers: the lists, the board by status, new ones, their fields and people, and taking them away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.refusals import Wrong
from gateway.core.resources import Field
from gateway.usecases import edit_leads, show_cards
from gateway.usecases.edit_fields import show_fields
from gateway.usecases.edit_leads import STATUSES, CardChange
from gateway.usecases.edit_session import Visitor
from gateway.usecases.open_card import show_board
from gateway.usecases.show_account import show_account
from gateway.web.console.cards import ROOMS, ROWS, card_page, to_card
from gateway.web.console.forms import Given, Values, custom_of, faults_of
from gateway.web.console.session import Reader
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.problems import NOT_THERE, Problem, unwrap
from gateway.web.services import Services, WebServices

router = APIRouter()
IN_A_COLUMN = 25
LEAD, CUSTOMER = "lead", "customer"
_Verbs: TypeAlias = Mapping[str, Callable[..., Awaitable[Any]]]
_MAKE: _Verbs = {LEAD: edit_leads.make_lead, CUSTOMER: edit_leads.make_customer}
_CHANGE: _Verbs = {LEAD: edit_leads.change_lead, CUSTOMER: edit_leads.change_customer}
_DROP = {LEAD: edit_leads.drop_lead, CUSTOMER: edit_leads.drop_customer}
_FIND = {LEAD: show_cards.show_lead, CUSTOMER: show_cards.show_customer}
_HERE = {LEAD: "leads", CUSTOMER: "contacts"}


@router.get("/leads")
async def leads(
    request: Request, services: Services, reader: Reader, q: str = "", after: str | None = None, view: str = ""
) -> Response:
    """All leads, newest first; with `view=board` by status."""
    sought = q.strip()[:200]
    context: dict[str, Any] = {
        "q": sought,
        "account": await show_account(services.store, reader, services.domains[0]),
    }
    if view == "board":
        columns = await show_board(services.store, reader, STATUSES, IN_A_COLUMN, sought)
        return pages_of(request).console("board.html", reader, "leads", columns=columns, statuses=STATUSES, **context)
    page = await show_cards.list_leads(services.store, reader, read_cursor(after, (str,)), ROWS, q=sought)
    named = await _names(services, reader, page.rows)
    further = urlencode({"q": sought, "after": cursor(page.next)}) if page.next else ""
    return pages_of(request).console(
        "leads.html", reader, "leads", leads=page.rows, named=named, further=further, **context
    )


@router.get("/customers")
async def customers(
    request: Request, services: Services, reader: Reader, q: str = "", after: str | None = None
) -> Response:
    """All customers, newest first."""
    sought = q.strip()[:200]
    page = await show_cards.list_customers(services.store, reader, read_cursor(after, (str,)), ROWS, q=sought)
    return pages_of(request).console(
        "customers.html",
        reader,
        "contacts",
        customers=page.rows,
        named=await _names(services, reader, page.rows),
        q=sought,
        further=urlencode({"q": sought, "after": cursor(page.next)}) if page.next else "",
    )


async def _names(services: WebServices, reader: Visitor, cards: tuple[Any, ...]) -> dict[str, str]:
    """The names of main contacts, by id."""
    people = tuple({card.main_contact for card in cards if card.main_contact})
    return {one.id: one.name for one in await show_cards.show_contacts(services.store, reader, people)}


@router.post("/leads/{id}/status")
async def set_status(services: Services, reader: Reader, id: str, given: Given) -> Response:
    """Opens a lead again, wins or loses it."""
    change = CardChange(status=given.get("status", ""))
    changed = await edit_leads.change_lead(services.store, reader, id, change, _as_it_is)
    if isinstance(changed, Wrong):
        raise Problem(422, changed.detail)
    unwrap(changed)
    return RedirectResponse(f"/leads?view=board#lead-{id}", 303) if given.get("back") else to_card(LEAD, id)


def _add_pages(kind: str) -> None:
    """The pages that are the same for leads and customers."""
    room = ROOMS[kind]

    async def ask_for_new(request: Request, services: Services, reader: Reader, contact: str = "") -> Response:
        """The form of a new one. contact: whom it is for."""
        return await _new_page(request, services, reader, kind, {"main_contact": contact})

    async def show(request: Request, services: Services, reader: Reader, id: str) -> Response:
        """One with its people, mail and notes."""
        return await card_page(request, services, reader, kind, id)

    async def ask_to_delete(request: Request, services: Services, reader: Reader, id: str) -> Response:
        """What deleting it would do."""
        card = unwrap(await _FIND[kind](services.store, reader, id))
        about: dict[str, Any] = {"card": card, "kind": kind, "room": room, "counts": None}
        return pages_of(request).console("card_delete.html", reader, _HERE[kind], **about)

    for path, answer in (("/new", ask_for_new), ("/{id}", show), ("/{id}/delete", ask_to_delete)):
        router.add_api_route(f"/{room}{path}", answer, name=f"{answer.__name__}_{kind}")


def _add_changes(kind: str) -> None:
    """What can be changed of either."""
    room = ROOMS[kind]

    async def make(request: Request, services: Services, reader: Reader, given: Given) -> Response:
        """Makes one."""
        change = _read(given, await show_fields(services.store, reader, kind), kind)
        made = change if isinstance(change, Wrong) else await _MAKE[kind](services.store, reader, change)
        if isinstance(made, Wrong):
            return await _new_page(request, services, reader, kind, given, faults_of(made))
        return to_card(kind, unwrap(made).id)

    async def change(request: Request, services: Services, reader: Reader, id: str, given: Given) -> Response:
        """Changes its fields."""
        unwrap(await _FIND[kind](services.store, reader, id))
        wanted = _read(given, await show_fields(services.store, reader, kind), kind)
        if not isinstance(wanted, Wrong):
            changed = await _CHANGE[kind](services.store, reader, id, wanted, _as_it_is)
            if not isinstance(changed, Wrong):
                unwrap(changed)
                return to_card(kind, id)
            wanted = changed
        return await card_page(request, services, reader, kind, id, 422, given, faults_of(wanted))

    async def set_person(services: Services, reader: Reader, id: str, given: Given) -> Response:
        """Links a contact with it, makes them the main one, or takes them off."""
        asked = (kind, id, given.get("contact", ""), given.get("link", ""))
        unwrap(await edit_leads.set_person(services.store, reader, *asked))
        return to_card(kind, id, "#people")

    async def delete(services: Services, reader: Reader, id: str) -> Response:
        """Takes it away; its mail stays."""
        if not await _DROP[kind](services.store, reader, id):
            raise NOT_THERE
        return RedirectResponse(f"/{room}", 303)

    changes: Mapping[str, Callable[..., Any]] = {
        "": make,
        "/{id}": change,
        "/{id}/people": set_person,
        "/{id}/delete": delete,
    }
    for path, answer in changes.items():
        router.add_api_route(f"/{room}{path}", answer, methods=["POST"], name=f"{answer.__name__}_{kind}")


for _kind in (LEAD, CUSTOMER):
    _add_pages(_kind)
    _add_changes(_kind)


async def _new_page(
    request: Request,
    services: WebServices,
    reader: Visitor,
    kind: str,
    given: Values,
    faults: Values | None = None,
) -> Response:
    main = given.get("main_contact", "")
    context = {
        "kind": kind,
        "room": ROOMS[kind],
        "given": given,
        "faults": faults or {},
        "fields": await show_fields(services.store, reader, kind),
        "main": await show_cards.show_contact(services.store, reader, main) if main else None,
    }
    return pages_of(request).console("deal_new.html", reader, _HERE[kind], 422 if faults else 200, **context)


def _read(given: Values, fields: tuple[Field, ...], kind: str) -> CardChange | Wrong:
    """What was sent, with the price as a number."""
    price = None
    written = "".join(given.get("price", "").split()).replace(",", "")
    if kind == LEAD and "price" in given:
        if written and not (written.isascii() and written.isdigit() and len(written) <= 16):
            return Wrong("price", f"{given['price'][:80]!a} is not allowed; allowed: a whole number such as 8400")
        price = int(written or 0)
    return CardChange(
        name=given.get("name"),
        price=price,
        status=given.get("status") if kind == LEAD else None,
        main_contact=given.get("main_contact"),
        custom=custom_of(given, fields),
    )


def _as_it_is(_: object) -> bool:
    """A form changes what it shows, whatever else was changed meanwhile."""
    return True
