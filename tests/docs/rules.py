"""The rules as the code has them: the steps each leaves, the replies it gives, the stories that tell of it."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from gateway.core import replies
from gateway.core.replies import Reply
from gateway.smtp import answers
from tests.docs import code
from tests.docs.code import Place

_OUTCOME_NAMES = ("ok", "skip", "note", "refuse")
_ID = re.compile(r"[A-F][0-9]{1,2}[abc]?")
_EXAMPLES: dict[str, tuple[str, ...]] = {
    "wrong_suffix": ("acme", "mail.kommo.com"),
    "hidden_copy": ("acme+lead@mail.kommo.com",),
    "only_in_to": ("acme+lead@mail.kommo.com",),
    "malformed": ("there are 2 From headers",),
    "bomb": ("more than 1000 header lines",),
    "filed": ("Filed: new lead, 1 new contact, on 1 card.",),
}
"""What the replies that name something are shown with."""


@dataclass(frozen=True, slots=True)
class Said:
    """A reply in the code. constant: its name. rules: what it is given for; none for replies about plain syntax."""

    constant: str
    reply: Reply
    rules: tuple[str, ...]


@cache
def outcomes() -> dict[str, dict[str, tuple[Place, ...]]]:
    """Rule → outcome of a step, or verdict → where it is given."""
    found: dict[str, dict[str, set[Place]]] = {}
    for path in code.modules("gateway/core", "gateway/usecases"):
        for place, call in code.calls(path):
            for rule, outcome in _outcomes(call):
                found.setdefault(rule, {}).setdefault(outcome, set()).add(place)
    return {rule: {one: tuple(sorted(where)) for one, where in given.items()} for rule, given in found.items()}


def _outcomes(call: ast.Call) -> Iterator[tuple[str, str]]:
    name, given = code.called(call), call.args
    if name in ("Step", "known_step") and len(given) > 1:
        for rule in code.words(given[0]):
            yield from ((rule, outcome) for outcome in code.words(given[1]))
    elif name in _OUTCOME_NAMES and given and _ID.fullmatch("".join(code.words(given[0]))):
        yield code.words(given[0])[0], name
    elif name == "End":
        verdict = ast.unparse(given[0]).rpartition(".")[2].lower()
        yield from ((rule, verdict) for rule in code.words(given[2]))


@cache
def all_replies() -> tuple[Said, ...]:
    """Every reply, those of rules and those of the door; where both have the same, once."""
    given: dict[str, set[str]] = {}
    for constant, its_rules in _given():
        given.setdefault(constant, set()).update(its_rules)
    found: dict[Reply, Said] = {}
    for constant, reply in (*_constants(replies), *_constants(answers)):
        rules = given.get(constant, set()) if reply not in answers.RULES else {answers.RULES[reply]}
        found.setdefault(reply, Said(constant, reply, tuple(sorted(rules))))
    return tuple(found.values())


def _constants(module: object) -> Iterator[tuple[str, Reply]]:
    for name, value in vars(module).items():
        if isinstance(value, Reply):
            yield name, value
        elif inspect.isfunction(value) and value.__module__ == replies.__name__ and module is replies:
            yield name, value(*_EXAMPLES[name])


def _given() -> Iterator[tuple[str, list[str]]]:
    """Constant of `gateway.core.replies` → the rules it is given for."""
    for path in code.modules("gateway/core"):
        for _, definition in code.definitions(path):
            if isinstance(definition, ast.ClassDef):
                continue
            for node in ast.walk(definition):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "replies":
                    yield node.attr, _rules_of(node, definition)


def _rules_of(reply: ast.Attribute, definition: ast.AST) -> list[str]:
    """The rules of the call that a reply is handed to, directly or by a variable; else that of the step before it."""
    carriers = {
        target.id
        for one in ast.walk(definition)
        if isinstance(one, ast.Assign) and any(reply is inner for inner in ast.walk(one.value))
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    before: list[str] = []
    stops = getattr(replies, reply.attr)
    refusing = (isinstance(stops, Reply) and not stops.positive) or reply.attr == "wrong_suffix"
    for call in sorted((one for one in ast.walk(definition) if isinstance(one, ast.Call)), key=lambda one: one.lineno):
        given = [(rule, outcome) for rule, outcome in _outcomes(call) if outcome not in ("skip", "note")]
        inside = {id(inner) for argument in call.args for inner in ast.walk(argument)}
        handed = any(isinstance(one, ast.Name) and one.id in carriers for one in call.args) or id(reply) in inside
        if handed and given:
            return [rule for rule, _ in given]
        if call.lineno <= reply.lineno:
            before += [rule for rule, outcome in given if (outcome == "refuse") == refusing]
    return before[-1:]


@cache
def stories(rule: str) -> dict[str, tuple[str, ...]]:
    """Test file → its stories of a rule: tests or cases whose name begins with its id."""
    wanted = re.compile(rf"(test )?{rule}(?![A-Za-z0-9]| control) ?", re.IGNORECASE)
    found: dict[str, list[str]] = {}
    for place, told in _tests():
        mine = [text[match.end() :] for text in told if (match := wanted.match(text))]
        if mine:
            found.setdefault(place.path, []).extend(mine)
    return {path: tuple(mine) for path, mine in found.items()}


@cache
def _tests() -> tuple[tuple[Place, tuple[str, ...]], ...]:
    """Every test with its name in words and the names of its cases."""
    return tuple(
        (place, (place.plain.replace("_", " "), *_cases(node, _tables(path))))
        for path in code.modules("tests")
        if path.rpartition("/")[2].startswith("test_") and not path.startswith("tests/docs/")
        for place, node in code.definitions(path)
        if place.plain.startswith("test_") and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def _tables(path: str) -> dict[str, ast.expr]:
    """Module-level names and what is assigned to them."""
    return {
        target.id: statement.value
        for statement in code.tree(path).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _cases(node: ast.FunctionDef | ast.AsyncFunctionDef, tables: dict[str, ast.expr]) -> Iterator[str]:
    """The names of a test's cases: the keys of the table that `ids` names, behind the text it puts before them."""
    for decorator in node.decorator_list:
        for given in ast.walk(decorator):
            if isinstance(given, ast.keyword) and given.arg == "ids":
                before = "".join(code.words(given.value))
                for table in (tables.get(one.id) for one in ast.walk(given.value) if isinstance(one, ast.Name)):
                    if isinstance(table, ast.Dict):
                        yield from (before + key for one in table.keys if one is not None for key in code.words(one))


@cache
def corpus_rules() -> dict[str, int]:
    """Rule → how many mails of the corpus it decides."""
    count: dict[str, int] = {}
    for path in sorted((code.ROOT / "tests/mail").glob("*.json")):
        rule = json.loads(path.read_text("utf-8"))["expect"].get("rule")
        count[rule] = count.get(rule, 0) + 1
    return count
