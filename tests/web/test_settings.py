"""What people change of themselves and admins of their account, in pages: checked as by the API, and written down."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx2
import pytest

from gateway.usecases import accounts, tokens, users
from gateway.usecases.show_audit import drop_done
from gateway.usecases.users import Change
from gateway.web.console import journal
from tests.web.boxes import add_reader, connect
from tests.web.site import DOMAINS, HOUSE, URL, Site, check_page, letter

PAGES = ("/settings", "/settings/rename", "/settings/users", "/settings/tokens", "/settings/audit")


async def as_user(site: Site) -> httpx2.AsyncClient:
    """The browser of Dimas, who is a plain user."""
    secret = await site.add_user("dimas@acme.example", "Dimas", kind="sign_in")
    return await site.console(f"{URL}/sign-in/{secret}")


async def audit(site: Site, **query: str) -> list[tuple[str, str, dict[str, Any]]]:
    rows = (await site.api.get("/v1/audit", params=query)).json()["data"]
    return [(one["who"], one["what"], one["about"]) for one in rows]


async def test_a_user_sees_none_of_the_admins_pages_and_no_link_to_one(site: Site) -> None:
    browser = await as_user(site)
    for path in ("/", "/me"):
        page = check_page(await browser.get(path))
        assert not [link for link in page.links if link.startswith(("/settings", "/setup"))], path
    own = site.acme.owner.id
    for path in (*PAGES, f"/settings/users/{own}"):
        answer = await browser.get(path)
        assert answer.status_code == 403, path
        assert "for the admins of your account" in check_page(answer).text
    posts = ("", "/rename", "/users", "/tokens", f"/users/{own}", f"/users/{own}/link", f"/users/{own}/remove")
    for path in posts:
        assert (await browser.post(f"/settings{path}")).status_code == 403, path
    assert (await site.client(await site.add_user("e@acme.example", "E")).get("/v1/audit")).status_code == 403


async def test_options_are_changed_as_by_the_api_and_written_down(site: Site) -> None:
    browser = await site.console()
    given = {
        "name": "Acme  Coffee Machines",
        "copy_policy": "cc_or_to",
        "strangers": "hold",
        "own_domains": "acme.example\r\n.acme.example\r\n",
        "never_log": "news@shop.example; shop.example",
        "rename_grace_days": "7",
        "link_mailbox": "",
    }
    assert (await browser.post("/settings", data=given)).headers["location"] == "/settings?done=changed"
    account = (await site.api.get("/v1/account")).json()
    assert (account["name"], account["copy_policy"], account["strangers"]) == (
        "Acme Coffee Machines",
        "cc_or_to",
        "hold",
    )
    assert account["own_domains"] == [".acme.example", "acme.example"]
    assert account["never_log"] == ["news@shop.example", "shop.example"]
    page = check_page(await browser.get("/settings?done=changed"))
    assert "Your changes are saved." in page.text
    who, what, about = (await audit(site))[0]
    assert (who, what, about["strangers"], about["rename_grace_days"]) == (
        "ana@acme.example",
        "account.changed",
        "hold",
        7,
    )
    assert "link_mailbox" not in about
    assert "mail of strangers: hold" in check_page(await browser.get("/settings/audit")).text


WRONG = {
    "own_domains": "gmail.com",
    "never_log": "shop",
    "rename_grace_days": "many",
    "name": " ",
    "copy_policy": "bcc",
    "strangers": "maybe",
    "link_mailbox": "none@acme.example",
}


@pytest.mark.parametrize(("field", "value"), WRONG.items(), ids=WRONG)
async def test_a_wrong_option_is_told_at_its_field_and_nothing_is_saved(site: Site, field: str, value: str) -> None:
    browser = await site.console()
    given = {"name": "New name", "copy_policy": "cc", "strangers": "accept", "rename_grace_days": "0"}
    answer = await browser.post("/settings", data=given | {field: value})
    assert answer.status_code == 422
    page = check_page(answer)
    assert "Nothing is saved yet." in page.text
    assert 'class="hint word bad"' in answer.text
    assert "allowed" in page.text
    assert (await site.api.get("/v1/account")).json()["name"] == "Acme Coffee"


async def test_renaming_says_what_stops_working_and_asks_twice(site: Site) -> None:
    browser = await site.console()
    page = check_page(await browser.get("/settings/rename"))
    assert "These stop working at once:" in page.text
    for address in ("acme@mail.kommo.com", "acme+contact@mail.kommo.com", "acme+lead@mail.kommo.com"):
        assert address in page.text
    assert "stays yours for 3650 days" in page.text
    refused = {
        "another the second time": ({"slug": "apex", "again": "apec"}, 422, "not the same name"),
        "the name it has": ({"slug": "acme", "again": "acme"}, 422, "the name it has"),
        "another account's": ({"slug": "other", "again": "other"}, 409, "Another account has this name"),
        "no name": ({"slug": "a b", "again": "a b"}, 422, "2 to 40"),
    }
    for name, (data, status, said) in refused.items():
        answer = await browser.post("/settings/rename", data=data)
        assert (answer.status_code, said in check_page(answer).text) == (status, True), name
    assert (await site.api.get("/v1/account")).json()["slug"] == "acme"
    done = await browser.post("/settings/rename", data={"slug": "Apex", "again": "apex"})
    assert done.headers["location"] == "/settings?done=renamed"
    assert "apex+lead@mail.kommo.com" in check_page(await browser.get("/settings?done=renamed")).text
    assert (await audit(site))[0] == ("ana@acme.example", "account.renamed", {"former": "acme", "name": "apex"})
    assert "Renamed the account acme → apex" in check_page(await browser.get("/settings/audit")).text
    events = (await site.api.get("/v1/events", params={"type": "account.renamed"})).json()["data"]
    assert len(events) == 1
    assert "551" in (said := await site.hand(letter())) or "5.1.6" in said


async def test_with_days_of_grace_the_page_says_so(site: Site) -> None:
    await site.api.patch("/v1/account", json={"rename_grace_days": 14})
    page = check_page(await (await site.console()).get("/settings/rename"))
    assert "After 14 days these stop working:" in page.text


def shown_secret(answer: httpx2.Response, begins: str) -> str:
    found = re.search(rf'data-copy="({re.escape(begins)}[^"]+)"', answer.text)
    assert found is not None
    return html.unescape(found[1])


async def test_a_user_is_added_with_a_link_that_is_shown_once(site: Site) -> None:
    browser = await site.console()
    answer = await browser.post("/settings/users", data={"email": "Dimas@acme.example", "shared_mail": "true"})
    assert answer.status_code == 201
    assert "Dimas is a user now." in check_page(answer).text
    link = shown_secret(answer, f"{URL}/sign-in/")
    assert link not in (await browser.get("/settings/users")).text
    dimas = await site.console(link)
    assert "Hello, Dimas" in check_page(await dimas.get("/")).text
    [made] = [one for one in (await site.api.get("/v1/users")).json()["data"] if one["email"] == "dimas@acme.example"]
    assert (made["role"], made["shared_mail"]) == ("user", True)
    assert [what for _, what, _ in await audit(site)][:3] == ["session.opened", "link.made", "user.added"]


@pytest.mark.parametrize("email", ["", "dimas", "x@mail.kommo.com", "ana@acme.example"])
async def test_who_cannot_be_a_user_is_told_why(site: Site, email: str) -> None:
    answer = await (await site.console()).post(
        "/settings/users", data={"email": email, "name": "Kept", "role": "admin"}
    )
    assert answer.status_code == 422
    check_page(answer)
    assert 'id="email-hint"' in answer.text
    assert 'value="Kept"' in answer.text
    assert re.search('value="admin" checked', answer.text)


async def test_a_user_is_changed_and_removed_and_the_reason_stands_where_not(site: Site) -> None:
    browser, own = await site.console(), site.acme.owner.id
    dimas = await add_reader(site, "dimas@acme.example")
    path = f"/settings/users/{dimas.id}"
    changed = await browser.post(path, data={"name": "Dimas W", "role": "admin"})
    assert changed.headers["location"] == f"{path}?done=changed"
    assert (await audit(site))[0][1:] == (
        "user.changed",
        {"name": "dimas@acme.example", "called": "Dimas W", "role": "admin"},
    )
    wrong = await browser.post(path, data={"name": "", "role": "user"})
    assert (wrong.status_code, 'id="name-hint"' in wrong.text) == (422, True)
    box = await connect(site, "dimas@acme.example", dimas.id)
    assert "owns the mailbox dimas@acme.example; disconnect it first." in check_page(await browser.get(path)).text
    assert (await browser.post(f"{path}/remove")).status_code == 409
    assert (await site.api.delete(f"/v1/mailboxes/{box}?emails=keep")).status_code < 300
    assert (await browser.post(f"{path}/remove")).headers["location"] == "/settings/users?removed=1"
    assert (await audit(site))[0][1:] == ("user.removed", {"name": "dimas@acme.example"})
    alone = check_page(await browser.get(f"/settings/users/{own}")).text
    assert "now. ana@acme.example is the last admin of account acme" in alone
    answer = await browser.post(f"/settings/users/{own}", data={"name": "Ana", "role": "user"})
    assert (answer.status_code, "last admin" in check_page(answer).text) == (422, True)
    assert (await browser.post(f"/settings/users/{own}/remove")).status_code == 409
    for what in ("", "/link", "/password/remove", "/remove"):
        assert (await browser.post(f"{path}{what}")).status_code == 404, what


async def test_no_admin_comes_in_as_somebody_whose_mail_nobody_else_may_read(site: Site) -> None:
    """A link, or a token, of theirs would open their mailbox (E2)."""
    browser, dimas = await site.console(), await add_reader(site, "dimas@acme.example")
    path = f"/settings/users/{dimas.id}"
    assert (await browser.post(f"{path}/link")).status_code == 201
    assert (await site.api.post("/v1/tokens", json={"user": dimas.id})).status_code == 201
    await connect(site, "dimas@acme.example", dimas.id)
    assert "only whoever runs this server can make a link" in check_page(await browser.get(path)).text
    answer = await browser.post(f"{path}/link")
    assert (answer.status_code, "/sign-in/sgi_" in answer.text) == (409, False)
    refused = await site.api.post("/v1/tokens", json={"user": dimas.id})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/user")
    assert (await site.client(dimas.token).post("/v1/contacts", json={"emails": ["x@y.example"]})).status_code == 201


async def test_a_forgotten_password_is_removed_by_an_admin(site: Site) -> None:
    browser, dimas = await site.console(), await as_user(site)
    await dimas.post("/me/password", data={"new": "correct horse battery"})
    [id] = [one["id"] for one in (await site.api.get("/v1/users")).json()["data"] if one["email"].startswith("dimas")]
    assert "Remove the password" in check_page(await browser.get(f"/settings/users/{id}")).text
    answer = await browser.post(f"/settings/users/{id}/password/remove")
    assert answer.headers["location"] == f"/settings/users/{id}?done=password"
    assert "Remove the password" not in check_page(await browser.get(answer.headers["location"])).text
    assert (await dimas.get("/me")).status_code == 303


async def test_a_token_is_made_shown_once_and_revoked(site: Site) -> None:
    browser = await site.console()
    answer = await browser.post("/settings/tokens", data={"name": "Reports", "scope": ["read"], "ends": "30d"})
    assert answer.status_code == 201
    secret = shown_secret(answer, "sga_")
    assert secret not in (await browser.get("/settings/tokens")).text
    assert (await site.client(secret).get("/v1/contacts")).status_code == 200
    assert (await site.client(secret).post("/v1/contacts", json={"emails": ["a@b.example"]})).status_code == 403
    [id] = re.findall(r"/settings/tokens/(\w+)/revoke", answer.text)[:1]
    assert (await browser.post(f"/settings/tokens/{id}/revoke")).headers["location"] == "/settings/tokens?revoked=1"
    assert (await site.client(secret).get("/v1/contacts")).status_code == 401
    assert (await browser.post(f"/settings/tokens/{id}/revoke")).status_code == 404
    assert [row[1:] for row in await audit(site)][:2] == [
        ("token.revoked", {"name": "Reports", "user": "ana@acme.example"}),
        ("token.made", {"name": "Reports", "user": "ana@acme.example"}),
    ]


@pytest.mark.parametrize("data", [{"name": "", "scope": "read"}, {"name": "X"}, {"name": "X", "scope": "root"}])
async def test_a_token_without_a_name_or_a_right_is_not_made(site: Site, data: dict[str, str]) -> None:
    answer = await (await site.console()).post("/settings/tokens", data=data)
    assert (answer.status_code, 'class="hint word bad"' in answer.text) == (422, True)
    check_page(answer)


async def test_who_did_what_is_paged_and_asked_for_by_person(site: Site) -> None:
    browser = await site.console()
    for n in range(60):
        await site.api.patch("/v1/account", json={"rename_grace_days": n + 1})
    await site.store.write(lambda tx: users.add_user(tx, "acme", "priya@acme.example", DOMAINS))
    first = check_page(await browser.get("/settings/audit"))
    assert "Added a user priya@acme.example · role: user Whoever runs the server by a command" in first.text
    further = next(link for link in first.links if "after=" in link)
    second = check_page(await browser.get(further))
    assert "Opened the account acme" in second.text
    operator = check_page(await browser.get("/settings/audit?who=operator")).text
    assert "Added a user" in operator
    assert "Changed the options" not in operator
    mine = check_page(await browser.get(f"/settings/audit?who={site.acme.owner.id}")).text
    assert "Added a user" not in mine
    assert "Nothing yet." in check_page(await browser.get("/settings/audit?who=nobody")).text
    assert {who for who, _, _ in await audit(site, user="operator")} == {""}
    assert await audit(site, user="nobody") == []
    other = await site.console(site.other.sign_in_url)
    assert "priya" not in check_page(await other.get("/settings/audit")).text


TOLD: dict[str, tuple[dict[str, Any], str]] = {
    "a name that changed": ({"former": "acme", "name": "apex"}, "acme → apex"),
    "a field that changed its name": ({"name": "Machine", "before": "Model"}, "Model → Machine"),
    "a status": ({"name": "Offer", "before": "open", "status": "won"}, "Offer · open → won"),
    "no ids": ({"name": "Bob", "kind": "contact", "message": "01KDT4X2R800000000000000AB"}, "Bob · contact"),
    "what it meant": ({"stays_for_others": True}, "others still have it"),
    "what it didn't mean": ({"stays_for_others": False}, ""),
    "a right that was taken": ({"name": "Bob", "shared_mail": False}, "Bob · may read shared mailboxes: no"),
}


@pytest.mark.parametrize(("about", "said"), TOLD.values(), ids=TOLD)
def test_what_was_done_is_told_in_words(about: dict[str, Any], said: str) -> None:
    assert journal.told(about) == said


async def test_commands_of_the_operator_are_written_down(site: Site) -> None:
    def work(tx: Any) -> None:
        made, _ = tokens.create_token(tx, "acme", "ana@acme.example", tokens.Wish("Backup"))
        tokens.revoke_token(tx, "acme", made.id)
        users.add_user(tx, "acme", "x@acme.example", DOMAINS)
        users.set_user(tx, "acme", "x@acme.example", Change(role="admin"))
        users.set_user(tx, "acme", "x@acme.example", Change(role="admin"))
        users.remove_user(tx, "acme", "x@acme.example")
        accounts.set_account(tx, HOUSE, "acme", {"strangers": "hold"})
        accounts.rename_account(tx, HOUSE, "acme", "apex")
        accounts.rename_account(tx, HOUSE, "apex", "apex")

    await site.store.write(work)
    done = [what for who, what, _ in reversed(await audit(site)) if who == ""]
    assert done == [
        "account.opened",
        "token.made",
        "link.made",
        "token.revoked",
        "user.added",
        "user.changed",
        "user.removed",
        "account.changed",
        "account.renamed",
    ]


async def test_what_was_done_long_ago_is_forgotten(site: Site) -> None:
    assert await audit(site)
    assert await drop_done(site.store, 1) == 0
    assert await drop_done(site.store, -1) == 2
    assert await audit(site) == []


async def test_people_change_their_name_and_language(site: Site) -> None:
    browser = await site.console()
    answer = await browser.post("/me", data={"name": "Ana  Putri", "language": "id"})
    assert answer.headers["location"] == "/me?done=profile"
    assert '<html lang="id">' in (await browser.get("/me")).text
    assert "Ana Putri" in (await browser.get("/")).text
    for wrong in ({"name": " ", "language": ""}, {"name": "Ana", "language": "tlh"}):
        assert (await browser.post("/me", data=wrong)).status_code == 422
    await browser.post("/me", data={"name": "Ana", "language": ""})
    asked = await browser.get("/me", headers={"Accept-Language": "pt"})
    assert '<html lang="pt-BR">' in asked.text


async def test_a_password_is_changed_by_who_knows_it_and_everybody_else_is_out(site: Site) -> None:
    first, second = await site.console(), site.client(Accept="text/html")
    await first.post("/me/password", data={"new": "correct horse battery"})
    signed = {"account": "acme", "email": "ana@acme.example", "password": "correct horse battery"}
    await second.post("/sign-in", data=signed)
    stolen = second.cookies["smartgate_session"]
    for present, new, status in (("", "another good one", 422), ("wrong", "another good one", 422), ("x", "", 422)):
        assert (await second.post("/me/password", data={"present": present, "new": new})).status_code == status
    short = await second.post("/me/password", data={"present": "correct horse battery", "new": "short"})
    assert (short.status_code, "10 to 200 characters" in check_page(short).text) == (422, True)
    changed = await second.post("/me/password", data={"present": "correct horse battery", "new": "another good one"})
    assert changed.headers["location"] == "/me?done=password"
    assert second.cookies["smartgate_session"] != stolen
    assert (await second.get("/me")).status_code == 200
    for out in (first, site.client(Cookie=f"smartgate_session={stolen}")):
        assert (await out.get("/me")).status_code == 303
    removed = await second.post("/me/password", data={"present": "another good one", "remove": "true"})
    assert removed.headers["location"] == "/me?done=no-password"
    assert (await second.post("/sign-in", data=signed | {"password": "another good one"})).status_code == 422
    assert [what for _, what, _ in await audit(site) if what.startswith("password")] == [
        "password.removed",
        "password.changed",
        "password.set",
    ]


async def test_wrong_present_passwords_slow_down(site: Site) -> None:
    browser = await site.console()
    await browser.post("/me/password", data={"new": "correct horse battery"})
    for _ in range(10):
        assert (await browser.post("/me/password", data={"present": "x", "new": "something else"})).status_code == 422
    answer = await browser.post("/me/password", data={"present": "correct horse battery", "new": "something else"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert "Too many wrong passwords." in check_page(answer).text


async def test_sessions_are_listed_and_end_one_by_one_or_all_but_this(site: Site) -> None:
    browsers = [await site.console()]
    for n in range(3):
        link = await site.store.write(lambda tx: tokens.create_token(tx, "acme", "ana@acme.example")[1])
        browser = site.client(Accept="text/html", **{"User-Agent": f"curl/{n}"})
        await browser.get(f"/sign-in/{link}")
        browsers.append(browser)
    page = await browsers[0].get("/me")
    assert page.text.count("Sign out<span") == len(browsers) == 4
    check_page(page)
    assert page.text.count('class="tag ok"') == 1
    newest = re.findall(r"/me/sessions/(\w{26})/end", page.text)[0]
    strangers = await site.console(site.other.sign_in_url)
    assert (await strangers.post(f"/me/sessions/{newest}/end")).status_code == 404
    assert (await browsers[0].post(f"/me/sessions/{newest}/end")).headers["location"] == "/me?done=session"
    assert [(await one.get("/me")).status_code for one in browsers] == [200, 200, 200, 303]
    assert (await browsers[0].post(f"/me/sessions/{newest}/end")).status_code == 404
    assert (await browsers[1].post("/me/sessions/end-others")).headers["location"] == "/me?done=sessions"
    assert [(await one.get("/me")).status_code for one in browsers] == [303, 200, 303, 303]
    assert [row[1:] for row in await audit(site)][:2] == [
        ("session.revoked", {"number": 2}),
        ("session.revoked", {"device": "curl"}),
    ]


async def test_links_and_tokens_stand_on_no_page_of_people(site: Site) -> None:
    page = (await (await site.console()).get("/me")).text
    assert not re.search("sg[ias]_", page)
