"""The folder of a store is as durable as what is in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.store.folders import make_folder


@pytest.mark.parametrize(
    ("there", "synced"),
    [("", ["", "new", "new/inner"]), ("new", ["new", "new/inner"]), ("new/inner/store", ["new/inner"])],
    ids=["none is there", "one is there", "all are there, perhaps since a start that was cut short"],
)
def test_every_new_folder_has_its_name_synced_from_the_top_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str, synced: list[str]
) -> None:
    (tmp_path / there).mkdir(parents=True, exist_ok=True)
    asked: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda fd: asked.append(Path(f"/proc/self/fd/{fd}").readlink()))
    make_folder(tmp_path / "new" / "inner" / "store")
    assert (tmp_path / "new" / "inner" / "store").is_dir()
    assert asked == [tmp_path / one for one in synced]
