"""Words for people's own mailboxes: servers, credentials, what was found about a provider (rules, section E)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

INBOX, SENT = "inbox", "sent"
ROLES = (INBOX, SENT)
"""The two folders of a mailbox that are read (rule E3), in the order in which they are."""

PERSONAL, SHARED = "personal", "shared"
KINDS = (PERSONAL, SHARED)

IMPORTING, READY, PAUSED, AUTH_FAILED, DISCONNECTED = "importing", "ready", "paused", "auth_failed", "disconnected"
STATES = (IMPORTING, READY, PAUSED, AUTH_FAILED, DISCONNECTED)
SYNCED = (IMPORTING, READY)
"""States in which a mailbox is looked into."""

TLS, STARTTLS = "tls", "starttls"
SECURITIES = (TLS, STARTTLS)

PASSWORD, GOOGLE, MICROSOFT = "password", "google", "microsoft"
AUTO_CREATE = ("off", "contact", "lead")
CHOOSE = " Choose one of these: "
"""Stands before the names of a mailbox's folders, where its owner is asked which holds sent mail."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a mailbox is read or sent from. security: `tls`, or `starttls`, which is then required. user: the log-in
    name; empty for the address itself."""

    host: str
    port: int
    security: str = TLS
    user: str = ""


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers of a mailbox. smtp: None where nothing can be sent."""

    imap: Server
    smtp: Server | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What was found about the provider of an address (rule E1).

    provider: its id in the table, else the name of its server's domain. name: as people call it. auth: `password`,
    `google` or `microsoft`. page: where the provider's app passwords are made, None where there is no such page. by:
    `table`, `autoconfig`, `srv`, `mx`, `guess`, or `given` where somebody typed the servers. sure: False where somebody
    has to look at the servers before a password goes there.
    """

    address: str
    provider: str
    name: str
    servers: Servers
    auth: str
    page: str | None
    by: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Credential:
    """What a mailbox is opened with. kind: `password`, `google` or `microsoft`. secret: the password, or the refresh
    token. access, expires_at: the access token and its end, ms since 1970. Its repr shows neither."""

    kind: str
    secret: str = field(repr=False)
    access: str = field(default="", repr=False)
    expires_at: int = 0


def servers_as_json(servers: Servers) -> dict[str, Any]:
    """Servers as the store and the API have them."""
    smtp = servers.smtp
    return {"imap": _server_as_json(servers.imap), "smtp": None if smtp is None else _server_as_json(smtp)}


def servers_of(found: Mapping[str, Any]) -> Servers:
    """The servers of what `servers_as_json` made."""
    smtp = found["smtp"]
    return Servers(Server(**found["imap"]), None if smtp is None else Server(**smtp))


def _server_as_json(server: Server) -> dict[str, Any]:
    return {"host": server.host, "port": server.port, "security": server.security, "user": server.user}


def credential_as_json(credential: Credential) -> dict[str, Any]:
    """A credential as it is sealed."""
    return {
        "kind": credential.kind,
        "secret": credential.secret,
        "access": credential.access,
        "expires_at": credential.expires_at,
    }


def credential_of(found: Mapping[str, Any]) -> Credential:
    """The credential of what `credential_as_json` made."""
    return Credential(found["kind"], found["secret"], found["access"], found["expires_at"])


def about_credential(account: int, mailbox: str) -> str:
    """What a sealed credential is bound to: its row."""
    return f"mailbox credential {account} {mailbox}"
