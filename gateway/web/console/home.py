"""The home page: the three addresses, every attempt as it comes, thirty days, what needs you, the next step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.core.resources import Addresses
from gateway.usecases.show_account import show_account
from gateway.usecases.show_home import DAYS, show_home
from gateway.usecases.show_receipts import Search, list_outcomes
from gateway.web.console.chart import draw
from gateway.web.console.feed import Feed
from gateway.web.console.session import Reader, Session
from gateway.web.pages import pages_of
from gateway.web.services import Services
from gateway.web.tongues import gettext as _
from gateway.web.tongues import later

router = APIRouter()
ROWS = 12
_STEPS = (
    ("mail", later("Send your first mail."), later("Write to a client as ever, and put {address} in Cc.")),
    (
        "contact",
        later("Add your first contact."),
        later("Put {address} in Cc: new people on the mail become contacts."),
    ),
    ("lead", later("Open your first lead."), later("Put {address} in Cc: a lead named after the subject opens.")),
    ("team", later("Bring in a colleague."), later("Their addresses count as your team, and they see what you see.")),
    ("crm", later("Connect your CRM."), later("Contacts and leads are kept here, and sent on as soon as it answers.")),
)
_NAMED = {
    "attach": later("%s: file a mail"),
    "contact": later("%s: file and add contact"),
    "lead": later("%s: file and open lead"),
}
_BUTTONS = {
    "team": ("/settings/users", later("Add a user")),
    "crm": ("/settings/crm", later("Connect the CRM")),
}


@dataclass(frozen=True, slots=True)
class Card:
    """One of the three addresses as the page shows it."""

    action: str
    heading: str
    address: str
    effect: str

    @property
    def mailto(self) -> str:
        return f"mailto:?cc={quote(self.address, safe='@')}"

    @property
    def local(self) -> str:
        return self.address.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Step:
    """The next step of getting started. path, button: where it is done."""

    title: str
    text: str
    address: str
    path: str
    button: str


def _cards(addresses: Addresses) -> tuple[Card, ...]:
    return (
        Card("attach", _("File it"), addresses.attach, _("On the cards of people you already know.")),
        Card(
            "contact",
            _("File it and add the contact"),
            addresses.contact,
            _("New people become contacts. Known ones stay as they are."),
        ),
        Card(
            "lead", _("File it and open a lead"), addresses.lead, _("One lead a conversation, named after the subject.")
        ),
    )


def _next_step(steps: Mapping[str, bool], cards: tuple[Card, ...]) -> Step | None:
    """The first step that isn't done; None where all are."""
    wanted = {"mail": cards[0], "contact": cards[1], "lead": cards[2]}
    for name, title, text in _STEPS:
        if steps.get(name, True):
            continue
        if name in _BUTTONS:
            path, button = _BUTTONS[name]
            return Step(_(title), _(text), "", path, _(button))
        return Step(_(title), _(text), wanted[name].address, wanted[name].mailto, _("New mail"))
    return None


@router.get("/")
async def home(request: Request, services: Services, reader: Reader) -> Response:
    """What people see first."""
    account = await show_account(services.store, reader, services.domains[0])
    numbers = await show_home(services.store, reader)
    newest = await list_outcomes(services.store, reader.account, None, ROWS, Search())
    cards = _cards(account.addresses)
    return pages_of(request).console(
        "home.html",
        reader,
        "home",
        account=account,
        cards=cards,
        chart=draw(numbers.days, numbers.today, DAYS),
        numbers=numbers,
        outcomes=newest.rows,
        done=sum(numbers.steps.values()),
        next=_next_step(numbers.steps, cards),
    )


@router.get("/feed")
async def feed(
    request: Request,
    reader: Reader,
    session: Session = None,
    after: str = "",
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """New attempts as they come (Server-Sent Events)."""
    streams: Feed = request.app.state.feed
    return StreamingResponse(
        streams.stream(reader.account, last_event_id or after, session), media_type="text/event-stream"
    )


@router.get("/addresses/{action}.vcf")
async def vcard(services: Services, reader: Reader, action: Literal["attach", "contact", "lead"]) -> Response:
    """A smart address for an address book (vCard 3.0, RFC 2426), which every mail program reads."""
    account = await show_account(services.store, reader, services.domains[0])
    address = getattr(account.addresses, action)
    name = _vcard_text(_(_NAMED[action]) % account.name)
    known = (f"FN:{name}", f"N:;{name};;;", f"EMAIL;TYPE=INTERNET:{address}")
    lines = ("BEGIN:VCARD", "VERSION:3.0", *known, "END:VCARD", "")
    disposition = f'attachment; filename="{account.slug}-{action}.vcf"'
    return Response("\r\n".join(lines), media_type="text/vcard", headers={"Content-Disposition": disposition})


def _vcard_text(text: str) -> str:
    for sign in ("\\", ";", ","):
        text = text.replace(sign, "\\" + sign)
    return text
