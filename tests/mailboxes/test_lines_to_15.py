"""Lines 10 to 15 of what must hold of mailboxes: spread looks, numbers that change, one message by many roads (E13)."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.store import tables
from tests.mailboxes.fake_session import FakeServer
from tests.mailboxes.mails import as_by_smtp
from tests.mailboxes.person import Person
from tests.mailboxes.product import CLIENT, Firm, letter, letters
from tests.mailboxes.rig import MINUTE, NOW, Rig, look_at_all

SECOND = timedelta(seconds=1)
MANY = 1_000


def lately(days: float = 2) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


async def test_a_thousand_mailboxes_are_spread_and_neither_a_restart_nor_an_outage_makes_a_herd_of_them(
    rig: Rig,
) -> None:
    """Line 10."""
    server = FakeServer()
    rig.per_host = MANY
    for _ in range(MANY):
        await rig.connect(server)
    assert await look_at_all(rig.poller(idle=0, workers=16)) == MANY
    minutes = Counter((row.next_sync_at - NOW) // MINUTE for row in await rig.rows(tables.mailboxes))
    assert sorted(minutes) == list(range(15, 30))
    assert max(minutes.values()) < 2 * MANY / 15
    assert server.most_open <= 16

    rig.clock.pass_by(16)
    restarted = rig.poller(idle=0, workers=16)
    await restarted.take_over()
    assert await look_at_all(restarted) == minutes[15]

    rig.clock.pass_by(12 * 60)
    again, now = rig.poller(idle=0, workers=16), rig.clock.now
    await again.take_over()
    assert await look_at_all(again) == MANY
    minutes = Counter((row.next_sync_at - now) // MINUTE for row in await rig.rows(tables.mailboxes))
    assert sorted(minutes) == list(range(15, 30))
    assert max(minutes.values()) < 2 * MANY / 15
    assert server.most_open <= 16


def identities(firm: Firm) -> dict[str, str]:
    """Each message's subject by its id."""
    return {one["id"]: one["subject"] for one in firm.messages()}


@pytest.mark.parametrize("renumber", [True, False], ids=["with other UIDs", "with the same UIDs"])
def test_a_changed_uidvalidity_doubles_nothing_and_loses_nothing(firm: Firm, renumber: bool) -> None:
    """Line 11; one mail was expunged meanwhile, and two new ones came."""
    carol, person = firm.contact(CLIENT), firm.person()
    person.append("INBOX", letters(1, 120), at=lately(), step=SECOND)
    id = firm.connect(person)
    before = identities(firm)
    firm.desk.patch(f"/mailboxes/{id}", state="paused")
    person.expunge("INBOX", [7])
    person.renew("INBOX", renumber=renumber)
    person.append("INBOX", letters(121, 122))
    firm.desk.patch(f"/mailboxes/{id}", state="ready")
    firm.sync(id)
    after = identities(firm)
    assert {one: subject for one, subject in after.items() if one in before} == before
    assert sorted(after[one] for one in after.keys() - before.keys()) == ["Offer 121", "Offer 122"]
    assert sorted(one["id"] for one in firm.messages(contact=carol)) == sorted(after)
    assert {len(one["sources"]) for one in firm.messages()} == {1}
    assert sum(thread["count"] for thread in firm.desk.all("/threads")) == 122


def test_what_is_expunged_on_the_server_stays_on_the_card(firm: Firm) -> None:
    """Line 12."""
    carol, person = firm.contact(CLIENT), firm.person()
    person.append("INBOX", letters(1, 3), at=lately())
    person.append("Sent", letters(4, 4, author=person.address, to=CLIENT), at=lately())
    id = firm.connect(person)
    person.expunge("INBOX", [2])
    person.expunge("Sent", [1])
    firm.sync(id)
    found = {one["subject"]: one for one in firm.messages(contact=carol)}
    assert sorted(found) == ["Offer 1", "Offer 2", "Offer 3", "Offer 4"]
    assert "Hello number 2" in firm.desk.get(f"/messages/{found['Offer 2']['id']}")["text"]
    assert firm.subjects(mailbox=id) == sorted(found)
    person.append("INBOX", letters(5, 5))
    firm.sync(id)
    assert len(firm.messages(contact=carol)) == 5


def test_a_mail_that_is_moved_away_and_back_is_one_message(firm: Firm) -> None:
    """Line 13; also where another mail came meanwhile, and where it comes back by a copy."""
    carol, person = firm.contact(CLIENT), firm.person()
    [uid] = person.append("INBOX", letters(1, 1), at=lately())
    id = firm.connect(person)
    [first] = firm.messages(contact=carol)
    [uid] = person.move("INBOX", [uid], "Archive")
    firm.sync(id)
    assert firm.messages(contact=carol)[0]["id"] == first["id"]
    person.append("INBOX", letters(2, 2))
    [uid] = person.move("Archive", [uid], "INBOX")
    person.append("INBOX", [person.message("INBOX", uid)])
    firm.sync(id)
    found = {one["subject"]: one for one in firm.messages(contact=carol)}
    assert sorted(found) == ["Offer 1", "Offer 2"]
    assert found["Offer 1"]["id"] == first["id"]
    assert [source["folder"] for source in found["Offer 1"]["sources"]] == ["inbox"]
    assert [thread["count"] for thread in firm.desk.all("/threads")] == [1, 1]


class Offer:
    """One letter as each of its roads has it: to a client, with the smart address and its author in Cc."""

    def __init__(self, firm: Firm, person: Person, n: int | None = None) -> None:
        self.firm, self.person = firm, person
        self.rcpt = firm.smart.replace("@", "+lead@")
        to, subject = (CLIENT, "Boats") if n is None else (f"c{n}@client.example", f"Boats {n}")
        self.mail = letter(
            1 if n is None else n, author=person.address, to=to, cc=(self.rcpt, person.address), subject=subject
        )

    def put(self) -> None:
        """Into both folders: as it was sent, and as it came back."""
        self.person.append("Sent", [self.mail], at=lately(), seen=True)
        self.person.append("INBOX", [as_by_smtp(self.mail, by="mx2.acme.example")], at=lately())

    def send(self) -> None:
        self.firm.send(as_by_smtp(self.mail), self.rcpt, sender=self.person.address)


def smart_copy_first(offer: Offer) -> str:
    offer.send()
    offer.put()
    return offer.firm.connect(offer.person)


def mailbox_first(offer: Offer) -> str:
    offer.put()
    id = offer.firm.connect(offer.person)
    offer.send()
    return id


def all_at_once(offer: Offer) -> str:
    id = offer.firm.connect(offer.person)
    with ThreadPoolExecutor() as both:
        list(both.map(lambda road: road(), (offer.send, offer.put)))
    offer.firm.sync(id)
    return id


ORDERS = {"the smart copy first": smart_copy_first, "the mailbox first": mailbox_first, "at one time": all_at_once}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_inbox_sent_and_the_smart_copy_are_one_entry_on_the_card_with_three_sources(firm: Firm, order: Any) -> None:
    """Line 14; and one lead, whichever comes first (B9)."""
    carol, person = firm.contact(CLIENT), firm.person()
    id = order(Offer(firm, person))
    [message] = firm.messages(contact=carol)
    roads = {(source["road"], source["mailbox"], source["folder"]) for source in message["sources"]}
    assert roads == {("smtp", None, "sent"), ("imap", id, "inbox"), ("imap", id, "sent")}
    assert len(message["sources"]) == 3
    [lead] = firm.desk.all("/leads")
    assert (lead["name"], lead["contacts"], message["leads"]) == ("Boats", [carol], [lead["id"]])
    assert firm.messages() == [message]
    assert {(thread["mailbox"], thread["count"]) for thread in firm.desk.all("/threads")} == {("smart", 1), (id, 1)}
    raw = firm.desk.bytes(f"/messages/{message['id']}/raw")
    assert b"Hello number 1" in raw


def test_smart_copies_that_come_while_their_mailbox_is_imported_are_one_entry_each(firm: Firm) -> None:
    """Line 14, for many letters at one time, to people whom nobody knows yet: one contact and one lead each (C7)."""
    person, count = firm.person(), 40
    offers = [Offer(firm, person, n) for n in range(count)]
    person.append("Sent", [offer.mail for offer in offers], at=lately(), step=SECOND, seen=True)
    person.append("INBOX", [as_by_smtp(offer.mail) for offer in offers], at=lately(), step=SECOND)
    with ThreadPoolExecutor(5) as pool:
        sent = pool.map(Offer.send, offers)
        firm.connect(person, auto_create="lead")
        list(sent)
    found = firm.messages()
    assert sorted(one["subject"] for one in found) == sorted(f"Boats {n}" for n in range(count))
    assert {len(one["sources"]) for one in found} == {3}
    assert sorted(one["name"] for one in firm.desk.all("/leads")) == sorted(f"Boats {n}" for n in range(count))
    clients = [email for one in firm.desk.all("/contacts") for email in one["emails"]]
    assert sorted(clients) == sorted(f"c{n}@client.example" for n in range(count))


def test_mails_without_a_message_id_are_told_apart_by_what_they_say(firm: Firm) -> None:
    """Line 15, first half: two that differ are two, one that came by three roads is one (B9)."""
    carol, person = firm.contact(CLIENT), firm.person()
    both = [letter(n, subject="Boats", id=None, text=f"Offer number {n}") for n in (1, 2)]
    mine = letter(3, author=person.address, to=CLIENT, cc=(firm.smart, person.address), id=None)
    person.append("INBOX", [*both, as_by_smtp(mine, by="mx2.acme.example")], at=lately(), step=SECOND)
    person.append("Sent", [mine], at=lately())
    id = firm.connect(person)
    firm.send(as_by_smtp(mine), firm.smart, sender=person.address)
    person.append("INBOX", both)
    firm.sync(id)
    found = firm.messages(contact=carol)
    assert sorted(one["subject"] for one in found) == ["Boats", "Boats", "Offer 3"]
    assert sorted(len(one["sources"]) for one in found) == [1, 1, 3]
    assert {one["message_id"] for one in found} == {None}
    texts = {firm.desk.get(f"/messages/{one['id']}")["text"].strip() for one in found}
    assert texts == {"Offer number 1", "Offer number 2", "Hello number 3"}


def test_one_message_id_on_two_mails_makes_two_messages(firm: Firm) -> None:
    """Line 15, second half; and seeing both again, under other numbers, makes no third (B9)."""
    carol, person = firm.contact(CLIENT), firm.person()
    same = "<the-only-one@client.example>"
    person.append("INBOX", [letter(1, id=same), letter(2, id=same)], at=lately(), step=SECOND)
    id = firm.connect(person)
    before = identities(firm)
    assert sorted(before.values()) == ["Offer 1", "Offer 2"]
    person.renew("INBOX")
    firm.sync(id)
    assert identities(firm) == before
    assert {one["message_id"] for one in firm.messages(contact=carol)} == {same}
    texts = {firm.desk.get(f"/messages/{one}")["text"].strip() for one in before}
    assert texts == {"Hello number 1", "Hello number 2"}
