"""Errors as programs get them: problem JSON (RFC 9457) with a pointer to each wrong field, nothing of our insides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from gateway.core.refusals import Away, Denied, Lost, Stale, Taken, Wrong

T = TypeVar("T")

KINDS: dict[int, tuple[str, str]] = {
    400: ("bad-request", "The request can't be read"),
    401: ("not-signed-in", "A token is needed"),
    403: ("not-allowed", "You may not do this"),
    404: ("not-found", "There is nothing here"),
    405: ("wrong-method", "This can't be done here"),
    409: ("conflict", "Something is in the way"),
    410: ("no-longer-there", "It was here, and can't be had any more"),
    412: ("changed-meanwhile", "It has changed meanwhile"),
    413: ("too-large", "The request is too large"),
    415: ("wrong-type", "The content is of the wrong type"),
    422: ("bad-field", "A field is not as it has to be"),
    429: ("too-many-requests", "Too many requests"),
    500: ("trouble", "Something went wrong on our side"),
    503: ("not-ready", "The service is not ready"),
}
"""Status → the name of the kind of problem (its `type` is the place in the docs that explains it) and its title."""


class Problem(Exception):  # noqa: N818 - the name RFC 9457 gives it
    """An answer that is an error. fields: what is wrong, by field. heading: of the page that browsers get; empty for
    the usual one of the status."""

    def __init__(
        self,
        status: int,
        detail: str,
        fields: Sequence[Wrong] = (),
        headers: Mapping[str, str] | None = None,
        *,
        heading: str = "",
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.heading = heading
        self.status, self.detail, self.fields, self.headers, self.more = status, detail, fields, headers, more

    def response(self) -> JSONResponse:
        name, title = KINDS.get(self.status, ("error", HTTPStatus(self.status).phrase))
        body: dict[str, Any] = {
            "type": f"/v1/docs#{name}",
            "title": title,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        if self.fields:
            body["errors"] = [_error(one) for one in self.fields]
        return JSONResponse(body, self.status, headers=self.headers, media_type="application/problem+json")


_NO_JSON = "json_invalid"
NOT_SIGNED_IN = Problem(
    401,
    "Send a token of a user as `Authorization: Bearer TOKEN`; `smartgate token create` makes one.",
    headers={"WWW-Authenticate": 'Bearer realm="smartgate"'},
)
NOT_THERE = Problem(404, "There is nothing with this id, or it is not yours.")
ADMINS_ONLY = Problem(403, "Only an admin of the account may do this, with a token that has the scope `admin`.")
CHANGED = Problem(412, "It has changed since the `ETag` in `If-Match`; read it again.")
BUSY = Problem(503, "What keeps the mail can't be used at this moment, so nothing was done; try again.")
"""The store, or the place of large mails, is locked, full, or not to be reached."""


AGAIN_MS = 60_000


def unwrap(result: T | Wrong | Taken | Denied | Stale | Lost | Away | None) -> T:
    """The value a use case gave; a refusal becomes the problem it is."""
    if result is None:
        raise NOT_THERE
    if isinstance(result, Stale):
        raise CHANGED
    if isinstance(result, Wrong):
        raise Problem(422, result.detail, [result])
    if isinstance(result, Denied):
        raise Problem(403, result.detail)
    if isinstance(result, Lost):
        raise Problem(410, result.detail)
    if isinstance(result, Away):
        seconds = -(-(result.after_ms or AGAIN_MS) // 1000)
        raise Problem(503, result.detail, headers={"Retry-After": str(seconds)})
    if isinstance(result, Taken):
        raise Problem(409, result.detail, holder=result.holder)
    return result


def from_validation(fault: RequestValidationError) -> Problem:
    """What the framework found wrong with the parameters or the body."""
    fields = [Wrong(_path(error), _sentence(error)) for error in fault.errors()]
    detail = "; ".join(f"{one.field or 'the body'}: {one.detail}" for one in fields[:5])
    return Problem(422, detail, fields)


def _error(wrong: Wrong) -> dict[str, Any]:
    place = {} if wrong.at is None else {"line": wrong.at[0], "column": wrong.at[1]}
    return {"pointer": _pointer(wrong.field), "detail": wrong.detail, **place}


def _pointer(field: str) -> str:
    """A JSON pointer (RFC 6901 section 6); `#` is the whole body."""
    return f"#/{field}" if field else "#"


def _path(error: Mapping[str, Any]) -> str:
    """`("body", "emails", 0)` → `emails/0`; what is no JSON has no places in it."""
    if error["type"] == _NO_JSON:
        return ""
    return "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in error["loc"][1:])


def _sentence(error: Mapping[str, Any]) -> str:
    if error["type"] == _NO_JSON:
        return f"no JSON, as is seen at character {error['loc'][1] + 1}"
    return str(error["msg"])[:1].lower() + str(error["msg"])[1:]
