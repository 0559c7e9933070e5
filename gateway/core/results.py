"""Reading Authentication-Results as another server wrote it (RFC 8601 section 2.2), also inside ARC (RFC 8617).

Strict: a statement that does not follow the grammar is left out, never guessed, since what it claims decides whom we
trust. Linear in the length of the value; never raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.core.address import normal_domain

RESULT_WORDS = frozenset(("none", "pass", "fail", "softfail", "policy", "neutral", "temperror", "permerror"))
_MAX_RESULTS = 100
_MAX_DOMAINS = 8
_PART = re.compile(
    rb'(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<end>;)|(?P<open>\()|(?P<bad>["\\)])|(?P<text>[^"\\();]+)', re.DOTALL
)
_IN_COMMENT = re.compile(rb"[()\\]")
_BLANK = re.compile(r"\s+")
_VALUE = r'"(?:[^"\\]|\\.)*"|[^\s;"()<>,\\]+'
_KEYWORD = r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_SERVER = re.compile(rf"(?P<id>{_VALUE})(?: (?P<version>[0-9]+))?")
_METHOD = re.compile(rf"(?P<method>{_KEYWORD})(?: ?/ ?(?P<version>[0-9]+))? ?= ?(?P<result>{_KEYWORD})(?= |\Z)")
_REASON = re.compile(rf" reason ?= ?(?:{_VALUE})(?= |\Z)", re.IGNORECASE)
_PROPERTY = re.compile(rf" (?P<type>{_KEYWORD}) ?\. ?(?P<name>{_KEYWORD}) ?= ?(?P<value>{_VALUE})(?= |\Z)")


@dataclass(frozen=True, slots=True)
class Result:
    """One method's result. properties: `ptype.property`, lower case, with its value ("header.d": "example.com")."""

    method: str
    word: str
    properties: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """The first value of a property, "" where it has none."""
        return next((value for key, value in self.properties if key == name), "")


@dataclass(frozen=True, slots=True)
class Results:
    """One field: who says it, and what. server: the authserv-id, lower case."""

    server: str
    results: tuple[Result, ...]

    def of(self, method: str) -> tuple[Result, ...]:
        return tuple(one for one in self.results if one.method == method)

    def word(self, method: str) -> str:
        """A method's result word; of several results (DKIM) one that passes wins, else the first."""
        words = [one.word for one in self.of(method)]
        return "pass" if "pass" in words else words[0] if words else "none"

    def dmarc_passes(self, author: str) -> bool:
        """It says that DMARC passes for the author's domain."""
        froms = [one.get("header.from") for one in self.of("dmarc") if one.word == "pass"]
        return any(one == "" or normal_domain(one.rpartition("@")[2]) == author for one in froms)

    def passing_domains(self) -> tuple[str, ...]:
        """Domains for which it says that SPF or DKIM passes, each once; to be held against the author's."""
        values = [one.get("smtp.mailfrom") or one.get("smtp.mfrom") for one in self.of("spf") if one.word == "pass"]
        values += [one.get("header.d") or one.get("header.i") for one in self.of("dkim") if one.word == "pass"]
        domains = (normal_domain(one.rpartition("@")[2]) for one in values[:_MAX_DOMAINS])
        return tuple(dict.fromkeys(domain for domain in domains if domain))


def read_results(value: bytes) -> Results | None:
    """Reads the value of one Authentication-Results field; None where it names no server or its version is unknown."""
    statements = _statements(value)
    return _read(statements) if statements is not None else None


def read_arc_results(value: bytes) -> tuple[int, Results] | None:
    """Reads ARC-Authentication-Results: its instance, then the rest as in Authentication-Results (RFC 8617, 4.1.1)."""
    statements = _statements(value)
    if not statements:
        return None
    instance = re.fullmatch(r"i ?= ?([0-9]{1,3})", statements[0], re.IGNORECASE)
    rest = _read(statements[1:])
    return (int(instance[1]), rest) if instance and rest else None


def topmost(values: Iterable[bytes], server: str) -> Results | None:
    """The first field that the named server wrote; every other may have been written by anybody."""
    wanted = server.lower()
    return next((found for value in values if (found := read_results(value)) and found.server == wanted), None)


def _read(statements: list[str]) -> Results | None:
    server = _SERVER.fullmatch(statements[0]) if statements else None
    if server is None or server["version"] not in (None, "1"):
        return None
    found = [result for one in statements[1 : _MAX_RESULTS + 1] if (result := _result(one)) is not None]
    return Results(_unquote(server["id"]).lower(), tuple(found))


def _result(statement: str) -> Result | None:
    head = _METHOD.match(statement)
    if head is None or head["version"] not in (None, "1"):
        return None
    word = {"hardfail": "fail"}.get(head["result"].lower(), head["result"].lower())
    at, properties = head.end(), []
    reason = _REASON.match(statement, at)
    at = reason.end() if reason else at
    while at < len(statement):
        match = _PROPERTY.match(statement, at)
        if match is None:
            return None
        properties.append((f"{match['type']}.{match['name']}".lower(), _unquote(match["value"])))
        at = match.end()
    return Result(head["method"].lower(), word, tuple(properties)) if word in RESULT_WORDS else None


def _statements(value: bytes) -> list[str] | None:
    """The value cut at its semicolons, comments left out, blanks folded to one; None where quoting is broken."""
    statements, current = [], bytearray()
    for kind, text in _parts(value):
        if kind == "bad":
            return None
        if kind == "end":
            statements.append(bytes(current))
            current.clear()
        else:
            current += b" " if kind == "comment" else text
    statements.append(bytes(current))
    return [_BLANK.sub(" ", one.decode("utf-8", "replace")).strip() for one in statements]


def _parts(value: bytes) -> Iterator[tuple[str, bytes]]:
    """Kind and text of each part, in order; what is broken is "bad" and the last one."""
    kind, at = "", 0
    while kind != "bad" and (match := _PART.match(value, at)):
        kind, at = str(match.lastgroup), match.end()
        if kind == "open":
            at = _after_comment(value, at)
            kind = "comment" if at else "bad"
        yield kind, match[0]


def _after_comment(value: bytes, at: int) -> int:
    """Where the comment that was opened just before ends, nested ones included; 0 where it does not."""
    depth = 1
    while depth:
        mark = _IN_COMMENT.search(value, at)
        if mark is None:
            return 0
        at = mark.end() + (mark[0] == b"\\")
        depth += (mark[0] == b"(") - (mark[0] == b")")
    return at


def _unquote(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token.startswith('"') else token
