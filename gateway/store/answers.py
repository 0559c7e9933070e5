"""Answers that were given to requests with an Idempotency-Key, kept for a day."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, tuple_

from gateway.store.short_lived import answers

KEPT_MS = 24 * 60 * 60_000


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer at rest. request: tells what was asked apart from everything else. body: sealed."""

    request: bytes
    status: int
    body: bytes


def find_answer(tx: Connection, account: int, key: bytes, now: int) -> Kept | None:
    """What was answered under a key within the last day."""
    query = select(answers.c.request, answers.c.status, answers.c.body).where(
        answers.c.account == account, answers.c.key == key, answers.c.at > now - KEPT_MS
    )
    row = tx.execute(query).first()
    return None if row is None else Kept(*row)


def add_answer(tx: Connection, account: int, key: bytes, kept: Kept, now: int) -> None:
    """Keeps an answer, in the place of one that has run out."""
    tx.execute(delete(answers).where(answers.c.account == account, answers.c.key == key))
    row = {"request": kept.request, "status": kept.status, "body": kept.body, "at": now}
    tx.execute(insert(answers).values(account=account, key=key, **row))


def drop_old_answers(tx: Connection, before: int, most: int) -> int:
    """Drops answers from before a moment, at most so many; how many there were."""
    old = select(answers.c.account, answers.c.key).where(answers.c.at <= before).limit(most)
    found = [tuple(row) for row in tx.execute(old)]
    if found:
        tx.execute(delete(answers).where(tuple_(answers.c.account, answers.c.key).in_(found)))
    return len(found)
