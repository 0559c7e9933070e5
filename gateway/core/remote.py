"""What is fetched of a message that stays on its server: its header, its text, and where its files stand (rule E7)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that was left on the server. n: its number among the attachments (`core.attachments`), from 1. part: its
    IMAP section (RFC 9051 section 6.4.5), such as "2" or "1.2". encoding: its Content-Transfer-Encoding, lower case.
    octets: as the server counts them, encoded. size: decoded, as far as that can be told from octets."""

    n: int
    part: str
    encoding: str
    octets: int
    size: int


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A message as far as it was fetched, in the form in which `core.mail` and `core.body` read any other one: the
    header as it stands on the server, then its parts in their order, those that are files empty. files: these."""

    message: bytes
    files: tuple[RemoteFile, ...]
