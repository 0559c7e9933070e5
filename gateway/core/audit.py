"""What people and the operator do in an account that is written down, each in words after their name."""

from __future__ import annotations

from collections.abc import Mapping

WHAT: Mapping[str, str] = {
    "account.changed": "changed the options",
    "account.renamed": "renamed the account",
    "message.cancelled": "took back a mail before it was sent",
    "message.deleted": "deleted a mail",
    "message.purged": "purged a deleted mail",
    "message.refused": "refused a held mail",
    "message.released": "released a held mail",
    "message.restored": "restored a deleted mail",
    "message.retried": "sent a mail again that had failed",
    "message.sent": "sent a mail",
}
"""Key → what was done. The subject's name, where there is one, follows."""
