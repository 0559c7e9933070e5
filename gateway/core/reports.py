"""Reports of mail servers on mail that we sent and that did not arrive (RFC 3464, RFC 6522; rule E11).

Only what failed for good counts: a report that it takes longer, or that it arrived, says nothing about the end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.header import Header, read_header
from gateway.core.mail import message_id_of
from gateway.core.mime import Leaf, read_parts
from gateway.core.outgoing import FAILED
from gateway.core.words import decode_words

MOST_BYTES = 1024 * 1024
MOST_FAILED = 100
_MOST_PARTS, _MOST_DEPTH = 100, 10
_MOST_WORDS = 300
_MOST_ERROR = 1_000
_MSG_ID = re.compile(rb"<[^<>\x00-\x20\x7f]{1,996}>")
_BLANK_LINE = re.compile(rb"\r?\n[ \t]*\r?\n")
_TYPED = re.compile(r"[A-Za-z0-9-]+\s*;\s*")
_RETURNED = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global-headers",
)
_STATUS = ("message/delivery-status", "message/global-delivery-status")


@dataclass(frozen=True, slots=True)
class Failed:
    """One recipient whom a mail did not reach. reason: what their server said, on one line; empty where nothing."""

    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """Whom a mail did not reach. envelope: the id that we gave it on its way (RFC 3461 ENVID), or empty. names: the
    Message-IDs that the report gives: of the mail it returns, and those it answers."""

    envelope: str
    names: tuple[str, ...]
    failed: tuple[Failed, ...]


def read_report(message: bytes) -> Report | None:
    """The report that a message is; None where it is none, or tells of nothing that failed. Never raises."""
    header = read_header(message[:MOST_BYTES])
    kind = (header.first("content-type") or b"").lower().split(b";")[0].strip()
    if kind != b"multipart/report":
        return None
    leaves = read_parts(message[:MOST_BYTES], header, max_parts=_MOST_PARTS, max_depth=_MOST_DEPTH).leaves
    status = next((leaf.content() for leaf in leaves if leaf.kind in _STATUS), None)
    if status is None:
        return None
    first, *rest = [_fields(block) for block in _BLANK_LINE.split(status.strip())]
    failed = [found for one in rest if (found := _failed(one)) is not None]
    if not failed:
        return None
    return Report(_value(first, "original-envelope-id"), _names(header, leaves), tuple(failed[:MOST_FAILED]))


def after_report(
    recipients: Sequence[str], refused: Sequence[str], error: str, report: Report
) -> tuple[str, str, tuple[str, ...]]:
    """The state of a mail after a report on it, its error, and whom it did not reach, each beside those before. Where a
    report names somebody to whom it was handed on, nobody knows which recipient that was, unless there is only one."""
    ours = {one.lower(): one for one in recipients}
    lines = [line for line in error.split("\n") if line]
    left = list(refused)
    for one in report.failed:
        address = ours.get(one.address.lower()) or (recipients[0] if len(recipients) == 1 else "")
        line = f"{one.address or address}: {one.reason or 'its mail server reports that it did not arrive'}"
        if line not in lines:
            lines.append(line)
        if address and address not in left:
            left.append(address)
    return FAILED, "\n".join(lines)[:_MOST_ERROR], tuple(left)


def _fields(block: bytes) -> Header:
    return read_header(block + b"\r\n\r\n")


def _failed(block: Header) -> Failed | None:
    if _value(block, "action").lower() != "failed":
        return None
    address = _value(block, "original-recipient") or _value(block, "final-recipient")
    reason = _value(block, "diagnostic-code")
    status = _value(block, "status").partition(" ")[0]
    if status and status not in reason:
        reason = f"{status} {reason}".strip()
    return Failed(address, reason[:_MOST_WORDS])


def _value(block: Header, name: str) -> str:
    """A value without the kind that stands before it, such as `rfc822;` or `smtp;`."""
    return _TYPED.sub("", decode_words(block.first(name) or b"").strip(), count=1)


def _names(header: Header, leaves: Sequence[Leaf]) -> tuple[str, ...]:
    found = [
        named
        for leaf in leaves
        if leaf.kind in _RETURNED
        and (named := message_id_of(read_header(leaf.content(MOST_BYTES)).first("message-id"))) is not None
    ]
    for name in ("in-reply-to", "references"):
        found += [one.decode("utf-8", "replace") for value in header.all(name) for one in _MSG_ID.findall(value)]
    return tuple(dict.fromkeys(found))
