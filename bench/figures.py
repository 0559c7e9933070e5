"""What the rounds say: medians of interleaved rounds, and our ratio to the peer beside its goal. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.load import Outcome
from bench.rows import Row


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one server. rate: mails a second. p50_ms, p99_ms: wait from the end of data to the 2xx. cpu_ms:
    CPU of the server a mail, work after the reply included. load_cpu_ms: CPU of the generator a mail. others: share of
    the machine's cores that neither used: other programs, and the kernel's own threads that write to the disk."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    load_cpu_ms: float
    others: float
    accepted: int
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Side:
    """All rounds of one server on one row, and how many mails its store held in the end beside those acknowledged
    (warm-up included)."""

    rounds: tuple[Round, ...]
    acknowledged: int
    kept: int

    def middle(self, figure: str) -> float:
        """The median of one figure over the rounds."""
        return float(median(getattr(each, figure) for each in self.rounds))

    @property
    def refused(self) -> int:
        return sum(sum(each.refused.values()) for each in self.rounds)


@dataclass(frozen=True, slots=True)
class Result:
    """One row as measured; peer or ours is None where only the other was run."""

    row: Row
    peer: Side | None
    ours: Side | None

    def ratio(self, figure: str) -> float | None:
        """Ours to the peer's, of medians. None where one of the two is missing or measured nothing."""
        if self.peer is None or self.ours is None:
            return None
        below = self.peer.middle(figure)
        return self.ours.middle(figure) / below if below else None

    @property
    def spread(self) -> tuple[float, float] | None:
        """The lowest and highest ratio of rates among rounds that ran one after the other."""
        if self.peer is None or self.ours is None:
            return None
        pairs = zip(self.ours.rounds, self.peer.rounds, strict=False)
        ratios = [ours.rate / peer.rate for ours, peer in pairs if peer.rate]
        return (min(ratios), max(ratios)) if ratios else None

    @property
    def goals(self) -> dict[str, bool]:
        """Each goal of the row that could be judged, and whether it is reached."""
        judged: dict[str, bool] = {}
        if (rate := self.ratio("rate")) is not None:
            judged["rate"] = rate >= self.row.goal
        if self.row.goal_p99 is not None and (p99 := self.ratio("p99_ms")) is not None:
            judged["p99"] = p99 <= self.row.goal_p99
        if self.row.goal_cpu_ms is not None and self.ours is not None:
            judged["cpu"] = self.ours.middle("cpu_ms") <= self.row.goal_cpu_ms
        return judged

    @property
    def disturbance(self) -> float:
        """The share of the cores that others used while this row ran, on the side that suffered more."""
        return max((side.middle("others") for side in (self.peer, self.ours) if side), default=0.0)

    @property
    def faults(self) -> list[str]:
        """Why this row must not be believed: mails refused, nothing accepted, or a store that holds another number."""
        found = []
        for name, side in (("peer", self.peer), ("ours", self.ours)):
            if side is None:
                continue
            if side.refused:
                found.append(f"{name}: {side.refused} mails not accepted ({_most_frequent(side)})")
            if not side.acknowledged:
                found.append(f"{name}: no mail was accepted")
            if side.kept != side.acknowledged:
                found.append(f"{name}: acknowledged {side.acknowledged} mails, the store holds {side.kept}")
        return found


def round_of(outcome: Outcome, cpu_seconds: float, others: float = 0.0) -> Round:
    """A round's figures from what the generator counted and the CPU the server used meanwhile."""
    mails = outcome.accepted
    waits = sorted(outcome.waits)
    return Round(
        rate=mails / outcome.elapsed if mails else 0.0,
        p50_ms=percentile(waits, 50) / 1000,
        p99_ms=percentile(waits, 99) / 1000,
        cpu_ms=cpu_seconds / mails * 1000 if mails else 0.0,
        load_cpu_ms=outcome.cpu / mails * 1000 if mails else 0.0,
        others=others,
        accepted=mails,
        refused=outcome.refused,
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of ascending values; 0 for none."""
    return float(ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]) if ordered else 0.0


def _most_frequent(side: Side) -> str:
    total: dict[str, int] = {}
    for each in side.rounds:
        for reply, count in each.refused.items():
            total[reply] = total.get(reply, 0) + count
    reply, count = max(total.items(), key=lambda item: item[1])
    return f"{count} times {reply}"
