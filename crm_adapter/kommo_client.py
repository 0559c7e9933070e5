"""Speaks HTTP with one Kommo account: paced, authorised, within a time, and every answer judged for what it means.

A request that writes is never sent again by itself: Kommo knows no idempotency keys, and a request whose answer never
came may have taken effect. Whoever wrote looks first (`DoubtError`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from crm_adapter.kommo_auth import Authority, Lane
from crm_adapter.kommo_faults import (
    UNAUTHORISED,
    UNPAID,
    DoubtError,
    GoneError,
    HaltError,
    LaterError,
    RefusalError,
)
from crm_adapter.kommo_pause import Pause
from crm_adapter.kommo_wire import Answer, akin, exchange, faults, said
from crm_adapter.port import Ledger

PER_SECOND = 5.0
"""Kommo takes 7 requests a second of one address, and shuts it out when it goes on sending more."""
_SITE = "site"
_HOUR, _DAY = 3600.0, 86_400.0
ACCOUNT = "/api/v4/account"


class Client:
    """One account's API, for the time of one delivery. site: its address, without a slash at its end."""

    def __init__(self, http: httpx2.AsyncClient, site: str, authority: Authority, ledger: Ledger) -> None:
        self._http, self._authority, self._ledger = http, authority, ledger
        self.site = site
        self._pause = Pause(ledger)

    async def open(self) -> None:
        """Finds out where the account is by now. Raises LaterError or HaltError while it wants to be left alone."""
        await self._pause.heed()
        moved = await self._ledger.load(_SITE)
        if moved is not None and akin(self.site, moved):
            self.site = moved

    async def get(self, path: str, **params: Any) -> Any:
        """What is there; None where nothing is (204)."""
        return await self._call("GET", path, params=params)

    async def send(self, method: str, path: str, body: Any) -> Any:
        """Writes. Raises DoubtError where it may have taken effect."""
        return await self._call(method, path, body=body)

    async def upload(self, url: str, body: Any) -> Any:
        """Speaks with the service that keeps files. What it refuses concerns the file alone."""
        if not akin(self.site, url):
            raise RefusalError(f"files go to {urlsplit(url).hostname}, which is not this account's", 400)
        return await self._call("POST", url, body=body, aside=True)

    async def _call(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None, aside: bool = False
    ) -> Any:
        token = await self._authority.token(self._lane())
        answer = await self._once(method, path, params, body, token)
        if answer.status == 401 and (renewed := await self._authority.renew(self._lane(), token)) is not None:
            answer = await self._once(method, path, params, body, renewed)
        if answer.status in (301, 302, 307, 308) and await self._follow(answer.headers.get("location", "")):
            answer = await self._once(method, path, params, body, await self._authority.token(self._lane()))
        if answer.status < 300:
            await self._pause.end()
            return answer.data
        await self._judge(method, answer, aside=aside)
        raise AssertionError("every other answer was judged")

    async def _once(self, method: str, path: str, params: Mapping[str, Any] | None, body: Any, token: str) -> Answer:
        url = urljoin(self.site, path)
        if not akin(self.site, url):  # a page that leads on
            raise LaterError(f"the list goes on at {urlsplit(url).hostname}, which is not this account's")
        await asyncio.sleep(await self._ledger.take("api", PER_SECOND))
        await self._pause.heed()
        request = self._http.build_request(
            method,
            url,
            params=dict(params) if params else None,
            content=body if isinstance(body, bytes) else None,
            json=None if body is None or isinstance(body, bytes) else body,
            headers={"authorization": f"Bearer {token}", "accept": "application/json"},
        )
        return await exchange(self._http, request, method != "GET")

    async def _follow(self, location: str) -> bool:
        """An account that got another address: our tokens go there only if it is one of Kommo's as well."""
        found = urlsplit(urljoin(self.site, location))
        site = f"{found.scheme}://{found.netloc}"
        if site == self.site or not akin(self.site, site):
            return False
        self.site = site
        await self._ledger.save(_SITE, site)
        return True

    async def _judge(self, method: str, answer: Answer, *, aside: bool) -> None:
        status, words = answer.status, said(answer)
        if status == 401:
            raise HaltError(UNAUTHORISED, f"Kommo does not know the token: {words}", _HOUR, status)
        if status == 402:
            raise HaltError(UNPAID, f"the Kommo account is not paid: {words}", _HOUR, status)
        if status == 429:
            raise await self._pause.slow_down(_seconds(answer.headers.get("retry-after")))
        if status == 403:
            await self._forbidden(words, aside=aside)
        if status == 410:
            raise GoneError(f"the Kommo account is gone: {words}", status)
        if 300 <= status < 400:
            where = answer.headers.get("location", "")[:200]
            raise LaterError(f"Kommo sent us elsewhere: {status}, to {where!a}, which is not followed", status)
        if status >= 500 or status == 408:
            raise (LaterError if method == "GET" else DoubtError)(f"Kommo has trouble of its own: {words}", status)
        raise RefusalError(f"Kommo refused it: {words}", status, faults(answer.data))

    async def _forbidden(self, words: str, *, aside: bool) -> None:
        """Shut out for sending too much, which concerns everything; or not allowed to do this one thing."""
        if not await self._pause.was_slow():
            token = await self._authority.token(self._lane())
            if (await self._once("GET", ACCOUNT, None, None, token)).status != 403:
                if aside:
                    raise RefusalError(f"Kommo does not let this token keep files: {words}", 403)
                raise HaltError(UNAUTHORISED, f"Kommo does not let this token do that: {words}", _HOUR, 403)
        raise await self._pause.shut_out(words)

    def _lane(self) -> Lane:
        return Lane(self._http, self.site, self._ledger)


def _seconds(text: str | None) -> float | None:
    """Seconds from a Retry-After, a day at most."""
    digits = (text or "").strip()
    return min(float(digits[:9]), _DAY) if digits.isascii() and digits.isdigit() else None
