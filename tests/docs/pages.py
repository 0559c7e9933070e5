"""Pages under docs/: which there are, and their made parts written anew from the code."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.blocks import BLOCKS
from tests.docs.code import ROOT

DOCS = ROOT / "docs"
PAGES = tuple(sorted(DOCS.rglob("*.md")))
_BLOCK = re.compile(r"(<!-- made: ([a-z]+) ?([^ ]*) -->\n).*?(<!-- end -->)", re.DOTALL)


def shown(page: Path) -> str:
    """A page's path as failures name it."""
    return str(page.relative_to(ROOT))


def made(text: str) -> str:
    """The page's text with every made part as the code would have it now."""
    return _BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]](found[3], text)}\n{found[4]}", text)


def arguments(text: str, block: str) -> list[str]:
    """The arguments with which a block stands in a page."""
    return [found[3] for found in _BLOCK.finditer(text) if found[2] == block]
