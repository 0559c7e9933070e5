"""A browser is told in a few words, so that people know their sessions apart."""

from __future__ import annotations

import pytest

from gateway.core.devices import device_of

_MOZILLA = "Mozilla/5.0 "
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko) "
AGENTS = {
    f"{_MOZILLA}(X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Linux",
    f"{_MOZILLA}(Windows NT 10.0; Win64) {_WEBKIT}Chrome/140.0.0.0 Safari/537.36 Edg/140.0": "Edge on Windows",
    f"{_MOZILLA}(Linux; Android 14) {_WEBKIT}Chrome/140.0.0.0 Mobile Safari/537.36": "Chrome on Android",
    f"{_MOZILLA}(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15": "Safari on Mac",
    f"{_MOZILLA}(iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1": "Safari on iPhone",
    f"{_MOZILLA}(X11; CrOS x86_64) {_WEBKIT}Chrome/140.0.0.0 Safari/537.36": "Chrome on ChromeOS",
    "curl/8.5.0": "curl",
    "Something (Windows NT 11)": "Windows",
    "": "a browser",
    "\x00" * 9_000: "a browser",
}


@pytest.mark.parametrize(("agent", "device"), AGENTS.items(), ids=range(len(AGENTS)))
def test_a_browser_is_told_in_a_few_words(agent: str, device: str) -> None:
    assert device_of(agent) == device
