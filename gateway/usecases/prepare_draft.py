"""Prepare a reply, a reply to all or a forward: to whom it goes, what it is called, and what it quotes (rule E11)."""

from __future__ import annotations

from typing import Literal

from gateway.core.outgoing import Prepared
from gateway.core.refusals import Denied
from gateway.store.access import Principal
from gateway.store.blobs import Blobs
from gateway.store.engine import Store

How = Literal["reply", "reply_all", "forward"]


async def prepare(
    store: Store, blobs: Blobs, reader: Principal, how: How, id: str, domains: frozenset[str]
) -> Prepared | Denied | None:
    """A draft for an answer to a message, or to hand it on. domains: of the gateway.

    A reply to all keeps the account's smart address in Cc, so that the answer is filed as the first mail was. None:
    there is no such message. Denied: its reader may not open it.
    """
    raise NotImplementedError
