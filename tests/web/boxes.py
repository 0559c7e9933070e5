"""People's own mailboxes of Acme, their mail, and their servers, for stories about who sees what.

Mail comes in by the real desk and is then turned over to a mailbox, so every other row of it is as filing writes it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import insert, select, update

from gateway.core.mail import read_mail
from gateway.core.mailboxes import (
    PASSWORD,
    Credential,
    Server,
    Servers,
    about_credential,
    credential_as_json,
    servers_as_json,
)
from gateway.core.remote import RemoteFile
from gateway.store import tables
from gateway.store.access import issue_token
from gateway.store.accounts import add_user, find_account
from gateway.store.bodies import pack
from gateway.store.engine import Tx
from gateway.store.filing import dump
from gateway.store.ids import new_id
from gateway.usecases.accounts import _now
from gateway.usecases.mail_servers import Place, Trouble
from tests.web.site import KEYRING, Site

SERVERS = Servers(Server("imap.acme.example", 993))
UIDVALIDITY = 7


@dataclass
class Reader:
    """A user of Acme. token: of the API."""

    id: str
    email: str
    token: str


async def add_reader(site: Site, email: str, role: str = "user", *, shared_mail: bool = False) -> Reader:
    """Makes another user of Acme."""

    def add(tx: Tx) -> Reader:
        account = number(tx)
        user = add_user(tx, account, email, email.split("@")[0], role, _now(), shared_mail=shared_mail)
        return Reader(user.id, email, issue_token(tx, account, user.id, "api", _now()))

    return await site.store.write(add)


def number(tx: Tx) -> int:
    """The number of Acme."""
    account = find_account(tx, "acme")
    assert account is not None
    return account.number


async def connect(
    site: Site,
    address: str,
    owner: str,
    *,
    kind: str = "personal",
    share: bool = False,
    state: str = "ready",
    credential: Credential | None = None,
) -> str:
    """Connects a mailbox of a user (id); its id."""

    def add(tx: Tx) -> str:
        account, id = number(tx), new_id()
        plain = json.dumps(credential_as_json(credential or Credential(PASSWORD, "sesame"))).encode()
        row: dict[str, Any] = dict.fromkeys((column.name for column in tables.mailboxes.columns), 0)
        nothing = ("sent_path", "total", "last_sync_at", "next_sync_at", "wanted_at", "holder", "lease_until")
        row |= dict.fromkeys(nothing)
        row |= {"account": account, "id": id, "address": address, "provider": "acme.example", "kind": kind}
        row |= {"owner": owner, "share_with_admins": share, "state": state, "error": "", "host": "imap.acme.example"}
        row |= {"servers": dump(servers_as_json(SERVERS)), "auto_create": "off", "proposals": "[]"}
        row |= {"can_send": False, "threads": True, "keep_attachments": False, "created_at": _now()}
        row |= {"credential": None if state == "disconnected" else KEYRING.seal(plain, about_credential(account, id))}
        tx.execute(insert(tables.mailboxes), row)
        for role, path in (("inbox", "INBOX"), ("sent", "Sent")):
            folder: dict[str, Any] = {"account": account, "mailbox": id, "role": role, "path": path, "imported": True}
            folder |= {"uidvalidity": UIDVALIDITY, "last_uid": 0, "floor": 0}
            tx.execute(insert(tables.mailbox_folders), folder)
        return id

    return await site.store.write(add)


async def change_box(site: Site, box: str, **changed: Any) -> None:
    """Changes columns of a mailbox."""
    await site.store.write(
        lambda tx: tx.execute(update(tables.mailboxes).where(tables.mailboxes.c.id == box).values(changed))
    )


async def bring(site: Site, box: str | None, mail: bytes, *rcpt: str, carded: bool = True) -> str:
    """A mail comes, by a mailbox alone; its id. box: None for the smart addresses. carded: it stands on its cards.

    rcpt: left out, the +lead address."""
    known = {row["id"] for row in await all_messages(site)}
    assert (await site.hand(mail, *rcpt)).startswith("250")
    [id] = {row["id"] for row in await all_messages(site)} - known
    await site.store.write(lambda tx: _turn_over(tx, id, box, carded=carded))
    return str(id)


async def all_messages(site: Site) -> list[dict[str, Any]]:
    """Every row of messages."""
    return await site.store.read(lambda tx: [dict(row._mapping) for row in tx.execute(select(tables.messages))])


def _turn_over(tx: Tx, id: str, box: str | None, *, carded: bool) -> None:
    if not carded:
        tx.execute(tables.cards.delete().where(tables.cards.c.message == id))
    if box is not None:
        mine = tables.sources.c.message == id
        thread = tx.execute(select(tables.sources.c.thread).where(mine)).scalar_one()
        tx.execute(update(tables.sources).where(mine).values(road="imap", mailbox=box))
        there = select(tables.sources.c.n).where(tables.sources.c.thread == thread, tables.sources.c.mailbox.is_(None))
        assert tx.execute(there).first() is None, "its thread is another mail's as well: give it another subject"
        tx.execute(update(tables.threads).where(tables.threads.c.id == thread).values(mailbox=box))


async def also(site: Site, id: str, box: str | None, mail: bytes, folder: str = "inbox") -> int:
    """The message came by another road as well, with this content; the number of that source."""

    def add(tx: Tx) -> int:
        account, read = number(tx), read_mail(mail)
        n = len(tx.execute(select(tables.sources.c.n).where(tables.sources.c.message == id)).all())
        row = tx.execute(select(tables.messages).where(tables.messages.c.id == id)).one()
        people = tx.execute(select(tables.participants).where(tables.participants.c.message == id)).all()
        thread = new_id()
        tx.execute(
            insert(tables.threads).values(
                account=account,
                id=thread,
                mailbox=box or "smart",
                client=row.primary or "",
                subject_key=f"{row.base_subject} {thread}",
                subject=row.base_subject,
                count=1,
                last_at=row.at,
                conversation=row.conversation,
                answers=None,
            )
        )
        view: dict[str, Any] = {"subject": read.subject, "snippet": read.outline.snippet, "auth": {"spf": "pass"}}
        view["attachments"] = [asdict(one) for one in read.outline.attachments]
        for role in ("from", "to", "cc"):
            view[role] = [{"address": one.address, "name": one.name} for one in people if one.role == role]
        source = {"account": account, "message": id, "n": n, "road": "imap" if box else "smtp", "mailbox": box}
        source |= {"folder": folder, "thread": thread, "at": row.at, "view": dump(view), "removed_at": None}
        tx.execute(insert(tables.sources), source)
        body = pack(b"", mail)
        kept = {"account": account, "message": id, "n": n, "codec": body.codec, "trace": b"", "data": body.data}
        tx.execute(insert(tables.bodies), kept)
        return n

    return await site.store.write(add)


async def leave(site: Site, id: str, box: str, files: Sequence[RemoteFile], uid: int = 1, role: str = "sent") -> None:
    """The files of a message were left on the server of a mailbox."""

    def add(tx: Tx) -> None:
        row: dict[str, Any] = {"account": number(tx), "mailbox": box, "role": role, "uidvalidity": UIDVALIDITY}
        row |= {"uid": uid, "message": id, "parts": dump([asdict(one) for one in files]), "error": "", "tries": 0}
        tx.execute(insert(tables.remote_messages), row | {"gone_at": None})

    await site.store.write(add)


@dataclass
class FakeServers:
    """The door of mailboxes: hands over what is there, by folder, UID and part. asked: what it was asked for.

    It takes the password `sesame` and access tokens that it gave itself, of which each is renewed by the last one's
    refresh token only.
    """

    there: dict[tuple[str, int, str], bytes] = field(default_factory=dict)
    trouble: Trouble | None = None
    asked: list[Place] = field(default_factory=list)
    renewals: int = 0

    async def fetch(self, address: str, servers: Servers, credential: Credential, place: Place) -> bytes | Trouble:
        assert servers == SERVERS
        assert place.uidvalidity == UIDVALIDITY
        self.asked.append(place)
        known = credential.secret == "sesame" if credential.kind == PASSWORD else credential.access == self.access
        if not known:
            return Trouble("auth", "The server refuses the password.")
        if self.trouble is not None:
            return self.trouble
        found = self.there.get((place.folder, place.uid, place.part))
        return found if found is not None else Trouble("gone", "It is no longer there.")

    @property
    def access(self) -> str:
        return f"access {self.renewals}"

    async def renew(self, credential: Credential) -> Credential | Trouble:
        if credential.secret != f"refresh {self.renewals}":
            return Trouble("revoked", "Sign in again: your consent was withdrawn.")
        self.renewals += 1
        return Credential(credential.kind, f"refresh {self.renewals}", self.access, _now() + 3_600_000)
