"""Who asks, and whether they may: every route of the API names one of these readers.

`Reader` may ask and `Writer` may change what all users of the account may; `Admin` is an admin whose token may do what
only admins may. What is missing is told in one sentence (RFC 6750 section 3.1: insufficient_scope is 403).
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.usecases.edit_session import Principal
from gateway.web.gate import once_of, reader_of
from gateway.web.problems import ADMINS_ONLY, NOT_SIGNED_IN, Problem

_bearer = HTTPBearer(auto_error=False, description="A token of a user of one account.")


async def _asking(
    request: Request, _told_of: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    found = reader_of(request)
    if found is None:
        raise NOT_SIGNED_IN
    return found


_Asking = Annotated[Principal, Depends(_asking)]


async def _reader(asking: _Asking) -> Principal:
    return _with_scope(asking, "read")


async def _writer(request: Request, asking: _Asking) -> Principal:
    found = _with_scope(asking, "write")
    await _answer_again(request)
    return found


async def _admin(request: Request, asking: _Asking) -> Principal:
    changes = request.method != "GET"
    found = _with_scope(asking, "write" if changes else "read")
    if found.role != "admin":
        raise ADMINS_ONLY
    if changes:
        await _answer_again(request)
    return found


def _with_scope(asking: Principal, scope: str) -> Principal:
    if scope not in asking.scopes:
        raise Problem(403, f"This token lacks the scope `{scope}`; it has {', '.join(sorted(asking.scopes))}.")
    return asking


async def _answer_again(request: Request) -> None:
    """A request that was carried out before gets its answer of then, once it is known that who asks may have it."""
    once = once_of(request)
    if once is not None:
        await once.look()


Reader: TypeAlias = Annotated[Principal, Depends(_reader)]
Writer: TypeAlias = Annotated[Principal, Depends(_writer)]
Admin: TypeAlias = Annotated[Principal, Depends(_admin)]
