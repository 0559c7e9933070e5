"""Send a mail that somebody wrote here: filed at once, and put into the queue in the same transaction (rule E11)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.outgoing import Draft
from gateway.core.refusals import Away, Denied, Lost, Wrong
from gateway.core.resources import Mailbox, Message
from gateway.store.access import Principal
from gateway.store.engine import Store
from gateway.usecases.fetch_files import Files
from gateway.usecases.filing import FilingSettings


@dataclass(frozen=True, slots=True)
class SendSettings:
    """What sending takes from the settings. most_bytes: of a message, with its files as they are transferred."""

    filing: FilingSettings
    most_bytes: int = 35 * 1024 * 1024


async def send_mail(
    store: Store, files: Files, reader: Principal, draft: Draft, settings: SendSettings
) -> Message | Wrong | Denied | Lost | Away:
    """The message as it is filed, on its way out: its `sending` says how far it is.

    Wrong: a field of the draft, such as `to/0` or `mailbox`. Denied: the mailbox is known to the reader, who may not
    send from it. Lost, Away: a file of the mail that is forwarded can't be had, or not now.
    """
    raise NotImplementedError


async def retry_mail(store: Store, reader: Principal, id: str) -> Message | Denied | Wrong | None:
    """Puts a mail that failed into the queue again, for those it has not reached; None where there is none. Wrong
    (field `sending`): it has not failed."""
    raise NotImplementedError


async def cancel_mail(store: Store, reader: Principal, id: str) -> Message | Denied | Wrong | None:
    """Takes a mail out of the queue that nobody has in hand: it has failed then, as somebody took it back. Wrong (field
    `sending`): it is no longer in the queue."""
    raise NotImplementedError


async def list_senders(store: Store, reader: Principal) -> tuple[Mailbox, ...]:
    """The mailboxes that the reader may send from, their own first; a smart address is none of them."""
    raise NotImplementedError
