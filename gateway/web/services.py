"""What the web door is given by the program that starts it, and how a route gets at it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Annotated, Any, Protocol, TypeAlias

from fastapi import Depends, Request
from fastapi.routing import APIRoute

from gateway import metrics
from gateway.core import resources
from gateway.core.mail import DEFAULT_LIMITS, Limits
from gateway.hashing import Hasher
from gateway.sealing import Keyring
from gateway.usecases.check_machine import Checks
from gateway.usecases.fetch_files import Files
from gateway.usecases.filing import FilingSettings
from gateway.usecases.keep_answers import Answer, Render
from gateway.usecases.ledger import Library
from gateway.usecases.mail_link import SendLink
from gateway.usecases.mail_servers import MailServers
from gateway.usecases.posting import send_link as post_link
from gateway.usecases.send_mail import SendSettings
from gateway.usecases.show_mail import MimeLimits
from gateway.usecases.sign_in_elsewhere import Elsewhere
from gateway.web.guesses import Guesses
from gateway.web.requests import Counted
from gateway.web.tags import body_of

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
    only once the listener is bound. receipt_days, held_days, deleted_days: how long receipts, held and deleted mail
    are kept. checks: what the world sees of this machine. secure_cookies: cookies by https only. figures: what is
    counted, for Prometheus. keyring: seals credentials. answers: seals what is kept of answers. webhooks_private:
    webhooks may lead into our own network. requests: counts those of each token; None for no limit. spare_loopback: not
    those of this machine. egress: the addresses we connect from (E12). mail_servers: the door to people's own
    mailboxes; None where there is none. guesses: counts wrong passwords; None for no limit. send_link: mails sign-in
    links; None where nothing is mailed. audit_days: how long it is known who did what. elsewhere: with which provider
    users may sign in; None for none.
    """

    store: Store
    blobs: Store
    filing: FilingSettings
    domains: tuple[str, ...]
    public_url: Callable[[], str]
    explain: Explain
    version: str
    checks: Checks
    figures: Callable[[], Awaitable[bytes]] = _own_figures
    receipt_days: int = 365
    held_days: int = 30
    deleted_days: int = 30
    secure_cookies: bool = False
    max_message_bytes: int = 35 * 1024 * 1024
    limits: Limits = field(default=DEFAULT_LIMITS)
    keyring: Callable[[], Keyring] = _no_key
    answers: Keyring = field(default_factory=lambda: Keyring(()))
    webhooks_private: bool = False
    requests: Counted | None = None
    spare_loopback: bool = True
    egress: tuple[str, ...] = ()
    mail_servers: MailServers | None = None
    hasher: Hasher = field(default_factory=Hasher)
    guesses: Guesses | None = None
    send_link: SendLink | None = post_link
    audit_days: int = 365
    elsewhere: Elsewhere | None = None

    @property
    def files(self) -> Files:
        """How what messages carry is handed over (E7)."""
        parts, depth = self.limits.mime_parts, self.limits.mime_depth
        return Files(self.store, self.blobs, self.keyring, self.mail_servers, parts, depth)

    def library(self) -> Library:
        """What the books of the account's CRM need."""
        return Library(self.store, self.blobs, self.keyring())

    @property
    def send_settings(self) -> SendSettings:
        """How mail is sent that is written here (E11)."""
        return SendSettings(self.filing, self.max_message_bytes)

    @property
    def mime_limits(self) -> MimeLimits:
        """The bounds with which messages are read (B4b)."""
        return MimeLimits(self.limits.mime_parts, self.limits.mime_depth)


def services_of(request: Request) -> WebServices:
    """The means this application was built with. A request that is to be carried out once sees the store through that:
    what its route does is answered for in the transaction that does it."""
    services: WebServices = request.app.state.services
    once = getattr(request.state, "once", None)
    if once is None:
        return services
    once.render = _renderer(request.scope["route"])
    return replace(services, store=once)


def _renderer(route: APIRoute) -> Render:
    def render(result: object) -> Answer | None:
        """The answer of the route to what its use case gives: a resource, or True where there is nothing to show."""
        if route.status_code == 204:
            return Answer(204, b"") if result is True else None
        if not is_dataclass(result) or type(result).__module__ != resources.__name__:
            return None
        try:
            return Answer(route.status_code or 200, body_of(route, result))
        except ValueError:  # the route makes something else of it, and its answer is kept when it is there
            return None

    return render


Services = Annotated[WebServices, Depends(services_of)]
