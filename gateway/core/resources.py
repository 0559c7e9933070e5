"""What the API shows and webhooks tell: one frozen value a resource, with the interface's field names (docs/api.md).

Times are milliseconds since 1970 inside and RFC 3339 in UTC outside; `as_json` is the way from a value to its shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = frozenset(
    (
        "at",
        "changed_at",
        "connected_at",
        "created_at",
        "date",
        "expires_at",
        "last_at",
        "last_sync_at",
        "last_used_at",
        "next_at",
        "next_sync_at",
        "settled_at",
    )
)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The three smart addresses of an account."""

    attach: str
    contact: str
    lead: str


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant as its users see it. link_mailbox: the mailbox that mails sign-in links, None for none."""

    id: str
    slug: str
    name: str
    addresses: Addresses
    own_domains: tuple[str, ...]
    never_log: tuple[str, ...]
    copy_policy: str
    strangers: str
    rename_grace_days: int
    link_mailbox: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class User:
    """A person of an account."""

    id: str
    email: str
    name: str
    role: str
    shared_mail: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class Token:
    """What a program comes in with, as a user (id). scopes: read, write, admin. last_used_at: to some ten minutes."""

    id: str
    name: str
    user: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int | None
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class NewToken(Token):
    """A token with its secret, which is shown this once."""

    secret: str


@dataclass(frozen=True, slots=True)
class Contact:
    """A person the account knows (C7). emails: the first one is written to. leads: ids, newest first. custom: what
    stands in the account's own fields, by key. merged: ids of contacts that were merged into it."""

    id: str
    name: str
    first_name: str
    last_name: str
    emails: tuple[str, ...]
    leads: tuple[str, ...]
    source: str
    created_at: int
    custom: Mapping[str, str] = field(default_factory=dict)
    merged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lead:
    """A chance to sell. status: open, won or lost."""

    id: str
    name: str
    price: int
    status: str
    contacts: tuple[str, ...]
    main_contact: str | None
    created_at: int
    custom: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who buys; made by people only."""

    id: str
    name: str
    contacts: tuple[str, ...]
    main_contact: str | None
    created_at: int
    custom: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Party:
    """One address of From, To or Cc with its decoded display name."""

    address: str
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """One road by which a message came. mailbox: None for the smart addresses."""

    road: str
    mailbox: str | None
    folder: str
    thread: str | None
    at: int


@dataclass(frozen=True, slots=True)
class File:
    """An attachment. n: from 1. size: decoded bytes. available: False once its server no longer has it (E7).

    content_id: what the HTML refers to it by. inline: it is meant to be seen in the text.
    """

    n: int
    filename: str
    content_type: str
    size: int
    content_id: str | None = None
    inline: bool = False
    available: bool = True


@dataclass(frozen=True, slots=True)
class Sending:
    """How a mail that was written here is on its way (E11). state: queued, sending, sent or failed. error: why it did
    not go, or not yet; empty where nothing is wrong. next_at: when it is tried again."""

    state: str
    error: str
    next_at: int | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message without its text. locked: the reader may not open it. thread, mailbox: those of the first source.

    owner: of one that is locked, the address of the user whose mailbox it is in. note: what a reader should know, such
    as that its text is only on its server, or that another road brought another text; empty where there is nothing.
    """

    id: str
    message_id: str | None
    direction: str
    subject: str
    from_: Party | None
    to: tuple[Party, ...]
    cc: tuple[Party, ...]
    date: int | None
    snippet: str
    sources: tuple[Source, ...]
    attachments: tuple[File, ...]
    contacts: tuple[str, ...]
    leads: tuple[str, ...]
    customers: tuple[str, ...]
    thread: str | None
    mailbox: str | None
    auth: Mapping[str, str]
    locked: bool = False
    owner: str | None = None
    note: str = ""
    sending: Sending | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A text to write mail with (section G). html: the body is HTML."""

    id: str
    name: str
    subject: str
    body: str
    html: bool
    created_at: int
    changed_at: int


@dataclass(frozen=True, slots=True)
class Field:
    """A field that an account gives its cards. kind: contact, lead or customer. key: as templates name it."""

    id: str
    kind: str
    key: str
    name: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote down on a card. user: their id. author: their name, empty where they are gone."""

    id: str
    card: str
    user: str
    author: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: so many of so many messages."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Somebody's own mailbox (rules, section E). owner: a user's id. sent: the path of its folder of sent mail, None
    where there is none. proposals: addresses that may be aliases, to be confirmed (E14). error: what is wrong with it
    now, in words; empty where nothing is. servers: as `core.mailboxes.servers_as_json` has them."""

    id: str
    address: str
    provider: str
    kind: str
    owner: str
    share_with_admins: bool
    aliases: tuple[str, ...]
    proposals: tuple[str, ...]
    can_send: bool
    state: str
    progress: Progress | None
    last_sync_at: int | None
    next_sync_at: int | None
    error: str
    threads: bool
    auto_create: str
    keep_attachments: bool
    sent: str | None
    unread: int
    imap: Mapping[str, Any]
    smtp: Mapping[str, Any] | None
    created_at: int


@dataclass(frozen=True, slots=True)
class Thread:
    """Messages of one mailbox with one client under one base subject (rules, section D)."""

    id: str
    client: str | None
    subject: str
    count: int
    last_at: int
    mailbox: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The lasting record of one attempt to hand us a message. message: the id of what was filed or held, or None."""

    id: str
    at: int
    peer: str
    helo: str
    sender: str
    recipients: tuple[str, ...]
    size: int
    verdict: str
    reply: str
    decision: Mapping[str, Any]
    message: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. subject: the id of the resource it happened to."""

    id: str
    type: str
    at: int
    subject: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who is told of events. types: which, none for all. state: `active`, `disabled`, or what is wrong with it now."""

    id: str
    kind: str
    url: str
    types: tuple[str, ...]
    state: str
    reason: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Crm:
    """The CRM that an account works in. kind: `embedded`, our own cards, or `kommo`. account: what it calls itself.

    auth: `token` or `oauth`. state: `ready`, `unpaid`, `unauthorised`, `blocked`, or what else is wrong with it now.
    """

    id: str
    kind: str
    url: str | None
    account: str | None
    auth: str | None
    state: str
    reason: str
    connected_at: int | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint. state: waiting, delivered or dead. status: what was said over HTTP last.

    next_at: when it is tried again, or as soon as its turn comes. error: why the last try failed; of one that
    arrived, what came of it there, where the other side says so.
    """

    id: str
    endpoint: str
    event: str
    type: str
    at: int
    state: str
    attempts: int
    status: int | None
    next_at: int | None
    error: str
    settled_at: int | None


def as_json(value: Any) -> Any:
    """The value as JSON types: dataclasses become objects, tuples lists, times RFC 3339 texts."""
    if is_dataclass(value):
        shown = {}
        for one in fields(value):
            name, inner = one.name.rstrip("_"), getattr(value, one.name)
            shown[name] = rfc3339(inner) if name in _TIMES and inner is not None else as_json(inner)
        return shown
    return [as_json(inner) for inner in value] if isinstance(value, tuple) else value


def rfc3339(milliseconds: int) -> str:
    """An instant in UTC with milliseconds (RFC 3339 section 5.6): `2026-11-23T02:42:17.000Z`."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"
