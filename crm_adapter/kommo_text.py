"""What stands in Kommo of ours: the text of a note, the mark by which it is found again, and addresses as compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import idna

from config import values

TAG = "smartgate"
MAX_NAME = 255
MAX_TEXT = 20_000
_SHOWN = ("new", "forward")


def marker(id: str) -> str:
    """The last line of a note, by which it is found again when nobody knows whether it was written."""
    return f"[sg:{id}]"


def title(text: str) -> str:
    """A name as cards of Kommo take it: one line, bounded."""
    return " ".join(text.split())[:MAX_NAME] or "(no subject)"


def mail_note(message: Mapping[str, Any], link: str) -> str:
    """A mail as people read it on a card. message: the API's resource. link: where the whole mail is."""
    head = [f"\N{ENVELOPE} {title(message.get('subject') or '')}"]
    head += [f"{name}: {people}" for name, people in _people(message) if people]
    body = _said(message)
    end = ["", f"Full mail: {link}", marker(message["id"])]
    room = MAX_TEXT - sum(map(len, (*head, *end))) - 200
    if len(body) > room:
        body = f"{body[: max(room, 0)].rstrip()}\u2026\n(shortened)"
    return "\n".join((*head, "", body, *end))


def gone_note(message: Mapping[str, Any]) -> str:
    """What is left of a note whose mail was deleted."""
    return f"\N{ENVELOPE} This mail was deleted.\n{marker(message['id'])}"


def closed_note(event: str) -> str:
    """What a closed lead is told when somebody writes in its conversation (C6a)."""
    said = "A mail came in the conversation of this lead after it was closed. It is on the contact's card."
    return f"\N{ENVELOPE} {said}\n{marker(event)}"


def _people(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    author = message.get("from")
    yield "From", _party(author) if author else ""
    yield "To", ", ".join(map(_party, message.get("to") or ()))
    yield "Cc", ", ".join(map(_party, message.get("cc") or ()))


def _party(party: Mapping[str, str]) -> str:
    return f"{party['name']} <{party['address']}>" if party.get("name") else party["address"]


def _said(message: Mapping[str, Any]) -> str:
    """What somebody wrote: without what they quote and their signature, where the mail was read that far."""
    blocks = message.get("blocks") or ()
    told = "".join(block["text"] for block in blocks if block["kind"] in _SHOWN)
    for text in (told, message.get("reply_text"), message.get("text"), message.get("snippet")):
        if text and text.strip():
            return str(text).strip()
    return "(no text)"


def address_key(text: str) -> str:
    """An address of Kommo's in the form in which ours are compared: lower case, the domain as A-label (C7)."""
    local, _, domain = text.strip().casefold().rpartition("@")
    try:
        return f"{local}@{values.domain(domain)}"
    except ValueError:
        return f"{local}@{domain}"


def spellings(email: str) -> Iterator[str]:
    """How an address may be written in Kommo, which compares letters: an international domain is read in two ways."""
    yield email
    local, _, domain = email.rpartition("@")
    if "xn--" in domain:
        try:
            yield f"{local}@{idna.decode(domain)}"
        except idna.IDNAError:
            return
