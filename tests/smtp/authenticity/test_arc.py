"""ARC (RFC 8617): the public suite of chains to validate, through a real name server."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.smtp.authenticity.arc import check_arc
from gateway.smtp.authenticity.resolver import Resolver
from tests.name_server import NameServer
from tests.smtp.authenticity.letters import message
from tests.vectors import load, needs

SUITE = "arc-draft-validation-tests.yml"
CASES = [
    pytest.param(part["txt-records"], case, id=f"{part['description']}: {name}")
    for part in load(SUITE)
    for name, case in part["tests"].items()
]


@needs(SUITE)
@pytest.mark.parametrize(("records", "case"), CASES)
async def test_the_public_suite(records: dict[str, str] | None, case: dict[str, Any]) -> None:
    zones = {name: [("TXT", text)] for name, text in (records or {}).items()}
    async with NameServer(zones) as server:
        chain = await check_arc(Resolver([server.address]), message(case["message"]))

    assert chain.word == (case["cv"] or "fail").lower(), chain.why
