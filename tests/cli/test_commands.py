"""Each command as people and programs use it: tables, one JSON value, one line when something is wrong."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import app
from gateway.store import schema
from tests.cli.conftest import Run

ADD = ("account", "add", "acme", "--name", "Acme", "--owner", "ana@acme.example")
MAIL = (
    b"From: Ana <ana@acme.example>\r\nTo: Pat Doe <pat@client.example>\r\nCc: acme+lead@mail.kommo.com\r\n"
    b"Subject: Offer\r\nMessage-ID: <1@acme.example>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nHello\r\n"
)


def test_a_new_account_is_told_with_all_its_owner_needs(run: Run) -> None:
    said = run(*ADD, "--domain", "acme.example", "--domain", ".acme.example", "--json")
    assert said.status == 0
    assert said.err == ""
    assert said.json["account"] == "acme"
    assert said.json["user"] == "ana@acme.example"
    assert said.json["addresses"] == {
        "attach": "acme@mail.kommo.com",
        "contact": "acme+contact@mail.kommo.com",
        "lead": "acme+lead@mail.kommo.com",
    }
    assert said.json["token"].startswith("sga_")
    assert said.json["sign_in_url"].startswith("http://127.0.0.1:8080/sign-in/sgi_")
    assert run("account", "show", "acme", "--json").json["own_domains"] == [".acme.example", "acme.example"]


def test_links_begin_with_the_public_url(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTGATE_PUBLIC_URL", "https://crm.example/gate/")
    assert run(*ADD, "--json").json["sign_in_url"].startswith("https://crm.example/gate/sign-in/")


PRINTING = {
    "account list": ("account", "list"),
    "account show": ("account", "show", "acme"),
    "account set": ("account", "set", "acme", "strangers=hold", "own_domains=acme.example"),
    "account rename": ("account", "rename", "acme", "apex"),
    "account erase": ("account", "erase", "acme", "--yes"),
    "user add": ("user", "add", "dimas@acme.example", "--account", "acme", "--role", "admin"),
    "user list": ("user", "list", "--account", "acme"),
    "user set": ("user", "set", "ana@acme.example", "--account", "acme", "--name", "Ana L.", "--shared-mail", "false"),
    "user set, without a password": ("user", "set", "ana@acme.example", "--account", "acme", "--no-password"),
    "token create": ("token", "create", "--account", "acme", "--user", "ana@acme.example"),
    "token list": ("token", "list", "--account", "acme"),
    "trace": ("trace", "--account", "acme"),
    "explain": ("explain", "-", "--rcpt", "acme+lead@mail.kommo.com"),
    "db upgrade": ("db", "upgrade"),
    "db check": ("db", "check"),
    "config show": ("config", "show"),
    "version": ("version",),
}


@pytest.mark.parametrize("arguments", PRINTING.values(), ids=PRINTING)
def test_with_json_standard_output_holds_one_value_and_nothing_else(
    run: Run, acme: Any, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTGATE_LOG_LEVEL", "debug")
    said = run(*arguments, "--json", stdin=MAIL)
    assert said.status == 0
    assert isinstance(said.json, dict | list)


@pytest.mark.parametrize("arguments", PRINTING.values(), ids=PRINTING)
def test_without_json_every_command_says_something_readable(run: Run, acme: Any, arguments: tuple[str, ...]) -> None:
    said = run(*arguments, stdin=MAIL)
    assert said.status == 0
    assert said.out.strip()
    assert "{" not in said.out
    assert "\x1b" not in said.out


WRONG = {
    "a slug that is taken": (ADD, "slug 'acme' is taken"),
    "a slug that can't be": (("account", "add", "A+b", "--name", "A", "--owner", "a@b.example"), "slug 'A+b'"),
    "an owner without address": (("account", "add", "beta", "--name", "B", "--owner", "bob"), "email 'bob'"),
    "an account that isn't there": (("account", "show", "beta"), "no account is called 'beta'"),
    "an option that isn't there": (("account", "set", "acme", "colour=red"), "'colour' is no option"),
    "an option without value": (("account", "set", "acme", "strangers"), "'strangers' is no OPTION=VALUE"),
    "an option given twice": (("account", "set", "acme", "name=a", "name=b"), "option 'name' is given twice"),
    "a value that isn't there": (("account", "set", "acme", "strangers=bite"), "allowed: accept, hold, refuse"),
    "a public domain": (("account", "set", "acme", "own_domains=gmail.com"), "'gmail.com' is a public mail domain"),
    "a rename to a wrong name": (("account", "rename", "acme", "postmaster"), "slug 'postmaster'"),
    "a user twice": (("user", "add", "ana@acme.example", "--account", "acme"), "is a user of this account already"),
    "a wrong role": (("user", "add", "b@acme.example", "--account", "acme", "--role", "boss"), "role 'boss'"),
    "a wrong flag": (("user", "set", "ana@acme.example", "--account", "acme", "--shared-mail", "si"), "'si'"),
    "the last admin": (("user", "remove", "ana@acme.example", "--account", "acme"), "is the last admin"),
    "nobody's token": (("token", "create", "--account", "acme", "--user", "x@acme.example"), "is no user of account"),
    "a token that isn't there": (("token", "revoke", "01X", "--account", "acme"), "has no token '01X'"),
    "a mail that isn't there": (("explain", "/no/mail.eml", "--rcpt", "acme@mail.kommo.com"), "'/no/mail.eml'"),
    "a peer that is no address": (("explain", "-", "--rcpt", "a@b.example", "--peer", "home"), "--peer 'home'"),
    "an age that is none": (("trace", "--since", "yesterday"), "--since 'yesterday' is not allowed; allowed: "),
    "a verdict that is none": (("trace", "--verdict", "maybe"), "allowed: file, refuse, hold"),
    "a trace of nobody": (("trace", "--account", "beta"), "no account is called 'beta'"),
    "a role that is none": (("serve", "--only", "smtp,ftp"), "--only 'ftp' is no role; allowed: smtp, lmtp, http"),
    "more workers than a file bears": (("serve", "--workers", "2"), "--workers 2 needs PostgreSQL"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["for people", "for programs"])
def test_what_is_wrong_is_one_line_on_standard_error(
    run: Run, acme: Any, arguments: tuple[str, ...], words: str, form: tuple[str, ...]
) -> None:
    said = run(*arguments, *(() if arguments[0] == "serve" else form), stdin=MAIL)
    assert said.status == 1
    assert said.out == ""
    assert words in said.err
    assert said.err.count("\n") == 1


USAGE = {
    "no command": (),
    "a command that isn't there": ("mailbox",),
    "a group without command": ("account",),
    "an option that isn't there": ("account", "list", "--colour"),
    "a name left out": ("account", "add", "acme", "--owner", "ana@acme.example"),
    "no recipient": ("explain", "-"),
    "a number in words": ("trace", "--limit", "many"),
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE)
def test_wrong_usage_ends_with_two(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).status == 2


COMMANDS = [("account", "list"), ("serve",), ("demo",), ("db", "check"), ("config", "show"), ("trace",)]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_wrong_setting_stops_every_command(
    run: Run, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTGATE_SMTP_LISTEN", "here")
    monkeypatch.setenv("SMARTGATE_DOMIANS", "x.example")
    said = run(*arguments)
    assert said.status == 1
    assert said.out == ""
    assert sorted(line.split(" ")[0].rstrip(":") for line in said.err.splitlines()) == [
        "SMARTGATE_DOMIANS",
        "SMARTGATE_SMTP_LISTEN",
    ]


def test_a_token_has_a_name_scopes_and_an_end(run: Run, acme: Any) -> None:
    create = ("token", "create", "--account", "acme", "--user", "ana@acme.example")
    made = run(*create, "--name", "sync", "--scope", "read", "--scope", "write", "--expires", "90d", "--json").json
    assert set(made) >= {"token", "sign_in_url"}
    assert (made["name"], made["scopes"]) == ("sync", ["read", "write"])
    both = run(*create, "--scope", "write,read", "--json").json
    assert (both["scopes"], both["expires_at"]) == (["read", "write"], None)
    listed = {token["id"]: token for token in run("token", "list", "--account", "acme", "--json").json}
    assert listed[made["id"]]["expires_at"] == made["expires_at"]
    assert listed[both["id"]]["last_used_at"] is None
    assert "sync" in run("token", "list", "--account", "acme").out


def test_a_token_takes_no_scope_beyond_its_users_role(run: Run, acme: Any) -> None:
    run("user", "add", "dimas@acme.example", "--account", "acme")
    create = ("token", "create", "--account", "acme", "--user", "dimas@acme.example")
    said = run(*create, "--scope", "admin")
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("scope 'admin' is not allowed for role 'user'; allowed: read, write")
    assert run(*create, "--json").json["scopes"] == ["read", "write"]
    assert "allowed: a moment to come" in run(*create, "--expires", "yesterday").err


def test_secrets_are_masked_and_the_origin_of_a_setting_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTGATE_SECRET_KEY", "k" * 40)
    shown = {one["name"]: one for one in run("config", "show", "--json").json}
    assert shown["SMARTGATE_SECRET_KEY"]["value"] == "***"
    assert shown["SMARTGATE_SECRET_KEY"]["source"] == "environment SMARTGATE_SECRET_KEY"
    assert shown["SMARTGATE_SMTP_LISTEN"]["source"] == "default"
    assert "kkkk" not in run("config", "show").out


def test_the_store_is_made_by_the_first_command_and_checked_by_another(run: Run, store: Path) -> None:
    assert "isn't there yet" in run("db", "check").err
    assert run("db", "upgrade", "--json").json == {"path": str(store), "before": None, "after": schema.head()}
    assert run("db", "upgrade", "--json").json["before"] == schema.head()
    assert run("db", "check", "--json").json == {"path": str(store), "schema": schema.head(), "state": "ok"}
    with sqlite3.connect(store) as db:
        db.execute("UPDATE alembic_version SET version_num = '0000'")
    for arguments in (("db", "check"), ("account", "list"), ("serve",)):
        assert "run `smartgate db upgrade`" in run(*arguments).err


def test_an_erased_account_takes_its_large_mails_along(run: Run, acme: Any, store: Path) -> None:
    with sqlite3.connect(store) as db:
        number = db.execute("SELECT number FROM accounts").fetchone()[0]
    mine, others = store.parent / "blobs" / str(number), store.parent / "blobs" / "1"
    for folder in (mine, others):
        folder.mkdir(parents=True)
        (folder / "mail").write_bytes(b"x")
    assert run("account", "erase", "acme", "--yes").status == 0
    assert not mine.exists()
    assert others.exists()
    assert run("account", "list", "--json").json == []


def test_a_renamed_account_has_new_addresses(run: Run, acme: Any) -> None:
    assert run("account", "rename", "acme", "apex", "--json").json["addresses"]["lead"] == "apex+lead@mail.kommo.com"
    assert "called apex now" in run("account", "show", "acme").err


def test_explain_shows_the_steps_with_their_marks_and_stores_nothing(run: Run, acme: Any, tmp_path: Path) -> None:
    (tmp_path / "mail.eml").write_bytes(MAIL.replace(b"\r\n", b"\n"))
    said = run("explain", str(tmp_path / "mail.eml"), "--rcpt", "acme+lead@mail.kommo.com", "--sender", "")
    assert said.out.startswith("✕ It is refused (rule B2)")
    said = run("explain", str(tmp_path / "mail.eml"), "--rcpt", "acme+lead@mail.kommo.com")
    assert said.out.startswith("✓ It is filed (rule B11)")
    assert "  ✓ A2   The account acme exists." in said.out
    assert "  contact pat@client.example (Pat Doe)" in said.out
    assert "  lead Offer" in said.out
    assert run("trace", "--json").json == []


def test_every_command_and_option_explains_itself() -> None:
    import typer

    silent = []

    def visit(name: str, command: Any) -> None:
        if not command.help:
            silent.append(name)
        silent.extend(
            f"{name} {option.name}"
            for option in command.params
            if option.name != "help" and not getattr(option, "help", None)
        )
        for child, inner in getattr(command, "commands", {}).items():
            visit(f"{name} {child}".strip(), inner)

    visit("", typer.main.get_command(app))
    assert silent == []
