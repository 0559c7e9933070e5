"""Who asks: the user whose token the gate found (RFC 6750)."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.usecases.edit_session import Principal
from gateway.web.gate import reader_of
from gateway.web.problems import ADMINS_ONLY, NOT_SIGNED_IN

_bearer = HTTPBearer(auto_error=False, description="A token of a user of one account.")


async def _reader(
    request: Request, _told_of: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    found = reader_of(request)
    if found is None:
        raise NOT_SIGNED_IN
    return found


async def _admin(reader: Annotated[Principal, Depends(_reader)]) -> Principal:
    if reader.role != "admin":
        raise ADMINS_ONLY
    return reader


Reader: TypeAlias = Annotated[Principal, Depends(_reader)]
Admin: TypeAlias = Annotated[Principal, Depends(_admin)]
