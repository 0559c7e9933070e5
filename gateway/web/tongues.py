"""The languages of the pages: which one a request is answered in, and the catalogue of each (Babel).

English is what stands in the code; `gateway/web/locale/LANGUAGE.po` has each sentence in another language. A sentence
that a catalogue lacks is shown in English. `make words` collects the sentences anew.
"""

from __future__ import annotations

import gettext as library
import io
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
LOCALE = Path(__file__).parent / "locale"
LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "id": "Bahasa Indonesia",
    "ru": "Русский",
    "pt-BR": "Português (Brasil)",
    "es": "Español",
}
"""Code (RFC 5646), which is the value of `lang`, and the language's own name."""

_spoken: ContextVar[str] = ContextVar("language", default="en")


def speak(language: str) -> None:
    """From here on, this request is answered in a language; one that we don't have is English."""
    _spoken.set(language if language in LANGUAGES else "en")


def spoken() -> str:
    """The code of the language in which this request is answered."""
    return _spoken.get()


def gettext(message: str) -> str:
    """A sentence in the language of this request."""
    return _catalogue(spoken()).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """A sentence with a number, in the language of this request and in the form the number asks for there."""
    return _catalogue(spoken()).ngettext(singular, plural, number)


def later(message: str) -> str:
    """Marks a sentence that stands in a table: it is collected here, and translated where it is shown."""
    return message


def wanted(accept_language: str) -> str:
    """The language that a browser wants most of those we have (RFC 9110 section 12.5.4)."""
    ranges: list[tuple[float, str]] = []
    for part in accept_language[:1000].split(","):
        tag, _, weight = part.strip().partition(";")
        try:
            ranges.append((float(weight.strip().removeprefix("q=") or 1), tag.strip().lower()))
        except ValueError:
            continue
    for _, tag in sorted((one for one in ranges if one[0] > 0), key=lambda one: -one[0]):
        for code in LANGUAGES:
            if tag == code.lower() or tag.partition("-")[0] == code.lower().partition("-")[0]:
                return code
    return "en"


@cache
def _catalogue(language: str) -> library.NullTranslations:
    """The sentences of a language, read when they are first wanted."""
    path = LOCALE / f"{language}.po"
    if not path.exists():
        return library.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language.replace("-", "_")))
    compiled.seek(0)
    return library.GNUTranslations(compiled)


def in_each(render: Callable[[], str]) -> Callable[[str], str]:
    """Renders something at most once in each language that is asked for, as for several who listen to one stream."""

    @cache
    def rendered(language: str) -> str:
        return in_language(language, render)

    return partial(rendered)


def in_language(language: str, render: Callable[[], T]) -> T:
    """What is rendered in a language, whatever this request is answered in."""
    before = _spoken.set(language if language in LANGUAGES else "en")
    try:
        return render()
    finally:
        _spoken.reset(before)
