"""What the account of our Kommo holds, and how it is disposed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PAGE = 250


@dataclass
class Account:
    """Looked into, and changed, by tests.

    token: the access token that lets in. client: id, secret and redirect URI of the integration. refresh, code: what
    is exchanged for tokens once. limit: requests a second, None where nobody counts. patience: so many 429 before the
    address is shut out, for shut_seconds. duplicates: its control of duplicates is on. page: rows of one at most.
    refused: what is wrong, by address or card. hidden: contacts that the search does not find yet.
    """

    token: str = "long-lived"
    client: tuple[str, str, str] = ("client", "secret", "https://crm.example/oauth")
    refresh: str = "refresh-0"
    code: str | None = "code-0"
    paid: bool = True
    gone: bool = False
    files_allowed: bool = True
    limit: int | None = None
    patience: int = 3
    shut_seconds: float = 60.0
    duplicates: bool = False
    page: int = PAGE
    refused: dict[str, str] = field(default_factory=dict)
    contacts: dict[int, dict[str, Any]] = field(default_factory=dict)
    leads: dict[int, dict[str, Any]] = field(default_factory=dict)
    notes: dict[int, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    attached: dict[str, list[str]] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
