"""Settings: who did what in the account. Admins only (section F)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.core.audit import WHAT
from gateway.usecases.show_audit import OPERATOR, list_doers, list_done
from gateway.web.console.session import Admin
from gateway.web.pages import pages_of
from gateway.web.paging import cursor, read_cursor
from gateway.web.services import Services
from gateway.web.tongues import gettext as _
from gateway.web.tongues import later

router = APIRouter(prefix="/settings/audit")
ROWS = 50


@router.get("")
async def show_journal(
    request: Request, services: Services, admin: Admin, who: str = "", after: str | None = None
) -> Response:
    """What was done, newest first; by one person where one is chosen."""
    by = who.strip()[:100]
    page = await list_done(services.store, admin, read_cursor(after, (str,)), ROWS, by or None)
    doers = await list_doers(services.store, admin)
    return pages_of(request).console(
        "settings_audit.html",
        admin,
        "settings",
        tab_here="audit",
        done=[(one, did(one.what), told(one.about)) for one in page.rows],
        who=by,
        doers=doers,
        names={one.user: one.name for one in doers},
        operator=OPERATOR,
        further=urlencode({"who": by, "after": cursor(page.next)}) if page.next else "",
        paged=after is not None,
        days=services.audit_days,
    )


def did(what: str) -> str:
    """What was done, as the head of a row."""
    said = _(WHAT.get(what, what))
    return said[:1].upper() + said[1:]


def told(about: Mapping[str, Any]) -> str:
    """What is known of it, in one line: what a thing was called or how it stood becomes the first of two words, ids are
    left out, and the rest stands as it is."""
    plain = {key: value for key, value in about.items() if key not in _IDS and value not in ("", None)}
    first = _change(plain, "former", "name") or _change(plain, "before", "status" if "status" in plain else "name")
    name = str(plain.pop("name", ""))
    said = [one for one in (name, first) if one]
    return " · ".join([*said, *filter(None, (_fact(key, value) for key, value in plain.items()))])


def _change(plain: dict[str, Any], before: str, after: str) -> str:
    """From what to what something went; takes both away."""
    if before not in plain or after not in plain:
        return ""
    return f"{plain.pop(before)} → {plain.pop(after)}"


def _fact(key: str, value: object) -> str:
    if key == "by":
        return _(_BY.get(str(value), str(value)))
    if key in _REMARKS:
        return _(_REMARKS[key]) if value else ""
    if isinstance(value, bool):
        value = _("yes") if value else _("no")
    elif isinstance(value, list):
        value = ", ".join(map(str, value)) or _("none")
    return f"{_(_FACTS[key])}: {value}" if key in _FACTS else str(value)


_IDS = frozenset({"card", "message", "other"})
_BY = {
    "link": later("with a link"),
    "password": later("with a password"),
    "provider": later("with the company’s account"),
}
_REMARKS = {"stays_for_others": later("others still have it"), "undone": later("undone")}
"""What is said where it is so, and left out where it is not."""
_FACTS = {
    "called": later("name"),
    "copy_policy": later("where the address may stand"),
    "link_mailbox": later("mailbox for sign-in links"),
    "never_log": later("never logged"),
    "number": later("number"),
    "own_domains": later("own domains"),
    "owner": later("owner"),
    "rename_grace_days": later("days that former addresses work"),
    "role": later("role"),
    "shared_mail": later("may read shared mailboxes"),
    "strangers": later("mail of strangers"),
    "user": later("of"),
}
"""What a fact is called, by its key; one that isn't here stands without a name."""
