"""What use cases share of the queue of outgoing mail: who may send from where, and a mail that is put into it (E11)."""

from __future__ import annotations

import secrets

from gateway.core.composing import Letter, compose
from gateway.core.mailboxes import DISCONNECTED, SHARED
from gateway.core.outgoing import NONE, QUEUED
from gateway.core.recipients import Person
from gateway.core.resources import Mailbox
from gateway.core.visibility import may_send
from gateway.sealing import Keyring
from gateway.store.access import Principal
from gateway.store.engine import Tx
from gateway.store.ids import new_id
from gateway.store.mailboxes import get_mailbox, list_mailboxes
from gateway.store.outgoing import Outgoing, add_outgoing

_MOST_SENDERS = 200


def find_senders(tx: Tx, reader: Principal) -> tuple[Mailbox, ...]:
    """The mailboxes that somebody may send from, their own first, the oldest before others."""
    page = list_mailboxes(tx, reader.account, reader.eyes, None, _MOST_SENDERS)
    found = [one for row, one in page.rows if one.can_send and may_send(reader.eyes, row.box)]
    return tuple(sorted(found, key=lambda one: (one.kind == SHARED, one.id)))


def new_message_id(address: str) -> str:
    """A Message-ID at the domain of a mailbox, which nobody can guess (RFC 5322 section 3.6.4)."""
    return f"<{secrets.token_hex(16)}@{address.rpartition('@')[2]}>"


def about_sealed(account: int, id: str) -> str:
    """What a sealed mail is bound to: its row."""
    return f"outgoing {account} {id}"


def send_link(
    tx: Tx, ring: Keyring, account: int, mailbox: str, to: str, subject: str, text: str, now: int, until: int
) -> bool:
    """Queues a mail of the program itself, such as a sign-in link: it is filed nowhere and stands on no card.

    mailbox: the id of the one it goes through. until: when it is worth nothing any more, ms since 1970; it is not tried
    beyond, and until then no copy of it is filed from a mailbox. What it says is sealed, and forgotten once it was
    sent. False: nothing can be sent through that mailbox.
    Raises SealError where there is no key.
    """
    row = get_mailbox(tx, account, mailbox)
    if row is None or row.state == DISCONNECTED or not row.can_send:
        return False
    id, message_id = new_id(), new_message_id(row.address)
    author, recipient = Person(row.address), Person(to)
    letter = Letter(author, (recipient,), (), subject, text, False, (), now, message_id, automatic=True)
    sealed = ring.seal(compose(letter), about_sealed(account, id))
    add_outgoing(tx, new_outgoing(account, id, mailbox, "", message_id, (to,), now, until, kept=NONE, sealed=sealed))
    return True


def new_outgoing(
    account: int,
    message: str,
    mailbox: str,
    user: str,
    message_id: str,
    recipients: tuple[str, ...],
    now: int,
    until: int,
    *,
    kept: str,
    sealed: bytes | None = None,
) -> Outgoing:
    """A mail that is to be sent at once."""
    return Outgoing(
        account=account,
        message=message,
        mailbox=mailbox,
        user=user,
        message_id=message_id,
        recipients=recipients,
        waiting=recipients,
        refused=(),
        state=QUEUED,
        error="",
        kept=kept,
        attempts=0,
        created_at=now,
        next_at=now,
        until=until,
        sent_at=None,
        holder=None,
        sealed=sealed,
    )
