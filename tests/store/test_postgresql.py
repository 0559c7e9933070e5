"""What is special on PostgreSQL: several machines write at once, and the server may go away and come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from gateway.store import postgresql_writer
from gateway.store.engine import StoreError, Tx
from gateway.store.tables import slugs
from tests.postgresql import Server
from tests.scenarios.house import Handed, House, mail, make_world
from tests.scenarios.mailbox import ANAS, DIMAS, Copy, file_copies

pytestmark = pytest.mark.postgresql
LEAD = "acme+lead@mail.kommo.com"


@pytest.fixture
def database(postgresql: Server) -> Iterator[str]:
    name = postgresql.make()
    make_world(postgresql.url(name))
    yield postgresql.url(name)
    postgresql.drop(name)


@pytest.fixture
async def houses(database: str, tmp_path: Path) -> AsyncIterator[tuple[House, House]]:
    """Two gateways on one database, as on two machines."""
    both = House(database, tmp_path), House(database, tmp_path)
    for one in both:
        await one.open()
    yield both
    for one in both:
        await one.close()


async def hand_all(houses: Sequence[House], letters: Sequence[str], *, twice: bool = False) -> list[Handed]:
    """All letters at once, by turns to each gateway, or each letter to every one."""
    ways = [(one, letter) for letter in letters for one in houses] if twice else []
    ways = ways or [(houses[n % len(houses)], letter) for n, letter in enumerate(letters)]
    return await asyncio.gather(*(one.hand(letter, LEAD) for one, letter in ways))


async def test_c7_twelve_mails_of_one_new_client_through_two_gateways_make_one_contact(
    houses: tuple[House, House],
) -> None:
    handed = await hand_all(houses, [mail(subject=f"Offer {n}") for n in range(12)])

    assert [one.code for one in handed] == [250] * 12
    one = houses[0]
    assert await one.column("SELECT email FROM contact_emails WHERE email = 'carol@example.net'") == [
        "carol@example.net"
    ]
    assert await one.counts("messages", "contacts") == {"messages": 12, "contacts": 2}


async def test_c6_eight_answers_in_one_conversation_through_two_gateways_open_one_lead(
    houses: tuple[House, House],
) -> None:
    first = "<first@client.example>"
    await houses[0].hand(mail(message_id=first, cc="acme@mail.kommo.com"), "acme@mail.kommo.com")

    letters = [mail(subject=f"About {n}", to=f"p{n}@example.net", extra=f"In-Reply-To: {first}") for n in range(8)]
    handed = await hand_all(houses, letters)

    assert [one.code for one in handed] == [250] * 8
    assert await houses[1].counts("leads", "conversations") == {"leads": 1, "conversations": 1}
    assert await houses[1].column("SELECT count(*) FROM cards WHERE kind = 'lead'") == [8]


async def test_b9_the_same_mails_through_two_gateways_at_once_are_filed_once(houses: tuple[House, House]) -> None:
    letters = [mail(subject=f"Offer {n}") for n in range(10)]

    handed = await hand_all(houses, letters, twice=True)

    assert [one.code for one in handed] == [250] * 20
    assert sum("lready filed" in one.reply for one in handed) == 10
    one = houses[0]
    assert await one.counts("messages", "leads", "threads") == {"messages": 10, "leads": 10, "threads": 10}
    assert await one.column("SELECT count(*) FROM cards WHERE kind = 'contact'") == [10]


async def test_e13_a_copy_by_smtp_and_two_by_mailboxes_at_once_through_two_gateways_are_one_message(
    houses: tuple[House, House],
) -> None:
    first, second = houses
    letters = [mail(subject=f"Offer {n}") for n in range(10)]
    file = partial(file_copies, second.settings)
    copies = [Copy(letter, mailbox, "sent", "lead") for letter in letters for mailbox in (ANAS, DIMAS)]

    handed, fetched = await asyncio.gather(
        hand_all([first], letters), asyncio.gather(*(second.store.write_each(file, one) for one in copies))
    )

    assert [one.code for one in handed] == [250] * 10
    assert {one.message for one in fetched} == {one.id for one in handed}
    assert await first.counts("messages", "sources", "bodies", "leads", "threads") == {
        "messages": 10, "sources": 30, "bodies": 30, "leads": 10, "threads": 30,
    }  # fmt: skip
    assert set(await first.column("SELECT count FROM threads")) == {1}
    assert await first.column("SELECT count(*) FROM cards WHERE kind = 'contact'") == [10]


async def test_d_mails_of_one_subject_and_no_client_stand_in_one_thread(houses: tuple[House, House]) -> None:
    attach = "acme@mail.kommo.com"
    letters = [mail(to="ana@acme.example", cc=attach) for _ in range(10)]

    handed = await asyncio.gather(*(houses[n % 2].hand(letter, attach) for n, letter in enumerate(letters)))

    assert [one.code for one in handed] == [250] * 10
    assert await houses[0].rows("SELECT count FROM threads") == [(10,)]


async def test_a_mail_of_very_many_people_holds_its_account_instead_of_each_of_them(
    houses: tuple[House, House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.store.locks.MOST", 12)
    many = ", ".join(f"p{n}@example.net" for n in range(20))

    handed = await hand_all(houses, [mail(to=many, subject=f"Offer {n}") for n in range(6)])

    assert [one.code for one in handed] == [250] * 6
    assert await houses[0].count("contacts") == 21


async def test_one_address_made_a_contact_twice_at_once_is_one_contact(houses: tuple[House, House]) -> None:
    """A check and the change behind it hold together, whoever else writes."""

    def make(tx: Tx) -> int:
        found = len(tx.execute(slugs.select().where(slugs.c.slug == "new")).all())
        if not found:
            tx.execute(slugs.insert(), {"slug": "new", "account": 7, "retired_at": None})
        return found

    found = await asyncio.gather(*(one.store.write(make, account=7) for one in houses for _ in range(5)))

    assert sorted(found) == [0] + [1] * 9


async def test_a_text_postgresql_cannot_keep_is_kept_as_nearly_as_it_can(houses: tuple[House, House]) -> None:
    row = {"slug": "a\0b\ud800c", "account": 7, "retired_at": None}

    await houses[0].store.write(lambda tx: tx.execute(slugs.insert(), row).rowcount)

    assert await houses[1].column("SELECT slug FROM slugs WHERE account = 7") == ["a\ufffdb\ufffdc"]


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that the test may end."""
    server = Server()
    server.start()
    yield server
    server.close()


@pytest.fixture
async def house(own_server: Server, tmp_path: Path) -> AsyncIterator[House]:
    place = own_server.url(own_server.make())
    make_world(place)
    one = House(place, tmp_path)
    await one.open()
    yield one
    await one.close()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_after_a_restart_of_the_server_mail_is_filed_again(own_server: Server, house: House, mode: str) -> None:
    assert (await house.hand(mail(), LEAD)).code == 250

    await asyncio.to_thread(own_server.stop, mode)
    await asyncio.to_thread(own_server.start)

    assert (await house.hand(mail(), LEAD)).code == 250
    assert await house.count("messages") == 2


async def test_b10_without_a_server_it_is_a_4xx_and_once_it_is_back_all_is_filed(
    own_server: Server, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_writer, "PATIENCE_SECONDS", 0.2)
    assert (await house.hand(mail(), LEAD)).code == 250
    await asyncio.to_thread(own_server.stop, "immediate")

    refused = await house.hand(mail(), LEAD)
    assert refused.reply.startswith("451 4.3.0")
    with pytest.raises((DBAPIError, psycopg.Error)):
        await house.store.write(lambda tx: tx.execute(text("SELECT 1")).scalar())

    await asyncio.to_thread(own_server.start)
    assert (await house.hand(mail(), LEAD)).code == 250
    assert await house.count("messages") == 2


async def test_what_waits_for_a_server_is_written_when_it_is_back(own_server: Server, house: House) -> None:
    add = partial(_add, "waits")
    await asyncio.to_thread(own_server.stop, "immediate")

    waiting = asyncio.ensure_future(house.store.write(add))
    await asyncio.to_thread(own_server.start)

    assert await waiting == "waits"
    assert await house.column("SELECT slug FROM slugs WHERE account = 7") == ["waits"]


def _add(slug: str, tx: Tx) -> str:
    tx.execute(slugs.insert(), {"slug": slug, "account": 7, "retired_at": None})
    return slug


FALL = """
CREATE FUNCTION fall() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$
"""
FALLING = """
CREATE CONSTRAINT TRIGGER fall AFTER INSERT ON slugs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fall()
"""


async def test_a_commit_whose_answer_is_lost_is_a_fault_and_is_not_done_again(house: House) -> None:
    """Nobody knows then whether it was done: a mail comes again and is found, or not (B9)."""
    tried: list[str] = []

    def add(tx: Tx) -> None:
        tried.append("lost")
        _add("lost", tx)

    await house.store.write(lambda tx: [tx.exec_driver_sql(one).rowcount for one in (FALL, FALLING)])

    with pytest.raises((DBAPIError, psycopg.Error)):
        await house.store.write(add)

    assert tried == ["lost"]
    await house.store.write(lambda tx: tx.exec_driver_sql("DROP TRIGGER fall ON slugs").rowcount)
    assert await house.store.write(partial(_add, "next")) == "next"


async def test_a_connection_that_is_lost_before_the_commit_is_replaced_and_nobody_notices(house: House) -> None:
    falling = ["SELECT pg_terminate_backend(pg_backend_pid())"]

    def add(tx: Tx) -> str:
        if falling:
            tx.exec_driver_sql(falling.pop())
        return _add("once", tx)

    assert await house.store.write(add) == "once"
    assert await house.column("SELECT slug FROM slugs WHERE account = 7") == ["once"]


async def test_a_reader_whose_connections_were_ended_reads_on_new_ones(own_server: Server, house: House) -> None:
    assert await house.count("messages") == 0
    own_server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'smartgate'")

    assert await house.count("messages") == 0
    assert (await house.hand(mail(), LEAD)).code == 250


async def test_one_bad_job_among_many_is_told_so_and_its_neighbours_are_kept(house: House) -> None:
    def add_all(tx: Tx, words: Sequence[str]) -> list[str]:
        return [_add(word, tx) for word in words]

    told = await asyncio.gather(
        *(house.store.write_each(add_all, word) for word in ["a", "acme", "b"]), return_exceptions=True
    )

    assert told[0] == "a"
    assert isinstance(told[1], IntegrityError)
    assert told[2] == "b"


async def test_what_was_handed_in_before_the_end_is_written(house: House) -> None:
    handed = [asyncio.ensure_future(house.store.write(partial(_add, f"word{n}"))) for n in range(3)]
    await asyncio.sleep(0)

    await house.store.stop()

    assert await asyncio.gather(*handed) == ["word0", "word1", "word2"]
    with pytest.raises(StoreError, match="not open"):
        await house.store.write(partial(_add, "after"))
