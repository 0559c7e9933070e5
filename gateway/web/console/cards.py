"""The page of a card, its notes, and a card made from a mail: what contacts, leads and customers have in common."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.refusals import Denied, Wrong
from gateway.core.resources import Contact
from gateway.usecases import edit_notes, make_card
from gateway.usecases.edit_session import Visitor
from gateway.usecases.open_card import open_card
from gateway.usecases.show_account import show_account
from gateway.usecases.show_cards import list_contacts
from gateway.web.console.forms import Given, Values
from gateway.web.console.session import Reader
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.problems import Problem, unwrap
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _

router = APIRouter()
ROWS = 50
FOUND = 8
ROOMS = {"contact": "contacts", "lead": "leads", "customer": "customers"}
"""Kind of card → the first part of its address."""
_HERE = {"contact": "contacts", "lead": "leads", "customer": "contacts"}


async def card_page(
    request: Request,
    services: WebServices,
    reader: Visitor,
    kind: str,
    id: str,
    status: int = 200,
    given: Values | None = None,
    faults: Values | None = None,
) -> Response:
    """A card with its timeline. given, faults: of a form that was sent and is shown again, with what was wrong."""
    asked = request.query_params
    show = asked.get("show", "")
    start = read_cursor(asked.get("after"), (int, str))
    opened = unwrap(await open_card(services.store, reader, kind, id, start, ROWS, show))
    who = asked.get("who", "").strip()[:200]
    people = await list_contacts(services.store, reader, None, FOUND, None, who) if who else None
    further = {"show": show, "after": cursor(opened.timeline.next)} if opened.timeline.next else {}
    context: dict[str, Any] = {
        kind: opened.card,
        "opened": opened,
        "room": ROOMS[kind],
        "show": show if show in ("mails", "notes") else "",
        "editing": asked.get("edit") == "details" or bool(faults and "text" not in faults),
        "rewriting": asked.get("note", ""),
        "who": who,
        "people": people.rows if people else (),
        "adding": "who" in asked,
        "given": given or {},
        "faults": faults or {},
        "further": urlencode({name: value for name, value in further.items() if value}),
        "account": await show_account(services.store, reader, services.domains[0]),
    }
    return pages_of(request).console(f"{kind}.html", reader, _HERE[kind], status, **context)


def to_card(kind: str, id: str, place: str = "") -> RedirectResponse:
    """The way to a card's page after it was changed. place: where on the page."""
    return RedirectResponse(f"/{ROOMS[kind]}/{id}{place}", 303)


def _notes_of(kind: str) -> None:
    """The routes of the notes on one kind of card."""
    room = ROOMS[kind]

    async def add(request: Request, services: Services, reader: Reader, id: str, given: Given) -> Response:
        """Writes a note."""
        text = given.get("text", "")
        made = await edit_notes.add_note(services.store, reader, kind, id, text)
        if isinstance(made, Wrong):
            fault = {"text": _("Write what you want to note, in at most 10,000 characters.")}
            return await card_page(request, services, reader, kind, id, 422, given, fault)
        unwrap(made)
        return to_card(kind, id, "#timeline")

    async def change(services: Services, reader: Reader, id: str, note: str, given: Given) -> Response:
        """Changes one's own note, or takes one away."""
        if given.get("do") == "delete":
            dropped = await edit_notes.drop_note(services.store, reader, id, note)
            if not unwrap(dropped):
                unwrap(None)
            return to_card(kind, id, "#timeline")
        changed = await edit_notes.change_note(services.store, reader, id, note, given.get("text", ""))
        if isinstance(changed, Wrong):
            raise Problem(422, _("Write what you want to note, in at most 10,000 characters."))
        unwrap(changed)
        return to_card(kind, id, f"#note-{note}")

    router.add_api_route(f"/{room}/{{id}}/notes", add, methods=["POST"], name=f"add_note_to_{kind}")
    router.add_api_route(f"/{room}/{{id}}/notes/{{note}}", change, methods=["POST"], name=f"change_note_of_{kind}")


for _kind in ROOMS:
    _notes_of(_kind)


@router.post("/mail/{id}/card")
async def card_of_mail(services: Services, reader: Reader, id: str, given: Given) -> Response:
    """Makes a contact or a lead from a mail, and leads to it."""
    kind, limits = given.get("kind", ""), services.limits
    made = await make_card.make_card(services.store, services.blobs, reader, id, kind, services.domains, limits)
    if isinstance(made, Wrong | Denied):
        raise Problem(422 if isinstance(made, Wrong) else 403, made.detail, heading=_("No card was made"))
    card: Any = unwrap(made)
    return to_card("contact" if isinstance(card, Contact) else "lead", card.id)
