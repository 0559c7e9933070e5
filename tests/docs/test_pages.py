"""What pages say of the code is so: made parts are fresh; files, functions, links and drawings are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.docs import code
from tests.docs.pages import DOCS, PAGES, made, shown

OURS = [page for page in PAGES if "decisions" not in page.parts]
DRAWINGS = sorted(DOCS.glob("images/*.svg"))
_PATH = re.compile(r"(?<![\w/.-])(?:gateway|config|crm_adapter|tests|bench)/[\w/.-]*\w")
_CALL = re.compile(r"`([\w.]+)\(\)`")
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]*)\)")


def every(pages: list[Path] | tuple[Path, ...]) -> pytest.MarkDecorator:
    """One case a page, named by its path."""
    return pytest.mark.parametrize("page", pages, ids=[shown(page) for page in pages])


@every(PAGES)
def test_the_made_parts_of_a_page_are_those_of_the_code(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text == made(text), "run: python -m tests.docs"


@every(PAGES)
def test_every_made_part_is_closed(page: Path) -> None:
    text = page.read_text("utf-8")
    assert re.findall(r"<!-- (made|end)\b", text) == ["made", "end"] * text.count("<!-- made")


@every(OURS)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = {path for path in _PATH.findall(page.read_text("utf-8")) if not (code.ROOT / path).exists()}
    assert {path for path in named if not path.startswith("bench/results")} == set()


def functions(paths: set[str]) -> set[str]:
    """Names of the functions of some files, with and without their classes."""
    found = {place for path in paths for place in code.places(path)}
    return {place.name for place in found} | {place.plain for place in found}


@every(OURS)
def test_every_function_that_a_page_names_is_there(page: Path) -> None:
    called = set(_CALL.findall(page.read_text("utf-8")))
    assert called <= functions(set(code.modules())), called - functions(set(code.modules()))


def sections(text: str) -> list[str]:
    """The parts of a page between headings; a row of a table stands alone."""
    parts = [part for part in re.split(r"^#+ .*$", text, flags=re.MULTILINE) if part.strip()]
    return [row for part in parts for row in (part.split("\n") if part.lstrip().startswith("|") else [part])]


def test_the_way_of_a_mail_names_each_function_beside_its_file() -> None:
    for part in sections((DOCS / "flow.md").read_text("utf-8")):
        called = set(_CALL.findall(part))
        files = {path for path in _PATH.findall(part) if path.endswith(".py")}
        assert called <= functions(files), f"not in the files that this part names: {called - functions(files)}"


def test_the_order_of_the_rules_is_that_of_the_code() -> None:
    [asked] = [
        [name.id for name in ast.walk(statement.value) if isinstance(name, ast.Name)]
        for statement in code.tree("gateway/core/rules.py").body
        if isinstance(statement, ast.AnnAssign) and getattr(statement.target, "id", "") == "_RULES"
        if statement.value is not None
    ]
    order = ", ".join(
        re.sub(r"^B(\d+)([ABC]?)$", lambda rule: f"B{rule[1]}{rule[2].lower()}", name.split("_")[1].upper())
        for name in asked
    )
    assert f"in this order: {order}." in (DOCS / "rules.md").read_text("utf-8")


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as they are made of their words."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@every(PAGES)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text("utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), link


@every(OURS)
def test_a_page_begins_with_one_title(page: Path) -> None:
    text = page.read_text("utf-8")
    assert re.findall(r"^# .+$", text, re.MULTILINE)[:1] == [text.split("\n")[0]]
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1


@every(DRAWINGS)
def test_a_drawing_stands_alone_says_what_it_shows_and_has_a_dark_form(page: Path) -> None:
    drawing = page.read_text("utf-8")
    root = ElementTree.fromstring(drawing)
    names = {child.tag.rpartition("}")[2] for child in root}
    assert {"title", "desc"} <= names
    assert "prefers-color-scheme: dark" in drawing
    assert re.findall(r"(?:href|src|url)\s*[=(]\s*[\"']?(?!#|http://www\.w3\.org)[^\"')]+", drawing) == []


def test_a_drawing_names_only_what_the_code_has() -> None:
    for drawing in DRAWINGS:
        text = drawing.read_text("utf-8")
        called = set(re.findall(r"([\w.]+)\(\)", text))
        assert called <= functions(set(code.modules())), called - functions(set(code.modules()))
        assert [path for path in re.findall(r">(gateway/\w+)", text) if not (code.ROOT / path).is_dir()] == []


def test_every_drawing_is_shown_on_a_page() -> None:
    seen = "".join(page.read_text("utf-8") for page in PAGES)
    assert [drawing.name for drawing in DRAWINGS if f"](images/{drawing.name})" not in seen] == []
