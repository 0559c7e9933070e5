"""Mailboxes: the list and one of them, live, its options, who reads it, disconnecting it (rules, section E)."""

from __future__ import annotations

import time
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.mailboxes import AUTO_CREATE, DISCONNECTED, PAUSED, PERSONAL, READY, SHARED
from gateway.core.refusals import Wrong
from gateway.usecases import disconnect_mailbox, mailboxes, show_mailboxes
from gateway.usecases.edit_session import Visitor
from gateway.usecases.mailboxes import Change, Edit
from gateway.usecases.show_mailboxes import Shown
from gateway.web import mailbox_words
from gateway.web.console.session import Reader, Session, reader_now
from gateway.web.live import Part, live_of
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.problems import unwrap
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _

router = APIRouter(prefix="/mailboxes")
ROWS = 50
SAID_EVERY = 10.0
"""Seconds between two sentences about how far an import is."""
_LOOK_EVERY = 0.5
_ORDER = ("auth_failed", "importing", "ready", "paused", "disconnected")
Text = Annotated[str, Form(max_length=20_000)]
Flag = Annotated[bool, Form()]


@router.get("")
async def show_list(
    request: Request, services: Services, reader: Reader, after: str = "", told: str = "", of: str = ""
) -> Response:
    """A field for an address to connect, and the mailboxes the reader may know of."""
    done = await show_mailboxes.show_one(services.store, reader, of) if told and of else None
    return await answer(request, services, reader, after=after, told=_told(told, done))


@router.get("/live")
async def follow_list(
    request: Request, services: Services, _reader: Reader, session: Session = None, after: str = ""
) -> Response:
    """The list as it changes."""
    speaker = _Speaker()

    async def render() -> Part:
        shown = await listed(services, await reader_now(services, session), after)
        html = pages_of(request).text("part_mailboxes.html", **shown)
        return Part(html, speaker.about(shown["connected"]))

    return live_of(request).answer(render, _LOOK_EVERY)


@router.get("/{id}")
async def show_page(request: Request, services: Services, reader: Reader, id: str, told: str = "") -> Response:
    """One mailbox: how it is, and all that can be set."""
    one = unwrap(await show_mailboxes.show_one(services.store, reader, id))
    return await _page(request, services, reader, one, told=_told(told, one))


@router.get("/{id}/live")
async def follow_page(
    request: Request, services: Services, reader: Reader, id: str, session: Session = None
) -> Response:
    """How one mailbox is, as it changes."""
    unwrap(await show_mailboxes.show_one(services.store, reader, id))
    speaker = _Speaker()

    async def render() -> Part:
        there = await reader_now(services, session)
        one = unwrap(await show_mailboxes.show_one(services.store, there, id))
        html = pages_of(request).text("part_mailbox.html", **_seen(services, one))
        return Part(html, speaker.about([one]))

    return live_of(request).answer(render, _LOOK_EVERY)


@router.post("/{id}")
async def save_options(
    request: Request,
    services: Services,
    reader: Reader,
    id: str,
    threads: Flag = False,
    keep_attachments: Flag = False,
    share_with_admins: Flag = False,
    auto_create: Text = AUTO_CREATE[0],
    aliases: Text = "",
    proposed: Annotated[list[str] | None, Form()] = None,
    sent: Text = "",
) -> Response:
    """Saves the options; what is wrong is said at its field."""
    one = unwrap(await show_mailboxes.show_one(services.store, reader, id))
    names = (*aliases.replace(",", "\n").split(), *(proposed or ()))
    box, sent = one.mailbox, sent.strip()
    change = Change(
        threads=threads,
        keep_attachments=keep_attachments,
        share_with_admins=share_with_admins if one.mine and box.kind == PERSONAL else None,
        auto_create=auto_create,
        aliases=tuple(names) if box.state != DISCONNECTED else None,
        sent=sent if box.state != DISCONNECTED and sent != (box.sent or "") else None,
    )
    made = await mailboxes.change_mailbox(services.store, _edit(services, reader, id, change), None)
    if isinstance(made, Wrong):
        typed = {"aliases": "\n".join(names), "sent": sent}
        return await _page(request, services, reader, one, 422, wrong=_wrong(made), typed=typed)
    unwrap(made)
    return RedirectResponse(f"/mailboxes/{id}?told=saved", 303)


@router.post("/{id}/sync")
async def sync(services: Services, reader: Reader, id: str, at: Text = "list") -> Response:
    """Has a mailbox looked into at once."""
    unwrap(await mailboxes.sync_mailbox(services.store, reader, id))
    return _back(at, id, "fetching")


@router.post("/{id}/pause")
async def pause(services: Services, reader: Reader, id: str, at: Text = "list") -> Response:
    """Has nothing fetched until somebody goes on."""
    return await _set_state(services, reader, id, PAUSED, _back(at, id, "paused"))


@router.post("/{id}/resume")
async def resume(services: Services, reader: Reader, id: str, at: Text = "list") -> Response:
    """Goes on with a mailbox that was paused."""
    return await _set_state(services, reader, id, READY, _back(at, id, "resumed"))


@router.post("/{id}/kind")
async def set_kind(
    request: Request, services: Services, reader: Reader, id: str, kind: Text = "", owner: Text = ""
) -> Response:
    """Makes a mailbox shared, or the personal one of somebody (E2)."""
    one = unwrap(await show_mailboxes.show_one(services.store, reader, id))
    found = await show_mailboxes.find_owner(services.store, reader, owner) if kind == PERSONAL else None
    if kind == PERSONAL and found is None and reader.role == "admin":
        said = {"owner": _("Nobody in your account has this address. Type the address of a colleague.")}
        return await _page(request, services, reader, one, 422, wrong=said, typed={"owner": owner})
    change = Change(kind=kind, owner=found)
    made = await mailboxes.change_mailbox(services.store, _edit(services, reader, id, change), None)
    if isinstance(made, Wrong):
        return await _page(request, services, reader, one, 422, wrong=_wrong(made), typed={"owner": owner})
    unwrap(made)
    if await show_mailboxes.show_one(services.store, reader, id) is None:
        return RedirectResponse("/mailboxes", 303)
    return _back("page", id, "shared" if kind == SHARED else "personal")


@router.get("/{id}/disconnect")
async def ask_disconnect(request: Request, services: Services, reader: Reader, id: str) -> Response:
    """What disconnecting would touch, by numbers, and the two ways of it (E9)."""
    one = unwrap(await show_mailboxes.show_one(services.store, reader, id))
    counted = unwrap(await disconnect_mailbox.foresee(services.store, reader, id))
    return pages_of(request).console("mailbox_disconnect.html", reader, "mailboxes", one=one, counted=counted)


@router.post("/{id}/disconnect")
async def disconnect(
    services: Services, reader: Reader, id: str, emails: Annotated[Literal["keep", "delete"], Form()] = "keep"
) -> Response:
    """Disconnects a mailbox and forgets its credential; its mail stays or goes."""
    unwrap(await disconnect_mailbox.disconnect_mailbox(services.store, reader, id, with_mail=emails == "delete"))
    return _back("list", id, "kept" if emails == "keep" else "deleted")


async def answer(
    request: Request, services: WebServices, reader: Visitor, status: int = 200, after: str = "", **told: Any
) -> Response:
    """The list as a page. told: what stands above it, such as the mailbox that is being added."""
    shown = await listed(services, reader, after)
    above: dict[str, Any] = {"told": "", "add": None} | told
    return pages_of(request).console("mailboxes.html", reader, "mailboxes", status, **above, **shown)


async def listed(services: WebServices, reader: Visitor, after: str = "") -> dict[str, Any]:
    """What the list needs."""
    page = await show_mailboxes.list_shown(services.store, reader, read_cursor(after or None, (str,)), ROWS)
    rows = sorted(page.rows, key=lambda one: _ORDER.index(one.mailbox.state))
    return {
        "connected": [one for one in rows if one.connected],
        "disconnected": [one for one in rows if not one.connected],
        "after": after,
        "paged": bool(after),
        "further": cursor(page.next),
        **_means(services),
    }


def _means(services: WebServices) -> dict[str, Any]:
    return {
        "say": mailbox_words,
        "provider": partial(mailbox_words.provider, services),
        "now": time.time_ns() // 1_000_000,
    }


def _seen(services: WebServices, one: Shown) -> dict[str, Any]:
    return {"one": one, **_means(services)}


async def _page(
    request: Request, services: WebServices, reader: Visitor, one: Shown, status: int = 200, **more: Any
) -> Response:
    return pages_of(request).console(
        "mailbox.html",
        reader,
        "mailboxes",
        status,
        people=await show_mailboxes.find_people(services.store, reader),
        creates=AUTO_CREATE,
        **({"told": "", "wrong": {}, "typed": {}} | more),
        **_seen(services, one),
    )


class _Speaker:
    """What is said of mailboxes to those who listen: a change of state at once, how far an import is every so often."""

    def __init__(self) -> None:
        self._states: dict[str, str] | None = None
        self._said_at = 0.0

    def about(self, shown: list[Shown]) -> str:
        """The sentence for now; empty for none."""
        states = {one.mailbox.id: one.mailbox.state for one in shown}
        before, self._states = self._states, states
        changed = [one for one in shown if before and before.get(one.mailbox.id) != one.mailbox.state]
        if changed:
            return ". ".join(mailbox_words.state_said(one) for one in changed[:3])
        under_way = [one.mailbox for one in shown if one.mailbox.state == "importing"]
        if under_way and before is not None and time.monotonic() - self._said_at >= SAID_EVERY:
            self._said_at = time.monotonic()
            return mailbox_words.progress_said(under_way[0])
        return ""


async def _set_state(services: WebServices, reader: Visitor, id: str, state: str, back: Response) -> Response:
    unwrap(await mailboxes.change_mailbox(services.store, _edit(services, reader, id, Change(state=state)), None))
    return back


def _edit(services: WebServices, reader: Visitor, id: str, change: Change) -> Edit:
    return Edit(reader, id, change, lambda _: True, services.domains)


def _back(at: str, id: str, told: str) -> Response:
    return RedirectResponse(f"/mailboxes/{id}?told={told}" if at == "page" else f"/mailboxes?told={told}&of={id}", 303)


def _wrong(wrong: Wrong) -> dict[str, str]:
    """What is wrong, by the field of the page."""
    return {wrong.field.partition("/")[0]: mailbox_words.sentence(wrong.detail)}


def _told(what: str, one: Shown | None) -> str:
    return "" if one is None else mailbox_words.told(what, one.mailbox.address)
