"""The mail tester: what would become of a mail if somebody sent it now; nothing is stored (`explain`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.core.address import parse_address
from gateway.core.resources import Account
from gateway.usecases.edit_session import Visitor
from gateway.usecases.foresee_thread import foresee_thread
from gateway.usecases.show_account import show_account
from gateway.usecases.show_mail import show_message
from gateway.web import words
from gateway.web.console.session import Reader
from gateway.web.pages import pages_of
from gateway.web.reasons import reason_of
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _
from gateway.web.tongues import ngettext

router = APIRouter(prefix="/tester")
SHOWN_BYTES = 64 * 1024
"""So much of a pasted mail is put back into its field."""
_NULL = "<>"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form holds. pasted: of a mail's source. action: which of the three addresses."""

    pasted: str = ""
    action: str = "lead"
    sender: str = ""
    peer: str = ""


@router.get("")
async def show_tester(request: Request, services: Services, reader: Reader) -> Response:
    """The form."""
    return await _page(request, services, reader, Asked(), {})


@router.post("")
async def try_mail(request: Request, services: Services, reader: Reader) -> Response:
    """The form with what would become of the mail."""
    most = services.max_message_bytes
    try:
        async with request.form(max_files=1, max_fields=8, max_part_size=most + 1) as form:
            upload = form.get("mail")
            raw = await upload.read(most + 1) if isinstance(upload, UploadFile) else b""
            asked = Asked(**{name: str(form.get(name) or "").strip() for name in ("action", "sender", "peer")})
            pasted = str(form.get("pasted") or "")
    except HTTPException as fault:
        if fault.status_code not in (400, 413):
            raise
        return await _page(request, services, reader, Asked(), {"mail": _too_large(most)}, 413)
    raw = raw or pasted.encode("utf-8", "surrogateescape")
    asked = Asked(pasted if len(pasted) <= SHOWN_BYTES else "", asked.action, asked.sender, asked.peer)
    wrong = _wrong(asked, raw, most)
    if wrong:
        return await _page(request, services, reader, asked, wrong, 413 if len(raw) > most else 422)
    return await _page(request, services, reader, asked, {}, raw=raw)


def _wrong(asked: Asked, raw: bytes, most: int) -> dict[str, str]:
    """What is wrong with the form, by field, with the fix."""
    wrong = {}
    if not raw.strip():
        wrong["mail"] = _("Choose a mail’s file, or paste its source.")
    elif len(raw) > most:
        wrong["mail"] = _too_large(most)
    if asked.action not in ("attach", "contact", "lead"):
        wrong["action"] = _("Choose one of the three addresses.")
    if asked.sender not in ("", _NULL) and parse_address(asked.sender) is None:
        wrong["sender"] = _("Write one address, such as ana@example.com, or <> for a bounce.")
    if asked.peer and not _is_ip(asked.peer):
        wrong["peer"] = _("Write an IP address, such as 203.0.113.24.")
    return wrong


def _too_large(most: int) -> str:
    return _("This mail is too large: a mail may have at most %s MB.") % f"{most / 1_000_000:.1f}".removesuffix(".0")


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


async def _page(
    request: Request,
    services: WebServices,
    reader: Visitor,
    asked: Asked,
    wrong: Mapping[str, str],
    status: int = 200,
    raw: bytes = b"",
) -> Response:
    account = await show_account(services.store, reader, services.domains[0])
    shown = await _decided(services, reader, account, asked, raw) if raw else {"decision": None}
    return pages_of(request).console(
        "tester.html",
        reader,
        "tester",
        status,
        account=account,
        asked=asked,
        wrong=wrong,
        most=services.max_message_bytes,
        too_large=_too_large(services.max_message_bytes),
        **shown,
    )


async def _decided(
    services: WebServices, reader: Visitor, account: Account, asked: Asked, raw: bytes
) -> dict[str, Any]:
    address = str(getattr(account.addresses, asked.action))
    sender = None if not asked.sender else "" if asked.sender == _NULL else asked.sender
    decision = await services.explain(raw, [address], sender, asked.peer or None)
    verdict, steps = decision["verdict"], words.steps(decision)
    code, _space, rest = str(decision["reply"]).partition(" ")
    enhanced, _space, text = rest.partition(" ")
    duplicate, thread = decision["duplicate_of"], None
    if duplicate and await show_message(services.store, reader, duplicate) is None:
        duplicate = None
    if verdict == "file":
        thread = await foresee_thread(services.store, reader, decision["primary"], decision["base_subject"])
    reason = reason_of(words.reason_key(decision)) if verdict == "refuse" else None
    asked_rules = len({step.rule for step in steps})
    return {
        "decision": decision,
        "address": address,
        "reason": reason,
        "said": (f"{code} {enhanced}", text),
        "steps": steps,
        "not_asked": words.not_asked(decision),
        "told": ngettext("%(num)s rule", "%(num)s rules", asked_rules) % {"num": asked_rules},
        "badge_of": words.badge_of(decision),
        "duplicate": duplicate,
        "thread": thread,
    }
