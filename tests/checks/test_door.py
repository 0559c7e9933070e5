"""A knock at our own door: what it shows after STARTTLS, and doors that behave otherwise."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.checks.door import Door, read_certificate
from gateway.checks.machine import MachineChecks
from gateway.checks.names import Names
from gateway.core.encryption import Shown
from gateway.smtp.certificates import Certificates
from gateway.smtp.door import Doorway
from gateway.smtp.limits import SmtpLimits
from gateway.smtp.server import SmtpServer
from tests.mailboxes.certificates import Authority
from tests.smtp.front_desk import FrontDesk

HOST = "gate.acme.example"
Address = tuple[str, int]


@asynccontextmanager
async def opened(folder: Path, kind: str | None) -> AsyncIterator[Address]:
    """Our own door for mail. kind: of its certificate, None for none."""
    shown = None
    if kind is not None:
        pem = Authority(folder).certificate(kind, (HOST, "localhost")).write(folder / "cert.pem")
        shown = Certificates(pem)
    server = SmtpServer(FrontDesk(), SmtpLimits(), HOST, way=Doorway(shown))
    yield await server.start("127.0.0.1", 0)
    await server.stop(0)


async def look(where: Address | None) -> Shown:
    return await Door(lambda: where, HOST, 2.0).look()


async def test_a_door_without_a_certificate_offers_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, None) as where:
        assert await look(where) == Shown(reached=True)


@pytest.mark.parametrize(("kind", "own_sign"), [("good", False), ("self-signed", True)])
async def test_a_door_with_one_shows_it(tmp_path: Path, kind: str, own_sign: bool) -> None:
    async with opened(tmp_path, kind) as where:
        shown = await look(where)
    assert (shown.reached, shown.offered, shown.own_sign, shown.fault) == (True, True, own_sign, "")
    assert HOST in shown.names
    assert shown.ends_at > 0


async def test_it_is_remembered_for_a_moment(tmp_path: Path) -> None:
    places: list[Address | None] = []

    def place() -> Address | None:
        places.append(None)
        return None

    checks = MachineChecks("Gate.Acme.example", ["192.0.2.1"], Names(), Door(place, HOST))
    assert await checks.look_at_door() == await checks.look_at_door() == Shown(reached=False)
    assert (len(places), checks.hostname, checks.addresses) == (1, HOST, ("192.0.2.1",))


DOORS = {
    # story                          what it says                                                       is
    "says nothing at all": (b"", Shown(reached=False)),
    "cuts a line": (b"220 x", Shown(reached=False)),
    "never ends its reply": (b"220 x\r\n" + b"250-x\r\n" * 60, Shown(reached=False)),
    "takes STARTTLS back": (b"220 x\r\n250-x\r\n250 STARTTLS\r\n454 no\r\n", Shown(reached=True)),
    "has no TLS behind it": (b"220 x\r\n250-x\r\n250 starttls\r\n220 go\r\n", Shown(reached=True, offered=True)),
}


@pytest.mark.parametrize(("says", "is_"), DOORS.values(), ids=DOORS)
async def test_other_doors_raise_nothing(says: bytes, is_: Shown) -> None:
    over = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(says)
            writer.write_eof()
            await reader.read()
        writer.transport.abort()
        over.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        shown = await look(server.sockets[0].getsockname())
        await over.wait()
    assert (shown.reached, shown.offered, shown.names) == (is_.reached, is_.offered, is_.names)


async def test_a_closed_door_and_none_are_not_reached() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    where = server.sockets[0].getsockname()
    server.close()
    await server.wait_closed()
    assert (await look(where)).reached is False
    assert await look(None) == Shown(reached=False)


def test_bytes_that_are_no_certificate_are_told() -> None:
    shown = read_certificate(b"x")
    assert (shown.offered, shown.names, bool(shown.fault)) == (True, (), True)
