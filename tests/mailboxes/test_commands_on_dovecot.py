"""`smartgate mailbox` against a real Dovecot as operators use it: beside a server, at a terminal, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.store.engine import Place
from tests.mailboxes.certificates import Authority
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.product import CLIENT, Firm, Product, letters
from tests.mailboxes.terminal import Terminal
from tests.serving import PATIENCE

STORES = ("sqlite",)
SECOND = timedelta(seconds=1)


def lately(days: float = 2) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def at_terminal(firm: Firm, *arguments: str) -> Terminal:
    serving = firm.product.serving
    command = serving.command("mailbox", *arguments, "--account", firm.slug)
    return Terminal(command, serving.folder, serving.environment, PATIENCE)


def test_a_mailbox_is_discovered_added_listed_shown_synced_and_disconnected(firm: Firm) -> None:
    person, serving = firm.person(), firm.product.serving
    person.append("INBOX", letters(1, 3), at=lately())
    person.append("Sent", letters(4, 4, author=person.address, to=CLIENT), at=lately())
    secret = person.password.encode()

    found = serving.json("mailbox", "discover", person.address)
    assert (found["by"], found["sure"], found["imap"]["host"]) == ("srv", True, "imap.acme.example")
    assert found["imap"]["port"] == firm.product.dovecot.imaps

    wrong = serving.run(
        *("mailbox", "add", person.address, "--account", firm.slug, "--owner", firm.owner, "--password-file", "-"),
        stdin=b"wrong one\n",
    )
    assert (wrong.returncode, b"password: " in wrong.stderr, wrong.stderr.count(b"\n")) == (1, True, 1)
    assert person.refusals() == 1

    made = firm.run("add", person.address, "--owner", firm.owner, "--password-file", "-", stdin=secret)
    assert (made["state"], made["progress"]) == ("ready", {"done": 4, "total": 4})
    assert firm.subjects(mailbox=made["id"]) == [f"Offer {n}" for n in range(1, 5)]
    assert firm.run("list") == [made]
    assert firm.run("show", person.address) == made == firm.mailbox(made["id"])

    person.append("INBOX", letters(5, 5))
    synced = firm.run("sync", person.address)
    assert synced["last_sync_at"] > made["last_sync_at"]
    assert len(firm.messages()) == 5

    gone = firm.run("disconnect", person.address, "--emails", "delete", "--yes")
    assert (gone["state"], gone["id"]) == ("disconnected", made["id"])
    assert firm.messages(mailbox=made["id"]) == []
    assert len(person.uids("INBOX")) == 4
    for said in (made, synced, gone, serving.said(), wrong.stderr.decode()):
        assert person.password not in str(said)


def test_who_sits_at_a_terminal_is_asked_for_the_password_and_sees_how_far_the_import_is(firm: Firm) -> None:
    person = firm.person()
    person.append("INBOX", letters(1, 400), at=lately(), step=SECOND)
    add = at_terminal(firm, "add", person.address, "--owner", firm.owner)
    add.answer(f"Password of {person.address}: ", person.password)
    assert add.end() == 0
    assert "importing: 400 of 400" in add.shown
    assert "400 of 400" in add.shown.partition("ready")[2]
    assert person.password not in add.shown

    show = at_terminal(firm, "show", person.address)
    assert show.end() == 0
    assert "400 of 400" in show.shown
    assert "imap.acme.example" in show.shown

    disconnect = at_terminal(firm, "disconnect", person.address, "--emails", "delete")
    disconnect.answer("Delete them here?", "n")
    assert disconnect.end() == 1
    assert "brought 400 messages; 400 of them" in disconnect.shown
    assert firm.run("show", person.address)["state"] == "ready"
    disconnect = at_terminal(firm, "disconnect", person.address, "--emails", "keep")
    assert disconnect.end() == 0
    assert len(firm.desk.all("/messages")) == 400


@pytest.fixture
def alone(place: Place, tmp_path: Path, dovecot: Dovecot, certificates: Authority) -> Iterator[Product]:
    """A store that no server has open."""
    made = Product(place, tmp_path, dovecot, certificates.file, served=False)
    yield made
    made.close()


def test_without_a_server_the_command_imports_by_itself_and_a_server_goes_on_from_there(alone: Product) -> None:
    serving = alone.serving
    person = alone.dovecot.person()
    person.append("INBOX", letters(1, 120), at=lately(), step=SECOND)
    token = serving.add_account("acme", person.address)
    account = ("--account", "acme")
    made = serving.json("mailbox", "add", person.address, *account, "--password-file", "-", stdin=b"correct horse")
    assert made["state"] == "importing"
    synced = serving.json("mailbox", "sync", person.address, *account)
    assert (synced["state"], synced["progress"]) == ("ready", {"done": 120, "total": 120})

    alone.serve()
    firm = alone.firm("acme", person.address, token)
    person.append("INBOX", letters(121, 121))
    firm.run("sync", person.address)
    assert [one["subject"] for one in firm.messages()] == [f"Offer {n}" for n in range(121, 0, -1)]
    assert {len(one["sources"]) for one in firm.messages()} == {1}
