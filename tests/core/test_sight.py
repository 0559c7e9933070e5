"""Which mailboxes a reader may open, change and disconnect, and how near a source is to them (E2, E13)."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from gateway.core.mailboxes import (
    CHOOSE,
    GOOGLE,
    PERSONAL,
    SHARED,
    STARTTLS,
    Credential,
    Server,
    Servers,
    about_credential,
    credential_as_json,
    credential_of,
    servers_as_json,
    servers_of,
)
from gateway.core.resources import Mailbox
from gateway.core.visibility import (
    BACK_END,
    LENT,
    OWN,
    SMART,
    TEAM,
    Box,
    Eyes,
    Sight,
    as_known,
    may_disconnect,
    may_edit,
    may_open,
    may_send,
)

OWNER, ADMIN = Eyes("u1", "user", False), Eyes("u2", "admin", False)
RIGHT, USER, CHIEF = Eyes("u3", "user", True), Eyes("u4", "user", False), Eyes("u1", "admin", False)
MINE = Box("b1", PERSONAL, "u1", False)
LENDED = Box("b2", PERSONAL, "u1", True)
SALES = Box("b3", SHARED, "u1", False)
NOBODYS = Box("b4", PERSONAL, "", False)
BOXES = (MINE, LENDED, SALES, NOBODYS)
ALL = {box.id for box in BOXES}

READERS = {
    # reader        who   opens                    edits             disconnects              how near each is
    "the owner": (OWNER, {"b1", "b2"}, {"b1", "b2"}, {"b1", "b2"}, (OWN, OWN, None, None)),
    "an admin": (ADMIN, {"b2", "b3"}, {"b3"}, ALL, (None, LENT, TEAM, None)),
    "with the right": (RIGHT, {"b3"}, set[str](), set[str](), (None, None, TEAM, None)),
    "a user": (USER, set[str](), set[str](), set[str](), (None, None, None, None)),
    "an owner, admin": (CHIEF, {"b1", "b2", "b3"}, {"b1", "b2", "b3"}, ALL, (OWN, OWN, TEAM, None)),
    "a back end": (BACK_END, {"b2", "b3"}, {"b3"}, ALL, (None, LENT, TEAM, None)),
}  # fmt: skip


@pytest.mark.parametrize(("eyes", "opens", "edits", "disconnects", "near"), READERS.values(), ids=READERS)
def test_who_may_do_what_with_a_mailbox(
    eyes: Eyes, opens: set[str], edits: set[str], disconnects: set[str], near: tuple[int | None, ...]
) -> None:
    assert {box.id for box in BOXES if may_open(eyes, box)} == opens
    assert {box.id for box in BOXES if may_edit(eyes, box)} == edits
    assert {box.id for box in BOXES if may_disconnect(eyes, box)} == disconnects
    sight = Sight(eyes, {box.id: box for box in BOXES})
    assert tuple(sight.near(box.id) for box in BOXES) == near
    assert {id for ids in sight.nearest().values() for id in ids} == opens
    assert (sight.near(None), sight.near("unknown")) == (SMART, None)
    assert not sight.plain


@pytest.mark.parametrize("eyes", [OWNER, ADMIN])
def test_who_may_not_open_a_mailbox_is_told_nothing_of_what_is_in_it(eyes: Eyes) -> None:
    rest: dict[str, Any] = dict.fromkeys(field.name for field in fields(Mailbox))
    own = {"id": "b1", "kind": PERSONAL, "owner": "u1", "share_with_admins": False}
    box = Mailbox(**rest | own | {"proposals": ("a@x.example",), "error": f"No Sent.{CHOOSE}Divorce, Outbox."})
    closed = replace(box, proposals=(), error="No Sent.")
    assert as_known(eyes, box) == (box if eyes == OWNER else closed)


SENDS = {
    "the owner": (Eyes("u1", "user", False), {"b1", "b2"}),
    "an admin, from shared ones alone": (Eyes("u2", "admin", False), {"b3"}),
    "who may read shared mail": (Eyes("u3", "user", True), {"b3"}),
    "another user": (Eyes("u3", "user", False), set()),
    "a back end, in nobody's name": (BACK_END, {"b3"}),
}


@pytest.mark.parametrize(("eyes", "boxes"), SENDS.values(), ids=SENDS)
def test_who_may_send_from_a_mailbox(eyes: Eyes, boxes: set[str]) -> None:
    assert {box.id for box in BOXES if may_send(eyes, box)} == boxes


def test_an_account_without_mailboxes_has_nothing_to_hide() -> None:
    assert Sight(USER).plain
    assert Sight(USER).near(None) == SMART


def test_what_is_kept_of_a_mailbox_comes_back_and_its_secrets_do_not_show() -> None:
    servers = Servers(Server("imap.acme.example", 143, STARTTLS, "dimas"), Server("smtp.acme.example", 465))
    for one in (servers, Servers(servers.imap)):
        assert servers_of(servers_as_json(one)) == one
    credential = Credential(GOOGLE, "refresh", "access", 7)
    assert credential_of(credential_as_json(credential)) == credential
    assert "refresh" not in repr(credential)
    assert "access'" not in repr(credential)
    assert about_credential(1, "b1") != about_credential(1, "b2")
