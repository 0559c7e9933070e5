"""Pollers are killed again and again while they import twenty mailboxes and keep them in sync, and started again."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mailboxes import mails
from tests.mailboxes.audit import Mailbag
from tests.mailboxes.certificates import Authority
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.fault_proxy import FaultProxy
from tests.mailboxes.mails import Letter
from tests.mailboxes.person import Person
from tests.mailboxes.processes import Processes, begin, wait_until

MAILBOXES, INBOX, SENT, LATER = 20, 120, 40, 200
"""Of each mailbox: so many mails are there at first, and so many may come later."""
IMPORT_BYTES, SYNC_BYTES = 600_000, 30_000
"""From the servers, at most, until the next kill: while something is imported, and afterwards."""
NEWS, AT_ONCE = 5, 3
"""So many mailboxes get new mail between two kills, at most so much each."""
SECRET = "the-same-for-every-poller-0123456789"
KNOWN = frozenset(f"c{n}@client{n % 9}.example" for n in range(12))


@dataclass(frozen=True, slots=True)
class Polled:
    """What came of it. importing: kills while something was still to be imported. moved: bytes from the servers."""

    kills: int
    importing: int
    mails: int
    moved: int
    log_ins: int
    faults: tuple[str, ...]


def poll_rounds(
    folder: Path,
    seed: int,
    kills: int,
    told: Callable[[], None] = lambda: None,
    *,
    database: str = "",
    pollers: int = 1,
) -> Polled:
    """Kills one of the pollers at so many bytes from the servers, drawn by lot, `kills` times; half of the kills come
    once all is imported.

    database: a PostgreSQL, which several pollers may share; left out, one of them has a SQLite store.
    """
    shared = {"DATABASE_URL": database, "SECRET_KEY": SECRET, "BLOB_URL": f"file://{folder}/blobs"} if database else {}
    authority = Authority(folder)
    with (
        Dovecot(authority, raw_log=False) as dovecot,
        FaultProxy(dovecot.imaps) as proxy,
        Processes(folder, authority.file, MAILBOX_IMPORT_DAYS="3650", **shared) as product,
    ):
        return _Polling(product, dovecot, proxy, random.Random(seed)).run(kills, told, pollers)


class _Polling:
    def __init__(self, product: Processes, dovecot: Dovecot, proxy: FaultProxy, chance: random.Random) -> None:
        self._product, self._dovecot, self._proxy, self._chance = product, dovecot, proxy, chance
        self._bag = Mailbag(KNOWN)
        self._ids: dict[Person, str] = {}
        self._later: dict[Person, Iterator[Letter]] = {}
        self._first = 0

    def run(self, kills: int, told: Callable[[], None], count: int) -> Polled:
        for address in sorted(KNOWN):
            self._product.api.post("/contacts", {"name": address, "emails": [address]})
        for number in range(MAILBOXES):
            self._connect(number)
        self._first = len(self._bag.standing)
        pollers = [self._product.serving("mailboxes") for _ in range(count)]
        for one in pollers:
            begin(one)
        importing, faults = 0, []
        for number in range(kills):
            if number == kills // 2:
                self._wait_for_all()
            importing += self._wait_for_a_moment()
            victim = self._chance.choice(pollers)
            victim.kill()
            faults += self._bag.faults(self._product.place, whole=False)
            begin(victim)
            self._send_news()
            told()
        self._wait_for_all()
        faults += ["ended badly" for one in pollers if one.stop() != 0]
        faults += ["a stack trace" for one in pollers if "Traceback" in one.said()]
        faults += [*self._bag.faults(self._product.place), *self._bag.seen()]
        log_ins = sum(person.logins() for person in self._ids)
        faults += [f"refused: {person.address}" for person in self._ids if person.refusals()]
        return Polled(kills, importing, len(self._bag.standing), self._proxy.down, log_ins, tuple(faults))

    def _connect(self, number: int) -> None:
        person = self._dovecot.person()
        letters = mails.inbox(INBOX + LATER, me=f"Ann <{person.address}>", seed=f"in{number}", lean=True)
        self._bag.put(person, "inbox", letters[:INBOX])
        out = mails.sent(letters[:SENT], me=f"Ann <{person.address}>", seed=f"out{number}")
        self._bag.put(person, "sent", out)
        self._ids[person] = self._product.connect(person, self._proxy.port)
        self._later[person] = iter(letters[INBOX:])

    def _wait_for_a_moment(self) -> bool:
        """Until so many bytes more have come, or nothing more does; whether something was still to be imported."""
        importing = self._filed() < self._first
        goal = self._proxy.down + self._chance.randint(1, IMPORT_BYTES if importing else SYNC_BYTES)
        wait_until(
            lambda: self._proxy.down >= goal or self._filed() == len(self._bag.standing), self._filed, every=0.005
        )
        return importing

    def _send_news(self) -> None:
        """New mail for some; they are asked for, as those that were waited on are not waited on any more."""
        for person in self._chance.sample(sorted(self._ids, key=lambda one: one.address), NEWS):
            some = list(itertools.islice(self._later[person], self._chance.randint(1, AT_ONCE)))
            self._bag.put(person, "inbox", some)
            self._product.api.post(f"/mailboxes/{self._ids[person]}/sync", {})

    def _wait_for_all(self) -> None:
        for id in self._ids.values():
            self._product.wait_for(id, "ready")
        wait_until(lambda: self._filed() == len(self._bag.standing), self._filed)

    def _filed(self) -> int:
        return self._bag.count(self._product.place)
