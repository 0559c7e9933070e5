"""The OpenAPI document holds: made-up requests to every call, on a real server, get answers that it declares."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serving import Serving
from tests.stores import Stores
from tests.web.site import letter

EXAMPLES = 20
"""Requests of each kind to each call: such as the document wants, and such as it doesn't."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MAILBOX = {"address": "sales@acme.example", "password": "secret", "kind": "shared"}
SERVERS = f"""
import gateway.app
from tests.mailboxes.fake_servers import FakeServers
servers = FakeServers({{{MAILBOX["address"]!r}: {MAILBOX["password"]!r}}}, patient=True)
gateway.app.mail_servers = lambda _: servers
"""
"""Mail servers of others, which are asked by some calls, stand in the server's own process."""
_SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@schemathesis.serializer("message/rfc822")
def _as_it_is(_: object, value: Any) -> Any:
    """A mail is sent by its bytes."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.fixture
def server(stores: Stores, tmp_path: Path) -> Iterator[Serving]:
    place = stores.new(tmp_path)
    url = f"sqlite:///{place}" if isinstance(place, Path) else place
    blobs = (tmp_path / "blobs").as_uri()
    serving = Serving(
        tmp_path, spoil=SERVERS, DATABASE_URL=url, BLOB_URL=blobs, SECRET_KEY="k" * 32, AUTHENTICITY="off"
    )
    try:
        yield serving
    finally:
        serving.kill()
        stores.forget(place)


def fill(server: Serving, api: httpx2.Client) -> dict[str, list[str]]:
    """A filed and a held mail with everything that comes of them, a user and a token; ids by the resource's path."""
    with smtplib.SMTP(*server.smtp, timeout=30) as door:
        door.sendmail("ana@acme.example", ["acme+lead@mail.kommo.com"], letter(files=[("a.txt", "text/plain", b"x")]))
        assert api.patch("/v1/account", json={"strangers": "hold"}).status_code == 200
        stranger = letter("Partnership", author="Eve <eve@stranger.example>", to="ana@acme.example")
        door.sendmail("eve@stranger.example", ["acme+lead@mail.kommo.com"], stranger)
    api.post("/v1/customers", json={"name": "Bluefin"})
    api.post("/v1/users", json={"email": "dimas@acme.example"})
    api.post("/v1/tokens", json={"name": "sync", "scopes": ["read"]})
    assert api.post("/v1/mailboxes", json=MAILBOX).status_code == 201
    kinds = ("contacts", "leads", "customers", "messages", "threads", "receipts", "users", "tokens", "mailboxes")
    ids = {kind: [row["id"] for row in api.get(f"/v1/{kind}").json()["data"]] for kind in kinds}
    ids["messages"] += [row["id"] for row in api.get("/v1/messages?folder=held").json()["data"]]
    own = {"users": ids["users"][-1], "tokens": ids["tokens"][-1]}  # whoever asks is not to saw off the branch
    return {kind: [id for id in found if id != own.get(kind)] for kind, found in ids.items()}


def ask(operation: APIOperation[Any, Any, Any, Any], ids: dict[str, list[str]], token: str) -> None:
    """Sends made-up requests to a call, half of them about something that is there."""
    there = ids.get(operation.path.split("/")[2], [])

    @_SETTINGS
    @given(
        case=st.one_of(
            operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
            operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
        ),
        id=st.sampled_from([*there, None]),
    )
    def check(case: Case[Any], id: str | None) -> None:
        if id is not None and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = id
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)

    check()


def test_every_answer_to_made_up_requests_is_one_that_the_document_declares(server: Serving) -> None:
    token = server.add_account(owner="ana@acme.example")
    server.start()
    with httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as api:
        ids = fill(server, api)
        document = api.get("/v1/openapi.json").json()
        schema = schemathesis.openapi.from_dict(document)
        schema.config.update(base_url=server.url)
        operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
        assert len(operations) == sum(len(calls) for calls in document["paths"].values())
        for operation in sorted(operations, key=lambda one: (one.method == "delete", one.path)):
            ask(operation, ids, token)
        assert api.get("/v1/account").status_code == 200
    assert "web.failed" not in server.said()
    assert server.stop() == 0
