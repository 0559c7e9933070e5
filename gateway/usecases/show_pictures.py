"""Whose remote pictures a reader always wants to see: chosen at a mail, and taken back."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.pictures import MOST_SENDERS, author_key, is_proven
from gateway.core.refusals import Denied
from gateway.core.resources import Message
from gateway.store import pictures
from gateway.store.access import Principal
from gateway.store.engine import Store, Tx
from gateway.store.reading_mail import find_message
from gateway.store.reading_receipts import find_first_attempts

_NOT_PROVEN = "Nothing proves who sent this mail, so its pictures can be shown this once, but not always."
_LOCKED = "Only who may open this mail may choose whether its pictures are shown."
_MANY = f"You chose {MOST_SENDERS:,} senders already; take one of them back first."


@dataclass(frozen=True, slots=True)
class Pictures:
    """What holds for the remote pictures of a mail. address: the author's. proven: that it is theirs. always: the
    reader chose to see them, and it is proven."""

    address: str | None
    proven: bool
    always: bool


async def pictures_of(store: Store, reader: Principal, message: Message) -> Pictures:
    """What holds for the remote pictures of a mail that its reader may open."""
    return await store.read(lambda tx: _find(tx, reader, message))


async def choose_sender(store: Store, reader: Principal, id: str) -> Pictures | Denied | None:
    """From now on the reader sees the remote pictures of whoever wrote this mail (id)."""

    def choose(tx: Tx) -> Pictures | Denied | None:
        message = find_message(tx, reader.account, id, eyes=reader.eyes)
        if message is None:
            return None
        if message.locked:
            return Denied(_LOCKED)
        found = _find(tx, reader, message)
        if found.address is None or not found.proven:
            return Denied(_NOT_PROVEN)
        if pictures.count_senders(tx, reader.account, reader.user) >= MOST_SENDERS:
            return Denied(_MANY)
        pictures.add_sender(tx, reader.account, reader.user, found.address)
        return found

    return await store.write(choose, account=reader.account)


async def list_senders(store: Store, reader: Principal) -> tuple[str, ...]:
    """The addresses whose pictures the reader always sees."""
    return await store.read(lambda tx: pictures.list_senders(tx, reader.account, reader.user))


async def forget_sender(store: Store, reader: Principal, address: str) -> None:
    """From now on the reader decides again, mail by mail."""
    await store.write(
        lambda tx: pictures.drop_senders(tx, reader.account, (address,), reader.user), account=reader.account
    )


def _find(tx: Tx, reader: Principal, message: Message) -> Pictures:
    attempt = find_first_attempts(tx, reader.account, [message.id]).get(message.id)
    proven = is_proven(message, attempt.receipt.decision.get("authentic") if attempt is not None else None)
    address = author_key(message)
    chosen = address is not None and pictures.is_chosen(tx, reader.account, reader.user, address)
    return Pictures(address, proven, chosen and proven)
