"""What the web door is given by the program that starts it, and how a route gets at it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, TypeAlias

from fastapi import Depends, Request

from gateway import metrics
from gateway.core.mail import DEFAULT_LIMITS, Limits
from gateway.sealing import Keyring
from gateway.usecases.filing import FilingSettings
from gateway.usecases.show_mail import MimeLimits

Store: TypeAlias = Any
"""The store and its blobs, which this door hands on to use cases and never touches."""


class Explain(Protocol):
    """The decision on a raw message as of now, nothing recorded: the shape of `explain --json`."""

    def __call__(
        self, raw: bytes, rcpt: Sequence[str], sender: str | None, peer: str | None
    ) -> Awaitable[dict[str, Any]]: ...


async def _own_figures() -> bytes:
    return metrics.exposition()


def _no_key() -> Keyring:
    return Keyring(())


@dataclass(frozen=True, slots=True)
class WebServices:
    """The means of the web door.

    filing: what filing takes from the settings. domains: gateway domains, the first one is shown in addresses.
    public_url: where people reach the console, without a slash at its end; asked for each time, as its port is known
    only once the listener is bound. receipt_days, held_days: how long receipts, and held mail, are kept.
    secure_cookies: cookies by https only. figures: what is counted, for Prometheus. keyring: seals credentials.
    webhooks_private: webhooks may lead into our own network.
    """

    store: Store
    blobs: Store
    filing: FilingSettings
    domains: tuple[str, ...]
    public_url: Callable[[], str]
    explain: Explain
    version: str
    figures: Callable[[], Awaitable[bytes]] = _own_figures
    receipt_days: int = 365
    held_days: int = 30
    secure_cookies: bool = False
    max_message_bytes: int = 35 * 1024 * 1024
    limits: Limits = field(default=DEFAULT_LIMITS)
    keyring: Callable[[], Keyring] = _no_key
    webhooks_private: bool = False

    @property
    def mime_limits(self) -> MimeLimits:
        """The bounds with which messages are read (B4b)."""
        return MimeLimits(self.limits.mime_parts, self.limits.mime_depth)


def services_of(request: Request) -> WebServices:
    """The means this application was built with."""
    services: WebServices = request.app.state.services
    return services


Services = Annotated[WebServices, Depends(services_of)]
