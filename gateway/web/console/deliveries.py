"""Settings, Deliveries: events on their way to back ends, what became of each, and trying again. Admins only."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.refusals import Taken
from gateway.core.resources import Delivery
from gateway.usecases import connect_crm, deliveries, endpoints
from gateway.usecases.edit_session import Visitor
from gateway.usecases.event_data import Telling
from gateway.web import hook_words
from gateway.web.console.session import Admin, Session, reader_now
from gateway.web.live import Part, live_of
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.problems import Problem, unwrap
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _
from gateway.web.tongues import speak, spoken

router = APIRouter(prefix="/settings/deliveries")
ROWS = 50
SHOWN = 20_000
"""Characters of a body that are shown."""
Wanted = Literal["", "waiting", "delivered", "dead"]
Text = Annotated[str, Form()]


@router.get("")
async def delivery_list(
    request: Request,
    services: Services,
    admin: Admin,
    state: Wanted = "",
    endpoint: str = "",
    after: str | None = None,
    again: str = "",
) -> Response:
    """Deliveries, the newest event first. again: how many were sent on their way again just now."""
    start = read_cursor(after, (str, str))
    page = await deliveries.list_deliveries(services.store, admin, start, ROWS, endpoint or None, state or None)
    asked = {name: value for name, value in (("state", state), ("endpoint", endpoint)) if value}
    return pages_of(request).console(
        "deliveries.html",
        admin,
        "settings",
        tab_here="deliveries",
        deliveries=[(one, hook_words.delivery_state(one)) for one in page.rows],
        named=await _named(services, admin),
        happens=hook_words.happens,
        asked=asked,
        further=urlencode({**asked, "after": cursor(page.next)}) if page.next else "",
        again=int(again[:9]) if again.isdecimal() else None,
    )


@router.post("/retry")
async def retry_dead(services: Services, admin: Admin, endpoint: Text = "") -> Response:
    """Sends all that was given up for a back end on its way again."""
    count = await deliveries.retry_dead(services.store, admin, endpoint)
    if isinstance(count, Taken):
        raise _off()
    return RedirectResponse(f"/settings/deliveries?{urlencode({'endpoint': endpoint, 'again': unwrap(count)})}", 303)


@router.get("/{id}")
async def delivery(request: Request, services: Services, admin: Admin, id: str) -> Response:
    """One delivery: how it went, what is sent, and what came back."""
    found = unwrap(await deliveries.show_delivery(services.store, admin, id))
    asked = await deliveries.show_request(services.store, _telling(services), admin, id)
    body = json.dumps(asked.body, ensure_ascii=False, indent=2) if asked is not None and asked.body is not None else ""
    return pages_of(request).console(
        "delivery.html",
        admin,
        "settings",
        tab_here="deliveries",
        asked=asked,
        body=body[:SHOWN],
        cut=len(body) > SHOWN,
        **await _about(services, admin, found),
    )


@router.get("/{id}/live")
async def live_delivery(
    request: Request, services: Services, admin: Admin, id: str, session: Session = None
) -> Response:
    """How it goes, as long as it is on its way."""
    language = spoken()
    unwrap(await deliveries.show_delivery(services.store, admin, id))

    async def part() -> Part:
        speak(language)
        now = await reader_now(services, session, "admin")
        found = unwrap(await deliveries.show_delivery(services.store, now, id))
        state = hook_words.delivery_state(found)
        html = pages_of(request).text("part_delivery.html", **await _about(services, now, found))
        said = f"{state.word}: {found.error}" if found.error else state.word
        return Part(html, said if found.attempts else "", found.state != "waiting")

    return live_of(request).answer(part)


@router.post("/{id}/retry")
async def retry_delivery(services: Services, admin: Admin, id: str) -> Response:
    """Sends an event on its way again, as if it had never been tried."""
    sent = await deliveries.retry_delivery(services.store, admin, id)
    if isinstance(sent, Taken):
        raise _off()
    return RedirectResponse(f"/settings/deliveries/{unwrap(sent).id}", 303)


def _off() -> Problem:
    detail = _("It is turned off or was removed. Turn it on under Webhooks, then send again what it missed.")
    return Problem(409, detail, heading=_("Nothing was sent"))


async def _about(services: WebServices, admin: Visitor, found: Delivery) -> dict[str, Any]:
    """What the part of a page shows that is live."""
    return {
        "delivery": found,
        "state": hook_words.delivery_state(found),
        "named": await _named(services, admin),
        "happens": hook_words.happens,
    }


async def _named(services: WebServices, admin: Visitor) -> dict[str, str]:
    """How back ends are called, by their ids."""
    page = await endpoints.show_endpoints(services.store, admin, None, endpoints.MOST)
    crm = await connect_crm.show(services.store, admin)
    return {one.id: one.url for one in page.rows} | {crm.id: crm.account or crm.kind}


def _telling(services: WebServices) -> Telling:
    limits = services.limits
    return Telling(
        services.blobs,
        services.keyring,
        services.public_url,
        services.domains[0],
        limits.mime_parts,
        limits.mime_depth,
    )
