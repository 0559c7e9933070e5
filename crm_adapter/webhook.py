"""Webhooks: events sent to a URL, signed as Standard Webhooks has it (docs/webhooks.md).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from standardwebhooks.webhooks import Webhook as Signer

from crm_adapter.events import Event
from crm_adapter.lines import Answer, Fields, LineError, Lines, NoConnectionError
from crm_adapter.port import Dead, Delivered, Ledger, Outcome, Person, Retry
from crm_adapter.targets import Resolve, TargetError, judged, look_up, read_url

WHOLE_SECONDS = 15.0
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
        self._lines = Lines(self._target, tls or ssl.create_default_context())

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
        except (LineError, OSError) as fault:
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
        fields = self._fields(event, body)
        for address in addresses[:-1]:
            with suppress(NoConnectionError):
                return _outcome(await self._lines.post(address, fields, body))
        return _outcome(await self._lines.post(addresses[-1], fields, body))

    def _fields(self, event: Event, body: bytes) -> Fields:
        now = datetime.now(UTC)
        text = body.decode()
        fields = {
            "Host": self._target.authority,
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",
            "webhook-id": event.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signer.sign(event.id, now, text) for signer in self._signers),
        }
        return tuple(fields.items())


def _outcome(answer: Answer) -> Outcome:
    status, said = answer.status, _words(answer.said)
    words = f"answered {status}" + (f": {said}" if said else "")
    if 200 <= status < 300:
        return Delivered(status, said)
    if status == 410:
        return Dead(words, status, "gone")
    if 300 <= status < 400:
        where = answer.fields.get("location", "")[:200]
        return Retry(
            f"answered {status}, a redirect to {where!a}, which is not followed; enter the new URL", None, status
        )
    return Retry(words, _retry_after(answer.fields.get("retry-after")), status)


def _words(said: bytes) -> str:
    text = said.decode("utf-8", "replace")
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:500]


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


def _why(fault: LineError | OSError) -> str:
    """What went wrong on the way, in words."""
    about = " ".join(str(fault).split())[:300] or type(fault).__name__
    return about if isinstance(fault, NoConnectionError) else f"the connection broke: {about}"
