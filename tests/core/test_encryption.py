"""What our own door shows after STARTTLS, judged."""

from __future__ import annotations

import pytest

from gateway.core.encryption import Finding, Shown, fits, judge_tls

DAY = 86_400_000
NOW = 1_000 * DAY
HOST = "gate.acme.example"


def shown(days: int = 60, names: tuple[str, ...] = (HOST,), *, own: bool = False) -> Shown:
    return Shown(True, True, names, NOW + days * DAY, own)


STORIES = {
    "nobody opens": (Shown(reached=False), [("door", "warning", 0)]),
    "nothing is encrypted": (Shown(reached=True), [("starttls", "warning", 0)]),
    "it can't be read": (Shown(True, offered=True), [("starttls", "ok", 0), ("certificate", "failed", 0)]),
    "all is well": (shown(), [("starttls", "ok", 0), ("name", "ok", 0), ("days", "ok", 60), ("signer", "ok", 0)]),
    "it ends soon": (
        shown(13),
        [("starttls", "ok", 0), ("name", "ok", 0), ("days", "warning", 13), ("signer", "ok", 0)],
    ),
    "it has ended": (
        shown(-1),
        [("starttls", "ok", 0), ("name", "ok", 0), ("days", "failed", -1), ("signer", "ok", 0)],
    ),
    "it names another": (
        shown(names=("x.example",)),
        [("starttls", "ok", 0), ("name", "failed", 0), ("days", "ok", 60), ("signer", "ok", 0)],
    ),
    "it names nobody": (
        shown(names=()),
        [("starttls", "ok", 0), ("name", "failed", 0), ("days", "ok", 60), ("signer", "ok", 0)],
    ),
    "it is signed by itself": (
        shown(own=True),
        [("starttls", "ok", 0), ("name", "ok", 0), ("days", "ok", 60), ("signer", "warning", 0)],
    ),
}


@pytest.mark.parametrize(("seen", "findings"), STORIES.values(), ids=STORIES)
def test_what_is_shown_is_judged(seen: Shown, findings: list[tuple[str, str, int]]) -> None:
    assert judge_tls(seen, HOST, NOW) == tuple(Finding(*one) for one in findings)


NAMES = {
    "the same": (HOST, HOST, True),
    "a star for one label": ("*.acme.example", HOST, True),
    "a star for two labels": ("*.example", HOST, False),
    "a star for all": ("*.", "localhost", False),
    "another": ("acme.example", HOST, False),
}


@pytest.mark.parametrize(("name", "host", "fitting"), NAMES.values(), ids=NAMES)
def test_a_name_of_a_certificate_fits_a_host(name: str, host: str, fitting: bool) -> None:
    assert fits(name, host) is fitting
