"""Questions to the DNS: what is there, what isn't, and what nobody answers."""

from __future__ import annotations

from gateway.checks.names import Names
from tests.name_server import SERVFAIL, TIMEOUT, NameServer, Zones

ZONES: Zones = {
    "cc.acme.example": [("MX", (10, "Gate.acme.example")), ("TXT", ["v=spf1 ", "-all"]), ("TXT", "hello")],
    "gate.acme.example": [("A", "203.0.113.80"), ("AAAA", "2001:db8::80")],
    "null.example": [("MX", (0, "."))],
    "80.113.0.203.in-addr.arpa": [("PTR", "Gate.acme.example")],
    "mta-sts.cc.acme.example": [("CNAME", "gate.acme.example")],
    "broken.example": SERVFAIL,
    "silent.example": TIMEOUT,
}
ANSWERS = {
    ("MX", "cc.acme.example"): ("10 gate.acme.example",),
    ("MX", "null.example"): ("0 .",),
    ("TXT", "cc.acme.example"): ("hello", "v=spf1 -all"),
    ("A", "gate.acme.example"): ("203.0.113.80",),
    ("AAAA", "gate.acme.example"): ("2001:db8::80",),
    ("PTR", "80.113.0.203.in-addr.arpa"): ("gate.acme.example",),
    ("A", "mta-sts.cc.acme.example"): ("203.0.113.80",),
    ("TXT", "gate.acme.example"): (),
    ("A", "nothing.example"): (),
    ("A", "a..example"): (),
    ("A", f"{'a' * 64}.example"): (),
    ("TXT", "broken.example"): None,
    ("TXT", "silent.example"): None,
}


async def test_every_question_is_answered_in_text() -> None:
    async with NameServer(ZONES) as server:
        assert await Names([server.address], 1.0).ask(list(ANSWERS)) == ANSWERS


async def test_what_was_mended_is_seen_at_once() -> None:
    async with NameServer({"x.example": [("A", "192.0.2.1")]}) as server:
        names = Names([server.address], 1.0)
        assert await names.ask([("A", "x.example")]) == {("A", "x.example"): ("192.0.2.1",)}
        server.publish({"x.example": [("A", "192.0.2.2")]})
        assert await names.ask([("A", "x.example")]) == {("A", "x.example"): ("192.0.2.2",)}
