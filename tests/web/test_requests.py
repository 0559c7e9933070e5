"""A token makes so many requests in ten seconds, is told how many are left and let in again; this machine is spared."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx2
import pytest

from gateway.counting import Buckets, Lock, SharedBuckets
from gateway.web.app import build
from gateway.web.requests import SECONDS
from tests.web.site import URL, Site

STORES = ("sqlite",)
"""What is tried here lies above the store."""
AWAY = "192.0.2.7"
Client = Callable[..., httpx2.AsyncClient]


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(site: Site, clock: Clock) -> Client:
    """Clients at addresses, of a site whose limit is three requests."""
    counts = Buckets(3, SECONDS, clock)

    def made(peer: str = AWAY, token: str = "", *, spare: bool = True, **headers: str) -> httpx2.AsyncClient:
        app = build(replace(site.app.state.services, requests=counts, spare_loopback=spare))
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["Authorization"] = f"Bearer {token or site.acme.token}"
        transport = httpx2.ASGITransport(app, client=(peer, 4711))
        site.clients.append(httpx2.AsyncClient(transport=transport, base_url=URL, headers=headers))
        return site.clients[-1]

    return made


async def test_the_answers_count_down_and_the_one_too_many_says_when_to_come_again(
    client: Client, clock: Clock
) -> None:
    api = client()
    for left in ("2", "1", "0"):
        answer = await api.get("/v1/account")
        assert answer.status_code == 200
        told = [answer.headers[f"ratelimit-{name}"] for name in ("limit", "remaining")]
        assert told == ["3", left]
    refused = await api.get("/v1/account")
    assert (refused.status_code, refused.json()["type"]) == (429, "/v1/docs#too-many-requests")
    assert (refused.headers["retry-after"], refused.headers["ratelimit-remaining"]) == ("4", "0")
    assert refused.headers["ratelimit-reset"] == str(SECONDS)
    assert "more than 3 requests in 10 seconds" in refused.json()["detail"]
    clock.now += 4
    assert (await api.get("/v1/account")).status_code == 200


async def test_who_goes_on_asking_is_let_in_as_soon_as_who_waits(client: Client, clock: Clock) -> None:
    api = client()
    for _ in range(50):
        await api.get("/v1/account")
    clock.now += 4
    assert (await api.get("/v1/account")).status_code == 200


async def test_each_token_has_a_limit_of_its_own_and_strangers_are_not_counted(site: Site, client: Client) -> None:
    for _ in range(4):
        answer = await client().get("/v1/account")
    assert answer.status_code == 429
    assert (await client(token=site.other.token).get("/v1/account")).status_code == 200
    assert (await client(token=await site.add_user("dimas@acme.example", "Dimas")).get("/v1/leads")).status_code == 200
    assert (await client(token="sga_1_" + "x" * 43).get("/v1/account")).status_code == 401


PEERS = {
    # story                                          peer           headers                            spared  limited
    "a program on this machine": ("127.0.0.1", {}, True, False),
    "by IPv6": ("::1", {}, True, False),
    "where nobody is to be spared": ("127.0.0.1", {}, False, True),
    "somebody away": (AWAY, {}, True, True),
    "somebody behind a proxy on this machine": ("127.0.0.1", {"X_Forwarded_For": AWAY}, True, True),
    "who says it was this machine": ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, True, True),
}


@pytest.mark.parametrize(("peer", "headers", "spare", "limited"), PEERS.values(), ids=PEERS)
async def test_who_is_spared(client: Client, peer: str, headers: dict[str, str], spare: bool, limited: bool) -> None:
    api = client(peer, spare=spare, **headers)
    answers = [await api.get("/v1/account") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429 if limited else 200]
    assert ("ratelimit-limit" in answers[0].headers) == limited


def test_workers_count_together(clock: Clock) -> None:
    shared = SharedBuckets(100, SECONDS, Lock(), os.urandom(16), clock)
    for _ in range(4):
        worker = os.fork()
        if worker == 0:
            for _ in range(20):
                shared.take("token")
            os._exit(0)
        os.waitpid(worker, 0)
    assert shared.level("token") == 100 - 4 * 20
