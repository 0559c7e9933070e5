"""The shapes of answers, as the OpenAPI document tells them; every answer is held to its shape."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

Time = Annotated[
    str,
    Field(
        description="RFC 3339 in UTC.",
        examples=["2026-11-23T02:42:17.000Z"],
        json_schema_extra={"format": "date-time"},
    ),
]
Id = Annotated[str, Field(description="Opaque; later ones sort after earlier ones.")]
Text = Annotated[str, Field(max_length=10_000)]
Custom = Annotated[
    dict[str, str],
    Field(description="What stands in the account's own fields, by key.", examples=[{"company": "Bluefin Hotels"}]),
]


class Addresses(BaseModel):
    """The three smart addresses."""

    attach: str
    contact: str
    lead: str


class Account(BaseModel):
    """The token's account."""

    id: Id
    slug: str
    name: str
    addresses: Addresses
    own_domains: list[str]
    never_log: list[str]
    copy_policy: Literal["cc", "cc_or_to"]
    strangers: Literal["accept", "hold", "refuse"]
    rename_grace_days: int
    link_mailbox: Annotated[Id | None, Field(description="The mailbox that mails sign-in links.")]
    created_at: Time


class User(BaseModel):
    """A person of the account."""

    id: Id
    email: str
    name: str
    role: Literal["admin", "user"]
    shared_mail: bool
    created_at: Time


class Token(BaseModel):
    """What a program comes in with, as the user whose id it has."""

    id: Id
    name: str
    user: Id
    scopes: list[Literal["read", "write", "admin"]]
    created_at: Time
    expires_at: Time | None
    last_used_at: Annotated[Time | None, Field(description="As coarse as ten minutes.")]


class NewToken(Token):
    """A token with its secret, which is shown this once."""

    secret: Annotated[str, Field(examples=["sga_7_GZgR0vXw…"])]


class Done(BaseModel):
    """Something that somebody did."""

    id: Id
    at: Time
    user: Annotated[Id | None, Field(description="Null: whoever runs the server, by a command.")]
    who: Annotated[str, Field(description="Their address as of then.")]
    what: Annotated[str, Field(examples=["user.added"])]
    subject: Annotated[str, Field(description="The id of what it was done to.")]
    about: dict[str, Any]


class Egress(BaseModel):
    """The addresses we connect from: single ones, and blocks."""

    addresses: Annotated[list[str], Field(examples=[["192.0.2.10", "2001:db8::/64"]])]


class Contact(BaseModel):
    """A person the account knows."""

    id: Id
    name: str
    first_name: str
    last_name: str
    emails: list[str]
    leads: list[Id]
    source: str
    created_at: Time
    custom: Custom
    merged: Annotated[list[Id], Field(description="Contacts that were merged into this one.")]


class Lead(BaseModel):
    """A chance to sell."""

    id: Id
    name: str
    price: int
    status: Literal["open", "won", "lost"]
    contacts: list[Id]
    main_contact: Id | None
    created_at: Time
    custom: Custom


class Customer(BaseModel):
    """Somebody who buys."""

    id: Id
    name: str
    contacts: list[Id]
    main_contact: Id | None
    created_at: Time
    custom: Custom


class CardField(BaseModel):
    """A field that the account gives its cards; `key` is its name in `custom` and in templates."""

    id: Id
    kind: Literal["contact", "lead", "customer"]
    key: str
    name: str
    created_at: Time


class Party(BaseModel):
    """An address of a header with its name."""

    address: str
    name: str


class Source(BaseModel):
    """A road by which a message came."""

    road: Literal["smtp", "lmtp", "imap", "api"]
    mailbox: Id | None
    folder: str
    thread: Id | None
    at: Time


class File(BaseModel):
    """An attachment; content_id is what the HTML calls it, inline says that it is meant to be seen in the text."""

    n: int
    filename: str
    content_type: str
    size: int
    content_id: str | None
    inline: bool
    available: bool


class Sending(BaseModel):
    """How a mail that was written here is on its way. error: why it did not go, or not yet, or to whom it did not.
    next_at: when it is tried again."""

    state: Literal["queued", "sending", "sent", "failed"]
    error: str
    next_at: Time | None


class Message(BaseModel):
    """A message as lists show it; one that is locked shows its id, date, direction and whose mailbox it is in.
    sending: of one that was written here."""

    id: Id
    message_id: str | None
    direction: Literal["incoming", "outgoing"]
    subject: str
    from_: Party | None = Field(alias="from")
    to: list[Party]
    cc: list[Party]
    date: Time | None
    snippet: str
    sources: list[Source]
    attachments: list[File]
    contacts: list[Id]
    leads: list[Id]
    customers: list[Id]
    thread: Id | None
    mailbox: Id | None
    auth: dict[str, str]
    locked: bool
    owner: str | None
    note: str
    sending: Sending | None


class Block(BaseModel):
    """A stretch of a text."""

    kind: Literal["new", "quote", "forward", "signature"]
    text: str


class Guest(BaseModel):
    """An organiser or attendee; no participant of the message."""

    address: str
    name: str
    answer: Literal["", "accepted", "declined", "tentative", "delegated"]


class Invitation(BaseModel):
    """An event of an invitation, its times as they are written: in `zone`, in UTC with a `Z`, or a whole day."""

    method: Annotated[str, Field(description="Of iTIP: REQUEST, REPLY, CANCEL, COUNTER, PUBLISH, …")]
    uid: str
    summary: str
    start: Annotated[str, Field(examples=["2025-01-20T09:00:00", "2025-01-20T09:00:00Z", "2025-01-20"])]
    end: str
    zone: str
    location: str
    organizer: Guest | None
    attendees: list[Guest]
    status: str
    recurrence: Annotated[str, Field(description="RRULE as it is written.", examples=["FREQ=WEEKLY;COUNT=4"])]
    description: str


class OpenMessage(Message):
    """A message with its text; html is sanitised, null where there is none.

    reply_text is what is new in the text; blocks, joined, are the text. protected says how the sender claims to have
    signed or encrypted it; nothing of that is checked.
    remote_images: the html refers to pictures on other servers; they are blocked unless `images=show` asks for them.
    """

    text: str
    html: str | None
    reply_text: str
    blocks: list[Block]
    calendar: list[Invitation]
    protected: Literal["smime-encrypted", "smime-signed", "pgp-encrypted", "pgp-signed"] | None
    remote_images: bool


class Thread(BaseModel):
    """Messages with one client under one subject."""

    id: Id
    client: str | None
    subject: str
    count: int
    last_at: Time
    mailbox: str


class Receipt(BaseModel):
    """The record of one attempt to hand us a message; decision has the shape of `/explain`."""

    id: Id
    at: Time
    peer: str
    helo: str
    sender: str
    recipients: list[str]
    size: int
    verdict: Literal["file", "refuse", "hold"]
    reply: str
    decision: dict[str, Any]
    message: Id | None


class Event(BaseModel):
    """Something that happened; subject is the id of what it happened to, which the type names: of `lead.created` a
    lead, of `message.refused` the receipt. at: when."""

    id: Id
    type: str
    at: Time
    subject: Id


class Endpoint(BaseModel):
    """Who is told of events; types: which, none for all. state: active, disabled, or what is wrong just now."""

    id: Id
    kind: str
    url: str
    types: list[str]
    state: str
    reason: str
    created_at: Time
