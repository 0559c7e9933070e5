"""What a back end is told: frozen, versioned values (docs/webhooks.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ABOUT: Mapping[str, tuple[str, str]] = {
    "message.filed": ("a mail was filed", "the message, with its text and links to its files"),
    "message.held": ("a mail was put aside for review (B7, B8b, B5)", "the message"),
    "message.refused": ("a mail for this account was refused, before or after its text", "the receipt"),
    "message.deleted": ("a message was put into Deleted, or a held one was refused", "the message"),
    "message.restored": ("a message was taken out of Deleted", "the message"),
    "message.sent": ("a message was sent from here", "the message"),
    "message.failed": ("a message that was to be sent from here did not arrive, or was taken back", "the message"),
    "contact.created": ("a contact was made, by a mail or by a person", "the contact"),
    "lead.created": ("a lead was opened, by a mail or by a person", "the lead"),
    "lead.closed_reply": ("a mail came in a conversation whose lead is closed (C6a)", "the lead"),
    "customer.created": ("a person made a customer", "the customer"),
    "mailbox.connected": ("a mailbox was connected", "the mailbox"),
    "mailbox.auth_failed": ("a mailbox's server doesn't let us in any more", "the mailbox"),
    "mailbox.kind_changed": ("an admin made a mailbox shared or personal, or named another owner", "the mailbox"),
    "mailbox.disconnected": ("a mailbox was disconnected", "the mailbox"),
    "account.renamed": ("the account got another short name, and so other smart addresses", "the account"),
    "endpoint.disabled": ("a webhook answered 410 and is told nothing more", "the endpoint"),
    "endpoint.test": ("somebody tries a webhook out; only that one is told, whatever types it wants", "the endpoint"),
}
"""Type → when it happens, and what its data is."""

TYPES = tuple(sorted(ABOUT))
"""What a back end may ask to be told of."""


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
