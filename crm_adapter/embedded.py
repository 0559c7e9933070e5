"""The embedded CRM: the gateway's own cards. What happened stands there already, so there is nothing to tell it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from crm_adapter.events import Event
from crm_adapter.port import Delivered, Ledger, Outcome, Person


class Embedded:
    """The back end of an account that has connected no other."""

    async def deliver(self, event: Event, ledger: Ledger) -> Outcome:
        """It knows."""
        return Delivered(note="kept here")

    async def contacts(self, ledger: Ledger, since: int) -> AsyncIterator[tuple[Person, ...]]:
        """None: the contacts here are the mirror."""
        nobody: tuple[tuple[Person, ...], ...] = ()
        for page in nobody:
            yield page

    async def close(self) -> None:
        """Nothing is open."""
