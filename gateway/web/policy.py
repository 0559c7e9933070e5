"""`/.well-known/mta-sts.txt`: the policy by which senders insist on encryption (RFC 8461 section 3.3)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.usecases.check_machine import served_policy
from gateway.web.services import Services

router = APIRouter()
_HOST = "mta-sts."


@router.get("/.well-known/mta-sts.txt")
async def show_policy(request: Request, services: Services) -> Response:
    """The policy, under the name of the policy's host alone."""
    host = (request.url.hostname or "").lower().removesuffix(".")
    if not host.startswith(_HOST) or host.removeprefix(_HOST) not in services.domains:
        raise HTTPException(404)
    return PlainTextResponse(await served_policy(services.checks))
