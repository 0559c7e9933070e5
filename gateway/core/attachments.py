"""The files of a message: what each is called, and those inside of a winmail.dat (RFC 2183, RFC 2387)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from gateway.core.header import read_header
from gateway.core.mime import Leaf, file_name
from gateway.core.tnef import TNEF_KINDS, Unwrapped, unwrap_tnef
from gateway.core.words import decode_words

_HEADER_OF_INNER = 16_384
_MOST_WRAPPED = 4
_ENDINGS = {
    "application/pdf": ".pdf",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/vcard": ".vcf",
}
_MESSAGES = frozenset(("message/rfc822", "message/global"))


@dataclass(frozen=True, slots=True)
class Attachment:
    """n: from 1, in the order of the MIME tree, then what stands inside of a winmail.dat. size: decoded bytes.

    content_id: what HTML refers to it by. inline: it is meant to be seen in the text (RFC 2183, RFC 2387).
    """

    n: int
    filename: str
    content_type: str
    size: int
    content_id: str | None = None
    inline: bool = False


def describe(n: int, leaf: Leaf) -> Attachment:
    """A part that is a file, named as its sender named it, else by its kind."""
    kind = leaf.kind or "application/octet-stream"
    name = leaf.filename or (_subject_of(leaf) if kind in _MESSAGES else f"part-{n}{_ENDINGS.get(kind, '')}")
    inline = leaf.content_id is not None and (leaf.related or leaf.disposition == "inline")
    return Attachment(n, name, kind, leaf.size, leaf.content_id, inline)


def _subject_of(leaf: Leaf) -> str:
    """An attached message is called by its subject; nothing else of it is read (C1)."""
    return message_name(read_header(leaf.content(_HEADER_OF_INNER)).first("subject") or b"")


def message_name(subject: bytes) -> str:
    """What an attached message with this Subject field is called."""
    text = decode_words(subject)
    name = file_name(text.replace("/", "-").replace("\\", "-").encode("utf-8", "replace"))
    return f"{name or 'message'}.eml"


def whole(message: bytes, n: int) -> Attachment:
    """The message itself as a file, where not all of its parts were read (B4b)."""
    return Attachment(n, "message.eml", "message/rfc822", len(message))


def inner_files(files: Iterable[Leaf], before: int, max_parts: int) -> list[tuple[Attachment, bytes]]:
    """The files inside of winmail.dat, numbered behind all others, at most as many as parts are read."""
    inner = [one for found in unwrapped(files, max_parts) for one in found.files]
    return [
        (Attachment(n, one.filename, one.content_type, len(one.data), one.content_id), one.data)
        for n, one in enumerate(inner[:max_parts], before + 1)
    ]


def unwrapped(files: Iterable[Leaf], max_parts: int) -> Iterator[Unwrapped]:
    """What stands in each winmail.dat, of the first few that there are."""
    wrapped = (leaf for leaf in files if leaf.kind in TNEF_KINDS or leaf.filename.lower() == "winmail.dat")
    return (unwrap_tnef(leaf.content(), most_files=max_parts) for leaf in islice(wrapped, _MOST_WRAPPED))
