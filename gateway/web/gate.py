"""The gate of the API: who asks is known before a byte of the body is read, and no body is larger than it may be.

The framework reads a whole body before it asks who sent it; without a gate a stranger could fill our memory with one.
Plain ASGI, so that streams pass through unbuffered.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.usecases.edit_session import Principal, who_is
from gateway.web.problems import NOT_SIGNED_IN
from gateway.web.services import WebServices

JSON_BYTES = 1024 * 1024
"""What a body may have; only a mail to explain may have more, namely what a mail may have."""
_OPEN = ("/v1/docs", "/v1/openapi.json")
_MAIL = "/v1/explain"


class Gate:
    """Wraps the application; a route finds who asks by `reader_of`."""

    def __init__(self, app: ASGIApp, services: WebServices) -> None:
        self.app, self.services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if path.startswith("/v1/") and path not in _OPEN:
            reader = await self._reader(Headers(scope=scope).get("authorization", ""))
            if reader is None:
                await NOT_SIGNED_IN.response()(scope, receive, send)
                return
            scope = {**scope, "state": {**scope.get("state", {}), "reader": reader}}
        most = self.services.max_message_bytes if path == _MAIL else JSON_BYTES
        await self.app(scope, _at_most(most, receive), send)

    async def _reader(self, authorization: str) -> Principal | None:
        """The user a bearer token belongs to (RFC 6750 section 2.1)."""
        scheme, _, token = authorization.partition(" ")
        return await who_is(self.services.store, token.strip()) if scheme.lower() == "bearer" else None


def reader_of(request: Request) -> Principal | None:
    """Who asks, as the gate found out."""
    found: Principal | None = getattr(request.state, "reader", None)
    return found


def _at_most(most: int, receive: Receive) -> Receive:
    """The body as it comes, up to that many bytes; beyond them whoever reads it gives up with 413."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise HTTPException(413, f"The body is larger than {most:,} bytes.")
        return message

    return counted
