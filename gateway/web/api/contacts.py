"""`/contacts`: the people an account knows."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from gateway.core.resources import as_json
from gateway.usecases import edit_contacts, merge_contacts, show_cards, show_mail
from gateway.usecases.edit_contacts import ContactChange
from gateway.usecases.show_mail import Filter
from gateway.web.api import asked, shapes
from gateway.web.api.access import Reader, Writer
from gateway.web.paging import AfterId, AfterTime, Limit, Listed, Words, page_json
from gateway.web.problems import NOT_THERE, unwrap
from gateway.web.services import Services
from gateway.web.tags import IfMatch

router = APIRouter(prefix="/contacts", tags=["contacts"])


@router.get("", response_model=Listed[shapes.Contact])
async def list_contacts(
    services: Services, reader: Reader, after: AfterId, limit: Limit = 50, email: str | None = None, q: Words = ""
) -> Any:
    """Contacts, newest first; `email` finds whose address it is, `q` looks into names and addresses."""
    return page_json(await show_cards.list_contacts(services.store, reader, after, limit, email, q))


@router.post("", status_code=201, response_model=shapes.Contact)
async def post_contact(services: Services, writer: Writer, new: asked.NewContact) -> Any:
    """Makes a contact; mail of its addresses that is already filed comes onto its card."""
    change = _change(new)
    return as_json(unwrap(await edit_contacts.make_contact(services.store, writer, change, services.domains)))


@router.get("/{id}", response_model=shapes.Contact)
async def get_contact(services: Services, reader: Reader, id: str) -> Any:
    """One contact."""
    return as_json(unwrap(await show_cards.show_contact(services.store, reader, id)))


@router.patch("/{id}", response_model=shapes.Contact)
async def patch_contact(
    services: Services, writer: Writer, id: str, change: asked.ContactChange, unchanged: IfMatch
) -> Any:
    """Changes what is sent; `emails` replaces the whole list."""
    wanted, domains = _change(change), services.domains
    return as_json(unwrap(await edit_contacts.change_contact(services.store, writer, id, wanted, domains, unchanged)))


@router.delete("/{id}", status_code=204)
async def delete_contact(services: Services, writer: Writer, id: str) -> None:
    """Takes a contact away; its mail stays."""
    if not await edit_contacts.drop_contact(services.store, writer, id):
        raise NOT_THERE


@router.post("/{id}/merge", response_model=shapes.Contact)
async def merge_contact(services: Services, writer: Writer, id: str, wish: asked.Merge) -> Any:
    """Merges another contact into this one: its addresses, mail, notes, leads, customers and values come here, and it
    is no more."""
    library = services.library
    return as_json(unwrap(await merge_contacts.merge_contacts(services.store, writer, id, wish.other, library)))


@router.get("/{id}/messages", response_model=Listed[shapes.Message])
async def list_contact_messages(
    services: Services, reader: Reader, id: str, after: AfterTime, limit: Limit = 50
) -> Any:
    """The messages on a contact's card, newest first."""
    unwrap(await show_cards.show_contact(services.store, reader, id))
    return page_json(await show_mail.list_messages(services.store, reader, after, limit, Filter(cards=(id,))))


def _change(sent: asked.NewContact) -> ContactChange:
    given = sent.model_dump(exclude_unset=True, exclude_none=True)
    emails = given.pop("emails", None)
    given["custom"] = sent.custom
    return ContactChange(emails=None if emails is None else tuple(emails), **given)
