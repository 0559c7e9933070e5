"""What webhooks are sent, for the `webhooks` of the OpenAPI document: a generated client knows events as well."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from fastapi import APIRouter
from pydantic import BaseModel

from crm_adapter.events import ABOUT
from gateway.web.api import shapes
from gateway.web.api.mailbox_shapes import Mailbox
from gateway.web.api.shapes import Id, Time


class ToldFile(shapes.File):
    """An attachment with a link that works for 7 days, for whoever has it."""

    url: str


class ToldMessage(shapes.OpenMessage):
    """A message as webhooks carry it; `truncated` names the fields of which GET /v1/messages/{id} has more."""

    attachments: list[ToldFile]  # type: ignore[assignment] # narrower than a list of files
    truncated: list[Literal["text", "reply_text", "html"]]


class Gone(BaseModel):
    """What was erased before it could be told."""

    id: Id
    gone: Literal[True]


class Told(BaseModel):
    """What happened, when, and what it happened to, as that is when it is sent."""

    timestamp: Time


class MessageEvent(Told):
    """An event of a message."""

    type: Literal[
        "message.filed", "message.held", "message.deleted", "message.restored", "message.sent", "message.failed"
    ]
    data: ToldMessage | Gone


class ReceiptEvent(Told):
    """An event of a refusal."""

    type: Literal["message.refused"]
    data: shapes.Receipt | Gone


class ContactEvent(Told):
    """An event of a contact."""

    type: Literal["contact.created"]
    data: shapes.Contact | Gone


class LeadEvent(Told):
    """An event of a lead."""

    type: Literal["lead.created", "lead.closed_reply"]
    data: shapes.Lead | Gone


class CustomerEvent(Told):
    """An event of a customer."""

    type: Literal["customer.created"]
    data: shapes.Customer | Gone


class AccountEvent(Told):
    """An event of the account."""

    type: Literal["account.renamed"]
    data: shapes.Account | Gone


class MailboxEvent(Told):
    """An event of a mailbox."""

    type: Literal["mailbox.connected", "mailbox.auth_failed", "mailbox.kind_changed", "mailbox.disconnected"]
    data: Mailbox | Gone


class EndpointEvent(Told):
    """An event of a webhook itself."""

    type: Literal["endpoint.disabled", "endpoint.test"]
    data: shapes.Endpoint | Gone


Kind: TypeAlias = type[BaseModel]
KINDS: tuple[Kind, ...] = (
    MessageEvent,
    ReceiptEvent,
    ContactEvent,
    LeadEvent,
    CustomerEvent,
    AccountEvent,
    MailboxEvent,
    EndpointEvent,
)
SENT: dict[str, Kind] = {
    name: kind
    for kind in KINDS
    for name in kind.model_fields["type"].annotation.__args__  # type: ignore[union-attr]
}
"""By type of event, what is sent."""
_TEXT = {"schema": {"type": "string"}, "in": "header", "required": True}
_HEADERS = [
    {"name": "webhook-id", "description": "The event's id: the same on every try.", **_TEXT},
    {"name": "webhook-timestamp", "description": "When this try was made, in seconds since 1970.", **_TEXT},
    {"name": "webhook-signature", "description": "One or two, with a space between (Standard Webhooks).", **_TEXT},
]
_ANSWERS = {
    "2XX": {"description": "Taken; it is not sent again."},
    "410": {"description": "The webhook is disabled; what waits becomes a dead letter."},
    "default": {"description": "It is sent again later, with the same id."},
}


def webhooks() -> APIRouter:
    """One route a type of event, which nobody calls: the document is made of them."""
    router = APIRouter()
    for name, kind in SENT.items():
        happens, _ = ABOUT[name]
        router.add_api_route(
            name,
            _hearing(kind),
            methods=["POST"],
            operation_id=f"hear_{name.replace('.', '_')}",
            description=f"{happens[0].upper()}{happens[1:]}.",
            tags=["endpoints"],
        )
    return router


def complete(call: dict[str, Any]) -> None:
    """Says of a webhook what the framework can't know: its headers, and what may be answered."""
    call["parameters"] = _HEADERS
    call["responses"] = _ANSWERS


def _hearing(kind: Kind) -> Any:
    def hear(event: Any) -> None:
        """Never called."""

    hear.__annotations__["event"] = kind
    return hear
