"""What people and the operator do in an account that is written down, each in words after their name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WHAT: Mapping[str, str] = {
    "account.changed": "changed the options",
    "account.opened": "opened the account",
    "account.renamed": "renamed the account",
    "link.mailed": "asked for a sign-in link by mail",
    "link.made": "made a sign-in link",
    "message.cancelled": "took back a mail before it was sent",
    "message.deleted": "deleted a mail",
    "message.purged": "purged a deleted mail",
    "message.refused": "refused a held mail",
    "message.released": "released a held mail",
    "message.restored": "restored a deleted mail",
    "password.changed": "changed their password",
    "password.removed": "removed a password",
    "password.set": "set a password",
    "session.ended": "signed out",
    "session.opened": "signed in",
    "session.revoked": "ended a session",
    "token.changed": "changed a token",
    "token.made": "made a token",
    "token.revoked": "revoked a token",
    "user.added": "added a user",
    "user.changed": "changed a user",
    "user.removed": "removed a user",
    "message.retried": "sent a mail again that had failed",
    "message.sent": "sent a mail",
}
"""Key → what was done. The subject's name, where there is one, follows."""


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that somebody did. user: their id, None for whoever runs the server, by a command. who: their address
    as of then. what: a key of WHAT. subject: the id of what it was done to. about: what is to be known of it, such as a
    name."""

    id: str
    at: int
    user: str | None
    who: str
    what: str
    subject: str
    about: Mapping[str, Any]
