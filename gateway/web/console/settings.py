"""Settings of the account: its options, and its name. Admins only (rules A4, B1, B7, B8a)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.envelope import Action
from gateway.core.refusals import Taken, Wrong
from gateway.usecases.accounts import give_name
from gateway.usecases.edit_account import edit_account, list_link_senders
from gateway.usecases.edit_session import Visitor
from gateway.usecases.show_account import show_account
from gateway.web.console.session import Admin
from gateway.web.pages import pages_of
from gateway.web.problems import unwrap
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _

router = APIRouter(prefix="/settings")
Typed = Annotated[str, Form(max_length=1_000)]
Listed = Annotated[str, Form(max_length=500_000)]
Done = Literal["", "changed", "renamed"]
_BETWEEN = re.compile(r"[\s,;]+")


@router.get("")
async def show_settings(request: Request, services: Services, admin: Admin, done: Done = "") -> Response:
    """The options as they are."""
    return await _options(request, services, admin, done=done)


@router.post("")
async def change_settings(
    request: Request,
    services: Services,
    admin: Admin,
    name: Typed = "",
    copy_policy: Typed = "",
    strangers: Typed = "",
    own_domains: Listed = "",
    never_log: Listed = "",
    rename_grace_days: Typed = "",
    link_mailbox: Typed = "",
) -> Response:
    """Changes the options, all or none."""
    typed = {
        "name": name,
        "copy_policy": copy_policy,
        "strangers": strangers,
        "own_domains": own_domains,
        "never_log": never_log,
        "rename_grace_days": rename_grace_days,
        "link_mailbox": link_mailbox,
    }
    lists = {option: ",".join(_BETWEEN.split(typed[option])) for option in ("own_domains", "never_log")}
    changed = await edit_account(services.store, admin, typed | lists, services.domains, lambda _: True)
    if isinstance(changed, Wrong):
        return await _options(request, services, admin, 422, wrong=changed, typed=typed)
    unwrap(changed)
    return RedirectResponse("/settings?done=changed", 303)


@router.get("/rename")
async def show_rename(request: Request, services: Services, admin: Admin) -> Response:
    """What another name means, and the form."""
    return await _rename(request, services, admin)


@router.post("/rename")
async def rename(request: Request, services: Services, admin: Admin, slug: Typed = "", again: Typed = "") -> Response:
    """Gives the account another name, typed twice."""
    typed = {"slug": slug, "again": again}
    if slug.strip().lower() != again.strip().lower():
        wrong = Wrong("again", _("This is not the same name. Type it again as you typed it above."))
        return await _rename(request, services, admin, 422, wrong=wrong, typed=typed)
    if slug.strip().lower() == admin.slug:
        wrong = Wrong("slug", _("This is the name it has. Type another one."))
        return await _rename(request, services, admin, 422, wrong=wrong, typed=typed)
    renamed = await give_name(services.store, admin, slug, services.domains[0], services.filing.former_name_days)
    if isinstance(renamed, Taken):
        wrong = Wrong("slug", _("Another account has this name, or had it. Type another one."))
        return await _rename(request, services, admin, 409, wrong=wrong, typed=typed)
    if isinstance(renamed, Wrong):
        return await _rename(request, services, admin, 422, wrong=renamed, typed=typed)
    unwrap(renamed)
    return RedirectResponse("/settings?done=renamed", 303)


async def _options(request: Request, services: WebServices, admin: Visitor, status: int = 200, **told: Any) -> Response:
    account = await show_account(services.store, admin, services.domains[0])
    as_it_is = {
        "name": account.name,
        "copy_policy": account.copy_policy,
        "strangers": account.strangers,
        "own_domains": "\n".join(account.own_domains),
        "never_log": "\n".join(account.never_log),
        "rename_grace_days": str(account.rename_grace_days),
        "link_mailbox": account.link_mailbox or "",
    }
    shown = {"wrong": None, "done": "", "typed": as_it_is, **told}
    senders = await list_link_senders(services.store, admin)
    return pages_of(request).console(
        "settings.html", admin, "settings", status, tab_here="account", account=account, senders=senders, **shown
    )


async def _rename(request: Request, services: WebServices, admin: Visitor, status: int = 200, **told: Any) -> Response:
    account = await show_account(services.store, admin, services.domains[0])
    shown = {"wrong": None, "typed": {"slug": "", "again": ""}, **told}
    return pages_of(request).console(
        "settings_rename.html",
        admin,
        "settings",
        status,
        tab_here="account",
        account=account,
        suffixes=[action.suffix for action in Action],
        domain=services.domains[0],
        reserved=services.filing.former_name_days,
        **shown,
    )
