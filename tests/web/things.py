"""One thing of each kind that a path may name, made fresh: what the rows of the role matrix are asked about.

Each carries a word that betrays where it comes from, so that a leak is seen in any answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from sqlalchemy import delete, select

from gateway.core.facts import Auth
from gateway.store import tables
from gateway.store.access import issue_token
from gateway.usecases.accounts import _now
from tests.web.boxes import Reader, add_reader, bring, connect, number
from tests.web.site import URL, Site, letter

OURS, PERSONAL, SHARED = "opal", "amethyst", "turquoise"
"""Stand in all things of the account; in what came by the personal mailbox alone, and by the shared one."""
BOXES = {"personal": "garnet", "shared": "jasper"}
"""Stand in the addresses of such mailboxes."""
CLIENT = f"{OURS}@client.example"
ANA = "ana@acme.example"


class Things:
    """What is there of Acme, and its readers. cached: things that only those see who may do nothing to them."""

    def __init__(self, site: Site) -> None:
        self.site, self.cached, self._n = site, dict[str, dict[str, str]](), count(1)
        self.readers: dict[str, Reader] = {}
        self.boxes: dict[str, str] = {}
        self.card = ""

    async def open(self) -> Things:
        """The readers, and mail in each mailbox."""
        site = self.site
        site.looker.found = Auth("pass", "pass", "pass", evaluated=True)
        self.readers = {
            "user": await add_reader(site, "umar@acme.example"),
            "team": await add_reader(site, "tari@acme.example", shared_mail=True),
            "owner": await add_reader(site, "dimas@acme.example"),
        }
        self.card = await self._post("contacts", name=f"{OURS} one", emails=[CLIENT])
        await self._post("endpoints", url=f"https://1.1.1.1/{OURS}")
        self.boxes = {kind: await self.box(kind) for kind in BOXES}
        self.boxes["alone"] = self.boxes["personal"]
        return self

    async def box(self, kind: str) -> str:
        """Another mailbox."""
        owner = self.readers["owner"].id if kind == "personal" else self.site.acme.owner.id
        return await connect(self.site, f"{BOXES[kind]}{next(self._n)}@acme.example", owner, kind=kind)

    async def mail(self, kind: str) -> str:
        """Another mail on the card of its client, which came in this way alone."""
        word, n = {"personal": PERSONAL, "alone": PERSONAL, "shared": SHARED}.get(kind, OURS), next(self._n)
        raw = letter(
            f"{word} {n}",
            to=f"{word} <{CLIENT}>",
            cc="acme@mail.kommo.com",
            text=f"quartz {word} {n}",
            files=[(f"{word}.txt", "text/plain", word.encode())],
        )
        id = await bring(self.site, self.boxes.get(kind), raw, "acme@mail.kommo.com", carded=kind != "alone")
        if kind in self.boxes:  # mail of a mailbox has no receipt
            gone = delete(tables.receipts).where(tables.receipts.c.message == id)
            await self.site.store.write(lambda tx: tx.execute(gone) and None)
        return id

    async def named(self, path: str, kind: str, *, fresh: bool) -> dict[str, str]:
        """What stands for the names in a path. kind: how the mail came, or of which kind the mailbox is."""
        thing = _thing(path)
        key, always = f"{thing} {kind}", {"n": "1", "card": self.card, "box": self.boxes["personal"]}
        if fresh:
            return always | await self._make(thing, kind)
        if key not in self.cached:
            self.cached[key] = await self._make(thing, kind)
        return always | self.cached[key]

    async def _make(self, thing: str, kind: str) -> dict[str, str]:
        makers: dict[str, Callable[[], Awaitable[dict[str, str]]]] = {
            "deleted": self._deleted,
            "held": self._held,
            "sessions": self._session,
            "undo": self._undo,
        }
        if not thing:
            return {}
        if thing in makers:
            return await makers[thing]()
        if thing in ("messages", "threads"):
            return await self._message(kind)
        if thing == "mailboxes":
            return {"id": await self.box(kind)}
        if thing in ("receipts", "deliveries", "told"):
            await self.mail("personal" if thing == "told" else "smart")
            newest = await self.site.api.get(f"/v1/{thing.replace('told', 'deliveries')}?limit=1")
            return dict.fromkeys(("id", "told"), newest.json()["data"][0]["id"])
        if thing.startswith("notes on "):
            return await self._note(thing.removeprefix("notes on "))
        id = await self._post(thing, **self._fields(thing))
        return {"id": id, "endpoint": id}

    def _fields(self, thing: str) -> dict[str, Any]:
        name = f"{OURS} {next(self._n)}"
        address = f"{name.replace(' ', '')}@acme.example"
        special: dict[str, dict[str, Any]] = {
            "contacts": {"name": name, "emails": [address.replace("acme", "client")]},
            "endpoints": {"url": f"https://1.1.1.1/{address}"},
            "fields": {"name": name, "kind": "contact"},
            "templates": {"name": name, "body": OURS},
            "tokens": {"name": name, "scopes": ["read"]},
            "users": {"name": name, "email": address},
        }
        return special.get(thing, {"name": name})

    async def _post(self, thing: str, **fields: Any) -> str:
        answer = await self.site.api.post(f"/v1/{thing}", json=fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def _message(self, kind: str) -> dict[str, str]:
        id = await self.mail(kind)
        wanted = select(tables.sources.c.thread).where(tables.sources.c.message == id)
        thread = await self.site.store.read(lambda tx: tx.execute(wanted).scalar_one())
        return {"id": id, "thread": str(thread)}

    async def _deleted(self) -> dict[str, str]:
        id = await self.mail("smart")
        assert (await self.site.api.delete(f"/v1/messages/{id}")).status_code == 204
        return {"deleted": id}

    async def _held(self) -> dict[str, str]:
        await self.site.api.patch("/v1/account", json={"strangers": "hold"})
        n = next(self._n)
        mail = letter(f"{OURS} {n}", author=f"{OURS} <{OURS}{n}@unknown.example>", to=ANA, text=OURS)
        assert (await self.site.hand(mail)).startswith("250 2.6.0 Held")
        return {"held": (await self.site.api.get("/v1/messages?folder=held&limit=1")).json()["data"][0]["id"]}

    async def _note(self, room: str) -> dict[str, str]:
        card, browser = await self._post(room, **self._fields(room)), await self.browser("admin")
        assert (await browser.post(f"/{room}/{card}/notes", data={"text": OURS})).status_code == 303
        wanted = select(tables.notes.c.id).where(tables.notes.c.card == card)
        return {"id": card, "note": str(await self.site.store.read(lambda tx: tx.execute(wanted).scalar_one()))}

    async def _session(self) -> dict[str, str]:
        await self.browser("admin")
        wanted = select(tables.tokens.c.id).where(tables.tokens.c.kind == "session", tables.tokens.c.user == self.ana)
        newest = wanted.order_by(tables.tokens.c.id.desc()).limit(1)
        return {"id": str(await self.site.store.read(lambda tx: tx.execute(newest).scalar_one()))}

    async def _undo(self) -> dict[str, str]:
        browser = await self.browser("admin")
        answer = await browser.post("/mail/bulk", data={"do": "delete", "id": await self.mail("smart")})
        return {"id": answer.headers["location"].partition("did=")[2]}

    async def is_filed(self, id: str) -> bool:
        """Whether a mail is neither deleted nor gone."""
        wanted = select(tables.messages.c.state).where(tables.messages.c.id == id)
        return bool(await self.site.store.read(lambda tx: tx.execute(wanted).scalar_one()) == "filed")

    @property
    def ana(self) -> str:
        return self.site.acme.owner.id

    def api(self, who: str) -> Any:
        """A client of the API for a reader."""
        tokens = {"admin": self.site.acme.token, "stranger": self.site.other.token, "nobody": None}
        return self.site.client(tokens[who] if who in tokens else self.readers[who].token)

    async def browser(self, who: str) -> Any:
        """A browser in which a reader is signed in."""
        if who == "nobody":
            return self.site.client(Accept="text/html")
        if who == "stranger":
            return await self.site.console(self.site.other.sign_in_url)
        user = self.ana if who == "admin" else self.readers[who].id
        link = await self.site.store.write(lambda tx: issue_token(tx, number(tx), user, "sign_in", _now()))
        return await self.site.console(f"{URL}/sign-in/{link}")


def _thing(path: str) -> str:
    """Of what kind is what a path names."""
    for name in ("held", "deleted", "thread", "note", "endpoint", "told"):
        if f"{{{name}}}" in path:
            plain = {"thread": "threads", "endpoint": "endpoints"}
            return {**plain, "note": f"notes on {path.split('/')[1]}"}.get(name, name)
    if "{id}" not in path:
        return ""
    if path.startswith(("/mail/", "/compose")):
        return "messages"
    segment = path.partition("/{id}")[0].rpartition("/")[2]
    return "receipts" if segment == "trace" else segment
