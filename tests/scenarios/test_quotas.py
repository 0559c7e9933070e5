"""Rule B8b: outsiders create so much in an hour, and what is beyond waits for a person; told through the port."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway import metrics
from gateway.core.facts import NOT_EVALUATED, Auth
from gateway.core.quota import HOUR_MS, Quotas, block_of
from gateway.core.resources import Message
from gateway.store import accounts
from gateway.store.access import Principal
from gateway.store.engine import Place
from gateway.usecases import desk
from gateway.usecases.review_held import release_held
from tests.scenarios.house import NOW, Handed, House, mail

LEAD = "acme+lead@mail.kommo.com"
CONTACT = "acme+contact@mail.kommo.com"
ATTACH = "acme@mail.kommo.com"
EVE = "Eve Adams <eve@evil.example>"
BOB = "Bob Miller <bob@bluefin.example>"
ANA = "ana@acme.example"
DISTRUSTED = Auth(trusted=False, evaluated=True)


class Told:
    """Says of every author what it was told to say."""

    auth = NOT_EVALUATED

    def at_once(self, peer: str) -> Auth:
        return self.auth

    async def evaluate(self, *_: Any) -> Auth:
        return self.auth


class Outdoors(House):
    """A house whose peers come from a block of addresses outside, with quotas that are soon reached."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.authors = Told()
        self.peer = "192.0.2.10"
        self.now = NOW
        quotas = Quotas(account=8, domain=6, author=4, block=6)
        super().__init__(place, folder, self.authors, quotas=quotas, block=lambda _: block_of(self.peer))

    async def stranger(self, author: str, rcpt: str = LEAD, subject: str = "", to: str = ANA) -> Handed:
        letter = mail(sender=author, to=to, cc=rcpt, subject=subject or f"Boat {next(_subjects)}")
        return await self.hand(letter, rcpt, sender="bounces@evil.example")

    async def used(self) -> dict[str, int]:
        return dict(await self.rows("SELECT key, sum(count) FROM quotas GROUP BY key"))


_subjects = itertools.count(1)


@pytest.fixture
async def house(store: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Outdoors]:
    one = Outdoors(store, tmp_path)
    monkeypatch.setattr(desk, "_now", lambda: one.now)
    await one.open()
    yield one
    await one.close()


@pytest.fixture
async def admin(house: Outdoors) -> Principal:
    account = await house.store.read(lambda tx: accounts.find_account(tx, "acme"))
    assert account is not None
    return Principal(account.number, "acme", "u", "dimas@acme.example", "Dimas", "admin", True, "t")


def held(handed: Handed) -> bool:
    assert handed.reply.startswith("250 2.6.0 ")
    return "Held for review" in handed.reply


async def test_b8b_what_an_outsider_creates_is_counted_and_the_rest_is_held(house: Outdoors) -> None:
    heard = [held(await house.stranger(EVE)) for _ in range(5)]

    assert heard == [False, False, False, True, True], "a contact and a lead, then a lead each: four"
    assert await house.counts("messages", "leads", "receipts") == {"messages": 5, "leads": 3, "receipts": 5}
    assert await house.used() == {
        "account": 4,
        "author:eve@evil.example": 4,
        "domain:evil.example": 4,
        "block:192.0.2.0/24": 4,
    }
    receipt = (await house.receipts())[-1]
    assert (receipt["verdict"], receipt["rule"]) == ("hold", "B8b")
    assert (await house.column("SELECT type FROM events")).count("message.held") == 2


SCOPES = {
    # story: (authors, their peers, heard)
    "B8b by author": ([EVE] * 4, ["192.0.2.1", "198.51.100.1", "203.0.113.1", "192.0.2.1"], 3),
    "B8b by the author's domain": (
        [f"e{n}@evil.example" for n in range(4)],
        ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1"],
        3,
    ),
    "B8b by block": ([f"e@evil{n}.example" for n in range(4)], [f"192.0.2.{n}" for n in range(4)], 3),
    "B8b by account": (
        [f"e@evil{n}.example" for n in range(5)],
        ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "2001:db8:1::1"],
        4,
    ),
}


@pytest.mark.parametrize(("authors", "peers", "good"), SCOPES.values(), ids=SCOPES)
async def test_each_quota_holds_what_is_beyond(
    house: Outdoors, authors: list[str], peers: list[str], good: int
) -> None:
    heard = []
    for author, peer in zip(authors, peers, strict=True):
        house.peer = peer
        heard.append(held(await house.stranger(author)))

    assert heard == [False] * good + [True]


async def test_b8b_mails_of_one_batch_are_counted_one_after_the_other(house: Outdoors) -> None:
    heard = await asyncio.gather(*(house.stranger(f"e{n}@evil.example", CONTACT) for n in range(12)))

    assert sum(held(one) for one in heard) == 6
    assert (await house.used())["domain:evil.example"] == 6
    assert await house.count("contacts") == 7


async def test_b8b_an_hour_later_there_is_room_again_and_old_counts_are_gone(house: Outdoors) -> None:
    for _ in range(4):
        last = await house.stranger(EVE)
    house.now += HOUR_MS

    again = await house.stranger("Zed <zed@evil.example>")

    assert (held(last), held(again)) == (True, False)
    assert set(await house.column("SELECT hour FROM quotas")) == {house.now // HOUR_MS}


SPARED = {
    "a colleague": "Dimas <dimas@acme.example>",
    "a contact that a person made": BOB,
}


@pytest.mark.parametrize("author", SPARED.values(), ids=SPARED)
async def test_b8b_people_of_ours_are_not_counted_where_they_are_genuine(house: Outdoors, author: str) -> None:
    heard = [held(await house.stranger(author, to=f"p{n}@new.example")) for n in range(7)]
    assert not any(heard)
    assert await house.count("quotas") == 0

    house.authors.auth = DISTRUSTED
    heard = [held(await house.stranger(author, to=f"q{n}@new.example")) for n in range(3)]
    assert heard == [False, False, True]


async def test_b8b_a_stranger_is_no_contact_of_ours_because_another_strangers_mail_made_him_one(
    house: Outdoors,
) -> None:
    await house.stranger("a@evil.example", CONTACT, to="b@evil.example, c@evil.example, d@evil.example")

    heard = [held(await house.stranger("b@evil.example")) for _ in range(3)]

    assert heard == [False, False, True], "his domain caused four, and may cause six"


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1"])
async def test_b8b_loopback_is_spared(house: Outdoors, peer: str) -> None:
    house.peer = peer

    assert not any([held(await house.stranger(EVE)) for _ in range(6)])
    assert await house.count("quotas") == 0


async def test_b8b_mail_that_is_only_shown_is_not_counted_however_much_came(house: Outdoors) -> None:
    for _ in range(4):
        last = await house.stranger(EVE)
    assert held(last)

    assert not held(await house.stranger(EVE, ATTACH))


async def test_b8b_a_reply_in_an_open_conversation_makes_nothing_and_is_not_held(house: Outdoors) -> None:
    first = await house.stranger(EVE, subject="Boats")
    for _ in range(3):
        last = await house.stranger(EVE)
    assert (held(first), held(last)) == (False, True)

    assert not held(await house.stranger(EVE, subject="Re: Boats"))


async def test_b8b_a_released_mail_is_let_in_and_counts_no_more(house: Outdoors, admin: Principal) -> None:
    for _ in range(4):
        last = await house.stranger(EVE)
    before = await house.used()

    released = await release_held(house.store, house.blobs, admin, last.id, house.settings)

    assert isinstance(released, Message)
    assert len((await house.cards_of(last.id))["leads"]) == 1
    assert await house.used() == before


async def test_b8b_a_stronger_copy_of_a_filed_mail_waits_for_another_hour(house: Outdoors) -> None:
    letter = mail(sender=EVE, to=ANA, cc=f"{ATTACH}, {LEAD}", subject="Both")
    await house.hand(letter, ATTACH, sender="x@evil.example")
    for _ in range(4):
        await house.stranger(EVE)
    leads = await house.count("leads")

    again = await house.hand(letter, LEAD, sender="x@evil.example")
    assert "Already filed" in again.reply
    assert await house.count("leads") == leads
    house.now += HOUR_MS
    assert "new lead" in (await house.hand(letter, LEAD, sender="x@evil.example")).reply


async def test_b8b_operators_hear_of_it_by_a_figure_and_once_an_hour_in_the_log(house: Outdoors) -> None:
    def figure() -> float:
        lines = metrics.exposition().decode().splitlines()
        return sum(float(one.rpartition(" ")[2]) for one in lines if one.startswith(_FIGURE))

    before = figure()
    with structlog.testing.capture_logs() as log:
        for _ in range(6):
            await house.stranger(EVE)

    assert figure() - before == 3
    alerts = [line for line in log if line["event"] == "mail.quota_reached"]
    assert alerts == [
        {"event": "mail.quota_reached", "log_level": "warning", "account": "acme", "scope": "author"},
    ]


_FIGURE = 'smartgate_quota_reached_total{scope="author"}'


async def test_b8b_explain_says_it_before_it_happens_and_counts_nothing(
    house: Outdoors, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await house.stranger(EVE)
    before = await house.used()

    with monkeypatch.context() as clock:
        clock.setattr(time, "time_ns", lambda: house.now * 1_000_000)
        decision = await house.explain(mail(sender=EVE, to=f"{ANA}, new@one.example", subject="More"), LEAD)

    assert (decision["verdict"], decision["rule"]) == ("hold", "B8b")
    assert await house.used() == before
