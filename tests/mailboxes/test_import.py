"""What a look brings in, and what it leaves alone (E3, E4, E8; B9): a poller, a server in memory, both stores."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.mailboxes import IMPORTING, READY
from gateway.core.remote import RemoteFile
from gateway.core.sent_names import NO_SENT
from gateway.core.syncplan import Pace
from gateway.store import tables
from gateway.usecases import file_fetched
from gateway.usecases.mail_servers import Trouble
from tests.mailboxes.fake_session import FakeServer
from tests.mailboxes.rig import Key, Rig, ago, fill, mail

SMALL = Pace(import_messages=5)


async def look(rig: Rig, key: Key) -> None:
    assert await rig.poller().look_into(key)


async def test_e4_the_last_five_hundred_of_the_month_are_imported_and_not_one_more(rig: Rig) -> None:
    server = FakeServer()
    fill(server, 700)
    key = await rig.connect(server)
    await look(rig, key)
    assert await rig.subjects() == [f"Offer {n}" for n in range(201, 701)]
    row = await rig.row(key)
    assert (row.state, row.done, row.total, row.last_sync_at) == (READY, 500, 500, rig.clock.now)
    assert max(server.batches) == 50


async def test_fewer_than_that_are_imported_all_and_what_is_older_than_a_month_stays_there(rig: Rig) -> None:
    server = FakeServer()
    fill(server, 3, at=ago(40))
    server.inbox.add(mail(4), ago(31, -1))
    server.inbox.add(mail(5), ago(31, +1))
    fill(server, 2, first=6)
    await look(rig, await rig.connect(server))
    assert await rig.subjects() == ["Offer 5", "Offer 6", "Offer 7"]


async def test_e4_what_is_a_little_older_than_a_month_takes_no_place_of_what_is_not(rig: Rig) -> None:
    rig.pace = SMALL
    server = FakeServer()
    for n, at in enumerate([ago(2)] * 4 + [ago(31, +1)] + [ago(31, -n) for n in range(1, 8)], 1):
        server.inbox.add(mail(n), at)
    server.inbox.add(mail(13), ago(1))
    await look(rig, await rig.connect(server))
    assert sorted(await rig.subjects()) == sorted(f"Offer {n}" for n in (2, 3, 4, 5, 13))


async def test_a_mail_that_tells_no_time_is_imported_and_stands_at_the_time_it_was_found(rig: Rig) -> None:
    server = FakeServer()
    server.inbox.add(mail(1), 0)
    key = await rig.connect(server)
    server.before = lambda call: server.inbox.mails[1].__setattr__("at", 0 if call == "fetch" else ago(1))
    await look(rig, key)
    assert [row.at for row in await rig.rows(tables.messages)] == [rig.clock.now]


async def test_an_empty_inbox_is_ready_and_its_first_mail_is_seen(rig: Rig) -> None:
    server = FakeServer()
    key = await rig.connect(server)
    await look(rig, key)
    assert (await rig.row(key)).state == READY
    server.inbox.add(mail(1), ago(90))
    await look(rig, key)
    assert await rig.subjects() == ["Offer 1"]


async def test_sent_mail_is_filed_as_sent(rig: Rig) -> None:
    server = FakeServer()
    server.outbox.add(mail(1, sender="alias@elsewhere.example"), ago(1))
    await look(rig, await rig.connect(server))
    [source] = await rig.rows(tables.sources)
    [message] = await rig.rows(tables.messages)
    assert (source.folder, message.direction) == ("sent", "outgoing")


async def test_without_a_folder_of_sent_mail_the_inbox_is_read_and_the_owner_is_told(rig: Rig) -> None:
    server = FakeServer(sent=None)
    fill(server, 1)
    key = await rig.connect(server)
    await look(rig, key)
    row = await rig.row(key)
    assert (row.state, row.error) == (READY, NO_SENT)
    assert await rig.count(tables.messages) == 1


async def test_a_folder_that_fails_never_moves_its_cursor_and_the_other_one_goes_on(rig: Rig) -> None:
    server = FakeServer(broken={"INBOX"})
    fill(server, 1)
    server.outbox.add(mail(2), ago(1))
    key = await rig.connect(server)
    await look(rig, key)
    row = await rig.row(key)
    assert (row.state, row.failures, row.error) == (IMPORTING, 1, "The server can't open the folder INBOX.")
    assert await rig.subjects() == ["Offer 2"]
    assert [one.role for one in await rig.rows(tables.mailbox_folders)] == ["sent"]
    server.broken.clear()
    rig.clock.pass_by(2)
    await look(rig, key)
    row = await rig.row(key)
    assert (row.state, row.failures, row.error) == (READY, 0, "")
    assert sorted(await rig.subjects()) == ["Offer 1", "Offer 2"]


@pytest.mark.parametrize("can", ["QRESYNC", "nothing"])
async def test_many_that_went_at_once_and_many_that_never_were_are_marked_in_pieces(
    rig: Rig, can: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_fetched, "_GONE_AT_ONCE", 2)
    server = FakeServer(can=frozenset({"IMAP4REV1"} | ({"CONDSTORE", "QRESYNC"} if can == "QRESYNC" else set())))
    fill(server, 8)
    poller = rig.poller()
    key = await rig.connect(server)
    await poller.look_into(key)
    for uid in (1, 2, 4, 6, 8):
        server.inbox.expunge(uid)
    server.inbox.went += [(server.inbox.modseq, uid) for uid in range(1_000, 21_000)]
    await poller.look_into(key)
    gone = [row.uid for row in await rig.rows(tables.remote_messages, "uid") if row.gone_at is not None]
    assert gone == [1, 2, 4, 6, 8]


WAYS = {"by what the server tells": "QRESYNC", "by comparing": "CONDSTORE"}


@pytest.mark.parametrize("can", WAYS.values(), ids=WAYS)
async def test_what_is_deleted_on_the_server_stays_here_and_is_known_to_be_gone(rig: Rig, can: str) -> None:
    server = FakeServer(can=frozenset({"IMAP4REV1", "CONDSTORE", can}))
    fill(server, 3)
    key = await rig.connect(server)
    await look(rig, key)
    server.inbox.expunge(2)
    fill(server, 1, first=4)
    await look(rig, key)
    assert await rig.count(tables.messages) == 4
    gone = {row.uid: row.gone_at for row in await rig.rows(tables.remote_messages)}
    assert gone == {1: None, 2: rig.clock.now, 3: None, 4: None}


async def test_uids_are_compared_once_a_day_where_nothing_seems_to_have_changed(rig: Rig) -> None:
    server = FakeServer(can=frozenset({"IMAP4REV1"}))
    fill(server, 2)
    key = await rig.connect(server)
    await look(rig, key)
    before = server.calls["all"]
    await look(rig, key)
    assert server.calls["all"] == before
    rig.clock.pass_by(25 * 60)
    await look(rig, key)
    assert server.calls["all"] == before + 2


async def test_a_look_at_what_is_unchanged_writes_no_folder_and_fetches_nothing(rig: Rig) -> None:
    server = FakeServer()
    fill(server, 2)
    key = await rig.connect(server)
    await look(rig, key)
    folders = await rig.rows(tables.mailbox_folders, "role")
    server.calls.clear()
    await look(rig, key)
    assert server.calls == {"open": 1, "folders": 1, "examine": 2, "above": 2}
    assert await rig.rows(tables.mailbox_folders, "role") == folders


async def test_moved_away_and_back_is_one_message(rig: Rig) -> None:
    server = FakeServer()
    fill(server, 2)
    key = await rig.connect(server)
    await look(rig, key)
    moved = server.inbox.expunge(1)
    await look(rig, key)
    server.inbox.add(moved.message, moved.at)
    await look(rig, key)
    assert await rig.subjects() == ["Offer 1", "Offer 2"]
    stands = [(row.uid, row.message, row.gone_at is None) for row in await rig.rows(tables.remote_messages, "uid")]
    assert [(uid, here) for uid, _, here in stands] == [(1, False), (2, True), (3, True)]
    assert stands[0][1] == stands[2][1]


async def test_new_numbers_of_a_folder_double_nothing_and_lose_nothing(rig: Rig) -> None:
    rig.pace = SMALL
    server = FakeServer()
    fill(server, 3, at=ago(20))
    key = await rig.connect(server)
    await look(rig, key)
    fill(server, 20, first=4, at=ago(19))
    await look(rig, key)
    before = await rig.rows(tables.messages, "id")
    assert len(before) == 23
    fill(server, 1, first=24)
    server.inbox.renumber()
    await look(rig, key)
    after = await rig.rows(tables.messages, "id")
    assert after[:23] == before
    assert [row.subject for row in after[23:]] == ["Offer 24"]
    here = [row for row in await rig.rows(tables.remote_messages, "uid") if row.gone_at is None]
    assert [(row.uidvalidity, row.uid) for row in here] == [(2, uid) for uid in range(1, 25)]
    assert len({row.message for row in here}) == 24


async def test_under_new_numbers_nothing_is_imported_that_was_not_before(rig: Rig) -> None:
    rig.pace = SMALL
    server = FakeServer()
    fill(server, 12)
    key = await rig.connect(server)
    await look(rig, key)
    imported = [f"Offer {n}" for n in range(8, 13)]
    assert await rig.subjects() == imported
    server.inbox.renumber()
    await look(rig, key)
    assert await rig.subjects() == imported


async def test_what_was_taken_away_here_stays_away_under_new_numbers(rig: Rig) -> None:
    server = FakeServer()
    fill(server, 1)
    key = await rig.connect(server)
    await look(rig, key)
    await rig.store.write(lambda tx: tx.execute(tables.sources.update().values(removed_at=5)) and None)
    server.inbox.renumber()
    await look(rig, key)
    [source] = await rig.rows(tables.sources)
    assert source.removed_at == 5


async def test_another_folder_of_sent_mail_is_read_from_its_beginning(rig: Rig) -> None:
    server = FakeServer()
    server.outbox.add(mail(1), ago(1))
    key = await rig.connect(server)
    await look(rig, key)
    server.folders["Gesendet"] = type(server.outbox)(uidvalidity=server.outbox.uidvalidity)
    server.folders["Gesendet"].add(mail(2), ago(1, 5))
    await rig.set(key, sent_path="Gesendet")
    await look(rig, key)
    assert await rig.subjects() == ["Offer 1", "Offer 2"]
    [stands] = await rig.rows(tables.remote_messages)
    assert stands.message == (await rig.rows(tables.messages, "at"))[1].id


async def test_in_both_folders_it_is_one_message_with_two_sources(rig: Rig) -> None:
    server = FakeServer()
    server.inbox.add(mail(1), ago(1))
    server.outbox.add(mail(1), ago(1))
    await look(rig, await rig.connect(server))
    assert await rig.count(tables.messages) == 1
    assert [row.folder for row in await rig.rows(tables.sources, "n")] == ["inbox", "sent"]


async def test_the_same_mail_in_two_mailboxes_is_one_message(rig: Rig) -> None:
    first, second = FakeServer(), FakeServer()
    first.inbox.add(mail(1), ago(1))
    second.inbox.add(mail(1), ago(1))
    keys = [await rig.connect(first), await rig.connect(second)]
    for key in keys:
        await look(rig, key)
    assert await rig.count(tables.messages) == 1
    assert {row.mailbox for row in await rig.rows(tables.sources)} == {id for _, id in keys}


IDENTITIES = {
    "without a Message-ID, the same text": ("-", "-", 1, 1, 1),
    "without a Message-ID, other text": ("-", "-", 1, 2, 2),
    "one Message-ID on two mails": ("<same@example.net>", "<same@example.net>", 1, 2, 2),
}


@pytest.mark.parametrize("given", IDENTITIES.values(), ids=IDENTITIES)
async def test_what_is_the_same_mail(rig: Rig, given: tuple[str, str, int, int, int]) -> None:
    first, second, one, other, messages = given
    server = FakeServer()
    server.inbox.add(mail(one, id=first), ago(1))
    server.inbox.add(mail(other, id=second), ago(1, 1))
    await look(rig, await rig.connect(server))
    assert await rig.count(tables.messages) == messages
    assert await rig.count(tables.remote_messages) == 2


HEAD = b"Message-ID: <f@x>\r\nFrom: bob@example.net\r\nTo: ceo@acme.example\r\nMIME-Version: 1.0\r\n"
TYPE = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\nContent-Type: application/pdf\r\n"
PART = b"Content-Disposition: attachment; filename=a.pdf\r\n\r\n"
SKELETON, WHOLE = (HEAD + TYPE + PART + inside + b"\r\n--b--\r\n" for inside in (b"", b"12345"))
FILES = (RemoteFile(1, "2", "7bit", 5, 5),)


async def test_files_stay_on_their_server_and_their_places_are_known(rig: Rig) -> None:
    server = FakeServer()
    server.inbox.add(SKELETON, ago(1), FILES, WHOLE)
    await look(rig, await rig.connect(server))
    [remote] = await rig.rows(tables.remote_messages)
    assert remote.parts == '[{"n": 1, "part": "2", "encoding": "7bit", "octets": 5, "size": 5}]'
    [message] = await rig.rows(tables.messages)
    assert '"size":5' in message.attachments.replace(" ", "")


@pytest.mark.parametrize("real_first", [True, False])
async def test_e13_another_mail_that_passes_for_one_lends_it_no_files(rig: Rig, real_first: bool) -> None:
    """Whoever knows Message-ID, author, date and subject of a mail can send another file under its name."""
    server = FakeServer()
    real, forged = ((b"Received: " + by + b"\r\n" + SKELETON, ago(1), FILES) for by in (b"from a", b"from evil"))
    for one in (real, forged) if real_first else (forged, real):
        server.inbox.add(*one)
    key = await rig.connect(server)
    await look(rig, key)
    assert [len(row.parts) > 2 for row in await rig.rows(tables.remote_messages, "uid")] == [True, False]
    assert {row.message for row in await rig.rows(tables.remote_messages)} == {
        row.id for row in await rig.rows(tables.messages)
    }
    server.inbox.add(*(real if real_first else forged))  # moved away, and back
    server.inbox.renumber()
    await look(rig, key)
    now = [row for row in await rig.rows(tables.remote_messages, "uid") if row.gone_at is None]
    assert [len(row.parts) > 2 for row in now] == [True, False, True]


async def test_files_are_kept_where_the_mailbox_says_so(rig: Rig) -> None:
    server = FakeServer()
    server.inbox.add(SKELETON, ago(1), FILES, WHOLE)
    server.inbox.add(mail(2), ago(1))
    await look(rig, await rig.connect(server, keep_attachments=True))
    assert [row.parts for row in await rig.rows(tables.remote_messages, "uid")] == ["[]", "[]"]
    assert server.fetched["INBOX", 1] == 2
    assert server.fetched["INBOX", 2] == 1
    bodies = await rig.rows(tables.bodies)
    assert any(b"12345" in _unpacked(row) for row in bodies)


def _unpacked(row: Any) -> bytes:
    import zstandard

    return zstandard.ZstdDecompressor().decompress(row.data)


async def test_a_large_mail_is_kept_in_a_file(rig: Rig) -> None:
    server = FakeServer()
    server.inbox.add(mail(1) + b"x" * 300_000, ago(1))
    await look(rig, await rig.connect(server))
    [body] = await rig.rows(tables.bodies)
    assert body.codec == "file"
    assert [path for path in rig.folder.rglob("*") if path.is_file() and path.stat().st_size > 300_000]


async def test_aliases_that_mail_tells_of_are_proposed(rig: Rig) -> None:
    server = FakeServer()
    server.inbox.add(mail(1, more="Delivered-To: info@shop.example\r\nX-Original-To: box@acme.example\r\n"), ago(1))
    server.outbox.add(mail(2, sender="boss@shop.example"), ago(1))
    key = await rig.connect(server, address="box@acme.example")
    await look(rig, key)
    assert (await rig.row(key)).proposals == '["info@shop.example", "boss@shop.example"]'


async def test_a_message_of_tomorrow_stands_at_no_later_time_than_now(rig: Rig) -> None:
    server = FakeServer()
    server.inbox.add(mail(1), ago(-9))
    await look(rig, await rig.connect(server))
    [message] = await rig.rows(tables.messages)
    assert message.at == rig.clock.now


async def test_gmail_is_asked_for_no_more_than_it_lets_a_mailbox_fetch_in_a_day(rig: Rig) -> None:
    server = FakeServer()
    fill(server, 120)
    today = rig.clock.now // 86_400_000
    key = await rig.connect(server, host="imap.gmail.com", day=today, moved=1_999_990_000)
    await look(rig, key)
    row = await rig.row(key)
    assert (row.state, row.done, row.next_sync_at // 86_400_000) == (IMPORTING, 100, today + 1)
    log_ins = server.log_ins
    await look(rig, key)
    assert server.log_ins == log_ins
    rig.clock.now = row.next_sync_at
    await look(rig, key)
    assert (await rig.row(key)).state == READY
    assert await rig.count(tables.messages) == 120


BUSY = {
    "as long as it says": (Trouble("busy", "The server is busy.", 600_000), 10, 12.1),
    "a minute where it doesn't": (Trouble("busy", "The server is busy."), 0.8, 1.3),
}


@pytest.mark.parametrize(("refuses", "least", "most"), BUSY.values(), ids=BUSY)
async def test_a_server_that_is_busy_is_left_alone(rig: Rig, refuses: Trouble, least: float, most: float) -> None:
    server = FakeServer(refuses=refuses)
    key = await rig.connect(server)
    await look(rig, key)
    row = await rig.row(key)
    assert (row.state, row.error, row.tries) == (IMPORTING, "The server is busy.", 0)
    assert least <= (row.next_sync_at - rig.clock.now) / 60_000 <= most
