"""The shapes of mailboxes, as the OpenAPI document tells them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from gateway.web.api.asked import Asked
from gateway.web.api.shapes import Id, Text, Time

Kind = Literal["personal", "shared"]
AutoCreate = Literal["off", "contact", "lead"]
Security = Literal["tls", "starttls"]
Secret = Annotated[str, Field(max_length=10_000, json_schema_extra={"writeOnly": True})]


class MailServer(BaseModel):
    """A server of a mailbox. user: the log-in name, empty for the address. Never plain text: STARTTLS is required."""

    host: str
    port: int
    security: Security
    user: str


class Progress(BaseModel):
    """How far the import is: so many of so many messages."""

    done: int
    total: int


class Mailbox(BaseModel):
    """Somebody's own mailbox; never its credential. owner: a user. sent: its folder of sent mail.

    proposals: addresses that may be aliases, to be confirmed in `aliases`. error: what is wrong with it now. unread:
    messages that could not be read and were left out.
    """

    id: Id
    address: str
    provider: str
    kind: Kind
    owner: Id
    share_with_admins: bool
    aliases: list[str]
    proposals: list[str]
    can_send: bool
    state: Literal["importing", "ready", "paused", "auth_failed", "disconnected"]
    progress: Progress | None
    last_sync_at: Time | None
    next_sync_at: Time | None
    error: str
    threads: bool
    auto_create: AutoCreate
    keep_attachments: bool
    sent: str | None
    unread: int
    imap: MailServer
    smtp: MailServer | None
    created_at: Time


class Discovered(BaseModel):
    """What was found about the provider of an address.

    auth: how it lets us in. page: where its app passwords are made. by: how it was found. sure: false where somebody
    has to look at the servers before a password goes there. consent: the page of ours to open instead of a password.
    """

    address: str
    provider: str
    name: str
    auth: Literal["password", "google", "microsoft"]
    page: str | None
    by: str
    sure: bool
    imap: MailServer
    smtp: MailServer | None
    consent: str | None


class GivenServer(Asked):
    """A server somebody typed; any port but 25. user: the log-in name, left out the address."""

    host: Annotated[str, Field(max_length=253, examples=["imap.acme.example"])]
    port: Annotated[int, Field(ge=1, le=65_535, examples=[993])]
    security: Security = "tls"
    user: Annotated[str, Field(max_length=320)] = ""


class NewMailbox(Asked):
    """A mailbox to connect. imap, smtp: left out, they are found. sent: left out, the folder that the server names."""

    address: Text = Field(examples=["ana@acme.example"])
    kind: Kind = "personal"
    password: Secret = ""
    imap: GivenServer | None = None
    smtp: GivenServer | None = None
    sent: Text = ""
    share_with_admins: bool = False
    threads: bool = True
    auto_create: AutoCreate = "off"
    keep_attachments: bool = False


class MailboxChange(Asked):
    """Fields of a mailbox to change. owner: of one that is or was shared. aliases: all of them; a proposal among them
    is confirmed. state: `paused`, or `ready` to go on. sent: null for the folder that the server names."""

    kind: Kind | None = None
    owner: Text | None = None
    share_with_admins: bool | None = None
    aliases: Annotated[list[Text] | None, Field(max_length=1_000)] = None
    threads: bool | None = None
    auto_create: AutoCreate | None = None
    keep_attachments: bool | None = None
    password: Secret | None = None
    state: Literal["paused", "ready"] | None = None
    sent: Text | None = None
