"""The house keeps its own rules: files, words, lock files, Makefile, pages and settings agree with one another."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config.reference import DOCUMENT, SAMPLE, markdown, sample
from config.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PASSED_OVER = re.compile(
    r"\.(git|venv|\w+_cache|hypothesis|egg-info)$|^\.coverage|^(var|build|dist|__pycache__|node_modules|htmlcov)$"
)
ROOMS = ("gateway", "crm_adapter", "config", "tests", "bench")
_PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT, TOOLS = _PYPROJECT["project"], _PYPROJECT["tool"]


def walk(folder: Path) -> list[Path]:
    """Every file of the project, without what tools and runs leave behind."""
    entries = sorted(entry for entry in folder.iterdir() if not PASSED_OVER.search(entry.name))
    inside = [path for entry in entries if entry.is_dir() and not entry.is_symlink() for path in walk(entry)]
    return inside + [entry for entry in entries if entry.is_file()]


FILES = walk(ROOT)
MODULES = [path for path in FILES if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in ROOMS]
PAGES = [path for path in FILES if path.suffix == ".md"]


def lines_with(pattern: str) -> list[str]:
    """Each line of the project that matches, as PATH:NUMBER; pictures have bytes, not lines."""
    wanted = re.compile(pattern.encode(), re.IGNORECASE)
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in FILES
        if path.suffix != ".png"
        for number, line in enumerate(path.read_bytes().split(b"\n"), 1)
        if wanted.search(line)
    ]


@pytest.mark.parametrize(
    "host",
    [
        r"pypi[.]org",
        r"pythonhosted[.]org",
        r"npmjs[.](org|com)",
        r"debian[.]org/debian",
        r"golang[.]org",
        r"crates[.]io",
        r"index-url[ =]+http",
        r"--registry[ =]+http",
    ],
)
def test_no_file_names_a_package_registry(host: str) -> None:
    assert lines_with(host) == []


@pytest.mark.parametrize(
    "words",
    [r"/work[/]", r"sub-?agents?\b", r"\bthis[ ]session\b", r"\bissue[ ]#?\d", r"before[-]stop", r"(?-i:\bTO[D]O\b)"],
)
def test_the_project_speaks_of_itself_alone(words: str) -> None:
    assert lines_with(words) == []


def test_every_module_says_in_a_first_sentence_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if not re.match(r"\S.*[.:!?]$", (ast.get_docstring(ast.parse(path.read_bytes())) or "").partition("\n")[0])
    ]
    assert silent == []


def test_no_module_grows_past_four_hundred_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {count}"
        for path in MODULES
        if (count := path.read_bytes().count(b"\n")) > 400 and "migrations" not in path.parts
    ]
    assert long == []


def test_the_settings_page_and_the_sample_file_are_those_of_the_model() -> None:
    assert DOCUMENT.read_text("utf-8") == markdown(), "run: make docs"
    assert SAMPLE.read_text("utf-8") == sample(), "run: make docs"


def test_a_setting_is_read_somewhere() -> None:
    """A setting that nothing reads would be accepted and then ignored in silence."""
    read_as = {"database_url": "database", "blob_url": "blob_path"}
    code = "".join(path.read_text("utf-8") for path in MODULES if path.relative_to(ROOT).parts[0] == "gateway")
    unread = {name for name in Settings.model_fields if not re.search(rf"\.{read_as.get(name, name)}\b", code)}
    assert unread == set()


def test_every_make_target_explains_itself() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([.a-z0-9]+):(?!=)", text, re.MULTILINE)) - {".PHONY"}
    helped = set(re.findall(r"^([.a-z0-9]+):.*## \S", text, re.MULTILINE))
    phony = set(text.partition(".PHONY:")[2].partition("\n")[0].split())
    assert targets == helped == phony | {".venv"}


LOCKS = {
    "requirements.lock": PROJECT["dependencies"],
    "requirements-dev.lock": [
        *PROJECT["dependencies"],
        *(wanted for extra in ("dev", "e2e") for wanted in PROJECT["optional-dependencies"][extra]),
    ],
    "requirements-fuzz.lock": [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["fuzz"]],
}


@pytest.mark.parametrize(("lock", "wanted"), LOCKS.items(), ids=LOCKS)
def test_the_lock_file_holds_what_the_project_asks_for(lock: str, wanted: list[str]) -> None:
    locked = dict(re.findall(r"^([a-z0-9._-]+)==([^ ;]+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE))
    for requirement in map(Requirement, wanted):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not in {lock}; run: make lock"
        assert requirement.specifier.contains(version), f"{requirement} is {version} in {lock}; run: make lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_its_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text("utf-8"))
    assert [entry.partition("\n")[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_everything_the_rooms_need_is_installed_with_them() -> None:
    """A page or migration that setuptools leaves out is missed only where the product was installed from a wheel."""
    patterns = TOOLS["setuptools"]["package-data"]["*"]
    left_out = [
        str(path.relative_to(ROOT))
        for path in FILES
        if path.relative_to(ROOT).parts[0] in {"gateway", "crm_adapter", "config"}
        and path.suffix != ".py"
        and not any(path.match(pattern) for pattern in patterns)
    ]
    assert left_out == []


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
