"""Every event that a webhook may be told of is named in words in Settings."""

from __future__ import annotations

import pytest

from crm_adapter.events import TYPES
from gateway.web.hook_words import happens


@pytest.mark.parametrize("type", TYPES)
def test_an_event_has_words(type: str) -> None:
    assert happens(type) != type
