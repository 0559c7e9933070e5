"""Public test vectors: other people's data, looked for beside the project and never a part of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "vectors"
FOLDER = Path(os.environ.get("VECTORS", _BESIDE))
"""The folder `shared/vectors` beside the project, or the one that VECTORS names."""


def load(name: str) -> list[dict[str, Any]]:
    """The documents of one YAML file; none where the file is missing."""
    path = FOLDER / name
    return list(yaml.safe_load_all(path.read_text("utf-8"))) if path.is_file() else []


def needs(name: str) -> pytest.MarkDecorator:
    """Skips a test where the file is missing, and says where it was looked for."""
    reason = f"the public test vectors {name} are not in {FOLDER}"
    return pytest.mark.skipif(not (FOLDER / name).is_file(), reason=reason)
