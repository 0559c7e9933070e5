"""What we show Kommo to be let in: a long-lived token, or the pair of OAuth whose second half changes with every use.

A refresh token dies when it is used, and its successor stands in the answer alone. So one process at a time refreshes;
the new pair is durable before anybody uses it; and where the answer never came, it is tried exactly once more, because
the pair is lost if Kommo did hear us. Then the account has to be connected anew (`unauthorised`).
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2

from crm_adapter.kommo_faults import UNAUTHORISED, DoubtError, HaltError, LaterError
from crm_adapter.kommo_wire import exchange
from crm_adapter.port import BusyError, Ledger

PAIR = "oauth"
"""The key of the ledger under which the pair is kept."""
_LEASE_SECONDS = 30.0
_EARLY_SECONDS = 300.0
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Lane:
    """By which way an authority speaks for itself."""

    http: httpx2.AsyncClient
    site: str
    ledger: Ledger


class Authority(Protocol):
    """What lets us in."""

    async def token(self, lane: Lane) -> str:
        """The token for the next request."""

    async def renew(self, lane: Lane, refused: str) -> str | None:
        """Another token for one that Kommo refused; None where there is no other."""


@dataclass(frozen=True, slots=True, repr=False)
class LongLived:
    """A private integration's token, good for as long as it was made for."""

    secret: str

    async def token(self, lane: Lane) -> str:
        return self.secret

    async def renew(self, lane: Lane, refused: str) -> str | None:
        return None


@dataclass(frozen=True, slots=True, repr=False)
class Pair:
    """The two tokens of OAuth. expires: in seconds since 1970. unsure: a refresh was sent and never answered."""

    access: str
    refresh: str
    expires: float
    unsure: bool = False

    def dump(self) -> str:
        return json.dumps([self.access, self.refresh, self.expires, self.unsure])

    @classmethod
    def read(cls, text: str) -> Pair:
        return cls(*json.loads(text))


@dataclass(frozen=True, slots=True, repr=False)
class OAuth:
    """An integration's right to act for an account (RFC 6749 section 6)."""

    client_id: str
    client_secret: str
    redirect_uri: str

    async def token(self, lane: Lane) -> str:
        pair = await self._pair(lane.ledger)
        if pair.expires - time.time() > _EARLY_SECONDS:
            return pair.access
        return await self._renew(lane, pair.access)

    async def renew(self, lane: Lane, refused: str) -> str | None:
        return await self._renew(lane, refused)

    async def redeem(self, http: httpx2.AsyncClient, site: str, code: str) -> Pair:
        """The first pair, for the code that Kommo gave when the account's admin agreed. Raises HaltError."""
        return await self._ask(http, site, {"grant_type": "authorization_code", "code": code})

    async def _pair(self, ledger: Ledger) -> Pair:
        text = await ledger.load(PAIR)
        if text is None:
            raise HaltError(UNAUTHORISED, "there are no tokens of this account: connect it anew", _HOUR)
        return Pair.read(text)

    async def _renew(self, lane: Lane, refused: str) -> str:
        try:
            async with lane.ledger.lease(PAIR, _LEASE_SECONDS) as held:
                pair = await self._pair(lane.ledger)
                if pair.access != refused:
                    return pair.access
                given = {"grant_type": "refresh_token", "refresh_token": pair.refresh}
                try:
                    renewed = await self._ask(lane.http, lane.site, given)
                except DoubtError as fault:
                    await self._doubt(held.save, pair, fault)
                    raise LaterError(str(fault)) from fault
                await held.save(PAIR, renewed.dump())
                return renewed.access
        except BusyError:
            raise LaterError("another process is refreshing the tokens", after=1.0) from None

    async def _doubt(self, save: Any, pair: Pair, fault: DoubtError) -> None:
        if pair.unsure:
            why = "two refreshes of the tokens were never answered, so the pair is lost: connect the account anew"
            raise HaltError(UNAUTHORISED, why, _HOUR) from fault
        await save(PAIR, Pair(pair.access, pair.refresh, pair.expires, unsure=True).dump())

    async def _ask(self, http: httpx2.AsyncClient, site: str, given: dict[str, str]) -> Pair:
        ours = {"client_id": self.client_id, "client_secret": self.client_secret, "redirect_uri": self.redirect_uri}
        request = http.build_request("POST", f"{site}/oauth2/access_token", json=ours | given)
        answer = await exchange(http, request, True)
        if answer.status >= 500 or answer.status == 429:
            raise LaterError(f"Kommo refreshes no tokens just now ({answer.status})", answer.status)
        data = answer.data if isinstance(answer.data, dict) else {}
        try:
            return Pair(data["access_token"], data["refresh_token"], time.time() + float(data["expires_in"]))
        except (KeyError, TypeError, ValueError):
            said = str(data.get("hint") or data.get("detail") or data.get("title") or "")[:200]
            why = f"Kommo refused the tokens of this integration ({answer.status}): {said or 'connect it anew'}"
            raise HaltError(UNAUTHORISED, why, _HOUR, answer.status) from None
