"""What is counted, for `/metrics` (Prometheus): mails, refused recipients, and how long filing takes.

Labels are rules, roads and verdicts, never an account or an address, so that their number stays small and nothing
private leaves by this door.
"""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST

_registry = CollectorRegistry()
_mails = Counter(
    "smartgate_mails_total",
    "Mails decided on, by the road they came, the verdict and the rule that decided.",
    ("road", "verdict", "rule"),
    registry=_registry,
)
_recipients = Counter(
    "smartgate_recipients_refused_total",
    "Recipients refused before the text of the mail, by rule.",
    ("rule",),
    registry=_registry,
)
_seconds = Histogram(
    "smartgate_filing_seconds",
    "From the end of a mail's text to the reply: reading, deciding, and a commit that is durable.",
    registry=_registry,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def mail_done(road: str, verdict: str, rule: str, seconds: float) -> None:
    """One mail was answered. verdict: file, refuse or hold. rule: the deciding one."""
    _mails.labels(road, verdict, rule).inc()
    _seconds.observe(seconds)


def recipient_refused(rule: str) -> None:
    """One RCPT was refused by this rule (A1 to A6)."""
    _recipients.labels(rule).inc()


def exposition() -> bytes:
    """All figures in the text form that Prometheus reads, of type CONTENT_TYPE."""
    return generate_latest(_registry)
