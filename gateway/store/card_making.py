"""What is known of a mail that a card is made from, and its place on a lead (C3, C5, C6)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from gateway.store.tables import cards, conversations, lead_contacts, leads, messages


@dataclass(frozen=True, slots=True)
class Talk:
    """A filed mail. primary: its primary client's address (C2). lead: of its conversation, None where it has none, or
    where that is closed. at: where it stands in lists."""

    at: int
    primary: str | None
    base_subject: str
    conversation: str | None
    lead: str | None


def find_talk(tx: Connection, account: int, message: str) -> Talk | None:
    """The mail with its conversation's open lead."""
    talk = (conversations.c.account == account) & (conversations.c.id == messages.c.conversation)
    opened = (leads.c.account == account) & (leads.c.id == conversations.c.lead) & (leads.c.status == "open")
    query = (
        select(
            messages.c.at,
            messages.c.primary,
            messages.c.base_subject,
            messages.c.conversation,
            leads.c.id,
        )
        .join_from(messages, conversations, talk, isouter=True)
        .join(leads, opened, isouter=True)
        .where(messages.c.account == account, messages.c.id == message)
    )
    row = tx.execute(query).first()
    return None if row is None else Talk(*row)


def show_on_lead(tx: Connection, account: int, message: str, at: int, lead: str) -> None:
    """Puts a mail on a lead, and takes it off any other: never on several (C6a)."""
    mine = (cards.c.account == account, cards.c.message == message, cards.c.kind == "lead")
    tx.execute(delete(cards).where(*mine))
    tx.execute(insert(cards).values(account=account, card=lead, at=at, message=message, kind="lead"))


def link_to_lead(tx: Connection, account: int, lead: str, contact: str) -> None:
    """Links a client who isn't yet on the lead (C6)."""
    mine = (lead_contacts.c.account == account, lead_contacts.c.lead == lead, lead_contacts.c.contact == contact)
    if tx.execute(select(lead_contacts.c.lead).where(*mine)).first() is None:
        tx.execute(insert(lead_contacts).values(account=account, lead=lead, contact=contact))


def tie_lead(tx: Connection, account: int, conversation: str, lead: str) -> None:
    """The lead is its conversation's from then on (C6)."""
    mine = (conversations.c.account == account, conversations.c.id == conversation)
    tx.execute(update(conversations).where(*mine).values(lead=lead))
