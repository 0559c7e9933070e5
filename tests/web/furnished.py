"""A site in which something of everything is there, so that every page has what it shows."""

from __future__ import annotations

from tests.web.site import CLIENT, Site, letter
from tests.web.test_console import story_mails


async def furnish(site: Site) -> None:
    """Mails filed, refused, held and deleted, cards of each kind, a mailbox, a webhook, a template."""
    await story_mails(site)
    await site.hand(letter("To be deleted", author=CLIENT, to="ana@acme.example", text="Gone"))
    [gone] = (await site.api.get("/v1/messages?limit=1")).json()["data"]
    assert (await site.api.delete(f"/v1/messages/{gone['id']}")).status_code == 204
    contact = (await site.api.get("/v1/contacts")).json()["data"][0]["id"]
    assert (await site.api.post("/v1/customers", json={"name": "Bluefin", "contacts": [contact]})).status_code == 201
    assert (await site.api.post("/v1/endpoints", json={"url": "https://1.1.1.1/hook"})).status_code == 201
    site.servers.passwords["sales@acme.example"] = "secret"
    shared = {"address": "sales@acme.example", "kind": "shared", "password": "secret"}
    assert (await site.api.post("/v1/mailboxes", json=shared)).status_code == 201
    template = {"name": "Thanks", "subject": "Thank you", "body": "Dear {{contact.first_name}}", "html": False}
    assert (await site.api.post("/v1/templates", json=template)).status_code == 201
    await site.index()
