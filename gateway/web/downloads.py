"""Bytes of a stranger, handed over so that no browser acts on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse

_ACTIVE = re.compile(r"text/html|\S+[/+]xml|\S+/xhtml\S*|image/svg\S*|\S*(?:java|ecma)script\S*", re.I)
_TYPE = re.compile(r"[a-zA-Z0-9!#$&^_.+-]{1,100}/[a-zA-Z0-9!#$&^_.+-]{1,100}")
_UNSAFE_IN_NAME = re.compile(r"[\x00-\x1f\x7f/\\]")


def download(data: bytes | Iterator[bytes], filename: str, content_type: str) -> Response:
    """An attachment by its own type where that is harmless (RFC 6266; RFC 8187 for the name), whole or in pieces."""
    harmless = _TYPE.fullmatch(content_type) and not _ACTIVE.fullmatch(content_type)
    name = quote(_UNSAFE_IN_NAME.sub("_", filename)[:200] or "file", safe="", errors="replace")
    headers = {
        "Content-Type": content_type if harmless else "application/octet-stream",
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(data, headers=headers) if isinstance(data, bytes) else StreamingResponse(data, headers=headers)
