"""`/users`: the people of an account; their addresses are team. Admins only."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from gateway.core.resources import as_json
from gateway.usecases import users
from gateway.usecases.show_account import show_user, show_users
from gateway.usecases.users import Change
from gateway.web.api import asked, shapes
from gateway.web.api.access import Admin
from gateway.web.paging import AfterId, Limit, Listed, page_json
from gateway.web.problems import NOT_THERE, unwrap
from gateway.web.services import Services
from gateway.web.tags import IfMatch

router = APIRouter(prefix="/users", tags=["account"])


@router.get("", response_model=Listed[shapes.User])
async def list_users(services: Services, admin: Admin, after: AfterId, limit: Limit = 50) -> Any:
    """The people of the account; admins only."""
    return page_json(await show_users(services.store, admin, after, limit))


@router.post("", status_code=201, response_model=shapes.User)
async def post_user(services: Services, admin: Admin, new: asked.NewUser) -> Any:
    """Makes a person a user: their address is team from the next mail on; admins only."""
    change = Change(new.name, new.role, new.shared_mail)
    return as_json(unwrap(await users.make_user(services.store, admin, new.email, change, services.domains)))


@router.get("/{id}", response_model=shapes.User)
async def get_user(services: Services, admin: Admin, id: str) -> Any:
    """One user; admins only."""
    return as_json(unwrap(await show_user(services.store, admin, id)))


@router.patch("/{id}", response_model=shapes.User)
async def patch_user(services: Services, admin: Admin, id: str, change: asked.UserChange, unchanged: IfMatch) -> Any:
    """Changes a name, role or right; 409 for the last admin's role. Admins only."""
    wanted = Change(change.name, change.role, change.shared_mail)
    return as_json(unwrap(await users.change_user(services.store, admin, id, wanted, unchanged)))


@router.delete("/{id}", status_code=204)
async def delete_user(services: Services, admin: Admin, id: str) -> None:
    """Takes a user away with their tokens and sessions; 409 for the last admin, and while they own a mailbox that is
    connected. Admins only."""
    if not unwrap(await users.drop_user(services.store, admin, id)):
        raise NOT_THERE
