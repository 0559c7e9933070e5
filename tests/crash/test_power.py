"""The power fails at any moment: what was acknowledged is on the disk, and the images would tell if it were not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.crash.disk import lay_out
from tests.crash.power import BUSY_CHECKPOINTS, SLOPPY_SYNC, Recording, judge, record, replay
from tests.crash.replay import UNNAMED

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (Debian package strace)"),
]
SEED, MAILS, IMAGES = 20261123, 60, 200


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return record(tmp_path_factory.mktemp("recorded"), SEED, MAILS, BUSY_CHECKPOINTS)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_model_of_the_disk_ends_with_the_very_files_the_server_left(recording: Recording, tmp_path: Path) -> None:
    *_, (end, _) = replay(recording)
    lay_out(end.disk, tmp_path, None)
    assert end.acknowledged == set(recording.names)
    assert len(end.acknowledged) == MAILS
    assert _files(tmp_path) == _files(recording.root)
    assert sum("blobs" in name for name in _files(tmp_path)) == MAILS // 30


def test_whenever_the_power_fails_each_acknowledged_mail_is_there_whole_and_once(recording: Recording) -> None:
    verdict = judge(recording, SEED, IMAGES)
    assert verdict.faults == ()
    assert (verdict.images, verdict.acknowledged > MAILS * IMAGES // 4) == (IMAGES, True)


MUTATIONS = {
    # without a sync of                    paths that end so        what the images tell
    "the log of the store": ("/smartgate.db-wal", "lost: <"),
    "the store before the log begins anew": ("/smartgate.db", ""),
    "a large mail before it has its name": (f"/blobs/{UNNAMED}", "torn: "),
    "the folder a large mail stands in": ("/blobs/??/", "lost: the file of"),
    "the folder of the store": ("/store", "lost: <"),
}


@pytest.mark.parametrize(("path", "told"), MUTATIONS.values(), ids=MUTATIONS)
def test_images_tell_of_a_server_that_leaves_out_the_sync_of(recording: Recording, path: str, told: str) -> None:
    def left_out(synced: str) -> bool:
        in_folder = Path(synced).parent.parent.name == "blobs"
        return in_folder if path == "/blobs/??/" else synced.endswith(path)

    assert [fault for fault in judge(recording, SEED, IMAGES, left_out).faults if fault.startswith(told)]


def test_images_tell_of_a_store_that_answers_before_its_log_is_on_the_disk(tmp_path: Path) -> None:
    sloppy = record(tmp_path, SEED, MAILS, SLOPPY_SYNC)
    assert [fault for fault in judge(sloppy, SEED, IMAGES // 2).faults if fault.startswith("lost: ")]
