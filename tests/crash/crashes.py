"""PostgreSQL crashes again and again while many senders hand over mail to a smartgate on it, which recovers by itself.

So do workers: between the crashes one of them is killed. Nobody starts the server anew, or tells it anything.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.crash.audit import Audit
from tests.crash.fleet import Fleet, Hand, Pipelining, by_smtplib, letters
from tests.crash.kills import missing
from tests.postgresql import Server
from tests.serving import PATIENCE, Serving

MAILS_A_ROUND, STEPS_A_ROUND, LARGE_EVERY = 60, 100, 25
WORKERS, LATER_SECONDS, STARTS = 2, 0.05, 200
ONE_IN_THREE = 3
"""So many senders open a connection for each mail, so many crashes are followed by the death of a worker."""


@dataclass(frozen=True, slots=True)
class Crashed:
    """What came of it. killed: workers. deferred: replies that put a mail off. interrupted: how often a mail was sent
    again because its connection had ended."""

    rounds: int
    killed: int
    mails: int
    deferred: int
    interrupted: int
    faults: tuple[str, ...]


def crash_rounds(
    folder: Path, seed: int, rounds: int, senders: int, told: Callable[[], None] = lambda: None
) -> Crashed:
    """Crashes at a step drawn by lot within each round; what was acknowledged by then must be there after the start."""
    server = Server(durable=True)
    try:
        server.start()
        place = server.url(server.make())
        serving = Serving(
            folder,
            options=("--workers", str(WORKERS)),
            DATABASE_URL=place,
            BLOB_URL=f"file://{folder}/blobs",
            LOG_LEVEL="error",
        )
        return _Rounds(server, serving, random.Random(seed), senders).run(seed, rounds, told)
    finally:
        server.close()


class _Rounds:
    def __init__(self, server: Server, serving: Serving, chance: random.Random, senders: int) -> None:
        self._server, self._serving, self._chance, self._senders = server, serving, chance, senders
        self._faults: list[str] = []
        self._killed = 0

    def run(self, seed: int, rounds: int, told: Callable[[], None]) -> Crashed:
        count = MAILS_A_ROUND * rounds
        pile = letters(seed, count, count // 5, count // 7, LARGE_EVERY)
        keeping = [Pipelining() for number in range(self._senders) if number % ONE_IN_THREE]
        hands: list[Hand] = [*keeping, *[by_smtplib] * (self._senders - len(keeping))]
        fleet = Fleet(pile, hands, LATER_SECONDS)
        serving = self._serving
        serving.add_account()
        try:
            serving.start()
            with fleet.at_work():
                for number in range(rounds):
                    self._round(fleet, number)
                    told()
                fleet.aim(serving.smtp)
                fleet.wait_for_all()
            for sender in keeping:
                sender.leave()
            self._faults += [f"answered: {reply}" for reply in fleet.refused]
            self._faults += ["ended badly"] * (serving.stop() != 0)
        finally:
            serving.kill()
        audit = Audit(pile)
        self._faults += audit.look(serving.place, fleet.promised(), blobs=serving.blobs, whole=True)
        return Crashed(rounds, self._killed, count, len(fleet.deferred), fleet.unanswered, tuple(self._faults))

    def _round(self, fleet: Fleet, number: int) -> None:
        """A crash, and in every third round the death of a worker, each at a moment drawn by lot."""
        fleet.aim(self._serving.smtp)
        fleet.wait_for_step(fleet.steps + self._chance.randint(1, STEPS_A_ROUND))
        if self._chance.random() < 0.5:
            self._server.kill()
        else:
            self._server.stop("immediate")
        promised = fleet.promised()
        self._start()
        fleet.wait_for_an_answer()
        if number % ONE_IN_THREE == 0:
            fleet.wait_for_step(fleet.steps + self._chance.randint(1, STEPS_A_ROUND // 2))
            os.kill(self._chance.choice(self._workers()), signal.SIGKILL)
            self._killed += 1
            fleet.wait_for_an_answer()
        fleet.aim(None)
        self._faults += missing(self._serving.place, promised)

    def _workers(self) -> list[int]:
        """Those that live; for a moment there may be none, where each is about to be started again."""
        children = Path(f"/proc/{self._serving.pid}/task/{self._serving.pid}/children")
        until = time.monotonic() + PATIENCE
        while not (found := children.read_text().split()):
            assert time.monotonic() < until, "no worker was started again"
            time.sleep(0.05)
        return [int(pid) for pid in found]

    def _start(self) -> None:
        """A server that was killed leaves processes that end by and by; until then the next one refuses to start."""
        for turn in range(STARTS):
            try:
                self._server.start()
            except AssertionError:
                if turn == STARTS - 1:
                    raise
            else:
                return
