"""`explain`: the decision for a raw message as SMTP would give it, with nothing stored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from gateway.core.admission import OPERATORS, admit, read_recipient
from gateway.core.decision import Decision, Verdict, as_json
from gateway.core.envelope import Admission, Envelope
from gateway.core.facts import NOT_EVALUATED, Auth
from gateway.core.mail import Mail
from gateway.store.accounts import find_slug
from gateway.store.bodies import StoredBody
from gateway.store.engine import Tx
from gateway.usecases.filing import FilingSettings, decide_all
from gateway.usecases.filing_facts import Handing, gather

LOOPBACK = "127.0.0.1"
_NOTHING = StoredBody("", b"", b"")


def explain_mail(
    tx: Tx,
    settings: FilingSettings,
    mail: Mail,
    rcpt: Sequence[str],
    sender: str | None = None,
    peer: str | None = None,
    auth: Auth = NOT_EVALUATED,
) -> dict[str, object]:
    """The decision, in the shape of a receipt's. mail: what `read_mail` made of it, off the loop where it may be large.

    sender: None takes the From address, "" is the null sender. peer: None is loopback. rcpt: at least one address.
    auth: what a door would have found out about its author (B5).
    """
    if sender is None:
        sender = mail.author.address if mail.author else "unknown@invalid"
    now = time.time_ns() // 1_000_000
    admissions: list[Admission] = []
    for address in rcpt:
        wanted = read_recipient(address.strip().removeprefix("<").removesuffix(">"), settings.domains)
        found = find_slug(tx, wanted.slug, now, settings.former_name_days) if wanted.ours and wanted.slug else None
        admissions.append(admit(wanted, found, admissions))
    envelope = Envelope("smtp", peer or LOOPBACK, "", sender, tuple(admissions), now)
    taken = next((one.recipient for one in admissions if one.recipient is not None), None)
    account = taken.account if taken else admissions[0].account
    block = settings.block(envelope.peer)
    handing = Handing(account or OPERATORS, envelope, mail, _NOTHING, now, time.monotonic_ns(), auth, block=block)
    if taken is None:
        return as_json(_refused(tx, handing, settings))
    decision = decide_all(tx, [handing], settings)[0]
    if taken.account == OPERATORS:
        decision = replace(decision, duplicate_of=None)  # what operators have is not told
    return as_json(_linked(decision, settings))


def normal_line_ends(raw: bytes) -> bytes:
    """A file with bare LF becomes what SMTP would carry (B4a); one that has CR LF is left as it is."""
    return raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n")


def _linked(decision: Decision, settings: FilingSettings) -> Decision:
    if decision.verdict is not Verdict.REFUSE:
        return decision
    return replace(decision, reply=decision.reply.with_link(settings.why_url(decision.rule)))


def _refused(tx: Tx, handing: Handing, settings: FilingSettings) -> Decision:
    """Every recipient was refused before the text: the first refusal is the answer."""
    world, casts = gather(tx, [handing], settings.domains)
    admissions = handing.envelope.admissions
    decision = Decision(
        verdict=Verdict.REFUSE,
        reply=admissions[0].reply,
        rule=admissions[0].steps[-1].rule,
        account=world.accounts[handing.account].slug,
        action=None,
        cast=casts[0],
        automatic=False,
        duplicate_of=None,
        base_subject=handing.mail.base_subject,
        unread=handing.mail.unread,
        auth=handing.auth,
        steps=tuple(step for one in admissions for step in one.steps),
    )
    return _linked(decision, settings)
