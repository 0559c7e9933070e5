"""Settings: the users of the account, what they may do, and how they come in. Admins only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.refusals import Taken, Wrong
from gateway.usecases import users
from gateway.usecases.accounts import sign_in_url
from gateway.usecases.edit_session import LINK_MINUTES, Visitor
from gateway.usecases.show_account import show_user, show_users
from gateway.usecases.users import Change
from gateway.web.console.session import Admin
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.problems import NOT_THERE, unwrap
from gateway.web.services import Services, WebServices

router = APIRouter(prefix="/settings/users")
ROWS = 50
Typed = Annotated[str, Form(max_length=1_000)]
Ticked = Annotated[bool, Form()]


@router.get("")
async def show_people(
    request: Request, services: Services, admin: Admin, after: str | None = None, removed: bool = False
) -> Response:
    """Who is a user, and the form for one more."""
    return await _list(request, services, admin, after=after, removed=removed)


@router.post("")
async def add_person(
    request: Request,
    services: Services,
    admin: Admin,
    email: Typed = "",
    name: Typed = "",
    role: Typed = "user",
    shared_mail: Ticked = False,
) -> Response:
    """Makes a person a user; the page then shows the link to hand them, this once."""
    typed = {"email": email, "name": name, "role": role, "shared_mail": shared_mail}
    change = Change(name.strip() or None, role, shared_mail)
    made = await users.make_user(services.store, admin, email, change, services.domains)
    if isinstance(made, Taken):
        made = Wrong("email", made.detail)
    if isinstance(made, Wrong):
        return await _list(request, services, admin, 422, wrong=made, typed=typed)
    link = await users.make_link(services.store, admin, made.id)
    assert isinstance(link, str)  # a new user has no mailbox yet
    return await _list(request, services, admin, 201, added=made, link=sign_in_url(services.public_url(), link))


@router.get("/{id}")
async def show_person(
    request: Request, services: Services, admin: Admin, id: str, done: Literal["", "changed", "password"] = ""
) -> Response:
    """One user."""
    return await _one(request, services, admin, id, done=done)


@router.post("/{id}")
async def change_person(
    request: Request,
    services: Services,
    admin: Admin,
    id: str,
    name: Typed = "",
    role: Typed = "",
    shared_mail: Ticked = False,
) -> Response:
    """Changes name, role and right."""
    change = Change(name, role, shared_mail)
    changed = await users.change_user(services.store, admin, id, change, lambda _: True)
    if isinstance(changed, Taken):
        changed = Wrong("role", changed.detail)
    if isinstance(changed, Wrong):
        return await _one(request, services, admin, id, 422, wrong=changed, typed=change)
    unwrap(changed)
    return RedirectResponse(f"/settings/users/{id}?done=changed", 303)


@router.post("/{id}/link")
async def make_link(request: Request, services: Services, admin: Admin, id: str) -> Response:
    """A one-time link, shown this once."""
    link = await users.make_link(services.store, admin, id)
    if isinstance(link, Taken):
        return await _one(request, services, admin, id, 409, no_link=link.detail)
    return await _one(request, services, admin, id, 201, link=sign_in_url(services.public_url(), unwrap(link)))


@router.post("/{id}/password/remove")
async def remove_password(services: Services, admin: Admin, id: str) -> Response:
    """Takes a password away that was forgotten."""
    unwrap(await users.drop_password(services.store, admin, id))
    return RedirectResponse(f"/settings/users/{id}?done=password", 303)


@router.post("/{id}/remove")
async def remove_person(request: Request, services: Services, admin: Admin, id: str) -> Response:
    """Takes a user away, or says what stands in the way."""
    removed = await users.drop_user(services.store, admin, id)
    if isinstance(removed, Taken):
        return await _one(request, services, admin, id, 409)
    if not removed:
        raise NOT_THERE
    return RedirectResponse("/settings/users?removed=1", 303)


async def _list(
    request: Request, services: WebServices, admin: Visitor, status: int = 200, after: str | None = None, **told: Any
) -> Response:
    page = await show_users(services.store, admin, read_cursor(after, (str,)), ROWS)
    shown = {
        "wrong": None,
        "typed": {"email": "", "name": "", "role": "user", "shared_mail": False},
        "added": None,
        "link": "",
        "removed": False,
        **told,
    }
    return pages_of(request).console(
        "settings_users.html",
        admin,
        "settings",
        status,
        tab_here="users",
        users=page.rows,
        further=cursor(page.next),
        paged=after is not None,
        minutes=LINK_MINUTES,
        **shown,
    )


async def _one(
    request: Request, services: WebServices, admin: Visitor, id: str, status: int = 200, **told: Any
) -> Response:
    user = unwrap(await show_user(services.store, admin, id))
    holds = await users.show_holds(services.store, admin, id)
    shown = {"wrong": None, "typed": user, "link": "", "no_link": "", "done": "", **told}
    return pages_of(request).console(
        "settings_user.html",
        admin,
        "settings",
        status,
        tab_here="users",
        user=user,
        holds=unwrap(holds),
        minutes=LINK_MINUTES,
        **shown,
    )
