"""`/why/…`: the public page a refusal links to; it shows the reason and nobody's mail.

`/why/RULE` is the same for everybody; `/why/RECEIPT` adds the smart address, the reply and the moment.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.usecases.show_receipts import show_refusal
from gateway.web import words
from gateway.web.pages import pages_of
from gateway.web.reasons import LANGUAGES, NAMES, find_rule, reason_of
from gateway.web.services import Services

router = APIRouter()


@router.get("/why/{what}")
async def why(request: Request, services: Services, what: str, lang: str = "en") -> Response:
    """A rule's page, or a receipt's."""
    pages, domain = pages_of(request), services.domains[0]
    language = lang if lang in LANGUAGES else "en"
    shown: dict[str, Any] = {
        "domain": domain,
        "language": language,
        "languages": NAMES if len(LANGUAGES) > 1 else {},
        "path": what,
    }
    rule = find_rule(what)
    if rule is not None:
        address = f"name+lead@{domain}"
        return pages.answer(
            "why.html", reason=reason_of(rule, language), address=address, receipt=None, said=None, **shown
        )
    attempt = await show_refusal(services.store, what)
    if attempt is None:
        return pages.answer("why_unknown.html", 404, days=services.receipt_days, **shown)
    code, _, rest = attempt.receipt.reply.partition(" ")
    enhanced, _, text = rest.partition(" ")
    return pages.answer(
        "why.html",
        reason=reason_of(words.reason_id(attempt), language),
        address=words.address(attempt) or f"name@{domain}",
        receipt=attempt.receipt,
        said=(f"{code} {enhanced}", text),
        **shown,
    )
