"""`/fields`: the fields that an account gives its cards (section G)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from gateway.core.resources import as_json
from gateway.usecases import edit_fields
from gateway.web.api import asked, shapes
from gateway.web.api.access import Admin, Reader
from gateway.web.paging import AfterId, Limit, Listed, page_json
from gateway.web.problems import NOT_THERE, unwrap
from gateway.web.services import Services
from gateway.web.tags import IfMatch

router = APIRouter(prefix="/fields", tags=["fields"])


@router.get("", response_model=Listed[shapes.CardField])
async def list_fields(services: Services, reader: Reader, after: AfterId, limit: Limit = 50) -> Any:
    """The account's own fields, newest first."""
    return page_json(await edit_fields.list_fields(services.store, reader, after, limit))


@router.post("", status_code=201, response_model=shapes.CardField)
async def post_field(services: Services, admin: Admin, new: asked.NewField) -> Any:
    """Adds a field to all cards of a kind; admins only."""
    return as_json(unwrap(await edit_fields.add_field(services.store, admin, new.kind, new.name, new.key)))


@router.get("/{id}", response_model=shapes.CardField)
async def get_field(services: Services, reader: Reader, id: str) -> Any:
    """One field."""
    return as_json(unwrap(await edit_fields.show_field(services.store, reader, id)))


@router.patch("/{id}", response_model=shapes.CardField)
async def patch_field(services: Services, admin: Admin, id: str, change: asked.FieldChange, unchanged: IfMatch) -> Any:
    """Renames a field; its key stays. Admins only."""
    return as_json(unwrap(await edit_fields.rename_field(services.store, admin, id, change.name, unchanged)))


@router.delete("/{id}", status_code=204)
async def delete_field(services: Services, admin: Admin, id: str) -> None:
    """Removes a field with all that stands in it; admins only."""
    if not await edit_fields.remove_field(services.store, admin, id):
        raise NOT_THERE
