"""Set up who is told of events: make, change, rotate, test and remove endpoints. Admins only; the door has checked.

Functions take the transaction they work in, and the number of the account, for the command line; those for the API
open their own.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from crm_adapter.events import TYPES
from crm_adapter.targets import Resolve, TargetError, judged, look_up, read_url
from gateway.core.refusals import Taken, Wrong
from gateway.core.resources import Delivery, Endpoint
from gateway.sealing import Keyring, SealError
from gateway.store import endpoints as store_of
from gateway.store.access import Principal
from gateway.store.audit import account_of, note
from gateway.store.deliveries import bury_deliveries
from gateway.store.endpoints import ACTIVE, WEBHOOK, EndpointRow, find_endpoint
from gateway.store.engine import Store, Tx
from gateway.store.ids import new_id
from gateway.store.ids import shared_time as now
from gateway.store.outbox import DISABLED, TEST, add_deliveries, add_events
from gateway.store.reading import Page, Position
from gateway.store.reading_deliveries import find_delivery

MOST = 50
"""Endpoints of one account."""
LOOKED_INTO = 1_000
"""Secrets that are tried, at most, to learn whether a machine has the right key."""
OVERLAP_HOURS = 24
"""So long both secrets sign after a new one was made."""
_SECRET_BYTES = 24
_REMOVED = "the endpoint was removed"


@dataclass(frozen=True, slots=True)
class Opened:
    """An endpoint with its secret, which is shown this once."""

    endpoint: Endpoint
    secret: str


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What is to be changed; None leaves it. types: none for all. state: active or disabled."""

    url: str | None = None
    types: tuple[str, ...] | None = None
    state: str | None = None


async def check_url(url: str, *, private: bool, resolve: Resolve = look_up) -> Wrong | None:
    """What is wrong with a URL, where it leads now included. A name without an address may get one: no fault yet."""
    try:
        await judged(read_url(url), resolve, private=private)
    except TargetError as fault:
        return Wrong("url", str(fault))
    return None


def check_change(change: EndpointChange) -> Wrong | None:
    """What is wrong with the fields that need no look-up."""
    for n, type in enumerate(change.types or ()):
        if type not in TYPES:
            return Wrong(f"types/{n}", f"{type[:80]!a} is no type of event; allowed: {', '.join(TYPES)}")
    if change.state not in (None, ACTIVE, DISABLED):
        return Wrong("state", f"{str(change.state)[:80]!a} is not allowed; allowed: {ACTIVE}, {DISABLED}")
    return None


def add_endpoint(tx: Tx, actor: Principal | int, change: EndpointChange, ring: Keyring) -> Opened | Taken:
    """A new webhook; its fields were checked. Raises SealError where secrets can't be kept."""
    account = account_of(actor)
    if len(store_of.list_endpoints(tx, account)) >= MOST:
        return Taken(f"the account has {MOST} endpoints, which is the most; remove one first", "")
    id, secret = new_id(), _new_secret()
    row = EndpointRow(
        account,
        id,
        WEBHOOK,
        read_url(change.url or "").url,
        tuple(dict.fromkeys(change.types or ())),
        change.state or ACTIVE,
        now(),
        secret=ring.seal(secret.encode(), store_of.about_secret(account, id)),
    )
    store_of.add_endpoint(tx, row)
    note(tx, actor, "endpoint.added", id, now(), host=_host(row))
    return Opened(row.shown, secret)


def list_endpoints(tx: Tx, account: int) -> tuple[Endpoint, ...]:
    """The account's webhooks, the newest first."""
    return tuple(row.shown for row in store_of.list_endpoints(tx, account))


def count_locked(tx: Tx, keys: Callable[[], Keyring]) -> int:
    """How many of the newest endpoints of all accounts have a secret that these keys don't open.

    keys: asked only where there is a secret, as asking may make a key file.
    """
    sealed = store_of.list_sealed(tx, LOOKED_INTO)
    return sum(not _opens(row, keys) for row in sealed)


def _opens(row: EndpointRow, keys: Callable[[], Keyring]) -> bool:
    try:
        return bool(keys().open(row.secret or b"", store_of.about_secret(row.account, row.id)))
    except SealError:
        return False


def change_endpoint(tx: Tx, actor: Principal | int, id: str, change: EndpointChange) -> Endpoint | None:
    """The endpoint as it is then. Made active, it is tried at once; what it missed while disabled comes by no retry."""
    account = account_of(actor)
    found = _webhook(tx, account, id)
    if found is None:
        return None
    row = replace(
        found,
        url=found.url if change.url is None else read_url(change.url).url,
        types=found.types if change.types is None else tuple(dict.fromkeys(change.types)),
    )
    if change.state is not None or row.url != found.url:
        state = change.state or (found.state if found.state == DISABLED else ACTIVE)
        row = replace(row, state=state, reason="", paused_until=None)
    store_of.set_endpoint(tx, row)
    note(tx, actor, "endpoint.changed", id, now(), host=_host(row), state=row.state)
    if row.state == ACTIVE:
        store_of.wake_lanes(tx, account, id, now())
    return row.shown


def rotate_secret(tx: Tx, actor: Principal | int, id: str, ring: Keyring) -> Opened | None:
    """A new secret; the former one signs as well for a day."""
    account = account_of(actor)
    found = _webhook(tx, account, id)
    if found is None:
        return None
    secret = _new_secret()
    row = replace(
        found,
        secret=ring.seal(secret.encode(), store_of.about_secret(account, id)),
        former_secret=found.secret,
        former_until=now() + OVERLAP_HOURS * 3_600_000,
    )
    store_of.set_endpoint(tx, row)
    note(tx, actor, "endpoint.rotated", id, now(), host=_host(row))
    return Opened(row.shown, secret)


def try_endpoint(tx: Tx, actor: Principal | int, id: str) -> Delivery | Taken | None:
    """Puts a test event on its way to this endpoint alone, whatever types it wants."""
    account = account_of(actor)
    found = _webhook(tx, account, id)
    if found is None:
        return None
    if found.state == DISABLED:
        return _disabled(id)
    event = new_id()
    row = {"account": account, "id": event, "type": TEST, "at": now(), "subject": id, "conversation": None}
    add_events(tx, [row])
    add_deliveries(tx, [({**row, "conversation": event}, id)])  # it waits for nobody
    note(tx, actor, "endpoint.tested", id, now(), host=_host(found))
    return find_delivery(tx, account, event, id)


def remove_some(tx: Tx, actor: Principal | int, id: str) -> bool | None:
    """Takes an endpoint away, giving up what was on its way to it some at a time: False as long as something is left.

    None when the account has no such webhook.
    """
    account = account_of(actor)
    found = _webhook(tx, account, id)
    if found is None:
        return None
    store_of.set_endpoint(tx, replace(found, state=DISABLED, reason=_REMOVED, paused_until=None))
    if bury_deliveries(tx, account, id, _REMOVED, now()):
        return False
    store_of.remove_endpoint(tx, account, id)
    note(tx, actor, "endpoint.removed", id, now(), host=_host(found))
    return True


async def show_endpoints(store: Store, admin: Principal, after: Position | None, limit: int) -> Page[Endpoint]:
    """The account's webhooks, the newest first."""

    def page(tx: Tx) -> Page[Endpoint]:
        rows = [one for one in list_endpoints(tx, admin.account) if after is None or one.id < after[0]]
        return Page(tuple(rows[:limit]), (rows[limit - 1].id,) if len(rows) > limit else None)

    return await store.read(page)


async def show_endpoint(store: Store, admin: Principal, id: str) -> Endpoint | None:
    """One webhook of the account."""
    found = await store.read(lambda tx: _webhook(tx, admin.account, id))
    return found.shown if found is not None else None


async def make_endpoint(
    store: Store, admin: Principal, change: EndpointChange, ring: Keyring, *, private: bool
) -> Opened | Wrong | Taken:
    """A new webhook, its URL looked into."""
    wrong = check_change(change) or await check_url(change.url or "", private=private)
    if wrong is not None:
        return wrong
    return await store.write(lambda tx: add_endpoint(tx, admin, change, ring), account=admin.account)


async def edit_endpoint(
    store: Store, admin: Principal, id: str, change: EndpointChange, *, private: bool
) -> Endpoint | Wrong | None:
    """Changes what is sent; the endpoint as it is then."""
    wrong = check_change(change)
    if wrong is None and change.url is not None:
        wrong = await check_url(change.url, private=private)
    if wrong is not None:
        return wrong
    return await store.write(lambda tx: change_endpoint(tx, admin, id, change), account=admin.account)


async def drop_endpoint(store: Store, admin: Principal, id: str) -> bool:
    """False when the account has no such webhook."""
    while True:
        done = await store.write(lambda tx: remove_some(tx, admin, id), account=admin.account)
        if done is not False:
            return bool(done)


async def renew_secret(store: Store, admin: Principal, id: str, ring: Keyring) -> Opened | None:
    """A new secret for a webhook."""
    return await store.write(lambda tx: rotate_secret(tx, admin, id, ring), account=admin.account)


async def send_test(store: Store, admin: Principal, id: str) -> Delivery | Taken | None:
    """The delivery of a test event."""
    return await store.write(lambda tx: try_endpoint(tx, admin, id), account=admin.account)


def _webhook(tx: Tx, account: int, id: str) -> EndpointRow | None:
    found = find_endpoint(tx, account, id)
    return found if found is not None and found.kind == WEBHOOK else None


def _host(row: EndpointRow) -> str:
    """Where it leads, without what a URL may hold in secret."""
    return read_url(row.url).host


def _disabled(id: str) -> Taken:
    return Taken(
        "the endpoint is disabled; first set its `state` to active (`smartgate endpoint set ID --state active`)",
        id,
    )


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
