"""What has to hold where lines are cut or fall silent, and where many pollers share a store: a real Dovecot."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.core.mailboxes import IMPORTING, READY
from gateway.mailboxes.idle import Key
from gateway.store import tables
from gateway.store.engine import Place, Store
from tests.mailboxes import mails
from tests.mailboxes.audit import Mailbag
from tests.mailboxes.certificates import Authority
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.fake_session import FakeServer
from tests.mailboxes.fault_proxy import FaultProxy
from tests.mailboxes.processes import Processes, wait_until
from tests.mailboxes.real_rig import RealRig
from tests.mailboxes.rig import MINUTE, Clock, Rig, fill, look_at_all, mail
from tests.postgresql import Server

STORES = ("sqlite",)
KIBIBYTES, MAILS = 64, 64
POLLERS, PEOPLE = 4, 40
MAILBOXES = 2_000 if os.environ.get("FULL") else 200
LEASE = "from gateway.store import mailbox_leases\nmailbox_leases.LEASE_MS = {ms}"


@pytest.fixture
async def real(place: Place, tmp_path: Path) -> AsyncIterator[RealRig]:
    """At the time that it is."""
    store = Store(place)
    store.start()
    made = RealRig(place, tmp_path / "blobs", store, clock=Clock(int(time.time() * 1000)), seconds=2.0)
    await made.open_account()
    yield made
    await made.close()


@pytest.fixture
def proxy(dovecot: Dovecot) -> Iterator[FaultProxy]:
    with FaultProxy(dovecot.imaps) as made:
        yield made


async def uids(rig: Rig, key: Key) -> list[int]:
    """What of a mailbox is filed."""
    rows = await rig.rows(tables.remote_messages, "uid")
    return [row.uid for row in rows if (row.account, row.mailbox) == key and row.message is not None]


@pytest.mark.e2e
async def test_an_import_cut_at_any_kibibyte_goes_on_without_a_gap_and_without_a_double(
    real: RealRig, dovecot: Dovecot, proxy: FaultProxy
) -> None:
    """Line 17: each time by a mailbox of an account of its own, whose line is cut there and is well afterwards."""
    person = dovecot.person()
    person.append("INBOX", [mail(n, more=f"X-Weight: {'x' * 900}\r\n") for n in range(1, MAILS + 1)])
    poller = real.poller(idle=0)
    for kibibytes in range(1, KIBIBYTES + 1):
        key = await real.connect_person(person, proxy.port, account=await real.open_account(f"a{kibibytes}"))
        proxy.cut_after = kibibytes * 1024
        assert await poller.look_into(key)
        row = await real.row(key)
        assert (row.state, row.failures < 2, row.tries) == (IMPORTING, True, 0), kibibytes
        there = await uids(real, key)
        assert there == list(range(1, len(there) + 1)), kibibytes
        proxy.resume()
        real.clock.pass_by(2)
        assert await poller.look_into(key)
        assert (await real.row(key)).state == READY, kibibytes
        assert await uids(real, key) == list(range(1, MAILS + 1))
    counted = Counter(row.account for row in await real.rows(tables.messages))
    assert set(counted.values()) == {MAILS}
    assert len(counted) == KIBIBYTES
    assert set(person.flags("INBOX").values()) == {frozenset()}


@pytest.mark.e2e
async def test_a_server_that_falls_silent_amid_a_mail_is_given_up_and_others_go_on_meanwhile(
    real: RealRig, dovecot: Dovecot, proxy: FaultProxy
) -> None:
    """Line 18: with two seconds in place of sixty."""
    silent, well = dovecot.person(), dovecot.person()
    for person in (silent, well):
        person.append("INBOX", [mail(n, subject=person.address) for n in range(1, 121)])
    proxy.silent_after = 40_000
    slow, quick = await real.connect_person(silent, proxy.port), await real.connect_person(well)
    poller = real.poller(idle=0)
    looking = asyncio.create_task(poller.look_into(slow))
    await asyncio.to_thread(wait_until, lambda: proxy.down >= 40_000, lambda: proxy.down)
    assert await poller.look_into(quick)
    assert not looking.done()
    assert (await real.row(quick)).state == READY
    assert await looking
    row = await real.row(slow)
    assert (row.state, row.tries) == (IMPORTING, 0)
    assert "localhost" in row.error
    assert proxy.open == 0
    proxy.resume()
    real.clock.pass_by(3)
    assert await poller.look_into(slow)
    assert (await real.row(slow)).state == READY
    assert await uids(real, slow) == await uids(real, quick) == list(range(1, 121))


def stop_amid_an_import(
    tmp_path: Path, certificates: Authority, dovecot: Dovecot, proxy: FaultProxy, **settings: str
) -> None:
    """A poller stands still amid an import, another one takes the mailbox, and then the first goes on.

    It waits for its server by then: a process that is stopped amid a transaction keeps PostgreSQL's locks.
    """
    person, bag = dovecot.person(), Mailbag()
    bag.put(person, "inbox", mails.inbox(160, me=f"Ann <{person.address}>", lean=True))
    spoil = LEASE.format(ms=3_000) if settings else ""
    with Processes(tmp_path, certificates.file, **settings) as product:
        id = product.connect(person, proxy.port)
        at = proxy.down + 200_000
        proxy.delay = 0.02
        stopped = product.poller(spoil)
        wait_until(lambda: proxy.down >= at, lambda: proxy.down)
        proxy.hold()
        filed: deque[int] = deque(maxlen=10)

        def is_quiet() -> bool:
            filed.append(bag.count(product.place))
            return filed.count(filed[-1]) == filed.maxlen

        wait_until(is_quiet, lambda: filed)
        os.killpg(stopped.pid, signal.SIGSTOP)
        assert product.mailbox(id)["state"] == "importing"
        proxy.resume()
        other = product.poller(spoil)
        product.wait_for(id, "ready")
        assert bag.faults(product.place) == []
        shown = product.mailbox(id)
        os.killpg(stopped.pid, signal.SIGCONT)
        assert stopped.stop() == 0
        assert product.mailbox(id) == shown
        assert bag.faults(product.place) == []
        assert "Traceback" not in stopped.said()
        assert other.stop() == 0
    assert bag.seen() == []


@pytest.mark.e2e
def test_a_poller_that_stood_still_writes_nothing_once_its_successor_has_the_mailbox(
    tmp_path: Path, certificates: Authority, dovecot: Dovecot, proxy: FaultProxy
) -> None:
    """Line 19, on SQLite, where who starts takes over."""
    stop_amid_an_import(tmp_path, certificates, dovecot, proxy)


@pytest.mark.e2e
@pytest.mark.postgresql
def test_a_poller_that_stood_still_beyond_its_lease_writes_nothing_any_more(
    tmp_path: Path, certificates: Authority, dovecot: Dovecot, proxy: FaultProxy, postgresql: Server
) -> None:
    """Line 19, on PostgreSQL, where leases run out; three seconds in place of thirty."""
    database = postgresql.url(postgresql.make())
    settings = {"DATABASE_URL": database, "SECRET_KEY": "x" * 40, "BLOB_URL": f"file://{tmp_path}/blobs"}
    stop_amid_an_import(tmp_path, certificates, dovecot, proxy, **settings)


@pytest.mark.e2e
async def test_a_clock_that_is_ahead_takes_a_mailbox_but_never_shares_it(real: RealRig, dovecot: Dovecot) -> None:
    """Line 19: where clocks differ by minutes, the epoch fences, so each mail is filed once."""
    person = dovecot.person()
    person.append("INBOX", [mail(n) for n in range(1, 181)])
    key = await real.connect_person(person)
    right = real.poller(real.another_store(), idle=0)
    ahead = real.poller(real.another_store(), Clock(real.clock.now + 180_000), idle=0)
    looked = await asyncio.gather(right.look_into(key), ahead.look_into(key))
    assert any(looked)
    assert await uids(real, key) == list(range(1, 181))
    assert await real.count(tables.messages) == 180
    assert (await real.row(key)).state == READY


async def test_four_pollers_look_into_every_mailbox_once_and_starve_none(rig: Rig) -> None:
    """Line 20: 2,000 mailboxes with FULL=1; servers in memory, each with a mail."""
    servers = [FakeServer() for _ in range(MAILBOXES)]
    for n, server in enumerate(servers):
        fill(server, 1, first=n, at=rig.clock.now - 60_000 - n * 1_000)
        await rig.connect(server, host=f"imap{n % 100}.example.com")
    pollers = [rig.poller(rig.another_store(), idle=0) for _ in range(POLLERS)]
    counts = await asyncio.gather(*(look_at_all(poller) for poller in pollers))
    assert sum(counts) == MAILBOXES
    assert min(counts) > MAILBOXES / POLLERS / 4
    assert {server.log_ins for server in servers} == {1}
    assert await rig.count(tables.messages) == MAILBOXES
    rows = await rig.rows(tables.mailboxes)
    assert {(row.state, row.holder) for row in rows} == {(READY, None)}
    ahead = [(row.next_sync_at - rig.clock.now) / MINUTE for row in rows]
    assert 15 <= min(ahead) < 16
    assert 29 < max(ahead) <= 30


@pytest.mark.e2e
async def test_four_pollers_share_the_mailboxes_of_a_real_server(real: RealRig, dovecot: Dovecot) -> None:
    """Line 20, with forty mailboxes of a server that is given twenty connections at most."""
    people = dovecot.people([f"one{n}@shared.example" for n in range(PEOPLE)])
    for n, person in enumerate(people):
        person.append("INBOX", [mail(n)])
        await real.connect_person(person)
    pollers = [real.poller(real.another_store(), idle=0) for _ in range(POLLERS)]
    while await real.count(tables.messages) < PEOPLE:
        await asyncio.gather(*(look_at_all(poller) for poller in pollers))
    log = dovecot.settled_log()
    assert [log.count(f"Login: user=<{person.address}>,") for person in people] == [1] * PEOPLE
    assert await real.count(tables.messages) == PEOPLE
