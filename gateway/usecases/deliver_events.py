"""Deliver events: claim what is due, tell the back ends outside any transaction, write down what became of it.

At least once, in the order of each conversation: a delivery is repeated, with the same id, where we died after the
other side had it and before we had written that down.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from crm_adapter.events import Event
from crm_adapter.factory import Adapters, BackEnd
from crm_adapter.port import Crm, Dead, Delivered, Ledger, Outcome, Retry
from gateway import metrics
from gateway.core.resources import rfc3339
from gateway.core.retry import LONGEST, wait_after
from gateway.sealing import Keyring, SealError
from gateway.store import deliveries
from gateway.store.deliveries import DEAD, DELIVERED, WAITING, Claiming, Due, Lane, Result, Settling, Waiting
from gateway.store.endpoints import ACTIVE, WEBHOOK, EndpointRow, about_secret, find_endpoint, set_endpoint
from gateway.store.engine import Store, Tx
from gateway.store.ids import shared_time as now
from gateway.store.outbox import DISABLED, TEST, add_event
from gateway.store.reading_deliveries import oldest_waiting
from gateway.store.reading_events import Subjects, find_subjects
from gateway.usecases.event_data import Telling, data_of
from gateway.usecases.ledger import LOCKED_SECONDS

__all__ = ["WEBHOOK", "Claiming", "Courier", "Due", "Lane", "Work", "now"]
_log = structlog.get_logger(__name__)

SEND_SECONDS = 120.0
"""So long one try may take at most; a webhook's own limit is shorter."""
GO_ON_SECONDS = 10.0
"""A lane that was worked on for so long is let go after the try under way, so that it doesn't keep its place."""
PAUSE_SECONDS = 600.0
"""A back end that somebody has to mend is asked again after so long, unless it says when."""
WATCH_SHARE = 50
"""Looking at how long the oldest event waits takes one part in so many of the time."""
LOCKED = "locked"
"""The state of an endpoint whose credentials no key of ours opens; once one does it is over, whatever a try brings."""
_BURIED = "the endpoint is disabled"
_OUR_FAULT = "something went wrong on our side"


def open_back_end(endpoint: EndpointRow, keyring: Keyring) -> BackEnd:
    """An endpoint with its secrets opened; the former one stays in use for a while. Raises SealError."""
    kept = [endpoint.secret]
    if endpoint.former_until is not None and now() < endpoint.former_until:
        kept.append(endpoint.former_secret)
    about = about_secret(endpoint.account, endpoint.id)
    secrets = tuple(keyring.open(sealed, about).decode() for sealed in kept if sealed is not None)
    return BackEnd((endpoint.account, endpoint.id), endpoint.kind, endpoint.url, secrets, endpoint.options)


@dataclass(frozen=True, slots=True)
class Pause:
    """What an outcome says of the whole endpoint. state: it is in from now on. until: nothing is tried before."""

    state: str
    reason: str
    until: int | None


@dataclass(frozen=True, slots=True)
class Work:
    """A lane in hand, and what its events tell of as it was when it was claimed; None where that can't be read."""

    lane: Lane
    subjects: Subjects | None


class Courier:
    """Tells back ends. books: what the adapter of an endpoint of an account remembers."""

    def __init__(self, store: Store, telling: Telling, adapters: Adapters, books: Callable[[int, str], Ledger]) -> None:
        self._store, self._telling, self._adapters, self._books = store, telling, adapters, books
        self._looked_at = deliveries.FIRST
        self._watched_until = 0.0
        self._locked: dict[tuple[int, str], float] = {}

    async def close(self) -> None:
        """Closes the connections to back ends."""
        await self._adapters.close()

    async def watch(self) -> None:
        """Tells the figures how long the oldest event waits; less often where very many wait, as it looks at each."""
        begun = time.monotonic()
        if begun < self._watched_until:
            return
        oldest = await self._store.read(oldest_waiting)
        self._watched_until = time.monotonic() + WATCH_SHARE * (time.monotonic() - begun)
        metrics.delivery_waits((now() - oldest) / 1000 if oldest is not None else 0)

    async def find_due(self) -> list[Due]:
        """Endpoints for which there is something to do now, and whose secrets this process can most likely open; where
        they are very many, the next ones of them."""
        most = deliveries.DUE_AT_ONCE
        found = await self._store.read(partial(deliveries.find_due, now=now(), after=self._looked_at, most=most))
        last = found[-1] if len(found) == most else None
        self._looked_at = deliveries.FIRST if last is None else (last.account, last.endpoint)
        moment = time.monotonic()
        self._locked = {key: until for key, until in self._locked.items() if until > moment}
        return [due for due in found if due.buried or (due.account, due.endpoint) not in self._locked]

    async def claim(self, wanted: Claiming) -> tuple[Work, ...]:
        """Takes some of an endpoint's lanes in hand, and reads what they tell of."""
        claimed: tuple[Lane, ...] = await self._store.write_each(deliveries.claim_lanes, wanted)
        if not claimed:
            return ()
        try:
            subjects = await self._read(claimed)
        except Exception:  # of one of them; whoever is not to blame is not to wait for it
            return tuple([await self._read_alone(lane) for lane in claimed])
        return tuple(Work(lane, subjects) for lane in claimed)

    async def _read(self, lanes: Sequence[Lane]) -> Subjects:
        asked = [(one.type, one.subject) for lane in lanes for one in lane.waiting]
        return await self._store.read(lambda tx: find_subjects(tx, lanes[0].endpoint.account, asked))

    async def _read_alone(self, lane: Lane) -> Work:
        """What a lane's first event tells of. Where that can't be read, the event has had its try."""
        first = replace(lane, waiting=lane.waiting[:1])
        try:
            return Work(first, await self._read([first]))
        except Exception:
            _log.exception("delivery.failed", endpoint=lane.endpoint.id, delivery=first.waiting[0].event)
            return Work(first, None)

    async def keep(self, lanes: Sequence[Lane], until: int) -> None:
        """Holds lanes that are in hand for longer."""
        await self._store.write_each(_keep, (tuple(lanes), until))

    async def bury(self, due: Due) -> int:
        """Gives up some of what waits for a disabled endpoint; how much it was."""
        bury = partial(deliveries.bury_deliveries, account=due.account, endpoint=due.endpoint, why=_BURIED, at=now())
        count = await self._store.write(bury, account=due.account)
        metrics.deliveries_done("dead", count)
        return count

    async def tell(self, work: Work) -> bool:
        """Tells one lane's events, one after the other, until one has to wait. True: the other side took them all.

        Where it is broken off, what arrived so far is written down, and somebody else may go on at once.
        """
        lane = work.lane
        results: list[Result] = []
        pause: Pause | None = None
        try:
            back_end = open_back_end(lane.endpoint, self._telling.keyring())
        except SealError as fault:
            # Another machine may have the right key: it is this process alone that stays away.
            self._locked[lane.endpoint.account, lane.endpoint.id] = time.monotonic() + LOCKED_SECONDS
            pause = Pause(LOCKED, str(fault), None)
        else:
            try:
                pause = await self._tell(work, back_end, results)
            except asyncio.CancelledError:
                await self._settle(lane, results, None)
                raise
        await self._settle(lane, results, pause)
        return pause is None and all(one.state == DELIVERED for one in results)

    async def _tell(self, work: Work, back_end: BackEnd, results: list[Result]) -> Pause | None:
        begun, lane = time.monotonic(), work.lane
        async with self._adapters.lent(back_end) as crm:
            for one in lane.waiting:
                outcome = await self._try(crm, lane.endpoint, one, work.subjects)
                pause = _pause(lane.endpoint, outcome)
                if not (isinstance(outcome, Retry) and outcome.state):
                    results.append(_result(lane.endpoint, one, outcome))
                waits = not results or results[-1].state == WAITING
                if pause is not None or waits or time.monotonic() - begun > GO_ON_SECONDS:
                    return pause
        return None

    async def _try(self, crm: Crm, endpoint: EndpointRow, one: Waiting, subjects: Subjects | None) -> Outcome:
        """One try. What an adapter raises is a fault of ours: it is told to the operator and tried again."""
        if subjects is None:
            return Retry(_OUR_FAULT)
        try:
            try:
                data = await data_of(self._telling, endpoint.account, subjects, one.type, one.subject, now())
            except OSError as fault:  # its bucket is away, or lost it
                _log.warning("delivery.unread", endpoint=endpoint.id, delivery=one.event, reason=str(fault)[:300])
                return Retry("the mail can't be read where large mails are kept")
            account = subjects.account.id if subjects.account is not None else ""
            talk = one.conversation or one.subject
            event = Event(one.event, one.type, rfc3339(one.at), account, one.subject, data, talk)
            async with asyncio.timeout(SEND_SECONDS):
                return await crm.deliver(event, self._books(endpoint.account, endpoint.id))
        except TimeoutError:
            return Retry(f"not done within {SEND_SECONDS:.0f} s")
        except SealError as fault:  # of what is remembered of the other side: nothing is lost until the key is back
            return Retry(str(fault), state="locked")
        except Exception:
            _log.exception("delivery.failed", endpoint=endpoint.id, delivery=one.event, kind=endpoint.kind)
            return Retry(_OUR_FAULT)

    async def _settle(self, lane: Lane, results: Sequence[Result], pause: Pause | None) -> None:
        endpoint = lane.endpoint
        if pause is not None:
            await self._set_pause(endpoint, pause)
        elif endpoint.state == LOCKED or (
            results and results[-1].state == DELIVERED and (endpoint.state != ACTIVE or endpoint.paused_until)
        ):
            await self._set_pause(endpoint, Pause(ACTIVE, "", None))
        at = now()
        until = (pause.until if pause is not None else None) or at
        waits = results[-1].next_at if results else None
        settling = Settling(
            endpoint.account,
            endpoint.id,
            lane.conversation,
            lane.holder,
            at,
            max(until, waits or 0),
            tuple(results),
        )
        await self._store.write_each(deliveries.settle_lanes, settling)
        _count(lane, results, at)

    async def _set_pause(self, endpoint: EndpointRow, pause: Pause) -> None:
        if await self._store.write(partial(_set_pause, endpoint, pause), account=endpoint.account):
            _tell_of(endpoint, pause)


def _keep(tx: Tx, held: Sequence[tuple[tuple[Lane, ...], int]]) -> list[None]:
    for lanes, until in held:
        deliveries.keep_lanes(tx, lanes, until)
    return [None] * len(held)


def _set_pause(endpoint: EndpointRow, pause: Pause, tx: Tx) -> bool:
    """Writes down what is wrong with an endpoint, or that nothing is. That it was disabled is an event of its own.

    False: it is gone, or disabled since; what an earlier try says of it counts no more.
    """
    found = find_endpoint(tx, endpoint.account, endpoint.id)
    if found is None or found.state == DISABLED:
        return False
    set_endpoint(tx, replace(found, state=pause.state, reason=pause.reason, paused_until=pause.until))
    if pause.state == DISABLED:
        add_event(tx, endpoint.account, "endpoint.disabled", endpoint.id, now())
    return found.state != pause.state


def _pause(endpoint: EndpointRow, outcome: Outcome) -> Pause | None:
    """What an outcome means for all that the endpoint is to be told."""
    if isinstance(outcome, Dead) and outcome.state == "gone":
        return Pause(DISABLED, outcome.why, None)
    if isinstance(outcome, Retry) and outcome.state is not None:
        return Pause(outcome.state, outcome.why, now() + int(min(outcome.after or PAUSE_SECONDS, LONGEST) * 1000))
    if isinstance(outcome, Retry) and outcome.status in (429, 503) and outcome.after:
        wait = wait_after(0, 0.5, outcome.after) or outcome.after
        return Pause(endpoint.state, outcome.why, now() + int(wait * 1000))
    return None


def _result(endpoint: EndpointRow, one: Waiting, outcome: Outcome) -> Result:
    tries = one.attempts + 1
    if isinstance(outcome, Delivered):
        came = outcome.note if endpoint.kind != WEBHOOK or one.type == TEST else ""
        return Result(one.event, DELIVERED, tries, None, outcome.status, came)
    if isinstance(outcome, Retry):
        wait = wait_after(tries, random.random(), outcome.after)  # noqa: S311 - spreads, protects nothing
        if wait is not None:
            return Result(one.event, WAITING, tries, now() + int(wait * 1000), outcome.status, outcome.why)
    return Result(one.event, DEAD, tries, None, outcome.status, outcome.why)


def _count(lane: Lane, results: Sequence[Result], at: int) -> None:
    """One line for what was given up; what was delivered or is tried again only where every detail is asked for."""
    for one, result in zip(lane.waiting, results, strict=False):
        about = {"endpoint": lane.endpoint.id, "delivery": one.event, "type": one.type, "attempts": result.attempts}
        if result.state == DELIVERED:
            metrics.delivery_arrived((at - one.at) / 1000)
            _log.debug("delivery.done", **about)
        elif result.state == WAITING:
            _log.debug("delivery.retried", **about, reason=result.error)
        else:
            _log.warning("delivery.dead", **about, reason=result.error)
        metrics.deliveries_done("retried" if result.state == WAITING else result.state)


def _tell_of(endpoint: EndpointRow, pause: Pause) -> None:
    about = {"endpoint": endpoint.id, "kind": endpoint.kind, "state": pause.state}
    if pause.state == ACTIVE:
        _log.info("endpoint.well", **about)
    elif pause.state == DISABLED:
        _log.warning("endpoint.disabled", **about, reason=pause.reason)
    else:
        _log.warning("endpoint.paused", **about, reason=pause.reason)
