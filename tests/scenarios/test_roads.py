"""Rules B9 and E13: however often and by whatever road a mail comes, it is one message; each road is a source of it."""

from __future__ import annotations

import itertools
import json

import pytest

from gateway.core.refusals import Taken
from gateway.store import accounts
from gateway.store.access import Principal
from gateway.store.deletions import NOTE, put_away
from gateway.store.engine import Tx
from gateway.store.tables import cards, messages, sources
from gateway.usecases.review_held import refuse_held, release_held
from tests.scenarios.house import NOW, House, mail
from tests.scenarios.mailbox import ANAS, DAY, DIMAS, SMART, Copy, fetch, fetch_all

CAROL = "Carol Jones <carol@example.net>"
ANA = "Ana <ana@acme.example>"
ATTACH = "acme@mail.kommo.com"
LEAD = "acme+lead@mail.kommo.com"
EVE = "Eve Adams <eve@stranger.example>"
SOURCES = "SELECT n, road, mailbox, folder FROM sources ORDER BY n"


@pytest.fixture
async def admin(house: House) -> Principal:
    account = await house.store.read(lambda tx: accounts.find_account(tx, "acme"))
    assert account is not None
    return Principal(account.number, "acme", "u", "dimas@acme.example", "Dimas", "admin", True, "t")


async def come(house: House, letter: str, road: tuple[str, str], **more: object) -> str:
    """A copy comes by a road, on its own; the message's id."""
    mailbox, folder = road
    if mailbox == SMART:
        handed = await house.hand(letter, ATTACH)
        assert handed.code == 250, handed
        return handed.id
    filing = await fetch(house, letter, mailbox, folder, **more)
    assert filing.message is not None
    return filing.message


ROADS = {"smart": (SMART, ""), "inbox": (ANAS, "inbox"), "sent": (DIMAS, "sent")}
ORDERS = list(itertools.permutations(ROADS))


@pytest.mark.parametrize("order", ORDERS, ids=[" then ".join(order) for order in ORDERS])
async def test_e13_three_roads_are_one_message_on_a_card_with_three_sources(
    house: House, order: tuple[str, ...]
) -> None:
    letter = mail(sender="dimas@acme.example", to=f"Bob <bob@bluefin.example>, {ANA}", cc=ATTACH)

    ids = [await come(house, letter, ROADS[road]) for road in (*order, *order)]

    assert len(set(ids)) == 1
    assert await house.counts("messages", "cards", "sources", "bodies") == {
        "messages": 1, "cards": 1, "sources": 3, "bodies": 3,
    }  # fmt: skip
    assert await house.column("SELECT n FROM bodies ORDER BY n") == [0, 1, 2]
    roads = {"smart": ("smtp", None, "sent"), "inbox": ("imap", ANAS, "inbox"), "sent": ("imap", DIMAS, "sent")}
    assert await house.rows(SOURCES) == [(n, *roads[road]) for n, road in enumerate(order)]
    assert sorted(await house.rows("SELECT mailbox, count FROM threads")) == [(ANAS, 1), (DIMAS, 1), (SMART, 1)]
    assert await house.column("SELECT count(DISTINCT thread) FROM sources") == [3]
    assert await house.column("SELECT type FROM events") == ["message.filed"]
    assert (await house.cards_of(ids[0]))["contacts"] == ["Bob Miller"]


@pytest.mark.parametrize("order", ORDERS, ids=[" then ".join(order) for order in ORDERS])
async def test_e13_copies_of_one_batch_come_to_the_same(house: House, order: tuple[str, ...]) -> None:
    letter = mail(sender="dimas@acme.example", to=f"Bob <bob@bluefin.example>, {ANA}", cc=ATTACH)

    filings = await fetch_all(house, [Copy(letter, *ROADS[road]) for road in (*order, *order)])

    assert len({one.message for one in filings}) == 1
    assert [one.kept for one in filings] == [True] * 3 + [False] * 3
    assert await house.counts("messages", "cards", "sources", "bodies", "threads") == {
        "messages": 1, "cards": 1, "sources": 3, "bodies": 3, "threads": 3,
    }  # fmt: skip
    assert await house.column("SELECT count FROM threads") == [1, 1, 1]


async def test_e13_a_later_source_shows_its_own_content(house: House) -> None:
    head = f"From: {CAROL}\nTo: {ANA}\nCc: {{cc}}\nSubject: {{subject}}\nMessage-ID: <1@x.example>\n"
    real = head.format(cc=ATTACH, subject="Offer") + "\nThe true text.\n"
    forged = (
        head.format(cc=f"eve@evil.example, {ATTACH}", subject="Re: Offer")
        + 'Content-Type: text/plain; name="a.txt"\nContent-Disposition: attachment; filename="a.txt"\n\nNot so.\n'
    )
    id = await come(house, real, ROADS["inbox"], at=NOW - DAY)

    assert await come(house, forged, ROADS["smart"]) == id

    [(first, _), (second, _)] = await house.rows("SELECT view, at FROM sources ORDER BY n")
    assert first is None
    view = json.loads(second)
    assert set(view) == {"subject", "snippet", "attachments", "from", "to", "cc", "auth"}
    assert (view["subject"], view["from"]) == ("Re: Offer", [{"address": "carol@example.net", "name": "Carol Jones"}])
    assert [one["address"] for one in view["cc"]] == ["eve@evil.example", ATTACH]
    assert [one["filename"] for one in view["attachments"]] == ["a.txt"]
    assert await house.rows("SELECT subject, snippet, at FROM messages") == [("Offer", "The true text.", NOW - DAY)]
    assert b"true" in (await house.raw(id, 0))[1]
    assert b"Not so" in (await house.raw(id, 1))[1]


async def test_b9_both_folders_of_a_mailbox_are_two_sources_in_one_thread_that_counts_one(house: House) -> None:
    letter = mail(sender=ANA, to=f"{ANA}, {CAROL}", cc="")

    for folder in ("sent", "inbox", "sent"):
        await fetch(house, letter, ANAS, folder)

    assert await house.column("SELECT folder FROM sources ORDER BY n") == ["sent", "inbox"]
    assert await house.rows("SELECT count FROM threads") == [(1,)]
    assert len(set(await house.column("SELECT thread FROM sources"))) == 1


STRONGER = {
    "B9 a smart address opens the lead of what a mailbox only shows": (ROADS["inbox"], "off", LEAD),
    "B9 a mailbox opens the lead of what a smart address only shows": (ROADS["smart"], "lead", ""),
}


@pytest.mark.parametrize(("first", "auto_create", "rcpt"), STRONGER.values(), ids=STRONGER)
async def test_a_stronger_copy_by_another_road(
    house: House, first: tuple[str, str], auto_create: str, rcpt: str
) -> None:
    letter = mail(sender=CAROL, to=ANA, cc=f"{ATTACH}, {LEAD}")
    id = await come(house, letter, first)
    assert await house.cards_of(id) == {"contacts": [], "leads": []}

    if rcpt:
        reply = (await house.hand(letter, rcpt)).reply
        assert "Already filed; now new lead, 1 new contact" in reply
    else:
        await fetch(house, letter, auto_create=auto_create)

    assert await house.cards_of(id) == {"contacts": ["Carol Jones"], "leads": ["Offer"]}
    assert await house.column("SELECT action FROM messages") == ["lead"]
    assert await house.counts("messages", "sources") == {"messages": 1, "sources": 2}
    [(at,)] = await house.rows("SELECT at FROM messages")
    assert set(await house.column("SELECT at FROM cards")) == {at}


async def test_b9_a_weaker_copy_by_another_road_takes_nothing_back(house: House) -> None:
    letter = mail(sender=CAROL, to=ANA, cc=ATTACH)
    id = await come(house, letter, ROADS["inbox"], auto_create="lead")

    handed = await house.hand(letter, ATTACH)

    assert handed.reply.startswith("250 2.6.0 Already filed; nothing doubled.")
    assert await house.column("SELECT action FROM messages") == ["lead"]
    assert await house.cards_of(id) == {"contacts": ["Carol Jones"], "leads": ["Offer"]}
    assert await house.count("sources") == 2


async def hold(house: House) -> tuple[str, str]:
    """A stranger's mail that a smart address holds, and its id."""
    await house.set(strangers="hold")
    letter = mail(sender=EVE, to=ANA, cc=LEAD, subject="Partnership")
    handed = await house.hand(letter, LEAD, sender="eve@stranger.example")
    assert "Held for review" in handed.reply
    return letter, handed.id


HELD = {
    # story: auto_create, cards, waiting
    "as it only shows": ("off", {"contacts": [], "leads": []}, [1]),
    "as it adds people": ("contact", {"contacts": ["Eve Adams"], "leads": []}, [0]),
    "as it opens leads": ("lead", {"contacts": ["Eve Adams"], "leads": ["Partnership"]}, [0]),
}


@pytest.mark.parametrize(("auto_create", "shown", "waiting"), HELD.values(), ids=[f"B9 held {story}" for story in HELD])
async def test_what_is_held_is_filed_when_a_mailbox_has_it(
    house: House, admin: Principal, auto_create: str, shown: dict[str, list[str]], waiting: list[int]
) -> None:
    letter, id = await hold(house)
    [came] = await house.column("SELECT at FROM messages")

    filing = await fetch(house, letter, auto_create=auto_create, at=NOW)

    assert (filing.message, filing.kept) == (id, True)
    action = "attach" if auto_create == "off" else auto_create
    assert await house.rows("SELECT state, action, at FROM messages") == [("filed", action, came)]
    assert await house.cards_of(id) == shown
    assert await house.column("SELECT waiting FROM participants WHERE kind = 'client'") == waiting
    assert await house.rows(SOURCES) == [(0, "smtp", None, "inbox"), (1, "imap", ANAS, "inbox")]
    assert await house.counts("bodies", "threads") == {"bodies": 2, "threads": 2}
    assert await house.column("SELECT count(*) FROM sources WHERE thread IS NULL") == [0]
    assert (await house.column("SELECT type FROM events ORDER BY id"))[-1] == "message.filed"
    assert isinstance(await release_held(house.store, house.blobs, admin, id, house.settings), Taken)
    again = await house.hand(letter, LEAD, sender="eve@stranger.example")
    assert again.reply.startswith("250 2.6.0 Already filed")
    assert await house.counts("messages", "sources") == {"messages": 1, "sources": 2}


async def test_b9_held_and_fetched_in_one_batch(house: House) -> None:
    await house.set(strangers="hold")
    letter = mail(sender=EVE, to=ANA, cc=LEAD)
    copies = [Copy(letter, SMART, rcpt=LEAD), Copy(letter, auto_create="lead"), Copy(letter, SMART, rcpt=LEAD)]

    first, second, third = await fetch_all(house, copies)

    assert first.message == second.message == third.message
    assert [one.decision.verdict.value for one in (first, second, third)] == ["hold", "file", "file"]
    assert await house.rows("SELECT state, action FROM messages") == [("filed", "lead")]
    assert await house.counts("sources", "leads", "threads") == {"sources": 2, "leads": 1, "threads": 2}
    assert await house.column("SELECT count(*) FROM sources WHERE thread IS NULL") == [0]
    assert await house.column("SELECT waiting FROM participants WHERE kind = 'client'") == [0]


@pytest.mark.parametrize("road", ["smart", "inbox"])
@pytest.mark.parametrize("gone", ["deleted", "gone"])
async def test_e8_what_was_deleted_stays_so_by_whatever_road_it_comes(
    house: House, admin: Principal, gone: str, road: str
) -> None:
    if gone == "gone":
        letter, id = await hold(house)
        await refuse_held(house.store, admin, id)
    else:
        letter = mail(sender=CAROL, to=ANA, cc=ATTACH)
        id = await come(house, letter, ROADS["sent"])
        await house.store.write(lambda tx: put_away(tx, admin.account, id, NOW))
    before = await house.counts("messages", "sources", "bodies", "cards", "threads", "leads")

    if road == "smart":
        rcpt = LEAD if gone == "gone" else ATTACH
        handed = await house.hand(letter, rcpt, sender="eve@stranger.example")
        assert "it stays removed" in handed.reply
        assert handed.id == id
    else:
        filing = await fetch(house, letter, auto_create="lead")
        assert (filing.message, filing.kept) == (id, False)

    assert await house.counts("messages", "sources", "bodies", "cards", "threads", "leads") == before
    assert await house.column("SELECT state FROM messages") == [gone]


async def leave_note(house: House, id: str) -> None:
    """What a mailbox that was disconnected with `delete` leaves on the cards (E9)."""

    def leave(tx: Tx) -> None:
        tx.execute(messages.update().where(messages.c.id == id).values(state=NOTE, subject="", snippet=""))
        for table in ("bodies", "participants"):
            tx.exec_driver_sql(f"DELETE FROM {table}")
        tx.exec_driver_sql("UPDATE threads SET count = 0")

    await house.store.write(leave)


@pytest.mark.parametrize("road", ["smart", "inbox"])
async def test_e9_a_note_gives_way_to_its_mail_when_that_comes_again(house: House, road: str) -> None:
    letter = mail(sender="bob@bluefin.example", to=ANA, cc=ATTACH)
    note = await come(house, letter, ROADS["inbox"])
    conversations = await house.column("SELECT id FROM conversations")
    await leave_note(house, note)

    id = await come(house, letter, ROADS[road])

    assert id != note
    assert await house.rows("SELECT id, state, subject FROM messages") == [(id, "filed", "Offer")]
    for table in (cards, sources):
        assert await house.column(f"SELECT message FROM {table.name}") == [id]
    assert await house.column("SELECT id FROM conversations") == conversations
    assert await house.counts("bodies") == {"bodies": 1}
    assert [count for count in await house.column("SELECT count FROM threads") if count] == [1]


async def test_e9_a_note_gives_way_once_where_two_copies_come_in_one_batch(house: House) -> None:
    letter = mail(sender="bob@bluefin.example", to=ANA, cc=ATTACH)
    await leave_note(house, await come(house, letter, ROADS["inbox"]))

    first, second = await fetch_all(house, [Copy(letter), Copy(letter, SMART)])

    assert first.message == second.message
    assert await house.counts("messages", "sources") == {"messages": 1, "sources": 2}


async def remove_source(house: House, n: int) -> None:
    """Somebody took one source away, and its thread counts the message no more."""

    def remove(tx: Tx) -> None:
        tx.execute(sources.update().where(sources.c.n == n).values(removed_at=NOW))
        tx.exec_driver_sql(f"UPDATE threads SET count = 0 WHERE id = (SELECT thread FROM sources WHERE n = {n})")

    await house.store.write(remove)


@pytest.mark.parametrize("subject", ["Offer", ""])
async def test_e8_a_source_that_was_taken_away_does_not_come_back_but_another_of_its_mailbox_may(
    house: House, subject: str
) -> None:
    letter = mail(sender=ANA, to=f"{ANA}, {CAROL}", cc=ATTACH, subject=subject)
    id = await come(house, letter, ROADS["smart"])
    await fetch(house, letter, ANAS, "inbox")
    await remove_source(house, 1)

    again = await fetch(house, letter, ANAS, "inbox")
    assert (again.message, again.kept) == (id, False)
    assert await house.count("sources") == 2

    assert (await fetch(house, letter, ANAS, "sent")).kept
    assert await house.column("SELECT n FROM sources WHERE removed_at IS NULL ORDER BY n") == [0, 2]
    assert sorted(await house.rows("SELECT mailbox, count FROM threads")) == [(ANAS, 1), (SMART, 1)]


async def test_a_number_of_a_body_that_is_still_there_is_not_given_again(house: House) -> None:
    letter = mail(sender=CAROL, to=ANA, cc=ATTACH)
    await come(house, letter, ROADS["smart"])
    await come(house, letter, ROADS["inbox"])
    await house.store.write(lambda tx: tx.exec_driver_sql("DELETE FROM sources WHERE n = 1").rowcount)

    await come(house, letter, ROADS["sent"])

    assert await house.column("SELECT n FROM sources ORDER BY n") == [0, 2]


async def test_e13_a_large_copy_of_what_a_mailbox_has_keeps_its_file(house: House) -> None:
    head = f"From: {CAROL}\nTo: {ANA}\nCc: {ATTACH}\nSubject: Offer\nMessage-ID: <1@x.example>\n\n"
    large = head + "A line of text.\n" * 30_000
    id = await come(house, head + "A line.\n", ROADS["inbox"])

    for _ in range(2):
        assert await come(house, large, ROADS["smart"]) == id

    assert (await house.raw(id, 1))[1] == large.replace("\n", "\r\n").encode()
    assert len([one for one in house.folder.rglob("*") if one.is_file()]) == 1


async def test_b7_a_strangers_copy_of_what_a_mailbox_has_is_refused_where_strangers_are(house: House) -> None:
    await house.set(strangers="refuse")
    letter = mail(sender=EVE, to=ANA, cc=ATTACH)
    await come(house, letter, ROADS["inbox"])

    handed = await house.hand(letter, ATTACH, sender="eve@stranger.example")

    assert handed.reply.startswith("550 5.7.1 Only people this team knows")
    assert await house.counts("messages", "sources", "receipts") == {"messages": 1, "sources": 1, "receipts": 1}
