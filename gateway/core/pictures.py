"""Remote pictures: whose a reader may always see. They tell their sender who reads a mail, and when."""

from __future__ import annotations

from gateway.core.address import parse_address
from gateway.core.resources import Message

MOST_SENDERS = 1_000
"""Addresses that one user may choose."""


def author_key(message: Message) -> str | None:
    """The author's address as addresses are compared (C7); None where nobody can be made out."""
    found = parse_address(message.from_.address) if message.from_ is not None else None
    return None if found is None else found.key


def is_proven(message: Message, authentic: bool | None) -> bool:
    """Whether something proves that the author is who From says (B5), so that what was chosen for that address holds
    for this mail. authentic: as the attempt says that brought it, None where that is not known any more.

    Of mail from people's own mailboxes nothing is known: anybody may have written any name into its From.
    """
    return message.mailbox is None and (authentic is True or message.auth.get("dmarc") == "pass")
