"""Templates: their list, the editor with its fields, and what comes of a text for a real contact (section G)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway.core.refusals import Taken, Wrong
from gateway.core.resources import Contact, Template
from gateway.core.templates import Mistake, unix_lines
from gateway.usecases import show_cards, templates
from gateway.usecases.edit_session import Visitor
from gateway.usecases.templates import Flawed, TemplateChange
from gateway.web.console.paper import PAGE_POLICY
from gateway.web.console.session import Reader
from gateway.web.guard import CONTENT_SECURITY_POLICY
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.problems import NOT_THERE, Problem
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _
from gateway.web.tongues import later

router = APIRouter(prefix="/templates")
ROWS = 50
OFFERED = 20
"""Contacts that are offered for a preview."""
_AROUND = 120
"""Characters of a line that are shown on each side of a mistake."""
Text = Annotated[str, Form()]
LABELS = {
    "contact.name": later("Name of the contact"),
    "contact.first_name": later("First name of the contact"),
    "contact.last_name": later("Last name of the contact"),
    "contact.email": later("E-mail address of the contact"),
    "lead.name": later("Name of the lead"),
    "lead.price": later("Price of the lead"),
    "lead.status": later("Status of the lead"),
    "user.name": later("Your name"),
    "user.email": later("Your e-mail address"),
    "account.name": later("Name of your company"),
}
"""Every account's fields as `core.templates.FIELDS` has them, for the catalogues."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text with what is wrong in it: pieces, each with whether it is wrong."""

    number: int
    pieces: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class _Draft:
    """What stands in the editor. html: as a form has it, `on` where it is ticked."""

    name: str = ""
    subject: str = ""
    body: str = ""
    html: str = ""

    @property
    def change(self) -> TemplateChange:
        return TemplateChange(self.name, self.subject, self.body, bool(self.html))


async def _typed(name: Text = "", subject: Text = "", body: Text = "", html: Text = "") -> _Draft:
    return _Draft(name, subject, body, html)


_Typed = Annotated[_Draft, Depends(_typed)]


@router.get("")
async def template_list(
    request: Request, services: Services, reader: Reader, after: str | None = None, removed: str = ""
) -> Response:
    """All templates, newest first. removed: one was removed just now."""
    page = await templates.list_templates(services.store, reader, read_cursor(after, (str,)), ROWS)
    return pages_of(request).console(
        "templates.html", reader, "templates", templates=page.rows, further=cursor(page.next), removed=bool(removed)
    )


@router.get("/new")
async def new_template(request: Request, services: Services, reader: Reader) -> Response:
    """An empty editor."""
    return await _editor(request, services, reader, _Draft())


@router.post("")
async def add_template(request: Request, services: Services, reader: Reader, draft: _Typed) -> Response:
    """Keeps a new template, or shows what is wrong with it."""
    made = await templates.add_template(services.store, reader, draft.change)
    if isinstance(made, Template):
        return RedirectResponse(f"/templates/{made.id}?saved=1", 303)
    return await _editor(request, services, reader, draft, refused=made)


@router.get("/people")
async def people(services: Services, reader: Reader, q: str = "") -> Response:
    """Contacts whose name or address holds a text, to choose one for the preview."""
    page = await show_cards.list_contacts(services.store, reader, None, OFFERED, None, q.strip()[:200])
    return JSONResponse([_named(one) for one in page.rows])


@router.get("/preview")
async def no_preview(request: Request, reader: Reader) -> Response:
    """What stands in the frame until a preview is asked for."""
    return _framed(pages_of(request).answer("template_preview.html", shown=None))


@router.post("/preview")
async def preview(
    request: Request,
    services: Services,
    reader: Reader,
    subject: Text = "",
    body: Text = "",
    html: Text = "",
    who: Text = "",
) -> Response:
    """What comes of what stands in the editor, as a document for a frame; its mistakes underlined."""
    change = TemplateChange(None, subject, body, bool(html))
    person, missed = await _person(services, reader, who)
    shown = await templates.preview(services.store, reader, change, person.id if person is not None else None, None)
    assert not isinstance(shown, Wrong)
    lines = _lines(shown.mistakes, {"subject": subject, "body": body})
    return _framed(
        pages_of(request).answer("template_preview.html", shown=shown, person=person, missed=missed, lines=lines)
    )


@router.get("/{id}")
async def template(request: Request, services: Services, reader: Reader, id: str, saved: str = "") -> Response:
    """The editor of one template. saved: it was kept just now."""
    known = await _known(services, reader, id)
    draft = _Draft(known.name, known.subject, known.body, "on" if known.html else "")
    return await _editor(request, services, reader, draft, known=known, saved=bool(saved))


@router.post("/{id}")
async def change_template(request: Request, services: Services, reader: Reader, id: str, draft: _Typed) -> Response:
    """Keeps what was changed, or shows what is wrong with it."""
    known = await _known(services, reader, id)
    made = await templates.change_template(services.store, reader, id, draft.change)
    if made is None:
        raise NOT_THERE
    if isinstance(made, Template):
        return RedirectResponse(f"/templates/{id}?saved=1", 303)
    return await _editor(request, services, reader, draft, known=known, refused=made)


@router.post("/{id}/delete")
async def delete_template(services: Services, reader: Reader, id: str) -> Response:
    """Takes a template away."""
    if await templates.drop_template(services.store, reader, id) is None:
        raise NOT_THERE
    return RedirectResponse("/templates?removed=1", 303)


def _framed(answer: Response) -> Response:
    """An answer that stands in a frame: nothing in it acts; pictures are those of whoever wrote the template."""
    answer.headers["Content-Security-Policy"] = PAGE_POLICY.format("http: https:")
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


async def _known(services: WebServices, reader: Visitor, id: str) -> Template:
    known = await templates.show_template(services.store, reader, id)
    if known is None:
        raise NOT_THERE
    return known


async def _editor(
    request: Request, services: WebServices, reader: Visitor, draft: _Draft, *, refused: object = None, **more: Any
) -> Response:
    if isinstance(refused, Taken):
        raise Problem(409, refused.detail)
    mistakes = refused.mistakes if isinstance(refused, Flawed) else ()
    wrong = {refused.field: refused.detail} if isinstance(refused, Wrong) else {}
    people = await show_cards.list_contacts(services.store, reader, None, OFFERED, None, "")
    answer = pages_of(request).console(
        "template.html",
        reader,
        "templates",
        422 if refused is not None else 200,
        draft=draft,
        known=more.get("known"),
        saved=more.get("saved", False),
        wrong=wrong,
        mistakes=mistakes,
        lines=_lines(mistakes, {"subject": draft.subject, "body": draft.body}),
        fields=[
            (one.name, one.label if one.own else _(LABELS[one.name]))
            for one in await templates.list_fields(services.store, reader)
        ],
        people=[_named(one) for one in people.rows],
    )
    answer.headers["Content-Security-Policy"] = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"
    return answer


async def _person(services: WebServices, reader: Visitor, who: str) -> tuple[Contact | None, bool]:
    """The contact that is meant by a text: an address, the form in which they are offered, or a part of a name; and
    whether nobody was found though somebody was asked for. Without a text the newest contact."""
    sought = who.strip()[:200]
    _, _, address = sought.removesuffix(">").rpartition("<")
    for email, q in ((address, ""), (None, sought)):
        page = await show_cards.list_contacts(services.store, reader, None, 1, email, q)
        if page.rows:
            return page.rows[0], False
    return None, bool(sought)


def _named(contact: Contact) -> str:
    email = contact.emails[0] if contact.emails else ""
    return f"{contact.name} <{email}>" if contact.name != email else email


def _lines(mistakes: Sequence[Mistake], texts: dict[str, str]) -> dict[str, list[Line]]:
    """The lines that hold mistakes, by field."""
    found: dict[str, dict[int, list[Mistake]]] = {}
    for one in mistakes:
        found.setdefault(one.field, {}).setdefault(one.line, []).append(one)
    return {
        field: [_line(number, unix_lines(texts[field]).split("\n"), wrong) for number, wrong in by_line.items()]
        for field, by_line in found.items()
    }


def _line(number: int, lines: list[str], wrong: Sequence[Mistake]) -> Line:
    text = lines[number - 1]
    first, last = wrong[0].column - 1, wrong[-1].column - 1 + wrong[-1].length
    begins, ends = max(first - _AROUND, 0), min(last + _AROUND, len(text), first + 8 * _AROUND)
    pieces, at = [("…", False)] if begins else [], begins
    for one in wrong:
        start = max(min(one.column - 1, ends), at)
        end = max(min(one.column - 1 + one.length, ends), start)
        pieces += [(text[at:start], False), (text[start:end] or " ", True)]
        at = end
    pieces += [(text[at:ends], False), ("…" if ends < len(text) else "", False)]
    return Line(number, tuple(piece for piece in pieces if piece[0]))
