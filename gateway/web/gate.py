"""The gate of the API: who asks is known before a byte of the body is read, and no body is larger than it may be.

The framework reads a whole body before it asks who sent it; without a gate a stranger could fill our memory with one.
Here stands also what holds for every call whatever its route: the limit of requests, tags of answers, and keys by which
a request is carried out once. Plain ASGI, so that streams pass through unbuffered.
"""

from __future__ import annotations

from hashlib import blake2b

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.usecases.edit_session import COOKIE, Principal, who_is, who_visits
from gateway.usecases.keep_answers import Answer, Once
from gateway.web.problems import NOT_SIGNED_IN, Problem
from gateway.web.requests import Requests
from gateway.web.services import WebServices
from gateway.web.tags import Tagged
from gateway.web.uses import Uses

JSON_BYTES = 1024 * 1024
"""What a body may have; only what is a mail, or becomes one, may have more. Of a page of the console only for somebody
who is signed in."""
MOST_KEY = 255
_OPEN = ("/v1/docs", "/v1/openapi.json")
_LARGE = {"/v1/explain": 1.0, "/v1/messages": 1.5, "/tester": 1.5, "/compose": 1.5}
"""What may have as much as a mail, and some more where files are written in a longer form."""
_SAFE = ("GET", "HEAD", "OPTIONS")


class Gate:
    """Wraps the application; a route finds who asks by `reader_of`."""

    def __init__(self, app: ASGIApp, services: WebServices) -> None:
        self.app, self.services = app, services
        self._requests = Requests(services.requests, spare_loopback=services.spare_loopback)
        self._uses = Uses(services.store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        body = _Body(receive, JSON_BYTES)
        if path in _LARGE and (path.startswith("/v1/") or await self._visits(scope)):
            body = _Body(receive, int(self.services.max_message_bytes * _LARGE[path]))
        if not path.startswith("/v1/") or path in _OPEN:
            await self.app(scope, body.receive, send)
            return
        headers = Headers(scope=scope)
        reader = await self._reader(headers.get("authorization", ""))
        if reader is None:
            await NOT_SIGNED_IN.response()(scope, receive, send)
            return
        send = self._requests.told(scope, reader.token, send)
        if (refused := self._requests.take(scope, reader.token)) is not None:
            await refused.response()(scope, receive, send)
            return
        self._uses.note(reader)
        await self._pass(scope, headers, reader, body, send)

    async def _visits(self, scope: Scope) -> bool:
        """Whether somebody is signed in."""
        session = Request(scope).cookies.get(COOKIE)
        return session is not None and await who_visits(self.services.store, session) is not None

    async def _pass(self, scope: Scope, headers: Headers, reader: Principal, body: _Body, send: Send) -> None:
        state = {**scope.get("state", {}), "reader": reader}
        key = headers.get("idempotency-key")
        if scope["method"] in _SAFE:
            send = Tagged(send, ",".join(headers.getlist("if-none-match"))).send
        elif key is not None:
            if not (0 < len(key) <= MOST_KEY and key.isascii() and key.isprintable()):
                await _NO_KEY.response()(scope, body.receive, send)
                return
            services, asked = self.services, _asked(scope, headers, reader)
            once = Once(services.store, services.answers, reader.account, key, lambda: asked + body.hash.digest())
            state["once"] = once
            send = _Keeping(once, Tagged(send, "").send).send
        else:
            send = Tagged(send, "").send
        await self.app({**scope, "state": state}, body.receive, send)

    async def _reader(self, authorization: str) -> Principal | None:
        """The user a bearer token belongs to (RFC 6750 section 2.1)."""
        scheme, _, token = authorization.partition(" ")
        return await who_is(self.services.store, token.strip()) if scheme.lower() == "bearer" else None


_NO_KEY = Problem(422, f"`Idempotency-Key` takes 1 to {MOST_KEY} printable ASCII characters.")


def reader_of(request: Request) -> Principal | None:
    """Who asks, as the gate found out."""
    found: Principal | None = getattr(request.state, "reader", None)
    return found


def once_of(request: Request) -> Once | None:
    """The store as this request sees it, where it is to be carried out once."""
    found: Once | None = getattr(request.state, "once", None)
    return found


def _asked(scope: Scope, headers: Headers, reader: Principal) -> bytes:
    """What tells a request apart from others under the same key, its body left out."""
    parts = (reader.user, scope["method"], scope["path"], scope["query_string"].decode("latin-1"))
    return blake2b("\0".join((*parts, headers.get("if-match", ""))).encode(), digest_size=32).digest()


class _Body:
    """The body as it comes, up to so many bytes; beyond them whoever reads it gives up with 413. hash: of what came."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most = receive, most
        self._size = 0
        self.hash = blake2b(digest_size=32)

    async def receive(self) -> Message:
        message = await self._receive()
        data = message.get("body", b"")
        self._size += len(data)
        if self._size > self._most:
            raise HTTPException(413, f"The body is larger than {self._most:,} bytes.")
        self.hash.update(data)
        return message


class _Keeping:
    """Passes on an answer that succeeded once it is kept."""

    def __init__(self, once: Once, send: Send) -> None:
        self._once, self._send = once, send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and 200 <= message["status"] < 300 and not self._once.kept:
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._once.keep(Answer(self._start["status"], self._body))
                await self._send(self._start)
                await self._send({"type": "http.response.body", "body": self._body})
