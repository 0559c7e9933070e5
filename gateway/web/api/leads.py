"""`/leads` and `/customers`: what an account sells, and to whom."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from gateway.core.resources import as_json
from gateway.usecases import edit_leads, show_cards, show_mail
from gateway.usecases.edit_leads import CardChange
from gateway.usecases.show_mail import Filter
from gateway.web.api import asked, shapes
from gateway.web.api.access import Reader, Writer
from gateway.web.paging import AfterId, AfterTime, Limit, Listed, Words, page_json
from gateway.web.problems import NOT_THERE, unwrap
from gateway.web.services import Services
from gateway.web.tags import IfMatch

router = APIRouter(tags=["leads"])


@router.get("/leads", response_model=Listed[shapes.Lead])
async def list_leads(
    services: Services, reader: Reader, after: AfterId, limit: Limit = 50, contact: str | None = None, q: Words = ""
) -> Any:
    """Leads, newest first; `contact` keeps those linked to one, `q` looks into names."""
    return page_json(await show_cards.list_leads(services.store, reader, after, limit, contact, q))


@router.post("/leads", status_code=201, response_model=shapes.Lead)
async def post_lead(services: Services, writer: Writer, new: asked.NewLead) -> Any:
    """Makes a lead."""
    return as_json(unwrap(await edit_leads.make_lead(services.store, writer, _change(new))))


@router.get("/leads/{id}", response_model=shapes.Lead)
async def get_lead(services: Services, reader: Reader, id: str) -> Any:
    """One lead."""
    return as_json(unwrap(await show_cards.show_lead(services.store, reader, id)))


@router.patch("/leads/{id}", response_model=shapes.Lead)
async def patch_lead(services: Services, writer: Writer, id: str, change: asked.LeadChange, unchanged: IfMatch) -> Any:
    """Changes what is sent; `status` is open, won or lost."""
    return as_json(unwrap(await edit_leads.change_lead(services.store, writer, id, _change(change), unchanged)))


@router.delete("/leads/{id}", status_code=204)
async def delete_lead(services: Services, writer: Writer, id: str) -> None:
    """Takes a lead away; its mail stays."""
    if not await edit_leads.drop_lead(services.store, writer, id):
        raise NOT_THERE


@router.get("/leads/{id}/messages", response_model=Listed[shapes.Message])
async def list_lead_messages(services: Services, reader: Reader, id: str, after: AfterTime, limit: Limit = 50) -> Any:
    """The messages on a lead's card, newest first."""
    unwrap(await show_cards.show_lead(services.store, reader, id))
    return page_json(await show_mail.list_messages(services.store, reader, after, limit, Filter(cards=(id,))))


@router.get("/customers", response_model=Listed[shapes.Customer])
async def list_customers(
    services: Services, reader: Reader, after: AfterId, limit: Limit = 50, contact: str | None = None, q: Words = ""
) -> Any:
    """Customers, newest first; `contact` keeps those linked to one, `q` looks into names."""
    return page_json(await show_cards.list_customers(services.store, reader, after, limit, contact, q))


@router.post("/customers", status_code=201, response_model=shapes.Customer)
async def post_customer(services: Services, writer: Writer, new: asked.NewCard) -> Any:
    """Makes a customer."""
    return as_json(unwrap(await edit_leads.make_customer(services.store, writer, _change(new))))


@router.get("/customers/{id}", response_model=shapes.Customer)
async def get_customer(services: Services, reader: Reader, id: str) -> Any:
    """One customer."""
    return as_json(unwrap(await show_cards.show_customer(services.store, reader, id)))


@router.patch("/customers/{id}", response_model=shapes.Customer)
async def patch_customer(
    services: Services, writer: Writer, id: str, change: asked.CardChange, unchanged: IfMatch
) -> Any:
    """Changes what is sent."""
    return as_json(unwrap(await edit_leads.change_customer(services.store, writer, id, _change(change), unchanged)))


@router.delete("/customers/{id}", status_code=204)
async def delete_customer(services: Services, writer: Writer, id: str) -> None:
    """Takes a customer away; its mail stays."""
    if not await edit_leads.drop_customer(services.store, writer, id):
        raise NOT_THERE


@router.get("/customers/{id}/messages", response_model=Listed[shapes.Message])
async def list_customer_messages(
    services: Services, reader: Reader, id: str, after: AfterTime, limit: Limit = 50
) -> Any:
    """The messages on a customer's card, newest first."""
    unwrap(await show_cards.show_customer(services.store, reader, id))
    return page_json(await show_mail.list_messages(services.store, reader, after, limit, Filter(cards=(id,))))


def _change(sent: asked.CardChange) -> CardChange:
    """What was sent, where null takes the main contact away and leaves every other field as it is."""
    given = sent.model_dump(exclude_unset=True)
    if "main_contact" in given and given["main_contact"] is None:
        given["main_contact"] = ""
    fields = {name: value for name, value in given.items() if value is not None}
    contacts = fields.pop("contacts", None)
    return CardChange(contacts=None if contacts is None else tuple(contacts), **fields)
