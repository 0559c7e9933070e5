"""What is counted for rule B8b: added up by hour, forgotten by account, and not asked for where nobody is counted."""

from __future__ import annotations

from pathlib import Path

from gateway.store.engine import Place
from gateway.store.quotas import add_quotas, find_quotas, forget_quotas
from gateway.store.schema import transaction


def test_b8b_counts_of_several_batches_add_up_and_hours_stay_apart(place: Place) -> None:
    with transaction(place) as tx:
        add_quotas(tx, {(1, "account", 7): 2, (2, "account", 7): 1})
        add_quotas(tx, {(1, "account", 7): 3, (1, "account", 8): 4})

        assert find_quotas(tx, {1}, {"account"}, {7, 8}) == {(1, "account", 7): 5, (1, "account", 8): 4}
        assert find_quotas(tx, {2}, {"account", "author:x"}, {7}) == {(2, "account", 7): 1}


def test_b8b_an_accounts_earlier_hours_are_forgotten_and_no_other_accounts(place: Place) -> None:
    with transaction(place) as tx:
        add_quotas(tx, {(1, "account", 7): 2, (1, "account", 8): 1, (2, "account", 7): 1})

        forget_quotas(tx, {1: 8})

        assert find_quotas(tx, {1, 2}, {"account"}, {7, 8}) == {(1, "account", 8): 1, (2, "account", 7): 1}


def test_b8b_nothing_is_asked_or_written_where_nobody_is_counted(tmp_path: Path) -> None:
    with transaction(tmp_path / "store.db") as tx:
        statements: list[str] = []
        driver = tx.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(statements.append)

        find_quotas(tx, (), (), ())
        forget_quotas(tx, {})
        add_quotas(tx, {})
        assert statements == []

        find_quotas(tx, (1,), ("account",), (7,))
        assert len(statements) == 1
