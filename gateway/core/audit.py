"""What people and the operator do in an account that is written down, each in words after their name."""

from __future__ import annotations

from collections.abc import Mapping

WHAT: Mapping[str, str] = {
    "account.changed": "changed the options",
    "account.renamed": "renamed the account",
    "mailbox.changed": "changed the mailbox",
    "mailbox.connected": "connected the mailbox",
    "mailbox.connected_again": "connected the mailbox again",
    "mailbox.disconnected": "disconnected the mailbox and kept its mail",
    "mailbox.disconnected_with_mail": "disconnected the mailbox and deleted its mail",
    "mailbox.kind_changed": "changed who reads the mailbox",
    "mailbox.synced": "had mail fetched for the mailbox",
    "message.deleted": "deleted a mail",
    "message.purged": "purged a deleted mail",
    "message.refused": "refused a held mail",
    "message.released": "released a held mail",
    "message.restored": "restored a deleted mail",
}
"""Key → what was done. The subject's name, where there is one, follows."""
