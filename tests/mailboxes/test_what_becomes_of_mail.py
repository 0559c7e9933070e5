"""What a mailbox's own settings make of its mail, by the API against a real Dovecot: threads, cards, aliases, files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.mailboxes.mails import File, Letter
from tests.mailboxes.product import CLIENT, Firm, letter, letters

STORES = ("sqlite",)
SECOND = timedelta(seconds=1)


def lately(days: float = 2) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def threads(firm: Firm, id: str) -> list[tuple[str | None, str, int]]:
    found = firm.desk.get("/threads", mailbox=id, limit=200)["data"]
    return sorted((one["client"], one["subject"], one["count"]) for one in found)


GREETING, QUESTION = "Salam dari tim perusahaan", "Pertanyaan tentang produk"
ONE, TWO = "client1@gmail.com", "client2@mail.com"


def seeds_letters(me: str) -> tuple[list[bytes], list[bytes]]:
    """The four letters of the seed's example: what was sent, what came."""
    sent = [letter(n, author=me, to=to, subject=GREETING) for n, to in enumerate((ONE, TWO))]
    came = [letter(n, author=TWO, to=me, subject=QUESTION) for n in (2, 3)]
    return sent, came


def test_d_the_seeds_four_letters_make_three_threads(firm: Firm) -> None:
    person = firm.person()
    sent, came = seeds_letters(person.address)
    person.append("Sent", sent, at=lately(2), step=SECOND)
    person.append("INBOX", came, at=lately(1), step=SECOND)
    id = firm.connect(person)
    assert threads(firm, id) == [(ONE, GREETING, 1), (TWO, QUESTION, 2), (TWO, GREETING, 1)]
    person.append("INBOX", [letter(4, author=TWO, to=person.address, subject=f"Bls: Re[2]: {GREETING}")])
    firm.sync(id)
    assert threads(firm, id) == [(ONE, GREETING, 1), (TWO, QUESTION, 2), (TWO, GREETING, 2)]
    [thread] = [one for one in firm.desk.all("/threads") if one["subject"] == QUESTION]
    assert firm.subjects(thread=thread["id"]) == [QUESTION, QUESTION]
    assert thread["mailbox"] == id


def test_d_threads_are_a_view_whose_switch_loses_and_rewrites_nothing(firm: Firm) -> None:
    person = firm.person()
    sent, came = seeds_letters(person.address)
    person.append("Sent", sent, at=lately(2), step=SECOND)
    person.append("INBOX", came[:1], at=lately(1))
    id = firm.connect(person)
    before, threaded = firm.messages(mailbox=id), threads(firm, id)
    assert firm.desk.patch(f"/mailboxes/{id}", threads=False)["threads"] is False
    assert (firm.messages(mailbox=id), threads(firm, id)) == (before, threaded)
    person.append("INBOX", came[1:])
    firm.sync(id)
    assert firm.desk.patch(f"/mailboxes/{id}", threads=True)["threads"] is True
    assert [one for one in firm.messages(mailbox=id) if one in before] == before
    assert threads(firm, id) == [(ONE, GREETING, 1), (TWO, QUESTION, 2), (TWO, GREETING, 1)]


CREATED = {
    # story: auto_create, contacts, leads
    "nothing, by itself": ("off", [], []),
    "contacts": ("contact", [CLIENT, "dave@client.example"], []),
    "contacts and leads": ("lead", [CLIENT, "dave@client.example"], ["Boats", "Sails"]),
}


@pytest.mark.parametrize(("auto_create", "contacts", "leads"), CREATED.values(), ids=CREATED)
def test_e6_a_mailbox_creates_what_it_is_told_to(
    firm: Firm, auto_create: str, contacts: list[str], leads: list[str]
) -> None:
    person = firm.person()
    me = person.address
    came = [
        letter(1, to=me, subject="Boats"),
        letter(2, to=me, subject="Re: Boats"),
        letter(3, author="no-reply@shop.example", to=me, subject="Sale"),
        letter(4, author="bea@acme.example", to=me, subject="Lunch"),
    ]
    person.append("INBOX", came, at=lately(), step=SECOND)
    person.append("Sent", [letter(5, author=me, to="dave@client.example", subject="Sails")], at=lately(1))
    id = firm.connect(person, auto_create=auto_create)
    assert sorted(email for one in firm.desk.all("/contacts") for email in one["emails"]) == contacts
    assert sorted(one["name"] for one in firm.desk.all("/leads")) == leads
    found = {one["subject"]: (bool(one["contacts"]), bool(one["leads"])) for one in firm.messages(mailbox=id)}
    ours, of_leads = bool(contacts), bool(leads)
    assert found == {
        "Boats": (ours, of_leads),
        "Re: Boats": (ours, of_leads),
        "Sails": (ours, of_leads),
        "Sale": (False, False),
        "Lunch": (False, False),
    }


def test_e6_known_people_get_their_mail_on_their_cards_and_a_later_setting_is_for_later_mail(firm: Firm) -> None:
    person, carol = firm.person(), firm.contact(CLIENT)
    person.append("INBOX", [letter(1, to=person.address), letter(2, author="eve@new.example", to=person.address)])
    id = firm.connect(person)
    assert [one["contacts"] for one in firm.messages()] in ([[], [carol]], [[carol], []])
    firm.desk.patch(f"/mailboxes/{id}", auto_create="contact")
    person.append("INBOX", [letter(3, author="fay@new.example", to=person.address)])
    firm.sync(id)
    assert {email for one in firm.desk.all("/contacts") for email in one["emails"]} == {CLIENT, "fay@new.example"}


def test_e14_aliases_are_proposed_from_the_mail_and_team_once_they_are_confirmed(firm: Firm) -> None:
    person = firm.person()
    me, alias, other, old = person.address, "ann@brand.example", "sales@brand.example", "ann@old.example"
    came = [
        letter(1, to="all@brand.example", more=f"Delivered-To: {alias}"),
        letter(2, to=me, more=f"X-Original-To: Sales <{other}>\r\nDelivered-To: {me}"),
    ]
    person.append("INBOX", came, at=lately(), step=SECOND)
    person.append("Sent", [letter(3, author=f"Ann <{old}>", to=CLIENT)], at=lately())
    id = firm.connect(person, auto_create="contact")
    box = firm.mailbox(id)
    assert (sorted(box["proposals"]), box["aliases"]) == ([alias, old, other], [])

    box = firm.desk.patch(f"/mailboxes/{id}", aliases=[alias, old])
    assert (box["proposals"], sorted(box["aliases"])) == ([other], [alias, old])
    dave = "dave@client.example"
    person.append("INBOX", [letter(4, author=alias, to=f"{dave}, {old}", more=f"Delivered-To: {alias}")])
    firm.sync(id)
    [message] = [one for one in firm.messages() if one["subject"] == "Offer 4"]
    assert message["direction"] == "outgoing"
    known = {email for one in firm.desk.all("/contacts") for email in one["emails"]}
    assert dave in known
    assert not known & {alias, old, me}
    assert firm.mailbox(id)["proposals"] == [other]


def with_file(n: int, me: str) -> Letter:
    return Letter(n, to=me, files=(File(f"plan{n}.pdf", 40_000),), seed="kept")


def test_e7_attachments_that_are_kept_are_there_after_they_went_from_the_server(firm: Firm) -> None:
    person = firm.person()
    mails = [with_file(n, person.address) for n in range(2)]
    person.append("INBOX", [mails[0].raw], at=lately())
    id = firm.connect(person, keep_attachments=True)
    person.expunge("INBOX", [1])
    firm.sync(id)
    [message] = firm.messages()
    assert [(file["filename"], file["available"]) for file in message["attachments"]] == [("plan0.pdf", True)]
    assert firm.desk.bytes(f"/messages/{message['id']}/attachments/1") == mails[0].content()
    assert mails[0].raw in firm.desk.bytes(f"/messages/{message['id']}/raw")

    firm.desk.patch(f"/mailboxes/{id}", keep_attachments=False)
    [uid] = person.append("INBOX", [mails[1].raw])
    firm.sync(id)
    [other] = [one for one in firm.messages() if one["id"] != message["id"]]
    path = f"/messages/{other['id']}/attachments/1"
    assert firm.desk.bytes(path) == mails[1].content()
    person.expunge("INBOX", [uid])
    firm.sync(id)
    assert firm.desk.status(path) == 410
    assert file_of(firm, other)["available"] is False
    assert file_of(firm, message)["available"] is True
    assert firm.desk.bytes(f"/messages/{message['id']}/attachments/1") == mails[0].content()


def file_of(firm: Firm, message: Any) -> Any:
    [file] = firm.desk.get(f"/messages/{message['id']}")["attachments"]
    return file


def test_mail_of_a_month_that_is_put_off_by_a_pause_comes_in_when_it_goes_on(firm: Firm) -> None:
    person = firm.person()
    id = firm.connect(person)
    assert firm.desk.patch(f"/mailboxes/{id}", state="paused")["state"] == "paused"
    person.append("INBOX", letters(1, 3))
    assert firm.desk.patch(f"/mailboxes/{id}", state="ready")["state"] == "ready"
    firm.sync(id)
    assert firm.subjects(mailbox=id) == ["Offer 1", "Offer 2", "Offer 3"]
