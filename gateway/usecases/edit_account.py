"""Change an account's options (rules B1, B7, B8a; Words)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields

from gateway.core.options import AccountError, MissingError, Options, read_options
from gateway.core.refusals import Stale, Wrong
from gateway.core.resources import Account
from gateway.store import mailbox_reading
from gateway.store.access import Principal
from gateway.store.accounts import AccountRow, get_account, set_options
from gateway.store.audit import note
from gateway.store.engine import Store, Tx
from gateway.store.ids import shared_time


async def edit_account(
    store: Store,
    writer: Principal,
    changes: Mapping[str, str],
    gateway_domains: tuple[str, ...],
    unchanged: Callable[[Account], bool],
) -> Account | Wrong | Stale | None:
    """Writes the options that are given, all or none; `changes` maps an option to its text. The account as it is then,
    Stale when it is not as the writer saw it."""
    for option, text in changes.items():
        try:
            read_options({option: text}, gateway_domains)
        except AccountError as fault:
            return Wrong(option, str(fault))
    options = read_options(changes, gateway_domains)

    def edit(tx: Tx) -> Account | Wrong | Stale | None:
        known = get_account(tx, writer.account)
        if known is None or not unchanged(known.shown(gateway_domains[0])):
            return None if known is None else Stale()
        try:
            set_options(tx, writer.account, options)
        except MissingError as fault:
            return Wrong("link_mailbox", str(fault))
        note(tx, writer, "account.changed", known.id, shared_time(), **_changed(known, options))
        changed = get_account(tx, writer.account)
        return None if changed is None else changed.shown(gateway_domains[0])

    return await store.write(edit, account=writer.account)


def _changed(known: AccountRow, options: Options) -> dict[str, object]:
    """The options that are others than before, as they are now."""
    wanted = {field.name: getattr(options, field.name) for field in fields(options)}
    return {name: value for name, value in wanted.items() if value not in (None, getattr(known, name))}


async def list_link_senders(store: Store, admin: Principal) -> list[tuple[str, str]]:
    """The mailboxes that may mail sign-in links: id and address."""
    return await store.read(lambda tx: mailbox_reading.list_link_senders(tx, admin.account))
