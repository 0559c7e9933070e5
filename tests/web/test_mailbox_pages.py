"""The mailboxes pages without a browser: each step of adding one, who may do what, and what is written down of it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from gateway.core.sent_names import words_about_sent
from gateway.store.audit import list_entries
from gateway.store.ids import shared_time
from tests.web import boxes
from tests.web.boxes import add_reader, bring, change_box
from tests.web.site import URL, Page, Site, check_page, letter
from tests.web.test_mailboxes import ANA, PASSWORD, connect

MAILBOXES = "/mailboxes"


async def browser_of(site: Site, email: str, *, role: str = "user", shared_mail: bool = False) -> httpx2.AsyncClient:
    """A colleague's browser."""
    link = await site.add_user(email, email.partition("@")[0].title(), role, kind="sign_in")
    signed_in = await site.console(f"{URL}/sign-in/{link}")
    if shared_mail:
        [id] = [one["id"] for one in (await site.api.get("/v1/users")).json()["data"] if one["email"] == email]
        await site.api.patch(f"/v1/users/{id}", json={"shared_mail": True})
    return signed_in


async def shown(browser: httpx2.AsyncClient, path: str, status: int = 200) -> Page:
    answer = await browser.get(path)
    assert answer.status_code == status, answer.text
    return check_page(answer)


async def followed(browser: httpx2.AsyncClient, answer: httpx2.Response) -> str:
    """The text of the page that an answer to a form leads to."""
    assert answer.status_code == 303, answer.text
    return (await shown(browser, answer.headers["location"])).text


async def written_down(site: Site) -> list[tuple[str, str, dict[str, Any]]]:
    """What the audit log tells of mailboxes, the oldest first: who, what and about what."""
    page = await site.store.read(lambda tx: list_entries(tx, boxes.number(tx), None, 100))
    found = [(one.who, one.what, dict(one.about)) for one in reversed(page.rows)]
    return [one for one in found if one[1].startswith("mailbox.")]


async def test_a_mailbox_is_added_by_address_and_password(site: Site) -> None:
    browser = await site.console()
    site.servers.passwords[ANA] = PASSWORD
    assert "No mailbox is connected." in (await shown(browser, MAILBOXES)).text
    found = await shown(browser, f"{MAILBOXES}/add?address=Ana@acme.example")
    assert "acme.example hosts ana@acme.example. Found in our list of providers." in found.text
    assert "imap.acme.example:993 · smtp.acme.example:465 · TLS" in found.text
    assert site.servers.logins == []
    text = await followed(browser, await browser.post(f"{MAILBOXES}/add", data={"address": ANA, "password": PASSWORD}))
    assert "ana@acme.example is connected. Its mail is fetched now" in text
    assert "Looking at what is there" in text
    assert await written_down(site) == [(ANA, "mailbox.connected", {"name": ANA, "kind": "personal"})]


async def test_servers_that_somebody_typed_are_taken_with_their_log_in_name(site: Site) -> None:
    browser = await site.console()
    site.servers.passwords[ANA] = PASSWORD
    form = {"address": ANA, "password": PASSWORD, "kind": "shared", "imap_host": " IMAP.In-House.example "}
    form |= {"imap_port": "143", "imap_security": "starttls", "smtp_host": "out.example", "login": "ana"}
    assert (await browser.post(f"{MAILBOXES}/add", data=form)).status_code == 303
    [made] = (await site.api.get("/v1/mailboxes")).json()["data"]
    assert made["imap"] == {"host": "imap.in-house.example", "port": 143, "security": "starttls", "user": "ana"}
    assert made["smtp"] == {"host": "out.example", "port": 465, "security": "tls", "user": "ana"}
    assert made["kind"] == "shared"


WRONG: dict[str, tuple[dict[str, str], int, str, str]] = {
    # story                       form                                     status  field  words
    "a wrong password": ({"password": "wrong"}, 422, "pw", "refuses this password."),
    "no password": ({"password": ""}, 422, "pw", "A password is needed."),
    "port 25": ({"imap_host": "a.example", "imap_port": "25"}, 422, "imap-port", "Port 25 is for servers"),
    "no port": ({"imap_host": "a.example", "imap_port": "x"}, 422, "imap-port", "from 1 to 65535"),
    "a number as server": ({"imap_host": "192.0.2.7"}, 422, "imap-host", "proves nothing"),
    "a server that is down": ({"imap_host": "down.example"}, 422, "imap-host", "down.example can't be reached"),
    "sending alone": ({"smtp_host": "a.example"}, 422, "imap-host", "alone is not enough"),
    "no security": ({"imap_host": "a.example", "imap_security": "none"}, 422, "", "Choose TLS or STARTTLS."),
    "a guess nobody looked at": ({"address": "x@guessed.example"}, 422, "imap-host", "imap.guessed.example:993"),
    "a kind there isn't": ({"kind": "public"}, 422, "", "is not allowed"),
    "a number as domain": ({"address": "ana@[192.0.2.7]"}, 422, "address", "names a server by its number"),
}


@pytest.mark.parametrize(("form", "status", "field", "words"), WRONG.values(), ids=WRONG)
async def test_e1_what_stands_in_the_way_is_said_at_its_field(
    site: Site, form: dict[str, str], status: int, field: str, words: str
) -> None:
    site.servers.passwords[ANA], site.servers.down = PASSWORD, frozenset(("down.example",))
    browser = await site.console()
    answer = await browser.post(f"{MAILBOXES}/add", data={"address": ANA, "password": PASSWORD, **form})
    assert (answer.status_code, words in check_page(answer).text) == (status, True), answer.text
    marked = re.findall(r'id="([^"]+)"[^>]*aria-invalid="true"', answer.text)
    assert marked == ([field] if field else [])
    assert (await site.api.get("/v1/mailboxes")).json()["data"] == []


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ana@münchen.example", "ana@münchen.example' is at an internationalised domain"),
        ("ana@xn--mnchen-3ya.example", "internationalised"),
        ("ana@[192.0.2.7]", "names a server by its number"),
        ("acme+lead@mail.kommo.com", "gateway domain"),
        ("ana@nowhere.example", "No mail server of nowhere.example was found."),
        ("ana", "no e-mail address"),
        ("", "Type an address."),
    ],
)
async def test_e1_an_address_that_can_not_be_connected_is_told_at_once(site: Site, address: str, words: str) -> None:
    browser = await site.console()
    answer = await browser.get(f"{MAILBOXES}/add", params={"address": address})
    assert (answer.status_code, words in check_page(answer).text) == (422, True)
    assert 'aria-invalid="true"' in answer.text


async def test_e1_google_and_microsoft_are_led_to_and_where_no_app_is_set_up_it_is_said(site: Site) -> None:
    browser, user = await site.console(), await browser_of(site, "dimas@acme.example")
    page = await shown(browser, f"{MAILBOXES}/add?address=ana@gmail.com")
    assert "/mailboxes/consent?address=ana%40gmail.com&kind=personal" in page.links
    assert "/mailboxes/consent?address=ana%40gmail.com&kind=shared" in page.links
    assert "https://passwords.example/make" in page.links
    theirs = await shown(user, f"{MAILBOXES}/add?address=dimas@outlook.com")
    assert [link for link in theirs.links if "kind=shared" in link] == []
    assert "Check and connect" not in theirs.text
    refused = await browser.post(f"{MAILBOXES}/add", data={"address": "ana@outlook.com", "password": "x"})
    assert (refused.status_code, "lets no program in by a password any more." in refused.text) == (422, True)
    site.servers.clients = frozenset()
    assert (
        "SMARTGATE_OAUTH_MICROSOFT_CLIENT_ID" in (await shown(browser, f"{MAILBOXES}/add?address=a@outlook.com")).text
    )
    only = await shown(browser, f"{MAILBOXES}/add?address=ana@gmail.com")
    assert "Check and connect" in only.text


async def test_e10_one_whose_sign_in_failed_is_connected_again_as_it_was(site: Site) -> None:
    browser = await site.console()
    given = {"host": "imap.in-house.example", "port": 143, "security": "starttls"}
    made = await connect(site.api, site.servers, kind="shared", imap=given)
    await change_box(
        site, made["id"], state="auth_failed", error="the server refuses this password", provider="gmail.com"
    )
    listed = await shown(browser, MAILBOXES)
    assert "Gmail no longer lets us in. We tried twice and stopped" in listed.text
    assert "What we were told: The server refuses this password." in listed.text
    assert {"https://passwords.example/make", "/mailboxes/add?address=ana%40acme.example"} <= set(listed.links)
    again = await browser.get(f"{MAILBOXES}/add?address={ANA}")
    assert 'value="imap.in-house.example"' in again.text
    assert "Who reads it?" not in check_page(again).text
    form = {"address": ANA, "password": PASSWORD, "kind": "shared", "imap_host": given["host"], "imap_port": "143"}
    assert (await browser.post(f"{MAILBOXES}/add", data={**form, "imap_security": "starttls"})).status_code == 303
    assert (await site.api.get(f"/v1/mailboxes/{made['id']}")).json()["state"] == "importing"
    assert [what for _, what, _ in await written_down(site)] == ["mailbox.connected", "mailbox.connected_again"]
    taken = await browser.post(f"{MAILBOXES}/add", data={**form, "imap_security": "starttls"})
    assert (taken.status_code, "ana@acme.example is connected already." in taken.text) == (409, True)


async def test_every_state_is_told_in_words(site: Site) -> None:
    browser, now = await site.console(), shared_time()
    box = (await connect(site.api, site.servers))["id"]
    unread = words_about_sent(None, None, ("Verzonden", "Outbox"))
    stories: list[tuple[dict[str, Any], list[str]]] = [
        ({"state": "importing", "done": 213, "total": 500, "created_at": now - 90_000, "wanted_at": None},
         ["213 of 500 mails", "about 2 minutes left", "first import, newest first", "Pause"]),
        ({"done": 499}, ["499 of 500 mails", "less than a minute left"]),
        ({"state": "ready", "last_sync_at": now, "next_sync_at": now + 11 * 60_000, "holder": "x"},
         ["next in about 11 minutes", "new mail at once", "Fetch now"]),
        ({"next_sync_at": now}, ["next in a moment"]),
        ({"error": "imap.acme.example can't be reached"}, ["Not reached", "can't be reached. We try again"]),
        ({"error": unread}, ["Which folder holds sent mail? Sent mail isn't read", "Choose the folder"]),
        ({"state": "paused", "error": ""}, ["Paused", "Continue"]),
    ]  # fmt: skip
    for changed, words in stories:
        await change_box(site, box, **changed)
        text = (await shown(browser, MAILBOXES)).text
        assert [word for word in words if word not in text] == [], text
        assert "Details" not in text
        await shown(browser, f"{MAILBOXES}/{box}")
    await change_box(site, box, error=unread, state="ready")
    choosing = await browser.get(f"{MAILBOXES}/{box}")
    assert "Verzonden, Outbox" in check_page(choosing).text
    assert '<option value="Verzonden">' in choosing.text


async def test_a_mailbox_is_fetched_paused_and_goes_on_by_a_button(site: Site) -> None:
    browser = await site.console()
    box = (await connect(site.api, site.servers))["id"]
    await change_box(site, box, state="ready")
    path = f"{MAILBOXES}/{box}"
    assert "is being fetched" in await followed(browser, await browser.post(f"{path}/sync"))
    assert "is paused. Nothing" in await followed(browser, await browser.post(f"{path}/pause", data={"at": "page"}))
    assert (await browser.post(f"{path}/sync")).status_code == 409
    assert "goes on." in await followed(browser, await browser.post(f"{path}/resume", data={"at": "page"}))
    assert [(what, about.get("paused")) for _, what, about in await written_down(site)][1:] == [
        ("mailbox.synced", None),
        ("mailbox.changed", True),
        ("mailbox.changed", False),
    ]


async def test_options_are_saved_and_what_is_wrong_is_said_at_its_field(site: Site) -> None:
    browser = await site.console()
    made = await connect(site.api, site.servers)
    path = f"{MAILBOXES}/{made['id']}"
    await change_box(site, made["id"], proposals='["ap@acme.example", "hello@acme.example"]')
    form = {"share_with_admins": "true", "auto_create": "lead", "aliases": "ana.putri@acme.example\r\na@old.example"}
    saved = await browser.post(path, data={**form, "proposed": ["ap@acme.example"], "sent": "Verzonden"})
    assert "are saved." in await followed(browser, saved)
    box = (await site.api.get(f"/v1{path}")).json()
    assert (box["threads"], box["share_with_admins"], box["auto_create"], box["sent"]) == (
        False,
        True,
        "lead",
        "Verzonden",
    )
    assert box["aliases"] == ["a@old.example", "ana.putri@acme.example", "ap@acme.example"]
    assert box["proposals"] == ["hello@acme.example"]
    wrong = await browser.post(path, data={**form, "aliases": "ok@acme.example\nnobody"})
    assert (wrong.status_code, "'nobody' is no e-mail address" in check_page(wrong).text.replace("’", "'")) == (
        422,
        True,
    )
    assert "ok@acme.example\nnobody</textarea>" in wrong.text
    entries = await written_down(site)
    assert entries[-1][1] == "mailbox.changed"
    assert entries[-1][2]["aliases"] == box["aliases"]
    assert {"threads", "share_with_admins", "auto_create", "sent_path"} < set(entries[-1][2])
    await browser.post(path, data={**form, "aliases": "\n".join(box["aliases"]), "sent": "Verzonden"})
    assert len(await written_down(site)) == len(entries)  # nothing was changed by that


async def test_e2_only_admins_make_a_mailbox_shared_and_back_and_name_its_owner(site: Site) -> None:
    owner, user = await site.console(), await browser_of(site, "dimas@acme.example", shared_mail=True)
    path = f"{MAILBOXES}/{(await connect(site.api, site.servers))['id']}"
    assert "is shared now." in await followed(owner, await owner.post(f"{path}/kind", data={"kind": "shared"}))
    assert "read it: 2 people." in (await shown(owner, path)).text
    for form in ({"kind": "personal", "owner": "nobody@acme.example"}, {"kind": "personal"}):
        wrong = await owner.post(f"{path}/kind", data=form)
        assert (wrong.status_code, "Nobody in your account has this address." in wrong.text) == (422, True)
    assert (
        await user.post(f"{path}/kind", data={"kind": "personal", "owner": "dimas@acme.example"})
    ).status_code == 403
    given = await owner.post(f"{path}/kind", data={"kind": "personal", "owner": " Dimas@acme.example"})
    assert "is personal now." in await followed(owner, given)
    assert "Only you" not in (await shown(owner, path)).text
    assert [what for _, what, _ in await written_down(site)][1:] == ["mailbox.kind_changed"] * 2


async def test_e2_each_sees_and_may_do_what_is_theirs(site: Site) -> None:
    admin, plain = await site.console(), await browser_of(site, "umar@acme.example")
    team = await browser_of(site, "rita@acme.example", shared_mail=True)
    dimas = await add_reader(site, "dimas@acme.example")
    own = f"{MAILBOXES}/{await boxes.connect(site, 'dimas@acme.example', dimas.id)}"
    shared = f"{MAILBOXES}/{await boxes.connect(site, 'sales@acme.example', site.acme.owner.id, kind='shared')}"
    seen = {name: (await shown(one, MAILBOXES)) for name, one in (("admin", admin), ("plain", plain), ("team", team))}
    assert [name for name, page in seen.items() if own in page.links] == ["admin"]
    assert [name for name, page in seen.items() if shared in page.links] == ["admin", "team"]
    theirs = (await shown(admin, own)).text
    assert "of dimas@acme.example" in theirs
    assert "Save options" not in theirs
    assert "Disconnect…" in theirs
    assert "Make it shared" in theirs
    watched = (await shown(team, shared)).text
    assert [word for word in ("Save options", "Disconnect…", "Fetch now", "Make it") if word in watched] == []
    for action in ("", "/sync", "/pause", "/disconnect"):
        assert (await team.post(f"{shared}{action}")).status_code == 403, action
        assert (await plain.post(f"{shared}{action}")).status_code == 404, action
    assert (await team.get(f"{shared}/disconnect")).status_code == 403
    assert (
        "Only admins connect shared mailboxes." in (await shown(plain, f"{MAILBOXES}/add?address=u@acme.example")).text
    )
    refused = await plain.post(
        f"{MAILBOXES}/add", data={"address": "u@acme.example", "kind": "shared", "password": "x"}
    )
    assert refused.status_code == 403


async def test_e9_disconnecting_tells_the_numbers_before_and_keeps_or_deletes(site: Site) -> None:
    browser = await site.console()
    box = await boxes.connect(site, ANA, site.acme.owner.id)
    path = f"{MAILBOXES}/{box}"
    for n in range(2):
        await bring(site, box, letter(f"Offer {n}", text=str(n)))
    asked = (await shown(browser, f"{path}/disconnect")).text
    assert "ana@acme.example brought 2 mails." in asked
    assert "2 mails become lines that nobody can read. 3 cards show such lines." in asked
    assert "Its mail stays here." in await followed(browser, await browser.post(f"{path}/disconnect"))
    listed = await shown(browser, MAILBOXES)
    assert "/mailboxes/add?address=ana%40acme.example" in listed.links
    assert "Keep it" not in (await shown(browser, f"{path}/disconnect")).text
    deleted = await browser.post(f"{path}/disconnect", data={"emails": "delete"})
    assert "and its mail is deleted here." in await followed(browser, deleted)
    assert "brought 0 mails." in (await shown(browser, f"{path}/disconnect")).text
    assert "It was connected before." in (await shown(browser, f"{MAILBOXES}/add?address={ANA}")).text
    assert [(what, about) for _, what, about in await written_down(site)] == [
        ("mailbox.disconnected", {"name": ANA}),
        ("mailbox.disconnected_with_mail", {"name": ANA}),
    ]


@pytest.mark.parametrize("path", ["/mailboxes/live", "/mailboxes/{id}/live"])
async def test_what_changes_is_told_to_pages_that_are_open(site: Site, path: str) -> None:
    browser = await site.console()
    box = (await connect(site.api, site.servers))["id"]
    await change_box(site, box, done=5, total=500)
    told: list[dict[str, str]] = []
    states: Iterator[dict[str, Any]] = iter([{"done": 250}, {"state": "auth_failed", "error": "refused"}])

    async def take(message: Any) -> None:
        for line in message.get("body", b"").decode().splitlines():
            if line.startswith("data: "):
                told.append(json.loads(line[6:]))
                changed = next(states, None)
                if changed is None:
                    site.app.state.live.close()
                else:
                    await change_box(site, box, **changed)

    async def never() -> Any:
        await asyncio.Event().wait()

    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = [(b"cookie", cookie.encode()), (b"host", b"crm.example")]
    scope = {"type": "http", "method": "GET", "path": path.format(id=box), "query_string": b"", "headers": headers}

    await site.app(scope | {"http_version": "1.1", "raw_path": b"", "root_path": "", "scheme": "http"}, never, take)
    assert ["5 of 500 mails" in told[0]["html"], "250 of 500 mails" in told[1]["html"]] == [True, True]
    assert [one["said"] for one in told] == ["", f"Import of {ANA}: 250 of 500 mails", f"{ANA} no longer lets us in"]


async def test_e12_the_addresses_we_connect_from_stand_among_the_settings_or_beside_the_mailboxes(site: Site) -> None:
    site.app.state.services = replace(site.app.state.services, egress=("192.0.2.10", "2001:db8::/64"))
    admin, user = await site.console(), await browser_of(site, "dimas@acme.example")
    tabs = await shown(admin, "/egress")
    assert "/settings/users" in tabs.links
    plain = await shown(user, "/egress")
    assert [link for link in plain.links if link.startswith("/settings")] == []
    for page in (tabs, plain):
        assert "192.0.2.10" in page.text
        assert "2001:db8::/64" in page.text
