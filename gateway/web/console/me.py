"""What users change of themselves: name, language, password, and where they are signed in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.options import MIN_PASSWORD
from gateway.core.refusals import Wrong
from gateway.usecases import edit_me
from gateway.usecases.edit_session import Visitor
from gateway.web.console.session import Reader, keep_session
from gateway.web.console.sign_in import browser_of
from gateway.web.pages import pages_of
from gateway.web.problems import NOT_THERE
from gateway.web.services import Services, WebServices
from gateway.web.tongues import LANGUAGES
from gateway.web.tongues import gettext as _

router = APIRouter(prefix="/me")
Typed = Annotated[str, Form(max_length=1_000)]
Done = Literal["", "profile", "password", "no-password", "session", "sessions"]


@router.get("")
async def show_me(request: Request, services: Services, reader: Reader, done: Done = "") -> Response:
    """The page."""
    return await _page(request, services, reader, done=done)


@router.post("")
async def change_me(
    request: Request, services: Services, reader: Reader, name: Typed = "", language: Typed = ""
) -> Response:
    """Changes name and language."""
    wrong = await edit_me.change_profile(services.store, reader, name, language, LANGUAGES)
    if wrong is not None:
        return await _page(request, services, reader, 422, wrong, name=name)
    return RedirectResponse("/me?done=profile", 303)


@router.post("/password")
async def change_password(
    request: Request,
    services: Services,
    reader: Reader,
    present: Typed = "",
    new: Typed = "",
    remove: bool = Form(False),
) -> Response:
    """Sets, changes or removes the password; other sessions end, and this one gets another secret."""
    guesses, peer = services.guesses, request.client.host if request.client else ""
    who = f"{reader.slug}\0{reader.email}"
    if not new and not remove:
        return await _page(request, services, reader, 422, Wrong("new", _("Type a new password.")))
    wait = guesses.begin(who, peer) if guesses else 0
    if wait:
        wrong = Wrong("present", _("Too many wrong passwords. Wait some minutes, then try again."))
        answer = await _page(request, services, reader, 429, wrong)
        answer.headers["Retry-After"] = str(wait)
        return answer
    device = browser_of(request, None).device
    changed = await edit_me.change_password(
        services.store, services.hasher, reader, present, "" if remove else new, device
    )
    if guesses and changed is not edit_me.SAME:
        guesses.right(who, peer)
    if isinstance(changed, Wrong):
        if changed is edit_me.SAME:
            changed = Wrong("present", _("This is not your present password."))
        return await _page(request, services, reader, 422, changed)
    done = RedirectResponse(f"/me?done={'no-password' if remove else 'password'}", 303)
    keep_session(done, services, changed)
    return done


@router.post("/sessions/end-others")
async def end_others(services: Services, reader: Reader) -> Response:
    """Ends all sessions but this one."""
    await edit_me.end_others(services.store, reader)
    return RedirectResponse("/me?done=sessions", 303)


@router.post("/sessions/{id}/end")
async def end_session(services: Services, reader: Reader, id: str) -> Response:
    """Ends one session; this one too, which then leads to signing in."""
    if not await edit_me.end_session(services.store, reader, id):
        raise NOT_THERE
    return RedirectResponse("/me?done=session", 303)


async def _page(
    request: Request,
    services: WebServices,
    reader: Visitor,
    status: int = 200,
    wrong: Wrong | None = None,
    **told: Any,
) -> Response:
    shown = {"name": reader.name, "done": "", **told}
    return pages_of(request).console(
        "me.html",
        reader,
        "me",
        status,
        sessions=await edit_me.list_sessions(services.store, reader),
        has_password=await edit_me.has_password(services.store, reader),
        languages=LANGUAGES,
        shortest=MIN_PASSWORD,
        wrong=wrong,
        **shown,
    )
