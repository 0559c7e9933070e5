"""What docs/webhooks.md and docs/api.md show for the first ten minutes, run as it stands there, does what they say."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.e2e.clients import need
from tests.serving import PATIENCE, ROOT, Api, Serving

pytestmark = pytest.mark.e2e
RUNS = {
    "Node": ("js", "hooks.mjs", ("node", "hooks.mjs")),
    "Python": ("python", "hooks.py", (sys.executable, "-m", "uvicorn", "hooks:app", "--port", "3000")),
}
"""Language → its mark on the page, the file it goes into, and how that is run."""


class Example:
    """A receiver as the page has it, on a free port instead of 3000."""

    def __init__(self, folder: Path, language: str) -> None:
        mark, self.file, self.command = RUNS[language]
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = str(taken.getsockname()[1])
        page = (ROOT / "docs" / "webhooks.md").read_text("utf-8")
        found = re.search(rf"^   ```{mark}\n(.*?)^   ```$", page, re.MULTILINE | re.DOTALL)
        assert found is not None
        self.folder = folder
        (folder / self.file).write_text(textwrap.dedent(found[1]).replace("3000", self.port), "utf-8")
        self.url = f"http://127.0.0.1:{self.port}/hooks"
        self._process: subprocess.Popen[str] | None = None
        self._watch: threading.Timer | None = None

    def start(self, secret: str) -> None:
        command = [word.replace("3000", self.port) for word in self.command]
        env = os.environ | {"WEBHOOK_SECRET": secret}
        self._process = subprocess.Popen(
            command, cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._watch = threading.Timer(PATIENCE, self._process.kill)
        self._watch.start()

    def line(self) -> str:
        """The next line it prints of an event; one of uvicorn's own isn't. Empty where it has died."""
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if re.match(r"[a-z]+\.[a-z]+ ", line):
                return line.strip()
        return ""

    def stop(self) -> None:
        if self._process is not None and self._watch is not None:
            self._watch.cancel()
            self._process.kill()
            self._process.communicate()


@pytest.fixture(params=RUNS)
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Example]:
    folder = request.getfixturevalue("library") if request.param == "Node" else tmp_path
    one = Example(folder, request.param)
    yield one
    one.stop()


def test_the_page_s_receiver_hears_what_is_tried_out_and_believes_nobody_else(
    serving: Serving, example: Example
) -> None:
    serving.set(WEBHOOK_ALLOW_PRIVATE="true", AUTHENTICITY="off")
    serving.add_account()
    made = serving.json("endpoint", "add", example.url, "--account", "acme")
    example.start(made["secret"])
    serving.start()
    serving.json("endpoint", "test", made["id"], "--account", "acme")
    assert example.line() == f"endpoint.test {made['id']}"
    forged = {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    answer = httpx2.post(example.url, json={"type": "x", "data": {}}, headers=forged, trust_env=False)
    assert answer.status_code == 401


def test_the_page_s_calls_of_the_api_are_answered(serving: Serving, api: Callable[[str], Api]) -> None:
    need("curl")
    serving.add_account(owner="ana@acme.example")
    serving.start()
    page = (
        (ROOT / "docs" / "api.md")
        .read_text("utf-8")
        .partition("## In ten minutes\n```console\n")[2]
        .partition("```")[0]
    )
    make, _, *calls = page.replace("\\\n", "").replace("$ ", "").splitlines()
    token = serving.json(*make.split()[1:])["token"]
    opened = api(token)
    opened.post("/contacts", {"emails": ["eve@x.example"]})
    [event] = opened.all("/events")
    env = os.environ | {"TOKEN": token, "URL": serving.url, "LAST": event["id"]}
    script = "\n".join(["curl() { command curl -sSf -w '\\n' \"$@\"; }", *calls, calls[-1]])
    done = subprocess.run(["bash", "-ec", script], env=env, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr.decode()
    account, before, since, made, again = map(json.loads, done.stdout.splitlines())
    assert account["addresses"]["lead"] == "acme+lead@mail.kommo.com"
    assert before["data"] == [event]
    assert since["data"] == []
    assert made == again
    assert made["emails"] == ["bob@bluefin.example"]
