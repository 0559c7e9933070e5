"""Why a mail was refused and what to do about it: one text a rule, by language, for the public pages and the trace.

`{address}` stands for the smart address the mail was sent to; a word in stars is one to look for on the screen. Nothing
here names a person, a subject or an account. A language is one more module with a table of the same rules, whole as no
catalogue of sentences has to be: a stranger reads these pages once, and may have no other language.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.reasons import english, indonesian, portuguese, russian, spanish
from gateway.web.reasons.english import REASONS as ENGLISH
from gateway.web.reasons.shape import Around, Reason
from gateway.web.tongues import spoken

__all__ = ["ENGLISH", "LANGUAGES", "Around", "Reason", "around", "find_rule", "reason_of"]

LANGUAGES: Mapping[str, Mapping[str, Reason]] = {
    "en": ENGLISH,
    "id": indonesian.REASONS,
    "ru": russian.REASONS,
    "pt-BR": portuguese.REASONS,
    "es": spanish.REASONS,
}
_AROUND: Mapping[str, Around] = {
    "en": english.AROUND,
    "id": indonesian.AROUND,
    "ru": russian.AROUND,
    "pt-BR": portuguese.AROUND,
    "es": spanish.AROUND,
}
_OTHER: Mapping[str, Reason] = {
    "en": english.OTHER,
    "id": indonesian.OTHER,
    "ru": russian.OTHER,
    "pt-BR": portuguese.OTHER,
    "es": spanish.OTHER,
}


def reason_of(rule: str, language: str = "") -> Reason:
    """The text of a rule. language: left out, that of this request."""
    language = language or spoken()
    return LANGUAGES[language].get(rule) or _OTHER[language]


def around() -> Around:
    """What stands around a reason, in the language of this request."""
    return _AROUND[spoken()]


def find_rule(text: str) -> str | None:
    """A rule by its id as it stands in a link, case ignored; None where no rule of this id refuses."""
    return next((rule for rule in ENGLISH if rule.lower() == text.lower()), None)
