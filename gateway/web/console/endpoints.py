"""Settings, Webhooks: who is told of events; set up, tried out, changed and removed. Admins only."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.refusals import Taken, Wrong
from gateway.core.resources import Delivery, Endpoint
from gateway.sealing import SealError
from gateway.usecases import deliveries, endpoints
from gateway.usecases.edit_session import Visitor
from gateway.usecases.endpoints import EndpointChange, Opened
from gateway.web import hook_words
from gateway.web.console.session import Admin
from gateway.web.pages import pages_of
from gateway.web.problems import NOT_THERE, Problem, unwrap
from gateway.web.services import Services, WebServices

router = APIRouter(prefix="/settings/endpoints")
LATEST = 5
"""Deliveries that are shown with a webhook."""
Text = Annotated[str, Form()]
Types = Annotated[list[str], Form()]


@router.get("")
async def webhooks(request: Request, services: Services, admin: Admin, removed: str = "") -> Response:
    """All webhooks and a form for a new one."""
    return await _list(request, services, admin, removed=bool(removed))


@router.post("")
async def add_webhook(
    request: Request, services: Services, admin: Admin, url: Text = "", types: Types | None = None
) -> Response:
    """Sets up a webhook; this one answer shows its secret."""
    change = EndpointChange(url, tuple(types or ()))
    try:
        made = await endpoints.make_endpoint(
            services.store, admin, change, services.keyring(), private=services.webhooks_private
        )
    except SealError as fault:
        raise Problem(503, str(fault)) from fault
    if isinstance(made, Opened):
        return _secret(request, admin, made, made_now=True)
    if isinstance(made, Taken):
        raise Problem(409, made.detail)
    return await _list(request, services, admin, 422, wrong=made, url=url, types=change.types)


@router.get("/{id}")
async def webhook(request: Request, services: Services, admin: Admin, id: str, saved: str = "") -> Response:
    """One webhook: how it is, what it was told last, and what may be changed."""
    return await _one(request, services, admin, await _known(services, admin, id), saved=bool(saved))


@router.post("/{id}")
async def change_webhook(
    request: Request, services: Services, admin: Admin, id: str, url: Text = "", types: Types | None = None
) -> Response:
    """Keeps another URL or other types."""
    known = await _known(services, admin, id)
    change = EndpointChange(url, tuple(types or ()))
    made = await endpoints.edit_endpoint(services.store, admin, id, change, private=services.webhooks_private)
    if isinstance(made, Wrong):
        return await _one(request, services, admin, known, 422, wrong=made, url=url, types=change.types)
    return RedirectResponse(f"/settings/endpoints/{unwrap(made).id}?saved=1", 303)


@router.post("/{id}/enable")
async def enable_webhook(services: Services, admin: Admin, id: str) -> Response:
    """Turns a webhook on again, as after a 410."""
    return await _set_state(services, admin, id, "active")


@router.post("/{id}/disable")
async def disable_webhook(services: Services, admin: Admin, id: str) -> Response:
    """Turns a webhook off; what happens meanwhile isn’t told to it."""
    return await _set_state(services, admin, id, "disabled")


@router.post("/{id}/rotate")
async def rotate_webhook(request: Request, services: Services, admin: Admin, id: str) -> Response:
    """Makes a new secret; this one answer shows it."""
    try:
        made = await endpoints.renew_secret(services.store, admin, id, services.keyring())
    except SealError as fault:
        raise Problem(503, str(fault)) from fault
    return _secret(request, admin, unwrap(made), made_now=False)


@router.post("/{id}/test")
async def test_webhook(request: Request, services: Services, admin: Admin, id: str) -> Response:
    """Sends a test, and leads to where its answer shows."""
    sent = await endpoints.send_test(services.store, admin, id)
    if isinstance(sent, Taken):
        return await _one(request, services, admin, await _known(services, admin, id), 409, off=True)
    return RedirectResponse(f"/settings/deliveries/{unwrap(sent).id}", 303)


@router.post("/{id}/delete")
async def delete_webhook(services: Services, admin: Admin, id: str) -> Response:
    """Takes a webhook away."""
    if not await endpoints.drop_endpoint(services.store, admin, id):
        raise NOT_THERE
    return RedirectResponse("/settings/endpoints?removed=1", 303)


async def _known(services: WebServices, admin: Visitor, id: str) -> Endpoint:
    return unwrap(await endpoints.show_endpoint(services.store, admin, id))


async def _set_state(services: WebServices, admin: Visitor, id: str, state: str) -> Response:
    change = EndpointChange(state=state)
    unwrap(await endpoints.edit_endpoint(services.store, admin, id, change, private=services.webhooks_private))
    return RedirectResponse(f"/settings/endpoints/{id}", 303)


async def _list(request: Request, services: WebServices, admin: Visitor, status: int = 200, **more: Any) -> Response:
    page = await endpoints.show_endpoints(services.store, admin, None, endpoints.MOST)
    return pages_of(request).console(
        "endpoints.html",
        admin,
        "settings",
        status,
        tab_here="endpoints",
        endpoints=[(one, hook_words.endpoint_state(one)) for one in page.rows],
        happens=hook_words.happens,
        choices=hook_words.CHOICES,
        wrong=more.get("wrong"),
        url=more.get("url", ""),
        types=more.get("types", ()),
        removed=more.get("removed", False),
    )


async def _one(
    request: Request, services: WebServices, admin: Visitor, known: Endpoint, status: int = 200, **more: Any
) -> Response:
    last = await deliveries.list_deliveries(services.store, admin, None, LATEST, known.id, None)
    dead = await deliveries.list_deliveries(services.store, admin, None, 1, known.id, "dead")
    return pages_of(request).console(
        "endpoint.html",
        admin,
        "settings",
        status,
        tab_here="endpoints",
        endpoint=known,
        state=hook_words.endpoint_state(known),
        deliveries=[_row(one) for one in last.rows],
        dead=bool(dead.rows),
        happens=hook_words.happens,
        choices=hook_words.CHOICES,
        wrong=more.get("wrong"),
        url=more.get("url", known.url),
        types=more.get("types", known.types),
        saved=more.get("saved", False),
        off=more.get("off", False),
    )


def _row(delivery: Delivery) -> tuple[Delivery, hook_words.State]:
    return delivery, hook_words.delivery_state(delivery)


def _secret(request: Request, admin: Visitor, opened: Opened, *, made_now: bool) -> Response:
    return pages_of(request).console(
        "endpoint_secret.html",
        admin,
        "settings",
        201 if made_now else 200,
        tab_here="endpoints",
        endpoint=opened.endpoint,
        secret=opened.secret,
        made_now=made_now,
        hours=endpoints.OVERLAP_HOURS,
    )
