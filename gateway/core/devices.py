"""What a browser says it is, in a few words, so that people know their sessions apart (RFC 9110 section 10.1.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass

UNKNOWN = "a browser"
_PROGRAMS = (
    (r"Edg(?:e|A|iOS)?/", "Edge"),
    (r"(?:OPR|Opera)[/ ]", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"YaBrowser/", "Yandex Browser"),
    (r"Vivaldi/", "Vivaldi"),
    (r"(?:Firefox|FxiOS)/", "Firefox"),
    (r"(?:Chromium|HeadlessChrome)/", "Chromium"),
    (r"(?:Chrome|CriOS)/", "Chrome"),
    (r"Version/[0-9.]+ .*Safari/", "Safari"),
    (r"curl/", "curl"),
    (r"python-", "a Python program"),
)
"""Marks in the order in which they are looked for: most programs say that they are others as well."""
_SYSTEMS = (
    (r"iPhone|iPod", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"CrOS", "ChromeOS"),
    (r"Windows", "Windows"),
    (r"Mac OS X|Macintosh", "Mac"),
    (r"Linux|X11", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Session:
    """A browser in which a user is signed in. device: what it says it is. last_used_at: to some ten minutes."""

    id: str
    device: str
    created_at: int
    last_used_at: int


def device_of(agent: str) -> str:
    """`Firefox on Linux`; one of both where the other is not known, and `a browser` for neither."""
    heard = agent[:500]
    program, system = _first(_PROGRAMS, heard), _first(_SYSTEMS, heard)
    if program and system:
        return f"{program} on {system}"
    return program or system or UNKNOWN


def _first(marks: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for mark, name in marks if re.search(mark, agent)), "")
