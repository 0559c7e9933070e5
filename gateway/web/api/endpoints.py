"""`/endpoints` and `/deliveries`: who is told of events, and what became of each on its way (docs/webhooks.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from gateway.core.resources import as_json
from gateway.sealing import SealError
from gateway.usecases import deliveries, endpoints
from gateway.usecases.endpoints import EndpointChange, Opened
from gateway.web.api.access import Admin
from gateway.web.api.asked import Asked
from gateway.web.api.shapes import Endpoint, Id, Text, Time
from gateway.web.openapi import problem
from gateway.web.paging import AfterId, AfterIds, Limit, Listed, page_json
from gateway.web.problems import NOT_THERE, Problem, unwrap
from gateway.web.services import Services

router = APIRouter(tags=["endpoints"])
State = Literal["waiting", "delivered", "dead"]


class NewSecret(Endpoint):
    """An endpoint with its new secret, which is shown this once."""

    secret: str


class EndpointFields(Asked):
    """Fields of an endpoint to change; state: active or disabled."""

    url: Text | None = None
    types: list[Text] | None = Field(None, max_length=100)
    state: Text | None = None


class NewEndpoint(EndpointFields):
    """An endpoint to make; types left out: all."""

    url: Text


class Delivery(BaseModel):
    """An event on its way to an endpoint; status is what was said over HTTP last, error why the last try failed."""

    id: Id
    endpoint: Id
    event: Id
    type: str
    at: Time
    state: State
    attempts: int
    status: int | None
    next_at: Time | None
    error: str
    settled_at: Time | None


class Retried(BaseModel):
    """How many dead letters are on their way again."""

    count: int


@router.get("/endpoints", response_model=Listed[Endpoint])
async def list_endpoints(services: Services, admin: Admin, after: AfterId, limit: Limit = 50) -> Any:
    """The account's webhooks, newest first; admins only."""
    return page_json(await endpoints.show_endpoints(services.store, admin, after, limit))


@router.post("/endpoints", status_code=201, response_model=NewSecret)
async def post_endpoint(services: Services, admin: Admin, new: NewEndpoint) -> Any:
    """Makes a webhook; the answer has its `secret`, once. A URL that leads into a private network is refused."""
    change = _change(new)
    private = services.webhooks_private
    with _sealing():
        made = await endpoints.make_endpoint(services.store, admin, change, services.keyring(), private=private)
    return _with_secret(unwrap(made))


@router.get("/endpoints/{id}", response_model=Endpoint)
async def get_endpoint(services: Services, admin: Admin, id: str) -> Any:
    """One webhook."""
    return as_json(unwrap(await endpoints.show_endpoint(services.store, admin, id)))


@router.patch("/endpoints/{id}", response_model=Endpoint)
async def patch_endpoint(services: Services, admin: Admin, id: str, change: EndpointFields) -> Any:
    """Changes what is sent; `state` is active or disabled."""
    private = services.webhooks_private
    return as_json(unwrap(await endpoints.edit_endpoint(services.store, admin, id, _change(change), private=private)))


@router.delete("/endpoints/{id}", status_code=204)
async def delete_endpoint(services: Services, admin: Admin, id: str) -> None:
    """Takes a webhook away; what was on its way to it is given up."""
    if not await endpoints.drop_endpoint(services.store, admin, id):
        raise NOT_THERE


@router.post("/endpoints/{id}/test", status_code=202, response_model=Delivery)
async def post_test(services: Services, admin: Admin, id: str) -> Any:
    """Sends an `endpoint.test` event to this webhook alone; the delivery tells what became of it."""
    return as_json(unwrap(await endpoints.send_test(services.store, admin, id)))


@router.post("/endpoints/{id}/rotate", response_model=NewSecret)
async def post_rotate(services: Services, admin: Admin, id: str) -> Any:
    """Makes a new secret; for 24 hours the former one signs as well. Of three, the last two sign."""
    with _sealing():
        made = await endpoints.renew_secret(services.store, admin, id, services.keyring())
    return _with_secret(unwrap(made))


@router.get("/deliveries", response_model=Listed[Delivery])
async def list_deliveries(
    services: Services,
    admin: Admin,
    after: AfterIds,
    limit: Limit = 50,
    endpoint: str | None = None,
    state: State | None = None,
) -> Any:
    """Deliveries, the newest event first; `state=dead` are the dead letters. Admins only."""
    return page_json(await deliveries.list_deliveries(services.store, admin, after, limit, endpoint, state))


@router.post("/deliveries/retry", status_code=202, response_model=Retried, responses={404: problem(404)})
async def post_retry_dead(
    services: Services, admin: Admin, endpoint: Annotated[str, Query(description="Whose dead letters.")]
) -> Any:
    """Sends all dead letters of an endpoint on their way again."""
    return {"count": unwrap(await deliveries.retry_dead(services.store, admin, endpoint))}


@router.get("/deliveries/{id}", response_model=Delivery)
async def get_delivery(services: Services, admin: Admin, id: str) -> Any:
    """One delivery."""
    return as_json(unwrap(await deliveries.show_delivery(services.store, admin, id)))


@router.post("/deliveries/{id}/retry", status_code=202, response_model=Delivery)
async def post_retry(services: Services, admin: Admin, id: str) -> Any:
    """Sends an event on its way again, as if it had never been tried."""
    return as_json(unwrap(await deliveries.retry_delivery(services.store, admin, id)))


def _change(sent: EndpointFields) -> EndpointChange:
    return EndpointChange(sent.url, None if sent.types is None else tuple(sent.types), sent.state)


@contextmanager
def _sealing() -> Iterator[None]:
    """Where no secret can be kept, whoever asks is told what the operator has to set."""
    try:
        yield
    except SealError as fault:
        raise Problem(503, str(fault)) from fault


def _with_secret(opened: Opened) -> dict[str, Any]:
    return {**as_json(opened.endpoint), "secret": opened.secret}
