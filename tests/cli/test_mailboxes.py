"""`smartgate mailbox`: people's own mailboxes, as the operator connects, follows and disconnects them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config import Settings
from gateway import wiring_mailboxes
from gateway.commands import mailbox_dialog
from gateway.store import schema
from gateway.store.tables import mailboxes
from tests.cli.conftest import Run
from tests.mailboxes.fake_servers import FakeServers

ANA, PASSWORD = "ana@acme.example", "canary-password-7f31"
AWAY = "imap.acme.example can't be reached at port 993."
FOUND = ["address", "auth", "by", "imap", "name", "page", "provider", "smtp", "sure"]


@pytest.fixture(autouse=True)
def servers(monkeypatch: pytest.MonkeyPatch) -> FakeServers:
    """Mail servers that are there for commands, and no server of ours: nobody waits for one."""
    made = FakeServers(passwords={ANA: PASSWORD, "sales@acme.example": PASSWORD, "ana@guessed.example": PASSWORD})
    monkeypatch.setattr(wiring_mailboxes, "mail_servers", lambda _: made)
    monkeypatch.setattr(mailbox_dialog, "START_SECONDS", 0.0)
    monkeypatch.setattr(mailbox_dialog, "LOOK_SECONDS", 0.0)
    return made


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    return str(path)


@pytest.fixture
def add(run: Run, acme: Any, secret: str) -> Callable[..., Any]:
    """Connects a mailbox; what the command prints as JSON."""

    def added(*arguments: str) -> Any:
        given = arguments or (ANA,)
        said = run("mailbox", "add", *given, "--account", "acme", "--password-file", secret, "--no-wait", "--json")
        assert (said.status, said.err) == (0, "")
        return said.json

    return added


def note(store: Path, **changed: Any) -> None:
    """What a server notes of the mailboxes it syncs."""
    with schema.transaction(store) as tx:
        tx.execute(mailboxes.update().values(changed))


def test_a_mailbox_is_connected_shown_and_listed_and_its_password_printed_nowhere(
    run: Run, add: Callable[..., Any], servers: FakeServers
) -> None:
    made = add()
    assert (made["address"], made["state"], made["kind"]) == (ANA, "importing", "personal")
    assert servers.logins == [(ANA, PASSWORD)]
    for which in (ANA, made["id"]):
        assert run("mailbox", "show", which, "--account", "acme", "--json").json == made
    assert run("mailbox", "list", "--account", "acme", "--json").json == [made]
    shown = run("mailbox", "show", ANA, "--account", "acme").out
    listed = run("mailbox", "list", "--account", "acme").out
    assert "imap.acme.example:993" in shown
    assert listed.count(ANA) == 2  # as its address and as its owner's
    assert PASSWORD not in shown + listed


def test_a_machine_with_another_key_is_told_that_it_opens_no_mailbox(
    run: Run, add: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    add()
    assert run("db", "check").status == 0
    monkeypatch.setenv("SMARTGATE_SECRET_KEY", "another key of at least thirty-two characters")
    mistaken = run("db", "check")
    assert mistaken.status == 1
    assert "the secrets of 1 mailboxes in it were encrypted with another key" in mistaken.err


def test_the_password_comes_from_standard_input_where_nobody_can_be_asked(run: Run, acme: Any) -> None:
    arguments = ("mailbox", "add", ANA, "--account", "acme", "--no-wait", "--json")
    assert run(*arguments, stdin=f"{PASSWORD}\n".encode()).json["state"] == "importing"
    assert run("mailbox", "disconnect", ANA, "--account", "acme", "--json").json["state"] == "disconnected"
    assert run(*arguments, "--password-file", "-", stdin=PASSWORD.encode()).json["state"] == "importing"


def test_a_person_at_a_terminal_is_asked_and_told_where_app_passwords_are_made(
    run: Run, acme: Any, servers: FakeServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox_dialog, "at_a_terminal", lambda: True)
    servers.passwords["ana@gmail.com"] = PASSWORD
    arguments = ("mailbox", "add", "ana@gmail.com", "--account", "acme", "--owner", ANA, "--no-wait")
    said = run(*arguments, stdin=f"{PASSWORD}\n".encode())
    assert said.status == 0
    assert "https://passwords.example/make" in said.err
    assert PASSWORD not in said.out + said.err
    arguments = ("mailbox", "add", "ana@guessed.example", "--account", "acme", "--owner", ANA, "--no-wait")
    said = run(*arguments, stdin=f"{PASSWORD}\nn\n".encode())
    assert said.status == 1
    assert "imap.guessed.example:993" in said.err
    assert run(*arguments, stdin=f"{PASSWORD}\ny\n".encode()).status == 0


def test_nobody_is_asked_for_a_password_that_no_server_takes(run: Run, acme: Any, servers: FakeServers) -> None:
    arguments = ("mailbox", "add", "--account", "acme", "--owner", ANA)
    said = run(*arguments, "ana@outlook.com", stdin=b"")
    assert (said.status, "/mailboxes/consent?address=ana%40outlook.com" in said.err) == (1, True)
    said = run(*arguments, "ana@acme.example", stdin=b"")
    assert (said.status, said.err) == (1, "standard input holds no password\n")


def test_servers_that_are_given_are_used_and_those_that_were_guessed_only_with_yes(
    run: Run, add: Callable[..., Any], secret: str
) -> None:
    given = ("--imap", "Mail.in-house.example:143", "--imap-security", "starttls", "--login", "ana")
    made = add("sales@acme.example", "--kind", "shared", *given, "--smtp", "mail.in-house.example:465")
    assert made["imap"] == {"host": "mail.in-house.example", "port": 143, "security": "starttls", "user": "ana"}
    assert (made["kind"], made["smtp"]["port"]) == ("shared", 465)
    guessed = ("ana@guessed.example", "--owner", ANA)
    refused = run("mailbox", "add", *guessed, "--account", "acme", "--password-file", secret)
    assert (refused.status, "--yes" in refused.err, refused.err.count("\n")) == (1, True, 1)
    assert add(*guessed, "--yes")["imap"]["host"] == "imap.guessed.example"


def test_what_is_wrong_is_one_line_and_nothing_is_connected(run: Run, acme: Any, secret: str, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong")
    (tmp_path / "empty").write_text("\n")
    file = ("--password-file", secret)
    wrong: list[tuple[tuple[str, ...], str]] = [
        ((ANA, "--password-file", str(tmp_path / "wrong")), "password: the server refuses this password"),
        ((ANA, "--password-file", str(tmp_path / "empty")), "holds no password"),
        ((ANA, "--password-file", str(tmp_path / "none")), "can't be read: No such file"),
        (("bob@bluefin.example", *file), "is no user of account acme: name the owner with --owner"),
        ((ANA, "--owner", "eva@acme.example", *file), "'eva@acme.example' is no user of account acme"),
        (("acme@mail.kommo.com", "--owner", ANA, *file), "is at a gateway domain"),
        (("ana@nowhere.example", "--owner", ANA, *file), "no mail server of nowhere.example was found"),
        (
            ("ana@outlook.com", "--owner", ANA, *file),
            "http://127.0.0.1:8080/mailboxes/consent?address=ana%40outlook.com",
        ),
        ((ANA, "--imap", "imap.acme.example", *file), "allowed: HOST:PORT"),
        ((ANA, "--imap", "imap.acme.example:25", *file), "imap/port: port 25"),
    ]
    for given, words in wrong:
        said = run("mailbox", "add", *given, "--account", "acme")
        assert said.status == 1, given
        assert words in said.err
        assert said.err.count("\n") == 1, said.err
    assert run("mailbox", "show", ANA, "--account", "acme").status == 1
    assert run("mailbox", "list", "--account", "acme").out == "No mailbox.\n"
    assert run("mailbox", "list", "--account", "beta").status == 1


def test_an_address_is_connected_once_and_told_so_before_its_password_is_asked_for(
    run: Run, add: Callable[..., Any], servers: FakeServers
) -> None:
    add()
    again = run("mailbox", "add", ANA, "--account", "acme")
    assert (again.status, again.err) == (1, f"{ANA} is connected already.\n")
    assert len(servers.logins) == 1


def test_what_is_found_of_a_provider_is_printed(run: Run, store: Path) -> None:
    found = run("mailbox", "discover", "ana@gmail.com", "--json").json
    assert sorted(found) == FOUND
    assert (found["auth"], found["imap"]["host"]) == ("google", "imap.gmail.com")
    said = run("mailbox", "discover", "ana@guessed.example").out
    assert "imap.guessed.example:993 (tls)" in said
    assert "guess: look at the servers before a password goes there" in said
    assert run("mailbox", "discover", "ana").status == 1


def test_a_mailbox_is_changed_and_a_new_password_tried(
    run: Run, add: Callable[..., Any], servers: FakeServers, store: Path
) -> None:
    add()
    which = ("mailbox", "set", ANA, "--account", "acme", "--json")
    options = ("--threads", "false", "--auto-create", "lead", "--share-with-admins", "1", "--alias", "ap@acme.example")
    changed = run(*which, *options, "--sent", "Verzonden", "--state", "paused").json
    assert (changed["threads"], changed["auto_create"], changed["share_with_admins"]) == (False, "lead", True)
    assert (changed["aliases"], changed["sent"], changed["state"]) == (["ap@acme.example"], "Verzonden", "paused")
    assert run(*which, "--alias", "").json["aliases"] == []
    note(store, state="auth_failed", tries=2)
    wrong = run(*which, "--password-file", "-", stdin=b"wrong")
    assert (wrong.status, wrong.err) == (1, "password: the server refuses this password\n")
    servers.passwords[ANA] = "new one"
    assert run(*which, "--password-file", "-", stdin=b"new one\n").json["state"] == "importing"
    assert run(*which, "--kind", "shared").json["kind"] == "shared"
    assert run(*which, "--kind", "personal").status == 1
    personal = run(*which, "--kind", "personal", "--owner", ANA).json
    assert (personal["kind"], personal["share_with_admins"]) == ("personal", False)
    assert run(*which, "--threads", "perhaps").status == 1


def test_who_waits_sees_a_running_server_import_to_the_end(
    run: Run, acme: Any, secret: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server takes the mailbox up at the first look and imports more at each one."""
    steps: list[dict[str, Any]] = [
        {"holder": "server", "lease_until": 2**52, "done": 0, "total": 500},
        {"done": 213},
        {"done": 500, "state": "ready", "last_sync_at": 1, "holder": None, "lease_until": None},
    ]
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(mailbox_dialog, "START_SECONDS", 60.0)
    monkeypatch.setattr(mailbox_dialog, "rest", lambda: note(store, **steps.pop(0)))
    monkeypatch.setattr(mailbox_dialog, "progress", lambda _: Telling(told))
    said = run("mailbox", "add", ANA, "--account", "acme", "--password-file", secret, "--json")
    assert (said.json["state"], said.json["progress"]) == ("ready", {"done": 500, "total": 500})
    assert told == [(0, 500), (213, 500), (500, 500)]


@pytest.mark.parametrize("command", ["add", "sync"])
def test_who_waits_is_told_of_a_look_that_came_to_nothing(
    command: str, run: Run, acme: Any, secret: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server has looked, and its next try comes in a minute: nobody waits for that, and nobody else looks as well."""
    steps: list[dict[str, Any]] = [
        {"holder": "server", "lease_until": 2**52},
        {"holder": None, "lease_until": None, "wanted_at": None, "failures": 1, "error": AWAY},
    ]
    given = (ANA, "--account", "acme", "--json")
    with_password = (*given, "--password-file", secret)
    if command == "sync":
        assert run("mailbox", "add", *with_password, "--no-wait").status == 0
    monkeypatch.setattr(mailbox_dialog, "START_SECONDS", 60.0)
    monkeypatch.setattr(mailbox_dialog, "rest", lambda: note(store, **steps.pop(0)))
    said = run("mailbox", command, *(given if command == "sync" else with_password))
    assert (said.json["state"], said.json["error"], said.err) == ("importing", AWAY, "")
    assert said.status == (1 if command == "sync" else 0)


class Telling:
    """Who hears how far something is."""

    def __init__(self, told: list[tuple[int, int]]) -> None:
        self._told = told

    def __enter__(self) -> Callable[[int, int], None]:
        return lambda done, total: self._told.append((done, total))

    def __exit__(self, *_: object) -> None:
        """Nothing is left open."""


def test_where_no_server_imports_who_connected_is_not_kept_waiting(run: Run, acme: Any, secret: str) -> None:
    said = run("mailbox", "add", ANA, "--account", "acme", "--password-file", secret, "--json")
    assert (said.status, said.json["state"]) == (0, "importing")
    assert "No server imports it at this moment" in said.err


def test_where_no_server_syncs_the_command_does(
    run: Run, add: Callable[..., Any], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = add()

    async def in_hand(*_: Any) -> bool:
        return False

    monkeypatch.setattr(wiring_mailboxes, "sync_once", in_hand)
    nobody = run("mailbox", "sync", ANA, "--account", "acme")
    assert (nobody.status, "somebody else" in nobody.err, nobody.err.count("\n")) == (1, True, 1)

    async def sync_once(_: Settings, account: int, mailbox: str, tell: Callable[[int, int], None]) -> bool:
        tell(1, 1)
        note(store, state="ready", last_sync_at=1)
        return bool(mailbox == made["id"])

    monkeypatch.setattr(wiring_mailboxes, "sync_once", sync_once)
    said = run("mailbox", "sync", ANA, "--account", "acme", "--json")
    assert (said.status, said.json["state"]) == (0, "ready")
    note(store, state="auth_failed")
    refused = run("mailbox", "sync", ANA, "--account", "acme")
    assert (refused.status, "doesn't let us in" in refused.err) == (1, True)


def test_a_mailbox_is_disconnected_and_its_mail_deleted_only_by_who_means_it(
    run: Run, add: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = add()
    delete = ("mailbox", "disconnect", ANA, "--account", "acme", "--emails", "delete")
    asked = run(*delete)
    assert (asked.status, "--yes means it" in asked.err) == (1, True)
    assert run("mailbox", "show", ANA, "--account", "acme", "--json").json["state"] == "importing"
    monkeypatch.setattr("gateway.commands.output.at_a_terminal", lambda: True)
    no = run(*delete, stdin=b"n\n")
    assert (no.status, "brought 0 messages; 0 of them came by it alone" in no.err) == (1, True)
    done = run(*delete, "--yes", "--json")
    assert (done.status, done.json["id"], done.json["state"]) == (0, made["id"], "disconnected")


def test_e12_the_addresses_we_connect_from_are_listed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "SMARTGATE_EGRESS_ADDRESSES" in run("egress").out
    monkeypatch.setenv("SMARTGATE_EGRESS_ADDRESSES", "192.0.2.10,2001:db8::/64")
    assert run("egress").out == "192.0.2.10\n2001:db8::/64\n"
    assert run("egress", "--json").json == {"addresses": ["192.0.2.10", "2001:db8::/64"]}
