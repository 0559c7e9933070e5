"""Whether mail to us travels encrypted: what our door shows after STARTTLS, judged (RFC 3207, RFC 8461 section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.dns_records import FAILED, OK, WARNING

SOON_DAYS = 14
"""A certificate that ends sooner should have been renewed by now."""
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Shown:
    """What our own door showed. reached: it answered at all. offered: it says STARTTLS. names: of its certificate, in
    lower case. ends_at: milliseconds. own_sign: it is signed by itself. fault: why it couldn't be seen."""

    reached: bool
    offered: bool = False
    names: tuple[str, ...] = ()
    ends_at: int = 0
    own_sign: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. check: door, starttls, certificate, name, days or signer. state: ok, warning or
    failed. days: left of the certificate."""

    check: str
    state: str
    days: int = 0


def judge_tls(shown: Shown, hostname: str, now: int) -> tuple[Finding, ...]:
    """What is right and wrong, in the order in which it is mended; what can't be known yet is left out."""
    if not shown.reached:
        return (Finding("door", WARNING),)
    if not shown.offered:
        return (Finding("starttls", WARNING),)
    if not shown.names and not shown.ends_at:
        return Finding("starttls", OK), Finding("certificate", FAILED)
    days = (shown.ends_at - now) // _DAY_MS
    lasting = FAILED if days < 0 else WARNING if days < SOON_DAYS else OK
    return (
        Finding("starttls", OK),
        Finding("name", OK if any(fits(name, hostname) for name in shown.names) else FAILED),
        Finding("days", lasting, int(days)),
        Finding("signer", WARNING if shown.own_sign else OK),
    )


def fits(name: str, hostname: str) -> bool:
    """Whether a name of a certificate, which may begin with a star for one label, is that of a host (RFC 9525)."""
    if name.startswith("*."):
        return hostname.partition(".")[2] == name[2:] != ""
    return name == hostname
