"""What the OpenAPI document says of every call alike, said in one place: the errors, the headers, and their shapes.

A route names what is its own (its answer, its body, a 415 or a 404 that its path doesn't show); the rest follows from
its method and its path. A call is named after its function, so clients that were generated stay as they are.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from gateway.web.api.told import complete, webhooks
from gateway.web.problems import KINDS

SAYS = """Read and change what smart addresses filed. `Authorization: Bearer TOKEN` says who asks. Every write takes an
`Idempotency-Key`, every answer in JSON has an `ETag`, and every error is problem JSON (RFC 9457)."""
TAGS = {
    "account": "The token's account and its people.",
    "tokens": "What programs come in with.",
    "contacts": "The people an account knows.",
    "leads": "Leads and customers: what an account sells, and to whom.",
    "messages": "The mail that was filed, and its threads.",
    "receipts": "What became of every attempt to hand over a mail, and what happened since.",
    "endpoints": "Webhooks, what they are told, and what became of each event on its way to them.",
    "mailboxes": "People's own mailboxes: connected, kept in sync, disconnected.",
    "crm": "The CRM of the account.",
    "templates": "Texts to write mail with.",
}
PROBLEM = "application/problem+json"
READS = frozenset({("post", "/v1/explain")})
"""Calls that change nothing, whatever their method says."""
_FAILS = {
    "type": "object",
    "title": "Problem",
    "description": "Why a request was not carried out (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["/v1/docs#bad-field"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {
            "type": "string",
            "description": "One sentence that names the thing, the value and what is allowed.",
        },
        "holder": {"type": "string", "description": "Of 409: the id of what stands in the way."},
        "consent": {
            "type": "string",
            "description": "Of 422 for a mailbox: the page of ours to open, as its provider asks its users itself.",
        },
        "found": {
            "type": "object",
            "description": "Of 422 for a mailbox: servers that were guessed, to be looked at and sent along.",
        },
        "errors": {
            "type": "array",
            "description": "Of 422: what is wrong, field by field.",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901; `#` is the whole body."},
                    "detail": {"type": "string"},
                    "line": {"type": "integer", "description": "Of a text: where it is wrong, from 1."},
                    "column": {"type": "integer", "description": "In characters, from 1."},
                },
            },
        },
    },
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Carries the request out once, however often it is sent within a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of what is to be changed; 412 where it has another by now.",
    "schema": {"type": "string", "pattern": "^[!-~]+$"},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of what is known; 304 where it is still the same.",
    "schema": {"type": "string", "pattern": "^[!-~]+$"},
}
_WAIT = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_TAG = {"ETag": {"description": "Changes with the answer.", "schema": {"type": "string"}}}
_AGAIN = {"Idempotency-Replayed": {"description": "`true`: answered before.", "schema": {"type": "string"}}}


def name_of(route: APIRoute) -> str:
    """The operationId: the name of the route's function, which is unique."""
    return route.name


def describe(app: FastAPI) -> dict[str, Any]:
    """The document of an application."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        webhooks=webhooks().routes,
        tags=[{"name": name, "description": says} for name, says in TAGS.items()],
    )
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            _complete(path, method, call)
    for methods in document["webhooks"].values():
        complete(methods["post"])
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _FAILS
    return document


def _complete(path: str, method: str, call: dict[str, Any]) -> None:
    answers, writes = call["responses"], method != "get" and (method, path) not in READS
    answers.pop("422", None)
    given = call.setdefault("parameters", [])
    for status in _problems(path, method, call, writes=writes):
        answers.setdefault(str(status), problem(status))
    if writes:
        given.append(_KEY)
    if method == "patch":
        given.append(_IF_MATCH)
    for given_as in ("200", "201", "204"):
        if given_as in answers:
            _head(answers[given_as], writes=writes)
    if method == "get" and "application/json" in answers["200"].get("content", {}):
        given.append(_IF_NONE_MATCH)
        answers["304"] = {"description": HTTPStatus(304).phrase, "headers": _TAG}


def _head(answer: dict[str, Any], *, writes: bool) -> None:
    headers = answer.setdefault("headers", {})
    if "application/json" in answer.get("content", {}):
        headers.update(_TAG)
    if writes:
        headers.update(_AGAIN)
    if not headers:
        del answer["headers"]


def _problems(path: str, method: str, call: dict[str, Any], *, writes: bool) -> list[int]:
    """The errors of a call, as its method, path and parameters tell."""
    found = [401, 403, 429, 500, 503]
    if "{" in path:
        found.append(404)
    if writes:
        found += [409, 422]
    elif call["parameters"]:
        found.append(422)
    if method == "patch":
        found.append(412)
    if "requestBody" in call:
        found += [400, 413]
    return sorted(found)


def problem(status: int) -> dict[str, Any]:
    """How an error is declared, for a route's own `responses`."""
    answer: dict[str, Any] = {
        "description": KINDS[status][1],
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in (429, 503):
        answer["headers"] = _WAIT
    return answer
