"""What is counted, for `/metrics` (Prometheus): mails, refusals, limits reached, sessions, times, lag and memory.

Labels are rules, roads and verdicts, never an account or an address, so that their number stays small and nothing
private leaves by this door.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST

STATES = ("importing", "ready", "paused", "auth_failed", "disconnected")
"""Of mailboxes, all of which are told, those too in which there is none."""
_STATM = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

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
_sessions = Gauge(
    "smartgate_sessions",
    "Connections of mail servers that are open now, by road.",
    ("road",),
    registry=_registry,
)
_limits = Counter(
    "smartgate_limits_total",
    "Answers that told a mail server of a limit (A8), by limit.",
    ("limit",),
    registry=_registry,
)
_harvests = Counter(
    "smartgate_harvests_stopped_total",
    "Address blocks that asked for so many addresses that they are told nothing more for a while (A8).",
    registry=_registry,
)
_quotas = Counter(
    "smartgate_quota_reached_total",
    "Mails of outsiders held because they would create too much in an hour (B8b): by author, domain, block or account.",
    ("scope",),
    registry=_registry,
)
_deliveries = Counter(
    "smartgate_deliveries_total",
    "Tries to tell a back end of an event, by what became of them: delivered, retried, dead.",
    ("outcome",),
    registry=_registry,
)
_delivery_seconds = Histogram(
    "smartgate_delivery_seconds",
    "From an event's commit to its arrival at a back end.",
    registry=_registry,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86400),
)
_longest_wait = Gauge(
    "smartgate_delivery_longest_wait_seconds",
    "How old the oldest event is that a back end has still to be told of.",
    registry=_registry,
)
_handshakes = Counter(
    "smartgate_tls_handshakes_total",
    "TLS handshakes of mail servers, by the protocol agreed on, or `failed`.",
    ("outcome",),
    registry=_registry,
)
_certificates = Counter(
    "smartgate_certificates_read_total",
    "Times the certificate's files had changed, by whether they were usable: yes or no.",
    ("usable",),
    registry=_registry,
)
_lag = Histogram(
    "smartgate_loop_lag_seconds",
    "How late the event loop came to a tick that was due: what everybody waits who has something for it.",
    registry=_registry,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
_longest_lag = Gauge(
    "smartgate_loop_lag_longest_seconds",
    "The longest lag of the event loop since these figures were last read.",
    registry=_registry,
)
_spooled = Gauge(
    "smartgate_spooled_bytes",
    "Bytes of large mails on disk that are still coming in or being filed.",
    registry=_registry,
)
_blobs = Counter(
    "smartgate_blobs_failed_total",
    "Requests to the bucket of large mails that came to nothing, by what they asked: put, get, list or delete.",
    ("does",),
    registry=_registry,
)
_mailboxes = Gauge(
    "smartgate_mailboxes",
    "People's own mailboxes, by state; every process that syncs counts those of the whole store.",
    ("state",),
    registry=_registry,
)
_mailbox_wait = Gauge(
    "smartgate_mailbox_longest_wait_seconds",
    "How late the mailbox is that waits the longest for somebody to look into it.",
    registry=_registry,
)
_passes = Counter(
    "smartgate_mailbox_passes_total",
    "Looks into mailboxes, by what became of them: done, lost, stopped, or why they failed: network, busy, auth, …",
    ("outcome",),
    registry=_registry,
)
_pass_seconds = Histogram(
    "smartgate_mailbox_pass_seconds",
    "From the claim of a mailbox to the end of the look into it.",
    registry=_registry,
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
_mailbox_messages = Counter(
    "smartgate_mailbox_messages_total",
    "Messages fetched from mailboxes: filed (known ones as well), or put aside as they could not be read.",
    ("outcome",),
    registry=_registry,
)
_mailbox_bytes = Counter(
    "smartgate_mailbox_bytes_total",
    "Bytes received from the servers of mailboxes.",
    registry=_registry,
)
_outgoing = Counter(
    "smartgate_outgoing_total",
    "Tries to send mail that was written here, by what became of the mail: sent, retried or failed.",
    ("outcome",),
    registry=_registry,
)
_outgoing_waiting = Gauge(
    "smartgate_outgoing_waiting",
    "Mails that were written here and are still to be sent, of the whole store.",
    registry=_registry,
)
_idle = Gauge(
    "smartgate_mailbox_idle_connections",
    "Connections that are open to hear of new mail at once (IMAP IDLE).",
    registry=_registry,
)
_memory = Gauge(
    "process_resident_memory_bytes",
    "Memory of the machine that this process holds.",
    registry=_registry,
)


class _Longest:
    """The longest lag since somebody asked."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def take(self) -> float:
        taken, self.seconds = self.seconds, 0.0
        return taken


_longest = _Longest()
_longest_lag.set_function(_longest.take)


def _resident_bytes() -> float:
    """Resident pages (proc(5), statm); 0 where the system has no such file."""
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0.0


_memory.set_function(_resident_bytes)


def loop_late(seconds: float) -> None:
    """A tick of the event loop came so late."""
    _lag.observe(seconds)
    _longest.seconds = max(_longest.seconds, seconds)


def spooled(size: int) -> None:
    """So many more bytes of a large mail are on disk; negative: they were filed or dropped."""
    _spooled.inc(size)


_restarts = Counter(
    "smartgate_workers_restarted_total",
    "Workers that ended by themselves and were started again.",
    registry=_registry,
)

Key = tuple[str, tuple[tuple[str, str], ...]]
"""A figure's name with its labels."""


@dataclass(frozen=True, slots=True)
class Family:
    """The figures of one name. kind: counter, gauge, histogram."""

    name: str
    kind: str
    help: str
    samples: dict[Key, float]


def mail_done(road: str, verdict: str, rule: str, seconds: float) -> None:
    """One mail was answered. verdict: file, refuse or hold. rule: the deciding one."""
    _mails.labels(road, verdict, rule).inc()
    _seconds.observe(seconds)


def recipient_refused(rule: str) -> None:
    """One RCPT was refused by this rule (A1 to A6)."""
    _recipients.labels(rule).inc()


def session_opened(road: str) -> None:
    """A mail server has connected."""
    _sessions.labels(road).inc()


def session_closed(road: str) -> None:
    """A connection has ended."""
    _sessions.labels(road).dec()


def limit_reached(limit: str) -> None:
    """A mail server was told of a limit (A8)."""
    _limits.labels(limit).inc()


def harvest_stopped() -> None:
    """An address block has heard of as many names as it may (A8)."""
    _harvests.inc()


def quota_reached(scope: str) -> None:
    """A mail would have created more than outsiders may (B8b)."""
    _quotas.labels(scope).inc()


def blobs_failed(does: str) -> None:
    """A request to the bucket of large mails came to nothing: put, get, list or delete."""
    _blobs.labels(does).inc()


def deliveries_done(outcome: str, count: int = 1) -> None:
    """So many tries ended: delivered, retried or dead."""
    _deliveries.labels(outcome).inc(count)


def delivery_arrived(seconds: float) -> None:
    """A back end has heard of an event, so long after it happened."""
    _delivery_seconds.observe(seconds)


def delivery_waits(seconds: float) -> None:
    """The oldest event that is still to be told is so old; 0 where there is none."""
    _longest_wait.set(seconds)


def mailboxes_counted(states: Mapping[str, int], late: float) -> None:
    """There are so many mailboxes by state; the one that waits the longest is so late, in seconds."""
    for state in STATES:
        _mailboxes.labels(state).set(states.get(state, 0))
    _mailbox_wait.set(late)


def mailbox_passed(outcome: str, seconds: float, moved: int) -> None:
    """A look into a mailbox has ended; so many bytes came from its server."""
    _passes.labels(outcome).inc()
    _pass_seconds.observe(seconds)
    _mailbox_bytes.inc(moved)


def mailbox_filed(filed: int, aside: int) -> None:
    """So many messages of a mailbox were filed, and so many could not be read."""
    _mailbox_messages.labels("filed").inc(filed)
    _mailbox_messages.labels("aside").inc(aside)


def outgoing_tried(outcome: str) -> None:
    """A mail that was written here was sent, retried or failed."""
    _outgoing.labels(outcome).inc()


def outgoing_waiting(count: int) -> None:
    """So many mails wait to be sent."""
    _outgoing_waiting.set(count)


def mailboxes_idle(count: int) -> None:
    """So many connections wait for news."""
    _idle.set(count)


def handshake_done(outcome: str) -> None:
    """A TLS handshake ended: the protocol, such as TLSv1.3, or failed."""
    _handshakes.labels(outcome).inc()


def certificate_read(*, usable: bool) -> None:
    """The files of the certificate had changed."""
    _certificates.labels("yes" if usable else "no").inc()


def worker_restarted() -> None:
    """A worker had ended by itself."""
    _restarts.inc()


def worker_begun() -> None:
    """This process is a worker from now on: what its parent has counted is told by its parent."""
    _restarts.reset()


def families() -> list[Family]:
    """All figures of this process."""
    return [
        Family(
            one.name,
            one.type,
            one.documentation,
            {(sample.name, tuple(sample.labels.items())): sample.value for sample in one.samples},
        )
        for one in _registry.collect()
    ]


def merged(parts: Iterable[Family]) -> list[Family]:
    """The figures of several processes as one.

    They are summed; when counting began is the earliest moment, and of what names itself the longest the highest holds.
    """
    found: dict[str, Family] = {}
    for part in parts:
        samples = found.setdefault(part.name, Family(part.name, part.kind, part.help, {})).samples
        for key, value in part.samples.items():
            if key not in samples:
                samples[key] = value
            elif key[0].endswith("_created"):
                samples[key] = min(samples[key], value)
            elif "_longest_" in key[0]:
                samples[key] = max(samples[key], value)
            else:
                samples[key] += value
    return list(found.values())


class _Told(Collector):
    """Figures that were collected before."""

    def __init__(self, parts: Iterable[Family]) -> None:
        self._parts = merged(parts)

    def collect(self) -> Iterable[Metric]:
        for part in self._parts:
            metric = Metric(part.name, part.help, part.kind)
            for (name, labels), value in part.samples.items():
                metric.add_sample(name, dict(labels), value)
            yield metric


def exposition(parts: Iterable[Family] | None = None) -> bytes:
    """Figures in the text form that Prometheus reads, of type CONTENT_TYPE.

    parts: of several processes; left out, those of this one.
    """
    if parts is None:
        return generate_latest(_registry)
    registry = CollectorRegistry()
    registry.register(_Told(parts))
    return generate_latest(registry)
