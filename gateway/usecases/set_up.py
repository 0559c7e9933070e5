"""Set a domain up step by step: where somebody is on the way, which they may leave and take up again."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.refusals import Wrong
from gateway.core.resources import Crm
from gateway.core.set_up import DOMAIN, OVER, STEPS, Way, choose_domain, pass_step
from gateway.store.access import Principal
from gateway.store.audit import note
from gateway.store.endpoints import WEBHOOK, list_endpoints
from gateway.store.engine import Store, Tx
from gateway.store.ids import shared_time as now
from gateway.store.outbox import DISABLED
from gateway.store.setups import find_way, set_way

__all__ = ["DOMAIN", "OVER", "STEPS", "Crm", "Told", "Way", "leave_step", "show_told", "show_way"]


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told of what happens in an account. crm: the kind of the CRM that is connected, None for none. webhooks:
    how many."""

    crm: str | None
    webhooks: int


async def show_way(store: Store, reader: Principal, domains: tuple[str, ...]) -> Way:
    """How far the reader's account is. A domain that is no longer one of the gateway's has to be chosen anew."""
    way = await store.read(lambda tx: find_way(tx, reader.account))
    return way if way is not None and way.domain in domains else Way(domains[0])


async def leave_step(
    store: Store, admin: Principal, step: str, domains: tuple[str, ...], domain: str = ""
) -> Way | Wrong:
    """Leaves a step behind. domain: the one that was chosen, in the first step."""
    if step == DOMAIN and domain not in domains:
        return Wrong("domain", "Choose one of the domains that this server takes mail for")

    def leave(tx: Tx) -> Way:
        before = find_way(tx, admin.account)
        if before is None or before.domain not in domains:
            before = Way(domains[0])
        chosen = choose_domain(before, domain, now()) if step == DOMAIN else before
        after = pass_step(chosen, step, now())
        set_way(tx, admin.account, after)
        if step == DOMAIN:
            note(tx, admin, "setup.domain", admin.slug, now(), name=domain)
        elif after.step == OVER and before.step != OVER:
            note(tx, admin, "setup.finished", admin.slug, now(), name=after.domain)
        return after

    return await store.write(leave, account=admin.account)


async def show_told(store: Store, reader: Principal) -> Told:
    """Who is told of events."""

    def told(tx: Tx) -> Told:
        active = [one for one in list_endpoints(tx, reader.account, None) if one.state != DISABLED]
        crm = next((one.kind for one in active if one.kind != WEBHOOK), None)
        return Told(crm, sum(one.kind == WEBHOOK for one in active))

    return await store.read(told)
