"""S3-compatible storage for tests: a server on loopback that keeps objects in memory, and can go away and come back."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path
from urllib.parse import quote

import httpx2
from moto.server import ThreadedMotoServer

from config import Bucket
from gateway.store.buckets import BucketBlobs

KEY = ("key-of-the-tests", "secret-of-the-tests")
_names = itertools.count(1)


class ObjectServer:
    """One server; buckets are made in it by `bucket`."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._port = 0
        self._server = self._new()
        self.start()
        self._port = int(self._server.get_host_and_port()[1])

    def _new(self) -> ThreadedMotoServer:
        return ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Goes on with what it kept: objects belong to the test's process, not to the server."""
        self._server.start()

    def stop(self) -> None:
        self._server.stop()
        self._server = self._new()

    def bucket(self, prefix: str = "") -> Bucket:
        """A new bucket."""
        name = f"mails-{next(_names)}"
        answer = httpx2.put(f"{self.endpoint}/{name}", trust_env=False)
        assert answer.status_code == 200, answer.text
        return Bucket(name, prefix, self.endpoint, "us-east-1")


def url(bucket: Bucket) -> str:
    """The bucket as SMARTGATE_BLOB_URL names it."""
    return f"s3://{bucket.name}/{bucket.prefix}?endpoint={quote(bucket.endpoint or '')}&region={bucket.region}"


def blobs_of(bucket: Bucket, folder: Path) -> BucketBlobs:
    """The bucket as a gateway uses it."""
    blobs = BucketBlobs(bucket, folder / "spool", KEY)
    blobs.prepare()
    return blobs
