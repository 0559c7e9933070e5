"""How many requests a token may make, and telling whoever makes them how many are left (RFC 6585 section 4).

All workers of a server count together, in memory they share; several machines each count for themselves, since a count
in the store would be a write a request.
"""

from __future__ import annotations

import math
from ipaddress import ip_address
from typing import Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Scope, Send

from gateway.web.problems import Problem

SECONDS = 10
"""In so many seconds a token may make so many requests as the settings say."""
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


class Counted(Protocol):
    """Token buckets that refill within SECONDS (`gateway.counting`)."""

    capacity: float

    def level(self, key: str) -> float: ...
    def take(self, key: str) -> float: ...


class Requests:
    """The limit of requests. counted: None for no limit."""

    def __init__(self, counted: Counted | None, *, spare_loopback: bool) -> None:
        self._counted, self._spare_loopback = counted, spare_loopback

    def take(self, scope: Scope, token: str) -> Problem | None:
        """Counts one request; the refusal where too many were made. A request that is refused is not counted, so that
        who goes on asking is let in again as soon as who waits."""
        if self._counted is None or self._is_spared(scope):
            return None
        left = self._counted.level(token)
        if left >= 1:
            self._counted.take(token)
            return None
        wait = math.ceil((1 - left) * SECONDS / self._counted.capacity)
        detail = f"This token made more than {self._counted.capacity:,.0f} requests in {SECONDS} seconds."
        return Problem(429, detail, headers={"Retry-After": str(max(1, wait))})

    def told(self, scope: Scope, token: str, send: Send) -> Send:
        """Passes an answer on with the limit, what is left of it, and in how many seconds all of it is there again."""
        counted = self._counted
        if counted is None or self._is_spared(scope):
            return send

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers, left = MutableHeaders(scope=message), max(0.0, counted.level(token))
                headers["RateLimit-Limit"] = f"{counted.capacity:.0f}"
                headers["RateLimit-Remaining"] = str(int(left))
                headers["RateLimit-Reset"] = str(math.ceil((counted.capacity - left) * SECONDS / counted.capacity))
            await send(message)

        return telling

    def _is_spared(self, scope: Scope) -> bool:
        """Whether the peer is a program on this machine, and not a proxy on it that passes on what others ask."""
        client = scope.get("client")
        if not self._spare_loopback or client is None:
            return False
        headers = Headers(scope=scope)
        if any(name in headers for name in _FORWARDED):
            return False
        try:
            return ip_address(client[0]).is_loopback
        except ValueError:
            return False
