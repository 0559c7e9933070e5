"""Connect an account to its CRM, show which it is, and disconnect it. Admins only; the door has checked.

A CRM that is disconnected keeps what was remembered of it, without any credential: connected again, it goes on without
making anything twice, also where the account there got another address. Another account is another CRM, which knows
nothing of the former one.
"""

from __future__ import annotations

from dataclasses import replace

from crm_adapter.kommo import SOURCE, TYPES
from crm_adapter.kommo_auth import PAIR
from crm_adapter.kommo_connect import Connected, ConnectError, Wish, connect
from gateway.core.refusals import Wrong
from gateway.core.resources import Crm
from gateway.sealing import Keyring
from gateway.store import endpoints as store_of
from gateway.store.access import Principal
from gateway.store.audit import account_of, note
from gateway.store.endpoints import ACTIVE, EndpointRow, about_secret
from gateway.store.engine import Store, Tx
from gateway.store.ids import new_id
from gateway.store.ids import shared_time as now
from gateway.store.ledger import Entry, drop_entry, set_value
from gateway.store.outbox import DISABLED

__all__ = [
    "ConnectError",
    "Connected",
    "Wish",
    "connect",
    "connect_crm",
    "disconnect_crm",
    "drop",
    "put",
    "show",
    "show_crm",
]
EMBEDDED = Crm("embedded", "embedded", None, None, None, "ready", "", None)
"""What an account works in that has connected nothing."""
READY = "ready"
_PASSING = ("pause", "site", "drive")
"""What is remembered of how a CRM was disposed; not of what was made in it."""


def show_crm(tx: Tx, account: int) -> Crm:
    """The CRM of an account; never a secret of it."""
    row = _row(tx, account)
    return EMBEDDED if row is None or row.state == DISABLED else _shown(row)


def connect_crm(tx: Tx, actor: Principal | int, found: Connected, ring: Keyring) -> Crm:
    """Connects a CRM that has let us in. What waits for it is tried at once. Raises SealError."""
    account = account_of(actor)
    before, at = _row(tx, account), now()
    if before is not None and before.options.get("id") != found.id:
        store_of.remove_endpoint(tx, account, before.id)
        before = None
    id = before.id if before is not None else new_id()
    row = EndpointRow(
        account,
        id,
        SOURCE,
        found.url,
        TYPES,
        ACTIVE,
        at,
        secret=ring.seal(found.credentials.encode(), about_secret(account, id)),
        options={"auth": found.auth, "id": found.id, "account": found.name},
    )
    (store_of.add_endpoint if before is None else store_of.set_endpoint)(tx, row)
    for key in _PASSING:
        set_value(tx, Entry(account, id, key), None)
    pair = Entry(account, id, PAIR)
    drop_entry(tx, pair)
    if found.pair is not None:
        set_value(tx, pair, ring.seal(found.pair.dump().encode(), pair.about))
    store_of.wake_lanes(tx, account, id, at)
    note(tx, actor, "crm.connected", id, at, kind=SOURCE, name=found.name)
    return _shown(row)


def disconnect_crm(tx: Tx, actor: Principal | int) -> bool:
    """Tells the CRM nothing any more, and forgets its credentials. False where none is connected."""
    account = account_of(actor)
    row = _row(tx, account)
    if row is None or row.state == DISABLED:
        return False
    store_of.set_endpoint(tx, replace(row, state=DISABLED, reason="", paused_until=None, secret=None))
    drop_entry(tx, Entry(account, row.id, PAIR))
    note(tx, actor, "crm.disconnected", row.id, now(), kind=row.kind, name=row.options.get("account", ""))
    return True


async def show(store: Store, reader: Principal) -> Crm:
    """The CRM of the reader's account."""
    return await store.read(lambda tx: show_crm(tx, reader.account))


async def put(store: Store, admin: Principal, wish: Wish, ring: Keyring, *, private: bool) -> Crm | Wrong:
    """Tries a CRM and connects it. Raises SealError where its credentials can't be kept."""
    try:
        found = await connect(wish, private=private)
    except ConnectError as fault:
        return Wrong(fault.field, str(fault))
    return await store.write(lambda tx: connect_crm(tx, admin, found, ring), account=admin.account)


async def drop(store: Store, admin: Principal) -> None:
    """Disconnects what is connected."""
    await store.write(lambda tx: disconnect_crm(tx, admin), account=admin.account)


def _row(tx: Tx, account: int) -> EndpointRow | None:
    return next(iter(store_of.list_endpoints(tx, account, SOURCE)), None)


def _shown(row: EndpointRow) -> Crm:
    return Crm(
        row.id,
        row.kind,
        row.url,
        row.options.get("account"),
        row.options.get("auth"),
        READY if row.state == ACTIVE else row.state,
        row.reason,
        row.created_at,
    )
