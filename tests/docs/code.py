"""The code as pages see it: modules and their first sentences, functions, and where a rule or a standard is named."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("gateway", "crm_adapter", "config")
RULE = re.compile(
    r"\b(A[1-8]|B(?:1[01]?|[2-9])[abc]?|C[1-9]a?(?! control)|E(?:1[0-4]|[1-9])"
    r"|(?:section |\()D(?=[).;:,])|rules, F)(?!\w)"
)
"""Ids of rules as code and tests write them. Sections D and F are named "section D" or "(D)", and "rules, F"."""

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A function or class of a file, methods as `Class.method`; name "" is the file itself."""

    path: str
    name: str

    @property
    def plain(self) -> str:
        return self.name.rpartition(".")[2]


@cache
def tree(path: str) -> ast.Module:
    """A file of the project, parsed."""
    return ast.parse((ROOT / path).read_bytes())


@cache
def modules(*folders: str) -> tuple[str, ...]:
    """Paths of all Python files below the folders, migrations of the schema left out."""
    paths = [path for folder in folders or ROOMS for path in (ROOT / folder).rglob("*.py")]
    return tuple(sorted(str(path.relative_to(ROOT)) for path in paths if "versions" not in path.parts))


def first_sentence(path: str) -> str:
    """What a module says it is for: the first sentence of its docstring, without the full stop."""
    text = (ast.get_docstring(tree(path)) or "").split("\n\n")[0]
    return " ".join(text.split()).split(". ")[0].rstrip(".:")


def definitions(path: str) -> Iterator[tuple[Place, Definition]]:
    """Every function and class of a file with its place, outer ones first."""
    yield from _inside(path, "", tree(path))


def _inside(path: str, outer: str, node: ast.AST) -> Iterator[tuple[Place, Definition]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{outer}.{child.name}" if outer else child.name
            yield Place(path, name), child
            yield from _inside(path, name, child)
        elif not isinstance(child, ast.expr):
            yield from _inside(path, outer, child)


@cache
def places(path: str) -> tuple[Place, ...]:
    """Every function and class of a file."""
    return tuple(place for place, _ in definitions(path))


def texts(path: str) -> Iterator[tuple[Place, str]]:
    """Every text of a file (docstrings, strings, comments), with the innermost definition it stands in."""
    lines = (ROOT / path).read_text("utf-8").split("\n")
    spans = [(node.lineno, node.end_lineno or node.lineno, place) for place, node in definitions(path)]
    for number, line in enumerate(lines, 1):
        around = [(end - start, place) for start, end, place in spans if start <= number <= end]
        yield min(around, default=(0, Place(path, "")), key=lambda one: one[0])[1], line


@cache
def named(pattern: re.Pattern[str]) -> dict[str, tuple[Place, ...]]:
    """What a pattern finds in the code of the rooms, with the places it stands at."""
    found: dict[str, set[Place]] = {}
    for path in modules():
        for place, line in texts(path):
            for match in pattern.findall(line):
                found.setdefault(match, set()).add(place)
    return {what: tuple(sorted(where)) for what, where in found.items()}


def rules_named() -> dict[str, tuple[Place, ...]]:
    """Rule ids and sections (`D`, `F`) with the places that carry them."""
    found: dict[str, tuple[Place, ...]] = {}
    for text, where in named(RULE).items():
        rule = re.sub(r"^(section |\(|rules, )", "", text)
        found[rule] = tuple(sorted({*found.get(rule, ()), *where}))
    return found


def calls(path: str) -> list[tuple[Place, ast.Call]]:
    """Every call of a file in its order, each with the innermost function it stands in."""
    found = {node: Place(path, "") for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}
    for place, definition in definitions(path):
        if not isinstance(definition, ast.ClassDef):
            found.update((node, place) for node in ast.walk(definition) if isinstance(node, ast.Call))
    return sorted(((place, call) for call, place in found.items()), key=lambda one: (one[1].lineno, one[1].col_offset))


def called(call: ast.Call) -> str:
    """The last part of what is called: `refuse` of `case.refuse(…)`."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def words(node: ast.AST) -> list[str]:
    """The string constants in an expression."""
    return [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
