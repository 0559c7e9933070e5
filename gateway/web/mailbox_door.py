"""What the API and the console share of connecting mailboxes: the door to servers, and words for what is in the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from gateway.core.mailboxes import PASSWORD, PERSONAL, Found, servers_as_json
from gateway.sealing import SealError
from gateway.usecases.connect_mailbox import Halt
from gateway.usecases.mail_servers import MailServers
from gateway.web.problems import Problem
from gateway.web.services import WebServices

BACK = "/mailboxes/consent/back"
"""The page that providers lead back to; it is entered into an OAuth app as its redirect URI."""
_NO_DOOR = Problem(503, "This server doesn't connect to mailboxes; ask whoever runs it.")


def door(services: WebServices) -> MailServers:
    """The door to mail servers. Raises a problem where this server has none."""
    if services.mail_servers is None:
        raise _NO_DOOR
    return services.mail_servers


@contextmanager
def sealing() -> Iterator[None]:
    """Where no credential can be kept, whoever asks is told what the operator has to set."""
    try:
        yield
    except SealError as fault:
        raise Problem(503, str(fault)) from fault


def consent_page(services: WebServices, address: str, kind: str) -> str:
    """The page of ours that leads to a provider's."""
    return f"{services.public_url()}/mailboxes/consent?{urlencode({'address': address, 'kind': kind})}"


def halted(services: WebServices, halt: Halt, address: str, kind: str) -> Problem:
    """Why a mailbox can't be connected yet, and what gets further."""
    more: dict[str, Any] = {}
    if halt.consent is not None:
        more["consent"] = consent_page(services, address, kind)
    if halt.found is not None:
        more["found"] = discovered(services, halt.found)
    return Problem(422, halt.wrong.detail, [halt.wrong], **more)


def discovered(services: WebServices, found: Found) -> dict[str, Any]:
    """What was found about a provider, as the API gives it."""
    return {
        "address": found.address,
        "provider": found.provider,
        "name": found.name,
        "auth": found.auth,
        "page": found.page,
        "by": found.by,
        "sure": found.sure,
        **servers_as_json(found.servers),
        "consent": None if found.auth == PASSWORD else consent_page(services, found.address, PERSONAL),
    }
