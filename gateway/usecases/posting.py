"""What use cases share of the queue of outgoing mail: a mail is put into it in the commit of what it tells of."""

from __future__ import annotations

from gateway.sealing import Keyring
from gateway.store.engine import Tx


def send_link(
    tx: Tx, ring: Keyring, account: int, mailbox: str, to: str, subject: str, text: str, now: int, until: int
) -> bool:
    """Queues a mail of the program itself, such as a sign-in link: it is filed nowhere and stands on no card.

    mailbox: the id of the one it goes through. until: when it is worth nothing any more, ms since 1970; it is not tried
    beyond. What it says is sealed, and forgotten once it was sent. False: nothing can be sent through that mailbox.
    """
    raise NotImplementedError
