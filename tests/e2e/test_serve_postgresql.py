"""The product as a process on a PostgreSQL store: the same commands, mail in by SMTP, read by the API."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.test_serve import Letter, send
from tests.postgresql import Server
from tests.serving import Api, Serving

pytestmark = pytest.mark.postgresql


@pytest.fixture
def url(postgresql: Server) -> Iterator[str]:
    name = postgresql.make()
    yield postgresql.url(name)
    postgresql.drop(name)


@pytest.fixture
def serving(url: str, tmp_path: Path) -> Iterator[Serving]:
    one = Serving(tmp_path, DATABASE_URL=url, BLOB_URL=(tmp_path / "blobs").as_uri())
    yield one
    one.kill()


def test_mail_is_filed_shown_and_traced_and_stays_over_a_restart(serving: Serving) -> None:
    assert serving.json("db", "upgrade")["before"] is None
    token = serving.add_account()
    serving.start()

    replies = [send(serving, Letter(n, size)) for n, size in enumerate((500, 220_000, 500_000))]
    refused = send(serving, Letter(9, hidden=True))
    assert serving.stop() == 0
    serving.start()

    assert replies == ["250"] * 3
    assert refused.startswith("550")
    api = Api(serving.url, token)
    rows = api.all("/messages")
    assert sorted(row["subject"] for row in rows) == ["Offer 0", "Offer 1", "Offer 2"]
    assert Letter(2, 500_000).content in api.bytes(f"/messages/{rows[0]['id']}/raw")
    api.close()
    assert [one["verdict"] for one in serving.json("trace", "--account", "acme")].count("refuse") == 1
    assert serving.json("db", "check")["state"] == "ok"
    serving.json("account", "rename", "acme", "apex")
    with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"5\.1\.6"):
        send(serving, Letter(3))


def test_two_programs_that_start_on_an_empty_database_make_its_schema_once(
    serving: Serving, url: str, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Serving(tmp_path / "other", DATABASE_URL=url, BLOB_URL=(tmp_path / "blobs").as_uri())
    try:
        with ThreadPoolExecutor() as both:
            list(both.map(Serving.start, (serving, other)))
        serving.add_account()
        assert [send(one, Letter(n)) for n, one in enumerate((serving, other))] == ["250", "250"]
        assert len(other.json("trace", "--account", "acme")) == 2
    finally:
        other.kill()
