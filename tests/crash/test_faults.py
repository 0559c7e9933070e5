"""Something fails at a point of the way of a mail: the sender hears "later", and the next mail gets through (B10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.store import writer
from gateway.store.jobs import Job
from tests.crash.faults import FAULTS, Ground, strike_all
from tests.crash.fleet import LMTP, SMTP, Road
from tests.postgresql import Server

pytestmark = [
    # What is struck between a coroutine's making and its start leaves it without one.
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SEED, SHARE = 20261123, 0.06


@pytest.mark.parametrize("road", [SMTP, LMTP], ids=["smtp", "lmtp"])
def test_whatever_fails_on_its_way_a_mail_is_put_off_and_nothing_is_half_written(tmp_path: Path, road: Road) -> None:
    done = strike_all(tmp_path, SEED, SHARE, ground=Ground(road))
    assert done.faults == []
    assert set(done.points) == set(FAULTS), "some kind of point was never passed"
    assert done.strikes - done.passed_by > 100
    assert set(done.answers) <= {"250", "421", "450", "451", "452", "gone"}
    assert done.answers["451"] > 50


@pytest.mark.postgresql
@pytest.mark.parametrize("road", [SMTP, LMTP], ids=["smtp", "lmtp"])
def test_on_postgresql_as_well_whatever_fails_a_mail_is_put_off_or_filed(
    tmp_path: Path, postgresql: Server, road: Road
) -> None:
    name = postgresql.make()
    done = strike_all(tmp_path, SEED, SHARE / 2, ground=Ground(road, postgresql.url(name)))
    postgresql.drop(name)
    assert done.faults == []
    assert set(done.points) == set(FAULTS), "some kind of point was never passed"
    assert done.strikes - done.passed_by > 50
    assert set(done.answers) <= {"250", "421", "450", "451", "452", "gone"}
    assert done.answers["451"] > 10


def test_it_would_tell_of_an_answer_that_goes_out_before_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hasty(self: writer.Writer, jobs: list[Job]) -> list[Job]:
        with self._connection.begin():
            for job in jobs:
                job.future.set_result(job.batch(self._connection, [job.item])[0])
        return []

    monkeypatch.setattr(writer.Writer, "_write", hasty)
    found = strike_all(tmp_path, SEED, at=lambda point: point.name == "COMMIT").faults
    assert [fault for fault in found if fault.startswith("lost: ")]
