"""Trace: every attempt to hand us a mail, searched and opened."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.usecases.edit_session import Principal
from gateway.usecases.show_held import is_held, show_reviewed
from gateway.usecases.show_receipts import Outcome, Search, list_outcomes, show_deliveries, show_outcome
from gateway.web import words
from gateway.web.console.forms import day_of
from gateway.web.console.session import Reader
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.problems import Problem
from gateway.web.reasons import Reason, reason_of
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _

router = APIRouter()
ROWS = 25
_DAY_MS = 86_400_000
Verdict = Literal["", "file", "refuse", "hold"]


@router.get("/trace")
@router.get("/trace/{id}")
async def trace(
    request: Request,
    services: Services,
    reader: Reader,
    id: str | None = None,
    q: str = "",
    since: str = "",
    until: str = "",
    verdict: Verdict = "",
    after: str | None = None,
) -> Response:
    """The list, and beside it one attempt where it was opened."""
    opened = await show_outcome(services.store, reader, id) if id is not None else None
    if id is not None and opened is None:
        raise Problem(404, _("There is no attempt with this receipt, or it is not your account’s."))
    asked = {"q": q.strip()[:200], "since": since, "until": until, "verdict": verdict}
    asked = {name: value for name, value in asked.items() if value}
    page = await list_outcomes(services.store, reader.account, read_cursor(after, (str,)), ROWS, _search(asked))
    further = urlencode({**asked, "after": cursor(page.next)}) if page.next else ""
    return pages_of(request).console(
        "trace.html",
        reader,
        "trace",
        asked=asked,
        query=f"?{urlencode(asked)}" if asked else "",
        outcomes=page.rows,
        further=further,
        paged=after is not None,
        outcome=opened,
        **(_opened(services, reader, opened) if opened is not None else {}),
        **(await _review(services, reader, opened) if opened is not None else {}),
        told=await show_deliveries(services.store, reader, opened) if opened and reader.role == "admin" else (),
    )


def _search(asked: dict[str, str]) -> Search:
    until = day_of(asked.get("until", ""))
    return Search(
        verdict=asked.get("verdict"),
        since=day_of(asked.get("since", "")),
        until=until + _DAY_MS if until is not None else None,
        q=asked.get("q", ""),
    )


def _opened(services: WebServices, reader: Principal, outcome: Outcome) -> dict[str, Any]:
    """What the open attempt needs beside itself."""
    attempt = outcome.attempt
    refused = attempt.receipt.verdict == "refuse"
    reason: Reason | None = reason_of(words.reason_id(attempt)) if refused else None
    code, _, rest = attempt.receipt.reply.partition(" ")
    enhanced, _, text = rest.partition(" ")
    return {
        "reason": reason,
        "again": reason is not None and reason.once,
        "why": f"{services.public_url().rstrip('/')}/why/{attempt.receipt.id}" if refused else "",
        "said": (f"{code} {enhanced}", text),
        "steps": words.steps(attempt.receipt.decision),
        "not_asked": words.not_asked(attempt.receipt.decision),
        "write_to": _write_to(reader, outcome) if refused else None,
    }


async def _review(services: WebServices, reader: Principal, outcome: Outcome) -> dict[str, bool]:
    """What became of a mail that was held (B7)."""
    receipt = outcome.attempt.receipt
    if receipt.verdict != "hold" or receipt.message is None:
        return {"held": False, "released": False}
    held = await is_held(services.store, reader, receipt.message)
    reviewed = None if held else await show_reviewed(services.store, reader, receipt.message)
    return {"held": held, "released": reviewed is not None and reviewed.message is not None}


def _write_to(reader: Principal, outcome: Outcome) -> tuple[str, str] | None:
    """A link to write to the author, and their first name; None where that is the reader, or nobody."""
    wrote = words.writer(outcome.attempt)
    if wrote is None or wrote["kind"] != "team" or wrote["address"].lower() == reader.email:
        return None
    subject = quote(_("Send it again with the address in Cc"))
    name = (wrote["name"] or wrote["address"]).split()[0]
    return f"mailto:{quote(wrote['address'], safe='@')}?subject={subject}", name
