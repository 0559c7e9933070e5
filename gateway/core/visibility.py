"""Who sees what: one place for the API, the console and webhooks (rules, sections E2 and F)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.core.mailboxes import SHARED

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Eyes:
    """Who looks. user: a user's id, empty for a back end, which sees what an admin sees."""

    user: str
    role: str
    shared_mail: bool


BACK_END = Eyes("", ADMIN, True)
"""Events tell what an admin sees (webhooks)."""


@dataclass(frozen=True, slots=True)
class Box:
    """What of a mailbox decides who may open its mail. owner: a user's id."""

    id: str
    kind: str
    owner: str
    share_with_admins: bool


def may_open(eyes: Eyes, box: Box) -> bool:
    """Whether they may read the mail of a mailbox (E2): a shared one admins and who has the right `shared_mail`; a
    personal one its owner, and admins where the owner shares it with them."""
    if box.kind == SHARED:
        return eyes.role == ADMIN or eyes.shared_mail
    return eyes.user == box.owner != "" or (eyes.role == ADMIN and box.share_with_admins)


def may_know(eyes: Eyes, box: Box) -> bool:
    """Whether they may know that a mailbox is there: admins of each, others of those they may open."""
    return eyes.role == ADMIN or may_open(eyes, box)


def closed_to(eyes: Eyes, boxes: Iterable[Box]) -> frozenset[str]:
    """Ids of those mailboxes whose mail they may not open."""
    return frozenset(box.id for box in boxes if not may_open(eyes, box))


def may_edit(eyes: Eyes, box: Box) -> bool:
    """Whether they may change, sync or disconnect a mailbox: a shared one admins, a personal one its owner. An admin
    may disconnect any (`may_disconnect`), as people leave."""
    return eyes.role == ADMIN if box.kind == SHARED else eyes.user == box.owner != ""


def may_disconnect(eyes: Eyes, box: Box) -> bool:
    """Whether they may disconnect a mailbox: who may change it, and admins."""
    return eyes.role == ADMIN or may_edit(eyes, box)
