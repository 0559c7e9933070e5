"""The home page: the three addresses, every attempt as it comes, thirty days, what needs you, the next step."""

from __future__ import annotations

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
from gateway.web.console.session import Reader
from gateway.web.pages import pages_of
from gateway.web.services import Services

router = APIRouter()
ROWS = 12
_STEPS = (
    ("mail", "Send your first mail.", "Write to a client as ever, and put {address} in Cc."),
    ("contact", "Add your first contact.", "Put {address} in Cc: new people on the mail become contacts."),
    ("lead", "Open your first lead.", "Put {address} in Cc: a lead named after the subject opens."),
    ("team", "Bring in a colleague.", "Whoever runs this server adds people with `smartgate user add`."),
)


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


def _cards(addresses: Addresses) -> tuple[Card, ...]:
    return (
        Card("attach", "File it", addresses.attach, "On the cards of people you already know."),
        Card(
            "contact",
            "File it and add the contact",
            addresses.contact,
            "New people become contacts. Known ones stay as they are.",
        ),
        Card("lead", "File it and open a lead", addresses.lead, "One lead a conversation, named after the subject."),
    )


@router.get("/")
async def home(request: Request, services: Services, reader: Reader) -> Response:
    """What people see first."""
    account = await show_account(services.store, reader, services.domains[0])
    numbers = await show_home(services.store, reader)
    newest = await list_outcomes(services.store, reader.account, None, ROWS, Search())
    cards = _cards(account.addresses)
    wanted = {"mail": cards[0], "contact": cards[1], "lead": cards[2]}
    return pages_of(request).console(
        "home.html",
        reader,
        "home",
        account=account,
        cards=cards,
        chart=draw(numbers.days, numbers.today, DAYS),
        numbers=numbers,
        outcomes=newest.rows,
        steps=[(name, title, text, wanted.get(name)) for name, title, text in _STEPS],
    )


@router.get("/feed")
async def feed(
    request: Request, reader: Reader, after: str = "", last_event_id: Annotated[str | None, Header()] = None
) -> Response:
    """New attempts as they come (Server-Sent Events)."""
    streams: Feed = request.app.state.feed
    return StreamingResponse(streams.stream(reader.account, last_event_id or after), media_type="text/event-stream")


@router.get("/addresses/{action}.vcf")
async def vcard(services: Services, reader: Reader, action: Literal["attach", "contact", "lead"]) -> Response:
    """A smart address for an address book (vCard 3.0, RFC 2426), which every mail program reads."""
    account = await show_account(services.store, reader, services.domains[0])
    address = getattr(account.addresses, action)
    named = {"attach": "file a mail", "contact": "file and add contact", "lead": "file and open lead"}[action]
    name = _vcard_text(f"{account.name}: {named}")
    known = (f"FN:{name}", f"N:;{name};;;", f"EMAIL;TYPE=INTERNET:{address}")
    lines = ("BEGIN:VCARD", "VERSION:3.0", *known, "END:VCARD", "")
    disposition = f'attachment; filename="{account.slug}-{action}.vcf"'
    return Response("\r\n".join(lines), media_type="text/vcard", headers={"Content-Disposition": disposition})


def _vcard_text(text: str) -> str:
    for sign in ("\\", ";", ","):
        text = text.replace(sign, "\\" + sign)
    return text
