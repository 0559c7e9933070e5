"""Connecting a mailbox by its provider's own sign-in: to the provider's page, and back (rule E1; RFC 6749).

Nothing secret stands in an address of ours: what comes back is a code that is good once, and a sealed state.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from gateway.usecases import connect_mailbox, consent_mailbox
from gateway.usecases.connect_mailbox import Halt, Wish
from gateway.web.console.session import Reader
from gateway.web.mailbox_door import BACK, door, sealing
from gateway.web.mailbox_words import sentence
from gateway.web.problems import Problem, unwrap
from gateway.web.services import Services
from gateway.web.tongues import gettext as _

router = APIRouter(prefix="/mailboxes/consent")
Given = Annotated[str, Query(max_length=8_000)]


@contextmanager
def _connecting() -> Iterator[None]:
    """What stands in the way becomes a page that says so in a sentence."""
    try:
        yield
    except Problem as fault:
        heading = _("The mailbox is not connected")
        raise Problem(fault.status, sentence(fault.detail), heading=heading) from None


@router.get("")
async def begin(
    services: Services, reader: Reader, address: Annotated[str, Query(max_length=320)], kind: Given = "personal"
) -> Response:
    """Leads to the page of the address's provider."""
    with _connecting():
        refused = connect_mailbox.check_rights(reader, kind)
        if refused is not None:
            unwrap(refused)
        found = unwrap(await connect_mailbox.discover(door(services), address, services.domains))
        with sealing():
            url = consent_mailbox.begin(door(services), services.keyring(), reader, found, kind, _redirect(services))
        return RedirectResponse(unwrap(url), 303)


@router.get("/back")
async def back(services: Services, reader: Reader, code: Given = "", state: Given = "", error: Given = "") -> Response:
    """Takes what the provider sends back, and connects the mailbox; `error` where somebody did not consent."""
    with _connecting():
        if error or not code:
            raise Problem(422, _("The provider let nobody in: it was cancelled there, or refused"))
        mail = door(services)
        with sealing():
            consented = unwrap(
                await consent_mailbox.finish(mail, services.keyring(), reader, code, state, _redirect(services))
            )
            wish = Wish(consented.found.address, consented.kind)
            made = await connect_mailbox.connect_consented(
                services.store, mail, reader, wish, consented.found, consented.credential, services.keyring()
            )
        if isinstance(made, Halt):
            made = made.wrong
        return RedirectResponse(f"/mailboxes?told=connected&of={unwrap(made).id}", 303)


def _redirect(services: Services) -> str:
    return f"{services.public_url()}{BACK}"
