"""Show what is on its way to back ends and what became of it, and try again what was given up."""

from __future__ import annotations

from gateway.core.refusals import Taken
from gateway.core.resources import Delivery
from gateway.store import reading_deliveries as deliveries
from gateway.store.access import Principal
from gateway.store.audit import account_of, note
from gateway.store.deliveries import bury_deliveries, find_strays
from gateway.store.endpoints import find_endpoint
from gateway.store.engine import Store, Tx
from gateway.store.ids import shared_time as now
from gateway.store.outbox import DISABLED
from gateway.store.reading import Page, Position

DAY_MS = 86_400_000
_AT_ONCE = 500
_REMOVED = "the endpoint was removed"


async def list_deliveries(
    store: Store, admin: Principal, after: Position | None, limit: int, endpoint: str | None, state: str | None
) -> Page[Delivery]:
    """The account's deliveries, the newest event first."""
    return await store.read(
        lambda tx: deliveries.list_deliveries(tx, admin.account, after, limit, endpoint=endpoint, state=state)
    )


async def show_delivery(store: Store, admin: Principal, id: str) -> Delivery | None:
    """One delivery of the account."""
    return await store.read(lambda tx: deliveries.find_delivery(tx, admin.account, *deliveries.read_id(id)))


async def retry_delivery(store: Store, admin: Principal, id: str) -> Delivery | Taken | None:
    """Sends an event on its way again, whatever became of it; the delivery as it is then."""
    return await store.write(lambda tx: again(tx, admin, id), account=admin.account)


async def retry_dead(store: Store, admin: Principal, endpoint: str) -> int | Taken | None:
    """Sends all that was given up for an endpoint on its way again; how much it was."""
    total = 0
    while True:
        some = await store.write(lambda tx: some_again(tx, admin, endpoint), account=admin.account)
        if not isinstance(some, int):
            return some
        total += some
        if some == 0:
            return total


def again(tx: Tx, actor: Principal | int, id: str) -> Delivery | Taken | None:
    """As retry_delivery, in the transaction of a command."""
    account = account_of(actor)
    event, endpoint = deliveries.read_id(id)
    if deliveries.find_delivery(tx, account, event, endpoint) is None:
        return None
    refused = _disabled(tx, account, endpoint)
    if refused is None:
        note(tx, actor, "delivery.retried", id, now())
    return refused or deliveries.retry_delivery(tx, account, event, endpoint, now())


def some_again(tx: Tx, actor: Principal | int, endpoint: str) -> int | Taken | None:
    """Some of what was given up for an endpoint, in the transaction of a command; 0 when there is nothing left."""
    account = account_of(actor)
    if find_endpoint(tx, account, endpoint) is None:
        return None
    refused = _disabled(tx, account, endpoint)
    if refused is not None:
        return refused
    count = deliveries.retry_dead(tx, account, endpoint, now())
    if count:
        note(tx, actor, "deliveries.retried", endpoint, now(), count=count)
    return count


def list_some(tx: Tx, account: int, endpoint: str | None, state: str | None, limit: int) -> tuple[Delivery, ...]:
    """The newest deliveries, for a command."""
    return deliveries.list_deliveries(tx, account, None, limit, endpoint=endpoint, state=state).rows


async def drop_deliveries(store: Store, days: int) -> int:
    """Forgets what was delivered or given up longer ago, and gives up what waits for nobody; a bounded piece at a time,
    how much it was."""
    before = now() - days * DAY_MS
    dropped = await store.write(lambda tx: deliveries.drop_old_deliveries(tx, before, _AT_ONCE))
    return dropped + await give_up_strays(store)


async def give_up_strays(store: Store) -> int:
    """Gives up what waits for endpoints that were removed meanwhile; how much it was."""

    def give_up(tx: Tx) -> int:
        strays = find_strays(tx, _AT_ONCE)
        return sum(bury_deliveries(tx, one.account, one.endpoint, _REMOVED, now()) for one in strays)

    return await store.write(give_up)


def _disabled(tx: Tx, account: int, endpoint: str) -> Taken | None:
    found = find_endpoint(tx, account, endpoint)
    if found is None:
        return Taken("the endpoint was removed; make a new one, and read what it missed with /events?after=", endpoint)
    if found.state == DISABLED:
        return Taken(
            "the endpoint is disabled; first set its `state` to active (`smartgate endpoint set ID --state active`)",
            endpoint,
        )
    return None
