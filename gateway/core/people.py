"""Who is in a message: participants, direction and primary client (rules C1, C2, C8, B8a)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.core.address import Mailbox
from gateway.core.mail import Mail
from gateway.core.names import tidy_name
from gateway.core.words import decode_phrase

_NO_REPLY = frozenset(("noreply", "donotreply", "mailerdaemon"))
_LONGEST_PHRASE = 4_096
_LIST_ENDINGS = ("-request", "-bounces", "-owner")


class Kind(StrEnum):
    """What an address is to the account: one of us, somebody outside, or a gateway address (rules, Words)."""

    TEAM = "team"
    CLIENT = "client"
    SMART = "smart"


@dataclass(frozen=True, slots=True)
class Team:
    """Who is team: exact addresses, and own domains (`.acme.example` takes in sub-domains). domains: the gateway's."""

    addresses: frozenset[str]
    own_domains: frozenset[str]
    gateway_domains: frozenset[str]
    never_log: frozenset[str] = frozenset()

    def kind(self, box: Mailbox) -> Kind:
        if box.domain in self.gateway_domains:
            return Kind.SMART
        if box.key in self.addresses or in_domains(box.domain, self.own_domains):
            return Kind.TEAM
        return Kind.CLIENT


@dataclass(frozen=True, slots=True)
class Participant:
    """One address in one role. name: the decoded display name, "" when none. never_log: B8a keeps it off the cards."""

    role: str
    box: Mailbox
    key: str
    name: str
    kind: Kind
    never_log: bool = False

    @property
    def address(self) -> str:
        return self.box.address

    @property
    def contact_name(self) -> str:
        """Rule C8: the tidied display name, else the address."""
        return tidy_name(self.name, self.address) or self.key


@dataclass(frozen=True, slots=True)
class Cast:
    """The people of one message as one account sees them.

    clients: the primary first, then From, To, Cc in order, each person once. primary: None when there is no client.
    """

    participants: tuple[Participant, ...]
    clients: tuple[Participant, ...]
    primary: Participant | None
    direction: str
    author_kind: Kind | None


def in_domains(domain: str, domains: Iterable[str]) -> bool:
    """True when the domain is listed exactly, or is below an entry that begins with a dot."""
    listed = frozenset(domains)
    if domain in listed:
        return True
    dot = domain.find(".")
    while dot >= 0:
        if domain[dot:] in listed:
            return True
        dot = domain.find(".", dot + 1)
    return False


def cast_people(mail: Mail, team: Team, *, author_trusted: bool = True) -> Cast:
    """Sorts the participants and finds direction and primary client (C2).

    author_trusted: False where sender authenticity distrusts a team author (B5): the message is then incoming, and the
    primary is looked for as in an outgoing one.
    """
    authors = (mail.author,) if mail.author else ()
    participants = tuple(
        _participant(role, box, mail, team)
        for role, boxes in (("from", authors), ("to", mail.to), ("cc", mail.cc))
        for box in _each_once(boxes)
    )
    author = participants[0] if authors else None
    by_team = author is not None and author.kind is Kind.TEAM
    people: dict[str, Participant] = {}
    for person in participants:
        if person.kind is Kind.CLIENT and (person.key not in people or (person.name and not people[person.key].name)):
            people[person.key] = person
    primary = next(iter(people.values()), None)
    if author is not None and author.kind is Kind.CLIENT:
        primary = people[author.key]
    return Cast(
        participants,
        tuple(people.values()),
        primary,
        "outgoing" if by_team and author_trusted else "incoming",
        author.kind if author else None,
    )


def cast_fetched(mail: Mail, team: Team, *, sent: bool) -> Cast:
    """The same of mail that was fetched from somebody's own mailbox (section E).

    sent: it stands in the folder of sent mail. Then it is outgoing, and its author is team whatever his address: it may
    be an alias that nobody has confirmed yet (E14). Mail whose header can't be read concerns nobody (B4, B4b).
    """
    if sent and mail.author is not None:
        team = replace(team, addresses=team.addresses | {mail.author.key})
    cast = cast_people(replace(mail, to=(), cc=()) if mail.bomb else mail, team)
    if sent:
        cast = replace(cast, direction="outgoing")
    return replace(cast, clients=(), primary=None) if mail.bomb or mail.malformed else cast


def _each_once(boxes: Iterable[Mailbox]) -> list[Mailbox]:
    """An address stands once a role; the writing that carries a name wins."""
    seen: dict[str, Mailbox] = {}
    for box in boxes:
        known = seen.get(box.key)
        if known is None or (box.phrase and not known.phrase):
            seen[box.key] = box
    return list(seen.values())


def _participant(role: str, box: Mailbox, mail: Mail, team: Team) -> Participant:
    key, kind = box.key, team.kind(box)
    hidden = kind is Kind.CLIENT and never_logged(box, key, mail, team.never_log)
    name = decode_phrase(box.phrase[:_LONGEST_PHRASE]) if box.phrase else ""
    return Participant(role, box, key, name, kind, hidden)


def never_logged(box: Mailbox, key: str, mail: Mail, never_log: frozenset[str]) -> bool:
    """Rule B8a: addresses that answer nobody, lists, and what the account never wants to log."""
    local = box.local.lower().partition("+")[0]
    bare = local.replace("-", "").replace("_", "").replace(".", "")
    if bare in _NO_REPLY or local.endswith(_LIST_ENDINGS) or key in mail.list_post:
        return True
    return bool(never_log) and (key in never_log or any(name in never_log for name in with_parents(box.domain)))


def with_parents(domain: str) -> list[str]:
    """A domain and all it is below: `a.b.example`, `b.example`, `example`."""
    names = [domain]
    while (dot := domain.find(".")) >= 0:
        domain = domain[dot + 1 :]
        names.append(domain)
    return names
