"""Every sentence of the pages stands in every catalogue, with the same placeholders."""

from __future__ import annotations

import re

import pytest

from gateway.web.tongues import LANGUAGES
from tests.words import catalogue, collected, untranslated

OTHERS = [language for language in LANGUAGES if language != "en"]
_PLACE = re.compile(r"%\(\w+\)[sd]|%s|<[^>]+>|`[^`]*`")


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_lacks_no_sentence(language: str) -> None:
    assert [message.id for message in untranslated(language)] == [], "run: make words"


@pytest.mark.parametrize("language", OTHERS)
def test_no_catalogue_has_what_no_page_says_any_more(language: str) -> None:
    said = {str(message.id) for message in collected()}
    assert [message.id for message in catalogue(language) if message.id and str(message.id) not in said] == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_keeps_what_is_put_into_it(language: str) -> None:
    changed = [
        (message.id, message.string)
        for message in catalogue(language)
        if message.id
        and isinstance(message.id, str)
        and isinstance(message.string, str)
        and sorted(_PLACE.findall(message.id)) != sorted(_PLACE.findall(message.string))
    ]
    assert changed == []
