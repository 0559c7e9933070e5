"""Change an account's options (rules B1, B7, B8a; Words)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.core.options import AccountError, read_options
from gateway.core.refusals import Stale, Wrong
from gateway.core.resources import Account
from gateway.store.access import Principal
from gateway.store.accounts import get_account, set_options
from gateway.store.engine import Store, Tx


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

    def edit(tx: Tx) -> Account | Stale | None:
        known = get_account(tx, writer.account)
        if known is None or not unchanged(known.shown(gateway_domains[0])):
            return None if known is None else Stale()
        set_options(tx, writer.account, options)
        changed = get_account(tx, writer.account)
        return None if changed is None else changed.shown(gateway_domains[0])

    return await store.write(edit, account=writer.account)
