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
    if locked := count_locked(tx, keys=partial(keyring, settings)):
        _log.warning("app.other_secret_key", endpoints=locked, remedy=_SAME_KEY)


def check_secrets(settings: Settings) -> None:
    """Raises StoreError where this machine can't open what others have sealed."""
    with transaction(settings, reading=True) as tx:
        locked = count_locked(tx, keys=partial(keyring, settings))
    if locked:
        raise StoreError(
            f"the store {settings.database_name} is sound, but the secrets of {locked} endpoints in it were encrypted "
            f"with another key: {_SAME_KEY}"
        )
