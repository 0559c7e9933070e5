"""What a batch of mails needs to know, read at once and kept up to date while the batch is decided (group commit).

After each decision its effects are folded into these facts, so that the next mail of the batch sees them: two mails of
one new client make one contact, two of one conversation one lead (C6, C7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.core.admission import OPERATORS
from gateway.core.envelope import Action, Envelope
from gateway.core.facts import NOT_EVALUATED, Account, Auth, Facts, Known, Lead, Origin
from gateway.core.mail import Mail
from gateway.core.mailboxes import SENT
from gateway.core.people import Cast, Kind, Team, cast_fetched, cast_people, with_parents
from gateway.core.quota import DEFAULT_QUOTAS, HOUR_MS, Quota, Quotas, outsider, scoped_keys
from gateway.core.visible import header_slugs
from gateway.store import facts as store
from gateway.store import locks
from gateway.store.bodies import StoredBody
from gateway.store.deletions import NOTE
from gateway.store.engine import Tx
from gateway.store.held import HELD
from gateway.store.quotas import Counted, find_quotas

_OPERATORS = store.AccountRow(OPERATORS, "", "Operators", "cc", "accept", 0)


@dataclass(frozen=True, slots=True)
class Handing:
    """One message for one account, read and packed. at: received, ms since 1970. started: monotonic nanoseconds.

    auth: what the door found out about its author (B5). released: the id of a held mail that an admin lets in (B7).
    block: the addresses among which what it creates is counted; None where its peer is spared (B8b). origin: of mail
    that was fetched from somebody's own mailbox.
    """

    account: int
    envelope: Envelope
    mail: Mail
    body: StoredBody
    at: int
    started: int
    auth: Auth = NOT_EVALUATED
    released: str | None = None
    block: str | None = None
    origin: Origin | None = None

    @property
    def mailbox(self) -> str:
        """The mailbox in which it threads (D): the smart addresses are one."""
        return store.SMART if self.origin is None else self.origin.mailbox

    @property
    def stands_at(self) -> int:
        """Where it stands in lists: when it came to its mailbox, or to us."""
        return self.at if self.origin is None else self.origin.at


@dataclass(slots=True)
class World:
    """The facts of one batch; the maps change as the batch is decided."""

    domains: frozenset[str]
    accounts: dict[int, Account]
    slugs: dict[str, int]
    contacts: dict[tuple[int, str], Known]
    filed: dict[tuple[int, str], store.FiledRow]
    referred: dict[tuple[int, str], list[store.Referred]]
    threads: dict[store.ThreadKey, store.ThreadRow]
    conversation_leads: dict[str, str | None]
    leads: dict[str, Lead]
    open_leads: dict[str, list[str]]
    customers: dict[str, list[str]]
    quotas: Quotas = DEFAULT_QUOTAS
    created: dict[Counted, int] = field(default_factory=dict)

    def answered(self, handing: Handing) -> list[store.Referred]:
        """Messages of ours that this one answers, nearest first (C6)."""
        return [
            found
            for reference in handing.mail.references
            for found in self.referred.get((handing.account, reference), ())
        ]

    def conversation(self, handing: Handing, thread: store.ThreadRow | None) -> str | None:
        """The conversation a message belongs to: the first candidate tied to a lead, else the nearest (C6)."""
        filed = self.came_before(handing)
        candidates = [filed.conversation] if filed else []
        candidates += [found.conversation for found in self.answered(handing)]
        candidates += [thread.conversation] if thread else []
        known = [one for one in candidates if one is not None]
        return next((one for one in known if self.conversation_leads.get(one)), known[0] if known else None)

    def facts(self, handing: Handing, cast: Cast, conversation: str | None) -> Facts:
        """The facts of one message as they stand now."""
        number = handing.account
        filed = self.came_before(handing)
        lead = self.conversation_leads.get(conversation) if conversation else None
        primary = self.contacts.get((number, cast.primary.key)) if cast.primary else None
        open_leads = self.open_leads.get(primary.id, ()) if primary else ()
        customers = self.customers.get(primary.id, ()) if primary else ()
        return Facts(
            account=self.accounts[number],
            slugs=self.slugs,
            contacts={
                one.key: known for one in cast.clients if (known := self.contacts.get((number, one.key))) is not None
            },
            duplicate=filed.filed if filed and filed.filed.state != NOTE else None,
            answers_ours=bool(self.answered(handing)),
            conversation_lead=self.leads.get(lead) if lead else None,
            primary_leads=tuple(self.leads[one] for one in open_leads),
            customer=customers[0] if len(customers) == 1 else None,
            auth=handing.auth,
            released=handing.released is not None,
            quota=self.quota(handing, cast),
            origin=handing.origin,
        )

    def quota(self, handing: Handing, cast: Cast) -> Quota | None:
        """What was caused so far where this mail is counted, else None (B8b)."""
        counted = self.counted(handing, cast)
        if not counted:
            return None
        return Quota({scope: self.created.get(one, 0) for scope, one in counted.items()}, self.quotas, counted.keys())

    def counted(self, handing: Handing, cast: Cast) -> dict[str, Counted]:
        """Under what an outsider's mail is counted, by scope; empty where it isn't, or can create nothing (B8b)."""
        spared = handing.block is None and handing.origin is None
        if spared or cast.author_kind is None or not _asks_for_more(handing):
            return {}
        author, number = cast.participants[0], handing.account
        known = self.contacts.get((number, author.key))
        if not outsider(
            team=author.kind is Kind.TEAM,
            trusted=handing.auth.trusted,
            known=known is not None,
            made_by_mail=known.made_by_mail if known else None,
            at=handing.at,
        ):
            return {}
        keys = scoped_keys(author.key, author.box.domain, handing.block)
        return {scope: (number, key, handing.at // HOUR_MS) for scope, key in keys.items()}

    def came_before(self, handing: Handing) -> store.FiledRow | None:
        """The message that is the same as this one (B9); a released mail is not its own duplicate."""
        filed = self.filed.get((handing.account, handing.mail.identity))
        return filed if filed is None or filed.filed.id != handing.released else None

    def open_lead(self, lead: Lead) -> None:
        self.leads[lead.id] = lead
        for contact in lead.contacts:
            self.open_leads.setdefault(contact, []).append(lead.id)

    def link(self, lead: str, contact: str) -> None:
        known = self.leads[lead]
        self.leads[lead] = replace(known, contacts=known.contacts | {contact})
        self.open_leads.setdefault(contact, []).append(lead)


def _asks_for_more(handing: Handing) -> bool:
    """Its mailbox, or one of its recipients, makes contacts or leads."""
    if handing.origin is not None:
        return handing.origin.auto_create != "off"
    more = (Action.CONTACT, Action.LEAD)
    return any(
        one.recipient is not None and one.recipient.account == handing.account and one.recipient.action in more
        for one in handing.envelope.admissions
    )


def thread_key(handing: Handing, cast: Cast, mailbox: str | None = None) -> store.ThreadKey:
    """The key of a message's thread in its mailbox, or another (D); an empty subject key is none of these."""
    client = cast.primary.key if cast.primary else ""
    return (handing.account, mailbox or handing.mailbox, client, handing.mail.subject_key)


def gather(
    tx: Tx,
    handings: Sequence[Handing],
    domains: frozenset[str],
    quotas: Quotas = DEFAULT_QUOTAS,
    *,
    hold: bool = False,
) -> tuple[World, list[Cast]]:
    """Reads the facts of a batch, and who is in each of its messages.

    hold: what the decisions will depend on stands still until the transaction ends, whoever else files (`locks`).
    """
    of = {handing.account for handing in handings}
    one_by_one = hold and locks.hold_accounts(tx, of, sum(map(_most_ties, handings)))
    boxes = [
        box
        for handing in handings
        for box in (*((handing.mail.author,) if handing.mail.author else ()), *handing.mail.to, *handing.mail.cc)
    ]
    outside = [box for box in boxes if box.domain not in domains]
    keys = {box.key for box in outside}
    rows = {OPERATORS: _OPERATORS, **store.find_accounts(tx, of)}
    if missing := of - rows.keys():
        raise LookupError(f"account {min(missing)} is no longer there")
    own, team = store.find_own_domains(tx, of), store.find_team(tx, of, keys)
    hidden = store.find_never_log(tx, of, keys | {name for box in outside for name in with_parents(box.domain)})
    accounts = {
        number: Account(
            number,
            rows[number].slug,
            rows[number].name,
            rows[number].copy_policy,
            rows[number].strangers,
            Team(team[number], own[number], domains, hidden[number]),
        )
        for number in of
    }
    casts = [_cast(handing, accounts[handing.account].team) for handing in handings]
    if one_by_one:
        locks.hold(tx, {tie for pair in zip(handings, casts, strict=True) for tie in _ties(*pair)})
    filed = store.find_filed(tx, of, {handing.mail.identity for handing in handings})
    world = World(
        domains=domains,
        accounts=accounts,
        slugs=_slugs(tx, handings, rows, domains),
        contacts=store.find_contacts(tx, of, {one.key for cast in casts for one in cast.clients}),
        filed=filed,
        referred=store.find_referred(tx, of, {one for handing in handings for one in handing.mail.references}),
        threads=store.find_threads(
            tx, {key for pair in zip(handings, casts, strict=True) for key in _thread_keys(*pair, filed)}
        ),
        conversation_leads={},
        leads={},
        open_leads={},
        customers={},
        quotas=quotas,
    )
    _gather_cards(tx, of, world, casts, hold=one_by_one)
    _gather_quotas(tx, world, handings, casts, hold=one_by_one)
    return world, casts


def _cast(handing: Handing, team: Team) -> Cast:
    if handing.origin is not None:
        return cast_fetched(handing.mail, team, sent=handing.origin.folder == SENT)
    return cast_people(handing.mail, team, author_trusted=handing.auth.trusted)


def _thread_keys(
    handing: Handing, cast: Cast, filed: Mapping[tuple[int, str], store.FiledRow]
) -> Iterator[store.ThreadKey]:
    """Where it may stand; with its copy that a smart address holds, if a mailbox brings it (B9)."""
    yield thread_key(handing, cast)
    known = filed.get((handing.account, handing.mail.identity))
    if known is not None and known.filed.state == HELD:
        yield thread_key(handing, cast, store.SMART)


def _most_ties(handing: Handing) -> int:
    """How many `_ties` and counters a mail has at most."""
    mail = handing.mail
    return len(mail.to) + len(mail.cc) + len(mail.references) + 8


def _ties(handing: Handing, cast: Cast) -> set[tuple[int, str, str]]:
    """What a mail shares with others that may be filed at the same moment: each an account, a kind and a name.

    Those that are the same mail (B9), answer each other (C6), concern the same client (C4, C7) or, where there is no
    client, stand in the same thread (D).
    """
    mail, account = handing.mail, handing.account
    known = {*mail.references, *((mail.message_id,) if mail.message_id else ())}
    thread = set() if cast.primary else {(account, "thread", mail.subject_key)}
    clients = {(account, "client", one.key) for one in cast.clients}
    return {(account, "mail", mail.identity), *((account, "id", one) for one in known)} | clients | thread


def _gather_quotas(tx: Tx, world: World, handings: Sequence[Handing], casts: Sequence[Cast], *, hold: bool) -> None:
    """What outsiders caused so far, for those of the batch that are counted; nothing is asked for the others (B8b)."""
    counted = {one for pair in zip(handings, casts, strict=True) for one in world.counted(*pair).values()}
    if hold:
        locks.hold(tx, {(account, "quota", key) for account, key, _ in counted})
    of, keys, hours = ({one[0] for one in counted}, {one[1] for one in counted}, {one[2] for one in counted})
    world.created = find_quotas(tx, of, keys, hours)


def _slugs(
    tx: Tx, handings: Sequence[Handing], rows: dict[int, store.AccountRow], domains: frozenset[str]
) -> dict[str, int]:
    """The account behind each slug in To and Cc: current names, former ones within their grace time (A4), and those
    that RCPT admitted: an account that is renamed between RCPT and the text has not changed its word."""
    wanted = {slug for one in handings if one.origin is None for slug in header_slugs(one.mail, domains)}
    now = max(handing.at for handing in handings)
    admitted = {
        one.recipient.slug: one.recipient.account
        for handing in handings
        for one in handing.envelope.admissions
        if one.recipient is not None
    }
    return admitted | {
        slug: account
        for slug, (account, retired) in store.find_slugs(tx, wanted - admitted.keys()).items()
        if account in rows and (retired is None or now < retired + rows[account].grace_ms)
    }


def _gather_cards(tx: Tx, of: set[int], world: World, casts: Sequence[Cast], *, hold: bool) -> None:
    """Conversations, leads and customers: what depends on who and what was found before."""
    talks = {row.conversation for row in world.filed.values()}
    talks |= {one.conversation for found in world.referred.values() for one in found}
    talks |= {thread.conversation for thread in world.threads.values()}
    known = {one for one in talks if one}
    if hold:
        locks.hold_conversations(tx, of, known)
    world.conversation_leads = store.find_conversation_leads(tx, of, known)
    people = {
        one.id
        for (_, key), one in world.contacts.items()
        if any(cast.primary is not None and cast.primary.key == key for cast in casts)
    }
    world.open_leads = store.find_open_leads(tx, of, people)
    world.customers = store.find_customers(tx, of, people)
    wanted = {lead for lead in world.conversation_leads.values() if lead}
    wanted |= {lead for found in world.open_leads.values() for lead in found}
    world.leads = store.find_leads(tx, of, wanted)
