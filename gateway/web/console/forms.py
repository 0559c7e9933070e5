"""What people send with a form, and what was wrong with it, field by field, for the page that shows it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, TypeAlias

from fastapi import Depends
from starlette.requests import Request

from gateway.core.refusals import Taken, Wrong
from gateway.core.resources import Field

Values: TypeAlias = Mapping[str, str]
CUSTOM = "custom/"
"""What the name of an account's own field begins with in a form, as in the errors of use cases."""


async def _given(request: Request) -> Values:
    form = await request.form(max_files=0)
    return {name: value for name, value in form.items() if isinstance(value, str)}


Given: TypeAlias = Annotated[Values, Depends(_given)]
"""The fields of the form that was sent; of those with one name the last one."""


def faults_of(refusal: Wrong | Taken, field: str = "emails") -> dict[str, str]:
    """A refusal by the form's field that it is about. field: of one that is in the way of something."""
    if isinstance(refusal, Taken):
        return {field: refusal.detail}
    own = refusal.field.startswith(CUSTOM)
    return {refusal.field if own else refusal.field.partition("/")[0]: refusal.detail}


def custom_of(given: Values, fields: Sequence[Field]) -> dict[str, str | None]:
    """What was sent for the account's own fields, by their keys."""
    return {one.key: given[CUSTOM + one.key] for one in fields if CUSTOM + one.key in given}


def lines_of(text: str) -> tuple[str, ...]:
    """What stands on the lines of a text, or between its commas."""
    return tuple(piece for line in text.replace(",", "\n").split("\n") if (piece := line.strip()))


def day_of(text: str) -> int | None:
    """Midnight UTC of a day as a form sends it; None for no day."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
