"""Webhooks: events sent to a URL, signed as Standard Webhooks has it (docs/webhooks.md).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
from standardwebhooks.webhooks import Webhook as Signer

from crm_adapter.events import Event
from crm_adapter.port import Dead, Delivered, Ledger, Outcome, Person, Retry
from crm_adapter.targets import Resolve, TargetError, judged, look_up, read_url

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 15.0
ANSWER_SECONDS = 3.0
"""So long the other side may take for the words behind its status."""
ANSWER_BYTES = 2_048
"""So much of an answer is read; what was said is kept for who looks for a fault."""
USER_AGENT = "smartgate-webhooks/1"


_TIMES = {"connect": CONNECT_SECONDS, "read": WHOLE_SECONDS, "write": WHOLE_SECONDS, "pool": WHOLE_SECONDS}
IDLE_SECONDS = 15.0
MOST_IDLE = 32


class _Lines:
    """Connections to one endpoint, each with a transport of its own; a free one is used again, the last first.

    A connection is found again by its address alone, so that no two endpoints may share one. The library's own pool
    looks at all of its connections for each request, which costs more than the request.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._free: deque[tuple[float, httpx2.AsyncHTTPTransport]] = deque()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[httpx2.AsyncHTTPTransport]:
        """A transport for one request; closed after it where it failed."""
        line = self._free.pop()[1] if self._free else self._new()
        try:
            yield line
        except BaseException:
            await line.aclose()
            raise
        now = time.monotonic()
        self._free.append((now, line))
        while self._free and (len(self._free) > MOST_IDLE or self._free[0][0] < now - IDLE_SECONDS):
            with suppress(httpx2.HTTPError, OSError):  # of another one: it says nothing of the request just made
                await self._free.popleft()[1].aclose()

    async def close(self) -> None:
        while self._free:
            await self._free.pop()[1].aclose()

    def _new(self) -> httpx2.AsyncHTTPTransport:
        limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS)
        return httpx2.AsyncHTTPTransport(verify=self._tls, trust_env=False, limits=limits)


class Webhook:
    """One endpoint. secrets: the current one first; each signs, so that the receiver may know either of them.

    private: addresses of our own network are allowed. resolve: how names are looked up. It doesn't follow redirects: a
    new place is entered by people.
    """

    def __init__(
        self,
        url: str,
        secrets: Sequence[str],
        *,
        private: bool = False,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = look_up,
    ) -> None:
        self._target = read_url(url)
        self._signers = [Signer(secret) for secret in secrets]
        self._private, self._resolve = private, resolve
        self._lines = _Lines(tls or ssl.create_default_context())

    async def deliver(self, event: Event, ledger: Ledger) -> Outcome:
        """Sends the event once."""
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                addresses = await judged(self._target, self._resolve, private=self._private)
                return await self._send(event, addresses)
        except TargetError as fault:
            return Retry(str(fault))
        except TimeoutError:
            return Retry(f"no answer within {WHOLE_SECONDS:.0f} s")
        except httpx2.HTTPError as fault:
            return Retry(_why(fault))

    async def contacts(self, ledger: Ledger) -> AsyncIterator[tuple[Person, ...]]:
        """None: nobody can be asked over a webhook."""
        nobody: tuple[tuple[Person, ...], ...] = ()
        for page in nobody:
            yield page

    async def close(self) -> None:
        """Closes its connections."""
        await self._lines.close()

    async def _send(self, event: Event, addresses: Sequence[str]) -> Outcome:
        if not addresses:
            return Retry(f"{self._target.host} has no address")
        body = json.dumps(event.body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        headers = self._headers(event, body)
        async with asyncio.timeout(WHOLE_SECONDS):
            for address in addresses[:-1]:
                try:
                    return await self._post(address, body, headers)
                except (httpx2.ConnectError, httpx2.ConnectTimeout):
                    continue
            return await self._post(addresses[-1], body, headers)

    async def _post(self, address: str, body: bytes, headers: dict[str, str]) -> Outcome:
        """One request, to an address that was judged; for TLS and Host it stays the name."""
        request = httpx2.Request(
            "POST",
            self._target.at(address),
            content=body,
            headers=headers,
            extensions={"sni_hostname": self._target.host, "timeout": _TIMES},
        )
        async with self._lines.one() as line:
            answer = await line.handle_async_request(request)
            answer.request = request
            try:
                return _outcome(answer, await _excerpt(answer))
            finally:
                await answer.aclose()

    def _headers(self, event: Event, body: bytes) -> dict[str, str]:
        now = datetime.now(UTC)
        text = body.decode()
        return {
            "Host": self._target.authority,
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",
            "webhook-id": event.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signer.sign(event.id, now, text) for signer in self._signers),
        }


async def _excerpt(answer: httpx2.Response) -> str:
    """The first words of an answer, as far as they come soon; never unpacked."""
    said = bytearray()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            async for part in answer.aiter_raw():
                said += part
                if len(said) >= ANSWER_BYTES:
                    break
    except (TimeoutError, httpx2.HTTPError):
        pass  # the status has said what matters
    text = bytes(said[:ANSWER_BYTES]).decode("utf-8", "replace")
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:500]


def _outcome(answer: httpx2.Response, said: str) -> Outcome:
    status = answer.status_code
    words = f"answered {status}" + (f": {said}" if said else "")
    if 200 <= status < 300:
        return Delivered(status, said)
    if status == 410:
        return Dead(words, status, "gone")
    if 300 <= status < 400:
        where = answer.headers.get("location", "")[:200]
        return Retry(
            f"answered {status}, a redirect to {where!a}, which is not followed; enter the new URL", None, status
        )
    return Retry(words, _retry_after(answer.headers.get("retry-after")), status)


def _retry_after(text: str | None) -> float | None:
    """Seconds from a Retry-After, which holds them or a date (RFC 9110 section 10.2.3)."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text.strip()[:9])
    try:
        wanted = parsedate_to_datetime(text)
        return max(0.0, (wanted.replace(tzinfo=wanted.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None


def _why(fault: httpx2.HTTPError) -> str:
    """What went wrong on the way, in words."""
    if isinstance(fault, httpx2.ConnectTimeout):
        return f"no connection within {CONNECT_SECONDS:.0f} s"
    if isinstance(fault, httpx2.TimeoutException):
        return f"no answer within {WHOLE_SECONDS:.0f} s"
    about = " ".join(str(fault).split())[:300] or type(fault).__name__
    return f"no connection: {about}" if isinstance(fault, httpx2.ConnectError) else f"the connection broke: {about}"
