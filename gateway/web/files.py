"""`/files/…`: the attachments of an event, for the program that was told of it and has no token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from gateway.usecases.open_link import LONGEST, open_link
from gateway.web.downloads import download
from gateway.web.problems import Problem, unwrap
from gateway.web.services import Services

router = APIRouter()


@router.get("/files/{link}")
async def get_file(services: Services, link: Annotated[str, Path(max_length=LONGEST)]) -> Response:
    """The decoded bytes of one attachment."""
    found = await open_link(services.files, link)
    if found is None:
        raise Problem(404, "This link is not ours, its time is over, or the message is gone.")
    handed = unwrap(found)
    return download(handed.data, handed.filename, handed.content_type)
