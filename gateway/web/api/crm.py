"""`/crm`: the CRM that the account works in, where that is not our own cards (docs/howto-kommo.md)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.core.resources import as_json
from gateway.sealing import SealError
from gateway.usecases import connect_crm
from gateway.usecases.connect_crm import Wish
from gateway.web.api.access import Admin
from gateway.web.api.asked import Asked
from gateway.web.api.shapes import Id, Time
from gateway.web.problems import Problem, unwrap
from gateway.web.services import Services

router = APIRouter(tags=["crm"])
Secret = Annotated[str, Field(max_length=16_384, json_schema_extra={"writeOnly": True})]
Short = Annotated[str, Field(max_length=2_000)]


class Crm(BaseModel):
    """The CRM of the account. state: ready, or what is wrong with it now, such as unpaid, unauthorised or blocked."""

    id: Id
    kind: Literal["embedded", "kommo"]
    url: str | None = Field(description="Its address; null for our own cards.")
    account: str | None = Field(description="What the account there calls itself.")
    auth: Literal["token", "oauth"] | None
    state: str
    reason: str
    connected_at: Time | None


class NewCrm(Asked):
    """A CRM to connect: an address with a long-lived token, or with the four of OAuth; no secret is shown again."""

    kind: Literal["embedded", "kommo"]
    url: Short = ""
    token: Secret = ""
    client_id: Short = ""
    client_secret: Secret = ""
    redirect_uri: Short = ""
    code: Secret = ""


@router.get("/crm", response_model=Crm)
async def get_crm(services: Services, reader: Admin) -> Any:
    """The CRM of the account and how it is; admins only."""
    return as_json(await connect_crm.show(services.store, reader))


@router.put("/crm", response_model=Crm)
async def put_crm(services: Services, writer: Admin, new: NewCrm) -> Any:
    """Connects a CRM whose address and credentials are tried at once; `embedded` disconnects. Admins only."""
    if new.kind == "embedded":
        await connect_crm.drop(services.store, writer)
        return as_json(await connect_crm.show(services.store, writer))
    wish = Wish(**new.model_dump(exclude={"kind"}))
    try:
        ring = services.keyring()
        made = await connect_crm.put(services.store, writer, wish, ring, private=services.webhooks_private)
    except SealError as fault:
        raise Problem(503, str(fault)) from fault
    return as_json(unwrap(made))


@router.delete("/crm", status_code=204)
async def delete_crm(services: Services, writer: Admin) -> None:
    """Tells the CRM nothing any more and forgets its credentials; what was made there stays. Admins only."""
    await connect_crm.drop(services.store, writer)
