"""Collects the sentences of the pages into the catalogues of `gateway/web/locale`, and tells what is untranslated.

`make words` runs it. What a catalogue has stays; what no page says any more is dropped.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from gateway.core.audit import WHAT
from gateway.web.tongues import LANGUAGES, LOCALE

ROOT = Path(__file__).parent.parent
_METHODS = [("gateway/web/**.py", "python"), ("gateway/web/templates/**.html", "jinja2")]
_OPTIONS = {"gateway/web/templates/**.html": {"trimmed": "true"}}
_KEYWORDS = {"_": None, "gettext": None, "later": None, "ngettext": (1, 2), "n_": (1, 2)}


@cache
def collected() -> Catalog:
    """Every sentence that stands in the pages, with where."""
    found = Catalog(project="smartgate", charset="utf-8")
    for folder in ("gateway/web",):
        rows = extract_from_dir(
            ROOT / folder,
            [(pattern.removeprefix(folder + "/"), method) for pattern, method in _METHODS],
            {pattern.removeprefix(folder + "/"): options for pattern, options in _OPTIONS.items()},
            _KEYWORDS,
        )
        for path, _, message, _, _ in rows:
            found.add(message, locations=[(f"{folder}/{path}", 0)])
    for said in WHAT.values():
        found.add(said, locations=[("gateway/core/audit.py", 0)])
    return found


def catalogue(language: str) -> Catalog:
    """What is translated into a language."""
    path, locale = LOCALE / f"{language}.po", language.replace("-", "_")
    if not path.exists():
        return Catalog(locale=locale, project="smartgate", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=locale)


def untranslated(language: str) -> list[Message]:
    """The sentences that a language lacks."""
    known = catalogue(language)
    lacking = []
    for message in collected():
        if not message.id:
            continue
        there = known.get(message.id)
        texts = [] if there is None else [there.string] if isinstance(there.string, str) else list(there.string or ())
        if not texts or not all(texts):
            lacking.append(message)
    return lacking


def update() -> None:
    """Brings every catalogue to what the pages say."""
    for language in LANGUAGES:
        if language == "en":
            continue
        known = catalogue(language)
        known.update(collected(), no_fuzzy_matching=True)
        known.obsolete.clear()
        with (LOCALE / f"{language}.po").open("wb") as file:
            write_po(file, known, width=120, omit_header=True, sort_output=True, no_location=True)
        print(f"{language}: {len(untranslated(language))} of {len(known)} sentences to translate")


if __name__ == "__main__":
    update()
