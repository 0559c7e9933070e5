"""Cursors: a position in a list as an opaque text of A-Z a-z 0-9 - _ (docs/api.md)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from gateway.core.refusals import Wrong
from gateway.core.resources import as_json
from gateway.web.problems import Problem

T = TypeVar("T")
Position = tuple[Any, ...]
Limit = Annotated[int, Query(ge=1, le=200, description="How many rows, at most.")]
Words = Annotated[str, Query(max_length=200, description="Part of a text to look for; ASCII letters in either case.")]


class Listed(BaseModel, Generic[T]):
    """A page of a list. next: the cursor of the page after it, null on the last one."""

    data: list[T]
    next: str | None


class Rows(Protocol):
    """A page as use cases give it."""

    @property
    def rows(self) -> tuple[Any, ...]: ...
    @property
    def next(self) -> Position | None: ...


_ID = re.compile("[0-9A-HJKMNP-TV-Z]{26}")


def cursor(position: Position | None) -> str | None:
    """A position as text."""
    if position is None:
        return None
    packed = json.dumps(position, separators=(",", ":")).encode("ascii")
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def read_cursor(text: str | None, shape: tuple[type, ...]) -> Position | None:
    """The position a cursor stands for; where a list is ordered by id, the id of its last row is one too.

    Raises a problem for one we did not give for this list.
    """
    if text is None:
        return None
    if shape == (str,) and _ID.fullmatch(text):
        return (text,)
    try:
        position = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        position = None
    fits = isinstance(position, list) and tuple(map(type, position)) == shape and all(map(_storable, position))
    if not fits or cursor(tuple(position)) != text:
        raise Problem(422, "`after` takes the `next` of a page of this list.", [Wrong("after", "is no cursor of ours")])
    return tuple(position)


def _storable(key: int | str) -> bool:
    """Whether a column can hold the key: a number of 64 bits, a text of whole characters."""
    return key.isprintable() if isinstance(key, str) else abs(key) < 2**63


def position(*shape: type) -> Callable[[str | None], Position | None]:
    """A dependency that reads `?after=` of a list whose keys are of these types."""

    def read(
        after: Annotated[str | None, Query(description="The `next` of the page before.", max_length=500)] = None,
    ) -> Position | None:
        return read_cursor(after, shape)

    return read


AfterId = Annotated[Position | None, Depends(position(str))]
AfterIds = Annotated[Position | None, Depends(position(str, str))]
AfterTime = Annotated[Position | None, Depends(position(int, str))]


def page_json(page: Rows) -> dict[str, Any]:
    """A page as the API gives it."""
    return {"data": [as_json(row) for row in page.rows], "next": cursor(page.next)}
