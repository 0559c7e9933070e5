"""Accounts and tokens in the store: who has a name, until when, and who may come in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from gateway.core.admission import Directory
from gateway.core.options import ConflictError, Options
from gateway.store import access, accounts
from gateway.store.accounts import AccountRow, UserRow
from gateway.store.engine import Place
from gateway.store.schema import transaction
from gateway.store.tables import metadata, slugs

NOW = 1_800_000_000_000
DAY = accounts.DAY
FORMER = 3650


@pytest.fixture
def tx(place: Place) -> Iterator[Connection]:
    with transaction(place) as opened:
        yield opened


@pytest.fixture
def acme(tx: Connection) -> AccountRow:
    return accounts.add_account(tx, "acme", "Acme", NOW, FORMER)


@pytest.fixture
def ana(tx: Connection, acme: AccountRow) -> UserRow:
    return accounts.add_user(tx, acme.number, "ana@acme.example", "Ana", "admin", NOW)


def test_a_slug_leads_to_its_account_and_an_unknown_one_nowhere(tx: Connection, acme: AccountRow) -> None:
    assert accounts.find_slug(tx, "acme", NOW, FORMER) == Directory(acme.number, "current")
    assert accounts.find_slug(tx, "amce", NOW, FORMER) is None


RENAMED = {
    # story                                          grace  days later  state
    "a4 without grace the old name is former at once": (0, 0, "former"),
    "a4 within the grace the old name still works": (7, 6.9, "grace"),
    "a4 after the grace it is former": (7, 7, "former"),
    "a4 it stays reserved for ten years": (0, 3649.9, "former"),
    "a4 and is nobody's after that": (0, 3650, None),
}


@pytest.mark.parametrize(("grace", "later", "state"), RENAMED.values(), ids=RENAMED)
def test_a_renamed_accounts_old_name(
    tx: Connection, acme: AccountRow, grace: int, later: float, state: str | None
) -> None:
    accounts.set_options(tx, acme.number, Options(rename_grace_days=grace))
    accounts.set_slug(tx, acme, "apex", NOW, FORMER)
    at = NOW + int(later * DAY)
    expected = None if state is None else Directory(acme.number, state)
    assert accounts.find_slug(tx, "acme", at, FORMER) == expected
    assert accounts.find_slug(tx, "apex", at, FORMER) == Directory(acme.number, "current")


def test_a4_an_account_may_take_a_former_name_back(tx: Connection, acme: AccountRow) -> None:
    renamed = accounts.set_slug(tx, acme, "apex", NOW, FORMER)
    back = accounts.set_slug(tx, renamed, "acme", NOW + DAY, FORMER)
    assert back == acme
    assert accounts.find_slug(tx, "acme", NOW + DAY, FORMER) == Directory(acme.number, "current")
    assert accounts.find_slug(tx, "apex", NOW + DAY, FORMER) == Directory(acme.number, "former")


def test_a4_another_account_cannot_have_a_former_name_until_it_is_free(tx: Connection, acme: AccountRow) -> None:
    accounts.set_slug(tx, acme, "apex", NOW, FORMER)
    beta = accounts.add_account(tx, "beta", "Beta", NOW, FORMER)
    for attempt in ("apex", "acme"):
        with pytest.raises(ConflictError, match=f"slug '{attempt}'"):
            accounts.set_slug(tx, beta, attempt, NOW + DAY, FORMER)
        with pytest.raises(ConflictError, match=f"slug '{attempt}'"):
            accounts.add_account(tx, attempt, "New", NOW + DAY, FORMER)
    accounts.set_slug(tx, beta, "acme", NOW + FORMER * DAY, FORMER)
    assert accounts.find_slug(tx, "acme", NOW + FORMER * DAY, FORMER) == Directory(beta.number, "current")


def test_renaming_to_the_name_it_has_changes_nothing(tx: Connection, acme: AccountRow) -> None:
    assert accounts.set_slug(tx, acme, "acme", NOW, FORMER) is acme
    assert accounts.find_slug(tx, "acme", NOW, FORMER) == Directory(acme.number, "current")


def test_options_that_are_not_given_stay_as_they_are(tx: Connection, acme: AccountRow) -> None:
    accounts.set_options(tx, acme.number, Options(strangers="hold", own_domains=("b.example", "a.example")))
    accounts.set_options(tx, acme.number, Options(copy_policy="cc_or_to"))
    found = accounts.get_account(tx, acme.number)
    assert found is not None
    assert (found.strangers, found.copy_policy, found.own_domains) == ("hold", "cc_or_to", ("a.example", "b.example"))
    accounts.set_options(tx, acme.number, Options(own_domains=()))
    assert accounts.get_account(tx, acme.number) == accounts.find_account(tx, "acme")
    assert accounts.list_accounts(tx)[0].own_domains == ()


def test_b8a_the_list_of_what_is_never_logged_is_kept_apart_from_own_domains(tx: Connection, acme: AccountRow) -> None:
    accounts.set_options(tx, acme.number, Options(own_domains=("a.example",), never_log=("z.example", "b@c.example")))
    accounts.set_options(tx, acme.number, Options(own_domains=("d.example",)))
    [found] = accounts.list_accounts(tx)
    assert (found.own_domains, found.never_log) == (("d.example",), ("b@c.example", "z.example"))
    accounts.set_options(tx, acme.number, Options(never_log=()))
    assert accounts.get_account(tx, acme.number) == accounts.find_account(tx, "acme")
    assert accounts.list_accounts(tx)[0].never_log == ()


def test_one_address_may_be_a_user_of_several_accounts_and_one_domain_own_to_several(
    tx: Connection, acme: AccountRow, ana: UserRow
) -> None:
    beta = accounts.add_account(tx, "beta", "Beta", NOW, FORMER)
    accounts.add_user(tx, beta.number, ana.email, "Ana", "user", NOW)
    for account in (acme, beta):
        accounts.set_options(tx, account.number, Options(own_domains=("shared.example",)))
    assert [row.own_domains for row in accounts.list_accounts(tx)] == [("shared.example",)] * 2
    with pytest.raises(ConflictError, match=r"'ana@acme\.example' is a user of this account already"):
        accounts.add_user(tx, beta.number, ana.email, "Ana again", "user", NOW)


def test_erasing_an_account_leaves_no_row_of_it_and_none_of_another_is_touched(place: Place) -> None:
    with transaction(place) as tx:
        numbers = []
        for slug in ("acme", "beta"):
            row = accounts.add_account(tx, slug, slug, NOW, FORMER)
            accounts.set_options(tx, row.number, Options(own_domains=(f"{slug}.example",), never_log=("x.example",)))
            user = accounts.add_user(tx, row.number, f"ana@{slug}.example", "Ana", "admin", NOW)
            access.issue_token(tx, row.number, user.id, "api", NOW)
            numbers.append(row.number)
        accounts.erase_account(tx, numbers[0])
    with transaction(place, reading=True) as tx:
        for table in metadata.tables.values():
            column = table.c.number if table.name == "accounts" else table.c.account
            assert set(tx.execute(select(column)).scalars()) in (set(), {numbers[1]}), table.name
        assert len(tx.execute(select(slugs)).all()) == 1


def test_the_secret_of_a_token_is_nowhere_in_the_store(tmp_path: Path) -> None:
    with transaction(tmp_path / "store.db") as tx:
        account = accounts.add_account(tx, "acme", "Acme", NOW, FORMER)
        user = accounts.add_user(tx, account.number, "ana@acme.example", "Ana", "admin", NOW)
        secret = access.issue_token(tx, account.number, user.id, "api", NOW)
    random = secret.rpartition("_")[2] if secret.count("_") == 2 else secret.split("_", 2)[2]
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert random.encode() not in stored


def test_a_token_tells_who_comes(tx: Connection, acme: AccountRow, ana: UserRow) -> None:
    secret = access.issue_token(tx, acme.number, ana.id, "api", NOW)
    found = access.find_principal(tx, secret, "api", NOW + 9999 * DAY)
    assert found is not None
    assert (found.account, found.slug) == (acme.number, "acme")
    assert (found.user, found.email, found.name, found.role) == (ana.id, ana.email, "Ana", "admin")
    assert [row.id for row in access.list_tokens(tx, acme.number, NOW)] == [found.token]


def test_what_is_no_token_of_this_kind_opens_nothing(tx: Connection, acme: AccountRow, ana: UserRow) -> None:
    secret = access.issue_token(tx, acme.number, ana.id, "api", NOW)
    beta = accounts.add_account(tx, "beta", "Beta", NOW, FORMER)
    elsewhere = secret.replace(f"_{acme.number}_", f"_{beta.number}_", 1)
    for wrong in (
        "",
        "x",
        secret[:-1],
        secret + "A",
        secret.replace("sga", "sgs"),
        elsewhere,
        "sga_٣_" + "A" * 43,
        "é" * 60,
    ):
        assert access.find_principal(tx, wrong, "api", NOW) is None
        assert access.redeem_sign_in(tx, wrong, NOW) is None
        assert not access.drop_token(tx, wrong, "api")
    assert access.find_principal(tx, secret, "session", NOW) is None


def test_a_sign_in_link_opens_one_session_once(tx: Connection, acme: AccountRow, ana: UserRow) -> None:
    link = access.issue_token(tx, acme.number, ana.id, "sign_in", NOW)
    opened = access.redeem_sign_in(tx, link, NOW + 1)
    assert opened is not None
    session, who = opened
    assert who.email == ana.email
    assert access.find_principal(tx, session, "session", NOW + 2) == who
    assert access.redeem_sign_in(tx, link, NOW + 2) is None
    assert access.drop_token(tx, session, "session")
    assert access.find_principal(tx, session, "session", NOW + 3) is None


def test_a_sign_in_link_is_dead_after_a_quarter_of_an_hour(tx: Connection, acme: AccountRow, ana: UserRow) -> None:
    link = access.issue_token(tx, acme.number, ana.id, "sign_in", NOW)
    assert access.redeem_sign_in(tx, link, NOW + 15 * 60_000) is None
    assert access.redeem_sign_in(tx, link, NOW + 15 * 60_000 - 1) is not None


def test_a_revoked_token_and_those_of_a_removed_user_open_nothing(
    tx: Connection, acme: AccountRow, ana: UserRow
) -> None:
    first = access.issue_token(tx, acme.number, ana.id, "api", NOW)
    second = access.issue_token(tx, acme.number, ana.id, "api", NOW)
    found = access.find_principal(tx, first, "api", NOW)
    assert found is not None
    assert access.revoke_token(tx, acme.number, found.token)
    assert not access.revoke_token(tx, acme.number, found.token)
    assert access.find_principal(tx, first, "api", NOW) is None
    assert access.find_principal(tx, second, "api", NOW) is not None
    accounts.remove_user(tx, acme.number, ana.id)
    assert access.find_principal(tx, second, "api", NOW) is None


def test_tokens_that_have_run_out_are_swept_when_a_new_one_is_made(
    tx: Connection, acme: AccountRow, ana: UserRow
) -> None:
    access.issue_token(tx, acme.number, ana.id, "sign_in", NOW)
    access.issue_token(tx, acme.number, ana.id, "api", NOW + DAY)
    assert tx.exec_driver_sql("SELECT kind FROM tokens").fetchall() == [("api",)]
