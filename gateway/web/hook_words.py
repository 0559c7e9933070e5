"""Webhooks, deliveries and the CRM in words: what each state means to an admin, with its colour and its sign."""

from __future__ import annotations

from dataclasses import dataclass

from crm_adapter.events import TYPES
from gateway.core.resources import Crm, Delivery, Endpoint
from gateway.web.tongues import gettext as _
from gateway.web.tongues import later


@dataclass(frozen=True, slots=True)
class State:
    """How a thing is. colour, sign: of its mark. word: of a tag. why: one sentence more, empty where none is needed."""

    colour: str
    sign: str
    word: str
    why: str = ""


_HAPPENS = {
    "message.filed": later("A mail is filed"),
    "message.held": later("A mail is held for review"),
    "message.refused": later("A mail is refused"),
    "message.deleted": later("A mail is deleted"),
    "message.restored": later("A deleted mail is restored"),
    "message.sent": later("A mail is sent from here"),
    "message.failed": later("A mail from here could not be sent"),
    "contact.created": later("A contact is made"),
    "contact.merged": later("Two contacts become one"),
    "lead.created": later("A lead is opened"),
    "lead.closed_reply": later("Somebody answers on a closed lead"),
    "customer.created": later("A customer is made"),
    "mailbox.connected": later("A mailbox is connected"),
    "mailbox.auth_failed": later("A mailbox no longer lets us in"),
    "mailbox.kind_changed": later("A mailbox becomes shared or personal"),
    "mailbox.disconnected": later("A mailbox is disconnected"),
    "account.renamed": later("The account gets other addresses"),
    "endpoint.disabled": later("A webhook is turned off by its 410"),
    "endpoint.test": later("A test of a webhook"),
}
_TESTS = "endpoint.test"
CHOICES = tuple(type for type in dict.fromkeys((*_HAPPENS, *TYPES)) if type in TYPES and type != _TESTS)
"""Types of events that one chooses from; a test is told whatever was chosen."""


def happens(type: str) -> str:
    """When an event of this type is told."""
    return _(_HAPPENS[type]) if type in _HAPPENS else type


def endpoint_state(endpoint: Endpoint) -> State:
    """How a webhook is."""
    if endpoint.state == "active":
        return State("ok", "check", _("On"))
    if endpoint.state == "disabled":
        return State("off", "pause", _("Off"), endpoint.reason or _("It was turned off. Nothing is told to it."))
    if endpoint.state == "locked":
        why = _("Its secret can’t be opened with our key. Whoever runs this server has to set the former secret key.")
        return State("bad", "lock", _("Secret locked"), why)
    return State("wait", "pause", _("Paused"), endpoint.reason)


def delivery_state(delivery: Delivery) -> State:
    """What became of an event on its way."""
    if delivery.state == "delivered":
        return State("ok", "check", _("Delivered"))
    if delivery.state == "dead":
        return State("bad", "x", _("Given up"))
    return State("wait", "pause", _("Waiting") if not delivery.attempts else _("Tries again"))


def crm_state(crm: Crm) -> State:
    """How the CRM is that an account works in."""
    if crm.state == "ready":
        return State("ok", "check", _("Connected"))
    words = {
        "unauthorised": (_("Doesn’t let us in"), _("Its token is no longer taken. Connect again with a new one.")),
        "unpaid": (_("Not paid"), _("The account there isn’t paid for. Nothing is lost: we go on once it is.")),
        "blocked": (_("Blocked"), _("It has blocked our server for a while. Nothing is lost: we go on by ourselves.")),
        "locked": (_("Locked"), _("Its credentials can’t be opened with our key. Connect again.")),
    }
    word, why = words.get(crm.state, (_("In trouble"), ""))
    return State("bad", "warn", word, why)
