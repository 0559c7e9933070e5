"""One request to Kommo and its answer: within a time, bounded in size, and what an error says for itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from crm_adapter.kommo_faults import DoubtError, Fault, LaterError

SECONDS = 30.0
"""How long one request may take, from the first byte to the last."""
MAX_ANSWER = 16 * 1024 * 1024
_HOUSES = ("kommo.com", "amocrm.com", "amocrm.ru")
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. data: the JSON of the body; None where there is none, or none that can be read."""

    status: int
    data: Any
    headers: Mapping[str, str]


async def exchange(http: httpx2.AsyncClient, request: httpx2.Request, writes: bool) -> Answer:
    """Sends one request and reads its answer, all within the time. Raises LaterError or DoubtError.

    writes: it may change something, so that where no answer came nobody knows whether it did.
    """
    unsure = DoubtError if writes else LaterError
    try:
        async with asyncio.timeout(SECONDS):
            response = await http.send(request, stream=True)
            try:
                body = await _read(response)
            finally:
                await response.aclose()
    except _NEVER_SENT as fault:
        raise LaterError(f"Kommo can't be reached: {_short(fault)}") from fault
    except (TimeoutError, httpx2.TimeoutException) as fault:
        raise unsure(f"Kommo did not answer within {SECONDS:.0f} seconds") from fault
    except httpx2.HTTPError as fault:
        raise unsure(f"the connection to Kommo broke: {_short(fault)}") from fault
    return _answer(response, body, unsure)


async def _read(response: httpx2.Response) -> bytes:
    read = bytearray()
    async for chunk in response.aiter_bytes():
        read += chunk
        if len(read) > MAX_ANSWER:
            raise httpx2.ReadError(f"the answer is larger than {MAX_ANSWER} bytes")
    return bytes(read)


def _answer(response: httpx2.Response, body: bytes, unsure: type[DoubtError] | type[LaterError]) -> Answer:
    try:
        data = json.loads(body) if body.strip() else None
    except ValueError:
        if response.status_code < 300:
            raise unsure("Kommo answered with something that is no JSON", response.status_code) from None
        data = None
    return Answer(response.status_code, data, response.headers)


def akin(site: str, other: str) -> bool:
    """Whether another address may be the same account's: at the same host, or both at Kommo; never less than https."""
    ours, theirs = urlsplit(site), urlsplit(other)
    if theirs.scheme != "https" and theirs.scheme != ours.scheme:
        return False
    if theirs.hostname == ours.hostname:
        return True
    return theirs.port in (None, 443) and all(_at_kommo(one.hostname or "") for one in (ours, theirs))


def _at_kommo(host: str) -> bool:
    return any(host.endswith(f".{house}") for house in _HOUSES)


def said(answer: Answer) -> str:
    """What an error says for itself (`application/problem+json`), in one bounded line."""
    data = answer.data if isinstance(answer.data, dict) else {}
    words = [str(data[name]) for name in ("title", "detail", "hint") if data.get(name)]
    words += [str(fault) for fault in faults(data)][:3]
    text = " ".join("; ".join(dict.fromkeys(words)).split())
    return f"{answer.status} {text}"[:500].strip()


def faults(data: Any) -> tuple[Fault, ...]:
    """The `validation-errors` of an answer; what is not as documented is left out."""
    found = data.get("validation-errors") if isinstance(data, dict) else None
    return tuple(
        Fault(str(item.get("request_id", "")), *(str(one.get(name, "")) for name in ("code", "path", "detail")))
        for item in (found if isinstance(found, list) else [])
        if isinstance(item, dict)
        for one in item.get("errors") or [{}]
        if isinstance(one, dict)
    )


def _short(fault: Exception) -> str:
    return " ".join(str(fault).split())[:200] or type(fault).__name__
