"""Adding a mailbox: type the address, look at what was found, then the password or the provider's own page (rule E1).

Each step is a page that works without a script; what stands in the way is said at the field it is about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.mailboxes import AUTH_FAILED, MICROSOFT, PASSWORD, PERSONAL, Found, Server, Servers, servers_of
from gateway.core.refusals import Taken, Wrong
from gateway.core.resources import Mailbox
from gateway.usecases import connect_mailbox, consent_mailbox
from gateway.usecases.connect_mailbox import Halt, Wish
from gateway.usecases.show_mailboxes import People, find_earlier, find_people
from gateway.web import mailbox_words
from gateway.web.console.mailboxes import answer
from gateway.web.console.session import Reader
from gateway.web.mailbox_door import door, sealing
from gateway.web.problems import unwrap
from gateway.web.services import Services
from gateway.web.tongues import gettext as _

router = APIRouter(prefix="/mailboxes/add")
Text = Annotated[str, Form(max_length=2_000)]
_PORTS = {"imap": 993, "smtp": 465}


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the fields for servers. security: `tls` or `starttls`. login: empty for the address itself."""

    imap_host: str = ""
    imap_port: str = ""
    imap_security: str = "tls"
    smtp_host: str = ""
    smtp_port: str = ""
    smtp_security: str = "tls"
    login: str = ""

    @property
    def given(self) -> bool:
        """Whether somebody wants other servers than those that were found."""
        return bool(self.imap_host.strip() or self.smtp_host.strip())


@dataclass(frozen=True, slots=True)
class Adding:
    """A mailbox that is being added, as the form shows it. found: None while its address is asked for. typed: servers.
    wrong: sentences by field; the empty field is about all of it. earlier: it was connected before. set_up: an app of
    ours is, at the provider that asks its users itself."""

    address: str
    found: Found | None = None
    kind: str = PERSONAL
    typed: Typed = Typed()
    wrong: dict[str, str] | None = None
    earlier: Mailbox | None = None
    set_up: bool = False
    people: People | None = None

    @property
    def by_password(self) -> bool:
        """Whether a password gets in there."""
        return self.found is not None and self.found.auth != MICROSOFT

    @property
    def by_consent(self) -> bool:
        """Whether the provider's own page is the way in."""
        return self.found is not None and self.found.auth != PASSWORD and not self.typed.given

    @property
    def keeps_kind(self) -> bool:
        """Whether who reads it stays as it is: it is connected, and only has to be let in again."""
        return self.earlier is not None and self.earlier.state == AUTH_FAILED


@router.get("")
async def look_up(
    request: Request, services: Services, reader: Reader, address: Annotated[str, Query(max_length=320)] = ""
) -> Response:
    """The second step: who hosts the address and what is asked for there; the first once more where it can't be."""
    if not address.strip():
        return await answer(request, services, reader, 422, add=Adding("", wrong={"address": _("Type an address.")}))
    adding = await _adding(services, reader, address.strip())
    return await answer(request, services, reader, 422 if adding.wrong else 200, add=adding)


@router.post("")
async def connect(
    request: Request,
    services: Services,
    reader: Reader,
    address: Text = "",
    password: Text = "",
    kind: Text = PERSONAL,
    imap_host: Text = "",
    imap_port: Text = "",
    imap_security: Text = "tls",
    smtp_host: Text = "",
    smtp_port: Text = "",
    smtp_security: Text = "tls",
    login: Text = "",
) -> Response:
    """Tries the password, and connects the mailbox where it is let in."""
    typed = Typed(imap_host, imap_port, imap_security, smtp_host, smtp_port, smtp_security, login)
    servers = _servers(typed)
    if isinstance(servers, Wrong):
        return await _again(request, services, reader, Wish(address, kind), typed, servers)
    imap, smtp = servers
    wish = Wish(address.strip(), kind, password, imap, smtp)
    with sealing():
        made = await connect_mailbox.connect_mailbox(
            services.store, door(services), reader, wish, services.domains, services.keyring()
        )
    if isinstance(made, Wrong | Halt | Taken):
        return await _again(request, services, reader, wish, typed, made)
    box = unwrap(made)
    told = "connected" if box.last_sync_at is None else "again"
    return RedirectResponse(f"/mailboxes?told={told}&of={box.id}", 303)


async def _again(
    request: Request, services: Services, reader: Reader, wish: Wish, typed: Typed, why: Wrong | Halt | Taken
) -> Response:
    """The form as it was filled in, with what stands in the way."""
    adding = replace(await _adding(services, reader, wish.address), kind=wish.kind)
    if typed.given:
        adding = replace(adding, typed=typed)
    if isinstance(why, Taken):
        adding = replace(adding, wrong={"": mailbox_words.sentence(why.detail)})
    else:
        wrong = why.wrong if isinstance(why, Halt) else why
        said = why.reason if isinstance(why, Halt) else why.detail
        adding = replace(adding, wrong={_field(wrong.field, adding): mailbox_words.sentence(said)})
    return await answer(request, services, reader, 409 if isinstance(why, Taken) else 422, add=adding)


async def _adding(services: Services, reader: Reader, address: str) -> Adding:
    """What is known of an address before anything is tried."""
    mail = door(services)
    found = await connect_mailbox.discover(mail, address, services.domains)
    if isinstance(found, Wrong):
        return Adding(address, wrong={"address": mailbox_words.sentence(found.detail)})
    earlier = await find_earlier(services.store, reader, found.address)
    typed = Typed() if found.sure else _shown(found.servers)
    if earlier is not None:
        before = servers_of({"imap": earlier.imap, "smtp": earlier.smtp})
        if before.imap != found.servers.imap:
            typed, found = _shown(before), replace(found, by="given")
    return Adding(
        found.address,
        found,
        PERSONAL if earlier is None else earlier.kind,
        typed,
        earlier=earlier,
        set_up=consent_mailbox.is_set_up(mail, found),
        people=await find_people(services.store, reader),
    )


def _shown(servers: Servers) -> Typed:
    imap, smtp = servers.imap, servers.smtp
    sending = ("", "", "tls") if smtp is None else (smtp.host, str(smtp.port), smtp.security)
    return Typed(imap.host, str(imap.port), imap.security, *sending, imap.user)


def _servers(typed: Typed) -> tuple[Server | None, Server | None] | Wrong:
    """The servers that somebody typed."""
    pair: list[Server | None] = []
    for name in ("imap", "smtp"):
        host, port = getattr(typed, f"{name}_host").strip().lower(), getattr(typed, f"{name}_port").strip()
        security = getattr(typed, f"{name}_security")
        if not host:
            pair.append(None)
            continue
        if security not in ("tls", "starttls"):
            return Wrong(f"{name}/security", _("Choose TLS or STARTTLS."))
        if port and not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65_536):
            return Wrong(f"{name}/port", _("A port is a number from 1 to 65535, such as 993."))
        pair.append(Server(host, int(port) if port else _PORTS[name], security, typed.login.strip()))
    return pair[0], pair[1]


def _field(field: str, adding: Adding) -> str:
    """The field of the form that a wrong field of the wish stands in; empty for the form as a whole."""
    shown = {"password", "address"} if adding.found is None or adding.by_password else {"address"}
    shown |= {f"{name}/{part}" for name in ("imap", "smtp") for part in ("host", "port", "security")}
    if field == "imap":
        return "imap/host"
    return field if field in shown and (field != "address" or adding.found is None) else ""
