"""Words of people's own mailboxes as the store keeps them, and who may know of which."""

from __future__ import annotations

import json

import pytest

from gateway.core.mailboxes import (
    GOOGLE,
    PERSONAL,
    SHARED,
    Credential,
    Server,
    Servers,
    about_credential,
    credential_as_json,
    credential_of,
    servers_as_json,
    servers_of,
)
from gateway.core.visibility import BACK_END, Box, Eyes, may_disconnect, may_edit, may_know, may_open

SERVERS = [
    Servers(Server("imap.acme.example", 993)),
    Servers(Server("mail.acme.example", 143, "starttls", "ana"), Server("mail.acme.example", 465)),
]


@pytest.mark.parametrize("servers", SERVERS)
def test_servers_come_back_as_they_were_kept(servers: Servers) -> None:
    assert servers_of(json.loads(json.dumps(servers_as_json(servers)))) == servers


def test_a_credential_comes_back_as_it_was_kept_and_is_bound_to_its_row() -> None:
    credential = Credential(GOOGLE, "refresh", "access", 5)
    assert credential_of(json.loads(json.dumps(credential_as_json(credential)))) == credential
    assert "refresh" not in repr(credential)
    assert len({about_credential(1, "A"), about_credential(1, "B"), about_credential(2, "A")}) == 3


ADMIN, OWNER = Eyes("1", "admin", shared_mail=False), Eyes("2", "user", shared_mail=False)
TEAM, OTHER = Eyes("3", "user", shared_mail=True), Eyes("4", "user", shared_mail=False)
PRIVATE, LENT = Box("P", PERSONAL, "2", share_with_admins=False), Box("L", PERSONAL, "2", share_with_admins=True)
COMMON = Box("S", SHARED, "1", share_with_admins=False)
RIGHTS = {
    # box and eyes              knows  opens  edits  disconnects
    "an admin, private": (ADMIN, PRIVATE, "yes no no yes"),
    "an admin, lent": (ADMIN, LENT, "yes yes no yes"),
    "an admin, shared": (ADMIN, COMMON, "yes yes yes yes"),
    "its owner, private": (OWNER, PRIVATE, "yes yes yes yes"),
    "its owner, shared": (OWNER, COMMON, "no no no no"),
    "who has the right, private": (TEAM, PRIVATE, "no no no no"),
    "who has the right, shared": (TEAM, COMMON, "yes yes no no"),
    "a colleague, lent": (OTHER, LENT, "no no no no"),
    "a back end, private": (BACK_END, PRIVATE, "yes no no yes"),
    "a back end, one of nobody": (BACK_END, Box("N", PERSONAL, "", share_with_admins=False), "yes no no yes"),
}


@pytest.mark.parametrize(("eyes", "box", "rights"), RIGHTS.values(), ids=RIGHTS)
def test_who_may_know_open_edit_and_disconnect_a_mailbox(eyes: Eyes, box: Box, rights: str) -> None:
    asked = (may_know, may_open, may_edit, may_disconnect)
    assert " ".join("yes" if may(eyes, box) else "no" for may in asked) == rights
