"""Filing: the one function that asks for decisions, shared by every road on which mail comes.

`file` takes a batch in one transaction: facts are read once, each mail is decided and its effects folded into the
facts, and all rows are written at the end. The caller answers 250 only after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gateway.core.decision import Decision, NewLead, Verdict, auth_as_json
from gateway.core.envelope import Action
from gateway.core.facts import Filed, Known, Lead
from gateway.core.mail import DEFAULT_LIMITS, Limits
from gateway.core.names import split_name
from gateway.core.people import Cast, Kind
from gateway.core.quota import DEFAULT_QUOTAS, Quotas, block_of
from gateway.core.replies import Reply
from gateway.core.rules import decide
from gateway.store import tables
from gateway.store.engine import Tx
from gateway.store.facts import MAIL, SMART, FiledRow, Referred, ThreadRow
from gateway.store.filing import Pages, drop_lead_card, dump, shown_on, write
from gateway.store.ids import new_id
from gateway.usecases.filing_facts import Handing, World, gather, thread_key
from gateway.usecases.filing_receipts import Attempt, add_receipt, final_reply, note_refusals


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
    """What became of one mail. reply: for the peer. message: its id, None where it was refused."""

    reply: Reply
    decision: Decision
    receipt: str
    message: str | None


def decide_all(tx: Tx, handings: Sequence[Handing], settings: FilingSettings) -> list[Decision]:
    """Decisions as of now, nothing recorded (`explain`)."""
    world, casts = gather(tx, handings, settings.domains, settings.quotas)
    decisions = []
    for handing, cast in zip(handings, casts, strict=True):
        conversation = world.conversation(handing, world.threads.get((handing.account, *thread_key(handing, cast))))
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
        self.key = (self.account, *thread_key(handing, cast))
        self.thread = world.threads.get(self.key) if self.key[2] else self._thread_by_reference()
        self.conversation = world.conversation(handing, self.thread)

    def file(self) -> Filing:
        facts = self.world.facts(self.handing, self.cast, self.conversation)
        decision = decide(self.mail, self.handing.envelope, self.cast, facts, self.settings.limits)
        message: str | None = None
        if decision.verdict is not Verdict.REFUSE:
            known = facts.duplicate
            message = known.id if known else (self.handing.released or new_id())
            if known is None:
                self._add_message(message, decision)
            elif decision.effects.cards or decision.effects.lead:
                self._strengthen(message, decision)
            if facts.quota is not None and decision.effects.created:
                self._count(decision.effects.created)
        return self._receipt(decision, message)

    def _count(self, created: int) -> None:
        """What an outsider caused (B8b). The first count of an hour drops the account's rows of those before."""
        for scope, counted in self.world.counted(self.handing, self.cast).items():
            account, _, hour = counted
            before = self.world.created.get(counted, 0)
            if scope == "account" and not before:
                self.pages.new_hours[account] = hour
            self.world.created[counted] = before + created
            self.pages.count(counted, created)

    def _thread_by_reference(self) -> ThreadRow | None:
        """An empty base subject: the thread of the mail it answers, if that is with the same client (D)."""
        for found in self.world.answered(self.handing):
            if found.thread and found.conversation and found.client == self.key[1]:
                return ThreadRow(found.thread, found.conversation)
        return None

    def _add_message(self, message: str, decision: Decision) -> None:
        held = decision.verdict is Verdict.HOLD
        thread = None
        if not held and self.account:
            self._join_conversation(message)
            thread = self._join_thread(message)
            self._apply(message, decision, self.handing.at, frozenset())
        self._add_rows(message, decision, thread, held=held)
        state = Filed(message, "held" if held else "filed", decision.action or Action.ATTACH)
        self.world.filed[self.account, self.mail.identity] = FiledRow(state, self.conversation)
        if self.mail.message_id and not held:
            sent = self.world.referred.setdefault((self.account, self.mail.message_id), [])
            sent.append(Referred(self.conversation, thread, self.key[1]))
        if self.account:
            self._event("message.held" if held else "message.filed", message)

    def _join_conversation(self, message: str) -> None:
        if self.conversation is None:
            self.conversation = message
            self.world.conversation_leads[message] = None
            self.pages.add(tables.conversations, account=self.account, id=message, lead=None)

    def _join_thread(self, message: str) -> str:
        talk = self.conversation or message
        if self.thread is not None:
            tied = self.world.conversation_leads.get(self.thread.conversation)
            talk = self.thread.conversation if tied else talk
            self.pages.grow_thread(self.account, self.thread.id, self.handing.at, talk)
            self.world.threads[self.key] = ThreadRow(self.thread.id, talk)
            return self.thread.id
        thread = new_id()
        answers = next((found.thread for found in self.world.answered(self.handing) if found.thread), None)
        self.pages.add(
            tables.threads,
            account=self.account,
            id=thread,
            mailbox=SMART,
            client=self.key[1],
            subject_key=self.key[2] or f"\0{message}",
            subject=self.mail.base_subject,
            count=1,
            last_at=self.handing.at,
            conversation=talk,
            answers=answers,
        )
        if self.key[2]:
            self.world.threads[self.key] = ThreadRow(thread, talk)
        return thread

    def _strengthen(self, message: str, decision: Decision) -> None:
        """A stronger action on a mail that is already filed (B9): only what is new is added."""
        at, shown = shown_on(self.tx, self.pages, self.account, message)
        lead = decision.effects.lead
        if lead is not None and (isinstance(lead, NewLead) or lead.id not in shown):
            drop_lead_card(self.tx, self.pages, self.account, message)
        self._apply(message, decision, at, shown)
        if decision.action is not None:
            action = {"of": self.account, "message": message, "to": decision.action.value}
            self.pages.actions.append(action)
            filed = self.world.filed[self.account, self.mail.identity]
            stronger = replace(filed.filed, action=decision.action)
            self.world.filed[self.account, self.mail.identity] = replace(filed, filed=stronger)

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

    def _add_rows(self, message: str, decision: Decision, thread: str | None, *, held: bool) -> None:
        handing, mail = self.handing, self.mail
        self.pages.add(
            tables.messages,
            account=self.account,
            id=message,
            at=handing.at,
            state="held" if held else "filed",
            direction=self.cast.direction,
            action=decision.action.value if decision.action else "attach",
            automatic=decision.automatic,
            message_id=mail.message_id,
            identity=mail.identity,
            subject=mail.subject,
            base_subject=mail.base_subject,
            date=mail.date,
            snippet=mail.outline.snippet,
            attachments=dump(
                [
                    {
                        "n": one.n,
                        "filename": one.filename,
                        "content_type": one.content_type,
                        "size": one.size,
                        "content_id": one.content_id,
                        "inline": one.inline,
                    }
                    for one in mail.outline.attachments
                ]
            ),
            auth=dump(auth_as_json(decision.auth)),
            unread=dump(list(mail.unread)),
            primary=self.cast.primary.address if self.cast.primary else None,
            conversation=self.conversation,
            size=mail.size,
        )
        body = handing.body
        if body.land is not None:
            self.pages.folders.add(body.land())
        self.pages.add(
            tables.bodies,
            account=self.account,
            message=message,
            n=0,
            codec=body.codec,
            trace=body.trace,
            data=body.data,
        )
        carded = decision.effects.cards
        for n, person in enumerate(self.cast.participants):
            self.pages.add(
                tables.participants,
                account=self.account,
                message=message,
                n=n,
                role=person.role,
                address=person.address,
                key=person.key,
                name=person.name,
                kind=person.kind.value,
                waiting=int(person.kind is Kind.CLIENT and person.key not in carded),
            )
        self.pages.add(
            tables.sources,
            account=self.account,
            message=message,
            n=0,
            road=handing.envelope.road,
            mailbox=None,
            folder="sent" if self.cast.direction == "outgoing" else "inbox",
            thread=thread,
            at=handing.at,
            view=None,
            removed_at=None,
        )

    def _receipt(self, decision: Decision, message: str | None) -> Filing:
        if self.handing.released is not None:
            return Filing(decision.reply, decision, "", message)  # the attempt has its receipt since it came
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
        return Filing(reply, decision, receipt, message)

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
