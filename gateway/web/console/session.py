"""Who is signed in (rules, F): the cookie, the readers that pages name, and where who isn't signed in is led."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias
from urllib.parse import quote, unquote

from fastapi import Cookie, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.usecases.edit_session import COOKIE, SESSION_SECONDS, Visitor, who_visits
from gateway.web.problems import Problem
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _
from gateway.web.tongues import speak
from gateway.web.uses import Uses

Session = Annotated[str | None, Cookie(alias=COOKIE)]
SIGN_IN = "/sign-in"
WAY = "smartgate_way"
"""The cookie of the page that somebody asked for before they had signed in."""
WAY_SECONDS = 1800
_LONGEST_WAY = 1000
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""A page of ours: what begins with two slashes, or a backslash in their place, is another site's (RFC 3986 4.2)."""


class SignInNeededError(Exception):
    """A page of the console was asked for by nobody who is signed in."""


async def _reader(request: Request, services: Services, session: Session = None) -> Visitor:
    found = await who_visits(services.store, session) if session else None
    if found is None:
        raise SignInNeededError
    if found.language:
        speak(found.language)
    uses: Uses = request.app.state.uses
    uses.note(found)
    return found


Reader: TypeAlias = Annotated[Visitor, Depends(_reader)]
"""Whoever is signed in."""


def _admin(reader: Reader) -> Visitor:
    if reader.role != "admin":
        raise Problem(403, _("This page is for the admins of your account."))
    return reader


Admin: TypeAlias = Annotated[Visitor, Depends(_admin)]
"""An admin who is signed in."""


async def reader_now(services: WebServices, session: str | None, role: str = "") -> Visitor:
    """The reader with the rights of this moment, as a stream outlives what was true when it began. role: one that is
    needed; who lacks it is no reader any more."""
    found = await who_visits(services.store, session) if session else None
    if found is None or (role and found.role != role):
        raise SignInNeededError
    return found


def to_sign_in(request: Request, _fault: Exception) -> Response:
    """Where nobody is signed in: pages and their buttons lead to the page that says how; streams are told 401. The page
    is remembered, to be led back to."""
    if request.url.path == "/feed" or request.url.path.endswith("/live"):
        return Response(status_code=401)
    answer = RedirectResponse(SIGN_IN, 303)
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method == "GET" and path != "/" and len(path) <= _LONGEST_WAY:
        services: WebServices = request.app.state.services
        set_cookie(answer, services, WAY, quote(path, safe=""), WAY_SECONDS, SIGN_IN)
    return answer


def let_in(request: Request, services: WebServices, session: str) -> Response:
    """Leads whoever signed in to where they wanted to go."""
    way = unquote(request.cookies.get(WAY, ""))
    local = _LOCAL.fullmatch(way) is not None and len(way) <= _LONGEST_WAY and not way.startswith(SIGN_IN)
    answer = RedirectResponse(way if local else "/", 303)
    keep_session(answer, services, session)
    if WAY in request.cookies:
        drop_cookie(answer, services, WAY, SIGN_IN)
    return answer


def keep_session(answer: Response, services: WebServices, session: str) -> None:
    """Has the browser keep a session."""
    set_cookie(answer, services, COOKIE, session, SESSION_SECONDS, "/")


def set_cookie(answer: Response, services: WebServices, name: str, value: str, seconds: int, path: str) -> None:
    """Has the browser keep something for a while that no script reads and no other site has it send along."""
    secure = services.secure_cookies
    answer.set_cookie(name, value, max_age=seconds, path=path, secure=secure, httponly=True, samesite="lax")


def drop_cookie(answer: Response, services: WebServices, name: str, path: str) -> None:
    """Has the browser forget it."""
    answer.delete_cookie(name, path=path, secure=services.secure_cookies, httponly=True, samesite="lax")
