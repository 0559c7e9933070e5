"""The rows of the speed table, as data: what is sent, how, and the ratio to Postfix that is the goal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KIB = 1024
MIB = 1024 * KIB

Database = Literal["SQLite", "PostgreSQL"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    size: bytes of a mail, headers included. sessions: clients at the same time. mails_a_connection: 0 keeps each
    connection open for the whole round. seconds: length of one round. goal: mails a second, ours to Postfix's.
    goal_p99: the longest wait we may cause, ours to Postfix's. goal_cpu_ms: CPU milliseconds of our server a mail.
    database, processes: what our server stands on, and how many of it. above: the row with fewer processes, of which
    this one has to be faster.
    """

    id: str
    title: str
    size: int
    sessions: int
    goal: float
    mails_a_connection: int = 0
    seconds: float = 2.0
    goal_p99: float | None = None
    goal_cpu_ms: float | None = None
    database: Database = "SQLite"
    processes: int = 1
    above: str | None = None


ORDINARY = Row("3k-20", "3 KB, 20 sessions kept open", 3 * KIB, 20, goal=3.3, goal_cpu_ms=0.4)
"""Twenty clients with ordinary mail: the row by which other things are measured."""

ROWS: tuple[Row, ...] = (
    Row("3k-1", "3 KB, 1 session", 3 * KIB, 1, goal=1.5),
    ORDINARY,
    Row("3k-20-new", "3 KB, 20 sessions, a connection a mail", 3 * KIB, 20, goal=2.8, mails_a_connection=1),
    Row("3k-100", "3 KB, 100 sessions", 3 * KIB, 100, goal=4.8, goal_p99=0.25),
    Row("50k-20", "50 KB, 20 sessions", 50 * KIB, 20, goal=2.8),
    Row("50k-100", "50 KB, 100 sessions", 50 * KIB, 100, goal=2.8),
    Row("1m-1", "1 MB, 1 session", MIB, 1, goal=1.5, seconds=3.0),
    Row("1m-20", "1 MB, 20 sessions", MIB, 20, goal=1.5, seconds=3.0),
    Row("1m-100", "1 MB, 100 sessions", MIB, 100, goal=1.5, seconds=4.0),
    Row("pg-3k-100", "PostgreSQL, 3 KB, 100 sessions", 3 * KIB, 100, goal=2.8, database="PostgreSQL"),
    Row(
        "pg-3k-100-w2",
        "PostgreSQL, 2 processes, 3 KB, 100 sessions",
        3 * KIB,
        100,
        goal=2.8,
        database="PostgreSQL",
        processes=2,
        above="pg-3k-100",
    ),
    Row(
        "pg-3k-100-w4",
        "PostgreSQL, 4 processes, 3 KB, 100 sessions",
        3 * KIB,
        100,
        goal=2.8,
        database="PostgreSQL",
        processes=4,
        above="pg-3k-100-w2",
    ),
)
