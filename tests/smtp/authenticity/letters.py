"""Mails for the tests of signatures: written with plain line ends, signed with keys made for the test."""

from __future__ import annotations

from gateway.smtp.authenticity.message import Message

HEADER_LIMIT = 262_144


def message(text: str | bytes) -> Message:
    """The message as the door hands it on; plain line ends of a text become those of the wire."""
    raw = text if isinstance(text, bytes) else text.replace("\n", "\r\n").encode()
    return Message(len(raw), lambda at, size: raw[at : at + size], HEADER_LIMIT)
