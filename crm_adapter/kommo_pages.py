"""Lists of Kommo: pages that follow one another by `_links.next`, never by how full one is; an empty one is no page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from crm_adapter.kommo_client import Client
from crm_adapter.kommo_text import address_key

LIMIT = 250
MOST = 40
"""Pages of one search: what is not found in ten thousand rows is not found."""


async def pages(client: Client, path: str, kind: str, **params: Any) -> AsyncIterator[list[dict[str, Any]]]:
    """The rows of a list, page by page."""
    answer = await client.get(path, limit=LIMIT, **params)
    for _ in range(MOST):
        yield rows(answer, kind)
        following = next_page(answer)
        if following is None:
            return
        answer = await client.get(following)


def rows(answer: Any, kind: str) -> list[dict[str, Any]]:
    """The rows of one page; none where there is no body (204)."""
    found = embedded(answer).get(kind)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def embedded(answer: Any) -> dict[str, Any]:
    """What an answer carries inside."""
    inner = answer.get("_embedded") if isinstance(answer, dict) else None
    return inner if isinstance(inner, dict) else {}


def next_page(answer: Any) -> str | None:
    """Where the next page is."""
    links = answer.get("_links") if isinstance(answer, dict) else None
    link = links.get("next") if isinstance(links, dict) else None
    href = link.get("href") if isinstance(link, dict) else link
    return href if isinstance(href, str) and href else None


def emails(contact: dict[str, Any]) -> Iterator[str]:
    """The addresses of a contact, as ours are compared."""
    for field in contact.get("custom_fields_values") or ():
        if field.get("field_code") == "EMAIL":
            for value in field.get("values") or ():
                text = str(value.get("value") or "")
                if "@" in text:
                    yield address_key(text)
