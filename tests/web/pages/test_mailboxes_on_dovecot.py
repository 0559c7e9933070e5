"""The mailboxes pages on their whole way: a person in a real Chromium, a real Dovecot, the whole product in between."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from tests.mailboxes.certificates import Authority
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.fault_proxy import FaultProxy
from tests.mailboxes.person import Person
from tests.mailboxes.product import CLIENT, Firm, Product, letters
from tests.stores import Stores
from tests.web.browser import faults

pytestmark = pytest.mark.e2e
PATIENCE = 60_000
"""Milliseconds a page may take, a look into the mailbox included."""
MANY = 500
SLOW = 0.3
"""Seconds for which each piece from the server is held back."""


@pytest.fixture(scope="module")
def line(dovecot: Dovecot) -> Iterator[FaultProxy]:
    """The line to the server, which may be slow: a quick one is done before anybody can see how far it is."""
    with FaultProxy(dovecot.imaps) as one:
        yield one


@pytest.fixture(scope="module")
def product(
    stores: Stores,
    dovecot: Dovecot,
    line: FaultProxy,
    certificates: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Product]:
    """The product on a store of the kind that is the test's turn."""
    folder = tmp_path_factory.mktemp("pages")
    with Product(stores.new(folder), folder, dovecot, certificates.file, imaps=line.port) as made:
        yield made


@pytest.fixture
def firm(product: Product) -> Firm:
    return product.open()


@pytest.fixture
async def page(firm: Firm, browser: Browser) -> AsyncIterator[Page]:
    """A browser in which the firm's owner is signed in."""
    made = firm.product.serving.json("token", "create", "--account", firm.slug, "--user", firm.owner)
    expect.set_options(timeout=PATIENCE)
    context = await browser.new_context()
    context.set_default_timeout(PATIENCE)
    opened = await context.new_page()
    await opened.goto(firm.product.serving.url + urlsplit(made["sign_in_url"]).path)
    yield opened
    await context.close()


def lately() -> datetime:
    return datetime.now(UTC) - timedelta(days=2)


async def connect(page: Page, person: Person) -> None:
    """Types the password, and has it checked."""
    await page.get_by_label("Password", exact=True).fill(person.password)
    await page.get_by_role("button", name="Check and connect").press("Enter")


async def disconnect(page: Page, person: Person, how: str) -> None:
    """Goes the way from the list to where it is disconnected."""
    await page.get_by_role("link", name=f"Options and disconnect {person.address}").press("Enter")
    await page.get_by_role("link", name="Disconnect…").press("Enter")
    await page.get_by_role("radio", name=how).check()
    await page.get_by_role("button", name=f"Disconnect {person.address}").press("Enter")


async def test_a_mailbox_is_added_followed_set_let_in_again_and_disconnected(
    firm: Firm, page: Page, line: FaultProxy
) -> None:
    person = firm.person()
    firm.contact(CLIENT)
    person.append("INBOX", letters(1, MANY), at=lately())

    await page.goto(f"{firm.product.serving.url}/mailboxes")
    await page.get_by_label("Address of the mailbox").fill(person.address)
    await page.get_by_label("Address of the mailbox").press("Enter")
    await expect(page.get_by_text(f"hosts {person.address}.")).to_be_visible()
    await expect(page.get_by_text("Found by the domain’s DNS.")).to_be_visible()
    await expect(page.get_by_text(f"imap.acme.example:{line.port}")).to_be_visible()
    field = page.get_by_label("Password", exact=True)
    await field.fill("wrong one")
    await page.get_by_role("button", name="Check and connect").press("Enter")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_text("does not accept this log-in name and password")).to_be_visible()

    line.delay = SLOW
    await connect(page, person)
    await expect(page.get_by_text(f"{person.address} is connected.")).to_be_visible()
    await expect(page.get_by_label(re.compile(rf"[\d,]+ of {MANY} mails"))).to_be_visible()
    line.resume()
    await expect(page.get_by_text("new mail at once")).to_be_visible()
    assert await faults(page) == []
    [id] = [one["id"] for one in firm.desk.get("/mailboxes")["data"]]

    [contact] = firm.desk.get("/contacts", email=CLIENT)["data"]
    await page.goto(f"{firm.product.serving.url}/contacts/{contact['id']}")
    await expect(page.get_by_text(f"Offer {MANY}").first).to_be_visible()

    await page.goto(f"{firm.product.serving.url}/mailboxes/{id}")
    await page.get_by_label("Share with admins").check()
    await page.get_by_label("Group messages into threads").uncheck()
    await page.get_by_role("button", name="Save options").press("Enter")
    await expect(page.get_by_text(f"The options of {person.address} are saved.")).to_be_visible()
    assert await faults(page) == []
    assert (firm.mailbox(id)["share_with_admins"], firm.mailbox(id)["threads"]) == (True, False)

    await page.goto(f"{firm.product.serving.url}/mailboxes")
    person.set_password("a new one")
    firm.product.dovecot.run("kick", person.address)
    for refused in (1, 2):
        firm.desk.ask("POST", f"/mailboxes/{id}/sync", json={})
        firm.until(id, lambda box, n=refused: person.refusals() > n or box["state"] == "auth_failed")  # type: ignore[misc]
    await expect(page.get_by_text("no longer lets us in.", exact=False).first).to_be_visible()
    await expect(page.locator("#said")).to_have_text(f"{person.address} no longer lets us in")
    assert await faults(page) == []

    await page.get_by_role("link", name=f"Connect again {person.address}").press("Enter")
    await connect(page, person)
    await expect(page.get_by_text("new mail at once")).to_be_visible()

    await disconnect(page, person, "Keep it")
    await expect(page.get_by_text("Its mail stays here.")).to_be_visible()
    kept = len(firm.desk.all("/messages"))
    await page.get_by_role("link", name=f"Connect again {person.address}").press("Enter")
    await connect(page, person)
    await expect(page.get_by_text("new mail at once")).to_be_visible()
    assert (kept, len(firm.desk.all("/messages"))) == (MANY, MANY)

    await page.get_by_role("link", name=f"Options and disconnect {person.address}").press("Enter")
    await page.get_by_role("link", name="Disconnect…").press("Enter")
    await expect(page.get_by_text(f"{MANY} mails become lines that nobody can read. 1 card shows")).to_be_visible()
    assert await faults(page) == []
    await page.get_by_role("radio", name="Delete it").check()
    await page.get_by_role("button", name=f"Disconnect {person.address}").press("Enter")
    await expect(page.get_by_text("and its mail is deleted here.")).to_be_visible()
    assert firm.desk.all("/messages") == []
    assert len(person.uids("INBOX")) == MANY
