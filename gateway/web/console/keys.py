"""Settings: the tokens programs come in with. Admins only; a secret is shown once, when its token is made."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.options import SCOPES
from gateway.core.refusals import Wrong
from gateway.usecases import tokens
from gateway.usecases.edit_session import Visitor
from gateway.usecases.show_account import list_names
from gateway.usecases.tokens import Wish
from gateway.web.console.session import Admin
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.problems import NOT_THERE
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _
from gateway.web.tongues import later

router = APIRouter(prefix="/settings/tokens")
ROWS = 50
LIVES = {
    "": later("never"),
    "30d": later("after 30 days"),
    "90d": later("after 90 days"),
    "365d": later("after a year"),
}
"""When a token ends, as the form offers it."""
Typed = Annotated[str, Form(max_length=1_000)]


@router.get("")
async def show_keys(
    request: Request, services: Services, admin: Admin, after: str | None = None, revoked: bool = False
) -> Response:
    """The tokens that work, and the form for one more."""
    return await _list(request, services, admin, after=after, revoked=revoked)


@router.post("")
async def make_key(
    request: Request,
    services: Services,
    admin: Admin,
    name: Typed = "",
    scope: Annotated[list[str] | None, Form()] = None,
    ends: Typed = "",
) -> Response:
    """Makes a token of the admin's own; the page then shows its secret, this once."""
    scopes = tuple(scope or ())
    typed = {"name": name, "scopes": scopes, "ends": ends}
    wish = Wish(name.strip(), scopes, ends or None)
    if not name.strip():
        made: Any = Wrong("name", _("Type what it is for, such as the name of the program."))
    else:
        made = await tokens.make_token(services.store, admin, None, wish)
    if isinstance(made, Wrong):
        return await _list(request, services, admin, 422, wrong=made, typed=typed)
    return await _list(request, services, admin, 201, made=made)


@router.post("/{id}/revoke")
async def revoke_key(services: Services, admin: Admin, id: str) -> Response:
    """Ends a token; the next request with it is refused."""
    if not await tokens.drop_token(services.store, admin, id):
        raise NOT_THERE
    return RedirectResponse("/settings/tokens?revoked=1", 303)


async def _list(
    request: Request, services: WebServices, admin: Visitor, status: int = 200, after: str | None = None, **told: Any
) -> Response:
    page = await tokens.show_tokens(services.store, admin, read_cursor(after, (str,)), ROWS)
    shown = {
        "wrong": None,
        "typed": {"name": "", "scopes": SCOPES[:2], "ends": ""},
        "made": None,
        "revoked": False,
        **told,
    }
    return pages_of(request).console(
        "settings_tokens.html",
        admin,
        "settings",
        status,
        tab_here="tokens",
        tokens=page.rows,
        names=await list_names(services.store, admin),
        further=cursor(page.next),
        paged=after is not None,
        lives=LIVES,
        scopes=SCOPES,
        **shown,
    )
