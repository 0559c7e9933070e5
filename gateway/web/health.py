"""For those who watch over the program: is it alive, is it ready, and its numbers."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from gateway import metrics
from gateway.usecases.show_health import are_blobs_reachable, is_ready
from gateway.web.problems import Problem
from gateway.web.services import Services

router = APIRouter()


@router.get("/healthz")
async def healthz() -> PlainTextResponse:
    """The process answers."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def readyz(services: Services) -> JSONResponse:
    """The store can be reached and its schema is current. `large_mails` is false where what keeps them is away: such
    mails are put off then, which is no reason to take a gateway out of service."""
    if not await is_ready(services.store):
        return Problem(503, "The store can't be reached, or its schema is not current.").response()
    return JSONResponse({"ready": True, "large_mails": await are_blobs_reachable(services.blobs)})


@router.get("/metrics")
async def show_metrics(services: Services) -> Response:
    """Counters in the text format of Prometheus."""
    return Response(await services.figures(), headers={"Content-Type": metrics.CONTENT_TYPE})
