"""Doing something to several mails at once, saying what came of it, and taking it back (rules E8, B7, section F).

A form carries what was chosen; the answer leads back to the list, which says in words what was done. Where that can be
taken back, it offers to for half a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.usecases import delete_mail, review_held, undo_mail
from gateway.usecases.edit_session import Principal, Visitor
from gateway.usecases.undo_mail import Undoing
from gateway.web.console.session import Reader
from gateway.web.pages import pages_of
from gateway.web.problems import Problem
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _
from gateway.web.tongues import ngettext

router = APIRouter()
MOST = 100
"""Rows that are dealt with at once; a page of a list has fewer."""
Do = Literal["delete", "restore", "release", "refuse", "purge"]
Ids = Annotated[list[str] | None, Form(max_length=MOST)]
_FOR_GOOD = ("refuse", "purge")


@dataclass(frozen=True, slots=True)
class Told:
    """What came of it, in words. undo: the id by which it can be taken back, empty where it can't. well: all was done.

    back: the list that it is told on."""

    text: str
    undo: str
    well: bool
    back: str


@router.post("/mail/bulk")
async def do_to_many(
    request: Request,
    services: Services,
    reader: Reader,
    do: Annotated[Do | None, Form()] = None,
    back: Annotated[str, Form(max_length=2_000)] = "/mail",
    id: Ids = None,
    thread: Ids = None,
    shown: Ids = None,
    all: Annotated[str, Form()] = "",
    sure: Annotated[str, Form()] = "",
) -> Response:
    """Does it to the chosen mails and threads, or to all on the page. What can't be taken back is asked first.

    A form that is sent by Enter, and by no button of what to do, does nothing."""
    if do not in (None, "delete") and reader.role != "admin":
        raise Problem(403, _("This page is for the admins of your account."))
    back = read_back(back)
    chosen = [one.partition(":") for one in shown or ()] if all else []
    ids = list(dict.fromkeys([*(id or ()), *(key for kind, _sign, key in chosen if kind == "id")]))
    threads = list(dict.fromkeys([*(thread or ()), *(key for kind, _sign, key in chosen if kind == "thread")]))
    if do is None or not (ids or threads):
        return RedirectResponse(back, 303)
    if do in _FOR_GOOD and not sure:
        return pages_of(request).console("sure.html", reader, "mail", do=do, ids=ids, back=back)
    done = await _do(services, reader, do, ids, threads)
    return RedirectResponse(with_done(back, done), 303)


@router.post("/undo/{id}")
async def undo(
    services: Services, reader: Reader, id: str, back: Annotated[str, Form(max_length=2_000)] = "/mail"
) -> Response:
    """Takes back what the same person did within the last minute."""
    done = await undo_mail.undo(services.store, reader, id)
    if done is None:
        text = _("There is nothing to take back: that works for a minute, and once. An admin can restore deleted mail.")
        raise Problem(404, text)
    return RedirectResponse(with_done(read_back(back), done), 303)


async def _do(services: WebServices, who: Visitor, do: Do, ids: Sequence[str], threads: Sequence[str]) -> str:
    store = services.store
    if do == "delete":
        return await delete_mail.delete_messages(store, who, ids, threads)
    if do == "restore":
        return await delete_mail.restore_messages(store, who, ids)
    if do == "purge":
        return await delete_mail.purge_messages(store, who, ids)
    if do == "release":
        return await review_held.release_all(store, services.blobs, who, ids, services.filing)
    return await review_held.refuse_all(store, who, ids)


def read_back(text: str) -> str:
    """Where an answer leads: a page of ours, whatever a form says; what was told there before is left out."""
    parts = urlsplit(text)
    ours = not parts.scheme and not parts.netloc and "\\" not in text
    if not ours or not parts.path.startswith("/") or parts.path.startswith("//"):
        return "/mail"
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name != "did"])
    return f"{parts.path}?{query}" if query else parts.path


def with_done(back: str, id: str) -> str:
    """The same page, to say there what came of something."""
    return f"{back}{'&' if '?' in back else '?'}{urlencode({'did': id})}"


async def tell_done(services: WebServices, who: Principal, request: Request) -> Told | None:
    """What a list that was led to has to say; nothing a minute later, and nothing of what others did."""
    did = request.query_params.get("did", "")
    found = await undo_mail.show_done(services.store, who, did) if did else None
    if found is None:
        return None
    return Told(
        _in_words(found), found.id if found.items else "", not found.tally.denied + found.tally.missing, here(request)
    )


def here(request: Request) -> str:
    """The path and query of the list a request asks for, without what it is to say."""
    return read_back(request.url.path + (f"?{request.url.query}" if request.url.query else ""))


def _in_words(found: Undoing) -> str:
    """Whole sentences: what was done, what may not be, what was not there."""
    done, denied, missing = found.tally.done, found.tally.denied, found.tally.missing
    said = []
    if done or not denied + missing:
        said.append(_done(found, done))
    if denied and found.what == "message.released":
        said.append(
            ngettext(
                "%(num)s stays held: today’s rules don’t let it in.",
                "%(num)s stay held: today’s rules don’t let them in.",
                denied,
            )
            % {"num": denied}
        )
    elif denied:
        said.append(
            ngettext("%(num)s may not be deleted by you.", "%(num)s may not be deleted by you.", denied)
            % {"num": denied}
        )
    if missing:
        said.append(
            ngettext("%(num)s was not there any more.", "%(num)s were not there any more.", missing) % {"num": missing}
        )
    return " ".join(said)


def _done(found: Undoing, number: int) -> str:
    num = {"num": number}
    if found.what == "message.deleted" and not found.undone:
        return ngettext("%(num)s mail deleted.", "%(num)s mails deleted.", number) % num
    if found.what == "message.deleted":
        return ngettext("%(num)s mail is in Deleted again.", "%(num)s mails are in Deleted again.", number) % num
    if found.what == "message.restored":
        return ngettext("%(num)s mail is back where it was.", "%(num)s mails are back where they were.", number) % num
    if found.what == "message.released":
        return ngettext("%(num)s mail released and filed.", "%(num)s mails released and filed.", number) % num
    if found.what == "message.refused":
        said = ngettext(
            "%(num)s mail refused; its content is gone.", "%(num)s mails refused; their content is gone.", number
        )
        return said % num
    return ngettext("%(num)s mail dropped for good.", "%(num)s mails dropped for good.", number) % num
