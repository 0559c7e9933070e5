"""What people and the operator do in an account that is written down, each in words after their name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WHAT: Mapping[str, str] = {
    "account.changed": "changed the options",
    "account.opened": "opened the account",
    "account.renamed": "renamed the account",
    "card.made": "made a card from a mail",
    "contact.deleted": "deleted a contact",
    "contact.merged": "merged two contacts",
    "crm.connected": "connected the CRM",
    "crm.disconnected": "disconnected the CRM",
    "customer.deleted": "deleted a customer",
    "deliveries.retried": "sent again all that was given up for a webhook",
    "delivery.retried": "sent an event again",
    "endpoint.added": "set up a webhook",
    "endpoint.changed": "changed a webhook",
    "endpoint.removed": "removed a webhook",
    "endpoint.rotated": "made a new secret for a webhook",
    "endpoint.tested": "tried a webhook out",
    "field.added": "added a field to cards",
    "field.removed": "removed a field from cards",
    "field.renamed": "renamed a field of cards",
    "lead.deleted": "deleted a lead",
    "lead.moved": "changed the status of a lead",
    "link.made": "made a sign-in link",
    "link.mailed": "asked for a sign-in link by mail",
    "mailbox.changed": "changed the mailbox",
    "mailbox.connected": "connected the mailbox",
    "mailbox.connected_again": "connected the mailbox again",
    "mailbox.disconnected": "disconnected the mailbox and kept its mail",
    "mailbox.disconnected_with_mail": "disconnected the mailbox and deleted its mail",
    "mailbox.kind_changed": "changed who reads the mailbox",
    "mailbox.synced": "had mail fetched for the mailbox",
    "message.cancelled": "took back a mail before it was sent",
    "message.deleted": "deleted a mail",
    "message.purged": "purged a deleted mail",
    "message.refused": "refused a held mail",
    "message.released": "released a held mail",
    "message.restored": "restored a deleted mail",
    "message.retried": "sent a mail again that had failed",
    "message.sent": "sent a mail",
    "note.deleted": "deleted a note",
    "password.changed": "changed their password",
    "password.removed": "removed a password",
    "password.set": "set a password",
    "session.ended": "signed out",
    "session.opened": "signed in",
    "session.revoked": "ended a session",
    "setup.domain": "chose the domain to set up",
    "setup.finished": "finished setting up",
    "template.added": "wrote a template",
    "template.changed": "changed a template",
    "template.removed": "removed a template",
    "token.changed": "changed a token",
    "token.made": "made a token",
    "token.revoked": "revoked a token",
    "user.added": "added a user",
    "user.changed": "changed a user",
    "user.removed": "removed a user",
}
"""Key → what was done. The subject's name, where there is one, follows."""


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that somebody did. user: their id, None for whoever runs the server, by a command. who: their address
    as of then. what: a key of WHAT. subject: the id of what it was done to. about: what is to be known of it, such as a
    name."""

    id: str
    at: int
    user: str | None
    who: str
    what: str
    subject: str
    about: Mapping[str, Any]
