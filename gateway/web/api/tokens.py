"""`/tokens`: what programs come in with. Admins only; a secret is shown once, when its token is made."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from gateway.core.resources import as_json
from gateway.usecases import tokens
from gateway.usecases.tokens import Wish
from gateway.web.api import asked, shapes
from gateway.web.api.access import Admin
from gateway.web.paging import AfterId, Limit, Listed, page_json
from gateway.web.problems import NOT_THERE, unwrap
from gateway.web.services import Services
from gateway.web.tags import IfMatch

router = APIRouter(prefix="/tokens", tags=["tokens"])


@router.get("", response_model=Listed[shapes.Token])
async def list_tokens(services: Services, admin: Admin, after: AfterId, limit: Limit = 50) -> Any:
    """The tokens that work, newest first; admins only."""
    return page_json(await tokens.show_tokens(services.store, admin, after, limit))


@router.post("", status_code=201, response_model=shapes.NewToken)
async def post_token(services: Services, admin: Admin, new: asked.TokenWish) -> Any:
    """Makes a token for `user` (left out: your own); its `secret` is shown this once. Admins only."""
    return as_json(unwrap(await tokens.make_token(services.store, admin, new.user, _wish(new, None))))


@router.get("/{id}", response_model=shapes.Token)
async def get_token(services: Services, admin: Admin, id: str) -> Any:
    """One token, without its secret; admins only."""
    return as_json(unwrap(await tokens.show_token(services.store, admin, id)))


@router.patch("/{id}", response_model=shapes.Token)
async def patch_token(services: Services, admin: Admin, id: str, change: asked.TokenChange, unchanged: IfMatch) -> Any:
    """Changes what is sent; `expires_at` null means never. Admins only."""
    return as_json(unwrap(await tokens.change_token(services.store, admin, id, _wish(change, ""), unchanged)))


@router.delete("/{id}", status_code=204)
async def delete_token(services: Services, admin: Admin, id: str) -> None:
    """Ends a token; the next request with it is refused. Admins only."""
    if not await tokens.drop_token(services.store, admin, id):
        raise NOT_THERE


def _wish(sent: asked.TokenChange, unsaid: str | None) -> Wish:
    """unsaid: when the token ends where nothing is said of that."""
    ends = sent.expires_at if "expires_at" in sent.model_fields_set else unsaid
    return Wish(sent.name, None if sent.scopes is None else tuple(sent.scopes), ends)
