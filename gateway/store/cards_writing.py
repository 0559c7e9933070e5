"""Changes that people make to contacts, leads and customers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, Table, delete, exists, insert, literal, select, update

from gateway.core.resources import Contact, Customer, Lead
from gateway.core.terms import parts
from gateway.store.ids import moment_of
from gateway.store.searching import CONTACT, CUSTOMER, LEAD, Entry, forget_entries, put_entries
from gateway.store.tables import (
    WAITING,
    cards,
    contact_emails,
    contacts,
    conversations,
    customer_contacts,
    customers,
    field_values,
    former_contacts,
    lead_contacts,
    leads,
    messages,
    notes,
    participants,
)


def add_contact(tx: Connection, account: int, contact: Contact) -> None:
    """Writes a contact with its addresses, which must be nobody's, and puts the mail of those addresses on its card."""
    tx.execute(
        insert(contacts).values(
            account=account,
            id=contact.id,
            name=contact.name,
            first_name=contact.first_name,
            last_name=contact.last_name,
            source=contact.source,
            created_at=contact.created_at,
        )
    )
    _write_emails(tx, account, contact)


def set_contact(tx: Connection, account: int, contact: Contact) -> None:
    """Writes a contact's names and addresses anew; mail of addresses it no longer has leaves its card."""
    _let_wait(tx, account, contact.id, contact.emails)
    concerned = exists().where(
        participants.c.account == account,
        participants.c.message == cards.c.message,
        participants.c.key.in_(contact.emails),
    )
    tx.execute(delete(cards).where(cards.c.account == account, cards.c.card == contact.id, ~concerned))
    write_contact(tx, account, contact)


def write_contact(tx: Connection, account: int, contact: Contact) -> None:
    """The same for a contact that loses no address."""
    mine = (contacts.c.account == account, contacts.c.id == contact.id)
    changed = {"name": contact.name, "first_name": contact.first_name, "last_name": contact.last_name}
    tx.execute(update(contacts).where(*mine).values(changed))
    tx.execute(
        delete(contact_emails).where(contact_emails.c.account == account, contact_emails.c.contact == contact.id)
    )
    _write_emails(tx, account, contact)


def _write_emails(tx: Connection, account: int, contact: Contact) -> None:
    rows = [
        {"account": account, "email": email, "contact": contact.id, "position": position}
        for position, email in enumerate(contact.emails)
    ]
    tx.execute(insert(contact_emails), rows)
    _make_found(tx, account, CONTACT, contact.id, contact.name, *contact.emails)
    show_mail_of(tx, account, contact)


def show_mail_of(tx: Connection, account: int, contact: Contact) -> None:
    """Puts on its card every message in which an address of the contact is a client without one (C3)."""
    shown = exists().where(cards.c.account == account, cards.c.card == contact.id, cards.c.message == messages.c.id)
    theirs = select(participants.c.message).where(
        participants.c.account == account, participants.c.key.in_(contact.emails), WAITING
    )
    query = select(literal(account), literal(contact.id), messages.c.at, messages.c.id, literal("contact")).where(
        messages.c.account == account, messages.c.state != "held", messages.c.id.in_(theirs), ~shown
    )
    tx.execute(insert(cards).from_select(["account", "card", "at", "message", "kind"], query))


def _let_wait(tx: Connection, account: int, id: str, kept: Collection[str]) -> None:
    """The mail of addresses that a contact loses waits for another card."""
    mine = (contact_emails.c.account == account, contact_emails.c.contact == id)
    lost = select(contact_emails.c.email).where(*mine, contact_emails.c.email.not_in(kept))
    shown = select(cards.c.message).where(cards.c.account == account, cards.c.card == id)
    theirs = (participants.c.message.in_(shown), participants.c.key.in_(lost), participants.c.kind == "client")
    tx.execute(update(participants).where(participants.c.account == account, *theirs).values(waiting=1))


def remove_contact(tx: Connection, account: int, id: str) -> None:
    """Takes a contact away from everywhere; its mail stays in Mail."""
    _let_wait(tx, account, id, ())
    for table in (leads, customers):
        mine = (table.c.account == account, table.c.main_contact == id)
        tx.execute(update(table).where(*mine).values(main_contact=None))
    for table in (contact_emails, lead_contacts, customer_contacts, former_contacts):
        tx.execute(delete(table).where(table.c.account == account, table.c.contact == id))
    _remove_card(tx, account, contacts, id)


def add_lead(tx: Connection, account: int, lead: Lead) -> None:
    """Writes a lead and its links."""
    tx.execute(
        insert(leads).values(
            account=account,
            id=lead.id,
            name=lead.name,
            price=lead.price,
            status=lead.status,
            main_contact=lead.main_contact,
            created_at=lead.created_at,
        )
    )
    _make_found(tx, account, LEAD, lead.id, lead.name)
    _link(tx, lead_contacts, "lead", account, lead.id, lead.contacts)


def set_lead(tx: Connection, account: int, lead: Lead) -> None:
    """Writes a lead's fields and links anew."""
    mine = (leads.c.account == account, leads.c.id == lead.id)
    changed = {"name": lead.name, "price": lead.price, "status": lead.status, "main_contact": lead.main_contact}
    tx.execute(update(leads).where(*mine).values(changed))
    tx.execute(delete(lead_contacts).where(lead_contacts.c.account == account, lead_contacts.c.lead == lead.id))
    _make_found(tx, account, LEAD, lead.id, lead.name)
    _link(tx, lead_contacts, "lead", account, lead.id, lead.contacts)


def remove_lead(tx: Connection, account: int, id: str) -> None:
    """Takes a lead away; its conversations have none from then on."""
    mine = (conversations.c.account == account, conversations.c.lead == id)
    tx.execute(update(conversations).where(*mine).values(lead=None))
    tx.execute(delete(lead_contacts).where(lead_contacts.c.account == account, lead_contacts.c.lead == id))
    _remove_card(tx, account, leads, id)


def add_customer(tx: Connection, account: int, customer: Customer) -> None:
    """Writes a customer and its links."""
    tx.execute(
        insert(customers).values(
            account=account,
            id=customer.id,
            name=customer.name,
            main_contact=customer.main_contact,
            created_at=customer.created_at,
        )
    )
    _make_found(tx, account, CUSTOMER, customer.id, customer.name)
    _link(tx, customer_contacts, "customer", account, customer.id, customer.contacts)


def set_customer(tx: Connection, account: int, customer: Customer) -> None:
    """Writes a customer's fields and links anew."""
    mine = (customers.c.account == account, customers.c.id == customer.id)
    tx.execute(update(customers).where(*mine).values(name=customer.name, main_contact=customer.main_contact))
    links = (customer_contacts.c.account == account, customer_contacts.c.customer == customer.id)
    tx.execute(delete(customer_contacts).where(*links))
    _make_found(tx, account, CUSTOMER, customer.id, customer.name)
    _link(tx, customer_contacts, "customer", account, customer.id, customer.contacts)


def remove_customer(tx: Connection, account: int, id: str) -> None:
    """Takes a customer away."""
    tx.execute(
        delete(customer_contacts).where(customer_contacts.c.account == account, customer_contacts.c.customer == id)
    )
    _remove_card(tx, account, customers, id)


def find_missing(tx: Connection, account: int, ids: Collection[str]) -> list[str]:
    """Those of the ids that are no contacts of the account."""
    query = select(contacts.c.id).where(contacts.c.account == account, contacts.c.id.in_(tuple(ids)))
    there = {row.id for row in tx.execute(query)}
    return [id for id in ids if id not in there]


def _link(tx: Connection, table: Table, side: str, account: int, id: str, linked: Sequence[str]) -> None:
    if linked:
        tx.execute(insert(table), [{"account": account, side: id, "contact": contact} for contact in linked])


def _make_found(tx: Connection, account: int, kind: str, id: str, *texts: str) -> None:
    """Who changes a card finds it at once under its new name; what filing makes is indexed by the clock."""
    put_entries(tx, [Entry(account, kind, id, moment_of(id), parts(texts))])


def _remove_card(tx: Connection, account: int, table: Table, id: str) -> None:
    kind = {contacts.name: CONTACT, leads.name: LEAD, customers.name: CUSTOMER}[table.name]
    forget_entries(tx, account, kind, [id])
    for about in (cards, notes, field_values):
        tx.execute(delete(about).where(about.c.account == account, about.c.card == id))
    tx.execute(delete(table).where(table.c.account == account, table.c.id == id))
