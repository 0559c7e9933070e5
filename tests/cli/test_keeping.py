"""`backup`, `restore`, `erase-person` and `db reindex` as their users type them."""

from __future__ import annotations

import json
import smtplib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.serving import Api, Serving
from tests.web.site import letter


def test_a_store_is_backed_up_while_it_serves_restored_elsewhere_and_rid_of_a_person(tmp_path: Path) -> None:
    server = Serving(tmp_path)
    token = server.add_account(owner="ana@acme.example")
    server.start()
    try:
        with smtplib.SMTP(*server.smtp, timeout=30) as client:
            for mail in (letter("Offer"), letter("Other", to="Eve <eve@x.example>")):
                client.sendmail("ana@acme.example", "acme+lead@mail.kommo.com", mail)
        kept = server.json("backup", "store.backup")
        assert (kept["rows"]["messages"], kept["secret_key"]) == (2, False)
        assert server.json("db", "reindex")["indexed"] == 6
        planned = server.json("erase-person", "eve@x.example", "--account", "acme", "--dry-run")
        done = server.json("erase-person", "eve@x.example", "--account", "acme", "--yes")
        assert (planned["erased"]["messages"], done["erased"]["messages"], planned["dry_run"]) == (1, 1, True)
        api = Api(server.url, token)
        assert [one["subject"] for one in api.all("/messages")] == ["Offer"]
        assert [one["subject"] for one in api.get("/messages", q="off")["data"]] == ["Offer"]
        api.close()
        refused = server.run("restore", "store.backup")
        assert (refused.returncode, b"has accounts already" in refused.stderr) == (1, True)
    finally:
        server.stop()

    again = Serving(tmp_path, store=tmp_path / "again")
    assert again.json("restore", "store.backup")["rows"] == kept["rows"]
    assert {one["slug"] for one in again.json("account", "list")} == {"acme"}
    again.start()
    try:
        api = Api(again.url, token)
        assert {one["subject"] for one in api.all("/messages")} == {"Offer", "Other"}
        api.close()
    finally:
        again.stop()


def test_a_file_that_is_no_backup_is_refused_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"hello")
    for file, why in (("file", "is no backup of smartgate"), ("absent", "No such file")):
        said = run("restore", str(tmp_path / file))
        assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)
        assert why in said.err


def test_a_store_that_is_not_there_is_not_made_to_be_backed_up(run: Run, store: Path, tmp_path: Path) -> None:
    said = run("backup", str(tmp_path / "file"))
    assert (said.status, said.out, store.exists(), (tmp_path / "file").exists()) == (1, "", False, False)
    assert "isn't there yet" in said.err


def test_a_backup_that_can_not_be_written_is_told_in_one_line(run: Run, acme: Any, tmp_path: Path) -> None:
    said = run("backup", str(tmp_path / "nowhere" / "file"))
    assert (said.status, said.err.count("\n")) == (1, 1)
    assert "can't be written" in said.err


@pytest.mark.parametrize(
    ("address", "account", "why"),
    [
        ("nobody", "acme", "is no e-mail address"),
        ("ana@acme.example", "acme", "is a user of account acme"),
        ("bob@x.example", "other", "no account is called"),
    ],
)
def test_who_can_not_be_erased_is_told_in_one_line(run: Run, acme: Any, address: str, account: str, why: str) -> None:
    said = run("erase-person", address, "--account", account, "--yes")
    assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)
    assert why in said.err


ERASING = {
    "a person": ("erase-person", "bob@x.example", "--account", "acme"),
    "an account": ("account", "erase", "acme"),
}


@pytest.mark.parametrize("words", ERASING.values(), ids=ERASING)
def test_what_can_not_be_undone_is_not_done_unasked_where_no_terminal_is(
    run: Run, acme: Any, words: tuple[str, ...]
) -> None:
    said = run(*words)
    assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)
    assert "nothing was erased" in said.err
    assert "--yes" in said.err
    assert len(run("account", "list", "--json").json) == 1


@pytest.mark.parametrize(("answer", "status"), [("n", 1), ("y", 0)])
@pytest.mark.parametrize("words", ERASING.values(), ids=ERASING)
def test_at_a_terminal_one_is_asked(
    run: Run, acme: Any, words: tuple[str, ...], answer: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.commands.output.at_a_terminal", lambda: True)
    said = run(*words, stdin=f"{answer}\n".encode())
    assert said.status == status
    assert ("nothing was erased" in said.err) == (status == 1)
    assert "[y/N]" in said.err


def test_a_backup_and_its_restoration_say_where_the_key_is_that_is_not_in_it(
    run: Run, acme: Any, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = str(tmp_path / "file")
    assert f"The key in {store.with_suffix('.key')} is not in it" in run("backup", kept).out
    monkeypatch.setenv("SMARTGATE_DATABASE_URL", f"sqlite:///{tmp_path}/other/mail.db")
    assert f"the key of then in {tmp_path}/other/mail.key" in run("restore", kept).out
    monkeypatch.setenv("SMARTGATE_SECRET_KEY", "k" * 32)
    assert "The key in SMARTGATE_SECRET_KEY is not in it" in run("backup", kept).out


def test_what_commands_print_for_people_says_what_they_did(run: Run, acme: Any) -> None:
    assert "messages 0" in run("erase-person", "bob@x.example", "--account", "acme", "--yes").out
    assert "is made anew" in run("db", "reindex").out
    assert json.loads(run("db", "reindex", "--json").out)["indexed"] == 0
