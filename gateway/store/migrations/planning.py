"""What SQLite is told of the size of tables, so that its plans stay right however large a store grows.

Without figures it takes it that an account has some ten rows of anything, and reads them all rather than look some up.
Counting (ANALYZE) would tell of the store of that day, which is empty when it is made. PostgreSQL counts by itself.
https://www.sqlite.org/fileformat2.html#the_sqlite_stat1_table
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

_ROWS, _OF_AN_ACCOUNT, _OF_A_KEY = 1_000_000, 100_000, 10
_STATISTICS = sa.table("sqlite_stat1", *map(sa.column, ("tbl", "idx", "stat")))


def tell_planner(tx: sa.Connection) -> None:
    """Says of every index: many rows in all, many of one account, few of whatever narrows that down, and of what an
    index across accounts begins with. For migrations that make a table or an index; elsewhere than on SQLite nothing is
    done."""
    if tx.dialect.name != "sqlite":
        return
    tx.exec_driver_sql("ANALYZE sqlite_schema")  # makes the table of figures
    tx.execute(_STATISTICS.delete())
    inspector = sa.inspect(tx)
    for table in inspector.get_table_names():
        for _, index, unique, origin, _ in tx.exec_driver_sql(f'PRAGMA index_list("{table}")').all():
            columns = [row.name for row in tx.exec_driver_sql(f'PRAGMA index_info("{index}")').all()]
            name = table if origin == "pk" and _without_rowid(tx, table) else index
            tx.execute(_STATISTICS.insert().values(tbl=table, idx=name, stat=_figures(columns, bool(unique))))


def _figures(columns: Sequence[str | None], unique: bool) -> str:
    left = [_OF_AN_ACCOUNT if name == "account" else _OF_A_KEY for name in columns]
    if unique:
        left[-1] = 1
    return " ".join(map(str, (_ROWS, *left)))


def _without_rowid(tx: sa.Connection, table: str) -> bool:
    listed = tx.exec_driver_sql(f'PRAGMA table_list("{table}")').mappings().one()
    return bool(listed["wr"])
