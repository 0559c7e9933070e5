"""Large mails as objects in S3-compatible storage, for gateways on several machines (docs/operations.md).

A mail is spooled to a file without a name on this machine, then uploaded, and the storage has acknowledged it before
the transaction begins that names it. A transaction can't wait for a network, so what is uploaded may turn out to be
refused: its sender's mail is taken away again at once, and what a crash leaves is found a day later (`orphans`).

An object is `AA/ACCOUNT/SHA256.UPLOAD`: the content's hash, by which it is checked when it is read, and a word of its
own for each upload. No two uploads share an object, so one that no row names after a day will never be named, and can
go without a lock: were the hash alone its name, it could be taken away while another gateway counts on it.
"""

from __future__ import annotations

import contextlib
import errno
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

import structlog

from config import Bucket
from gateway import metrics
from gateway.store.blobs import PIECE, BlobError, Blobs, BlobStore, Spool
from gateway.store.folders import make_folder

if TYPE_CHECKING:
    from obstore.store import S3Store

T = TypeVar("T")
_log = structlog.get_logger(__name__)

PART = 5 * 1024 * 1024
"""Octets of one request of an upload, and held in memory by it: the smallest that S3 takes (but for the last)."""
SLICES = 256
"""Parts of the bucket by the first two letters of a name; a look through it takes some of them at a time."""
SPARED_SECONDS = 2.0
"""So long after a failure the storage is left alone, so that large mails are put off at once and don't queue up."""
FRESH_SECONDS = 10.0
_MANY = 1_000
_NO_BUCKET = "NoSuchBucket"
_CODE = re.compile(r"<Code>(\w+)</Code>")


@dataclass(frozen=True, slots=True)
class Object:
    """One stored mail. name: as rows have it."""

    account: int
    name: str
    stored_at: datetime


class BucketSpool(Spool):
    """One large message on its way into a bucket."""

    lands: ClassVar[bool] = False

    def __init__(self, root: Path, bucket: BucketBlobs) -> None:
        super().__init__(root, set())
        self._bucket = bucket
        self._uploaded: str | None = None

    def settle(self, account: int, name: str | None = None) -> str:
        """Uploads it; once this answers, the storage has said that it has the whole of it."""
        name = name or f"{self.digest}.{secrets.token_hex(8)}"
        self._bucket.upload(account, name, Path(self.path))
        self._uploaded = name
        return name

    def withdraw(self, account: int) -> None:
        """Takes the object away again; where that fails it is an orphan, and found later."""
        if self._uploaded is not None:
            with contextlib.suppress(BlobError):
                self._bucket.drop(account, self._uploaded)
            self._uploaded = None


class BucketBlobs:
    """Large mails in a bucket. spools: the folder on this machine where they stand on their way.

    key: its id and the key itself; left out, the library finds them where others do (AWS_*, or the machine's role).
    The library starts threads of its own with its first request, so nothing is asked before a process has forked.
    """

    at_once: ClassVar[int] = 3

    def __init__(self, bucket: Bucket, spools: Path, key: tuple[str, str] | None = None) -> None:
        self.bucket, self.root, self._key_pair = bucket, spools, key
        self._store: S3Store | None = None
        self._opening = threading.Lock()
        self._lost_at: float | None = None
        self._heard_at: float | None = None

    def prepare(self) -> None:
        make_folder(self.root, 0o700)
        for left in self.root.glob("spool-*"):
            left.unlink(missing_ok=True)

    def check(self) -> None:
        """Writes a few octets, reads them and takes them away: all that filing, reading and erasing need."""
        import obstore

        key, said = f"{self.bucket.prefix}check/{secrets.token_hex(8)}", b"smartgate"
        self._ask("put", lambda store: obstore.put(store, key, said))
        heard = self._ask("get", lambda store: obstore.get(store, key).bytes().to_bytes())
        self._ask("delete", lambda store: obstore.delete(store, key))
        if heard != said:
            raise BlobError(f"the bucket {self.bucket.name!a} gives other bytes than it was given")

    def reachable(self) -> bool:
        import obstore

        if self._heard_at is not None and time.monotonic() - self._heard_at < FRESH_SECONDS:
            return True
        try:
            self._ask("list", lambda store: obstore.list_with_delimiter(store, f"{self.bucket.prefix}check"))
        except BlobError:
            return False
        return True

    def open_spool(self) -> Spool:
        return BucketSpool(self.root, self)

    def upload(self, account: int, name: str, file: Path) -> None:
        """Stores a file as one object: in one request up to `PART`, else in parts one after the other."""
        import obstore

        if self._lost_at is not None and time.monotonic() - self._lost_at < SPARED_SECONDS:
            raise BlobError(f"the bucket {self.bucket.name!a} of large mails can't be reached at the moment")
        key = self._key(account, name)
        if file.stat().st_size <= PART:
            whole = file.read_bytes()
            self._ask("put", lambda store: obstore.put(store, key, whole))
        else:  # given as pieces it takes half the memory of a file that the library reads by itself
            self._ask("put", lambda store: obstore.put(store, key, _pieces(file), chunk_size=PART, max_concurrency=1))

    def load(self, account: int, name: str) -> bytes:
        return b"".join(self.pieces(account, name))

    def pieces(self, account: int, name: str) -> Iterator[bytes]:
        """Its hash is told by its name: what was changed on its way, or in the storage, ends in a BlobError."""
        import obstore

        key, hashed = self._key(account, name), sha256()
        stream = self._ask("get", lambda store: obstore.get(store, key).stream(min_chunk_size=PIECE))
        while (piece := self._ask("get", lambda _: next(stream, None))) is not None:
            whole = bytes(piece)
            hashed.update(whole)
            yield whole
        if hashed.hexdigest() != name.partition(".")[0]:
            raise BlobError(f"the object {key} is not what was stored under this name")

    def has(self, account: int, name: str) -> bool:
        import obstore

        key = self._key(account, name)
        try:
            self._ask("head", lambda store: obstore.head(store, key))
        except FileNotFoundError:
            return False
        return True

    def drop(self, account: int, name: str) -> None:
        import obstore

        key = self._key(account, name)
        with contextlib.suppress(FileNotFoundError):
            self._ask("delete", lambda store: obstore.delete(store, key))

    def drop_account(self, account: int) -> None:
        for number in range(SLICES):
            self.drop_all(list(self.objects(f"{number:02x}/{account}/")))

    def drop_all(self, objects: Sequence[Object]) -> None:
        """Takes several away, a thousand with one request."""
        import obstore

        keys = [self._key(one.account, one.name) for one in objects]
        for begin in range(0, len(keys), _MANY):
            some = keys[begin : begin + _MANY]
            self._ask("delete", partial(obstore.delete, paths=some))

    def old(self, number: int, hours: int) -> Iterator[list[Object]]:
        """The objects of one slice that were stored so long ago, some at a time."""
        before = datetime.now(UTC) - timedelta(hours=hours)
        found: list[Object] = []
        for one in self.objects(f"{number:02x}/"):
            if one.stored_at < before:
                found.append(one)
            if len(found) == _MANY:
                yield found
                found = []
        if found:
            yield found

    def objects(self, below: str = "") -> Iterator[Object]:
        """All whose names begin so, in the order of their names."""
        import obstore

        prefix = self.bucket.prefix + below
        stream = self._ask("list", lambda store: obstore.list(store, prefix))
        while (some := self._ask("list", lambda _: next(stream, None))) is not None:
            for one in some:
                _, account, name = one["path"].removeprefix(self.bucket.prefix).split("/")
                yield Object(int(account), name, one["last_modified"])

    def _key(self, account: int, name: str) -> str:
        return f"{self.bucket.prefix}{name[:2]}/{account}/{name}"

    def _ask(self, does: str, question: Callable[[S3Store], T]) -> T:
        """Asks the storage; what it can't do is told once, until it can again, and counted."""
        from obstore.exceptions import BaseError

        try:
            answer = question(self._opened())
        except (BaseError, OSError) as fault:
            if isinstance(fault, FileNotFoundError) and _NO_BUCKET not in str(fault):
                raise FileNotFoundError(errno.ENOENT, "there is no such object", self.bucket.name) from None
            metrics.blobs_failed(does)
            reason = _first_line(fault)
            if self._lost_at is None:
                _log.warning("blobs.lost", bucket=self.bucket.name, does=does, reason=reason)
            self._lost_at, self._heard_at = time.monotonic(), None
            raise BlobError(f"the bucket {self.bucket.name!a} of large mails: {reason}") from fault
        self._heard_at = time.monotonic()
        if self._lost_at is not None:
            self._lost_at = None
            _log.info("blobs.back", bucket=self.bucket.name)
        return answer

    def _opened(self) -> S3Store:
        with self._opening:
            if self._store is None:
                self._store = _open(self.bucket, self._key_pair)
            return self._store


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(PIECE):
            yield piece


def blobs_in(folder: Path, bucket: Bucket | None = None, key: tuple[str, str] | None = None) -> Blobs:
    """Large mails in a folder; or in a bucket, where the folder is what they wait in until they are there."""
    return BlobStore(folder) if bucket is None else BucketBlobs(bucket, folder, key)


def _open(bucket: Bucket, key: tuple[str, str] | None) -> S3Store:
    """What is asked is asked again after a moment where a server or the way to it failed, and given up after ten
    seconds: the sender's server has a longer patience than we should have open connections."""
    from obstore.store import S3Store

    given = {"endpoint": bucket.endpoint, "region": bucket.region}
    if key is not None:
        given |= {"access_key_id": key[0], "secret_access_key": key[1]}
    plain = bool(bucket.endpoint and bucket.endpoint.startswith("http://"))
    return S3Store(
        bucket.name,
        client_options={"allow_http": plain, "connect_timeout": "5s", "timeout": "30s"},
        retry_config={
            "max_retries": 3,
            "retry_timeout": timedelta(seconds=10),
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
        },
        **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
    )


def _first_line(fault: Exception) -> str:
    """What the library says, without what it appends for its developers and what a server wrote in XML; bounded."""
    said = str(fault).partition("\n\nDebug source")[0]
    code = _CODE.search(said)
    return " ".join(said.partition(": <?xml")[0].split())[:300] + (f" ({code[1]})" if code else "")
