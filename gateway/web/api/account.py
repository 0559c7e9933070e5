"""`/account` and `/users`: the token's account, its options and its people."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from gateway.core.resources import as_json
from gateway.usecases.edit_account import edit_account
from gateway.usecases.show_account import show_account, show_users
from gateway.web.api import shapes
from gateway.web.api.access import Admin, Reader
from gateway.web.paging import AfterId, Limit, Listed, page_json
from gateway.web.problems import Problem
from gateway.web.services import Services

router = APIRouter(tags=["account"])


@router.get("/account", response_model=shapes.Account)
async def get_account(services: Services, reader: Reader) -> Any:
    """The token's account with its smart addresses and options."""
    return as_json(await show_account(services.store, reader, services.domains[0]))


@router.patch("/account", response_model=shapes.Account)
async def patch_account(services: Services, writer: Admin, change: shapes.AccountChange) -> Any:
    """Changes options; admins only."""
    sent = change.model_dump(exclude_none=True)
    texts = {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in sent.items()}
    wrong = await edit_account(services.store, writer, texts, services.domains)
    if wrong is not None:
        raise Problem(422, wrong.detail, [wrong])
    return as_json(await show_account(services.store, writer, services.domains[0]))


@router.get("/users", response_model=Listed[shapes.User])
async def list_users(services: Services, reader: Admin, after: AfterId, limit: Limit = 50) -> Any:
    """The people of the account; admins only."""
    return page_json(await show_users(services.store, reader, after, limit))
