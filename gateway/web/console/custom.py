"""The account's own fields: what every contact, lead or customer has beside what all accounts' have (section G)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.refusals import Wrong
from gateway.usecases import edit_fields
from gateway.usecases.edit_session import Visitor
from gateway.web.console.forms import Given, Values, faults_of
from gateway.web.console.session import Admin
from gateway.web.pages import pages_of
from gateway.web.problems import NOT_THERE, unwrap
from gateway.web.services import Services, WebServices

router = APIRouter(prefix="/settings/fields")
_BACK = "/settings/fields"


@router.get("")
async def fields(request: Request, services: Services, admin: Admin) -> Response:
    """The fields, each with what would go if it were removed."""
    return await _page(request, services, admin)


@router.post("")
async def add_field(request: Request, services: Services, admin: Admin, given: Given) -> Response:
    """Adds one to all cards of a kind."""
    asked = (given.get("kind", ""), given.get("name", ""), given.get("key", "").strip())
    made = await edit_fields.add_field(services.store, admin, *asked)
    if isinstance(made, Wrong):
        return await _page(request, services, admin, 422, given, faults_of(made))
    return RedirectResponse(_BACK, 303)


@router.post("/{id}")
async def rename_field(request: Request, services: Services, admin: Admin, id: str, given: Given) -> Response:
    """Renames one; templates and programs go on naming it by its key."""
    name = given.get("name", "")
    renamed = await edit_fields.rename_field(services.store, admin, id, name, lambda _: True)
    if isinstance(renamed, Wrong):
        return await _page(request, services, admin, 422, {id: name}, {id: renamed.detail})
    unwrap(renamed)
    return RedirectResponse(f"{_BACK}#f-{id}", 303)


@router.post("/{id}/remove")
async def remove_field(services: Services, admin: Admin, id: str) -> Response:
    """Removes one with all that stands in it."""
    if not await edit_fields.remove_field(services.store, admin, id):
        raise NOT_THERE
    return RedirectResponse(_BACK, 303)


async def _page(
    request: Request,
    services: WebServices,
    admin: Visitor,
    status: int = 200,
    given: Values | None = None,
    faults: Values | None = None,
) -> Response:
    used = await edit_fields.show_used(services.store, admin)
    context = {"used": used, "given": given or {}, "faults": faults or {}, "tab_here": "fields"}
    return pages_of(request).console("fields.html", admin, "settings", status, **context)
