"""What a CRM's adapter is asked and what it answers; it knows nothing else of the gateway.

A door claims a delivery, calls `Crm.deliver` outside any transaction, and records the outcome. A refusal of the other
side is a value (`Retry`, `Dead`); what an adapter raises is a fault of ours, and the delivery is tried again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from crm_adapter.events import Event


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side has it. status: what it said over HTTP. note: what came of it there, in words for people."""

    status: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now. after: seconds until the next try, left out by the schedule of all. state: what the whole back end is in
    until somebody mends it, such as `unauthorised`, `unpaid` or `blocked`; its other deliveries wait as well."""

    why: str
    after: float | None = None
    status: int | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """Never so. state: `gone` where the other side wants nothing any more (410); the endpoint is then disabled."""

    why: str
    status: int | None = None
    state: str | None = None


Outcome = Delivered | Retry | Dead


class BusyError(Exception):
    """Somebody else holds the lease."""


class TroubleError(Exception):
    """The other side can't be asked. outcome: what a delivery would have come to."""

    def __init__(self, outcome: Retry | Dead) -> None:
        super().__init__(outcome.why)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Person:
    """A contact: of ours, or of the remote CRM for the local mirror. emails: lower case, A-label domains."""

    id: str
    name: str
    emails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deal:
    """A lead of ours as it is now. contacts: ids of ours, the main one first. main: the main one, if it has one."""

    id: str
    name: str
    contacts: tuple[str, ...]
    main: str | None


class Held(Protocol):
    """A lease while it is held."""

    async def save(self, key: str, value: str | None) -> None:
        """As `Ledger.save`, but only while the lease is held still. Raises BusyError where it no more is, as for a
        process that was stopped for so long that another one took over."""


class Ledger(Protocol):
    """What an adapter remembers, one book a back end of an account, shared by all processes of all machines."""

    async def load(self, key: str) -> str | None:
        """The value under a key."""

    async def save(self, key: str, value: str | None) -> None:
        """Keeps a value, durable when this returns; None forgets it. Values are encrypted at rest."""

    def lease(self, key: str, seconds: float) -> AbstractAsyncContextManager[Held]:
        """Holds a key alone while it is entered. seconds: after so long without a sign of life from here, as after a
        crash, somebody else may have it; what is done under it is broken off then. Raises BusyError, also at once
        where somebody else holds it."""

    async def take(self, bucket: str, per_second: float) -> float:
        """Takes the next place in a bucket that all share: the seconds to wait before the call may be made."""

    async def person(self, contact: str) -> Person | None:
        """A contact of ours as it is now; None where it is no more."""

    async def deal(self, lead: str) -> Deal | None:
        """A lead of ours as it is now; None where it is no more."""

    async def file(self, message: str, n: int) -> bytes | None:
        """The decoded bytes of a message's attachment; None where they are no longer available."""


class Crm(Protocol):
    """One CRM back end of one account."""

    async def deliver(self, event: Event, ledger: Ledger) -> Outcome:
        """Tells the back end of one event. Called again with the same event after Retry, or where we died meanwhile."""

    def contacts(self, ledger: Ledger) -> AsyncIterator[tuple[Person, ...]]:
        """Pages of contacts that changed since all of them were last given, for the local mirror.

        A page counts as taken when the next one is asked for; what was broken off goes on there. Raises TroubleError.
        """

    async def close(self) -> None:
        """Closes its connections."""
