"""The web application: every route of the API, the console and the public pages, behind one guard."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.usecases.keep_answers import AnsweredError, KeyReusedError, LostAnswerError
from gateway.usecases.show_health import is_passing
from gateway.web import files, health, policy
from gateway.web.api import (
    account,
    audit,
    contacts,
    crm,
    docs,
    endpoints,
    fields,
    leads,
    mailboxes,
    messages,
    receipts,
    templates,
    tokens,
    users,
)
from gateway.web.console import (
    bulk,
    cards,
    compose,
    connect,
    consent,
    custom,
    deals,
    egress,
    held,
    home,
    journal,
    keys,
    lists,
    me,
    members,
    openid,
    paper,
    people,
    pictures,
    settings,
    setup,
    shortcuts,
    sign_in,
    tester,
    thread,
    trace,
    why,
)
from gateway.web.console import crm as crm_pages
from gateway.web.console import deliveries as delivery_pages
from gateway.web.console import endpoints as endpoint_pages
from gateway.web.console import mailboxes as boxes
from gateway.web.console import templates as template_pages
from gateway.web.console.feed import Feed
from gateway.web.console.session import SignInNeededError, to_sign_in
from gateway.web.gate import Gate
from gateway.web.guard import Guard
from gateway.web.live import Live
from gateway.web.openapi import SAYS, describe, name_of
from gateway.web.pages import Pages, wants_page
from gateway.web.problems import BUSY, Problem, from_validation
from gateway.web.services import WebServices
from gateway.web.streams import Streams
from gateway.web.uses import Uses

API = (account, users, tokens, contacts, leads, messages, receipts, mailboxes, crm, endpoints, templates, audit, fields)
PAGES = (
    docs,
    health,
    files,
    home,
    trace,
    held,
    cards,
    template_pages,
    consent,
    egress,
    why,
    openid,
    sign_in,
    me,
    settings,
    people,
    keys,
    journal,
    deals,
    custom,
    policy,
    setup,
    tester,
    connect,
    boxes,
    lists,
    bulk,
    shortcuts,
    members,
    endpoint_pages,
    delivery_pages,
    crm_pages,
    thread,
    paper,
    pictures,
    compose,
)
STATIC = Path(__file__).parent / "static"
_SENTENCES = {
    400: "The request can't be read.",
    403: "This request came from another site, so it was not carried out.",
    404: "There is nothing at this address.",
    405: "This can't be done at this address.",
    500: "Something went wrong on our side. What you asked for was not done; try again in a moment.",
    503: BUSY.detail,
}


def build(services: WebServices) -> FastAPI:
    """The application to serve. On shutdown call `close_streams` first."""
    app = FastAPI(
        title="Smartgate",
        version=services.version,
        description=SAYS,
        generate_unique_id_function=name_of,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.services = services
    app.state.pages = Pages(services)
    streams = Streams(services.store)
    app.state.feed = Feed(services.store, app.state.pages, streams)
    app.state.live = Live(streams)
    app.state.uses = Uses(services.store)
    api = APIRouter(prefix="/v1")
    for part in API:
        api.include_router(part.router)
    app.include_router(api)
    for page in PAGES:
        app.include_router(page.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(SignInNeededError, to_sign_in)
    app.add_exception_handler(AnsweredError, _on_answered)
    app.add_exception_handler(KeyReusedError, _on_reused)
    app.add_exception_handler(LostAnswerError, _on_lost)
    app.add_middleware(Gate, services=services)
    app.add_middleware(Guard, answer=error_answer, own_origin=services.public_url, is_passing=is_passing)
    app.openapi = partial(_document, app)  # type: ignore[method-assign]
    return app


def close_streams(app: FastAPI) -> None:
    """Ends the streams that browsers have open, so that the server can stop."""
    app.state.feed.close()
    app.state.live.close()


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made when it is first asked for."""
    if app.openapi_schema is None:
        app.openapi_schema = describe(app)
    return app.openapi_schema


def error_answer(request: Request, status: int, detail: str = "", headers: dict[str, str] | None = None) -> Response:
    """An error of ours: a page for browsers outside the API, problem JSON for everybody else."""
    detail = detail or _SENTENCES.get(status, "This request can't be answered.")
    if wants_page(request):
        pages: Pages = request.app.state.pages
        response = pages.error(status, detail)
        response.headers.update(headers or {})
        return response
    return Problem(status, detail, headers=headers).response()


def _on_problem(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Problem)
    if wants_page(request):
        pages: Pages = request.app.state.pages
        return pages.error(fault.status, fault.detail, fault.heading)
    return fault.response()


def _on_validation(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, RequestValidationError)
    return _on_problem(request, from_validation(fault))


def _on_http(request: Request, fault: Exception) -> Response:
    """What the router says by itself: no such address, no such method, a body it can't read."""
    assert isinstance(fault, HTTPException)
    headers = dict(fault.headers or {})
    if fault.status_code == 405:
        path = unquote(request.url.path)[:200]
        return error_answer(request, 405, f"{request.method} can't be done at {path}.", headers)
    detail = fault.detail if fault.status_code == 413 else ""
    return error_answer(request, fault.status_code, detail, headers)


def _on_answered(_: Request, fault: Exception) -> Response:
    """The answer to a request that was carried out before (Idempotency-Key)."""
    assert isinstance(fault, AnsweredError)
    answer, headers = fault.answer, {"Idempotency-Replayed": "true"}
    if not answer.body:
        return Response(status_code=answer.status, headers=headers)
    return Response(answer.body, answer.status, headers, "application/json")


def _on_reused(request: Request, _: Exception) -> Response:
    detail = "This `Idempotency-Key` was sent with another request; allowed: a new key for a new request."
    return error_answer(request, 422, detail)


def _on_lost(request: Request, _: Exception) -> Response:
    detail = (
        "This request was carried out before. Its answer can't be shown again: it was sealed with another secret key."
    )
    return error_answer(request, 409, detail)
