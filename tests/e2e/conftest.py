"""Servers for the tests of the whole product; whatever a test leaves running is killed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving import Api, Serving


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """A server that is still to be started."""
    one = Serving(tmp_path)
    yield one
    one.kill()


@pytest.fixture
def api(serving: Serving) -> Iterator[Callable[[str], Api]]:
    """Opens the API of the started server for a token."""
    opened: list[Api] = []

    def open_api(token: str) -> Api:
        opened.append(Api(serving.url, token))
        return opened[-1]

    yield open_api
    for one in opened:
        one.close()


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the receiver and the library it verifies with."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs Debian's nodejs and npm")
    folder = tmp_path_factory.mktemp("node")
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "standardwebhooks"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False)
    if done.returncode != 0:
        pytest.skip(f"needs the npm package standardwebhooks: {done.stderr.decode()[-200:]}")
    shutil.copy(Path(__file__).parent / "receiver.mjs", folder)
    return folder
