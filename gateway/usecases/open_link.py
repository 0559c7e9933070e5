"""Open a link to an attachment that an event carried: whoever has it may, until its time is over."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
from collections.abc import Callable
from functools import partial

from gateway.core.attachments import Attachment
from gateway.core.body import attachment
from gateway.sealing import Keyring, SealError
from gateway.store.blobs import Blobs
from gateway.store.bodies import StoredBody, find_body, unpack
from gateway.store.engine import Store, Tx
from gateway.store.reading_mail import DELETED, FILED, HELD, find_message
from gateway.usecases.event_data import LINK

LONGEST = 500


async def open_link(
    store: Store, blobs: Blobs, rings: Callable[[], Keyring], link: str, *, parts: int, depth: int
) -> tuple[Attachment, bytes] | None:
    """The attachment; None for a link that is not ours or too old, and where the message is gone."""
    try:
        sealed = base64.b64decode(link + "=" * (-len(link) % 4), b"-_", validate=True)
        account, message, n, until = json.loads(rings().open(sealed, LINK))
    except (SealError, ValueError, binascii.Error):
        return None
    if time.time_ns() // 1_000_000 > until:
        return None

    def find(tx: Tx) -> StoredBody | None:
        there = find_message(tx, account, message, (FILED, HELD, DELETED)) is not None
        return find_body(tx, account, message) if there else None

    body = await store.read(find)
    if body is None:
        return None
    try:
        raw = await asyncio.to_thread(unpack, blobs, account, body)
    except FileNotFoundError:  # it was purged a moment ago, or lost
        return None
    return await asyncio.to_thread(partial(attachment, raw, n, max_parts=parts, max_depth=depth))
