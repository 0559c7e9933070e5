"""What people and the operator do in an account that is written down, each in words after their name."""

from __future__ import annotations

from collections.abc import Mapping

WHAT: Mapping[str, str] = {
    "account.changed": "changed the options",
    "account.renamed": "renamed the account",
    "card.made": "made a card from a mail",
    "contact.deleted": "deleted a contact",
    "contact.merged": "merged two contacts",
    "customer.deleted": "deleted a customer",
    "field.added": "added a field to cards",
    "field.removed": "removed a field from cards",
    "field.renamed": "renamed a field of cards",
    "lead.deleted": "deleted a lead",
    "lead.moved": "changed the status of a lead",
    "message.deleted": "deleted a mail",
    "message.purged": "purged a deleted mail",
    "message.refused": "refused a held mail",
    "message.released": "released a held mail",
    "message.restored": "restored a deleted mail",
    "note.deleted": "deleted a note",
}
"""Key → what was done. The subject's name, where there is one, follows."""
