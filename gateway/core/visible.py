"""Rule B1: which smart addresses people can see in a mail's To and Cc."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.core.address import Mailbox
from gateway.core.admission import read_recipient
from gateway.core.envelope import Action, Recipient
from gateway.core.facts import Facts
from gateway.core.mail import Mail


def smart_address(recipient: Recipient) -> str:
    """A smart address as replies write it: lower case, without quotes or source route."""
    suffix = recipient.action.suffix if recipient.action else ""
    return f"{recipient.slug}{suffix}@{recipient.domain}"


def header_slugs(mail: Mail, domains: frozenset[str]) -> frozenset[str]:
    """Slugs of gateway addresses in To and Cc: what the directory must be asked for before B1 can be judged."""
    return frozenset(
        wanted.slug
        for box in (*mail.to, *mail.cc)
        if box.domain in domains and (wanted := read_recipient(box.address, domains)).slug
    )


def actions_in(boxes: Iterable[Mailbox], facts: Facts) -> set[Action]:
    """What the account's smart addresses among the boxes ask for, at any gateway domain."""
    domains, number = facts.account.team.gateway_domains, facts.account.number
    found = set()
    for box in boxes:
        if box.domain in domains:
            wanted = read_recipient(box.address, domains)
            if wanted.action is not None and facts.slugs.get(wanted.slug) == number:
                found.add(wanted.action)
    return found
