"""Signing in by a one-time link, signing out, and who is signed in (rules, F)."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Cookie, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.usecases.edit_session import COOKIE, LINK_MINUTES, SESSION_SECONDS, Visitor, sign_in, sign_out, who_visits
from gateway.web.pages import pages_of
from gateway.web.problems import Problem
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _
from gateway.web.tongues import speak

router = APIRouter()
Session = Annotated[str | None, Cookie(alias=COOKIE)]


class SignInNeededError(Exception):
    """A page of the console was asked for by nobody who is signed in."""


async def _reader(services: Services, session: Session = None) -> Visitor:
    found = await who_visits(services.store, session) if session else None
    if found is None:
        raise SignInNeededError
    if found.language:
        speak(found.language)
    return found


Reader: TypeAlias = Annotated[Visitor, Depends(_reader)]
"""Whoever is signed in."""


def _admin(reader: Reader) -> Visitor:
    if reader.role != "admin":
        raise Problem(403, _("This page is for the admins of your account."))
    return reader


Admin: TypeAlias = Annotated[Visitor, Depends(_admin)]
"""An admin who is signed in."""


def to_sign_in(request: Request, _fault: Exception) -> Response:
    """Where nobody is signed in: pages and their buttons lead to the page that says how; streams are told 401."""
    if request.url.path != "/feed" and not request.url.path.endswith("/live"):
        return RedirectResponse("/sign-in", 303)
    return Response(status_code=401)


@router.get("/sign-in")
async def show_sign_in(request: Request, services: Services) -> Response:
    """How to get a link."""
    return _sign_in_page(request, services, used=False)


@router.head("/sign-in/{token}")
async def look_at_link(token: str) -> Response:
    """Programs that look at links before people do burn nothing."""
    return Response(headers={"Content-Type": "text/html; charset=utf-8"})


@router.get("/sign-in/{token}")
async def use_link(request: Request, services: Services, token: str) -> Response:
    """Signs in, once, and leads home."""
    session = await sign_in(services.store, token)
    if session is None:
        return _sign_in_page(request, services, used=True)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        COOKIE,
        session,
        max_age=SESSION_SECONDS,
        path="/",
        secure=services.secure_cookies,
        httponly=True,
        samesite="lax",
    )
    return answer


@router.post("/sign-out")
async def use_sign_out(services: Services, session: Session = None) -> Response:
    """Ends the session here and in the store."""
    if session:
        await sign_out(services.store, session)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, path="/", secure=services.secure_cookies, httponly=True, samesite="lax")
    return answer


def _sign_in_page(request: Request, services: WebServices, *, used: bool) -> Response:
    status = 410 if used else 200
    return pages_of(request).answer("sign_in.html", status, used=used, minutes=LINK_MINUTES, domain=services.domains[0])
