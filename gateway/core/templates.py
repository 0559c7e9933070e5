"""Templates of mail (rules, section G): read, checked against the fields there are, and filled in.

The language is a small part of Liquid: fields with a few filters, and `if`. Nothing in it repeats, reads a clock or a
file, or can be nested deeply. A text is cut into its marks here first, in one pass: the library's own patterns go back
over a text as often as it has marks, so it is handed short pieces alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TextIO

from liquid import Environment, RenderContext
from liquid.builtin.content import Literal
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.filters.misc import default
from liquid.builtin.filters.string import capitalize, downcase, upcase
from liquid.builtin.illegal import Illegal
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.if_tag import IfTag
from liquid.builtin.tags.unless_tag import UnlessTag
from liquid.exceptions import LiquidError
from liquid.expression import Expression
from liquid.output import LimitedStringIO
from liquid.stringify import to_liquid_string

from gateway.core.safe_html import make_safe

FIELDS: Mapping[str, str] = {
    "contact.name": "Name of the contact",
    "contact.first_name": "First name of the contact",
    "contact.last_name": "Last name of the contact",
    "contact.email": "E-mail address of the contact",
    "lead.name": "Name of the lead",
    "lead.price": "Price of the lead",
    "lead.status": "Status of the lead",
    "user.name": "Your name",
    "user.email": "Your e-mail address",
    "account.name": "Name of your company",
}
"""What every account's templates know. An account's own fields are added as `contact.KEY` and `lead.KEY`."""
FILTERS = {"default": default, "capitalize": capitalize, "downcase": downcase, "upcase": upcase}
TAGS = ("if", "elsif", "else", "endif", "unless", "endunless")
MAX_SUBJECT = 500
MAX_BODY = 100_000
MAX_MARKS = 200
"""Of one text."""
MAX_MARK = 300
"""Characters of what stands between its brackets."""
MAX_VALUE = 5_000
MAX_MISTAKES = 20
"""So many are told at once, of one text."""
_MAX_DEPTH = 10
_MAX_OUTPUT = 4_000_000
Value = str | int | None
"""What a field holds; None and "" are empty."""

_OPENS = re.compile(r"\{\{|\{%")
_TAG = re.compile(r"-?\s*(\w*)\s*")
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_BLOCKS = {"endif": "if", "endunless": "unless"}
_IF = "{% if "
_LISTED = 40
_NOTED, _SHOWN = "fields that came out empty", "how they are shown"
_HOW = 'allowed: {{ contact.name }}, or {{ contact.first_name | default: "there" }}'


@dataclass(frozen=True, slots=True)
class Mistake:
    """A place of a text that can't be so. field: `subject` or `body`. line, column: from 1, in characters. length: of
    what is wrong, in characters. detail: names it and what is allowed."""

    field: str
    line: int
    column: int
    length: int
    detail: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template filled in. html: the body is HTML, made safe. empty: the fields that stand in it without a value.
    mistakes: why it could not be filled in; subject and body are then the template's own."""

    subject: str
    body: str
    html: bool
    empty: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True)
class _Mark:
    """What stands between brackets, and where. tag: its name, such as `if`; empty for a field. inner: what is asked for
    there, and at which place of the text that begins."""

    start: int
    end: int
    tag: str
    inner: str
    at: int


@dataclass(frozen=True, slots=True)
class _Fault:
    """A mistake by its place in the text."""

    start: int
    end: int
    detail: str


class _FieldNode(OutputNode):
    """Notes which fields came out empty, and shows their names there where that is wanted."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        assert isinstance(self.expression, FilteredExpression)
        text = to_liquid_string(self.expression.evaluate(context), context.autoescape)
        if not text.strip() and isinstance(self.expression.left, Path):
            name = str(self.expression.left)
            context.tag_namespace[_NOTED][name] = None
            text = context.tag_namespace[_SHOWN].replace("%s", name)
        return buffer.write(text)


class _Field(Output):
    node_class = _FieldNode


class _Liquid(Environment):
    """The part of the language that is allowed, and nothing else of it."""

    block_nesting_limit = _MAX_DEPTH + 1

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in (Literal, _Field, Illegal, IfTag, UnlessTag):
            self.add_tag(tag)
        for name, filter in FILTERS.items():
            self.add_filter(name, filter)


_PLAIN, _HTML = _Liquid(), _Liquid(autoescape=True)


def unix_lines(text: str) -> str:
    """The text with each line ended by one line feed; a form sends two characters."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check(subject: str, body: str, fields: Collection[str]) -> tuple[Mistake, ...]:
    """What is wrong with a template, in the order in which it is read. fields: the names of those there are."""
    texts = {"subject": (unix_lines(subject), MAX_SUBJECT), "body": (unix_lines(body), MAX_BODY)}
    return tuple(
        _placed(name, text, fault)
        for name, (text, most) in texts.items()
        for fault in sorted(_faults(text, most, fields), key=lambda one: one.start)[:MAX_MISTAKES]
    )


def render(subject: str, body: str, *, html: bool, values: Mapping[str, Value], marked: bool = False) -> Rendered:
    """A template filled in. values: what each field holds; one that isn't there is empty, as one is that the account
    has given up since. marked: an empty field shows its name, for a preview."""
    subject, body = " ".join(subject.split()), unix_lines(body)
    empty: dict[str, None] = {}
    written: list[str] = []
    for name, text, most, environment in (
        ("subject", subject, MAX_SUBJECT, _PLAIN),
        ("body", body, MAX_BODY, _HTML if html else _PLAIN),
    ):
        faults = _faults(text, most, None)
        filled = _Fault(0, 0, "") if faults else _filled(environment, text, values, empty, marked=marked)
        if isinstance(filled, _Fault):
            wrong = tuple(_placed(name, text, fault) for fault in faults or [filled])
            return Rendered(subject, make_safe(body).html if html else body, html, (), wrong)
        written.append(filled)
    title = " ".join(written[0].split())
    return Rendered(title, make_safe(written[1], show_remote=True).html if html else written[1], html, tuple(empty))


def _filled(
    environment: Environment, text: str, values: Mapping[str, Value], empty: dict[str, None], *, marked: bool
) -> str | _Fault:
    """A text that was found to be sound, with its fields filled in; those that came out empty are added to `empty`."""
    scopes: dict[str, dict[str, Value]] = {}
    for name, value in values.items():
        kind, _, key = name.partition(".")
        scopes.setdefault(kind, {})[key] = value[:MAX_VALUE] if isinstance(value, str) else value
    buffer = LimitedStringIO(_MAX_OUTPUT)
    try:
        template = environment.from_string(text)
        context = RenderContext(template, globals=scopes)
        shown = "<mark>\u27e8%s\u27e9</mark>" if environment.autoescape else "\u27e8%s\u27e9"
        context.tag_namespace |= {_NOTED: empty, _SHOWN: shown if marked else ""}
        template.render_with_context(context, buffer)
    except (LiquidError, RecursionError) as fault:
        return _as_fault(fault, 0, _Mark(0, len(text), "", "", 0))
    return buffer.getvalue()


def _faults(text: str, most: int, fields: Collection[str] | None) -> list[_Fault]:
    """What is wrong with a text. fields: None where an unknown one is no fault."""
    if len(text) > most:
        return [_Fault(most, len(text), f"{len(text):,} characters are too many; allowed: {most:,}")]
    unfit = _UNFIT.search(text)
    if unfit is not None:
        detail = f"the character U+{ord(unfit[0]):04X} can't stand in a mail; allowed: text, with lines and tabs"
        return [_Fault(unfit.start(), unfit.end(), detail)]
    faults: list[_Fault] = []
    marks = _marks(text, faults)
    if not faults:
        _check_blocks(marks, faults)
    for mark in marks:
        faults += _looked_into(mark, fields)
    if not faults and fields is not None:
        faults += _tried(text, fields)
    return faults


def _marks(text: str, faults: list[_Fault]) -> list[_Mark]:
    """The marks of a text in their order; one that is never closed is a fault, and the text is read on behind it."""
    marks: list[_Mark] = []
    at = 0
    while len(faults) < MAX_MISTAKES and (found := _OPENS.search(text, at)):
        start, inner = found.start(), found.end()
        closes = "}}" if found[0] == "{{" else "%}"
        end = text.find(closes, inner, inner + MAX_MARK + 2)
        again = _OPENS.search(text, inner, max(end, inner))
        if end < 0 or again is not None:
            end = again.start() if again is not None else inner
            faults.append(_Fault(start, end, f"{found[0]} is never closed by {closes}; {_HOW}"))
            at = end
            continue
        at = end + 2
        name = _TAG.match(text, inner, end) if closes == "%}" else None
        begins = name.end() if name is not None else inner
        tag = (name[1] or "?") if name is not None else ""
        marks.append(_Mark(start, at, tag, text[begins:end].removesuffix("-"), begins))
        if len(marks) > MAX_MARKS:
            faults.append(_Fault(start, at, f"more than {MAX_MARKS} fields stand here; allowed: {MAX_MARKS}"))
            break
    return marks


def _check_blocks(marks: list[_Mark], faults: list[_Fault]) -> None:
    """Whether each `if` has its `endif`, and what stands between them belongs there."""
    opened: list[tuple[_Mark, bool]] = []
    for mark in marks:
        within = opened[-1][0].tag if opened else ""
        wrong = ""
        if mark.tag in ("if", "unless"):
            opened.append((mark, False))
            wrong = f"{_MAX_DEPTH} conditions stand around this one; allowed: fewer" if len(opened) > _MAX_DEPTH else ""
        elif mark.tag in _BLOCKS:
            wrong = "" if within == _BLOCKS[mark.tag] else f"{mark.tag} ends no {_BLOCKS[mark.tag]}"
            opened = opened[:-1]
        elif mark.tag in ("else", "elsif"):
            wrong = (
                "" if opened and not opened[-1][1] else f"{mark.tag} belongs to no if; allowed: one else, at its end"
            )
            opened = [*opened[:-1], (opened[-1][0], mark.tag == "else")] if opened else []
        elif mark.tag:
            name = "nothing" if mark.tag == "?" else mark.tag
            wrong = f"{name} is no word of templates; allowed: {', '.join(TAGS)}"
        if wrong:
            faults.append(_Fault(mark.start, mark.end, wrong))
    faults += [_Fault(one.start, one.end, f"{one.tag} is never ended; end{one.tag} is missing") for one, _ in opened]


def _looked_into(mark: _Mark, fields: Collection[str] | None) -> Iterator[_Fault]:
    """What is wrong within one mark."""
    if mark.tag in ("", "if", "elsif", "unless"):
        before, behind = ("{{", "}}") if not mark.tag else (_IF, "%}{% endif %}")
        shift = mark.at - len(before)
        if not mark.inner.strip():
            yield _Fault(mark.start, mark.end, f"no field stands here; {_HOW}")
            return
        try:
            parsed = _PLAIN.from_string(f"{before}{mark.inner} {behind}")
        except (LiquidError, RecursionError) as fault:
            yield _as_fault(fault, shift, mark)
            return
        for expression in _expressions(parsed.nodes[0].expressions()):
            yield from _judged(expression, shift, mark, fields)


def _expressions(some: Iterable[Expression]) -> Iterator[Expression]:
    """Expressions with all that stand in them."""
    for one in some:
        yield one
        yield from _expressions(one.children())


def _judged(expression: Expression, shift: int, mark: _Mark, fields: Collection[str] | None) -> Iterator[_Fault]:
    start = max(expression.token.start_index + shift, mark.start)
    if isinstance(expression, RangeLiteral):
        yield _Fault(mark.start, mark.end, f"a range can't stand here; {_HOW}")
    elif isinstance(expression, FilteredExpression):
        for filter in expression.filters or ():
            if filter.name not in FILTERS:
                place = filter.token.start_index + shift
                detail = f"{filter.name} is no filter; allowed: {', '.join(FILTERS)}"
                yield _Fault(place, place + len(filter.name), detail)
    elif isinstance(expression, Path) and fields is not None and str(expression) not in fields:
        name = str(expression)
        near = "".join(f", but {one} is" for one in get_close_matches(name, fields, 1))
        detail = f"{name} is no field{near}; allowed: {', '.join([*fields][:_LISTED])}"
        yield _Fault(start, min(start + len(name), mark.end), detail)


def _tried(text: str, fields: Collection[str]) -> list[_Fault]:
    """What is wrong when it is filled in with a value for each field, or with none."""
    full: dict[str, Value] = {name: 1 if name == "lead.price" else "x" for name in fields}
    for values in (full, dict.fromkeys(fields)):
        filled = _filled(_PLAIN, text, values, {}, marked=False)
        if isinstance(filled, _Fault):
            return [filled]
    return []


def _as_fault(fault: Exception, shift: int, mark: _Mark) -> _Fault:
    """What the library says, at the place it names, or else of the whole mark."""
    token = fault.token if isinstance(fault, LiquidError) else None
    detail = str(fault.message) if isinstance(fault, LiquidError) else "it is nested too deeply"
    if token is None or token.start_index < 0:
        return _Fault(mark.start, mark.end, f"this can't be read: {detail}; {_HOW}")
    start = token.start_index + shift
    return _Fault(start, start + len(token.value), f"this can't be read: {detail}; {_HOW}")


def _placed(field: str, text: str, fault: _Fault) -> Mistake:
    """A fault by its line and column."""
    line = text.count("\n", 0, fault.start) + 1
    column = fault.start - text.rfind("\n", 0, fault.start)
    return Mistake(field, line, column, max(fault.end - fault.start, 1), fault.detail)
