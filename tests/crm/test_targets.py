"""Nobody sends us into our own network, however the address is written, and also not after the DNS changes its mind."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from crm_adapter.events import Event
from crm_adapter.port import Delivered, Retry
from crm_adapter.targets import TargetError, is_public, judged, look_up, read_url
from crm_adapter.webhook import Webhook

SECRET = "whsec_c2VjcmV0IG9mIGEgdGVzdCwgbG9uZw=="
EVENT = Event("01M8", "contact.created", "2026-11-23T02:42:17.000Z", "A1", "C1", {"id": "C1"})

_FORBIDDEN = """
http://127.0.0.1/ http://127.0.0.1:8080/v1/account http://127.1/ http://127.0.1/ http://127.255.255.254/
http://0.0.0.0/ http://0/ http://0.1.2.3/ http://2130706433/ http://0x7f000001/ http://0x7f.0.0.1/ http://0x7f.1/
http://017700000001/ http://0177.0.0.1/ http://127.0.0.1./ http://localhost/ http://localhost:5432/ http://localhost./
http://LOCALHOST/ http://10.0.0.1/ http://10.255.255.255/ http://172.16.0.1/ http://172.31.255.254/
http://192.168.0.1/ http://192.168.255.254/ http://169.254.169.254/latest/meta-data/ http://169.254.0.1/
http://169.254.170.2/v2/credentials http://2852039166/ http://0xa9fea9fe/ http://0251.0376.0251.0376/
http://100.64.0.1/ http://100.127.255.254/ http://100.100.100.200/latest/ http://192.0.0.1/ http://192.0.0.192/
http://192.0.2.1/ http://192.88.99.1/ http://198.18.0.1/ http://198.19.255.254/ http://198.51.100.1/
http://203.0.113.1/ http://224.0.0.1/ http://239.255.255.250/ http://240.0.0.1/ http://255.255.255.255/ http://[::]/
http://[::1]/ http://[0:0:0:0:0:0:0:1]/ http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/
http://[::ffff:169.254.169.254]/ http://[::ffff:10.0.0.1]/ http://[::127.0.0.1]/ http://[::ffff:0:127.0.0.1]/
http://[64:ff9b::127.0.0.1]/ http://[64:ff9b::a9fe:a9fe]/ http://[64:ff9b:1::1]/ http://[2002:7f00:1::]/
http://[2002:a9fe:a9fe::]/ http://[2001::1]/ http://[2001:db8::1]/ http://[fe80::1]/ http://[fec0::1]/
http://[fc00::1]/ http://[fd00:ec2::254]/latest/ http://[fd12:3456:789a::1]/ http://[ff02::1]/ http://[ff0e::1]/
http://[100::1]/ http://[3fff::1]/ http://[5f00::1]/ http://user:secret@127.0.0.1/ http://1.1.1.1@127.0.0.1/
http://1.1.1.1#@127.0.0.1/../ ftp://127.0.0.1/ file:///etc/passwd gopher://127.0.0.1:6379/_INFO
http://168.63.129.16/machine/?comp=goalstate
unix:///run/docker.sock http:///etc/passwd http://[fe80::1%25lo]/ http://127.0.0.1:0/ http://127.0.0.1\\@1.1.1.1/
http://①②⑦.⓪.⓪.①/ http://127。0。0。1/ http://%31%32%37.0.0.1/ //127.0.0.1/ 127.0.0.1
"""
FORBIDDEN = _FORBIDDEN.split()
"""Places that a URL of a stranger must not lead to."""

ALLOWED_BY_SHAPE = ("http://1.1.1.1#@127.0.0.1/../",)
"""What looks like a trick and is none: it leads to 1.1.1.1."""


@pytest.fixture
async def inside() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A service of our own network: its port, and what it was told."""
    told: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.append(await reader.read(65536))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], told
    server.close()


def test_there_are_at_least_as_many_targets_as_promised() -> None:
    assert len(FORBIDDEN) - len(ALLOWED_BY_SHAPE) >= 68


@pytest.mark.parametrize("url", [url for url in FORBIDDEN if url not in ALLOWED_BY_SHAPE])
async def test_a_forbidden_target_is_refused_before_anything_is_sent(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(self: socket.socket, address: object) -> None:
        raise AssertionError(f"a connection to {address} was tried")

    monkeypatch.setattr(socket.socket, "connect", connect)
    try:
        found = await judged(read_url(url), look_up)
    except TargetError:
        return
    assert found == (), f"{url} leads to {found}"  # no resolver knows such a name
    outcome = await Webhook(url, [SECRET]).deliver(EVENT, None)  # type: ignore[arg-type]
    assert isinstance(outcome, Retry)


@pytest.mark.parametrize(
    "answers", [("10.0.0.7",), ("1.1.1.1", "127.0.0.1"), ("2606:4700::1111", "::1"), ("fe80::1%lo",)]
)
async def test_a_name_that_leads_inside_by_any_of_its_addresses_is_refused(answers: tuple[str, ...]) -> None:
    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return answers

    with pytest.raises(TargetError, match="not on the public internet"):
        await judged(read_url("https://crm.example/hook"), resolve)


async def test_a_name_that_changes_its_mind_after_it_was_judged_leads_nowhere_else(
    inside: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, told = inside
    answers = iter([("1.1.1.1",), ("127.0.0.1",), ("127.0.0.1",)])
    tried: list[str] = []

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return next(answers)

    async def connect(host: str, *_: object, **__: object) -> None:
        tried.append(host)
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr("asyncio.open_connection", connect)
    hook = Webhook(f"http://rebind.example:{port}/", [SECRET], resolve=resolve)
    assert isinstance(await hook.deliver(EVENT, None), Retry)  # type: ignore[arg-type]
    second = await hook.deliver(EVENT, None)  # type: ignore[arg-type]
    assert isinstance(second, Retry)
    assert "127.0.0.1, which is not on the public internet" in second.why
    assert tried == ["1.1.1.1"]
    assert told == []


async def test_the_connection_goes_to_the_address_that_was_judged_and_the_name_stays_in_the_request(
    inside: tuple[int, list[bytes]],
) -> None:
    port, told = inside

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return ("127.0.0.1",)

    hook = Webhook(f"http://crm.example:{port}/hook?to=us", [SECRET], private=True, resolve=resolve)
    outcome = await hook.deliver(EVENT, None)  # type: ignore[arg-type]
    await hook.close()
    assert isinstance(outcome, Delivered)
    assert told[0].startswith(b"POST /hook?to=us HTTP/1.1\r\n")
    assert f"host: crm.example:{port}\r\n".encode() in told[0].lower()


async def test_names_whose_servers_never_answer_keep_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's own threads are few, and mail is read and written in them."""
    release, asked = threading.Event(), list[str]()

    def getaddrinfo(host: str, *_: object, **__: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        release.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    hanging = [asyncio.create_task(look_up(f"name{n % 40}.example", 443)) for n in range(80)]
    try:
        await asyncio.sleep(0)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "read"), 10) == "read"
    finally:
        release.set()
    assert await asyncio.gather(*hanging) == [("1.1.1.1",)] * 80
    assert sorted(asked) == sorted({f"name{n}.example" for n in range(40)})


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::1.1.1.1", "::ffff:1.1.1.1"]
)
def test_an_address_of_the_public_internet_is_one(address: str) -> None:
    assert is_public(address)
