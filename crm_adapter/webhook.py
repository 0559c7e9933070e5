"""Webhooks: events sent to a URL, signed as Standard Webhooks has it (docs/webhooks.md).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
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
        # One client an endpoint: a connection is found again by its address, and two endpoints may share one.
        self._client = httpx2.AsyncClient(
            verify=tls or ssl.create_default_context(),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(WHOLE_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=15),
        )

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

    async def contacts(self, ledger: Ledger, since: int) -> AsyncIterator[tuple[Person, ...]]:
        """None: nobody can be asked over a webhook."""
        nobody: tuple[tuple[Person, ...], ...] = ()
        for page in nobody:
            yield page

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()

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
        request = self._client.build_request(
            "POST",
            self._target.at(address),
            content=body,
            headers=headers,
            extensions={"sni_hostname": self._target.host},
        )
        answer = await self._client.send(request, stream=True)
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
    except ValueError:
        return None
    return max(0.0, (wanted.replace(tzinfo=wanted.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _why(fault: httpx2.HTTPError) -> str:
    """What went wrong on the way, in words."""
    if isinstance(fault, httpx2.ConnectTimeout):
        return f"no connection within {CONNECT_SECONDS:.0f} s"
    if isinstance(fault, httpx2.TimeoutException):
        return f"no answer within {WHOLE_SECONDS:.0f} s"
    about = " ".join(str(fault).split())[:300] or type(fault).__name__
    return f"no connection: {about}" if isinstance(fault, httpx2.ConnectError) else f"the connection broke: {about}"
