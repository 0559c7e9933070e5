"""The shapes of what is asked of us, as the OpenAPI document tells them; a word too many is refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gateway.web.api.shapes import Text


class Asked(BaseModel):
    """What has no word too many, and nothing of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class AccountChange(Asked):
    """Options to change."""

    name: Text | None = None
    copy_policy: Text | None = None
    strangers: Text | None = None
    rename_grace_days: int | None = None
    own_domains: list[Text] | None = Field(None, max_length=1_000)
    never_log: list[Text] | None = Field(None, max_length=10_000)
    link_mailbox: Annotated[
        Text | None, Field(description="A shared mailbox that can send, by id or address; empty for none.")
    ] = None


class UserChange(Asked):
    """Fields of a user to change."""

    name: Text | None = None
    role: Annotated[Text | None, Field(examples=["admin"])] = None
    shared_mail: bool | None = None


class NewUser(UserChange):
    """A user to make; the name is derived, and the role `user`, where they are left out."""

    email: Text = Field(examples=["dimas@acme.example"])


class TokenChange(Asked):
    """Fields of a token to change. scopes: `read` asks, `write` changes, `admin` does what only admins may."""

    name: Text | None = None
    scopes: Annotated[list[Text] | None, Field(max_length=10, examples=[["read", "write"]])] = None
    expires_at: Annotated[Text | None, Field(examples=["2027-12-31T00:00:00Z", "90d"])] = None


class TokenWish(TokenChange):
    """A token to make. user: an id, left out your own. scopes: left out, all that its user and you may do."""

    user: Text | None = None


CustomChange = Annotated[
    dict[Text, Text | None],
    Field(max_length=1_000, description="By key; null or empty takes a value away, what is not named stays."),
]


class FieldChange(Asked):
    """A field's name to change; its key stays."""

    name: Text | None = None


class NewField(Asked):
    """A field to make; its key is derived from the name where it is left out."""

    name: Text
    kind: Annotated[Text, Field(examples=["contact"])]
    key: Annotated[Text, Field(examples=["company"])] = ""


class Merge(Asked):
    """The contact (id) that is merged into another, and is no more after that."""

    other: Text = ""


class NewCardOfMail(Asked):
    """What to make from a mail: `contact` or `lead`."""

    kind: Annotated[Text, Field(examples=["contact"])] = ""


class NewContact(Asked):
    """A contact to make; its name is derived where it is left out."""

    emails: list[Text] = Field(max_length=1_000, examples=[["bob@bluefin.example"]])
    name: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    custom: CustomChange | None = None


class ContactChange(NewContact):
    """Fields of a contact to change."""

    emails: list[Text] = Field(default_factory=list, max_length=1_000)


class CardChange(Asked):
    """Fields of a customer to change."""

    name: Text | None = None
    contacts: list[Text] | None = Field(None, max_length=10_000)
    main_contact: Text | None = None
    custom: CustomChange | None = None


class NewCard(CardChange):
    """A customer to make."""

    name: Text


class LeadChange(CardChange):
    """Fields of a lead to change."""

    price: int | None = None
    status: Text | None = None


class NewLead(LeadChange):
    """A lead to make."""

    name: Text


class Enclosure(Asked):
    """A file to send along; data is in base64."""

    filename: Annotated[str, Field(max_length=1_000, examples=["offer.pdf"])]
    content_type: Annotated[str, Field(max_length=200, examples=["application/pdf"])] = "application/octet-stream"
    data: Annotated[str, Field(json_schema_extra={"format": "byte"})]


class NewMessage(Asked):
    """A mail to send through a mailbox. Addresses may have names before them. text or html, not both; answers: the id
    of the message it replies to; forwards: of the one it hands on, whose files go along."""

    mailbox: Text
    to: list[Text] = Field(default_factory=list, max_length=200, examples=[["Bob Fin <bob@bluefin.example>"]])
    cc: list[Text] = Field(default_factory=list, max_length=200)
    bcc: list[Text] = Field(default_factory=list, max_length=200)
    subject: Text = ""
    text: Annotated[str, Field(max_length=2_097_152)] | None = None
    html: Annotated[str, Field(max_length=2_097_152)] | None = None
    answers: Text | None = None
    forwards: Text | None = None
    attachments: list[Enclosure] = Field(default_factory=list, max_length=50)
