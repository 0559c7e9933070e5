"""The way by which a domain is set up."""

from __future__ import annotations

from gateway.core.set_up import OVER, STEPS, Way, choose_domain, may_open, pass_step

DOMAIN = "cc.acme.example"


def test_each_step_leads_to_the_next_one_and_the_last_one_out() -> None:
    way, seen = Way(DOMAIN), []
    for now, step in enumerate(STEPS, 1):
        assert way.step == step
        way = pass_step(way, step, now)
        seen.append((way.step, way.done, way.at))
    assert seen[0] == ("dns", ("domain",), 1)
    assert seen[-1] == (OVER, STEPS, 5)


def test_who_goes_back_comes_to_where_they_were() -> None:
    way = Way(DOMAIN, "mail", ("domain", "dns", "tls"), 7)
    assert pass_step(way, "dns", 9) == way
    assert pass_step(Way(DOMAIN, OVER, ("dns",), 7), "tls", 9) == Way(DOMAIN, OVER, ("dns", "tls"), 7)


def test_another_domain_begins_anew() -> None:
    way = Way(DOMAIN, "tls", ("domain", "dns"), 7)
    assert choose_domain(way, DOMAIN, 9) == way
    assert choose_domain(way, "other.example", 9) == Way("other.example", "domain", (), 9)
    assert choose_domain(Way(DOMAIN), DOMAIN, 9) == Way(DOMAIN, "domain", (), 9)


def test_only_what_was_left_behind_and_the_present_step_can_be_opened() -> None:
    way = Way(DOMAIN, "tls", ("domain", "dns"), 7)
    assert [step for step in STEPS if may_open(way, step)] == ["domain", "dns", "tls"]
