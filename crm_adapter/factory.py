"""The only list of adapters, and the one place where they are made, kept and closed."""

from __future__ import annotations

import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from crm_adapter.embedded import Embedded
from crm_adapter.kommo import Kommo
from crm_adapter.kommo_connect import authority_of
from crm_adapter.kommo_http import http_client
from crm_adapter.port import Crm
from crm_adapter.targets import Resolve, look_up
from crm_adapter.webhook import Webhook

MOST_KEPT = 256
"""Adapters that are kept with their connections; who was not used for longest is closed."""


@dataclass(frozen=True, slots=True)
class Means:
    """What adapters share. allow_private: they may call addresses of our own network. tls: whom they trust.

    link: the address at which people read a mail of ours, by its id.
    """

    allow_private: bool = False
    tls: ssl.SSLContext | None = None
    resolve: Resolve = look_up
    link: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class BackEnd:
    """A back end as it is set up. key: names it for good. secrets: opened, the current one first."""

    key: tuple[int, str]
    kind: str
    url: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)


def _webhook(back_end: BackEnd, means: Means) -> Crm:
    return Webhook(back_end.url, back_end.secrets, private=means.allow_private, tls=means.tls, resolve=means.resolve)


def _embedded(_back_end: BackEnd, _means: Means) -> Crm:
    return Embedded()


def _kommo(back_end: BackEnd, means: Means) -> Crm:
    http = http_client(private=means.allow_private, tls=means.tls, resolve=means.resolve)
    return Kommo(http, back_end.url, authority_of(back_end.secrets[0]), means.link)


ADAPTERS: Mapping[str, Callable[[BackEnd, Means], Crm]] = {
    "embedded": _embedded,
    "kommo": _kommo,
    "webhook": _webhook,
}
"""Kind of a back end → how its adapter is made."""


@dataclass(slots=True)
class _Made:
    """An adapter, and how many use it now."""

    back_end: BackEnd
    crm: Crm
    users: int = 0


class Adapters:
    """The adapters that one process has made. Used from one event loop only."""

    def __init__(self, means: Means) -> None:
        self._means = means if means.tls else replace(means, tls=ssl.create_default_context())
        self._made: OrderedDict[tuple[int, str], _Made] = OrderedDict()

    @asynccontextmanager
    async def lent(self, back_end: BackEnd) -> AsyncIterator[Crm]:
        """The adapter of a back end while it is entered; made anew where the back end was set up otherwise since."""
        made = self._made.get(back_end.key)
        if made is None or made.back_end != back_end:
            await self._part(self._made.pop(back_end.key, None))
            made = self._made[back_end.key] = _Made(back_end, ADAPTERS[back_end.kind](back_end, self._means))
        self._made.move_to_end(back_end.key)
        made.users += 1
        try:
            yield made.crm
        finally:
            made.users -= 1
            if self._made.get(back_end.key) is not made:
                await self._part(made)
            elif len(self._made) > MOST_KEPT:
                await self._part(self._made.popitem(last=False)[1])

    async def close(self) -> None:
        """Closes them all."""
        while self._made:
            await self._made.popitem()[1].crm.close()

    async def _part(self, made: _Made | None) -> None:
        """Closes an adapter that is kept no more, unless somebody uses it: then they do."""
        if made is not None and made.users == 0:
            await made.crm.close()
