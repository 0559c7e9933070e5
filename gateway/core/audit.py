"""What people and the operator do in an account that is written down, each in words after their name."""

from __future__ import annotations

from collections.abc import Mapping

WHAT: Mapping[str, str] = {
    "account.changed": "changed the options",
    "account.renamed": "renamed the account",
    "message.cancelled": "took back a mail before it was sent",
    "crm.connected": "connected the CRM",
    "crm.disconnected": "disconnected the CRM",
    "deliveries.retried": "sent again all that was given up for a webhook",
    "delivery.retried": "sent an event again",
    "endpoint.added": "set up a webhook",
    "endpoint.changed": "changed a webhook",
    "endpoint.removed": "removed a webhook",
    "endpoint.rotated": "made a new secret for a webhook",
    "endpoint.tested": "tried a webhook out",
    "message.deleted": "deleted a mail",
    "message.purged": "purged a deleted mail",
    "message.refused": "refused a held mail",
    "message.released": "released a held mail",
    "message.restored": "restored a deleted mail",
    "message.retried": "sent a mail again that had failed",
    "message.sent": "sent a mail",
    "template.added": "wrote a template",
    "template.changed": "changed a template",
    "template.removed": "removed a template",
}
"""Key → what was done. The subject's name, where there is one, follows."""
