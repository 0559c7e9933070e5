"""Looks at a real server: what they open and leave as it is, what they bring in, how much they move for it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.core.mailboxes import PASSWORD, READY, Credential, Servers
from gateway.mailboxes.idle import Key
from gateway.mailboxes.judged import JudgedSession
from gateway.mailboxes.network import Network
from gateway.mailboxes.session import Session
from gateway.store import tables
from gateway.store.engine import Place, Store
from tests.mailboxes import mails
from tests.mailboxes.certificates import Authority
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.fault_proxy import FaultProxy
from tests.mailboxes.person import Person
from tests.mailboxes.rig import Clock, Rig, mail, until

STORES = ("sqlite",)
pytestmark = pytest.mark.e2e


@pytest.fixture
async def real(place: Place, tmp_path: Path, certificates: Authority) -> AsyncIterator[Rig]:
    """A rig whose sessions are real ones, at the time that it is."""
    store = Store(place)
    store.start()
    way = Network(private=True, authorities=certificates.file)

    def opened(address: str, servers: Servers, credential: Credential) -> Session:
        return JudgedSession(servers.imap, address, credential, way)

    made = Rig(place, tmp_path / "blobs", store, clock=Clock(int(time.time() * 1000)), real=opened)
    await made.open_account()
    yield made
    await made.close()


@pytest.fixture
def proxy(dovecot: Dovecot) -> Iterator[FaultProxy]:
    with FaultProxy(dovecot.imaps) as made:
        yield made


async def connect(rig: Rig, person: Person, port: int | None = None) -> Key:
    given = Credential(PASSWORD, person.password)
    port = port or person.dovecot.imaps
    return await rig.connect(address=person.address, credential=given, host="localhost", port=port)


async def filed(rig: Rig, count: int) -> bool:
    return await rig.count(tables.messages) == count


def lately(days: float = 2) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def numbered(first: int, last: int) -> list[bytes]:
    return [mail(n) for n in range(first, last + 1)]


async def test_the_last_five_hundred_of_the_month_come_in_and_none_of_them_is_marked_as_seen(
    real: Rig, dovecot: Dovecot
) -> None:
    person = dovecot.person()
    person.append("INBOX", numbered(1, 50), at=lately(60), step=timedelta(seconds=1))
    person.append("INBOX", numbered(51, 750), at=lately(), step=timedelta(seconds=1))
    key = await connect(real, person)
    await real.poller(idle=0).look_into(key)
    assert await real.subjects() == [f"Offer {n}" for n in range(251, 751)]
    row = await real.row(key)
    assert (row.state, row.done, row.total) == (READY, 500, 500)
    assert set(person.flags("INBOX").values()) == {frozenset()}


FOLDERS = {
    "by its flag, beside a decoy": ({"Gesendete Elemente": "\\Sent", "Sent": "", "Trash": ""}, "Gesendete Elemente"),
    "by its name in another script": ({"Отправленные": "", "已删除": ""}, "Отправленные"),
}


@pytest.mark.parametrize(("folders", "sent"), FOLDERS.values(), ids=FOLDERS)
async def test_inbox_and_sent_are_opened_for_reading_and_nothing_else(
    real: Rig, dovecot: Dovecot, folders: dict[str, str], sent: str
) -> None:
    person = dovecot.person(folders=folders)
    for n, folder in enumerate(folders):
        person.append(folder, [mail(n, sender=person.address)], at=lately())
    await real.poller(idle=0).look_into(await connect(real, person))
    assert await real.count(tables.messages) == 1
    assert set(person.opened()) == {("EXAMINE", "INBOX"), ("EXAMINE", sent)}
    assert [row.path for row in await real.rows(tables.mailbox_folders, "role")] == ["INBOX", sent]


async def test_new_mail_is_heard_of_and_filed_over_the_same_connection(real: Rig, dovecot: Dovecot) -> None:
    person = dovecot.person()
    poller = real.poller()
    await poller.look_into(await connect(real, person))
    person.append("INBOX", numbered(1, 1))
    await until(poller, lambda: filed(real, 1))
    assert await real.subjects() == ["Offer 1"]
    assert person.logins() == 1


async def test_new_numbers_and_deleted_mail_double_nothing_and_lose_nothing(real: Rig, dovecot: Dovecot) -> None:
    person = dovecot.person()
    person.append("INBOX", numbered(1, 120), at=lately(), step=timedelta(seconds=1))
    key = await connect(real, person)
    poller = real.poller(idle=0)
    await poller.look_into(key)
    person.expunge("INBOX", [3, 4])
    await poller.look_into(key)
    gone = [row.uid for row in await real.rows(tables.remote_messages, "uid") if row.gone_at is not None]
    assert gone == [3, 4]
    before = person.uidvalidity("INBOX")
    person.renew("INBOX")
    assert person.uidvalidity("INBOX") != before
    person.append("INBOX", numbered(121, 121))
    await poller.look_into(key)
    assert await real.subjects() == [f"Offer {n}" for n in range(1, 122)]
    here = [row for row in await real.rows(tables.remote_messages) if row.gone_at is None]
    assert len(here) == len({row.message for row in here}) == 119


async def test_a_mail_of_sixty_megabytes_costs_its_text_alone(real: Rig, dovecot: Dovecot, proxy: FaultProxy) -> None:
    person = dovecot.person()
    person.append("INBOX", [mails.large().raw], at=lately())
    await real.poller(idle=0).look_into(await connect(real, person, proxy.port))
    [message] = await real.rows(tables.messages)
    assert '"size":60' in message.attachments.replace(" ", "")
    assert proxy.down < 300_000


async def test_what_gets_programs_into_trouble_is_filed_or_put_aside_and_the_rest_goes_on(
    real: Rig, dovecot: Dovecot
) -> None:
    person = dovecot.person()
    odd = [mails.deep(), mails.with_nul(), mails.without_end(), mails.without_from(), mails.raw_eight_bit()]
    person.append("INBOX", [*odd, *numbered(1, 3)], at=lately())
    key = await connect(real, person)
    await real.poller(idle=0).look_into(key)
    assert (await real.row(key)).state == READY
    assert {"Offer 1", "Offer 2", "Offer 3"} <= set(await real.subjects())
    assert len(await real.rows(tables.remote_messages)) == 8


async def test_a_line_that_is_cut_wherever_it_may_be_leaves_no_gap_and_no_double(
    real: Rig, dovecot: Dovecot, proxy: FaultProxy
) -> None:
    person = dovecot.person()
    person.append("INBOX", numbered(1, 150), at=lately(), step=timedelta(seconds=1))
    key = await connect(real, person, proxy.port)
    poller = real.poller(idle=0)
    for kibibytes in range(1, 60):
        proxy.cut_after = kibibytes * 1024
        await poller.look_into(key)
        real.clock.pass_by(61)
        if (await real.row(key)).state == READY:
            break
    assert await real.subjects() == [f"Offer {n}" for n in range(1, 151)]
    assert len(await real.rows(tables.remote_messages)) == 150
