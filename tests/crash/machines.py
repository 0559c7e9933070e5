"""Several machines on one PostgreSQL and one bucket: any of them is killed at any moment, and the database restarts.

Three gateways take mail and two workers tell a CRM back end of it, each a server of its own with settings, folder and
ports as on a machine of its own. Senders try another gateway where one is gone, as they would another MX.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from gateway.sealing import Keyring
from gateway.store import schema
from gateway.store.accounts import find_account
from gateway.usecases.endpoints import EndpointChange, add_endpoint
from tests.buckets import KEY, ObjectServer, blobs_of, url
from tests.crash.audit import Audit
from tests.crash.fleet import Address, Fleet, Hand, Letter, Pipelining, by_smtplib, letters
from tests.crash.kills import missing
from tests.crm.receiver import Receiver
from tests.postgresql import Server
from tests.serving import PATIENCE, Serving

GATEWAYS, WORKERS = 3, 2
MAILS_A_ROUND, STEPS_A_ROUND, LARGE_EVERY = 40, 90, 12
LATER_SECONDS = 0.05
SECRET = "the-same-on-every-machine-0123456789"
ONE_IN_THREE = 3
"""So many rounds kill a worker, the others a gateway; so many senders open a connection for each mail."""
_LEASE = "import gateway.jobs.deliveries as d\nd.Carrier.__init__.__defaults__ = ({seconds},)"
_BEGUN = "app.started"
_UNTOLD = "SELECT count(*) FROM deliveries WHERE state <> 'delivered'"
_EVENTS = "SELECT id, type, coalesce(conversation, subject) FROM events ORDER BY position"


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of it. killed: gateways and workers. restarts: of PostgreSQL. told: requests the back end heard."""

    mails: int
    killed: int
    restarts: int
    deferred: int
    interrupted: int
    events: int
    told: int
    faults: tuple[str, ...]


def run_machines(
    folder: Path,
    seed: int,
    rounds: int,
    senders: int,
    told: Callable[[], None] = lambda: None,
    lease_seconds: float | None = None,
) -> Ran:
    """In each round one of the five is killed at a step drawn by lot; in the middle one PostgreSQL restarts as well.

    lease_seconds: another time after which a killed worker's deliveries are taken over.
    """
    server, objects = Server(durable=True), ObjectServer()
    try:
        server.start()
        with _receiving() as receiver:
            return _Machines(folder, server, objects, receiver, seed, lease_seconds).run(rounds, senders, told)
    finally:
        server.close()
        objects.stop()


class _Machines:
    def __init__(
        self,
        folder: Path,
        server: Server,
        objects: ObjectServer,
        receiver: Receiver,
        seed: int,
        lease_seconds: float | None,
    ) -> None:
        self._server, self._receiver, self._seed = server, receiver, seed
        self._chance = random.Random(seed)
        self._bucket = objects.bucket()
        self._folder = folder
        self._shared = {
            "DATABASE_URL": server.url(server.make()),
            "BLOB_URL": url(self._bucket),
            "S3_ACCESS_KEY_ID": KEY[0],
            "S3_SECRET_ACCESS_KEY": KEY[1],
            "SECRET_KEY": SECRET,
            "WEBHOOK_ALLOW_PRIVATE": "true",
            "LOG_LEVEL": "info",
        }
        spoil = "" if lease_seconds is None else _LEASE.format(seconds=lease_seconds)
        self._gateways = [self._machine(f"mx{n}", "smtp", ("smtp",)) for n in range(GATEWAYS)]
        self._workers = [self._machine(f"worker{n}", "deliveries", (), spoil) for n in range(WORKERS)]
        self._faults: list[str] = []

    def _machine(self, name: str, role: str, listens: Sequence[str], spoil: str = "") -> Serving:
        own = self._folder / name
        own.mkdir()
        settings = self._shared | {"HOSTNAME": f"{name}.mail.kommo.com"}
        made = Serving(own, options=("--only", role), listens=listens, spoil=spoil)
        made.set(**settings)
        made.place = settings["DATABASE_URL"]
        return made

    def run(self, rounds: int, senders: int, told: Callable[[], None]) -> Ran:
        count = MAILS_A_ROUND * rounds
        pile = letters(self._seed, count, count // 5, count // 7, LARGE_EVERY)
        hands = [_Exchanger(self._gateways, number) for number in range(senders)]
        fleet = Fleet(pile, hands, LATER_SECONDS)
        machines = [*self._gateways, *self._workers]
        self._gateways[0].add_account()
        self._add_endpoint()
        try:
            for one in machines:
                _begin(one)
            with fleet.at_work():
                fleet.aim(("mx", 25))
                for number in range(rounds):
                    self._round(fleet, number, restart=number == rounds // 2)
                    told()
                fleet.wait_for_all()
            for hand in hands:
                hand.leave()
            self._wait_until_told()
            self._faults += [f"answered: {reply}" for reply in fleet.refused]
            ended = [(one, one.stop()) for one in machines]
            self._faults += [f"ended badly: {one.folder.name}, status {status}" for one, status in ended if status]
        finally:
            for one in machines:
                one.kill()
        self._faults += Audit(pile).look(
            self._shared["DATABASE_URL"],
            fleet.promised(),
            blobs=blobs_of(self._bucket, self._folder),
            whole=True,
        )
        events = self._judge_events()
        heard = len(self._receiver.heard)
        faults = tuple(self._faults)
        return Ran(count, rounds, 1, len(fleet.deferred), fleet.unanswered, events, heard, faults)

    def _add_endpoint(self) -> None:
        with schema.transaction(self._shared["DATABASE_URL"]) as tx:
            account = find_account(tx, "acme")
            assert account is not None
            made = add_endpoint(tx, account.number, EndpointChange(url=self._receiver.url), Keyring([SECRET]))
        assert hasattr(made, "secret")
        self._receiver.secrets.append(made.secret)

    def _round(self, fleet: Fleet, number: int, *, restart: bool) -> None:
        fleet.wait_for_step(fleet.steps + self._chance.randint(1, STEPS_A_ROUND))
        victim = self._chance.choice(self._workers if number % ONE_IN_THREE == 1 else self._gateways)
        victim.kill()
        promised = fleet.promised()
        if restart:
            self._server.stop("fast")
            self._server.start()
        self._faults += missing(self._shared["DATABASE_URL"], promised)
        _begin(victim)
        fleet.wait_for_an_answer()

    def _wait_until_told(self) -> None:
        """Until nothing is on its way to the back end any more."""
        over = threading.Event()
        for _ in range(int(PATIENCE * 10)):
            with schema.transaction(self._shared["DATABASE_URL"], reading=True) as tx:
                if not tx.execute(text(_UNTOLD)).scalar():
                    return
            over.wait(0.1)
        self._faults.append("lost: deliveries are on their way for ever")

    def _judge_events(self) -> int:
        """Every event was told under its one id, signed, and those of a conversation in their order."""
        with schema.transaction(self._shared["DATABASE_URL"], reading=True) as tx:
            events = [(str(row[0]), str(row[1]), str(row[2])) for row in tx.execute(text(_EVENTS))]
        first: dict[str, int] = {}
        for number, one in enumerate(self._receiver.heard):
            first.setdefault(one.id, number)
            if one.genuine != (True,):
                self._faults.append(f"told without a good signature: {one.id}")
        self._faults += [f"lost: {type} {id} was never told" for id, type, _ in events if id not in first]
        self._faults += [f"told what never happened: {id}" for id in first.keys() - {id for id, _, _ in events}]
        lanes: dict[str, list[int]] = {}
        for id, _, lane in events:
            lanes.setdefault(lane, []).append(first.get(id, -1))
        self._faults += [f"told out of order: {lane}" for lane, told in lanes.items() if told != sorted(told)]
        return len(events)


def _begin(machine: Serving) -> None:
    """Starts it. One that listens nowhere has begun once it says so; before that, SIGTERM ends it where it stands."""
    before = machine.said().count(_BEGUN) if not machine.listens and (machine.folder / "stderr.log").exists() else 0
    machine.start()
    waiting = threading.Event()
    for _ in range(int(PATIENCE * 20)):
        if machine.listens or machine.said().count(_BEGUN) > before:
            return
        waiting.wait(0.05)
    raise AssertionError(f"{machine.folder.name} did not begin: {machine.said()[-2_000:]}")


class _Exchanger:
    """A sender that goes to one of the gateways until that one is gone, and then to another."""

    def __init__(self, gateways: Sequence[Serving], number: int) -> None:
        self._gateways, self._turn = gateways, number
        self._keeping = Pipelining() if number % ONE_IN_THREE else None
        self._hand: Hand = self._keeping or by_smtplib

    def __call__(self, _: Address, letter: Letter, step: Callable[[], None]) -> str:
        gateway = self._gateways[self._turn % len(self._gateways)]
        try:
            return self._hand(gateway.smtp, letter, step)
        except Exception:
            self._turn += 1
            raise

    def leave(self) -> None:
        if self._keeping is not None:
            self._keeping.leave()


@contextmanager
def _receiving() -> Iterator[Receiver]:
    """The back end, in a thread of its own."""
    receiver, loop = Receiver(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(what: Any) -> None:
        asyncio.run_coroutine_threadsafe(what, loop).result(PATIENCE)

    do(receiver.open())
    try:
        yield receiver
    finally:
        do(receiver.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()
