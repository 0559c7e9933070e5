"""The table: on the terminal, as Markdown and as JSON, always with the machine and the configurations beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich import box
from rich.table import Table

from bench.figures import Result, Side

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
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Report:
    """All rows of one run with what they were measured on. at: when it began, local time."""

    at: str
    plan: str
    machine: Mapping[str, str]
    configurations: Mapping[str, Mapping[str, str]]
    results: Sequence[Result]

    def table(self) -> Table:
        """For the terminal."""
        table = Table(title=f"Mails accepted durably, {self.plan}", box=box.SIMPLE_HEAD, title_justify="left")
        for name, justify in _COLUMNS:
            table.add_column(name, justify="right" if justify == "right" else "left")
        for result in self.results:
            style = "red" if result.faults else None
            table.add_row(*cells(result), style=style)
        return table

    def markdown(self) -> str:
        """For the repository."""
        lines = [f"# Bench of {self.at}", "", f"Mails accepted durably, {self.plan}.", ""]
        lines += ["| " + " | ".join(name.replace("\n", " ") for name, _ in _COLUMNS) + " |"]
        lines += ["|" + "|".join("---" if justify == "left" else "--:" for _, justify in _COLUMNS) + "|"]
        lines += ["| " + " | ".join(cells(result)) + " |" for result in self.results]
        for result in self.results:
            lines += [f"\n**Not to be believed**: {result.row.id}: {fault}" for fault in result.faults]
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
