"""`/why/…`: the public page a refusal links to; it shows the reason and nobody's mail.

`/why/RULE` is the same for everybody; `/why/RECEIPT` adds the smart address, the reply and the moment. Its reader is
asked for no sign-in, so the language is what their browser wants, or what a link of the page chose (`?lang=`).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.usecases.show_receipts import show_refusal
from gateway.web import words
from gateway.web.pages import pages_of
from gateway.web.reasons import around, find_rule, reason_of
from gateway.web.services import Services
from gateway.web.tongues import LANGUAGES, speak

router = APIRouter()


@router.get("/why/{what}")
async def why(request: Request, services: Services, what: str, lang: str = "") -> Response:
    """A rule's page, or a receipt's."""
    if lang in LANGUAGES:
        speak(lang)
    pages, domain = pages_of(request), services.domains[0]
    shown: dict[str, Any] = {
        "around": around(),
        "domain": domain,
        "languages": LANGUAGES,
        "path": quote(what, safe=""),
    }
    rule = find_rule(what)
    if rule is not None:
        address = f"name+lead@{domain}"
        return _varied(
            pages.answer("why.html", reason=reason_of(rule), address=address, receipt=None, said=None, **shown)
        )
    attempt = await show_refusal(services.store, what)
    if attempt is None:
        return _varied(pages.answer("why_unknown.html", 404, days=services.receipt_days, **shown))
    code, _, rest = attempt.receipt.reply.partition(" ")
    enhanced, _, text = rest.partition(" ")
    return _varied(
        pages.answer(
            "why.html",
            reason=reason_of(words.reason_id(attempt)),
            address=words.address(attempt) or f"name@{domain}",
            receipt=attempt.receipt,
            said=(f"{code} {enhanced}", text),
            **shown,
        )
    )


def _varied(answer: Response) -> Response:
    """What keeps answers between us and the reader has to know that it goes by their language."""
    answer.headers["Vary"] = "Accept-Language"
    return answer
