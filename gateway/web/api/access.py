"""Who asks: the user a bearer token belongs to (RFC 6750)."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.usecases.edit_session import Principal, who_is
from gateway.web.problems import ADMINS_ONLY, NOT_SIGNED_IN
from gateway.web.services import Services

_bearer = HTTPBearer(auto_error=False, description="A token of a user of one account.")


async def _reader(
    services: Services, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    found = await who_is(services.store, given.credentials) if given is not None else None
    if found is None:
        raise NOT_SIGNED_IN
    return found


async def _admin(reader: Annotated[Principal, Depends(_reader)]) -> Principal:
    if reader.role != "admin":
        raise ADMINS_ONLY
    return reader


Reader: TypeAlias = Annotated[Principal, Depends(_reader)]
Admin: TypeAlias = Annotated[Principal, Depends(_admin)]
