"""Webhooks by the command line."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run

ADD = ("account", "add", "acme", "--name", "Acme", "--owner", "ana@acme.example", "--json")


@pytest.fixture
def acme(run: Run) -> Run:
    assert run(*ADD).status == 0
    return run


def test_an_endpoint_is_added_listed_tried_and_removed(acme: Run) -> None:
    url = "https://1.1.1.1/hook"
    made = acme("endpoint", "add", url, "--account", "acme", "--type", "message.filed", "--json").json
    assert made["secret"].startswith("whsec_")
    [listed] = acme("endpoint", "list", "--account", "acme", "--json").json
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    sent = acme("endpoint", "test", made["id"], "--account", "acme", "--json").json
    assert (sent["type"], sent["state"]) == ("endpoint.test", "waiting")
    [delivery] = acme("delivery", "list", "--account", "acme", "--state", "waiting", "--json").json
    assert delivery == sent
    assert "NEXT TRY" in acme("delivery", "list", "--account", "acme").out
    assert acme("delivery", "retry", sent["id"], "--account", "acme", "--json").json["state"] == "waiting"
    assert acme("delivery", "retry", "--endpoint", made["id"], "--account", "acme", "--json").json == {"count": 0}
    assert acme("endpoint", "remove", made["id"], "--account", "acme", "--json").json["removed"] is True
    assert "No endpoint." in acme("endpoint", "list", "--account", "acme").out


def test_a_webhook_is_disabled_and_comes_back_and_its_secret_is_made_anew(acme: Run) -> None:
    made = acme("endpoint", "add", "https://1.1.1.1/hook", "--account", "acme", "--json").json
    of = (made["id"], "--account", "acme", "--json")
    assert acme("endpoint", "set", *of, "--state", "disabled").json["state"] == "disabled"
    assert "endpoint set ID --state active" in acme("endpoint", "test", *of).err
    back = acme("endpoint", "set", *of, "--state", "active", "--type", "lead.created").json
    assert (back["state"], back["types"], back["url"]) == ("active", ["lead.created"], made["url"])
    rotated = acme("endpoint", "rotate", *of).json
    assert rotated["secret"] not in ("", made["secret"])


def test_a_machine_with_another_key_is_told_by_db_check(acme: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    acme("endpoint", "add", "https://1.1.1.1/hook", "--account", "acme")
    assert acme("db", "check").status == 0
    monkeypatch.setenv("SMARTGATE_SECRET_KEY", "another key of at least thirty-two characters")
    mistaken = acme("db", "check")
    assert mistaken.status == 1
    assert "the secrets of 1 endpoints in it were encrypted with another key: set SMARTGATE_SECRET_KEY" in mistaken.err


WRONG = {
    "a loopback URL": (("endpoint", "add", "http://127.0.0.1/"), "not on the public internet"),
    "an unknown type": (("endpoint", "add", "https://1.1.1.1/", "--type", "x"), "is no type of event"),
    "an unknown endpoint": (("endpoint", "remove", "x"), "nothing with the id 'x'"),
    "an unknown delivery": (("delivery", "retry", "x-y"), "nothing with the id 'x-y'"),
    "a loopback URL later": (("endpoint", "set", "x", "--url", "http://127.0.0.1/"), "not on the public internet"),
    "no endpoint to change": (("endpoint", "set", "x", "--state", "active"), "nothing with the id 'x'"),
    "no endpoint to rotate": (("endpoint", "rotate", "x"), "nothing with the id 'x'"),
    "nothing to retry": (("delivery", "retry"), "name one thing to retry"),
}


@pytest.mark.parametrize(("words", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line(acme: Run, words: tuple[str, ...], says: str) -> None:
    done = acme(*words, "--account", "acme")
    assert done.status == 1
    assert says in done.err
    assert done.err.count("\n") == 1
