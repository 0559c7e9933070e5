"""`/v1/docs`: the API on one page of ours, made from the OpenAPI document; no outside script is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.web.pages import pages_of
from gateway.web.problems import KINDS

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Call:
    """One thing that can be asked for. asks: names of its parameters, `body` for what is sent."""

    method: str
    path: str
    says: str
    asks: tuple[str, ...]


@router.get("/v1/docs")
async def docs(request: Request) -> Response:
    """Every call, and every kind of error."""
    document = request.app.openapi()
    calls = [
        Call(
            method.upper(),
            path,
            " ".join(about.get("description", "").split()),
            _asks(about),
        )
        for path, methods in document["paths"].items()
        for method, about in methods.items()
    ]
    kinds = [(status, name, title) for status, (name, title) in KINDS.items()]
    return pages_of(request).answer("docs.html", calls=calls, kinds=kinds)


def _asks(about: dict[str, Any]) -> tuple[str, ...]:
    named = [one["name"] for one in about.get("parameters", ()) if one["in"] == "query"]
    return (*named, "body") if "requestBody" in about else tuple(named)
