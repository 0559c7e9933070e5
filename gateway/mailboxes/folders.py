"""The folders of a mailbox as its server names them: namespaces, LIST and EXAMINE (RFC 2342, RFC 6154, RFC 3501)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from imapclient.imap_utf7 import decode, encode

from gateway.core.sent_names import Listed, Namespaces, candidates, find_inbox, find_sent
from gateway.mailboxes.responses import LAST_UID, Record, Value, answers, number, values
from gateway.mailboxes.session import Folders, SessionError, Status
from gateway.mailboxes.troubles import refused
from gateway.mailboxes.wire import RefusedError, Wire

_MOST_FOLDERS = 20_000
_LONGEST_PATH = 1_000
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_MOST_MESSAGES = 1_000_000_000
_TOLD = re.compile(rb"\[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d{1,18})\b", re.I)
_BREAKS = re.compile(rb"[\x00\r\n]")


def read_namespaces(wire: Wire, capabilities: frozenset[str]) -> Namespaces:
    """Where one's own folders stand. It is the first thing asked: a server that let in whom it should not says so here
    ("authenticated but not connected")."""
    if "NAMESPACE" not in capabilities:
        return Namespaces()
    try:
        wire.ask("NAMESPACE")
    except RefusedError as error:
        trouble = refused(error.text, wire.way.host)
        if trouble.kind in ("auth", "busy"):
            raise SessionError(trouble) from None
        return Namespaces()
    told: list[list[str]] = [[], [], []]
    for found in _each(wire.untagged("NAMESPACE")):
        for place, spaces in zip(told, found, strict=False):
            place += _prefixes(spaces)
    return Namespaces(tuple(told[0]), tuple(told[1] + told[2]))


def list_folders(
    wire: Wire, capabilities: frozenset[str], spaces: Namespaces, chosen: str | None
) -> tuple[Folders, dict[str, bytes]]:
    """The two folders to read, and what the server calls all there are. chosen: that of sent mail, by somebody's word;
    it counts for nothing where there is no such folder, or one that is never opened."""
    names: dict[str, bytes] = {}
    listed: list[Listed] = []
    for found in _each(_ask_list(wire, capabilities)):
        if len(listed) < _MOST_FOLDERS and (one := _listed(found)) is not None:
            listed.append(one[0])
            names[one[0].path] = one[1]
    may = candidates(listed, spaces)
    sent = chosen if chosen in may else find_sent(listed, spaces)
    return Folders(find_inbox(listed), sent, () if sent else may), names


def examine(wire: Wire, path: str, names: Mapping[str, bytes]) -> Status:
    """Opens a folder for reading. uidvalidity: 0 where the server tells none. A UIDNEXT that can't be is none."""
    wire.examine(_quoted(path, names))
    lines = [line for line in wire.untagged("OK") if isinstance(line, bytes)]
    told = {found[1].upper(): int(found[2]) for line in lines if (found := _TOLD.search(line))}
    exists = [number(line) for line in wire.untagged("EXISTS") if isinstance(line, bytes)]
    uidvalidity, uidnext = told.get(b"UIDVALIDITY", 0), told.get(b"UIDNEXT", 0)
    present = min(exists[-1], _MOST_MESSAGES) if exists else 0
    possible = uidnext if 0 < uidnext <= LAST_UID + 1 else None
    return Status(uidvalidity, present, possible, told.get(b"HIGHESTMODSEQ"))


def append(wire: Wire, path: str, names: Mapping[str, bytes], message: bytes, at: int) -> None:
    """Puts a message into a folder, as seen. at: ms since 1970."""
    moment = datetime.fromtimestamp(at // 1000, UTC)
    date = f'"{moment.day:2}-{_MONTHS[moment.month - 1]}-{moment:%Y %H:%M:%S} +0000"'
    wire.append_to(_quoted(path, names), date, message)


def _quoted(path: str, names: Mapping[str, bytes]) -> bytes:
    """A folder's name as a command holds it."""
    name = names.get(path) or encode(path)
    if _BREAKS.search(name):
        raise ValueError("a folder whose name no command can hold")
    return b'"' + name.replace(b"\\", rb"\\").replace(b'"', rb"\"") + b'"'


def _ask_list(wire: Wire, capabilities: frozenset[str]) -> list[Record]:
    """With flags of special use where they are to be had: XLIST is how Google said them before RFC 6154."""
    everything = ('""', '"*"')
    if "SPECIAL-USE" in capabilities and "LIST-EXTENDED" in capabilities:
        with suppress(RefusedError):
            wire.ask("LIST", *everything, "RETURN (SPECIAL-USE)")
            return wire.untagged("LIST")
    if "XLIST" in capabilities and "SPECIAL-USE" not in capabilities:
        with suppress(RefusedError):
            wire.ask("XLIST", *everything)
            return wire.untagged("XLIST")
    wire.ask("LIST", *everything)
    return wire.untagged("LIST")


def _each(records: Sequence[Record]) -> Iterator[list[Value]]:
    """The answers that can be read."""
    for answer in answers(records):
        with suppress(ValueError):
            yield values(answer)


def _listed(found: Sequence[Value]) -> tuple[Listed, bytes] | None:
    """One answer to LIST: the folder, and its name as the server writes it; None for a name that nobody can read."""
    if len(found) < 3 or not isinstance(found[0], list) or not isinstance(found[2], bytes):
        return None
    flags = frozenset(flag.decode("latin-1").lower() for flag in found[0] if isinstance(flag, bytes))
    delimiter = found[1].decode("latin-1") if isinstance(found[1], bytes) else None
    path = _decoded(found[2])
    return (Listed(path, flags, delimiter), found[2]) if 0 < len(path) <= _LONGEST_PATH and path.isprintable() else None


def _prefixes(spaces: Value) -> list[str]:
    """The prefixes of one kind of namespace; the empty one tells nothing."""
    each = [one for one in spaces if isinstance(one, list)] if isinstance(spaces, list) else []
    return [_decoded(one[0]) for one in each if one and isinstance(one[0], bytes) and one[0]]


def _decoded(name: bytes) -> str:
    """A name in modified UTF-7 (RFC 3501 section 5.1.3), or as it stands where it is none."""
    try:
        return str(decode(name)).encode("utf-8").decode("utf-8")
    except ValueError:
        return name.decode("utf-8", "replace")
