"""The records a gateway domain has to publish, and whether what the DNS says is as it should be.

Mail reaches us by MX (RFC 5321 section 5.1); SPF (RFC 7208), DMARC (RFC 9989), MTA-STS (RFC 8461) and TLS reports
(RFC 8460) keep others from writing in the domain's name and from reading along. What is asked is a question of a kind
and a name; what is found are texts: an MX as `10 gate.example`, names without their last dot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

RIGHT, DIFFERENT, MISSING, UNKNOWN = "right", "different", "missing", "unknown"
OK, WARNING, FAILED = "ok", "warning", "failed"
ENFORCE, TESTING = "enforce", "testing"
POLICY_SECONDS = 604_800
"""How long senders remember the policy of encryption: a week."""

Question = tuple[str, str]
"""The kind of record, and the name in lower case without its last dot."""
Found = Mapping[Question, tuple[str, ...] | None]
"""What each question brought; None where no name server answered."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One record that is wanted. key: what it is for. values: any of them is right; the first one is to be copied, and
    there is none where only we can't tell it. needed: without it no mail arrives."""

    key: str
    kind: str
    name: str
    values: tuple[str, ...]
    needed: bool = False

    @property
    def question(self) -> Question:
        """What is to be asked of the DNS."""
        if self.kind != "PTR":
            return self.kind, self.name
        return "PTR", ip_address(self.name).reverse_pointer


@dataclass(frozen=True, slots=True)
class Judged:
    """A record that is wanted and what was found of it. state: right, different, missing, or unknown."""

    wanted: Wanted
    state: str
    found: tuple[str, ...]

    @property
    def level(self) -> str:
        """How grave it is: `failed` keeps mail away, a `warning` can wait."""
        if self.state == RIGHT:
            return OK
        return FAILED if self.wanted.needed and self.state != UNKNOWN else WARNING


@dataclass(frozen=True, slots=True)
class Machine:
    """What of ourselves is published. hostname: as in the greeting. addresses: those that are known for certain; empty
    where whatever the hostname leads to has to be believed. mode: of the policy of encryption."""

    hostname: str
    addresses: tuple[str, ...] = ()
    mode: str = TESTING


def policy(machine: Machine) -> str:
    """The policy of encryption as it is served (RFC 8461 section 3.2)."""
    lines = ("version: STSv1", f"mode: {machine.mode}", f"mx: {machine.hostname}", f"max_age: {POLICY_SECONDS}", "")
    return "\r\n".join(lines)


def policy_id(machine: Machine) -> str:
    """Names the policy, so that senders see when it is another one (RFC 8461 section 3.1)."""
    return hashlib.sha256(policy(machine).encode()).hexdigest()[:16]


def wanted(domain: str, machine: Machine, seen: Found) -> tuple[Wanted, ...]:
    """The records of a domain, those that mail needs first. seen: what is known of the machine's own addresses already,
    which the other records are made of."""
    host = machine.hostname
    known = machine.addresses or _addresses(seen, host)
    there = known or ("",)
    return (
        Wanted("mx", "MX", domain, (f"10 {host}",), needed=True),
        *(Wanted("machine", _kind(one), host, _values(known, one), needed=True) for one in _one_a_kind(there)),
        *(Wanted("back", "PTR", one, (host,)) for one in known),
        Wanted("spf", "TXT", domain, ("v=spf1 -all",)),
        Wanted("dmarc", "TXT", f"_dmarc.{domain}", ("v=DMARC1; p=reject",)),
        Wanted("sts", "TXT", f"_mta-sts.{domain}", (f"v=STSv1; id={policy_id(machine)}",)),
        *(Wanted("sts_host", _kind(one), f"mta-sts.{domain}", _values(known, one)) for one in _one_a_kind(there)),
        Wanted("reports", "TXT", f"_smtp._tls.{domain}", (f"v=TLSRPTv1; rua=mailto:postmaster@{domain}",)),
    )


def questions(domain: str, machine: Machine, seen: Found) -> tuple[Question, ...]:
    """What has to be asked for a domain, each once."""
    return tuple(dict.fromkeys(one.question for one in wanted(domain, machine, seen)))


def first_questions(machine: Machine) -> tuple[Question, ...]:
    """What has to be known before: where our own name leads."""
    return () if machine.addresses else (("A", machine.hostname), ("AAAA", machine.hostname))


def judge(one: Wanted, found: tuple[str, ...] | None) -> Judged:
    """Compares what is wanted with what the DNS says. None: it said nothing."""
    if found is None:
        return Judged(one, UNKNOWN, ())
    about = _BEGINS.get(one.key)
    mine = tuple(text for text in found if about is None or text.strip().lower().startswith(about))
    if not mine:
        return Judged(one, MISSING, ())
    return Judged(one, RIGHT if _is_right(one, mine) else DIFFERENT, mine)


def judge_all(domain: str, machine: Machine, found: Found) -> tuple[Judged, ...]:
    """Every record of a domain."""
    return tuple(judge(one, found.get(one.question)) for one in wanted(domain, machine, found))


_BEGINS = {"spf": "v=spf1", "dmarc": "v=dmarc1", "sts": "v=stsv1", "reports": "v=tlsrptv1"}


def _is_right(one: Wanted, mine: Sequence[str]) -> bool:
    if one.key == "mx":
        return _host(one.values[0]) in {_host(text) for text in mine}
    if one.kind in ("A", "AAAA"):
        return not one.values or bool(set(one.values) & set(mine))
    if one.kind == "PTR":
        return one.values[0] in {text.lower() for text in mine}
    if len(mine) > 1:  # two policies of one kind count as none
        return False
    if one.key == "spf":
        return mine[0].lower().split() == one.values[0].split()
    said, tags = _tags(mine[0]), _tags(one.values[0])
    if one.key == "reports":
        return bool(said.get("rua"))
    name = "p" if one.key == "dmarc" else "id"
    return said.get(name, "").lower() == tags[name]


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _host(text: str) -> str:
    return text.partition(" ")[2].lower()


def _addresses(seen: Found, host: str) -> tuple[str, ...]:
    return tuple(one for kind in ("A", "AAAA") for one in seen.get((kind, host)) or ())


def _kind(address: str) -> str:
    return "AAAA" if ":" in address else "A"


def _one_a_kind(addresses: Sequence[str]) -> tuple[str, ...]:
    """One address of IPv4 and one of IPv6, as far as there are any."""
    return tuple({_kind(one): one for one in reversed(addresses)}.values())[::-1]


def _values(known: Sequence[str], like: str) -> tuple[str, ...]:
    return tuple(one for one in known if _kind(one) == _kind(like))
