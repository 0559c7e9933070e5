"""The shape of a decision, as `/explain` gives it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from gateway.web.api.shapes import Id


class Step(BaseModel):
    """One rule that was asked, and what it answered."""

    rule: str
    outcome: str
    detail: str


class Participant(BaseModel):
    """An address of From, To or Cc, and whose it is."""

    role: Literal["from", "to", "cc"]
    address: str
    name: str
    kind: Literal["team", "client", "smart"]


class MadeContact(BaseModel):
    """A contact that filing makes."""

    email: str
    name: str


class MadeLead(BaseModel):
    """A lead that filing opens."""

    name: str


class Creates(BaseModel):
    """What filing makes."""

    contacts: list[MadeContact]
    lead: MadeLead | None


class Decision(BaseModel):
    """What the rules say of a message, and the steps that led there."""

    verdict: Literal["file", "refuse", "hold"]
    code: int
    enhanced: str
    reply: str
    rule: str
    account: str | None
    action: Literal["attach", "contact", "lead"] | None
    direction: str
    automatic: bool
    duplicate_of: Id | None
    primary: str | None
    base_subject: str
    unread: list[str]
    participants: list[Participant]
    creates: Creates
    auth: dict[str, str]
    authentic: bool | None
    steps: list[Step]
