"""Endpoints: who wants to be told of events, where, and in what state that is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from gateway.core.resources import Endpoint
from gateway.store.outbox import DISABLED, endpoints, lanes, ledger
from gateway.store.prepared import Prepared

ACTIVE = "active"
WEBHOOK = "webhook"


def about_secret(account: int, id: str) -> str:
    """What the secrets of an endpoint are sealed for: its row and no other."""
    return f"endpoints/{account}/{id}/secret"


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint with its credentials, sealed. kind: names the adapter. types: of events, none for all.

    former_secret: until `former_until` it is used beside the new one. paused_until: nothing is tried before.
    """

    account: int
    id: str
    kind: str
    url: str
    types: tuple[str, ...]
    state: str
    created_at: int
    secret: bytes | None = None
    former_secret: bytes | None = None
    former_until: int | None = None
    reason: str = ""
    paused_until: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> Endpoint:
        """As the API shows it."""
        return Endpoint(self.id, self.kind, self.url, self.types, self.state, self.reason, self.created_at)


_COLUMNS = tuple(endpoints.c)
_FIND = Prepared(select(*_COLUMNS).where(endpoints.c.account == bindparam("of"), endpoints.c.id == bindparam("which")))


def find_endpoint(tx: Connection, account: int, id: str) -> EndpointRow | None:
    """One endpoint of the account."""
    rows = _FIND.all(tx, of=account, which=id)
    return _row(rows[0]) if rows else None


def list_endpoints(tx: Connection, account: int, kind: str | None = WEBHOOK) -> list[EndpointRow]:
    """The account's endpoints of a kind, the newest first; None for every kind."""
    query = select(*_COLUMNS).where(endpoints.c.account == account)
    if kind is not None:
        query = query.where(endpoints.c.kind == kind)
    return [_row(tuple(row)) for row in tx.execute(query.order_by(endpoints.c.id.desc()))]


def list_back_ends(tx: Connection) -> list[EndpointRow]:
    """Every CRM that any account has connected, and that is not disabled."""
    query = select(*_COLUMNS).where(endpoints.c.kind != WEBHOOK, endpoints.c.state != DISABLED)
    return [_row(tuple(row)) for row in tx.execute(query.order_by(endpoints.c.account, endpoints.c.id))]


def list_sealed(tx: Connection, most: int) -> list[EndpointRow]:
    """Endpoints of any account that have a secret, the newest first."""
    query = select(*_COLUMNS).where(endpoints.c.secret.is_not(None))
    return [_row(tuple(row)) for row in tx.execute(query.order_by(endpoints.c.id.desc()).limit(most))]


def add_endpoint(tx: Connection, row: EndpointRow) -> None:
    """Writes a new endpoint."""
    tx.execute(insert(endpoints).values(_values(row)))


def set_endpoint(tx: Connection, row: EndpointRow) -> None:
    """Writes an endpoint anew."""
    tx.execute(
        update(endpoints).where(endpoints.c.account == row.account, endpoints.c.id == row.id).values(_values(row))
    )


def wake_lanes(tx: Connection, account: int, id: str, now: int) -> None:
    """Brings what waits for a later try forward, as somebody has mended the other side."""
    mine = (lanes.c.account == account, lanes.c.endpoint == id, lanes.c.holder.is_(None))
    tx.execute(update(lanes).where(*mine, lanes.c.next_at > now).values(next_at=now))


def remove_endpoint(tx: Connection, account: int, id: str) -> None:
    """Takes an endpoint away with all that its adapter remembered. What became of its deliveries stays for a while."""
    for table in (lanes, ledger):
        tx.execute(delete(table).where(table.c.account == account, table.c.endpoint == id))
    tx.execute(delete(endpoints).where(endpoints.c.account == account, endpoints.c.id == id))


def _row(row: tuple[Any, ...]) -> EndpointRow:
    values = {column.name: value for column, value in zip(_COLUMNS, row, strict=True)}
    values["types"] = tuple(json.loads(values["types"]))
    values["options"] = json.loads(values["options"])
    return EndpointRow(**values)


def _values(row: EndpointRow) -> dict[str, Any]:
    values = {column.name: getattr(row, column.name) for column in _COLUMNS}
    return {**values, "types": json.dumps(row.types), "options": json.dumps(dict(row.options))}
