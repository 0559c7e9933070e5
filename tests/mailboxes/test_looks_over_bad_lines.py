"""Looks at a real server whose folders, numbers and passwords change, and over bad lines (E3, E5, E8, E10, B9)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.mailboxes import AUTH_FAILED, IMPORTING, READY
from gateway.store import tables
from gateway.store.engine import Place, Store
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.fault_proxy import FaultProxy
from tests.mailboxes.mails import Letter, inbox
from tests.mailboxes.person import Person
from tests.mailboxes.real_rig import RealRig, before, look_until
from tests.mailboxes.rig import Key

STORES = ("sqlite",)
KIB = 1024
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def real(place: Place, tmp_path: Path) -> AsyncIterator[RealRig]:
    store = Store(place)
    store.start()
    made = RealRig(place, tmp_path / "blobs", store)
    await made.open_account()
    yield made
    await made.close()


def raws(letters: list[Letter]) -> list[bytes]:
    return [letter.raw for letter in letters]


async def whole(real: RealRig, key: Key, uids: list[int], role: str = "inbox") -> None:
    """Each of these is known once, and each is a message of its own."""
    fetched = await real.fetched(key, role)
    assert [uid for uid, _ in fetched] == uids
    assert len({message for _, message in fetched if message is not None}) == len(uids)


async def test_e5_the_first_mail_of_an_empty_inbox_is_seen_however_old_it_is(dovecot: Dovecot, real: RealRig) -> None:
    person = dovecot.person()
    key = await real.connect_person(person)
    await real.look(key)
    assert (await real.row(key)).state == READY
    [uid] = person.append("INBOX", [Letter(1).raw], at=before(400))
    await real.look(key)
    await whole(real, key, [uid])


SENT = {
    # story: folders with their special use, prefix, separator, the one that is read
    "a flag on a German name, beside a decoy": (
        {"Gesendete Elemente": "\\Sent", "Sent": "", "Drafts": "\\Drafts", "Junk": "\\Junk", "Alle": "\\All"},
        "",
        "/",
        "Gesendete Elemente",
    ),
    "no flag, Cyrillic": ({"Отправленные": "", "Черновики": "", "Спам": ""}, "", "/", "Отправленные"),
    "no flag, Chinese, below the inbox": ({"已发送": "", "垃圾邮件": ""}, "INBOX.", ".", "INBOX.已发送"),
    "none": ({"Rechnungen": "", "Archiv": "\\Archive"}, "", "/", None),
}


@pytest.mark.parametrize(("folders", "prefix", "separator", "read"), SENT.values(), ids=SENT)
async def test_e3_nothing_but_the_two_folders_is_opened_and_nothing_marked(
    dovecot: Dovecot, real: RealRig, folders: dict[str, str], prefix: str, separator: str, read: str | None
) -> None:
    person = dovecot.person(folders=folders, prefix=prefix, separator=separator)
    letters = inbox(60)
    person.append("INBOX", raws(letters), at=before(3), step=MINUTE)
    for number, folder in enumerate(sorted(person.folders())):
        if folder != "INBOX":
            person.append(folder, [Letter(9, seed=f"f{number}").raw], at=before(1))
    key = await real.connect_person(person)
    for _ in range(3):
        await real.look(key)
    assert set(person.opened()) == {("EXAMINE", "INBOX")} | ({("EXAMINE", read)} if read else set())
    assert {flag for folder in person.folders() for flags in person.flags(folder).values() for flag in flags} == set()
    assert await real.count(tables.messages) == 60 + (read is not None)
    assert ("Sent mail" in (await real.row(key)).error or "sent mail" in (await real.row(key)).error) is (read is None)


@pytest.mark.parametrize("storage", ["maildir:~/Maildir", "mdbox:~/mdbox"])
@pytest.mark.parametrize("renumber", [True, False], ids=["other uids", "the same uids"])
async def test_another_uidvalidity_doubles_nothing_and_loses_nothing(
    dovecot: Dovecot, real: RealRig, storage: str, renumber: bool
) -> None:
    person = dovecot.person(storage=storage)
    person.append("INBOX", raws(inbox(120, lean=True)), at=before(5), step=MINUTE)
    key = await real.connect_person(person)
    await real.look(key)
    known = [message for _, message in await real.fetched(key)]
    new = person.renew("INBOX", renumber=renumber)
    [more] = person.append("INBOX", [Letter(1, seed="later").raw])
    await real.look(key)
    fetched = await real.fetched(key)
    assert [uid for uid, _ in fetched] == [*new.values(), more]
    assert [message for _, message in fetched][:-1] == known
    assert await real.count(tables.messages) == 121


async def test_e8_what_is_expunged_there_stays_here(dovecot: Dovecot, real: RealRig) -> None:
    for capability in (None, "IMAP4rev1 SASL-IR LITERAL+ UIDPLUS NAMESPACE SPECIAL-USE"):
        person = dovecot.person(capability=capability)
        uids = person.append("INBOX", [Letter(n, seed=person.address).raw for n in range(10)], at=before(1))
        key = await real.connect_person(person)
        await real.look(key)
        messages = await real.count(tables.messages)
        person.expunge("INBOX", uids[2:5])
        await real.look(key)
        assert [uid for uid, _ in await real.fetched(key)] == uids[:2] + uids[5:]
        assert await real.count(tables.messages) == messages


async def test_moved_away_and_back_is_one_message(dovecot: Dovecot, real: RealRig) -> None:
    person = dovecot.person()
    uids = person.append("INBOX", raws(inbox(5)), at=before(1), step=MINUTE)
    key = await real.connect_person(person)
    await real.look(key)
    away = person.move("INBOX", uids[1:3], "Archive")
    await real.look(key)
    person.move("Archive", away, "INBOX")
    await real.look(key)
    fetched = await real.fetched(key)
    assert [uid for uid, _ in fetched] == person.uids("INBOX")
    assert len({message for _, message in fetched}) == 5 == await real.count(tables.messages)


async def test_b9_mails_are_told_apart_by_more_than_their_message_id(dovecot: Dovecot, real: RealRig) -> None:
    person = dovecot.person()
    nameless, one = Letter(1, identified=False), Letter(2)
    other = one.raw.replace(b"Subject: ", b"Subject: Quite another ")
    person.append("INBOX", [nameless.raw, nameless.raw, one.raw, one.raw, other], at=before(1))
    key = await real.connect_person(person)
    await real.look(key)
    messages = [message for _, message in await real.fetched(key)]
    assert messages[0] == messages[1] != messages[2] == messages[3] != messages[4]
    assert await real.count(tables.messages) == 3


async def test_a_line_that_is_cut_at_any_kilobyte_leaves_no_gap_and_no_double(dovecot: Dovecot, real: RealRig) -> None:
    person = dovecot.person()
    uids = person.append("INBOX", [Letter(n, text=100).raw for n in range(110)], at=before(2), step=MINUTE)
    with FaultProxy(dovecot.imaps) as line:
        key = await real.connect_person(person, line.port)
        await real.look(key)
        most = line.down // KIB
        assert most > 50
        for kilobytes in range(1, most + 1):
            account = await real.open_account(f"a{kilobytes}")
            key = await real.connect_person(person, line.port, account=account)
            line.cut_after = kilobytes * KIB
            await real.look(key)
            row = await real.row(key)
            assert (row.state, row.failures) == (IMPORTING, 1) or row.state == READY, row.error
            line.resume()
            await real.look(key)
            assert (await real.row(key)).state == READY
            await whole(real, key, uids)


async def test_a_silent_server_is_given_up_and_others_go_on(dovecot: Dovecot, real: RealRig) -> None:
    silent, other = dovecot.person(), dovecot.person()
    for person in (silent, other):
        person.append("INBOX", raws(inbox(30, seed=person.address)), at=before(1))
    real.seconds = 1.0
    with FaultProxy(dovecot.imaps) as line:
        line.silent_after = 40 * KIB
        first = await real.connect_person(silent, line.port)
        second = await real.connect_person(other)
        poller = real.poller(idle=0)
        await asyncio.gather(poller.look_into(first), poller.look_into(second))
        assert (await real.row(second)).state == READY
        assert (await real.row(first)).state == IMPORTING
        line.resume()
        await real.look(first)
    assert (await real.row(first)).state == READY
    assert await real.count(tables.messages) == 60


async def test_e10_a_wrong_password_is_tried_twice_and_never_again(dovecot: Dovecot, real: RealRig) -> None:
    person = dovecot.person()
    person.password = "wrong"
    key = await real.connect_person(person)
    await look_until(real.poller(), real, [30] * 20)
    assert (person.refusals(), person.logins()) == (2, 0)
    assert (await real.row(key)).state == AUTH_FAILED


async def test_e10_a_password_that_is_changed_while_we_wait_is_noticed_and_tried_twice(
    dovecot: Dovecot, real: RealRig
) -> None:
    person = dovecot.person()
    with FaultProxy(dovecot.imaps) as line:
        key = await real.connect_person(person, line.port)
        poller = real.poller()
        assert await poller.look_into(key)
        person.set_password("another one")
        line.cut()
        await look_until(poller, real, [40] * 10)
        assert (person.logins(), person.refusals()) == (1, 2)
        assert (await real.row(key)).state == AUTH_FAILED


async def test_a_server_that_was_away_is_looked_into_once_it_is_back(
    dovecots: Callable[..., Dovecot], real: RealRig
) -> None:
    server = dovecots()
    person: Person = server.person()
    uids = person.append("INBOX", raws(inbox(10)), at=before(1))
    key = await real.connect_person(person)
    server.stop()
    poller = real.poller(idle=0)
    await look_until(poller, real, [5] * 3)
    row = await real.row(key)
    assert (row.state, row.tries) == (IMPORTING, 0)
    assert row.failures >= 1
    server.start()
    await look_until(poller, real, [90])
    assert (await real.row(key)).state == READY
    await whole(real, key, uids)
