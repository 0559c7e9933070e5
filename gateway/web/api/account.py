"""`/account` and `/egress`: the token's account with its options, and the addresses we connect from."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from gateway.core.resources import as_json
from gateway.usecases.edit_account import edit_account
from gateway.usecases.show_account import show_account
from gateway.web.api import asked, shapes
from gateway.web.api.access import Admin, Reader
from gateway.web.problems import unwrap
from gateway.web.services import Services
from gateway.web.tags import IfMatch

router = APIRouter(tags=["account"])


@router.get("/account", response_model=shapes.Account)
async def get_account(services: Services, reader: Reader) -> Any:
    """The token's account with its smart addresses and options."""
    return as_json(await show_account(services.store, reader, services.domains[0]))


@router.patch("/account", response_model=shapes.Account)
async def patch_account(services: Services, writer: Admin, change: asked.AccountChange, unchanged: IfMatch) -> Any:
    """Changes options; admins only."""
    sent = change.model_dump(exclude_none=True)
    texts = {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in sent.items()}
    return as_json(unwrap(await edit_account(services.store, writer, texts, services.domains, unchanged)))


@router.get("/egress", response_model=shapes.Egress)
async def get_egress(services: Services, _: Reader) -> Any:
    """The addresses from which this gateway connects to other servers, for their firewalls (E12)."""
    return {"addresses": list(services.egress)}
