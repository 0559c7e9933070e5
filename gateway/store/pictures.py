"""Whose remote pictures a user always wants to see, by the addresses of authors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.tables import picture_senders


def list_senders(tx: Connection, account: int, user: str) -> tuple[str, ...]:
    """The addresses that a user (id) chose, in the order of letters."""
    mine = (picture_senders.c.account == account, picture_senders.c.user == user)
    query = select(picture_senders.c.address).where(*mine)
    return tuple(sorted(tx.execute(query).scalars()))


def count_senders(tx: Connection, account: int, user: str) -> int:
    """How many addresses a user (id) chose."""
    mine = (picture_senders.c.account == account, picture_senders.c.user == user)
    return int(tx.execute(select(func.count()).select_from(picture_senders).where(*mine)).scalar_one())


def is_chosen(tx: Connection, account: int, user: str, address: str) -> bool:
    """Whether a user (id) chose an address."""
    mine = (picture_senders.c.account == account, picture_senders.c.user == user)
    query = select(picture_senders.c.address).where(*mine, picture_senders.c.address == address)
    return tx.execute(query).first() is not None


def add_sender(tx: Connection, account: int, user: str, address: str) -> None:
    """A user (id) wants to see the pictures of an address from now on."""
    dialect: Any = sqlite if tx.dialect.name == "sqlite" else postgresql
    row = {"account": account, "user": user, "address": address}
    tx.execute(dialect.insert(picture_senders).values(row).on_conflict_do_nothing())


def drop_senders(tx: Connection, account: int, addresses: Sequence[str], user: str | None = None) -> None:
    """Nobody, or of all users only one (id), wants to see the pictures of these addresses any more."""
    mine = [picture_senders.c.account == account, picture_senders.c.address.in_(tuple(addresses))]
    mine += [] if user is None else [picture_senders.c.user == user]
    tx.execute(delete(picture_senders).where(*mine))
