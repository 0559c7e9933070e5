"""Cuts one message out of the stream behind DATA, in bulk: end of data and dots (RFC 5321 section 4.5.2, rule B4a)."""

from __future__ import annotations

import re

_END = b"\r\n.\r\n"
_LINE_END = b"\r\n"
_LARGE_PIECE = 1024
_HOPS = 32
_DOTTED = re.compile(rb"\n\.")
_PATIENCE = 4
"""A message is read to its end, and dropped, up to this many times the limit (RFC 5321 section 4.2.5)."""


class ContentReader:
    """Fed with whatever the socket gives; knows where the message ends and what its content is.

    Only CR LF . CR LF ends the message, wherever the packets are cut; a dot is taken off a line only where the
    line began after CR LF. Everything else (bare LF, bare CR, NUL) is content and passes untouched (B4a).

    held: octets of content that nobody has taken yet. size: those of all content so far. oversize: size went beyond
    the limit; from then on content is counted and dropped. endless: so much came after that it isn't worth waiting for
    the end. high_water: when more is held, someone should take it.
    """

    __slots__ = (
        "_dropping", "_limit", "_pending", "_pieces", "_raw", "_started",
        "ended", "held", "high_water", "oversize", "size",
    )  # fmt: skip

    def __init__(self, limit: int, high_water: int) -> None:
        self._limit = limit
        self._raw = 0
        self._pending = _LINE_END  # the message begins at the start of a line
        self._started = False
        self._dropping = False
        self._pieces: list[bytes | bytearray] = []
        self.held = 0
        self.high_water = high_water
        self.size = 0
        self.oversize = False
        self.ended = False

    @property
    def received(self) -> int:
        """Octets that came, as they were sent."""
        return self._raw

    @property
    def endless(self) -> bool:
        return self._raw > _PATIENCE * self._limit

    @property
    def wants_attention(self) -> bool:
        return self.held >= self.high_water or self.endless

    def feed(self, data: bytes) -> bytes | None:
        """Take the next octets. None: the message goes on; else it has ended and these octets stood behind it."""
        self._raw += len(data)
        data = self._pending + data if self._pending else data
        dotted = _dotted_line(data)
        at = data.find(_END, dotted) if dotted >= 0 else -1
        if at >= 0:
            rest = data[at + 5 :]
            self._keep(data[: at + 2], dotted=dotted < at)
            self.ended = True  # only now: where keeping fails, what is held must not pass for the whole message
            return rest
        undecided = _undecided(data)
        self._pending = data[len(data) - undecided :]
        self._keep(data[:-undecided] if undecided else data, dotted=dotted >= 0)
        return None

    def drop(self) -> None:
        """Throw away what is held and all that comes; the end is still found."""
        self._dropping = True
        self.take()

    def take(self) -> bytes:
        """Hand out what is held and hold nothing."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self.held = 0
        return taken

    def _keep(self, piece: bytes, *, dotted: bool) -> None:
        if not piece:
            return
        if dotted:
            piece = piece.replace(b"\r\n.", _LINE_END)
        if not self._started:
            self._started = True
            piece = piece[2:]
        self.size += len(piece)
        if self.size > self._limit and not self.oversize:
            self.oversize = True
            self.drop()
        if not self._dropping:
            self._hold(piece)

    def _hold(self, piece: bytes) -> None:
        """Large pieces are held as they came; small ones together, for a list of them would be larger than they are."""
        self.held += len(piece)
        if len(piece) >= _LARGE_PIECE:
            self._pieces.append(piece)
            return
        last = self._pieces[-1] if self._pieces else None
        if isinstance(last, bytearray):
            last += piece
        else:
            self._pieces.append(bytearray(piece))


def _dotted_line(data: bytes) -> int:
    """Where the line before the first line that begins with a dot ends; -1 for none.

    Base64 has no dot at all, and to look for one octet takes next to no time.
    """
    dot = -1
    for _ in range(_HOPS):
        dot = data.find(b".", dot + 1)
        if dot < 0:
            return -1
        if data.startswith(b"\n", dot - 1) and dot:
            return max(0, dot - 2)
    found = _DOTTED.search(data, dot)
    return -1 if found is None else max(0, found.start() - 1)


def _undecided(data: bytes) -> int:
    """How many octets at the end may yet turn out to be the beginning of the end."""
    last = data[-4:]
    if 13 not in last:
        return 0
    for length in range(len(last), 0, -1):
        if _END.startswith(last[-length:]):
            return length
    return 0
