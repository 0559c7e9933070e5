"""Open a link to an attachment that an event carried: whoever has it may, until its time is over."""

from __future__ import annotations

import base64
import binascii
import json
import time

from gateway.core.refusals import Away, Lost
from gateway.sealing import SealError
from gateway.store.deletions import DELETED, FILED
from gateway.store.reading_mail import HELD
from gateway.usecases.event_data import LINK
from gateway.usecases.fetch_files import Files, Handed, find_opened

LONGEST = 500


async def open_link(files: Files, link: str) -> Handed | Lost | Away | None:
    """The attachment; None for a link that is not ours or too old, and where the message is gone, or is no longer one
    that an admin may open."""
    try:
        sealed = base64.b64decode(link + "=" * (-len(link) % 4), b"-_", validate=True)
        account, message, n, until = json.loads(files.keyring().open(sealed, LINK))
    except (SealError, ValueError, binascii.Error):
        return None
    if time.time_ns() // 1_000_000 > until:
        return None
    opened = await files.store.read(lambda tx: find_opened(tx, account, message, (FILED, HELD, DELETED)))
    if opened is None or opened.shown.n is None:
        return None
    try:
        return await files.attachment(account, opened, n)
    except FileNotFoundError:  # it was purged a moment ago, or lost
        return None
