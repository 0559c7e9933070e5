"""Change an account's options (rules B1, B7, B8a; Words)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gateway.core.options import AccountError, read_options
from gateway.core.refusals import Wrong
from gateway.store.access import Principal
from gateway.store.accounts import set_options
from gateway.store.engine import Store


async def edit_account(
    store: Store, writer: Principal, changes: Mapping[str, str], gateway_domains: Collection[str]
) -> Wrong | None:
    """Writes the options that are given, all or none; `changes` maps an option to its text."""
    for option, text in changes.items():
        try:
            read_options({option: text}, gateway_domains)
        except AccountError as fault:
            return Wrong(option, str(fault))
    options = read_options(changes, gateway_domains)
    await store.write(lambda tx: set_options(tx, writer.account, options), account=writer.account)
    return None
