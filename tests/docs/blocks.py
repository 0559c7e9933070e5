"""What stands between `<!-- made: NAME ARGUMENT -->` and `<!-- end -->` in a page: tables made of the code."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click
import typer
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from crm_adapter.events import ABOUT
from gateway import cli, metrics
from gateway.checks.door import Door
from gateway.checks.machine import MachineChecks
from gateway.checks.names import Names
from gateway.store.outbox import TEST
from gateway.usecases.filing import FilingSettings
from gateway.web.app import build
from gateway.web.reasons import ENGLISH
from gateway.web.services import WebServices
from tests.docs import code, rules
from tests.docs.code import ROOT, Place

Row = Iterable[object]
_DECIDING = ("gateway/core/", "gateway/usecases/", "gateway/store/", "gateway/smtp/")
_RFC = re.compile(r"RFC ([0-9]{3,5}(?:(?:,| and| to)? (?:sections? )?[0-9]+(?:\.[0-9]+)*)*)")


def table(head: Row, rows: Iterable[Row]) -> str:
    """A table of Markdown; line breaks and bars in cells can't break it."""
    lines = [head, ["---"] * len(list(head)), *rows]
    return "\n".join("| " + " | ".join(cell(one) for one in line) + " |" for line in lines)


def cell(value: object) -> str:
    return " ".join(str(value).replace("|", "\\|").split())


def _places(where: Iterable[Place]) -> str:
    """Places, each file once, as a link with the names of its functions."""
    files: dict[str, list[str]] = {}
    for place in sorted(where):
        files.setdefault(place.path, []).extend([_name(place)] if place.name else [])
    return "; ".join(" ".join([f"[`{path}`](../{path})", ", ".join(names)]).strip() for path, names in files.items())


def _name(place: Place) -> str:
    return f"`{place.name}`" if place.plain.lstrip("_")[:1].isupper() else f"`{place.name}()`"


def rule(name: str, page: str) -> str:
    """One rule: where it is asked, what it answers, its replies, its public page and its stories."""
    steps = rules.outcomes().get(name, {})
    asked = {place for where in steps.values() for place in where}
    others = {
        place for place in code.rules_named().get(name, ()) if place not in asked and place.path.startswith(_DECIDING)
    }
    tales = [f"[`{path}`](../{path}): {'; '.join(names)}" for path, names in rules.stories(name).items()]
    mails = rules.corpus_rules().get(name, 0)
    rows = [
        ("Decided in", _places(asked or others)),
        ("Named in", _places(others) if asked else ""),
        ("Steps", ", ".join(f"`{one}`" for one in steps)),
        *[("Reply", f"`{said.reply}`") for said in rules.all_replies() if name in said.rules],
        ("Public page", f"`/why/{name}`" if name in ENGLISH else ""),
        *[("Stories", tale) for tale in tales],
        ("Corpus", f"{mails} mails of [`tests/mail`](../tests/mail) end here" if mails else ""),
    ]
    return table(("", ""), [row for row in rows if row[1]])


def index(_: str, page: str) -> str:
    """Every rule of the page in a line, in the page's order."""
    rows = []
    for name, title in re.findall(r"^### ([A-Z][0-9]*[abc]?): (.+)$", page, re.MULTILINE):
        steps = rules.outcomes().get(name, {})
        codes = sorted({f"{one.reply.code} {one.reply.enhanced}" for one in rules.all_replies() if name in one.rules})
        link = f"#{re.sub(r'[^a-z0-9 -]', '', f'{name} {title}'.lower()).replace(' ', '-')}"
        rows.append((f"[{name}]({link})", title, ", ".join(steps), ", ".join(codes)))
    return table(("rule", "in words", "steps", "replies"), rows)


def replies(_: str, page: str) -> str:
    """Every reply of the SMTP door, by code."""
    said = sorted(rules.all_replies(), key=lambda one: (one.reply.code, one.reply.enhanced, one.constant))
    return table(
        ("code", "text", "rule"),
        [
            (f"`{one.reply.code} {one.reply.enhanced}`", one.reply.text, ", ".join(one.rules) or "syntax")
            for one in said
        ],
    )


def rooms(folder: str, page: str) -> str:
    """The modules of a room with what each says it is for; a folder with a slash at its end takes in those below."""
    deep = folder.endswith("/")
    found = [path for path in code.modules(folder.rstrip("/")) if deep or path.count("/") == folder.count("/") + 1]
    return table(("module", "is for"), [(f"[`{path}`](../{path})", code.first_sentence(path)) for path in found])


def layers(_: str, page: str) -> str:
    """The layers of the gateway, from the contract that holds them."""
    [found] = [one for one in _contracts() if one["id"] == "gateway"]
    return table(("", "layer"), [(number, f"`{layer}`") for number, layer in enumerate(found["layers"], 1)])


def contracts(_: str, page: str) -> str:
    """The import contracts in their own words."""
    return table(("contract", "says"), [(f"`{one['id']}`", one["name"]) for one in _contracts()])


def _contracts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    return found


def standards() -> dict[str, dict[str, set[Place]]]:
    """RFC number → section ("" for the whole) → where the code names it."""
    found: dict[str, dict[str, set[Place]]] = {}
    for text, where in code.named(_RFC).items():
        for number, section in _sections(text):
            found.setdefault(number, {}).setdefault(section, set()).update(where)
    return found


def _sections(text: str) -> Iterable[tuple[str, str]]:
    """`5321 section 4.1, 3463` → (5321, 4.1), (3463, ""); `2045 to 2047` → all three."""
    number, sections = "", 0
    span = False
    for word in re.findall(r"[0-9.]*[0-9]|to", text):
        if word == "to":
            span = True
        elif re.fullmatch(r"[0-9]{3,5}", word):
            if number and not sections:
                yield number, ""
            if span:
                yield from ((str(between), "") for between in range(int(number) + 1, int(word)))
            number, sections, span = word, 0, False
        else:
            sections += 1
            yield number, word
    if number and not sections:
        yield number, ""


def standard(number: str, page: str) -> str:
    """Where the code names a standard, by section."""
    sections = standards()[number]
    order = sorted(sections, key=lambda one: [int(part) for part in one.split(".")] if one else [])
    return table(("section", "obeyed in"), [(one or "as a whole", _places(sections[one])) for one in order])


def openapi() -> Mapping[str, Any]:
    """The API as the web door describes it."""

    async def explain(raw: bytes, rcpt: Any, sender: str | None, peer: str | None) -> dict[str, Any]:
        return {}

    services = WebServices(
        store=None,
        blobs=None,
        filing=FilingSettings(frozenset(("mail.kommo.com",)), str),
        domains=("mail.kommo.com",),
        public_url=lambda: "http://127.0.0.1:8080",
        explain=explain,
        version="0",
        checks=MachineChecks("localhost", (), Names(), Door(lambda: None, "localhost")),
    )
    return build(services).openapi()


def routes(_: str, page: str) -> str:
    """Every call of the API."""
    rows = []
    for path, methods in openapi()["paths"].items():
        for method, about in methods.items():
            asks = [one["name"] for one in about.get("parameters", ()) if one["in"] == "query"]
            gives = ", ".join(status for status in about["responses"] if status.startswith("2"))
            says = about.get("description", "")
            rows.append((f"`{method.upper()} {path}`", says, ", ".join(f"`{one}`" for one in asks), gives))
    return table(("call", "does", "query", "gives"), rows)


def resources(_: str, page: str) -> str:
    """Every shape the API takes or gives, with its fields."""
    shapes = {
        name: about
        for name, about in openapi()["components"]["schemas"].items()
        if "properties" in about and not name.startswith(("Listed", "HTTPValidation", "Validation"))
    }
    return table(
        ("shape", "fields"),
        [(f"`{name}`", ", ".join(f"`{field}`" for field in about["properties"])) for name, about in shapes.items()],
    )


def commands() -> dict[str, click.Command]:
    """Every command of the command line, by its words: `account add`."""
    return dict(_commands("", typer.main.get_command(cli.app)))


def _commands(words: str, command: Any) -> Iterable[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words, command
        return
    for name, one in inner.items():
        yield from _commands(f"{words} {name}".strip(), one)


def command_table(_: str, page: str) -> str:
    """Every command with what it takes."""
    rows = []
    for words, command in commands().items():
        takes = [_taken(one) for one in command.params if one.name != "help"]
        rows.append((f"`smartgate {words}`", (command.help or "").split("\n")[0], " ".join(takes)))
    return table(("command", "does", "takes"), rows)


def _taken(given: Any) -> str:
    name = given.opts[0] if given.opts[0].startswith("-") else (given.metavar or given.human_readable_name)
    return f"`{name}`" if given.required else f"[`{name}`]"


def log_events() -> dict[str, tuple[str, set[str]]]:
    """Log event → level and the files it comes from."""
    found: dict[str, tuple[str, set[str]]] = {}
    for path in code.modules("gateway"):
        for _, call in code.calls(path):
            level = code.called(call)
            if level in {"debug", "info", "warning", "error", "exception"} and call.args:
                for name in code.words(call.args[0]):
                    if re.fullmatch(r"[a-z]+\.[a-z_]+", name):
                        found.setdefault(name, (level, set()))[1].add(path)
    return found


def log_table(_: str, page: str) -> str:
    """Every event of the log."""
    return table(
        ("event", "level", "from"),
        [
            (f"`{name}`", level.replace("exception", "error, with traceback"), _places(Place(one, "") for one in paths))
            for name, (level, paths) in sorted(log_events().items())
        ],
    )


def figures() -> list[tuple[str, str, tuple[str, ...]]]:
    """Name, help and labels of each metric."""
    found = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    return [(_sample(told), told.documentation, one._labelnames) for one in found for told in one.describe()]


def _sample(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def metric_table(_: str, page: str) -> str:
    """Every figure of `/metrics`."""
    rows = [(f"`{name}`", text, ", ".join(f"`{one}`" for one in labels)) for name, text, labels in figures()]
    return table(("figure", "counts", "labels"), rows)


_TELL_OTHERS = {"debug", "info", "warning", "error", "exception", "note"}
"""What writes lines of the log, and of who did what; both have words of their own that look like an event's."""


def events() -> set[str]:
    """Types of events that the code raises: every one that a use case names, and that the store adds by itself."""
    by_use_cases = {
        text
        for path in code.modules("gateway/usecases", "gateway/store")
        for _, call in code.calls(path)
        if code.called(call) not in _TELL_OTHERS
        for text in code.words(call)
        if text in ABOUT
    }
    by_store = {
        text
        for path in code.modules("gateway/store")
        for _, call in code.calls(path)
        if code.called(call) == "add_event"
        for text in code.words(call)
        if text in ABOUT
    }
    return by_use_cases | by_store | {TEST}


def event_table(_: str, page: str) -> str:
    """Every type of event that is raised, when, and what its data is."""
    rows = [(f"`{type}`", *about) for type, about in ABOUT.items() if type in events()]
    return table(("type", "happens when", "`data` is"), rows)


def forms(prefix: str, page: str) -> str:
    """The mails of the corpus whose name begins so: what is odd in them, and what they get."""
    rows = []
    for path in sorted((ROOT / "tests/mail").glob(f"{prefix}-*.json")):
        twin = json.loads(path.read_text("utf-8"))
        expect = twin["expect"]
        author = _author(path.with_suffix(".eml").read_bytes())
        rows.append((author, twin["story"], f"{expect['verdict']}, {expect['rule']}", expect.get("direction", "")))
    return table(("From, as it is written", "the case", "verdict, rule", "direction"), rows)


def _author(mail: bytes) -> str:
    found = re.findall(rb"(?im)^from[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", mail.split(b"\r\n\r\n")[0])
    shown = [" ".join(one.decode("utf-8", "replace").split()) for one in found]
    return " and ".join(f"`{_visible(one)}`" for one in shown) or "none"


def _visible(text: str) -> str:
    """What a page could not show, or would obey, as its number."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)


BLOCKS: Mapping[str, Callable[[str, str], str]] = {
    "rule": rule,
    "rules": index,
    "replies": replies,
    "rooms": rooms,
    "layers": layers,
    "contracts": contracts,
    "rfc": standard,
    "routes": routes,
    "resources": resources,
    "commands": command_table,
    "log": log_table,
    "metrics": metric_table,
    "events": event_table,
    "forms": forms,
}
