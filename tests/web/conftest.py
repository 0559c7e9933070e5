"""A fresh site for each story, and browsers in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.stores import Stores
from tests.web.browser import Canary, Visit, connected, visiting
from tests.web.site import Made, Site, make_store, open_site


@pytest.fixture(scope="session")
def made(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_store(stores.new(tmp_path_factory.mktemp("web")))


@pytest.fixture
async def site(stores: Stores, made: Made, tmp_path: Path) -> AsyncIterator[Site]:
    place = stores.copy(made.place, tmp_path)
    opened = open_site(made, place, tmp_path)
    yield opened
    await opened.close()
    stores.forget(place)


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with connected(chromium) as one:
        yield one


@pytest.fixture
async def visit(browser: Browser, site: Site) -> AsyncIterator[Visit]:
    """A browser in which Acme's owner is signed in."""
    async with visiting(browser, site, site.acme.sign_in_url) as one:
        yield one


@pytest.fixture
async def stranger(browser: Browser, site: Site) -> AsyncIterator[Visit]:
    """A browser in which nobody is signed in."""
    async with visiting(browser, site, None) as one:
        yield one


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    one = Canary()
    server = await asyncio.start_server(one.answer, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield one
