"""Who asks is known before a byte of what they send is read, and nobody sends more than there is room for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.web.gate import JSON_BYTES
from tests.web.site import Site, letter

STORES = ("sqlite",)
"""What is tried here lies above the store."""

SMART = "acme+lead@mail.kommo.com"
PIECE = 65_536


class Body:
    """A body without an end in sight; it remembers how much of it was asked for."""

    def __init__(self, pieces: int) -> None:
        self.pieces, self.read = pieces, 0

    async def send(self) -> AsyncIterator[bytes]:
        for _ in range(self.pieces):
            self.read += PIECE
            yield b"[" * PIECE


WRITES = {
    # story               method    path
    "a contact": ("POST", "/v1/contacts"),
    "a lead": ("PATCH", "/v1/leads/x"),
    "options": ("PATCH", "/v1/account"),
    "a mail to explain": ("POST", f"/v1/explain?rcpt={SMART}"),
    "nothing there is": ("POST", "/v1/nothing"),
}


@pytest.mark.parametrize(("method", "path"), WRITES.values(), ids=WRITES)
async def test_nothing_is_read_from_somebody_without_a_token(site: Site, method: str, path: str) -> None:
    for token in (None, "sga_1_" + "x" * 43):
        body = Body(1_000)
        headers = {"Content-Type": "application/json"}
        answer = await site.client(token).request(method, path, content=body.send(), headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (401, "/v1/docs#not-signed-in")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert body.read == 0


@pytest.mark.parametrize("content", [b"{", b"[", b"\xff", b""])
async def test_a_body_that_is_no_json_is_not_even_looked_at_without_a_token(site: Site, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert (await site.client().post("/v1/contacts", content=content, headers=headers)).status_code == 401


async def test_json_is_at_most_a_mebibyte(site: Site) -> None:
    for method, path in (("POST", "/v1/contacts"), ("PATCH", "/v1/leads/x"), ("PATCH", "/v1/account")):
        body = Body(1_000)
        headers = {"Content-Type": "application/json"}
        answer = await site.api.request(method, path, content=body.send(), headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (413, "/v1/docs#too-large")
        assert "1,048,576 bytes" in answer.json()["detail"]
        assert body.read == JSON_BYTES + PIECE
    blank = b'{"emails": ["bob@bluefin.example"]}'
    just = blank + b" " * (JSON_BYTES - len(blank))
    headers = {"Content-Type": "application/json"}
    assert (await site.api.post("/v1/contacts", content=just, headers=headers)).status_code == 201
    assert (await site.api.post("/v1/contacts", content=just + b" ", headers=headers)).status_code == 413


async def test_a_mail_to_explain_is_at_most_as_large_as_one_may_be(site: Site) -> None:
    body = Body(1_000)
    answer = await site.api.post("/v1/explain", params={"rcpt": SMART}, content=body.send())
    assert (answer.status_code, answer.json()["title"]) == (413, "The request is too large")
    assert "100,000 bytes" in answer.json()["detail"]
    assert body.read == 2 * PIECE
    fits = letter(text="x")
    assert (await site.api.post("/v1/explain", params={"rcpt": SMART}, content=fits)).status_code == 200


NO_JSON = {
    # what is sent            what the detail says of it
    b"{": "at character 2",
    b'{"emails": [}': "at character 13",
    b"bob@bluefin.example": "at character 1",
}


@pytest.mark.parametrize(("content", "where"), NO_JSON.items())
async def test_what_is_no_json_is_pointed_at_as_a_whole(site: Site, content: bytes, where: str) -> None:
    answer = await site.api.post("/v1/contacts", content=content, headers={"Content-Type": "application/json"})
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["pointer"]) == (422, "#")
    assert where in error["detail"]


async def test_a_body_that_is_missing_is_pointed_at_as_a_whole(site: Site) -> None:
    answer = await site.api.post("/v1/contacts")
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, ["#"])
