"""The process is killed again and again while many senders hand over mail, and started again each time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from gateway.store import schema
from tests.crash.audit import Audit
from tests.crash.fleet import Fleet, Pipelining, by_smtplib, letters
from tests.serving import Serving

MAILS_A_ROUND, STEPS_A_ROUND, LARGE_EVERY = 45, 150, 25
ONE_IN_THREE = 3
"""So many senders open a connection for each mail; the others keep theirs and pipeline."""


@dataclass(frozen=True, slots=True)
class Killed:
    """What came of it. interrupted: how often a mail had to be sent again because the server was gone."""

    rounds: int
    mails: int
    interrupted: int
    faults: tuple[str, ...]


def kill_rounds(folder: Path, seed: int, rounds: int, senders: int, told: Callable[[], None] = lambda: None) -> Killed:
    """Kills at a step drawn by lot within each round; what was acknowledged by then must be there after the start."""
    count = MAILS_A_ROUND * rounds
    pile = letters(seed, count, count // 5, count // 7, LARGE_EVERY)
    chance, faults = random.Random(seed), []
    keeping = [Pipelining() for number in range(senders) if number % ONE_IN_THREE]
    fleet = Fleet(pile, [*keeping, *[by_smtplib] * (senders - len(keeping))])
    serving = Serving(folder, LOG_LEVEL="error")
    serving.add_account()
    try:
        serving.start()
        with fleet.at_work():
            for _ in range(rounds):
                fleet.aim(serving.smtp)
                fleet.wait_for_step(fleet.steps + chance.randint(1, STEPS_A_ROUND))
                serving.kill()
                promised = fleet.promised()
                serving.start()
                faults += missing(serving.place, promised)
                told()
            fleet.aim(serving.smtp)
            fleet.wait_for_all()
        for sender in keeping:
            sender.leave()
        faults += [f"answered: {reply}" for reply in (*fleet.deferred, *fleet.refused)]
        faults += ["ended badly"] * (serving.stop() != 0) + ["a stack trace"] * ("Traceback" in serving.said())
    finally:
        serving.kill()
    checked = serving.run("db", "check")
    faults += [f"db check: {checked.stderr.decode()}"] * (checked.returncode != 0)
    faults += Audit(pile).look(serving.database, fleet.promised(), whole=True)
    return Killed(rounds, count, fleet.unanswered, tuple(faults))


def missing(place: Path | str, promised: dict[str, str]) -> list[str]:
    """What was acknowledged and isn't there just after a start."""
    with schema.transaction(place, reading=True) as tx:
        there = {str(row[0]) for row in tx.execute(text("SELECT message_id FROM messages"))}
    return [f"lost: {name}" for name in promised if name not in there]
