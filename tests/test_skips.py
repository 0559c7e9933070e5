"""A skip is told with its reason, and counts as a failure where skips are forbidden."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = """
import pytest

def test_a_mail_from_swaks_is_filed():
    pytest.skip("swaks is missing: apt-get install swaks")

@pytest.mark.xfail(reason="known")
def test_what_is_expected_to_fail():
    assert False
"""
SKIPPED_WHOLE = """
import pytest
pytest.skip("chromium is missing", allow_module_level=True)
"""


@pytest.mark.parametrize(
    ("content", "forbidden", "fails", "said"),
    [
        (SKIPPED, "", False, "swaks is missing: apt-get install swaks"),
        (SKIPPED, "1", True, "skipped, which SMARTGATE_NO_SKIPS=1 forbids: Skipped: swaks is missing"),
        (SKIPPED_WHOLE, "1", True, "skipped, which SMARTGATE_NO_SKIPS=1 forbids: Skipped: chromium is missing"),
    ],
    ids=["a skip is told", "a forbidden skip fails", "a forbidden skip of a whole module fails"],
)
@pytest.mark.parametrize("jobs", [(), ("-p", "xdist", "-n", "1")], ids=["alone", "side by side"])
def test_skips(tmp_path: Path, content: str, forbidden: str, fails: bool, said: str, jobs: tuple[str, ...]) -> None:
    (tmp_path / "test_story.py").write_text(content)
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-ra",
            *jobs,
            "-p",
            "tests.conftest",
            "-c",
            os.devnull,
            f"--rootdir={tmp_path}",
            tmp_path,
        ],
        capture_output=True,
        cwd=ROOT,
        env=os.environ | {"SMARTGATE_NO_SKIPS": forbidden, "PYTEST_SMARTGATE_NO_SKIPS": ""},
        text=True,
        check=False,
    )
    assert said in run.stdout
    assert bool(run.returncode) is fails
