"""Rules C1 to C9: whose cards a mail shows on, who is added, and which lead it belongs to."""

from __future__ import annotations

import asyncio

import pytest

from tests.scenarios.house import House, mail

LEAD = "acme+lead@mail.kommo.com"
ATTACH = "acme@mail.kommo.com"
CONTACT = "acme+contact@mail.kommo.com"
CAROL = "Carol Jones <carol@example.net>"
BOB = "Bob <bob@bluefin.example>"


async def test_c1_people_come_from_from_to_and_cc_only(house: House) -> None:
    letter = mail(
        cc=f"{LEAD}, Guests: ann@example.net, lee@example.net;",
        extra="Cc: Zoe <zoe@example.net>\nReply-To: reply@example.net\nSender: sender@example.net",
        body="---- Forwarded ----\nFrom: Hidden <hidden@example.net>\nTo: other@example.net",
    )

    await house.hand(letter, LEAD, sender="envelope@example.net")

    found = await house.column("SELECT email FROM contact_emails WHERE email LIKE '%example.net' ORDER BY email")
    assert found == ["ann@example.net", "carol@example.net", "lee@example.net", "zoe@example.net"]


async def test_c1_what_is_no_address_is_listed_as_unread_never_guessed(house: House) -> None:
    await house.hand(mail(to=f"{CAROL}, Joe at example dot net"), LEAD)

    [receipt] = await house.receipts()
    assert receipt["decision"]["unread"] == ["Joe at example dot net"]
    assert await house.count("contacts") == 2


DIRECTIONS = {
    "a colleague writes to a client": ("dimas@acme.example", CAROL, LEAD, "outgoing", "carol@example.net"),
    "a client writes and copies us": ("carol@example.net", "dimas@acme.example", LEAD, "incoming", "carol@example.net"),
    "a colleague with the client in Cc only": (
        "dimas@acme.example",
        "ana@acme.example",
        f"{CAROL}, {LEAD}",
        "outgoing",
        "carol@example.net",
    ),
    "a colleague to two clients: the first of To": (
        "dimas@acme.example",
        f"ana@acme.example, lee@example.net, {CAROL}",
        LEAD,
        "outgoing",
        "lee@example.net",
    ),
    "anybody at an own domain is team": ("new.hire@acme.example", CAROL, LEAD, "outgoing", "carol@example.net"),
    "a sub-domain is not": ("x@sub.acme.example", CAROL, LEAD, "incoming", "x@sub.acme.example"),
}


@pytest.mark.parametrize(
    ("sender", "to", "cc", "direction", "primary"), DIRECTIONS.values(), ids=[f"C2 {story}" for story in DIRECTIONS]
)
async def test_direction_and_primary_client(
    house: House, sender: str, to: str, cc: str, direction: str, primary: str
) -> None:
    await house.hand(mail(sender=sender, to=to, cc=cc), LEAD, sender=sender)

    assert await house.rows('SELECT direction, "primary" FROM messages') == [(direction, primary)]


async def test_c2_a_subdomain_is_team_where_the_own_domain_is_written_with_a_dot(house: House) -> None:
    await house.set(own_domains="acme.example, .acme.example")

    await house.hand(mail(sender="x@deep.sub.acme.example"), LEAD)

    assert await house.column("SELECT direction FROM messages") == ["outgoing"]


CARDS = {
    # story                                           rcpt     to                 contacts after       shown on
    "C3 attach shows it on the known only": (ATTACH, f"{CAROL}, {BOB}", 1, ["Bob Miller"], []),
    "C3 attach with nobody known stays without a card": (ATTACH, CAROL, 1, [], []),
    "C4 contact adds the unknown": (CONTACT, f"{CAROL}, {BOB}", 2, ["Bob Miller", "Carol Jones"], []),
    "C5 lead adds them and opens a lead": (LEAD, f"{CAROL}, {BOB}", 2, ["Bob Miller", "Carol Jones"], ["Offer"]),
    "C7 case makes no second person": (LEAD, "BOB@Bluefin.Example", 1, ["Bob Miller"], ["Offer"]),
}


@pytest.mark.parametrize(("rcpt", "to", "contacts", "shown", "leads"), CARDS.values(), ids=CARDS)
async def test_whose_cards_a_mail_stands_on(
    house: House, rcpt: str, to: str, contacts: int, shown: list[str], leads: list[str]
) -> None:
    handed = await house.hand(mail(to=to, cc=rcpt), rcpt)

    assert await house.count("contacts") == contacts
    assert await house.cards_of(handed.id) == {"contacts": shown, "leads": leads}


async def test_c4_at_most_twenty_contacts_a_message_and_the_step_says_how_many_were_left(house: House) -> None:
    many = ", ".join(f"p{n:02}@example.net" for n in range(23))

    await house.hand(mail(to=many, cc=f"{CONTACT}, last@example.net"), CONTACT)

    added = await house.column("SELECT email FROM contact_emails WHERE email LIKE 'p%' ORDER BY email")
    assert added == [f"p{n:02}@example.net" for n in range(20)]
    [receipt] = await house.receipts()
    assert any("4 more were left" in step["detail"] for step in receipt["decision"]["steps"] if step["rule"] == "C4")


async def test_c4_known_contacts_are_never_renamed(house: House) -> None:
    await house.hand(mail(to="Robert M. <bob@bluefin.example>"), LEAD)

    assert await house.column("SELECT name FROM contacts") == ["Bob Miller"]


LEAD_NAMES = {
    "the base subject": ("Re: Fwd: Two grinders", "Two grinders"),
    "else the primary's name": ("", "Carol Jones"),
}


@pytest.mark.parametrize(("subject", "name"), LEAD_NAMES.values(), ids=[f"C5 {story}" for story in LEAD_NAMES])
async def test_what_a_lead_is_called_and_who_is_its_main_contact(house: House, subject: str, name: str) -> None:
    await house.hand(mail(to=f"{CAROL}, {BOB}", subject=subject), LEAD)

    main = "SELECT l.name, c.name FROM leads l JOIN contacts c ON c.id = l.main_contact"
    assert await house.rows(main) == [(name, "Carol Jones")]
    assert await house.count("lead_contacts") == 2


async def test_c6_a_reply_to_all_makes_no_second_lead(house: House) -> None:
    await house.hand(mail(message_id="<first@acme.example>"), LEAD)

    reply = mail(
        sender=CAROL,
        to="dimas@acme.example, Lee <lee@example.net>",
        subject="Re: Offer",
        extra="In-Reply-To: <first@acme.example>",
    )
    handed = await house.hand(reply, LEAD, sender="carol@example.net")

    assert await house.column("SELECT name FROM leads") == ["Offer"]
    assert await house.cards_of(handed.id) == {"contacts": ["Carol Jones", "Lee"], "leads": ["Offer"]}
    assert await house.count("lead_contacts") == 2


ROADS = {
    "In-Reply-To": "In-Reply-To: <root@acme.example>",
    "References, the last first": "References: <unknown@x.example> <root@acme.example> <also-unknown@x.example>",
}


@pytest.mark.parametrize("header", ROADS.values(), ids=[f"C6 {road}" for road in ROADS])
async def test_a_conversation_is_found_by_what_a_mail_answers(house: House, header: str) -> None:
    await house.hand(mail(message_id="<root@acme.example>"), LEAD)

    await house.hand(mail(to="lee@example.net", subject="Something else", extra=header), LEAD)

    assert await house.count("leads") == 1


async def test_c6_a_conversation_is_found_by_its_thread_too(house: House) -> None:
    await house.hand(mail(), LEAD)
    await house.hand(mail(subject="AW: Offer"), LEAD)
    await house.hand(mail(subject="Another matter"), LEAD)

    assert await house.column("SELECT name FROM leads ORDER BY id") == ["Offer", "Another matter"]


async def test_c6_a_closed_lead_is_followed_by_a_new_one_which_is_the_conversations_from_then_on(house: House) -> None:
    await house.hand(mail(message_id="<root@acme.example>"), LEAD)
    await house.close_lead()

    second = await house.hand(mail(subject="Re: Offer"), LEAD)
    third = await house.hand(mail(subject="Re: Offer"), LEAD)

    statuses = await house.column("SELECT status FROM leads ORDER BY id")
    assert statuses == ["won", "open"]
    newest = (await house.column("SELECT id FROM leads ORDER BY id"))[1]
    for one in (second, third):
        assert await house.column("SELECT card FROM cards WHERE kind = 'lead' AND message = :id", id=one.id) == [newest]


async def test_c6a_attach_joins_its_conversations_open_lead(house: House) -> None:
    await house.hand(mail(), LEAD)

    handed = await house.hand(mail(cc=ATTACH, subject="Re: Offer"), ATTACH)

    assert (await house.cards_of(handed.id))["leads"] == ["Offer"]


async def test_c6a_else_it_shows_on_the_primary_clients_only_open_lead(house: House) -> None:
    await house.hand(mail(), LEAD)

    only = await house.hand(mail(cc=ATTACH, subject="A new matter"), ATTACH)
    await house.hand(mail(subject="Second lead"), LEAD)
    torn = await house.hand(mail(cc=ATTACH, subject="A third matter"), ATTACH)

    assert (await house.cards_of(only.id))["leads"] == ["Offer"]
    assert (await house.cards_of(torn.id))["leads"] == []


async def test_c6a_a_mail_on_a_closed_lead_stays_on_the_contact_and_the_team_is_told(house: House) -> None:
    await house.hand(mail(), LEAD)
    await house.close_lead("lost")

    handed = await house.hand(mail(cc=ATTACH, subject="Re: Offer"), ATTACH)

    assert await house.cards_of(handed.id) == {"contacts": ["Carol Jones"], "leads": []}
    assert "lead.closed_reply" in await house.column("SELECT type FROM events")


async def test_c7_twelve_mails_of_one_new_client_at_once_make_one_contact(house: House) -> None:
    letters = [mail(subject=f"Matter {n}", to=CAROL.upper() if n % 2 else CAROL) for n in range(12)]

    handed = await asyncio.gather(*(house.hand(letter, CONTACT, LEAD) for letter in letters))

    assert all(one.code == 250 for one in handed)
    counts = await house.counts("messages", "contacts", "leads", "threads")
    assert counts == {"messages": 12, "contacts": 2, "leads": 12, "threads": 12}


async def test_c7_eight_mails_of_one_conversation_at_once_make_one_lead(house: House) -> None:
    letters = [mail(subject=f"{'Re: ' * n}Offer") for n in range(8)]

    handed = await asyncio.gather(*(house.hand(letter, LEAD) for letter in letters))

    assert all(one.code == 250 for one in handed)
    assert await house.counts("messages", "leads", "threads") == {"messages": 8, "leads": 1, "threads": 1}
    assert await house.column("SELECT count FROM threads") == [8]


async def test_c7_one_mail_from_eight_servers_at_once_is_one_message(house: House) -> None:
    letter = mail()

    handed = await asyncio.gather(*(house.hand(letter, LEAD) for _ in range(8)))

    assert len({one.id for one in handed}) == 1
    assert await house.counts("messages", "leads", "receipts") == {"messages": 1, "leads": 1, "receipts": 8}


NAMES = {
    "quotes and order": ('"Jones, Carol" <carol@example.net>', "Carol Jones", "Carol", "Jones"),
    "a tail": ("Carol Jones via Lists <carol@example.net>", "Carol Jones", "Carol", "Jones"),
    "an address as name": ('"carol@example.net" <carol@example.net>', "carol@example.net", "", ""),
    "encoded words": (
        "=?utf-8?q?Jos=C3=A9_?= =?utf-8?q?N=C3=BA=C3=B1ez?= <carol@example.net>",
        "José Núñez",
        "José",
        "Núñez",
    ),
    "no name": ("Carol@Example.net", "carol@example.net", "", ""),
}


@pytest.mark.parametrize(("to", "name", "first", "last"), NAMES.values(), ids=[f"C8 {story}" for story in NAMES])
async def test_what_a_contact_is_called(house: House, to: str, name: str, first: str, last: str) -> None:
    await house.hand(mail(to=to), LEAD)

    made = "SELECT name, first_name, last_name FROM contacts WHERE source = 'mail'"
    assert await house.rows(made) == [(name, first, last)]


async def test_c9_addresses_with_letters_of_any_script_are_people_too(house: House) -> None:
    letter = mail(to="Ève <ève@bücher.example>", sender="dimas@acme.example")

    handed = await house.hand(letter, LEAD, utf8=True)

    assert handed.code == 250
    assert "ève@xn--bcher-kva.example" in await house.column("SELECT email FROM contact_emails")


async def test_events_stand_in_the_same_commit_in_their_order(house: House) -> None:
    await house.hand(mail(), LEAD)

    types = await house.column("SELECT type FROM events ORDER BY id")
    assert types == ["contact.created", "lead.created", "message.filed"]
