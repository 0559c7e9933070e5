"""The way by which an account's domain is set up: its steps, in their order, and how far somebody is on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

DOMAIN, DNS, TLS, MAIL, CRM = "domain", "dns", "tls", "mail", "crm"
STEPS = (DOMAIN, DNS, TLS, MAIL, CRM)
OVER = "over"
"""Where somebody stands who has been through all steps."""


@dataclass(frozen=True, slots=True)
class Way:
    """How far it is. domain: the gateway domain that is set up. step: the present one, or `over`. done: steps that were
    left behind. at: when the present step began, in milliseconds; 0 for one that nobody has begun."""

    domain: str
    step: str = DOMAIN
    done: tuple[str, ...] = ()
    at: int = 0


def pass_step(way: Way, step: str, now: int) -> Way:
    """Leaves a step behind, which need not be the present one: who goes back and on again comes to where they were."""
    done = tuple(one for one in STEPS if one in way.done or one == step)
    if step != way.step:
        return replace(way, done=done)
    following = (*STEPS, OVER)[STEPS.index(step) + 1]
    return replace(way, step=following, done=done, at=now)


def choose_domain(way: Way, domain: str, now: int) -> Way:
    """Sets another domain up: what was found out about the former one begins again."""
    return way if domain == way.domain and way.at else Way(domain, DOMAIN, (), now)


def may_open(way: Way, step: str) -> bool:
    """Whether a step can be looked at: one that was left behind, or the present one."""
    return step in way.done or step == way.step
