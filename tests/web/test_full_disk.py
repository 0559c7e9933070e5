"""A disk that is full while mail is written and sent: nothing is half done, and nothing goes out twice for it (E11)."""

from __future__ import annotations

import errno
import sqlite3
from base64 import b64encode
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from gateway.store import outgoing
from gateway.store.blobs import Spool
from gateway.usecases import send_queued
from tests.web.post import BOX, Post, finished
from tests.web.site import Site

FULL = OperationalError("", None, sqlite3.OperationalError("database or disk is full"))


@pytest.fixture
async def post(site: Site) -> Post:
    return await Post(site).open()


async def test_a_large_mail_for_which_there_is_no_room_is_put_off(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_: Spool, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gateway.usecases.send_mail.IN_ROW", 100)
    file = {"filename": "plan.pdf", "data": b64encode(bytes(1_000)).decode()}
    wish = {"mailbox": post.box, "to": ["bob@bluefin.example"], "attachments": [file]}
    with monkeypatch.context() as full:
        full.setattr(Spool, "write", write)
        answer = await post.site.api.post("/v1/messages", json=wish)
        assert (answer.status_code, answer.json()["type"]) == (503, "/v1/docs#not-ready")
        assert int(answer.headers["retry-after"]) > 0
    assert await post.work() == 0, "nothing was done"
    assert (await post.site.api.post("/v1/messages", json=wish)).status_code == 201


@pytest.mark.parametrize("outlived", [False, True])
async def test_what_became_of_a_mail_is_noted_once_there_is_room_and_it_goes_out_once(
    post: Post, monkeypatch: pytest.MonkeyPatch, outlived: bool
) -> None:
    """outlived: its claim runs out meanwhile, and the same worker looks again."""
    real, tries, worker = outgoing.settle, [], post.worker()

    def settle(*given: Any, **values: Any) -> bool:
        tries.append(values)
        if len(tries) < 3:
            raise FULL
        return real(*given, **values)

    async def sleep(_: float) -> None:
        if outlived:
            post.ahead += outgoing.LEASE_MS + 1
            assert await worker.look() == 0

    monkeypatch.setattr(outgoing, "settle", settle)
    monkeypatch.setattr(send_queued, "sleep", sleep)
    made = await post.write()
    assert await worker.look() == 1
    await finished(worker)
    assert (len(post.servers.parcels), len(tries)) == (1, 3)
    assert await post.sending(made["id"]) == ("sent", "")
    await post.work(outgoing.LEASE_MS)
    assert len(post.servers.parcels) == 1
    assert len(post.servers.sent[BOX]) == 1
