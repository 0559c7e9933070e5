"""Held mail (rule B7): an admin lets it in or refuses it, and it never comes back by itself."""

from __future__ import annotations

import pytest

from gateway.core.decision import Decision
from gateway.core.refusals import Taken
from gateway.core.resources import Message
from gateway.store import accounts
from gateway.store.access import Principal
from gateway.usecases.review_held import refuse_forgotten, refuse_held, release_held
from tests.scenarios.house import House, mail

LEAD = "acme+lead@mail.kommo.com"
EVE = "Eve Adams <eve@stranger.example>"


@pytest.fixture
async def admin(house: House) -> Principal:
    account = await house.store.read(lambda tx: accounts.find_account(tx, "acme"))
    assert account is not None
    return Principal(account.number, "acme", "u", "dimas@acme.example", "Dimas", "admin", True, "t")


async def hold(house: House, subject: str = "Partnership", **more: str) -> tuple[str, str]:
    """A stranger's mail that is held: its text and its id."""
    await house.set(strangers="hold")
    letter = mail(sender=EVE, to="ana@acme.example", subject=subject, **more)
    handed = await house.hand(letter, LEAD, sender="eve@stranger.example")
    assert "Held for review" in handed.reply
    return letter, handed.id


async def test_b7_a_released_mail_is_filed_as_if_it_had_just_been_let_in(house: House, admin: Principal) -> None:
    _, held = await hold(house)
    came = (await house.column("SELECT at FROM messages"))[0]

    released = await release_held(house.store, house.blobs, admin, held, house.settings)

    assert isinstance(released, Message)
    assert released.id == held
    assert await house.cards_of(held) == {"contacts": ["Eve Adams"], "leads": ["Partnership"]}
    counts = await house.counts("messages", "bodies", "sources", "threads", "receipts")
    assert counts == {"messages": 1, "bodies": 1, "sources": 1, "threads": 1, "receipts": 1}
    assert await house.rows("SELECT state, at FROM messages") == [("filed", came)]
    types = await house.column("SELECT type FROM events ORDER BY id")
    assert types == ["message.held", "contact.created", "lead.created", "message.filed"]


async def test_b7_a_large_held_mail_keeps_its_bytes_when_it_is_released(house: House, admin: Principal) -> None:
    letter, held = await hold(house, body="A line of text.\n" * 30_000)

    await release_held(house.store, house.blobs, admin, held, house.settings)

    assert (await house.raw(held))[1] == letter.replace("\n", "\r\n").encode()


async def test_b7_a_released_mail_that_comes_again_is_already_filed(house: House, admin: Principal) -> None:
    letter, held = await hold(house)
    await release_held(house.store, house.blobs, admin, held, house.settings)

    again = await house.hand(letter, LEAD, sender="eve@stranger.example")

    assert "Already filed" in again.reply
    assert again.id == held


async def test_b7_todays_facts_count_when_a_mail_is_released(house: House, admin: Principal) -> None:
    _, held = await hold(house)
    await house.set(own_domains="acme.example, stranger.example")

    outcome = await release_held(house.store, house.blobs, admin, held, house.settings)

    assert isinstance(outcome, Decision)
    assert outcome.rule == "B8"
    assert await house.column("SELECT state FROM messages") == ["held"]


async def test_b7_its_recipients_count_as_they_were_when_it_came(house: House, admin: Principal) -> None:
    _, held = await hold(house)
    await house.rename("acme", "apex")

    released = await release_held(house.store, house.blobs, admin, held, house.settings)

    assert isinstance(released, Message)
    assert await house.column("SELECT name FROM leads") == ["Partnership"]


async def test_b7_a_refused_mail_loses_its_content_and_stays_away_when_it_comes_again(
    house: House, admin: Principal
) -> None:
    letter, held = await hold(house)

    shown = await refuse_held(house.store, admin, held)
    again = await house.hand(letter, LEAD, sender="eve@stranger.example")

    assert isinstance(shown, Message)
    assert shown.subject == "Partnership"
    assert again.code == 250
    assert "stays removed" in again.reply
    counts = await house.counts("messages", "bodies", "participants", "sources", "leads", "receipts")
    assert counts == {"messages": 1, "bodies": 0, "participants": 0, "sources": 0, "leads": 0, "receipts": 2}
    assert await house.rows("SELECT state, subject, snippet FROM messages") == [("gone", "", "")]


async def test_b7_who_was_told_of_a_held_mail_hears_that_it_was_refused(house: House, admin: Principal) -> None:
    _, held = await hold(house)

    await refuse_held(house.store, admin, held)

    told = await house.rows("SELECT type, subject, conversation FROM events ORDER BY id")
    assert [row[:2] for row in told] == [("message.held", held), ("message.deleted", held)]
    assert len({row[2] or row[1] for row in told}) == 1, "one after the other"


async def test_b7_a_mail_is_reviewed_once(house: House, admin: Principal) -> None:
    _, first = await hold(house)
    _, second = await hold(house, subject="Another")
    await release_held(house.store, house.blobs, admin, first, house.settings)
    await refuse_held(house.store, admin, second)

    filed = Taken("This mail is not held; it is filed.", first)
    for id, answer in ((first, filed), (second, None), ("01NOTHERE", None)):
        assert await release_held(house.store, house.blobs, admin, id, house.settings) == answer
        assert await refuse_held(house.store, admin, id) == answer


async def test_b7_what_nobody_looked_at_in_time_is_refused(house: House, admin: Principal) -> None:
    _, held = await hold(house)

    kept = await refuse_forgotten(house.store, held_days=1)
    dropped = await refuse_forgotten(house.store, held_days=0)

    assert (kept, dropped) == (0, 1)
    assert await house.column("SELECT type FROM events ORDER BY id") == ["message.held", "message.deleted"]
    assert await refuse_held(house.store, admin, held) is None
