"""The store of the settings, and where its large mails are: made, checked and opened, for servers and commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from config import Settings
from gateway.store import schema
from gateway.store.blobs import Blobs
from gateway.store.buckets import blobs_in
from gateway.store.engine import Store, StoreError, Tx
from gateway.usecases.index_words import Indexer


@contextmanager
def transaction(settings: Settings, *, reading: bool = False) -> Iterator[Tx]:
    """One transaction on the store of the settings, for a command; one for reading keeps no writer waiting."""
    with schema.transaction(settings.database, reading=reading) as tx:
        yield tx


def upgrade_store(settings: Settings) -> tuple[str | None, str]:
    """Brings the store to the newest schema: where it was (None: not there), where it is."""
    return schema.upgrade(settings.database)


def check_store(settings: Settings) -> str:
    """The schema of a store that is sound and current, large mails included. Raises StoreError for any other."""
    revision = schema.check(settings.database)
    try:
        if settings.blob_bucket is not None:
            large_mails(settings).check()
    except OSError as error:
        raise StoreError(str(error)) from error
    return revision


async def reindex(settings: Settings, told: Callable[[int, int], None]) -> int:
    """Makes the index of search anew: how many messages and cards are in it. told: how many are, and of how many."""
    blobs = prepare(settings)
    store = Store(settings.database)
    store.start()
    try:
        return await Indexer(store, blobs, settings.max_mime_parts, settings.max_mime_depth).rebuild(told)
    finally:
        await store.stop()


def open_store(settings: Settings) -> Store:
    """The store of the settings, for a command that works in an event loop; it starts and stops it."""
    return Store(settings.database)


def sweep_store(settings: Settings) -> bool:
    """Writes the store anew without what was erased; False where a reader keeps its log."""
    return schema.sweep(settings.database)


def empty_log(settings: Settings) -> bool:
    """Empties the log of the store, which holds a while longer what was overwritten; False where a reader kept it."""
    return schema.empty_log(settings.database)


def large_mails(settings: Settings) -> Blobs:
    """Where large mails are kept; nothing is opened or asked yet."""
    id, key = settings.s3_access_key_id, settings.s3_secret_access_key
    pair = (id, key.get_secret_value()) if id and key else None
    return blobs_in(settings.blob_path, settings.blob_bucket, pair)


def drop_files(settings: Settings, account: int) -> None:
    """Takes away the large mails of an account that was erased."""
    large_mails(settings).drop_account(account)


def prepare(settings: Settings) -> Blobs:
    """Makes the store that isn't there, and the folder of large mails. Raises StoreError where one can't be used.

    A bucket isn't asked: while it can't be reached, small mail is taken all the same.
    """
    schema.ensure_schema(settings.database)
    blobs = large_mails(settings)
    try:
        blobs.prepare()
    except OSError as error:
        reason = f"the folder {settings.blob_path} of large mails can't be used: {error.strerror}"
        raise StoreError(reason) from error
    return blobs
