"""Show people's own mailboxes, change them, and have one synced at once (rules E2, E5, E10, E14).

A mailbox that somebody may not know of is not there for them; one they know of and may not change is denied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from gateway.core.address import parse_address
from gateway.core.mailboxes import (
    AUTH_FAILED,
    AUTO_CREATE,
    DISCONNECTED,
    KINDS,
    PASSWORD,
    PAUSED,
    PERSONAL,
    READY,
    SHARED,
    SYNCED,
    Credential,
)
from gateway.core.refusals import Denied, Stale, Taken, Wrong
from gateway.core.resources import Mailbox
from gateway.core.visibility import ADMIN, may_edit
from gateway.sealing import Keyring, SealError
from gateway.store import audit
from gateway.store import mailboxes as store_of
from gateway.store.access import Principal
from gateway.store.accounts import get_user
from gateway.store.engine import Store, Tx
from gateway.store.ids import shared_time as now
from gateway.store.mailboxes import MailboxRow
from gateway.store.outbox import add_event
from gateway.store.reading import Page, Position
from gateway.usecases.mail_servers import (
    TRIED_OUT,
    MailServers,
    check_password,
    open_credential,
    seal_credential,
    wrong_of,
)

MOST_ALIASES = 100
_MOST_PATH = 500
_LOOKED_INTO = 1_000
_DENIED = {
    SHARED: Denied("This mailbox is shared: only admins of the account may change it."),
    PERSONAL: Denied("This is somebody's personal mailbox: only they may change it."),
}
_KIND = Denied("Only admins of the account make a mailbox personal or shared.")
_SHARING = Denied("Only whose mailbox it is may share it with the admins.")
_STATES = (READY, PAUSED)
_NOTED = ("kind", "owner", "share_with_admins", "threads", "auto_create", "keep_attachments", "sent_path")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """What is to change of a mailbox; None leaves it as it is. owner: a user's id, of one that is or was shared.

    aliases: all of them; proposals among them are confirmed. state: `paused`, or `ready` to go on. sent: a folder's
    path, empty for the one that the server names.
    """

    kind: str | None = None
    owner: str | None = None
    share_with_admins: bool | None = None
    aliases: tuple[str, ...] | None = None
    threads: bool | None = None
    auto_create: str | None = None
    keep_attachments: bool | None = None
    password: str | None = field(default=None, repr=False)
    state: str | None = None
    sent: str | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """Who wants to change what of which mailbox. unchanged: whether it is still as they have seen it."""

    writer: Principal
    id: str
    change: Change
    unchanged: Callable[[Mailbox], bool]
    gateway_domains: tuple[str, ...]


async def list_mailboxes(store: Store, reader: Principal, after: Position | None, limit: int) -> Page[Mailbox]:
    """The mailboxes the reader may know of, newest first."""
    eyes = reader.eyes
    page = await store.read(lambda tx: store_of.list_mailboxes(tx, reader.account, eyes, after, limit))
    return page.map(lambda pair: pair[1])


async def show_mailbox(store: Store, reader: Principal, id: str) -> Mailbox | None:
    """One mailbox; None where there is none that the reader may know of."""

    def show(tx: Tx) -> Mailbox | None:
        row = store_of.find_known(tx, reader.account, reader.eyes, id)
        return None if row is None else store_of.show_row(tx, row, reader.eyes)

    return await store.read(show)


async def try_password(
    store: Store, mail: MailServers, wanted: Edit, ring: Keyring
) -> bytes | Wrong | Taken | Denied | Stale | None:
    """Logs in once with the new password of a change, where that may be made at all: the credential, sealed.

    Raises SealError.
    """

    def look(tx: Tx) -> MailboxRow | Wrong | Taken | Denied | Stale | None:
        row = judge(tx, wanted)
        if isinstance(row, MailboxRow) and store_of.find_tried_out(tx, row.account, row.address, now()):
            return TRIED_OUT
        return row

    row = await store.read(look)
    if not isinstance(row, MailboxRow):
        return row
    sealed = await log_in(mail, row, wanted.change.password or "", ring)
    if isinstance(sealed, Wrong) and sealed.field == "password":
        at = now()
        await store.write(lambda tx: store_of.add_refused(tx, row.account, row.address, at), account=row.account)
    return sealed


async def log_in(mail: MailServers, row: MailboxRow, password: str, ring: Keyring) -> bytes | Wrong:
    """Logs in once with a new password: the credential, sealed. Raises SealError."""
    credential = Credential(PASSWORD, password)
    wrong = wrong_of(await mail.try_login(row.address, row.servers, credential), "imap", None)
    if wrong is not None:
        return wrong
    return seal_credential(ring, credential, row.account, row.id)


async def change_mailbox(
    store: Store, wanted: Edit, sealed: bytes | None
) -> Mailbox | Wrong | Taken | Denied | Stale | None:
    """The mailbox as it is then. sealed: its new credential, which was tried (E10)."""

    before: MailboxRow | Wrong | Taken | Denied | Stale | None = None

    def edit(tx: Tx) -> Mailbox | Wrong | Taken | Denied | Stale | None:
        nonlocal before
        before = judge(tx, wanted)
        return edit_row(tx, wanted.writer, before, wanted.change, sealed) if isinstance(before, MailboxRow) else before

    now_it_is = await store.write(edit, account=wanted.writer.account)
    if isinstance(before, MailboxRow) and _changes_hands(before, wanted.change):
        change = {"kind": wanted.change.kind or before.kind, "owner": wanted.change.owner or before.owner}
        _log.info(
            "mailbox.kind_changed",
            account=before.account,
            mailbox=before.id,
            by=wanted.writer.user,
            was=before.kind,
            **change,
        )
    return now_it_is


async def sync_mailbox(store: Store, writer: Principal, id: str) -> Mailbox | Taken | Denied | None:
    """Asks for a pass at once (E5); the mailbox as it is then."""
    return await store.write(lambda tx: want_sync(tx, writer, id), account=writer.account)


def judge(tx: Tx, wanted: Edit) -> MailboxRow | Wrong | Taken | Denied | Stale | None:
    """The mailbox to change, as it is; else why it isn't changed so."""
    row, change = store_of.find_known(tx, wanted.writer.account, wanted.writer.eyes, wanted.id), wanted.change
    if row is None:
        return None
    if not wanted.unchanged(store_of.show_row(tx, row, wanted.writer.eyes)):
        return Stale()
    return (
        _denied(wanted.writer, row, change)
        or _wrong_values(change)
        or _wrong_owner(tx, row, change)
        or _wrong_aliases(row, change, wanted.gateway_domains)
        or _wrong_state(row, change)
        or row
    )


def edit_row(tx: Tx, writer: Principal, row: MailboxRow, change: Change, sealed: bytes | None) -> Mailbox:
    """Changes what was judged, and writes down who did. sealed: a credential that was tried.

    Where others read it from now on, or another user owns it, the event tells everybody so in the same commit (E2).
    """
    before = store_of.find_aliases(tx, row.account, {row.id: row.address}).get(row.id, ())
    given = {
        name: value
        for name in ("kind", "share_with_admins", "threads", "auto_create", "keep_attachments")
        if (value := getattr(change, name)) is not None
    }
    after = replace(row, **given)
    if change.owner is not None:
        after = replace(after, owner=change.owner)
    if after.kind == SHARED or (after.kind != row.kind and change.share_with_admins is None):
        after = replace(after, share_with_admins=False)
    if _changes_hands(row, change):
        add_event(tx, row.account, "mailbox.kind_changed", row.id, now())
    if change.sent is not None:
        after = replace(after, sent_path=change.sent or None)
    if change.aliases is not None:
        aliases = _normal(change.aliases)
        store_of.set_addresses(tx, row.account, row.id, [row.address, *aliases])
        after = replace(after, proposals=tuple(one for one in row.proposals if one not in aliases))
    if sealed is not None:
        after = replace(after, credential=sealed, tries=0, failures=0, error="")
    after = _with_state(tx, after, change, renewed=sealed is not None)
    store_of.set_mailbox(tx, row, after)
    shown = store_of.show_row(tx, after)
    _note(tx, writer, row, after, before, shown.aliases)
    return shown


def want_sync(tx: Tx, writer: Principal, id: str) -> Mailbox | Taken | Denied | None:
    """Asks for a pass at once, in the transaction that is handed in."""
    row = store_of.find_known(tx, writer.account, writer.eyes, id)
    if row is None:
        return None
    if not may_edit(writer.eyes, row.box):
        return _DENIED[row.kind]
    if row.state not in SYNCED:
        return Taken(_why_not_synced(row), row.id)
    at = now()
    after = replace(row, wanted_at=at, next_sync_at=at)
    store_of.set_mailbox(tx, row, after)
    audit.note(tx, writer.actor, "mailbox.synced", id, at, name=row.address)
    return store_of.show_row(tx, after)


def count_locked(tx: Tx, keys: Callable[[], Keyring]) -> int:
    """How many of the newest mailboxes of all accounts have a credential that these keys don't open.

    keys: asked only where there is a credential, as asking may make a key file.
    """
    return sum(not _opens(row, keys) for row in store_of.list_sealed(tx, _LOOKED_INTO))


def _opens(row: MailboxRow, keys: Callable[[], Keyring]) -> bool:
    try:
        return bool(open_credential(keys(), row.credential or b"", row.account, row.id))
    except SealError:
        return False


def _denied(writer: Principal, row: MailboxRow, change: Change) -> Denied | None:
    eyes = writer.eyes
    if _changes_hands(row, change) and eyes.role != ADMIN:
        return _KIND
    rest = (change.aliases, change.threads, change.auto_create, change.keep_attachments, change.password, change.state)
    if any(one is not None for one in (*rest, change.sent)) and not may_edit(eyes, row.box):
        return _DENIED[row.kind]
    if change.share_with_admins is not None and eyes.user != (change.owner or row.owner):
        return _SHARING
    return None if may_edit(eyes, row.box) or eyes.role == ADMIN else _DENIED[row.kind]


def _note(
    tx: Tx,
    writer: Principal,
    before: MailboxRow,
    after: MailboxRow,
    aliases_before: tuple[str, ...],
    aliases: tuple[str, ...],
) -> None:
    """Writes down what somebody changed, by the names of the options; nothing where all is as it was."""
    changed = {name: getattr(after, name) for name in _NOTED if getattr(before, name) != getattr(after, name)}
    changed |= {"aliases": list(aliases)} if aliases != aliases_before else {}
    changed |= {"password": "changed"} if before.credential != after.credential else {}
    changed |= {"paused": after.state == PAUSED} if (before.state == PAUSED) != (after.state == PAUSED) else {}
    hands = any(getattr(before, name) != getattr(after, name) for name in ("kind", "owner"))
    if changed:
        what = "mailbox.kind_changed" if hands else "mailbox.changed"
        audit.note(tx, writer.actor, what, after.id, now(), name=after.address, **changed)


def _changes_hands(row: MailboxRow, change: Change) -> bool:
    return change.kind not in (None, row.kind) or change.owner not in (None, row.owner)


def _wrong_values(change: Change) -> Wrong | None:
    for name, value, allowed in (
        ("kind", change.kind, KINDS),
        ("auto_create", change.auto_create, AUTO_CREATE),
        ("state", change.state, _STATES),
    ):
        if value is not None and value not in allowed:
            return Wrong(name, f"{value[:80]!a} is not allowed; allowed: {', '.join(allowed)}")
    if change.sent is not None and (len(change.sent) > _MOST_PATH or not (change.sent.isprintable())):
        return Wrong("sent", f"this is no folder's path; allowed: at most {_MOST_PATH} characters on one line")
    return None if change.password is None else check_password(change.password)


def _wrong_owner(tx: Tx, row: MailboxRow, change: Change) -> Wrong | None:
    if change.owner is None:
        missing = row.kind == SHARED and change.kind == PERSONAL
        return Wrong("owner", "nobody is named; allowed: the id of the user whose it becomes") if missing else None
    if row.kind == PERSONAL and change.owner != row.owner:
        return Wrong("owner", "a personal mailbox stays its owner's; allowed: another owner of a shared one")
    if get_user(tx, row.account, change.owner) is None:
        return Wrong("owner", f"{change.owner[:80]!a} is no user of this account; allowed: a user's id")
    return None


def _wrong_aliases(row: MailboxRow, change: Change, gateway_domains: tuple[str, ...]) -> Wrong | None:
    if change.aliases is None:
        return None
    if len(change.aliases) > MOST_ALIASES:
        return Wrong("aliases", f"{len(change.aliases)} aliases are not allowed; allowed: at most {MOST_ALIASES}")
    for n, text in enumerate(change.aliases):
        found = parse_address(text)
        if found is None or found.domain.startswith("["):
            return Wrong(f"aliases/{n}", f"{text[:80]!r} is no e-mail address; allowed: one such as ana@example.com")
        if found.domain in gateway_domains:
            return Wrong(f"aliases/{n}", f"{text[:80]!r} is at a gateway domain; allowed: a person's own address")
        if found.key == row.address:
            return Wrong(f"aliases/{n}", f"{text[:80]!r} is the mailbox's own address; allowed: others of its owner")
    return None


def _wrong_state(row: MailboxRow, change: Change) -> Wrong | Taken | None:
    if row.state == DISCONNECTED and (change.state, change.password, change.sent) != (None, None, None):
        return Taken("This mailbox is disconnected: connect it again first.", row.id)
    if row.state == AUTH_FAILED and change.state is not None and (change.state == PAUSED or change.password is None):
        return Wrong("state", "its server doesn't let us in; allowed: ready, with a new `password`, or sign in again")
    return None


def _with_state(tx: Tx, row: MailboxRow, change: Change, *, renewed: bool) -> MailboxRow:
    """The state a mailbox has then, and when it is looked into."""
    if change.state == PAUSED:
        return replace(row, state=PAUSED, next_sync_at=None, wanted_at=None)
    resumed = row.state == PAUSED and change.state == READY
    if resumed or (renewed and row.state != PAUSED) or (change.sent is not None and row.state in SYNCED):
        at = now()
        return replace(row, state=store_of.find_resumed(tx, row), next_sync_at=at, wanted_at=at)
    return row


def _why_not_synced(row: MailboxRow) -> str:
    if row.state == AUTH_FAILED:
        return "This mailbox's server doesn't let us in: give it the new password, or sign in again."
    return f"This mailbox is {row.state}: {'go on with it' if row.state == PAUSED else 'connect it again'} first."


def _normal(aliases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found.key for text in aliases if (found := parse_address(text)) is not None))
