"""Signing in with the provider that the operator chose: there, and back (rules, F; OpenID Connect Core 1.0).

Nothing secret stands in an address of ours, and what can't be done is said on the page with the other ways in.
"""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Cookie, Form, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.claims import Doubt
from gateway.sealing import SealError
from gateway.usecases import edit_session, sign_in_elsewhere
from gateway.usecases.edit_session import Named
from gateway.usecases.mail_servers import Trouble
from gateway.usecases.sign_in_elsewhere import MINUTES, Elsewhere, Trip
from gateway.web.console.session import SIGN_IN, Session, drop_cookie, let_in, set_cookie
from gateway.web.console.sign_in import browser_of, peer_of, ways_in
from gateway.web.pages import pages_of
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _
from gateway.web.tongues import later, ngettext

PLACE = f"{SIGN_IN}/openid"
BACK = f"{PLACE}/back"
"""The page that the provider leads back to; it is entered into the app there as its redirect URI."""
ACCOUNT = f"{PLACE}/account"
KEPT = "smartgate_openid"
router = APIRouter()
Given = Annotated[str, Query(max_length=8_000)]
Kept = Annotated[str, Cookie(alias=KEPT, max_length=4_000)]
_log = structlog.get_logger(__name__)
_AWAY = frozenset({"network", "busy"})
_SAID = {
    "strange": (
        422,
        later("This sign-in was not begun in this browser, or too long ago."),
        later("Begin it again."),
    ),
    "cancelled": (
        422,
        later("You were not signed in there."),
        later("It was cancelled, or refused. Try again, or sign in another way."),
    ),
    "revoked": (422, later("This sign-in can’t be used a second time."), later("Begin it again.")),
    "no_address": (
        403,
        later("We were not told your e-mail address."),
        later("Whoever runs this server has to allow that in its app there. Sign in another way."),
    ),
    "unverified": (
        403,
        later("Your e-mail address is not verified there."),
        later("Have it verified where you signed in, or sign in another way."),
    ),
    "other_domain": (
        403,
        later("With this e-mail address you can’t sign in this way."),
        later("Take the one of your company, or sign in another way."),
    ),
    "nobody": (
        403,
        later("No account here has a user with your e-mail address."),
        later("Ask a colleague who is an admin to add you."),
    ),
    "away": (
        503,
        later("The other sign-in page doesn’t answer at the moment."),
        later("Try again in a minute, or sign in another way."),
    ),
    "faulty": (
        503,
        later("This way in doesn’t work at the moment."),
        later("Whoever runs this server finds the reason in its log. Sign in another way."),
    ),
}
"""What can stand in the way: the status, what it is, and what to do."""


@router.get(PLACE)
async def begin(request: Request, services: Services, other: bool = False) -> Response:
    """Leads to the provider's page. other: it lets people choose as whom they sign in, also where they have before."""
    elsewhere = _elsewhere(services)
    try:
        begun = await sign_in_elsewhere.begin(elsewhere, services.keyring(), _redirect(services), other=other)
    except SealError as fault:
        begun = Trouble("protocol", str(fault))
    if isinstance(begun, Trouble):
        return _failed(request, services, begun)
    page, kept = begun
    answer = RedirectResponse(page, 303)
    set_cookie(answer, services, KEPT, kept, MINUTES * 60, PLACE)
    return answer


@router.get(BACK)
async def back(
    request: Request,
    services: Services,
    session: Session = None,
    code: Given = "",
    state: Given = "",
    error: Given = "",
    kept: Kept = "",
) -> Response:
    """Signs in whoever the provider says is back, where this browser went there; `error` where it let nobody in."""
    elsewhere = _elsewhere(services)
    trip = sign_in_elsewhere.may_be_back(services.keyring(), kept, state)
    if isinstance(trip, Doubt):
        return _refused(request, services, trip.why)
    peer, guesses = peer_of(request), services.guesses
    if guesses and (wait := guesses.begin("", peer)):
        return _slowed(request, services, wait)
    if error or not code:
        return _refused(request, services, "cancelled", error)
    address = await _address(request, services, elsewhere, trip, code)
    if isinstance(address, Response):
        return address
    seats = await edit_session.list_seats(services.store, address)
    if seats and guesses:
        guesses.right("", peer)
    if len(seats) > 1:
        chosen = RedirectResponse(ACCOUNT, 303)
        choice = sign_in_elsewhere.keep_address(services.keyring(), address)
        set_cookie(chosen, services, KEPT, choice, MINUTES * 60, PLACE)
        return chosen
    return await _let_in(request, services, session, seats[0].slug if seats else "", address)


@router.get(ACCOUNT)
async def show_accounts(request: Request, services: Services, kept: Kept = "") -> Response:
    """The accounts of which somebody is a user who has just signed in elsewhere."""
    address = _chooser(services, kept)
    if address is None:
        return _refused(request, services, "strange")
    seats = await edit_session.list_seats(services.store, address)
    return pages_of(request).answer("sign_in_account.html", address=address, seats=seats, domain=services.domains[0])


@router.post(ACCOUNT)
async def choose_account(
    request: Request,
    services: Services,
    account: Annotated[str, Form(max_length=100)] = "",
    session: Session = None,
    kept: Kept = "",
) -> Response:
    """Signs in to one of them."""
    address = _chooser(services, kept)
    if address is None:
        return _refused(request, services, "strange")
    return await _let_in(request, services, session, account, address)


async def _address(
    request: Request, services: WebServices, elsewhere: Elsewhere, trip: Trip, code: str
) -> str | Response:
    """Whose sign-in it was, or the page that says why it is nobody's."""
    found = await sign_in_elsewhere.finish(elsewhere, trip, code, _redirect(services))
    if isinstance(found, Trouble):
        return _failed(request, services, found)
    return found if isinstance(found, str) else _refused(request, services, found.why)


async def _let_in(request: Request, services: WebServices, session: str | None, account: str, address: str) -> Response:
    browser = browser_of(request, session)
    opened = await edit_session.sign_in_by_address(services.store, Named(account, address), browser)
    if opened is None:
        return _refused(request, services, "nobody")
    answer = let_in(request, services, opened)
    drop_cookie(answer, services, KEPT, PLACE)
    return answer


def _elsewhere(services: WebServices) -> Elsewhere:
    if services.elsewhere is None:
        raise HTTPException(404)
    return services.elsewhere


def _redirect(services: WebServices) -> str:
    return f"{services.public_url()}{BACK}"


def _chooser(services: WebServices, kept: str) -> str | None:
    _elsewhere(services)
    return sign_in_elsewhere.kept_address(services.keyring(), kept)


def _failed(request: Request, services: WebServices, trouble: Trouble) -> Response:
    """What the provider does not do, or not as it has to be; the operator's log has why."""
    if trouble.kind == "revoked":
        return _refused(request, services, "revoked")
    _log.warning("openid.failed", kind=trouble.kind, reason=trouble.says)
    return _said(request, services, "away" if trouble.kind in _AWAY else "faulty")


def _refused(request: Request, services: WebServices, why: str, error: str = "") -> Response:
    _log.info("openid.refused", why=why, error=error[:80])
    return _said(request, services, why)


def _said(request: Request, services: WebServices, why: str) -> Response:
    status, strong, more = _SAID[why]
    answer = ways_in(request, services, status, note=(_(strong), _(more)))
    drop_cookie(answer, services, KEPT, PLACE)
    return answer


def _slowed(request: Request, services: WebServices, seconds: int) -> Response:
    minutes = -(-seconds // 60)
    wait = ngettext("Wait %(num)s minute, then try again.", "Wait %(num)s minutes, then try again.", minutes)
    note = (_("Too many sign-ins from your network were in vain."), wait % {"num": minutes})
    answer = ways_in(request, services, 429, note=note)
    answer.headers["Retry-After"] = str(seconds)
    return answer
