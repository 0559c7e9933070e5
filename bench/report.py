"""The tables: on the terminal, as Markdown and as JSON, always with the machine and the configurations beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rich import box
from rich.table import Table

from bench.figures import Result, Side
from bench.lines import Found, Line

_COLUMNS = (
    ("work", "left"),
    ("Postfix\nmails/s", "right"),
    ("ours\nmails/s", "right"),
    ("ratio\n(lowest-highest)", "right"),
    ("goal", "right"),
    ("Postfix\np50 / p99 ms", "right"),
    ("ours\np50 / p99 ms", "right"),
    ("p99 ratio", "right"),
    ("CPU ms a mail\nPostfix, ours, load", "right"),
    ("others'\nCPU", "right"),
)
_OWN_COLUMNS = (
    ("what", "left"),
    ("measured\n(lowest-highest)", "right"),
    ("goal", "right"),
    ("others'\nCPU", "right"),
    ("beside it", "left"),
)
_NONE = "-"
_DISTURBED = 0.25


@dataclass(frozen=True, slots=True)
class Report:
    """All rows of one run with what they were measured on. at: when it began, local time. found: rows without a peer.
    missing: why a row was not measured, or is left out, by its id."""

    at: str
    plan: str
    machine: Mapping[str, str]
    configurations: Mapping[str, Mapping[str, str]]
    results: Sequence[Result]
    found: Sequence[Found] = ()
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def faults(self) -> list[str]:
        """Why rows must not be believed."""
        found = [f"{result.row.id}: {fault}" for result in self.results for fault in result.faults]
        found += [f"{one.row}: {fault}" for one in self.found for fault in one.faults]
        return found + [f"{row}: {why}" for row, why in self.missing.items()]

    def sound(self) -> Report:
        """Without what must not be believed; why it is left out is told."""
        left = {result.row.id: "; ".join(result.faults) for result in self.results if result.faults}
        left |= {one.row: "; ".join(one.faults) for one in self.found if one.faults}
        return replace(
            self,
            results=[result for result in self.results if not result.faults],
            found=[one for one in self.found if not one.faults],
            missing={**left, **self.missing},
        )

    @property
    def disturbed(self) -> dict[str, float]:
        """Rows during which others took much of the cores."""
        shares = {result.row.id: result.disturbance for result in self.results}
        shares |= {one.row: one.disturbance for one in self.found}
        return {row: share for row, share in shares.items() if share > _DISTURBED}

    def tables(self) -> list[Table]:
        """For the terminal: rows beside Postfix, then those with a yardstick of their own."""
        tables = []
        if self.results:
            tables.append(_table(f"Mails accepted durably, {self.plan}", _COLUMNS))
            for result in self.results:
                tables[-1].add_row(*cells(result), style="red" if result.faults else None)
        if self.found:
            tables.append(_table("By a yardstick of their own", _OWN_COLUMNS))
            for one in self.found:
                for row in own_cells(one):
                    tables[-1].add_row(*row, style="red" if one.faults else None)
        return tables

    def markdown(self) -> str:
        """For the repository."""
        lines = [f"# Bench of {self.at}"]
        if self.results:
            lines += ["", f"Mails accepted durably, {self.plan}.", ""]
            lines += _markdown(_COLUMNS, [cells(result) for result in self.results])
        if self.found:
            lines += ["", f"By a yardstick of their own, {self.plan}.", ""]
            lines += _markdown(_OWN_COLUMNS, [row for one in self.found for row in own_cells(one)])
        lines += [f"\n**Not to be believed**: {fault}" for fault in self.faults]
        lines += ["", "## Machine", "", *(f"- {name}: {value}" for name, value in self.machine.items())]
        for name, settings in self.configurations.items():
            lines += ["", f"## {name}", "", "```", *(f"{key} = {value}" for key, value in settings.items()), "```"]
        return "\n".join(lines) + "\n"

    def save(self, folder: Path) -> tuple[Path, Path]:
        """Write DATE.json and DATE.md, a second run of a day with its time in the name; tells where."""
        folder.mkdir(parents=True, exist_ok=True)
        name = self.at[:10]
        if (folder / f"{name}.json").exists():
            name = self.at.replace(":", "").replace(" ", "T")
        data, page = folder / f"{name}.json", folder / f"{name}.md"
        value = {**asdict(self), "ratios": {each.row.id: each.ratio("rate") for each in self.results}}
        data.write_text(json.dumps(value, indent=1) + "\n")
        page.write_text(self.markdown())
        return data, page


def _table(title: str, columns: Sequence[tuple[str, str]]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for name, justify in columns:
        table.add_column(name, justify="right" if justify == "right" else "left")
    return table


def _markdown(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(name.replace("\n", " ") for name, _ in columns) + " |"]
    lines += ["|" + "|".join("---" if justify == "left" else "--:" for _, justify in columns) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def cells(result: Result) -> tuple[str, ...]:
    """One row of the table, a cell a column."""
    reached = result.goals
    spread = result.spread
    ratio = _number(result.ratio("rate"), 2)
    return (
        result.row.title,
        _side(result.peer, "rate", 0),
        _side(result.ours, "rate", 0),
        f"{ratio} ({spread[0]:.2f}-{spread[1]:.2f})" if spread else ratio,
        _mark(f"≥ {result.row.goal}", reached.get("rate")),
        _waits(result.peer),
        _waits(result.ours),
        _limit(_number(result.ratio("p99_ms"), 2), result.row.goal_p99, reached.get("p99")),
        _limit(
            ", ".join((_side(result.peer, "cpu_ms", 2), _side(result.ours, "cpu_ms", 2), _load(result))),
            result.row.goal_cpu_ms,
            reached.get("cpu"),
        ),
        f"{result.disturbance:.0%}",
    )


def own_cells(found: Found) -> list[tuple[str, ...]]:
    """The rows of what has a yardstick of its own, a cell a column."""
    return [
        (
            line.what,
            _measured(line),
            _NONE if line.goal is None else _mark(f"{line.reach} {line.goal:g}", line.reached),
            f"{found.disturbance:.0%}",
            line.note,
        )
        for line in found.lines
    ]


def _measured(line: Line) -> str:
    unit = f" {line.unit}" if line.unit else ""
    spread = line.spread
    more = f" ({spread[0]:.{line.digits}f}-{spread[1]:.{line.digits}f})" if spread else ""
    return f"{_number(line.middle, line.digits)}{unit}{more}"


def _waits(side: Side | None) -> str:
    return f"{_side(side, 'p50_ms', 1)} / {_side(side, 'p99_ms', 1)}" if side else _NONE


def _load(result: Result) -> str:
    """The generator's own cost, on the side where it weighs most."""
    costs = [side.middle("load_cpu_ms") for side in (result.peer, result.ours) if side]
    return _number(max(costs, default=None), 2)


def _side(side: Side | None, figure: str, digits: int) -> str:
    return _number(side.middle(figure) if side else None, digits)


def _number(value: float | None, digits: int) -> str:
    return _NONE if value is None else f"{value:.{digits}f}"


def _limit(text: str, goal: float | None, reached: bool | None) -> str:
    return text if goal is None else _mark(f"{text} (≤ {goal})", reached)


def _mark(text: str, reached: bool | None) -> str:
    return text if reached is None else f"{text} {'✓' if reached else '✗'}"
