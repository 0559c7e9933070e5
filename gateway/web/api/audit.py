"""`/audit`: who did what in the account, by the console, the API or a command (section F). Admins only."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from gateway.usecases.show_audit import list_done
from gateway.web.api import shapes
from gateway.web.api.access import Admin
from gateway.web.paging import AfterId, Limit, Listed, page_json
from gateway.web.services import Services

router = APIRouter(prefix="/audit", tags=["account"])
By = Annotated[str | None, Query(max_length=100, description="A user's id, or `operator`: what they did.")]


@router.get("", response_model=Listed[shapes.Done])
async def list_audit(services: Services, admin: Admin, after: AfterId, user: By = None, limit: Limit = 50) -> Any:
    """What was done, newest first; admins only."""
    return page_json(await list_done(services.store, admin, after, limit, user))
