"""Connecting a mailbox by its provider's own sign-in: to the provider's page and back, for the same session alone."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.web.site import URL, Site, check_page
from tests.web.test_mailboxes import ANA, note

HEADING = "The mailbox is not connected"


async def consent(site: Site, browser: httpx2.AsyncClient) -> str:
    """Consents at a provider's page: where that sends the browser."""
    asked = await browser.get("/mailboxes/consent", params={"address": "ana@gmail.com"})
    assert asked.status_code == 303, asked.text
    query = parse_qs(urlsplit(asked.headers["location"]).query)
    [state], [redirect] = query["state"], query["redirect_uri"]
    assert redirect == f"{URL}/mailboxes/consent/back"
    return f"/mailboxes/consent/back?code={site.servers.consent(state, redirect)}&state={state}"


async def test_e1_a_mailbox_is_connected_by_its_providers_own_sign_in(site: Site) -> None:
    browser = await site.console()
    back = await consent(site, browser)
    answer = await browser.get(back)
    assert answer.status_code == 303
    assert "ana@gmail.com is connected." in check_page(await browser.get(answer.headers["location"])).text
    [made] = (await site.api.get("/v1/mailboxes")).json()["data"]
    assert (made["address"], made["state"], made["kind"]) == ("ana@gmail.com", "importing", "personal")
    assert (await browser.get(back)).status_code == 422  # a code is good once
    await note(site, made["id"], state="auth_failed")  # consent was withdrawn
    assert (await browser.get(await consent(site, browser))).status_code == 303
    assert (await site.api.get(f"/v1/mailboxes/{made['id']}")).json()["state"] == "importing"


async def test_e1_what_one_session_began_no_other_one_ends(site: Site) -> None:
    """Whoever follows a stranger's link would else have the stranger's mailbox connected as theirs."""
    first, second = await site.console(), site.client(Accept="text/html")
    link = f"{URL}/sign-in/{await site.add_user('dimas@acme.example', 'Dimas', kind='sign_in')}"
    assert (await second.get(link)).status_code == 303
    back = await consent(site, first)
    stolen = await second.get(back)
    assert stolen.status_code == 422
    assert "begun by somebody else" in check_page(stolen).text
    assert (await second.get("/mailboxes/consent/back?code=x&state=nonsense")).status_code == 422
    cancelled = await second.get("/mailboxes/consent/back?error=access_denied")
    assert (cancelled.status_code, HEADING in check_page(cancelled).text) == (422, True)
    assert (await first.head(back)).status_code == 405  # what only looks at links uses up none
    assert (await first.get(back)).status_code == 303


async def test_a_sign_in_that_is_not_possible_is_told_in_words(site: Site) -> None:
    owner = await site.console()
    user = site.client(Accept="text/html")
    await user.get(f"{URL}/sign-in/{await site.add_user('dimas@acme.example', 'Dimas', kind='sign_in')}")
    page = "/mailboxes/consent"
    wrong: list[tuple[httpx2.AsyncClient, dict[str, str], int, str]] = [
        (user, {"address": "sales@gmail.com", "kind": "shared"}, 403, "Only admins"),
        (owner, {"address": ANA}, 422, "opened with a password"),
        (owner, {"address": "acme@mail.kommo.com"}, 422, "gateway domain"),
    ]
    for browser, query, status, words in wrong:
        answer = await browser.get(page, params=query)
        assert answer.status_code == status
        assert words in check_page(answer).text
        assert HEADING in answer.text
    site.servers.clients = frozenset()
    answer = await owner.get(page, params={"address": "ana@gmail.com"})
    assert "Whoever runs this server has set up no app" in check_page(answer).text
    assert "SMARTGATE_OAUTH_GOOGLE_CLIENT_ID" in answer.text
