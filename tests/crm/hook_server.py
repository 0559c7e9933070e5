"""A CRM behind a webhook, as docs/webhooks.md asks for: it checks signatures and heeds each id once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from standardwebhooks.webhooks import Webhook

from tests.crm.wire import Reply, Request, Wire


class Hook(Wire):
    """What it made of what it was told: contacts and leads by their name, notes by their subject."""

    def __init__(self) -> None:
        super().__init__(self._hear)
        self.secret = ""
        self.heeded: list[str] = []
        self.gone = False
        self.contacts: list[str] = []
        self.leads: list[str] = []
        self.notes: list[str] = []

    def name(self, request: Request) -> str:
        return request.headers["webhook-id"]

    def _hear(self, request: Request) -> Reply:
        if self.gone:
            return Reply(410)
        event: dict[str, Any] = Webhook(self.secret).verify(request.body, dict(request.headers))
        if request.headers["webhook-id"] not in self.heeded:
            self.heeded.append(request.headers["webhook-id"])
            make: Callable[[dict[str, Any]], None] = {
                "contact.created": lambda data: self.contacts.append(data["name"]),
                "lead.created": lambda data: self.leads.append(data["name"]),
                "message.filed": lambda data: self.notes.append(data["subject"]),
            }.get(event["type"], lambda _data: None)
            make(event["data"])
        return Reply(204)
