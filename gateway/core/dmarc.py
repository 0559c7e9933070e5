"""DMARC as values: records, the DNS tree walk's outcome, alignment and the policy asked for (RFC 9989).

What is asked of the DNS is the door's; here stands what the answers mean. `walk` names the domains to ask, `Walk` holds
what was found on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

LABELS = 8
"""A name of more labels is cut to seven after the first query, so a walk asks at most eight times (section 4.10)."""
POLICIES = ("none", "quarantine", "reject")
_TAG = re.compile(r"[ \t]*([A-Za-z]+)[ \t]*=[ \t]*([^;]*?)[ \t]*")


@dataclass(frozen=True, slots=True)
class Record:
    """One policy record (section 4.7). strict_*: only the very same domain aligns. psd: "y", "n" or "u"."""

    policy: str = "none"
    sub_policy: str = "none"
    missing_policy: str = "none"
    strict_dkim: bool = False
    strict_spf: bool = False
    psd: str = "u"
    testing: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """What a tree walk found: records by domain, the longest name first. failed: a query was not answered."""

    start: str
    found: tuple[tuple[str, Record], ...] = ()
    failed: bool = False

    @property
    def over(self) -> bool:
        """A record that says whether it is a public suffix ends the walk."""
        return bool(self.found) and self.found[-1][1].psd in ("y", "n")

    @property
    def organization(self) -> str:
        """The organisational domain (section 4.10.2)."""
        for domain, record in self.found:
            if record.psd == "n":
                return domain
            if record.psd == "y" and domain != self.start:
                below = self.start.removesuffix(f".{domain}").rpartition(".")[2]
                return f"{below}.{domain}"
        return self.found[-1][0] if self.found else self.start

    def record(self) -> tuple[str, Record] | None:
        """The record that speaks for the domain: its own, else the organisation's, else the public suffix's."""
        records = dict(self.found)
        last = self.found[-1] if self.found else None
        suffix = last[0] if last and last[1].psd == "y" else ""
        return next(((one, records[one]) for one in (self.start, self.organization, suffix) if one in records), None)


def walk(domain: str) -> tuple[str, ...]:
    """The domains a tree walk asks, in order: each has its record at `_dmarc.` before it (section 4.10)."""
    labels = domain.split(".")
    rest = labels[1:] if len(labels) < LABELS else labels[1 - LABELS :]
    return (domain, *(".".join(rest[start:]) for start in range(len(rest))))


def read_record(texts: Iterable[str]) -> Record | None:
    """The one policy record among the texts of a name; several are none at all (section 4.10)."""
    found = [tags for text in texts if (tags := _tags(text)) is not None]
    return _record(found[0]) if len(found) == 1 else None


def _tags(text: str) -> dict[str, str] | None:
    """Tags of a text that begins with v=DMARC1; unknown ones are kept and never asked for, broken ones left out."""
    first, *rest = text.split(";")
    version = _TAG.fullmatch(first)
    if version is None or (version[1].lower(), version[2]) != ("v", "DMARC1"):
        return None
    tags: dict[str, str] = {}
    for part in rest:
        match = _TAG.fullmatch(part)
        if match is not None:
            tags.setdefault(match[1].lower(), match[2])
    return tags


def _record(tags: dict[str, str]) -> Record:
    policy = tags.get("p", "").lower()
    sub = tags.get("sp", policy).lower()
    missing = tags.get("np", sub).lower()
    if policy not in POLICIES or sub not in POLICIES or missing not in POLICIES:
        policy = sub = missing = "none"
    psd = tags.get("psd", "u").lower()
    return Record(
        policy,
        sub,
        missing,
        tags.get("adkim", "r").lower() == "s",
        tags.get("aspf", "r").lower() == "s",
        psd if psd in ("y", "n") else "u",
        tags.get("t", "n").lower() == "y",
    )


def asked_policy(author: Walk, *, exists: bool) -> str:
    """What the author's domain asks for mail that fails (section 4.10.1): a test lowers it by one step (t=y).

    exists: the author's domain is in the DNS; np= speaks for one that is not.
    """
    found = author.record()
    if found is None:
        return "none"
    domain, record = found
    asked = record.policy
    if domain != author.start:
        asked = record.sub_policy if exists else record.missing_policy
    return POLICIES[max(0, POLICIES.index(asked) - 1)] if record.testing else asked


def aligned(domain: str, author: Walk, other: Walk, organization: Callable[[str], str], *, strict: bool) -> bool:
    """Whether an authenticated domain is the author's, or of the same organisation (section 4.4).

    other: the walk of `domain`. organization: the organisational domain by the public suffix list, "" for a suffix. It
    decides only where the author's walk found no record, and so nothing that it could contradict, or found a public
    suffix's that does not say what it is (psd=y): else all below such a suffix would be one organisation.
    """
    if domain == author.start:
        return True
    if strict:
        return False
    own = organization(author.start)
    if author.found and (author.found[-1][1].psd == "n" or organization(author.organization)):
        return author.organization == other.organization
    return bool(own) and organization(domain) == own
