"""What a back end is told: frozen, versioned values (docs/webhooks.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TYPES = (
    "account.renamed",
    "contact.created",
    "customer.created",
    "endpoint.disabled",
    "lead.closed_reply",
    "lead.created",
    "mailbox.auth_failed",
    "mailbox.connected",
    "mailbox.disconnected",
    "message.deleted",
    "message.filed",
    "message.held",
    "message.refused",
    "message.restored",
    "message.sent",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. id: the same on every try and for every endpoint. at: RFC 3339 in UTC. data: the API's
    resource as an admin saw it then. subject: the id of that resource. conversation: what it belongs to, if anything;
    events of one conversation are told in order."""

    id: str
    type: str
    at: str
    account: str
    subject: str
    data: Mapping[str, Any]
    conversation: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        """As it is sent: `{"type","timestamp","data"}`."""
        return {"type": self.type, "timestamp": self.at, "data": dict(self.data)}
