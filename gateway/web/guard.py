"""What stands around every route: security headers, HEAD, the Origin of writes, and a fault that stays inside.

Plain ASGI, so that streams pass through unbuffered.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.web.tongues import speak, wanted

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_BODILESS_ROUTES = ("/sign-in/", "/mailboxes/consent/back", "/feed")
_SECRET = ("/sign-in/", "/files/")
"""Paths that end in a secret."""
_ENDLESS = "/live"
"""Paths whose HEAD is no GET without a body: they do something, or never end."""

Answer = Callable[[Request, int], Response]
RETRY_SECONDS = "5"


class Guard:
    """Wraps the application. answer: makes the answer for a status we give ourselves (403, 500, 503).

    is_passing: whether a fault is trouble that passes, such as a locked store, so that it is worth asking again.
    """

    def __init__(
        self,
        app: ASGIApp,
        answer: Answer,
        own_origin: Callable[[], str],
        is_passing: Callable[[Exception], bool],
    ) -> None:
        self.app, self.answer, self.own_origin, self.is_passing = app, answer, own_origin, is_passing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        head = scope["method"] == "HEAD" and not scope["path"].startswith(_BODILESS_ROUTES)
        head = head and not scope["path"].endswith(_ENDLESS)
        if head:
            scope = {**scope, "method": "GET"}
        reply = _Reply(send, head=head)
        speak(wanted(Headers(scope=scope).get("accept-language", "")))
        if self._is_foreign(scope):
            await self.answer(Request(scope), 403)(scope, receive, reply.send)
            return
        try:
            await self.app(scope, receive, reply.send)
        except Exception as fault:
            passing = self.is_passing(fault)
            log, path = structlog.get_logger(), _told(scope["path"])
            if passing:
                log.warning("web.put_off", method=scope["method"], path=path, reason=str(fault)[:200])
            else:
                log.exception("web.failed", method=scope["method"], path=path)
            if reply.begun:
                raise
            response = self.answer(Request(scope), 503 if passing else 500)
            if passing:
                response.headers["Retry-After"] = RETRY_SECONDS
            await response(scope, receive, reply.send)

    def _is_foreign(self, scope: Scope) -> bool:
        """A write that another site made the browser send. The API is asked with a token, never with a cookie."""
        if scope["method"] in ("GET", "HEAD", "OPTIONS") or scope["path"].startswith("/v1/"):
            return False
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") not in ("same-origin", "none")
        host = _host(origin)
        return not (host and host == headers.get("host")) and origin != _origin(self.own_origin())


class _Reply:
    """Passes an answer on, with the headers every answer has; without its body for HEAD."""

    def __init__(self, send: Send, *, head: bool) -> None:
        self._send, self._head, self.begun = send, head, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        elif self._head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


def _host(origin: str) -> str:
    """Host and port of an origin; empty for what is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _told(path: str) -> str:
    """A path as the log may know it: what of it lets somebody in stays out."""
    return next((f"{secret}…" for secret in _SECRET if path.startswith(secret)), path)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
