"""Signing in: by a one-time link, by a password, or by a link that is mailed; and signing out (rules, F).

The button of the way by a provider stands here as well; the way itself is in `openid`.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Form
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.devices import device_of
from gateway.usecases import edit_session
from gateway.usecases.accounts import sign_in_url
from gateway.usecases.edit_session import COOKIE, LINK_MINUTES, Browser, Named, read_name
from gateway.usecases.mail_link import Letter, SendLink, mail_link
from gateway.web.console.session import SIGN_IN, Session, drop_cookie, let_in
from gateway.web.pages import pages_of
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _
from gateway.web.tongues import in_language, ngettext, spoken

router = APIRouter()
Typed = Annotated[str, Form(max_length=1_000)]


@router.get("/sign-in")
async def show_sign_in(request: Request, services: Services, account: str = "", asked: bool = False) -> Response:
    """The ways in. account: of whoever a link leads here. asked: a link was asked for by mail."""
    return ways_in(request, services, 200, account=account[:100], asked=asked)


@router.post("/sign-in")
async def use_password(
    request: Request,
    services: Services,
    session: Session = None,
    account: Typed = "",
    email: Typed = "",
    password: Typed = "",
) -> Response:
    """Signs in by a password."""
    typed = {"account": account, "email": email}
    if lacking := _lacking(account, email) or ("" if password else "password"):
        return ways_in(request, services, 422, lacking=lacking, **typed)
    named, peer, guesses = read_name(account, email), peer_of(request), services.guesses
    wait = guesses.begin(_who(named), peer) if guesses else 0
    if wait:
        answer = ways_in(request, services, 429, wait=-(-wait // 60), **typed)
        answer.headers["Retry-After"] = str(wait)
        return answer
    browser = browser_of(request, session)
    opened = await edit_session.sign_in_by_password(services.store, services.hasher, named, password, browser)
    if opened is None:
        return ways_in(request, services, 422, wrong=True, **typed)
    if guesses:
        guesses.right(_who(named), peer)
    return let_in(request, services, opened)


@router.post("/sign-in/link")
async def ask_for_link(request: Request, services: Services, account: Typed = "", email: Typed = "") -> Response:
    """Has a link mailed; the answer is the same whoever asks, and comes before anything is done."""
    if services.send_link is None or (lacking := _lacking(account, email)):
        wrong = {"lacking": lacking} if services.send_link else {}
        return ways_in(request, services, 422, account=account, email=email, **wrong)
    named = read_name(account, email)
    mailing = None
    if services.guesses is None or services.guesses.may_mail(_who(named)):
        letter = partial(_letter, services.public_url(), spoken())
        mailing = BackgroundTask(_mail, services, services.send_link, named, letter)
    return RedirectResponse(f"{SIGN_IN}?asked=1", 303, background=mailing)


@router.head("/sign-in/{token}")
async def look_at_link(token: str) -> Response:
    """Programs that look at links before people do burn nothing."""
    return Response(headers={"Content-Type": "text/html; charset=utf-8"})


@router.get("/sign-in/{token}")
async def use_link(request: Request, services: Services, token: str, session: Session = None) -> Response:
    """Signs in, once, and leads to where somebody wanted to go: who opens the link, and no picture in a page or a mail,
    which would sign its reader in as somebody else, nor a browser that fetches ahead."""
    asked = request.headers
    if asked.get("sec-fetch-dest", "document") != "document" or "prefetch" in asked.get("sec-purpose", ""):
        return Response(status_code=403)
    opened = await edit_session.sign_in(services.store, token, browser_of(request, session))
    return ways_in(request, services, 410, used=True) if opened is None else let_in(request, services, opened)


@router.post("/sign-out")
async def use_sign_out(services: Services, session: Session = None) -> Response:
    """Ends the session here and in the store."""
    if session:
        await edit_session.sign_out(services.store, session)
    answer = RedirectResponse(SIGN_IN, 303)
    drop_cookie(answer, services, COOKIE, "/")
    return answer


async def _mail(services: WebServices, send: SendLink, named: Named, letter: Letter) -> None:
    try:
        await mail_link(services.store, services.keyring(), send, named.slug, named.email, letter)
    except Exception as fault:  # whoever asked has their answer; a link can be asked for again
        structlog.get_logger().warning("link.not_mailed", reason=str(fault)[:200])


def browser_of(request: Request, session: str | None) -> Browser:
    """The browser that asks, and the session it has."""
    return Browser(device_of(request.headers.get("user-agent", "")), session or "")


def _lacking(account: str, email: str) -> str:
    """The first field that is empty."""
    return next((name for name, text in (("account", account), ("email", email)) if not text.strip()), "")


def _who(named: Named) -> str:
    return f"{named.slug}\0{named.email}"


def peer_of(request: Request) -> str:
    """The address that asks."""
    return request.client.host if request.client else ""


def _letter(public_url: str, asked_in: str, name: str, secret: str, language: str) -> tuple[str, str]:
    """The mail with a link, in the language of its reader, else in the one it was asked for in."""

    def written() -> tuple[str, str]:
        life = ngettext("It works once, for %(num)s minute.", "It works once, for %(num)s minutes.", LINK_MINUTES)
        lines = (
            _("Hello %(name)s,") % {"name": name},
            _("this link signs you in to Smartgate:"),
            sign_in_url(public_url, secret),
            life % {"num": LINK_MINUTES},
            _("You did not ask for it? Then ignore this mail: nobody is signed in as long as nobody opens the link."),
        )
        return _("Your sign-in link"), "\n\n".join(lines) + "\n"

    return in_language(language or asked_in, written)


def ways_in(request: Request, services: WebServices, status: int, **told: Any) -> Response:
    """The page with the ways in, and what came of the last try."""
    shown: dict[str, Any] = {
        "account": "",
        "email": "",
        "asked": False,
        "used": False,
        "wrong": False,
        "lacking": "",
        "wait": 0,
        "note": None,
        **told,
    }
    about = {
        "minutes": LINK_MINUTES,
        "domain": services.domains[0],
        "mails": services.send_link is not None,
        "elsewhere": services.elsewhere,
    }
    return pages_of(request).answer("sign_in.html", status, **shown, **about)
