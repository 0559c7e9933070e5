"""The data of an event: the API's resource as an admin sees it now, a message with its text and links to its files.

Read when the event is sent, not when it happened: nothing of anybody's mail is kept twice, and what was erased
meanwhile is told no more (docs/decisions/0017-events-are-told-as-things-are.md).
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.core.body import Content, content
from gateway.core.resources import Message, as_json
from gateway.sealing import Keyring
from gateway.store.blobs import Blobs
from gateway.store.bodies import StoredBody, unpack
from gateway.store.reading_events import Subjects, room_of

TEXT_CHARACTERS = 64 * 1024
"""So much of a message's text is sent, and of its HTML four times as much or none; the whole is one GET away."""
HTML_CHARACTERS = 4 * TEXT_CHARACTERS
LINK_DAYS = 7
LINK = "file link"
_DAY_MS = 86_400_000
_LARGE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Telling:
    """What telling takes from the settings. public_url: where links begin. domain: of the addresses that are shown.

    parts, depth: the bounds with which messages are read (B4b).
    """

    blobs: Blobs
    keyring: Callable[[], Keyring]
    public_url: Callable[[], str]
    domain: str
    parts: int = 1_000
    depth: int = 50


async def data_of(telling: Telling, account: int, subjects: Subjects, type: str, subject: str, now: int) -> Any:
    """The data of an event. What is gone is `{"id", "gone": true}`."""
    room = room_of(type)
    if room == "account" and subjects.account is not None:
        return as_json(subjects.account.shown(telling.domain))
    found = subjects.found.get((room, subject))
    if found is None:
        return {"id": subject, "gone": True}
    if isinstance(found, Message):
        return await _message(telling, account, found, subjects.bodies.get(subject), now)
    return as_json(found)


async def _message(telling: Telling, account: int, message: Message, body: StoredBody | None, now: int) -> Any:
    """As `GET /messages/{id}` shows it, its text within bounds; of one that an admin may not open, nothing but that it
    is there. truncated: which of its fields are not whole."""
    shown: dict[str, Any] = as_json(message)
    for file in shown["attachments"]:
        file["url"] = file_link(telling, account, message.id, file["n"], now)
    found = Content("", None)
    if body is not None:
        read = partial(_read, telling, account, body, f"{telling.public_url()}/v1/messages/{message.id}/attachments/")
        found = await asyncio.to_thread(read) if message_is_large(body) else read()
    text = as_json(found) | {"reply_text": found.reply_text}
    return shown | _bounded(text)


def message_is_large(body: StoredBody) -> bool:
    """Whether reading it may take longer than the event loop can spare."""
    return len(body.data) > _LARGE // 4 or body.codec == "file"


def _read(telling: Telling, account: int, body: StoredBody, files_at: str) -> Content:
    raw = unpack(telling.blobs, account, body)
    return content(raw, max_parts=telling.parts, max_depth=telling.depth, files_at=files_at, images=False)


def _bounded(text: Mapping[str, Any]) -> dict[str, Any]:
    cut = [name for name in ("text", "reply_text") if len(text[name]) > TEXT_CHARACTERS]
    bounded = {**text, **{name: text[name][:TEXT_CHARACTERS] for name in cut}}
    if cut:
        bounded["blocks"] = []
    if len(text["html"] or "") > HTML_CHARACTERS:
        cut.append("html")
        bounded["html"] = None
    return bounded | {"truncated": cut}


def file_link(telling: Telling, account: int, message: str, n: int, now: int) -> str:
    """A link to an attachment that works for some days, for whoever has it. It names nothing: it is sealed."""
    about = json.dumps([account, message, n, now + LINK_DAYS * _DAY_MS]).encode()
    sealed = base64.urlsafe_b64encode(telling.keyring().seal(about, LINK)).rstrip(b"=").decode()
    return f"{telling.public_url()}/files/{sealed}"
