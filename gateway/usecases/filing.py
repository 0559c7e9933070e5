"""Filing: the one function that asks for decisions, shared by every road on which mail comes.

`file` takes a batch in one transaction: facts are read once, each mail is decided and its effects folded into the
facts, and all rows are written at the end. The caller answers 250 only after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gateway.core.decision import Decision, NewLead, Verdict
from gateway.core.envelope import Action
from gateway.core.facts import Filed, Known, Lead
from gateway.core.mail import DEFAULT_LIMITS, Limits
from gateway.core.names import split_name
from gateway.core.people import Cast
from gateway.core.quota import DEFAULT_QUOTAS, Quotas, block_of
from gateway.core.replies import Reply
from gateway.core.rules import decide
from gateway.store import tables
from gateway.store.deletions import FILED
from gateway.store.engine import Tx
from gateway.store.facts import MAIL, SMART, FiledRow, Referred, Road, ThreadRow
from gateway.store.filing import Pages, drop_lead_card, shown_on, write
from gateway.store.held import HELD
from gateway.store.ids import new_id
from gateway.usecases.filing_facts import Handing, World, gather, thread_key
from gateway.usecases.filing_receipts import Attempt, add_receipt, final_reply, note_refusals
from gateway.usecases.filing_rows import add_message, add_source, folder_of, view_of


@dataclass(frozen=True, slots=True)
class FilingSettings:
    """What filing takes from the settings. why_url: the public page that explains a receipt or rule.

    block: the block of a peer's address, None for peers that are spared where outsiders are counted (B8b).
    """

    domains: frozenset[str]
    why_url: Callable[[str], str]
    limits: Limits = DEFAULT_LIMITS
    former_name_days: int = 3650
    quotas: Quotas = DEFAULT_QUOTAS
    block: Callable[[str], str | None] = block_of


@dataclass(frozen=True, slots=True)
class Filing:
    """What became of one mail. reply: for the peer. receipt: "" where there is none. message: its id, None where it was
    refused. kept: its own content is kept, not only that of a copy which came before.
    """

    reply: Reply
    decision: Decision
    receipt: str
    message: str | None
    kept: bool


def decide_all(tx: Tx, handings: Sequence[Handing], settings: FilingSettings) -> list[Decision]:
    """Decisions as of now, nothing recorded (`explain`)."""
    world, casts = gather(tx, handings, settings.domains, settings.quotas)
    decisions = []
    for handing, cast in zip(handings, casts, strict=True):
        conversation = world.conversation(handing, world.threads.get(thread_key(handing, cast)))
        facts = world.facts(handing, cast, conversation)
        decisions.append(decide(handing.mail, handing.envelope, cast, facts, settings.limits))
    return decisions


def file(settings: FilingSettings, tx: Tx, handings: Sequence[Handing]) -> list[Filing]:
    """Decides and records a batch of mails; one result a mail, in order."""
    world, casts = gather(tx, handings, settings.domains, settings.quotas, hold=True)
    pages = Pages()
    filings = []
    for handing, cast in zip(handings, casts, strict=True):
        filings.append(_Clerk(tx, world, pages, handing, cast, settings).file())
        note_refusals(tx, pages, handing.envelope, but=handing.account)
    write(tx, pages)
    return filings


class _Clerk:
    """Files one mail: decides, then turns the decision into rows and folds it into the world."""

    def __init__(
        self, tx: Tx, world: World, pages: Pages, handing: Handing, cast: Cast, settings: FilingSettings
    ) -> None:
        self.tx, self.world, self.pages = tx, world, pages
        self.handing, self.cast, self.settings = handing, cast, settings
        self.account, self.mail = handing.account, handing.mail
        self.conversation = world.conversation(handing, self._thread_in(handing.mailbox))

    def file(self) -> Filing:
        facts = self.world.facts(self.handing, self.cast, self.conversation)
        decision = decide(self.mail, self.handing.envelope, self.cast, facts, self.settings.limits)
        if decision.verdict is Verdict.REFUSE:
            return self._receipt(decision, None, kept=False)
        known = self.world.came_before(self.handing)
        if known is not None and facts.duplicate is not None:
            message, kept = known.filed.id, self._add_copy(known, decision)
        else:
            message, kept = self.handing.released or new_id(), True
            if known is not None:
                self.pages.notes.append((self.account, known.filed.id))
            self._add_message(message, decision)
        if facts.quota is not None and decision.effects.created:
            self._count(decision.effects.created)
        return self._receipt(decision, message, kept=kept)

    def _count(self, created: int) -> None:
        """What an outsider caused (B8b). The first count of an hour drops the account's rows of those before."""
        for scope, counted in self.world.counted(self.handing, self.cast).items():
            account, _, hour = counted
            before = self.world.created.get(counted, 0)
            if scope == "account" and not before:
                self.pages.new_hours[account] = hour
            self.world.created[counted] = before + created
            self.pages.count(counted, created)

    def _thread_in(self, mailbox: str) -> ThreadRow | None:
        """The thread of a mailbox that it belongs to. With an empty base subject that is the thread of the mail it
        answers, if that is with the same client (D)."""
        key = thread_key(self.handing, self.cast, mailbox)
        if key[3]:
            return self.world.threads.get(key)
        for found in self.world.answered(self.handing):
            if found.thread and found.conversation and found.mailbox == mailbox and found.client == key[2]:
                return ThreadRow(found.thread, found.conversation)
        return None

    def _add_message(self, message: str, decision: Decision) -> None:
        held = decision.verdict is Verdict.HOLD
        at, mailbox = self.handing.stands_at, self.handing.mailbox
        thread = None
        if not held and self.account:
            self._join_conversation(message)
            thread = self._join_thread(message, mailbox, at)
            self._apply(message, decision, at, frozenset())
        state = HELD if held else FILED
        add_message(
            self.pages, self.handing, self.cast, decision, id=message, state=state, conversation=self.conversation
        )
        add_source(self.pages, self.handing, self.cast, message=message, n=0, thread=thread)
        origin = self.handing.origin
        road = Road(0, origin.mailbox if origin else None, folder_of(self.handing, self.cast), thread)
        filed = Filed(message, state, decision.action or Action.ATTACH, smart=origin is None)
        self._fold(FiledRow(filed, self.conversation, at, (road,), 1))
        if not held:
            self._fold_answerable(thread, mailbox)
        if self.account:
            self._event("message.held" if held else "message.filed", message)

    def _fold(self, row: FiledRow) -> None:
        self.world.filed[self.account, self.mail.identity] = row

    def _fold_answerable(self, thread: str | None, mailbox: str) -> None:
        """A later mail of the batch may answer this one, in its mailbox (C6, D)."""
        if self.mail.message_id:
            sent = self.world.referred.setdefault((self.account, self.mail.message_id), [])
            client = thread_key(self.handing, self.cast)[2]
            sent.append(Referred(self.conversation, thread, client, mailbox))

    def _join_conversation(self, message: str) -> None:
        if self.conversation is None:
            self.conversation = message
            self.world.conversation_leads[message] = None
            self.pages.add(tables.conversations, account=self.account, id=message, lead=None)

    def _join_copies(self, row: FiledRow, mailbox: str | None) -> str:
        """The thread of one more source: that of another in its mailbox, which counts the message already."""
        beside = [road for road in row.roads if road.mailbox == mailbox and road.thread]
        standing = next((road.thread for road in beside if not road.removed), None)
        if standing is not None:
            return standing
        former = next(
            (ThreadRow(road.thread, row.conversation or row.filed.id) for road in beside if road.thread), None
        )
        return self._join_thread(row.filed.id, self.handing.mailbox, row.at, former)

    def _join_thread(self, message: str, mailbox: str, at: int, former: ThreadRow | None = None) -> str:
        """at: where the message stands in lists. former: a thread it stood in before."""
        talk = self.conversation or message
        key = thread_key(self.handing, self.cast, mailbox)
        known = self._thread_in(mailbox) or former
        if known is not None:
            tied = self.world.conversation_leads.get(known.conversation)
            talk = known.conversation if tied else talk
            self.pages.grow_thread(self.account, known.id, at, talk)
            self.world.threads[key] = ThreadRow(known.id, talk)
            return known.id
        thread = new_id()
        answered = self.world.answered(self.handing)
        self.pages.add(
            tables.threads,
            account=self.account,
            id=thread,
            mailbox=mailbox,
            client=key[2],
            subject_key=key[3] or f"\0{message}",
            subject=self.mail.base_subject,
            count=1,
            last_at=at,
            conversation=talk,
            answers=next((found.thread for found in answered if found.thread and found.mailbox == mailbox), None),
        )
        if key[3]:
            self.world.threads[key] = ThreadRow(thread, talk)
        return thread

    def _add_copy(self, row: FiledRow, decision: Decision) -> bool:
        """A mail that came before (B9). True: by another road, so that its own content is kept as well (E13)."""
        if row.filed.state == HELD and decision.verdict is Verdict.FILE:
            row = self._open(row, decision)
        elif decision.effects.cards or decision.effects.lead:
            row = self._strengthen(row, decision)
        self._fold(row)
        return row.filed.standing and self._add_road(row, decision)

    def _open(self, row: FiledRow, decision: Decision) -> FiledRow:
        """A held mail that a mailbox has too: it is filed as that one says, and keeps what it came with."""
        message = row.filed.id
        self._join_conversation(message)
        thread = self._join_thread(message, SMART, row.at)
        self._apply(message, decision, row.at, frozenset())
        action = decision.action or Action.ATTACH
        self.pages.opened.append(
            {
                "of": self.account,
                "message": message,
                "to": action.value,
                "by_machine": decision.automatic,
                "way": self.cast.direction,
                "with": self.cast.primary.address if self.cast.primary else None,
                "talk": self.conversation,
            }
        )
        mine = {"of": self.account, "which": message}
        self.pages.stands.extend(mine | {"nth": road.n, "into": thread} for road in row.roads)
        self.pages.carded.extend(mine | {"who": key} for key in decision.effects.cards)
        self._fold_answerable(thread, SMART)
        self._event("message.filed", message)
        roads = tuple(replace(road, thread=thread) for road in row.roads)
        return replace(row, filed=Filed(message, FILED, action), conversation=self.conversation, roads=roads)

    def _strengthen(self, row: FiledRow, decision: Decision) -> FiledRow:
        """A stronger action on a mail that is already filed (B9): only what is new is added."""
        message = row.filed.id
        shown = shown_on(self.tx, self.pages, self.account, message)
        lead = decision.effects.lead
        if lead is not None and (isinstance(lead, NewLead) or lead.id not in shown):
            drop_lead_card(self.tx, self.pages, self.account, message)
        self._apply(message, decision, row.at, shown)
        action = decision.action or row.filed.action
        self.pages.actions.append({"of": self.account, "message": message, "to": action.value})
        return replace(row, filed=replace(row.filed, action=action))

    def _add_road(self, row: FiledRow, decision: Decision) -> bool:
        """One more source of a filed mail; False where it came by this road before, if only to be taken away (E8)."""
        origin, message = self.handing.origin, row.filed.id
        mailbox, folder = origin.mailbox if origin else None, folder_of(self.handing, self.cast)
        if not self.account or any(road.leads_from(mailbox, folder) for road in row.roads):
            return False
        thread = self._join_copies(row, mailbox)
        view = view_of(self.handing, self.cast, decision)
        add_source(self.pages, self.handing, self.cast, message=message, n=row.next, thread=thread, view=view)
        road = Road(row.next, mailbox, folder, thread)
        filed = replace(row.filed, smart=row.filed.smart or origin is None)
        self._fold(replace(row, filed=filed, roads=(*row.roads, road), next=row.next + 1))
        self._fold_answerable(thread, self.handing.mailbox)
        return True

    def _apply(self, message: str, decision: Decision, at: int, shown: frozenset[str]) -> None:
        """Contacts, lead, links and cards (C3 to C6a)."""
        effects = decision.effects
        for contact in effects.contacts:
            self._add_contact(contact.key, contact.name)
        lead = self._lead(decision)
        if lead is not None and self.conversation is not None:
            self._tie(lead, new=isinstance(effects.lead, NewLead))
        standing = [("contact", self.world.contacts[self.account, key].id) for key in effects.cards]
        standing += [("lead", lead)] if lead else []
        standing += [("customer", effects.customer)] if effects.customer else []
        for kind, card in standing:
            if card not in shown:
                self.pages.add(tables.cards, account=self.account, card=card, at=at, message=message, kind=kind)
        if effects.closed_reply is not None:
            self._event("lead.closed_reply", effects.closed_reply.id)

    def _add_contact(self, key: str, name: str) -> None:
        contact = new_id()
        first, last = split_name(name) if name != key else ("", "")
        self.pages.add(
            tables.contacts,
            account=self.account,
            id=contact,
            name=name,
            first_name=first,
            last_name=last,
            source=MAIL,
            created_at=self.handing.at,
        )
        self.pages.add(tables.contact_emails, account=self.account, email=key, contact=contact, position=0)
        self.world.contacts[self.account, key] = Known(contact, name, self.handing.at)
        self._event("contact.created", contact)

    def _lead(self, decision: Decision) -> str | None:
        """The lead the message stands on: opened now, or joined and its new people linked."""
        lead = decision.effects.lead
        people = [self.world.contacts[self.account, key].id for key in decision.effects.links]
        if lead is None:
            return None
        if isinstance(lead, Lead):
            for contact in people:
                self.world.link(lead.id, contact)
                self.pages.add(tables.lead_contacts, account=self.account, lead=lead.id, contact=contact)
            return lead.id
        made = new_id()
        self.pages.add(
            tables.leads,
            account=self.account,
            id=made,
            name=lead.name,
            price=0,
            status="open",
            main_contact=self.world.contacts[self.account, lead.main].id,
            created_at=self.handing.at,
        )
        for contact in people:
            self.pages.add(tables.lead_contacts, account=self.account, lead=made, contact=contact)
        self.world.open_lead(Lead(made, lead.name, True, frozenset(people)))
        self._event("lead.created", made)
        return made

    def _tie(self, lead: str, *, new: bool) -> None:
        """The first message tied to a lead decides for its conversation; a lead opened later takes over (C6)."""
        conversation = self.conversation or ""
        if new or self.world.conversation_leads.get(conversation) is None:
            self.world.conversation_leads[conversation] = lead
            self.pages.conversation_leads[self.account, conversation] = lead

    def _receipt(self, decision: Decision, message: str | None, *, kept: bool) -> Filing:
        if self.handing.released is not None or self.handing.origin is not None:
            # The attempt has its receipt since it came; what was fetched is nobody's attempt (decision 22).
            return Filing(decision.reply, decision, "", message, kept)
        receipt = new_id()
        reply = final_reply(decision.reply, receipt, message, self.settings.why_url)
        author = self.cast.participants[0] if self.cast.author_kind else None
        add_receipt(
            self.pages,
            receipt,
            Attempt(self.account, self.handing.envelope, self.handing.at, self.handing.started),
            decision,
            reply,
            author=author.address if author else None,
            subject=self.mail.subject,
            message_id=self.mail.message_id,
            message=message,
            size=self.mail.size,
        )
        if decision.verdict is Verdict.REFUSE and self.account and reply.code >= 500:
            self._event("message.refused", receipt)
        return Filing(reply, decision, receipt, message, kept)

    def _event(self, kind: str, subject: str) -> None:
        self.pages.add(
            tables.events,
            account=self.account,
            id=new_id(),
            type=kind,
            at=self.handing.at,
            subject=subject,
            conversation=self.conversation,
        )
