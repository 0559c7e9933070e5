"""Connect somebody's own mailbox: find its servers, try the password or ask for consent, and note it (rules E1, E2).

A log-in is tried before anything is written, so a mailbox that is connected was opened once. What can't be is a value:
`Wrong` names the field, `Halt` a field and what would get further, a page of the provider or servers to look at.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway.core.address import parse_address
from gateway.core.mailboxes import (
    AUTH_FAILED,
    AUTO_CREATE,
    DISCONNECTED,
    GOOGLE,
    IMPORTING,
    KINDS,
    MICROSOFT,
    PASSWORD,
    PERSONAL,
    SHARED,
    Credential,
    Found,
    Server,
    Servers,
)
from gateway.core.refusals import Denied, Taken, Wrong
from gateway.core.resources import Mailbox
from gateway.core.sent_names import words_about_sent
from gateway.core.visibility import ADMIN, may_edit, may_know
from gateway.sealing import Keyring
from gateway.store import audit
from gateway.store import mailboxes as store_of
from gateway.store.access import Principal
from gateway.store.engine import Store, Tx
from gateway.store.ids import new_id
from gateway.store.ids import shared_time as now
from gateway.store.mailboxes import MailboxRow
from gateway.store.outbox import add_event
from gateway.usecases.mail_servers import TRIED_OUT, MailServers, Tried, check_password, seal_credential, wrong_of

_ONLY_ADMINS = Denied("Only admins of the account connect shared mailboxes; connect it as a personal one.")
_NAMES = {GOOGLE: "Google", MICROSOFT: "Microsoft"}


@dataclass(frozen=True, slots=True)
class Wish:
    """A mailbox to connect. imap, smtp: None to be found. sent: the folder of sent mail, empty for the one that the
    server names."""

    address: str
    kind: str = PERSONAL
    password: str = field(default="", repr=False)
    imap: Server | None = None
    smtp: Server | None = None
    sent: str = ""
    share_with_admins: bool = False
    threads: bool = True
    auto_create: str = AUTO_CREATE[0]
    keep_attachments: bool = False


@dataclass(frozen=True, slots=True)
class Halt:
    """Why it can't be connected yet. consent: the provider whose page has to be opened for it, `google` or `microsoft`.
    found: what was found and has to be looked at and sent along, as it isn't sure. reason: the same as `wrong` says,
    without what a program does about it."""

    wrong: Wrong
    reason: str
    consent: str | None = None
    found: Found | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A mailbox that was opened once. wish: its address as addresses are compared. error: what is wrong all the same,
    in words."""

    wish: Wish
    provider: str
    servers: Servers
    credential: Credential
    can_send: bool
    error: str = ""


def check_address(text: str, gateway_domains: tuple[str, ...]) -> str | Wrong:
    """The address of a mailbox as addresses are compared (C7); no IDN domain, IP address or smart address (C9, E1)."""
    found = parse_address(text)
    if found is None:
        return Wrong("address", f"{text[:80]!r} is no e-mail address; allowed: one such as ana@example.com")
    if found.domain.startswith("["):
        return Wrong("address", f"{text[:80]!r} names a server by its number; allowed: an address at a domain")
    if any(label.startswith("xn--") for label in found.domain.split(".")):
        return Wrong("address", f"{text[:80]!r} is at an internationalised domain, whose mailboxes can't be connected")
    if found.domain in gateway_domains:
        return Wrong("address", f"{text[:80]!r} is at a gateway domain, where no mailboxes are; it needs no connecting")
    return found.key


def check_rights(writer: Principal, kind: str) -> Denied | Wrong | None:
    """Whether somebody may connect a mailbox of this kind (E2)."""
    if kind not in KINDS:
        return Wrong("kind", f"{kind[:80]!a} is not allowed; allowed: {', '.join(KINDS)}")
    return _ONLY_ADMINS if kind == SHARED and writer.role != ADMIN else None


async def discover(mail: MailServers, address: str, gateway_domains: tuple[str, ...]) -> Found | Wrong:
    """The provider of an address and its servers."""
    checked = check_address(address, gateway_domains)
    return checked if isinstance(checked, Wrong) else await mail.discover(checked)


async def connect_mailbox(
    store: Store, mail: MailServers, writer: Principal, wish: Wish, gateway_domains: tuple[str, ...], ring: Keyring
) -> Mailbox | Wrong | Taken | Denied | Halt:
    """Connects a mailbox, in whose state `importing` the poller finds it at once. Raises SealError."""
    address = check_address(wish.address, gateway_domains)
    if isinstance(address, Wrong):
        return address
    refused = await _refused(store, writer, replace(wish, address=address))
    if refused is not None:
        return refused
    opened = await open_mailbox(mail, replace(wish, address=address))
    if not isinstance(opened, Opened):
        wrong = opened.wrong if isinstance(opened, Halt) else opened
        if wish.password and wrong.field == "password":
            at = now()
            await store.write(lambda tx: store_of.add_refused(tx, writer.account, address, at), account=writer.account)
        return opened
    return await store.write(lambda tx: add_opened(tx, writer, opened, ring), account=writer.account)


async def open_mailbox(mail: MailServers, wish: Wish) -> Opened | Wrong | Halt:
    """Finds the servers of a checked address and logs in, once at each."""
    wrong = _check_fields(wish)
    if wrong is not None:
        return wrong
    found = await _choose(mail, wish)
    if not isinstance(found, Found):
        return found
    wrong = check_password(wish.password)
    if wrong is not None:
        return Wrong(wrong.field, f"{wrong.detail}{_page(found)}")
    credential = Credential(PASSWORD, wish.password)
    tried = await mail.try_login(wish.address, found.servers, credential)
    return _opened(wish, found, credential, tried)


async def connect_consented(
    store: Store, mail: MailServers, writer: Principal, wish: Wish, found: Found, credential: Credential, ring: Keyring
) -> Mailbox | Wrong | Taken | Denied | Halt:
    """Connects a mailbox with the tokens of somebody who consented. Raises SealError."""
    refused = await _refused(store, writer, wish)
    if refused is not None:
        return refused
    opened = _opened(wish, found, credential, await mail.try_login(wish.address, found.servers, credential))
    if not isinstance(opened, Opened):
        return opened
    return await store.write(lambda tx: add_opened(tx, writer, opened, ring), account=writer.account)


def find_conflict(tx: Tx, writer: Principal, wish: Wish) -> Taken | None:
    """What stands in the way of connecting an address: one is connected once an account. One that is disconnected, or
    whose log-in failed, is connected again by its owner, or by an admin where it is shared (E9, E10)."""
    parsed = parse_address(wish.address)
    row = None if parsed is None else store_of.find_address(tx, writer.account, parsed.key)
    if row is None:
        return None
    eyes = writer.eyes
    holder = row.id if may_know(eyes, row.box) else ""
    if row.state not in (DISCONNECTED, AUTH_FAILED):
        return Taken(f"{row.address} is connected already.", holder)
    if row.purging:
        return Taken(f"The mail of {row.address} is still being removed here; try again in a moment.", holder)
    if may_edit(eyes, row.box):
        return None
    who = "admins of the account" if row.kind == SHARED else "the user whose mailbox it is"
    return Taken(f"{row.address} was connected before; only {who} can connect it again.", holder)


def add_opened(tx: Tx, writer: Principal, opened: Opened, ring: Keyring) -> Mailbox | Taken:
    """Notes a mailbox that was opened; the event tells of it in the same commit. Raises SealError."""
    wish, at = opened.wish, now()
    taken = find_conflict(tx, writer, wish)
    if taken is not None:
        return taken
    before = store_of.find_address(tx, writer.account, wish.address)
    id = new_id() if before is None else before.id
    row = MailboxRow(
        account=writer.account,
        id=id,
        address=wish.address,
        provider=opened.provider,
        kind=wish.kind,
        owner=writer.user,
        share_with_admins=wish.share_with_admins and wish.kind == PERSONAL,
        state=IMPORTING,
        error=opened.error,
        servers=opened.servers,
        credential=seal_credential(ring, opened.credential, writer.account, id),
        can_send=opened.can_send,
        threads=wish.threads,
        auto_create=wish.auto_create,
        keep_attachments=wish.keep_attachments,
        sent_path=wish.sent or None,
        proposals=(),
        created_at=at,
        next_sync_at=at,
        wanted_at=at,
    )
    if before is None:
        store_of.add_mailbox(tx, row)
    else:
        row = _resumed(tx, before, row)
    add_event(tx, writer.account, "mailbox.connected", id, at)
    what = "mailbox.connected" if before is None else "mailbox.connected_again"
    audit.note(tx, writer.actor, what, id, at, name=row.address, kind=row.kind)
    return store_of.show_row(tx, row)


def _resumed(tx: Tx, before: MailboxRow, row: MailboxRow) -> MailboxRow:
    """A mailbox that is connected again goes on where it was, under its id (E9). One that is not disconnected keeps how
    it was set up."""
    after = replace(
        before,
        state=store_of.find_resumed(tx, before),
        provider=row.provider,
        servers=row.servers,
        credential=row.credential,
        can_send=row.can_send,
        error=row.error,
        failures=0,
        tries=0,
        next_sync_at=row.next_sync_at,
        wanted_at=row.wanted_at,
    )
    if before.state == DISCONNECTED:
        after = replace(
            after,
            kind=row.kind,
            owner=row.owner,
            share_with_admins=row.share_with_admins,
            threads=row.threads,
            auto_create=row.auto_create,
            keep_attachments=row.keep_attachments,
            sent_path=row.sent_path,
        )
        store_of.set_addresses(tx, row.account, row.id, [row.address])
    store_of.set_mailbox(tx, before, after)
    return after


async def _refused(store: Store, writer: Principal, wish: Wish) -> Wrong | Taken | Denied | None:
    """Why nobody needs to be asked for a log-in."""
    refused = check_rights(writer, wish.kind)
    if refused is not None:
        return refused

    def look(tx: Tx) -> Wrong | Taken | None:
        tried_out = store_of.find_tried_out(tx, writer.account, wish.address, now())
        return find_conflict(tx, writer, wish) or (TRIED_OUT if tried_out else None)

    return await store.read(look)


def _check_fields(wish: Wish) -> Wrong | None:
    if wish.auto_create not in AUTO_CREATE:
        return Wrong("auto_create", f"{wish.auto_create[:80]!a} is not allowed; allowed: {', '.join(AUTO_CREATE)}")
    if wish.smtp is not None and wish.imap is None:
        return Wrong("imap", "`smtp` alone is not enough; allowed: `imap`, `imap` and `smtp`, or neither")
    return None


async def _choose(mail: MailServers, wish: Wish) -> Found | Wrong | Halt:
    """The servers to log in at: those that were given, else those found that a password may go to."""
    if wish.imap is not None:
        return await _given(mail, wish, wish.imap)
    found = await mail.discover(wish.address)
    if isinstance(found, Wrong):
        return found
    if found.auth in _NAMES and (not wish.password or found.auth == MICROSOFT):
        reason, more = _why_consent(found, given=bool(wish.password))
        said = f"{reason}; open the page at `consent` and sign in there{more}"
        return Halt(Wrong("password", said), f"{reason}{more}", consent=found.auth)
    if not found.sure:
        shown = ", ".join(f"{one.host}:{one.port}" for one in (found.servers.imap, found.servers.smtp) if one)
        reason = f"the servers were guessed: {shown}"
        wrong = Wrong("imap", f"{reason}. Look at them, and send them as `imap` and `smtp`")
        return Halt(wrong, reason, found=found)
    return found


async def _given(mail: MailServers, wish: Wish, imap: Server) -> Found | Wrong:
    wrong = await mail.check_servers(Servers(imap, wish.smtp))
    if wrong is not None:
        return wrong
    smtp, page = wish.smtp, None
    if smtp is None and wish.password:
        found = await mail.discover(wish.address)
        if isinstance(found, Found) and found.sure and found.auth != MICROSOFT:
            smtp, page = found.servers.smtp, found.page
    name = imap.host.partition(".")[2] if imap.host.count(".") > 1 else imap.host
    return Found(wish.address, name, name, Servers(imap, smtp), PASSWORD, page, "given", True)


def _opened(wish: Wish, found: Found, credential: Credential, tried: Tried) -> Opened | Wrong | Halt:
    typed = wish.imap is not None
    wrong = wrong_of(tried, imap="imap/host" if typed else "address", smtp="smtp/host" if wish.smtp else None)
    if wrong is not None:
        wrong = Wrong(wrong.field, f"{wrong.detail}{_page(found)}") if wrong.field == "password" else wrong
        return (
            Halt(wrong, wrong.detail, consent=found.auth)
            if found.auth in _NAMES and wrong.field == "password"
            else wrong
        )
    error = ""
    if tried.folders and not wish.sent:
        error = words_about_sent(None, None, tried.folders)
    can_send = found.servers.smtp is not None and tried.smtp is None
    return Opened(wish, found.provider, found.servers, credential, can_send, error)


def _why_consent(found: Found, *, given: bool) -> tuple[str, str]:
    """Why somebody has to sign in at the provider, and what else gets further."""
    name = _NAMES[found.auth]
    if given:
        return f"{name} lets no program in by a password any more", ""
    return f"{name} asks its users themselves", _page(found)


def _page(found: Found) -> str:
    if found.page is None or found.auth == MICROSOFT:
        return ""
    return f"; {found.name} may want an app password, which is made at {found.page}"
