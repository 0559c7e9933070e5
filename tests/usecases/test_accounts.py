"""What operators do with accounts, users and tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection

from gateway.core.options import AccountError, ConflictError, MissingError
from gateway.store import access
from gateway.store.engine import Place
from gateway.store.schema import transaction
from gateway.usecases import accounts, tokens, users
from gateway.usecases.accounts import House
from gateway.usecases.users import Change

HOUSE = House(("mail.kommo.com", "in.example"), 3650, "https://crm.example")


@pytest.fixture
def tx(place: Place) -> Iterator[Connection]:
    with transaction(place) as opened:
        yield opened


def open_acme(tx: Connection) -> accounts.Opened:
    return accounts.open_account(tx, HOUSE, "Acme", "Acme Coffee", "Ana@acme.example", ["acme.example"])


def test_a_new_account_has_three_addresses_an_admin_a_token_and_a_link(tx: Connection) -> None:
    opened = open_acme(tx)
    assert opened.account.addresses.attach == "acme@mail.kommo.com"
    assert opened.account.addresses.contact == "acme+contact@mail.kommo.com"
    assert opened.account.addresses.lead == "acme+lead@mail.kommo.com"
    assert opened.account.own_domains == ("acme.example",)
    assert (opened.owner.email, opened.owner.role) == ("ana@acme.example", "admin")
    assert access.find_principal(tx, opened.token, "api", accounts._now()) is not None
    assert opened.sign_in_url.startswith("https://crm.example/sign-in/")
    assert access.redeem_sign_in(tx, opened.sign_in_url.rpartition("/")[2], accounts._now()) is not None


@pytest.mark.parametrize(
    ("slug", "name", "owner", "domains", "named"),
    [
        ("a", "Acme", "ana@acme.example", [], "slug 'a'"),
        ("acme", "", "ana@acme.example", [], "name ''"),
        ("acme", "Acme", "ana", [], "email 'ana'"),
        ("acme", "Acme", "beta@in.example", [], "email 'beta@in.example'"),
        ("acme", "Acme", "ana@acme.example", ["gmail.com"], "'gmail.com'"),
    ],
)
def test_a_wrong_value_opens_no_account(
    tx: Connection, slug: str, name: str, owner: str, domains: list[str], named: str
) -> None:
    with pytest.raises(AccountError, match=named):
        accounts.open_account(tx, HOUSE, slug, name, owner, domains)
    assert accounts.list_accounts(tx, HOUSE) == ()


def test_a_former_name_is_told_to_the_operator_who_asks_for_it(tx: Connection) -> None:
    open_acme(tx)
    renamed = accounts.rename_account(tx, HOUSE, "ACME", "Apex")
    assert renamed.addresses.lead == "apex+lead@mail.kommo.com"
    with pytest.raises(MissingError, match="no account is called 'acme'; it is called apex now"):
        accounts.show_account(tx, HOUSE, "acme")
    with pytest.raises(MissingError, match="no account is called 'beta'; `smartgate account list`"):
        accounts.erase_account(tx, "beta")


def test_options_are_set_all_or_none(tx: Connection) -> None:
    open_acme(tx)
    changed = accounts.set_account(tx, HOUSE, "acme", {"copy_policy": "cc_or_to", "own_domains": ".acme.example"})
    assert changed.never_log == ()
    changed = accounts.set_account(tx, HOUSE, "acme", {"never_log": "shop.example"})
    assert changed.never_log == ("shop.example",)
    assert (changed.copy_policy, changed.own_domains) == ("cc_or_to", (".acme.example",))
    with pytest.raises(AccountError, match="strangers 'x'"):
        accounts.set_account(tx, HOUSE, "acme", {"copy_policy": "cc", "strangers": "x"})
    with pytest.raises(AccountError, match="no option is given"):
        accounts.set_account(tx, HOUSE, "acme", {})
    assert accounts.show_account(tx, HOUSE, "acme")[0] == changed


def test_users_are_added_changed_and_removed(tx: Connection) -> None:
    open_acme(tx)
    dimas = users.add_user(tx, "acme", "Dimas@ACME.example", HOUSE.domains)
    assert (dimas.email, dimas.name, dimas.role, dimas.shared_mail) == ("dimas@acme.example", "Dimas", "user", False)
    changed = users.set_user(tx, "acme", "dimas@acme.example", Change("Dimas P.", "admin", True))
    assert (changed.name, changed.role, changed.shared_mail) == ("Dimas P.", "admin", True)
    assert users.set_user(tx, "acme", dimas.email, Change()) == changed
    assert [user.email for user in users.list_users(tx, "acme")] == ["ana@acme.example", "dimas@acme.example"]
    users.remove_user(tx, "acme", "ana@acme.example")
    assert [user.email for user in accounts.show_account(tx, HOUSE, "acme")[1]] == ["dimas@acme.example"]
    with pytest.raises(MissingError, match=r"'ana@acme\.example' is no user of account acme"):
        users.remove_user(tx, "acme", "ana@acme.example")


def test_an_account_always_keeps_an_admin(tx: Connection) -> None:
    open_acme(tx)
    users.add_user(tx, "acme", "dimas@acme.example", HOUSE.domains)
    attempts: list[Callable[[], object]] = [
        lambda: users.remove_user(tx, "acme", "ana@acme.example"),
        lambda: users.set_user(tx, "acme", "ana@acme.example", Change(role="user")),
    ]
    for attempt in attempts:
        with pytest.raises(ConflictError, match=r"ana@acme\.example is the last admin"):
            attempt()
    users.set_user(tx, "acme", "dimas@acme.example", Change(role="admin"))
    assert users.set_user(tx, "acme", "ana@acme.example", Change(role="user")).role == "user"


def test_tokens_are_made_listed_and_revoked(tx: Connection) -> None:
    open_acme(tx)
    made, link = tokens.create_token(tx, "acme", "ana@acme.example")
    assert access.redeem_sign_in(tx, link, users._now()) is not None
    kinds = [row.kind for row in tokens.list_tokens(tx, "acme")]
    assert sorted(kinds) == ["api", "api", "session", "sign_in"]
    who = access.find_principal(tx, made.secret, "api", users._now())
    assert who is not None
    tokens.revoke_token(tx, "acme", who.token)
    assert access.find_principal(tx, made.secret, "api", users._now()) is None
    with pytest.raises(MissingError, match="has no token"):
        tokens.revoke_token(tx, "acme", who.token)
