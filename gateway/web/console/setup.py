"""Setting a domain up, step by step: domain, DNS, TLS, a test mail, the CRM; it can be left and taken up again."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.core.refusals import Wrong
from gateway.core.set_up import may_open
from gateway.usecases.check_machine import check_tls
from gateway.usecases.edit_session import Visitor
from gateway.usecases.set_up import DOMAIN, OVER, STEPS, Way, leave_step, show_told, show_way
from gateway.usecases.show_account import show_account
from gateway.usecases.show_receipts import Outcome, Search, list_outcomes
from gateway.web import records, words
from gateway.web.console.dns_watch import DnsWatch, Seen
from gateway.web.console.session import Admin, Session, reader_now
from gateway.web.live import Part, live_of
from gateway.web.pages import Pages, pages_of
from gateway.web.services import Services, WebServices
from gateway.web.tongues import gettext as _
from gateway.web.tongues import later, ngettext

router = APIRouter(prefix="/setup")
StepName = Literal["domain", "dns", "tls", "mail", "crm"]
DNS_SECONDS = 10.0
"""How often the DNS is asked while somebody watches."""
GLANCE_SECONDS = 0.05
PATIENCE_SECONDS = 8.0
"""How long a page waits for the DNS: when it is opened, and when somebody wants to know now."""
NAMES = {
    "domain": later("Domain"),
    "dns": later("DNS"),
    "tls": later("TLS"),
    "mail": later("Test mail"),
    "crm": later("Your CRM"),
}


@router.get("")
async def show_setup(request: Request, services: Services, admin: Admin, check: str = "") -> Response:
    """The step somebody is at."""
    way = await show_way(services.store, admin, services.domains)
    return await _page(request, services, admin, way, way.step, check=check)


@router.get("/{step}")
async def show_step(request: Request, services: Services, admin: Admin, step: StepName, check: str = "") -> Response:
    """A step that was left behind, or the present one; what comes later leads to the present one."""
    way = await show_way(services.store, admin, services.domains)
    if not may_open(way, step):
        return RedirectResponse("/setup", 303)
    return await _page(request, services, admin, way, step, check=check)


@router.post("/{step}")
async def leave(
    request: Request, services: Services, admin: Admin, step: StepName, domain: Annotated[str, Form()] = ""
) -> Response:
    """Goes on to the next step."""
    left = await leave_step(services.store, admin, step, services.domains, domain)
    if isinstance(left, Wrong):
        way = await show_way(services.store, admin, services.domains)
        return await _page(request, services, admin, way, DOMAIN, 422, wrong=True)
    following = STEPS[STEPS.index(step) + 1] if step != STEPS[-1] else ""
    return RedirectResponse(f"/setup/{following}" if may_open(left, following) else "/setup", 303)


@router.get("/dns/live")
async def dns_live(request: Request, services: Services, _admin: Admin, session: Session = None) -> Response:
    """The records, asked for every ten seconds."""
    pages, watch = pages_of(request), _watch(request, services)
    before: list[int] = []

    async def render() -> Part:
        now = await reader_now(services, session, "admin")
        way = await show_way(services.store, now, services.domains)
        seen = await watch.look(way.domain)
        html = pages.text("part_dns.html", way=way, **_dns(services, seen))
        right = sum(one.state == "right" for one in seen.judged)
        said = ""
        if before and before[-1] != right:
            said = ngettext("%(num)s record is right", "%(num)s records are right", right) % {"num": right}
        before[:] = [right]
        return Part(html, said)

    return live_of(request).answer(render, DNS_SECONDS)


@router.get("/mail/live")
async def mail_live(request: Request, services: Services, _admin: Admin, session: Session = None) -> Response:
    """Waits for a test mail, and tells what became of it."""
    pages = pages_of(request)

    async def render() -> Part:
        now = await reader_now(services, session, "admin")
        way = await show_way(services.store, now, services.domains)
        came = await _came(services, now, way)
        said = words.sentence(came.attempt, came.cards) if came is not None else ""
        return Part(_arrived(pages, came), said, over=came is not None)

    return live_of(request).answer(render)


async def _page(
    request: Request,
    services: WebServices,
    admin: Visitor,
    way: Way,
    step: str,
    status: int = 200,
    *,
    check: str = "",
    wrong: bool = False,
) -> Response:
    account = await show_account(services.store, admin, way.domain)
    shown: dict[str, Any] = {"wrong": wrong, "domains": services.domains, "account": account}
    if step == "dns":
        watch = _watch(request, services)
        seen = await watch.glance(way.domain, PATIENCE_SECONDS if check else GLANCE_SECONDS)
        shown |= _dns(services, seen)
    elif step == "tls":
        seen_tls, findings = await check_tls(services.checks)
        shown |= {"findings": [records.finding(one, services.checks.hostname) for one in findings], "tls": seen_tls}
    elif step == "mail":
        address = account.addresses.lead
        mailto = (
            f"mailto:{quote(admin.email, safe='@')}?cc={quote(address, safe='@')}&subject={quote(_('A first test'))}"
        )
        came = await _came(services, admin, way)
        shown |= {"address": address, "mailto": mailto, "came": came is not None}
        shown["arrived"] = _arrived(pages_of(request), came)
    elif step == "crm":
        shown["told"] = await show_told(services.store, admin)
    steps = [(name, _(label), name in way.done) for name, label in NAMES.items()]
    template = f"setup_{step}.html"
    return pages_of(request).console(
        template, admin, "setup", status, way=way, steps=steps, here_step="" if step == OVER else step, **shown
    )


def _dns(services: WebServices, seen: Seen | None) -> dict[str, Any]:
    rows = [records.row(one) for one in seen.judged] if seen is not None else []
    return {
        "hostname": services.checks.hostname,
        "seen": seen,
        "rows": sorted(rows, key=lambda one: one.state == "right"),
        "open": sum(row.state != "right" for row in rows),
        "unasked": sum(row.state == "unknown" for row in rows),
        "arrives": bool(rows) and not any(row.grave for row in rows),
    }


def _watch(request: Request, services: WebServices) -> DnsWatch:
    watch: DnsWatch | None = getattr(request.app.state, "dns_watch", None)
    if watch is None or watch.checks is not services.checks:
        watch = request.app.state.dns_watch = DnsWatch(services.checks)
    return watch


async def _came(services: WebServices, admin: Visitor, way: Way) -> Outcome | None:
    """The newest attempt since this step began."""
    page = await list_outcomes(services.store, admin.account, None, 1, Search(since=way.at))
    return page.rows[0] if page.rows else None


def _arrived(pages: Pages, came: Outcome | None) -> str:
    return pages.text("part_arrived.html", outcome=came)
