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


WRONG = {
    "a loopback URL": (("endpoint", "add", "http://127.0.0.1/"), "not on the public internet"),
    "an unknown type": (("endpoint", "add", "https://1.1.1.1/", "--type", "x"), "is no type of event"),
    "an unknown endpoint": (("endpoint", "remove", "x"), "nothing with the id 'x'"),
    "an unknown delivery": (("delivery", "retry", "x-y"), "nothing with the id 'x-y'"),
    "nothing to retry": (("delivery", "retry"), "name one thing to retry"),
}


@pytest.mark.parametrize(("words", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line(acme: Run, words: tuple[str, ...], says: str) -> None:
    done = acme(*words, "--account", "acme")
    assert done.status == 1
    assert says in done.err
    assert done.err.count("\n") == 1
