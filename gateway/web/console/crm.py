"""Settings, CRM: which one the account works in, connected and disconnected. Admins only."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.refusals import Wrong
from gateway.sealing import SealError
from gateway.usecases import connect_crm
from gateway.usecases.connect_crm import Wish
from gateway.usecases.edit_session import Visitor
from gateway.web import hook_words
from gateway.web.console.session import Admin
from gateway.web.pages import pages_of
from gateway.web.problems import Problem
from gateway.web.services import Services, WebServices

router = APIRouter(prefix="/settings/crm")
Short = Annotated[str, Form(max_length=2_000)]
Secret = Annotated[str, Form(max_length=16_384)]


@router.get("")
async def crm(request: Request, services: Services, admin: Admin, done: str = "") -> Response:
    """The CRM and how it is; a form to connect one. done: what was done just now."""
    return await _page(request, services, admin, done=done)


@router.post("")
async def connect(
    request: Request,
    services: Services,
    admin: Admin,
    url: Short = "",
    token: Secret = "",
    client_id: Short = "",
    client_secret: Secret = "",
    redirect_uri: Short = "",
    code: Secret = "",
) -> Response:
    """Tries a CRM and connects it; what was typed stays, but for its secrets, where that fails."""
    wish = Wish(*(text.strip() for text in (url, token, client_id, client_secret, redirect_uri, code)))
    try:
        ring = services.keyring()
        made = await connect_crm.put(services.store, admin, wish, ring, private=services.webhooks_private)
    except SealError as fault:
        raise Problem(503, str(fault)) from fault
    if isinstance(made, Wrong):
        return await _page(request, services, admin, 422, wrong=made, wish=wish)
    return RedirectResponse("/settings/crm?done=connected", 303)


@router.post("/disconnect")
async def disconnect(services: Services, admin: Admin) -> Response:
    """Tells the CRM nothing any more."""
    await connect_crm.drop(services.store, admin)
    return RedirectResponse("/settings/crm?done=disconnected", 303)


async def _page(request: Request, services: WebServices, admin: Visitor, status: int = 200, **more: Any) -> Response:
    found = await connect_crm.show(services.store, admin)
    return pages_of(request).console(
        "crm.html",
        admin,
        "settings",
        status,
        tab_here="crm",
        crm=found,
        state=hook_words.crm_state(found),
        wrong=more.get("wrong"),
        wish=more.get("wish", Wish(found.url or "")),
        done=more.get("done", ""),
    )
