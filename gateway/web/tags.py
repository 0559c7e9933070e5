"""Entity tags: who asks again for what hasn't changed is told so in a few bytes, and who changes what has is stopped.

A tag is a hash of the answer's bytes (RFC 9110 section 8.8.3), so that it needs no version in the store and holds for
lists as for single resources. `If-Match` is judged in the transaction that changes (section 13.1.1).
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Annotated, Any, TypeAlias

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from gateway.core.resources import as_json

MOST_BYTES = 4 * 1024 * 1024
"""A larger answer gets no tag: it is passed on as it comes."""
_JSON = "application/json"


def tag_of(body: bytes) -> str:
    """The strong tag of an answer."""
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def body_of(route: APIRoute, value: object) -> bytes:
    """A resource as the bytes that a route answers with. Raises ValueError for one that the route doesn't give."""
    if route.response_field is None:
        raise ValueError(f"{route.path} answers with no resource")
    found, errors = route.response_field.validate(as_json(value), {}, loc=("response",))
    if errors:
        raise ValueError(f"{route.path} doesn't answer with a {type(value).__name__}")
    return route.response_field.serialize_json(found, by_alias=True)


class Tagged:
    """Passes an answer on with its tag; where the peer has it already, without its body (304)."""

    def __init__(self, send: Send, held: str) -> None:
        self._send, self._held = send, held
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_tagged(message):
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False) or len(self._body) > MOST_BYTES:
                await self._answer(more=message.get("more_body", False))

    async def _answer(self, *, more: bool) -> None:
        start, self._start = self._start, None
        assert start is not None
        if not more:
            tag, headers = tag_of(self._body), MutableHeaders(scope=start)
            headers["ETag"], headers["Cache-Control"] = tag, "private, no-cache"
            if start["status"] == 200 and _names(self._held, tag):
                del headers["Content-Length"], headers["Content-Type"]
                start["status"], self._body = 304, b""
        await self._send(start)
        await self._send({"type": "http.response.body", "body": self._body, "more_body": more})


def _is_tagged(start: Message) -> bool:
    kind = MutableHeaders(scope=start).get("content-type", "")
    return start["status"] in (200, 201) and kind.partition(";")[0] == _JSON


def _names(header: str, tag: str) -> bool:
    """Whether a list of tags has this one, or is `*`; weak ones count as strong ones (RFC 9110 section 13.1.2)."""
    return any(one.strip().removeprefix("W/") in ("*", tag) for one in header.split(","))


Unchanged: TypeAlias = Callable[[object], bool]
"""Whether a resource is still as whoever wants to change it has seen it."""


async def _unchanged(request: Request) -> Unchanged:
    wanted = ",".join(request.headers.getlist("if-match"))
    route: Any = request.scope["route"]

    def unchanged(value: object) -> bool:
        tags = [one.strip() for one in wanted.split(",")]
        return not wanted or "*" in tags or tag_of(body_of(route, value)) in tags

    return unchanged


IfMatch = Annotated[Unchanged, Depends(_unchanged)]
