"""Section E as stories: mail of people's own mailboxes on the cards, beside that of the smart addresses."""

from __future__ import annotations

import json

import pytest

from gateway.core.quota import Quotas
from gateway.store.engine import Place
from gateway.usecases.filing import FilingSettings
from tests.scenarios.house import NOW, House, mail
from tests.scenarios.mailbox import ANAS, DAY, DIMAS, Copy, fetch, fetch_all, own

CAROL = "Carol Jones <carol@example.net>"
BOB = "Bob Miller <bob@bluefin.example>"
ANA = "Ana <ana@acme.example>"
ATTACH = "acme@mail.kommo.com"

CARDS = {
    # story: auto_create, folder, From, To, contacts after, shown on
    "E6 by itself on cards of known people only": ("off", "inbox", BOB, f"{ANA}, {CAROL}", 1, ["Bob Miller"], []),
    "E6 with nobody known without a card": ("off", "inbox", CAROL, ANA, 1, [], []),
    "E6 contact adds the unknown": ("contact", "inbox", CAROL, f"{ANA}, {BOB}", 2, ["Bob Miller", "Carol Jones"], []),
    "E6 lead adds them and opens a lead": ("lead", "inbox", CAROL, ANA, 2, ["Carol Jones"], ["Offer"]),
    "E6 what was sent, too": ("lead", "sent", ANA, CAROL, 2, ["Carol Jones"], ["Offer"]),
    "E14 an alias that nobody confirmed yet is no client of sent mail": (
        "lead", "sent", "ana@alias.example", CAROL, 2, ["Carol Jones"], ["Offer"],
    ),
    "B8a no-reply is added nowhere": (
        "lead", "inbox", "no-reply@shop.example", f"{ANA}, {BOB}", 1, ["Bob Miller"], ["Offer"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("auto_create", "folder", "sender", "to", "contacts", "shown", "leads"), CARDS.values(), ids=CARDS
)
async def test_whose_cards_a_mailboxes_mail_stands_on(
    house: House, auto_create: str, folder: str, sender: str, to: str, contacts: int, shown: list[str], leads: list[str]
) -> None:
    filing = await fetch(house, mail(sender=sender, to=to, cc=""), folder=folder, auto_create=auto_create)

    assert filing.message is not None
    assert await house.count("contacts") == contacts
    assert await house.cards_of(filing.message) == {"contacts": shown, "leads": leads}
    assert await house.rows("SELECT action, state, direction FROM messages") == [
        ("attach" if auto_create == "off" else auto_create, "filed", "outgoing" if folder == "sent" else "incoming")
    ]


async def test_e_it_leaves_a_message_a_source_and_an_event_but_no_receipt(house: House) -> None:
    filing = await fetch(house, mail(sender=CAROL, to=ANA, cc=ATTACH), auto_create="off")

    assert (filing.receipt, filing.kept) == ("", True)
    assert await house.counts("messages", "sources", "bodies", "receipts") == {
        "messages": 1, "sources": 1, "bodies": 1, "receipts": 0,
    }  # fmt: skip
    assert await house.column("SELECT type FROM events") == ["message.filed"]
    assert await house.rows("SELECT n, road, mailbox, folder, view, removed_at FROM sources") == [
        (0, "imap", ANAS, "inbox", None, None)
    ]


async def test_e14_addresses_and_aliases_of_mailboxes_are_team(house: House) -> None:
    await own(house, ANAS, "ana@alias.example", "sales@shop.example")
    letter = mail(sender="Sales <sales@shop.example>", to=f"ana@alias.example, {CAROL}", cc="")

    await fetch(house, letter, auto_create="contact")

    assert await house.rows('SELECT direction, "primary" FROM messages') == [("outgoing", "carol@example.net")]
    assert await house.column("SELECT name FROM contacts ORDER BY name") == ["Bob Miller", "Carol Jones"]


async def test_e_it_stands_where_it_came_to_its_mailbox_and_what_it_causes_happens_now(house: House) -> None:
    letters = [mail(sender=CAROL, to=ANA, cc="") for _ in range(2)]
    await fetch(house, letters[0], auto_create="lead", at=NOW - 3 * DAY)
    await fetch(house, letters[1], auto_create="lead", at=NOW - 9 * DAY)

    for table in ("messages", "cards", "sources"):
        times = await house.column(f"SELECT DISTINCT at FROM {table} ORDER BY at")
        assert times == [NOW - 9 * DAY, NOW - 3 * DAY], table
    assert await house.rows("SELECT count, last_at FROM threads") == [(2, NOW - 3 * DAY)], "never moved back"
    assert await house.column("SELECT DISTINCT at FROM events") == [NOW]
    assert await house.column("SELECT created_at FROM leads") == [NOW]
    assert await house.column("SELECT created_at FROM contacts WHERE name = 'Carol Jones'") == [NOW]


async def test_e_older_mail_moves_no_thread_back_within_a_batch(house: House) -> None:
    await fetch(house, mail(sender=CAROL, to=ANA, cc=""), at=NOW - 5 * DAY)
    await fetch_all(house, [Copy(mail(sender=CAROL, to=ANA, cc=""), at=NOW - one * DAY) for one in (9, 7, 8)])

    assert await house.rows("SELECT count, last_at FROM threads") == [(4, NOW - 5 * DAY)]


UNREADABLE = {
    "B4 two From fields": (f"From: {CAROL}\nFrom: {BOB}", "The header is malformed: there are 2 From headers."),
    "B4 no From": ("Reply-To: x@example.net", "The header is malformed: there is no From header."),
    "B4b a bomb": (
        f"From: {CAROL}\n" + "X: y\n" * 1_001 + "X: z",
        "The header is beyond what we read: more than 1000 header lines.",
    ),
}


@pytest.mark.parametrize(("header", "mark"), UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("folder", ["inbox", "sent"])
async def test_what_cannot_be_read_is_kept_without_a_card_and_marked(
    house: House, header: str, mark: str, folder: str
) -> None:
    letter = f"{header}\nTo: {BOB}\nSubject: Offer\nMessage-ID: <1@x.example>\n\nHello\n"

    filing = await fetch(house, letter, folder=folder, auto_create="lead")

    assert filing.message is not None
    assert await house.counts("messages", "cards", "leads", "contacts") == {
        "messages": 1, "cards": 0, "leads": 0, "contacts": 1,
    }  # fmt: skip
    assert json.loads((await house.column("SELECT unread FROM messages"))[0])[-1] == mark
    assert await house.column("SELECT DISTINCT waiting FROM participants") in ([], [0])
    assert (await house.raw(filing.message))[1] == letter.replace("\n", "\r\n").encode()
    again = await fetch(house, letter, folder=folder, auto_create="lead")
    assert (again.message, again.kept) == (filing.message, False)


async def test_b6_automatic_mail_of_a_mailbox_creates_nothing(house: House) -> None:
    letter = mail(sender=CAROL, to=f"{ANA}, {BOB}", cc="", extra="Auto-Submitted: auto-replied")

    filing = await fetch(house, letter, auto_create="lead")

    assert filing.message is not None
    assert await house.cards_of(filing.message) == {"contacts": ["Bob Miller"], "leads": []}
    assert await house.column("SELECT automatic FROM messages") == [True]


class Sparing(House):
    """A house with quotas that are soon reached."""

    def __init__(self, place: Place, house: House) -> None:
        self.place, self.store = place, house.store
        quotas = Quotas(account=9, domain=6, author=4, block=1)
        self.settings = FilingSettings(house.settings.domains, house.settings.why_url, quotas=quotas)


async def test_b8b_beyond_a_quota_a_mailboxes_mail_is_filed_and_creates_nothing(house: House, store: Place) -> None:
    sparing = Sparing(store, house)
    letters = [mail(sender="Eve <eve@evil.example>", to=ANA, cc="", subject=f"Boat {n}") for n in range(5)]

    spent = [(await fetch(sparing, one, auto_create="lead")).decision.quota for one in letters]

    assert spent == [None, None, None, "author", "author"], "a contact and a lead, then a lead each"
    assert await house.counts("messages", "leads") == {"messages": 5, "leads": 3}
    assert await house.column("SELECT DISTINCT state FROM messages") == ["filed"]
    assert dict(await house.rows("SELECT key, sum(count) FROM quotas GROUP BY key")) == {
        "account": 4,
        "author:eve@evil.example": 4,
        "domain:evil.example": 4,
    }


async def test_b8b_hours_are_those_of_filing_not_of_the_mail(house: House, store: Place) -> None:
    sparing = Sparing(store, house)
    for n in range(4):
        letter = mail(sender="Eve <eve@evil.example>", to=ANA, cc="", subject=f"Boat {n}")
        last = await fetch(sparing, letter, auto_create="lead", at=NOW - n * DAY)

    assert last.decision.quota == "author"
    assert set(await house.column("SELECT hour FROM quotas")) == {NOW // 3_600_000}


async def test_b8b_a_mailbox_that_creates_nothing_and_what_colleagues_sent_are_not_counted(
    house: House, store: Place
) -> None:
    sparing = Sparing(store, house)
    for n in range(6):
        await fetch(sparing, mail(sender="Eve <eve@evil.example>", to=ANA, cc="", subject=f"Boat {n}"))
        await fetch(sparing, mail(sender=ANA, to=f"p{n}@new.example", cc=""), folder="sent", auto_create="contact")

    assert await house.count("quotas") == 0
    assert await house.count("contacts") == 7


THREADS = "SELECT mailbox, client, subject, count FROM threads ORDER BY id"


async def test_d_the_four_letters_of_the_seed_make_three_threads_in_a_mailbox(house: House) -> None:
    await house.set(own_domains="company.com")
    manager, greeting, question = "manager@company.com", "Salam dari tim perusahaan", "Pertanyaan tentang produk"
    letters = (
        (manager, "client1@gmail.com", greeting, "sent"),
        (manager, "client2@mail.com", greeting, "sent"),
        ("client2@mail.com", manager, question, "inbox"),
        ("client2@mail.com", manager, question, "inbox"),
    )

    for sender, to, subject, folder in letters:
        await fetch(house, mail(sender=sender, to=to, cc="", subject=subject), folder=folder)

    assert await house.rows(THREADS) == [
        (ANAS, "client1@gmail.com", greeting, 1),
        (ANAS, "client2@mail.com", greeting, 1),
        (ANAS, "client2@mail.com", question, 2),
    ]


async def test_d_each_mailbox_threads_apart(house: House) -> None:
    await fetch(house, mail(sender=CAROL, to=ANA, cc=""), ANAS)
    await fetch(house, mail(sender=CAROL, to="dimas@acme.example", cc=""), DIMAS)
    await house.hand(mail(sender=CAROL, to=ANA, cc=ATTACH), ATTACH)
    await fetch(house, mail(sender=CAROL, to=ANA, cc="", subject="Re: Offer"), ANAS)

    assert await house.rows(THREADS) == [
        (ANAS, "carol@example.net", "Offer", 2),
        (DIMAS, "carol@example.net", "Offer", 1),
        ("smart", "carol@example.net", "Offer", 1),
    ]


async def test_d_an_empty_subject_and_a_link_look_in_their_own_mailbox(house: House) -> None:
    root = mail(sender=CAROL, to=ANA, cc=ATTACH, message_id="<root@example.net>")
    await house.hand(root, ATTACH)
    await fetch(house, root, ANAS)
    answers = "In-Reply-To: <root@example.net>"
    await fetch(house, mail(sender=CAROL, to=ANA, cc="", subject="", extra=answers), ANAS)
    await fetch(house, mail(sender=CAROL, to=ANA, cc="", subject="", extra=answers), DIMAS)
    await fetch(house, mail(sender=CAROL, to=ANA, cc="", subject="Invoice", extra=answers), ANAS)

    (smart, _), (anas, linked), (_, alone), (_, invoice) = await house.rows(
        "SELECT id, answers FROM threads ORDER BY id"
    )
    assert (linked, alone, invoice) == (None, None, anas)
    assert smart != anas
    assert [row[-1] for row in await house.rows(THREADS)] == [1, 2, 1, 1]


async def test_c6_a_conversation_is_one_across_mailboxes(house: House) -> None:
    await house.hand(mail(message_id="<first@acme.example>"), "acme+lead@mail.kommo.com")

    answer = mail(sender=CAROL, to=ANA, cc="", subject="Re: Offer", extra="In-Reply-To: <first@acme.example>")
    filing = await fetch(house, answer, auto_create="lead")

    assert filing.message is not None
    assert await house.cards_of(filing.message) == {"contacts": ["Carol Jones"], "leads": ["Offer"]}
    assert await house.counts("leads", "conversations") == {"leads": 1, "conversations": 1}


async def test_b9_one_message_id_on_two_mails_and_none_at_all(house: House) -> None:
    same = "<same@example.net>"
    await fetch(house, mail(sender=CAROL, to=ANA, cc="", message_id=same))
    await fetch(house, mail(sender=CAROL, to=ANA, cc="", message_id=same, subject="Another"))
    bare = f"From: {CAROL}\nTo: {ANA}\nSubject: Bare\n\nHello\n"
    first = await fetch(house, bare)
    second = await fetch(house, f"Received: from x\n{bare}", DIMAS)

    assert first.message == second.message
    assert await house.counts("messages", "sources") == {"messages": 3, "sources": 4}
