"""What the code has is told: rules, replies, events, commands, settings, figures, modules, standards, routes."""

from __future__ import annotations

import re

import pytest

from config.loading import variable
from config.settings import Settings
from gateway.app import GRACE_SECONDS
from gateway.core import replies
from gateway.smtp.intake import LEAST_BYTES, MEMORY_BYTES, MOST_BYTES
from gateway.smtp.wire import LINGER_BYTES, LINGER_SECONDS
from gateway.store import access, writer
from gateway.store.bodies import IN_ROW
from gateway.usecases.reading import READ_IN_LOOP
from gateway.web.reasons import ENGLISH
from tests.docs import blocks, code, rules
from tests.docs.pages import DOCS, PAGES, arguments

_NUMBERS: dict[float, str] = {5: "five", 10: "ten", 20: "twenty", 30: "thirty"}
RULES = (DOCS / "rules.md").read_text("utf-8")
TOLD = "\n".join(page.read_text("utf-8") for page in PAGES if "decisions" not in page.parts)
IMPLEMENTED = re.findall(r"^### ([A-Z][0-9]*[abc]?): ", RULES, re.MULTILINE)
NOT_THERE = re.findall(r"^- \*\*([A-Z][0-9]*[abc]?)\*\*", RULES.partition("## Not there yet")[2], re.MULTILINE)


def test_every_rule_of_the_code_has_its_place_on_the_page() -> None:
    in_code = set(code.rules_named()) | set(rules.outcomes()) | set(ENGLISH) - {"B1-to"}
    assert in_code - {*IMPLEMENTED, *NOT_THERE} == set()


def test_every_rule_of_the_page_is_decided_in_the_code_or_names_the_function_that_does() -> None:
    for rule in IMPLEMENTED:
        section = RULES.partition(f"### {rule}: ")[2].partition("\n#")[0]
        assert f"<!-- made: rule {rule} -->" in section
        assert "| Decided in |" in section or "()`" in section.partition("<!--")[0], rule


def test_every_rule_of_the_page_has_its_story() -> None:
    assert [rule for rule in IMPLEMENTED if not rules.stories(rule)] == []


def test_a_rule_that_is_not_there_leaves_no_step() -> None:
    assert set(NOT_THERE) & set(rules.outcomes()) == set()
    assert set(NOT_THERE) & set(IMPLEMENTED) == set()


def test_a_rule_that_can_refuse_explains_itself_on_its_public_page() -> None:
    refusing = {rule for said in rules.all_replies() if said.reply.code >= 400 for rule in said.rules}
    refusing |= {rule for rule, given in rules.outcomes().items() if "refuse" in given}
    assert refusing - ENGLISH.keys() == set()


def test_every_reply_is_told_with_its_words() -> None:
    page = (DOCS / "replies.md").read_text("utf-8")
    for said in rules.all_replies():
        assert f"| `{said.reply.code} {said.reply.enhanced}` | {blocks.cell(said.reply.text)} |" in page


def test_every_refusal_of_the_rules_belongs_to_one() -> None:
    plain = {said.constant for said in rules.all_replies() if not said.rules}
    assert plain & {name for name in vars(replies) if not name.startswith("_")} == set()


def test_every_event_is_told_and_every_event_told_is_raised() -> None:
    table = (DOCS / "api.md").read_text("utf-8").partition("## Events")[2]
    assert set(re.findall(r"^\| `([a-z]+\.[a-z_]+)`", table, re.MULTILINE)) == blocks.events()


def test_every_command_is_told() -> None:
    assert [words for words in blocks.commands() if f"`smartgate {words}`" not in TOLD] == []


def test_every_setting_is_told() -> None:
    assert [name for name in Settings.model_fields if f"`{variable(name)}`" not in TOLD] == []


def test_a_setting_that_a_page_names_exists() -> None:
    known = {variable(name) for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known} | {"SMARTGATE_CONFIG", "SMARTGATE_SECRETS_DIR"}
    assert set(re.findall(r"`(SMARTGATE_[A-Z_]+[A-Z])[=`]", TOLD)) - known == set()


def test_every_figure_and_every_log_event_is_told() -> None:
    for name in [*blocks.log_events(), *(name for name, _, _ in blocks.figures())]:
        assert f"`{name}`" in TOLD, name


def test_every_module_stands_in_exactly_one_table_of_the_house() -> None:
    listed = re.findall(r"^\| \[`([\w/.]+)`\]", (DOCS / "architecture.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(code.modules())


def test_the_standards_of_the_page_are_those_of_the_code() -> None:
    page = (DOCS / "standards.md").read_text("utf-8")
    headed = re.findall(r"^## RFC (\d+): ", page, re.MULTILINE)
    assert headed == arguments(page, "rfc")
    assert set(headed) == set(blocks.standards())
    assert headed == sorted(headed, key=int)


def test_every_standard_that_another_page_names_is_on_the_page_of_standards() -> None:
    assert set(re.findall(r"RFC (\d+)", TOLD)) - set(blocks.standards()) == set()


def test_every_call_of_the_api_is_told() -> None:
    page = (DOCS / "api.md").read_text("utf-8")
    for path, methods in blocks.openapi()["paths"].items():
        for method, about in methods.items():
            assert f"| `{method.upper()} {path}` |" in page
            assert about.get("description"), f"{method.upper()} {path} says nothing of what it does"


def test_every_page_stands_in_the_list_of_its_folder() -> None:
    for page in PAGES:
        if page.name != "README.md":
            assert f"]({page.name})" in (page.parent / "README.md").read_text("utf-8"), page.name


FIGURES = {
    "flow.md": (
        f"larger than {IN_ROW // 1024} KiB are made durable",
        f"hold {MEMORY_BYTES // 1024**2} MiB in memory, each of them {MOST_BYTES // 1024**2} MiB at most",
        f"up to {READ_IN_LOOP // 1024} KiB in the loop",
        f"at most {writer.MAX_BATCH}, into one transaction",
        f"grown past {writer.CHECKPOINT_BYTES // 1024**2} MiB",
        f"after {_NUMBERS[writer.PATIENCE_SECONDS]} seconds 451",
        f"the others get {_NUMBERS[GRACE_SECONDS]} seconds",
    ),
    "security.md": (
        f"A link lives {(access.LIVES['sign_in'] or 0) // access.MINUTE} minutes",
        f"a session {(access.LIVES['session'] or 0) // access.DAY} days",
    ),
    "operations.md": (
        f"finish their mail for {_NUMBERS[GRACE_SECONDS]} seconds",
        f"share {MEMORY_BYTES // 1024**2} MiB by the number of connections, each of them has {LEAST_BYTES // 1024} KiB",
        f"thrown away for {LINGER_SECONDS:g} seconds or {LINGER_BYTES // 1024**2} MiB",
    ),
}


@pytest.mark.parametrize("page", FIGURES)
def test_a_figure_in_the_text_is_that_of_the_code(page: str) -> None:
    text = " ".join((DOCS / page).read_text("utf-8").split())
    assert [words for words in FIGURES[page] if words not in text] == []
