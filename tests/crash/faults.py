"""Something fails at each point of the way of a mail: the answer is only "later", and nothing is left half-written."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import random
import sqlite3
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from config import Settings
from gateway.app import Gateway
from tests.crash import points_on_postgresql
from tests.crash.audit import Audit
from tests.crash.fleet import LMTP, SMTP, Letter, Road
from tests.crash.fleet import letter as new_letter
from tests.crash.losses import LostError, hand
from tests.crash.points import Point, Points, watch_awaits, watching
from tests.serving import Serving

NUDGE_SECONDS, STUCK_SECONDS, MAILS_A_TALK = 6.0, 15.0, 5
AGAIN = 3
"""How often one place is struck when a mail passes it many times: a large one is written piece by piece."""
SIZES = {"in the loop": (100, 1_000), "in a thread": (40_000, 50_000), "on disk": (600_000, 900_000)}
"""Random bytes of a mail that is read in the event loop, in a thread, from a file."""


UNANSWERED = "smtp/wire.py Wire.connection_made"
"""Where this can't even begin, there is no session yet that could answer: the peer waits for its greeting in vain."""


def _system(code: int) -> Callable[[], BaseException]:
    return lambda: OSError(code, os.strerror(code))


FAULTS: dict[str, dict[str, Callable[[], BaseException]]] = {
    "statement": {
        "locked": lambda: sqlite3.OperationalError("database is locked"),
        "disk error": lambda: sqlite3.OperationalError("disk I/O error"),
        "full": lambda: sqlite3.OperationalError("database or disk is full"),
        "damaged": lambda: sqlite3.DatabaseError("database disk image is malformed"),
        "no memory": MemoryError,
    },
    "statement done": {"disk error": lambda: sqlite3.OperationalError("disk I/O error")},
    "file": {"full": _system(errno.ENOSPC), "disk error": _system(errno.EIO), "no memory": MemoryError},
    "file done": {"disk error": _system(errno.EIO)},
    "await": {"cancelled": asyncio.CancelledError, "no memory": MemoryError, "system": _system(errno.EIO)},
    "call": {"no memory": MemoryError},
}


@dataclass(slots=True)
class Struck:
    """What came of it. points: found by kind. answers: how a mail that met a fault was answered, by its first word.
    passed_by: faults whose point was not come to a second time (a timer's, for example). late: mails that were answered
    only once another mail had come."""

    points: Counter[str] = field(default_factory=Counter)
    strikes: int = 0
    passed_by: int = 0
    late: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where faults are raised: on a road, on a store. database: URL of one on PostgreSQL; left out, a SQLite file."""

    road: Road = SMTP
    database: str = ""

    @property
    def faults(self) -> Mapping[str, Mapping[str, Callable[[], BaseException]]]:
        """What fits a kind of point, by name."""
        return {**FAULTS, **points_on_postgresql.FAULTS} if self.database else FAULTS

    @property
    def tap(self) -> Callable[[Points, ExitStack], None] | None:
        return points_on_postgresql.tap if self.database else None


def strike_all(
    folder: Path,
    seed: int,
    share: float = 1.0,
    told: Callable[[int], None] = lambda total: None,
    at: Callable[[Point], bool] = lambda point: True,
    ground: Ground | None = None,
) -> Struck:
    """Strikes each point with each fault that fits it, or a share of them drawn by lot. told: how many there are. at:
    picks points."""
    ground = ground or Ground()
    elsewhere: dict[str, Any] = (
        {"DATABASE_URL": ground.database, "BLOB_URL": f"file://{folder}/blobs"} if ground.database else {}
    )
    serving = Serving(folder, **elsewhere)
    for slug in ground.road.accounts:
        serving.add_account(slug)
    points = Points()
    with _quiet(), watching(points, ground.tap), capture_logs():
        return asyncio.run(_Torture(serving, ground, points, seed, share, told, at).run())


@contextmanager
def _quiet() -> Iterator[None]:
    """What libraries have to say of faults that are raised in the middle of them is not of interest."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


class _Torture:
    """One server in this process, and mails that are sent to it one after another."""

    def __init__(
        self,
        serving: Serving,
        ground: Ground,
        points: Points,
        seed: int,
        share: float,
        told: Callable[[int], None],
        at: Callable[[Point], bool],
    ) -> None:
        self._settings = Settings(
            database_url=serving.place if isinstance(serving.place, str) else f"sqlite:///{serving.place}",
            blob_url=f"file://{serving.blobs}",
            smtp_listen="127.0.0.1:0",
            lmtp_listen="127.0.0.1:0",
            hostname="mx.mail.kommo.com",
        )
        self._serving, self._ground, self._points, self._told = serving, ground, points, told
        self._road = ground.road
        self._at = at
        self._chance, self._share = random.Random(seed), share
        self._sent: list[Letter] = []
        self._acknowledged: dict[str, dict[str, str]] = {one: {} for one in self._road.recipients}
        self._wheres: dict[str, str] = {}
        self._result = Struck()

    async def run(self) -> Struck:
        watch_awaits(self._points, asyncio.get_running_loop())
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        await self._start()
        plan = [(size, *one) for size in SIZES for one in await self._plan(size)]
        chosen = [one for one in plan if self._chance.random() < self._share]
        for size, point, name, fault in chosen:
            self._told(len(chosen))
            await self._strike(size, point, name, fault)
        await self._gateway.stop()
        audit = Audit(self._sent, self._road.accounts)
        promised = self._acknowledged.values()
        found = audit.look(self._serving.place, *promised, blobs=self._serving.blobs, whole=True)
        self._result.faults += [f"{fault}{self._struck_at(fault)}" for fault in found]
        return self._result

    async def _start(self) -> None:
        role = "lmtp" if self._road is LMTP else "smtp"
        self._gateway = Gateway(self._settings, frozenset({role}))
        await self._gateway.start()
        listen = self._gateway.port(role)
        self._address = listen.host, listen.port

    async def _plan(self, size: str) -> Sequence[tuple[Point, str, Callable[[], BaseException]]]:
        """What can be struck while a mail of a size passes: the second one, for the first fills memories."""
        for _ in range(2):
            letter = self._letter(size)
            with self._points.armed():
                replies = await self._hand(letter)
            assert all(reply.startswith("250 ") for reply in replies.values()), replies
        found = [point for point in dict.fromkeys(self._points.seen) if point.nth < AGAIN and point.name != UNANSWERED]
        self._result.points.update(point.kind for point in found)
        return [
            (point, name, fault)
            for point in found
            if self._at(point)
            for name, fault in self._ground.faults[point.kind].items()
        ]

    async def _strike(self, size: str, point: Point, name: str, fault: Callable[[], BaseException]) -> None:
        """One mail meets one fault; then another mail must get through, and so must the first one's second try."""
        letter, result = self._letter(size), self._result
        with self._points.armed(point, fault):
            first = asyncio.create_task(self._hand(letter))
            await asyncio.wait([first], timeout=NUDGE_SECONDS)
        if not first.done():
            result.late += 1
            await self._hand(self._letter("in the loop"))
        replies = await first
        result.strikes += 1
        result.passed_by += not self._points.struck
        result.answers.update(reply[:3] if reply[:3].isdigit() else reply for reply in replies.values())
        where = f"{name} at {point.kind} {point.name} ({point.nth + 1}) of a mail {size}"
        for reply in replies.values():
            if not reply.startswith(("250 ", "4", "gone")):
                result.faults.append(f"answered {reply!r}: {where}")
        following = self._letter("in the loop")
        self._wheres |= {letter.id: where, following.id: f"sent after {where}"}
        unheard = [one for one, reply in replies.items() if not reply.startswith("250 ")]
        for one, whom in ((following, self._road.recipients), (letter, unheard)):
            then = await self._hand(one, whom) if whom else {}
            if not all(reply.startswith("250 ") for reply in then.values()):
                result.faults.append(f"afterwards {then!r}: {where}")
                await self._afresh()
                await self._hand(one)

    def _struck_at(self, fault: str) -> str:
        """What had happened to the mail that a fault names."""
        return next((f": {where}" for name, where in self._wheres.items() if name in fault), "")

    async def _afresh(self) -> None:
        """A server that no longer takes mail is left behind, as somebody would who starts it again."""
        await asyncio.wait([asyncio.ensure_future(self._gateway.stop())], timeout=STUCK_SECONDS)
        await self._start()

    def _letter(self, size: str) -> Letter:
        number = len(self._sent)
        talk = number // MAILS_A_TALK
        self._sent.append(new_letter(self._chance, number, talk, talk, SIZES[size], self._road))
        return self._sent[-1]

    async def _hand(self, letter: Letter, recipients: Sequence[str] = ()) -> dict[str, str]:
        """The replies to a mail by recipient; "gone" where the connection ended instead, "stuck" where nothing came."""
        wanted = recipients or self._road.recipients
        try:
            async with asyncio.timeout(STUCK_SECONDS):
                replies = await hand(self._address, letter, self._road, wanted)
        except LostError as gone:
            replies = dict.fromkeys(wanted, "gone") | gone.heard
        except TimeoutError:
            replies = dict.fromkeys(wanted, "stuck")
        for one, reply in replies.items():
            if reply.startswith("250 "):
                self._acknowledged[one][letter.id] = reply.rpartition("id=")[2]
        return replies
