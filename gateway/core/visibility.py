"""Who sees what: one place for the API, the console and webhooks (rules, sections E2 and F)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.core.mailboxes import CHOOSE, SHARED
from gateway.core.resources import Mailbox

ADMIN = "admin"
OWN, TEAM, SMART, LENT = range(4)
"""How near a source is to a reader (E13): from their own mailbox, a shared one, by a smart address, from one that its
owner shows to the admins.

Whoever knows a mail of a mailbox can hand a copy with other words to a smart address: it never stands in place of what
the readers of that mailbox have there.
"""


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


def may_send(eyes: Eyes, box: Box) -> bool:
    """Whether they may send from a mailbox (E2): from a shared one who may read it, from a personal one its owner
    alone, whoever they let read it."""
    if box.kind == SHARED:
        return may_open(eyes, box)
    return eyes.user == box.owner != ""


def may_edit(eyes: Eyes, box: Box) -> bool:
    """Whether they may change, sync or disconnect a mailbox: a shared one admins, a personal one its owner. An admin
    may disconnect any (`may_disconnect`), as people leave."""
    return eyes.role == ADMIN if box.kind == SHARED else eyes.user == box.owner != ""


def as_known(eyes: Eyes, mailbox: Mailbox) -> Mailbox:
    """A mailbox as somebody may know of it: who may not open it is told nothing of what is in it, such as the addresses
    that its mail tells of, or the names of its folders."""
    box = Box(mailbox.id, mailbox.kind, mailbox.owner, mailbox.share_with_admins)
    if may_open(eyes, box):
        return mailbox
    return replace(mailbox, proposals=(), error=mailbox.error.partition(CHOOSE)[0])


def may_disconnect(eyes: Eyes, box: Box) -> bool:
    """Whether they may disconnect a mailbox: who may change it, and admins."""
    return eyes.role == ADMIN or may_edit(eyes, box)


@dataclass(frozen=True, slots=True)
class Sight:
    """What one reader sees of an account's mail (E2, E13, F). boxes: its mailboxes, by their ids.

    A source is open where it came by a smart address, which has no mailbox, or by a mailbox that the reader may open;
    one of a mailbox that nobody knows is closed.
    """

    eyes: Eyes
    boxes: Mapping[str, Box] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether there is nothing but mail of the smart addresses, which is everybody's."""
        return not self.boxes

    def near(self, mailbox: str | None) -> int | None:
        """How near a source of this mailbox is; None where it is closed."""
        if mailbox is None:
            return SMART
        box = self.boxes.get(mailbox)
        if box is None or not may_open(self.eyes, box):
            return None
        if box.kind == SHARED:
            return TEAM
        return OWN if box.owner == self.eyes.user else LENT

    def nearest(self) -> Mapping[int, tuple[str, ...]]:
        """The open mailboxes, by how near they are."""
        found: dict[int, list[str]] = {OWN: [], TEAM: [], LENT: []}
        for id in self.boxes:
            near = self.near(id)
            if near is not None:
                found[near].append(id)
        return {near: tuple(ids) for near, ids in found.items()}
