"""`python -m tests.docs` writes the made parts of every page under docs/ anew."""

from __future__ import annotations

from tests.docs.pages import PAGES, made, shown

for page in PAGES:
    text = page.read_text("utf-8")
    if made(text) != text:
        page.write_text(made(text), "utf-8")
        print(f"wrote {shown(page)}")
