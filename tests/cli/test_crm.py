"""`smartgate crm`: which CRM an account works in, as people and programs set it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.crm.kommo_server import Kommo

SHOWN = ["account", "auth", "connected_at", "id", "kind", "reason", "state", "url"]


@pytest.fixture
def server() -> Iterator[Kommo]:
    """Kommo beside the commands, which have event loops of their own."""
    loop, made = asyncio.new_event_loop(), Kommo()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(made.open(), loop).result()
    yield made
    asyncio.run_coroutine_threadsafe(made.close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("long-lived\n")
    return path


@pytest.fixture(autouse=True)
def _allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTGATE_WEBHOOK_ALLOW_PRIVATE", "true")


def test_an_account_is_connected_shown_and_disconnected(run: Run, acme: Any, server: Kommo, secret: Path) -> None:
    assert run("crm", "show", "acme", "--json").json["kind"] == "embedded"
    said = run("crm", "connect", "acme", "kommo", "--url", server.url, "--token-file", str(secret), "--json")
    assert (said.status, said.err) == (0, "")
    assert sorted(said.json) == SHOWN
    assert (said.json["kind"], said.json["state"], said.json["account"]) == ("kommo", "ready", "Acme Coffee")
    assert run("crm", "show", "acme", "--json").json == said.json
    assert run("crm", "disconnect", "acme", "--json").json["kind"] == "embedded"
    again = run("crm", "disconnect", "acme")
    assert (again.status, again.err) == (1, "account acme has no CRM connected\n")


def test_people_read_what_it_is_and_no_secret(run: Run, acme: Any, server: Kommo, secret: Path) -> None:
    connected = run("crm", "connect", "acme", "kommo", "--url", server.url, "--token-file", str(secret))
    assert "account there  Acme Coffee" in connected.out
    assert "state          ready" in run("crm", "show", "acme").out
    assert "long-lived" not in connected.out + run("crm", "show", "acme").out


def test_oauth_is_connected_by_its_four_things(run: Run, acme: Any, server: Kommo, tmp_path: Path) -> None:
    client, key, uri = server.account.client
    for name, text in (("key", key), ("code", "code-0")):
        (tmp_path / name).write_text(text)
    oauth = ("--client-id", client, "--client-secret-file", str(tmp_path / "key"), "--redirect-uri", uri)
    where = ("crm", "connect", "acme", "kommo", "--url", server.url)
    said = run(*where, *oauth, "--code-file", str(tmp_path / "code"), "--json")
    assert said.json["auth"] == "oauth"
    assert run(*where, *oauth, "--code-file", "-", stdin=b"code-0").status == 1


def test_what_is_wrong_is_one_line_and_nothing_is_connected(
    run: Run, acme: Any, server: Kommo, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wrong").write_text("wrong")
    (tmp_path / "empty").write_text("\n")
    token = ("--token-file", str(secret))
    wrong: list[tuple[tuple[str, ...], str]] = [
        (("acme", "hubspot", "--url", server.url, *token), "'hubspot' is no CRM that can be connected; allowed: kommo"),
        (("beta", "kommo", "--url", server.url, *token), "no account is called 'beta'"),
        (("acme", "kommo", "--url", server.url), "no token was given"),
        (("acme", "kommo", "--url", server.url, "--token-file", str(tmp_path / "wrong")), "does not know the token"),
        (("acme", "kommo", "--url", server.url, "--token-file", str(tmp_path / "empty")), "holds no credential"),
        (("acme", "kommo", "--url", server.url, "--token-file", str(tmp_path / "none")), "can't be read: No such file"),
        (("acme", "kommo", "--url", f"{server.url}/leads", *token), "more than an account's address"),
        (("acme", "kommo", "--url", "http://127.0.0.1:1", *token), "can't be reached"),
    ]
    for given, words in wrong:
        said = run("crm", "connect", *given)
        assert said.status == 1, given
        assert words in said.err
        assert said.err.count("\n") == 1
    monkeypatch.setenv("SMARTGATE_WEBHOOK_ALLOW_PRIVATE", "false")
    said = run("crm", "connect", "acme", "kommo", "--url", server.url.replace("http:", "https:"), *token)
    assert "not on the public internet" in said.err
    assert run("crm", "show", "acme", "--json").json["kind"] == "embedded"
