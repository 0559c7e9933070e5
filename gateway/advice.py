"""What an operator is told of settings that are allowed and still hardly meant, at a start and by `db check`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import structlog

from config import Settings
from gateway.storage import transaction
from gateway.store.accounts import list_accounts
from gateway.store.engine import StoreError, Tx
from gateway.usecases.endpoints import count_locked
from gateway.usecases.mailboxes import count_locked as count_locked_mailboxes
from gateway.wiring import keyring

_log = structlog.get_logger(__name__)
_SAME_KEY = "set SMARTGATE_SECRET_KEY as on the machines that made them, or name it in SMARTGATE_SECRET_KEYS_OLD"


def advise(settings: Settings, url: str, tx: Tx) -> None:
    """Tells the log. url: the console's address, in which links begin."""
    if settings.public_url is None and settings.http_listen.host in ("0.0.0.0", "::"):  # noqa: S104 - asked
        _log.warning("app.links_lead_nowhere", url=url, remedy="set SMARTGATE_PUBLIC_URL")
    if not list_accounts(tx):
        _log.warning("app.no_account", store=settings.database_name, remedy="smartgate account add")
    if settings.secret_key is None and not isinstance(settings.database, Path):
        remedy = "set SMARTGATE_SECRET_KEY, the same on every machine, before you connect a webhook or a CRM"
        _log.warning("app.no_secret_key", remedy=remedy)
    endpoints, mailboxes = _locked(tx, settings)
    if endpoints or mailboxes:
        _log.warning("app.other_secret_key", endpoints=endpoints, mailboxes=mailboxes, remedy=_SAME_KEY)


def check_secrets(settings: Settings) -> None:
    """Raises StoreError where this machine can't open what others have sealed."""
    with transaction(settings, reading=True) as tx:
        endpoints, mailboxes = _locked(tx, settings)
    found = [f"{count} {name}" for count, name in ((endpoints, "endpoints"), (mailboxes, "mailboxes")) if count]
    if found:
        raise StoreError(
            f"the store {settings.database_name} is sound, but the secrets of {' and '.join(found)} in it were "
            f"encrypted with another key: {_SAME_KEY}"
        )


def _locked(tx: Tx, settings: Settings) -> tuple[int, int]:
    """How many endpoints and mailboxes have secrets that our keys don't open."""
    keys = partial(keyring, settings)
    return count_locked(tx, keys), count_locked_mailboxes(tx, keys)
