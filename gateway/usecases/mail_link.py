"""Mail somebody a one-time link to sign in with, through the mailbox their account has chosen for that.

Nobody learns by it who is a user: whatever was done, or not, the door answers the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from gateway.sealing import Keyring
from gateway.store.access import LIVES, drop_token, find_principal, issue_token
from gateway.store.accounts import find_account, find_user
from gateway.store.audit import note
from gateway.store.engine import Store, Tx
from gateway.store.mailbox_reading import find_link_sender

LIFE = LIVES["sign_in"] or 0


class SendLink(Protocol):
    """Queues a mail of the program itself in the transaction it is given; False where nothing can be sent through that
    mailbox. until: when it is worth nothing any more."""

    def __call__(
        self, tx: Tx, ring: Keyring, account: int, mailbox: str, to: str, subject: str, text: str, now: int, until: int
    ) -> bool: ...


Letter = Callable[[str, str, str], tuple[str, str]]
"""Writes the mail: its subject and text, from a name, the link's secret and a language."""


async def mail_link(store: Store, ring: Keyring, send: SendLink, slug: str, email: str, letter: Letter) -> bool:
    """Whether a link is on its way: False for somebody who is no user, or whose account mails no links."""

    def queue(tx: Tx) -> bool:
        account = find_account(tx, slug)
        user = None if account is None else find_user(tx, account.number, email)
        if account is None or user is None or not account.link_mailbox:
            return False
        mailbox, now = find_link_sender(tx, account.number, account.link_mailbox), time.time_ns() // 1_000_000
        if mailbox is None:
            return False
        secret = issue_token(tx, account.number, user.id, "sign_in", now)
        subject, text = letter(user.name, secret, user.language)
        who = find_principal(tx, secret, "sign_in", now)
        if who is None or not send(tx, ring, account.number, mailbox, user.email, subject, text, now, now + LIFE):
            drop_token(tx, secret, "sign_in")
            return False
        note(tx, who, "link.mailed", user.id, now)
        return True

    return await store.write(queue)
