"""HTML of a stranger made safe to read: nothing in it acts, and nothing in it asks another server for anything.

The markup is brought into a simple form first (gateway/core/markup.py); nh3 then builds the tree, keeps what is listed
here and writes it out. Pictures on other servers tell the sender who reads when, so each is put where no browser
follows it, until the reader wants to see them: an address in `data-blocked-src`, `data-blocked-background`, or in
the style `--blocked-background`, as a text. What a style would fetch comes back behind tables and their parts only.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import unquote

import nh3

from gateway.core.markup import NO_COPIES, Copies, names, simplify
from gateway.core.snippet import without_tags

INLINE_IMAGES = frozenset(("image/gif", "image/jpeg", "image/png", "image/webp"))
"""Kinds of pictures that are shown within a mail. None of them can hold a script, as SVG can."""
MAX_MARKUP = 2_000_000
"""Characters of one mail; a part that goes beyond them is shown as its text."""
MAX_DATA = 1_000_000
"""Characters of pictures that stand in the mark-up itself, of one mail."""
_MAX_PASSES = 5
_MAX_STYLE = 10_000
_MAX_URL = 8_000
_NONE: Mapping[str, str] = MappingProxyType({})

_ANYWHERE = "align bgcolor dir height lang style title valign width"
_CELLS = "abbr background colspan data-blocked-background headers nowrap rowspan scope"
_ELEMENTS = {
    "a": "href",
    "font": "color face size",
    "img": "alt border data-blocked-src hspace src vspace",
    "li": "value",
    "ol": "reversed start type",
    "ul": "type",
    "col": "span",
    "colgroup": "span",
    "hr": "color noshade size",
    "table": "background border cellpadding cellspacing data-blocked-background frame rules summary",
    "tr": "background data-blocked-background",
    "td": _CELLS,
    "th": _CELLS,
}
_PLAIN = (
    "abbr acronym address article aside b bdi bdo big blockquote br caption center cite code dd del dfn div dl dt em "
    "figcaption figure footer h1 h2 h3 h4 h5 h6 header i ins kbd main mark nav p pre q s samp section small span "
    "strike strong sub sup tbody tfoot thead tt u var wbr"
)
KNOWN: Mapping[str, frozenset[str]] = {
    name: names(f"{_ANYWHERE} {own}") for name, own in {**dict.fromkeys(_PLAIN.split(), ""), **_ELEMENTS}.items()
}
"""Elements that are kept, with their attributes."""
PROPERTIES = names(
    "background background-color background-image background-position background-repeat background-size border "
    "border-bottom border-bottom-color border-bottom-style border-bottom-width border-collapse border-color "
    "border-left border-left-color border-left-style border-left-width border-radius border-right "
    "border-right-color border-right-style border-right-width border-spacing border-style border-top "
    "border-top-color border-top-style border-top-width border-width box-sizing clear color direction display "
    "float font font-family font-size font-style font-variant font-weight height letter-spacing line-height "
    "list-style list-style-type margin margin-bottom margin-left margin-right margin-top max-height max-width "
    "min-height min-width opacity overflow overflow-wrap padding padding-bottom padding-left padding-right "
    "padding-top table-layout text-align text-decoration text-indent text-overflow text-transform unicode-bidi "
    "vertical-align visibility white-space width word-break word-spacing word-wrap"
)
"""Properties of style that are kept: those that place nothing over other things and fetch nothing."""
_BLOCKED_STYLE = "--blocked-background"
_BLOCKED = "blocked:"
_VALUE = re.compile(r"(?:[\w#.%+!,/ -]|\"[\w ,.-]*\"|'[\w ,.-]*'|(?:rgb|rgba|hsl|hsla)\([\w\d.,%/ -]*\))+", re.A | re.I)
_BELOW_ZERO = re.compile(r"(?:^|[ ,/])-[\d.]")
_STYLE_URL = re.compile(r"url\(\s*(?:\"([^\"()\\]*)\"|'([^'()\\]*)'|([^\"'()\\\s]*))\s*\)", re.I)
_BACKGROUNDS = frozenset(("background", "background-image"))
_REMOTE = re.compile(r"https?://[\w.-]+(?::\d+)?(?:[/?#][^\x00-\x1f\x7f\\]*)?", re.A | re.I)
_UNFIT_IN_STYLE = re.compile(r"[\s\"'();<>]")
_LINK = re.compile(r"(?:https?|mailto|tel):", re.I)
_DATA = re.compile(r"data:image/(?:gif|jpeg|jpg|png|webp);base64,[A-Za-z0-9+/=\s]+", re.A | re.I)
_WRITTEN_TAG = re.compile(r"<[a-z][a-z0-9]* [^>]*>")
_STYLED_CELL = re.compile(rf"(<(?:table|td|th|tr) [^>]*{_BLOCKED_STYLE}:&quot;([^&>]+(?:&amp;[^&>]*)*)&quot;[^>]*)>")
_WRITTEN_STYLE = re.compile(r' style="[^"]*"')
_LINE_IN_PRE = re.compile(r"(<pre(?: [^>]*)?>)(?=\n)")
# References to what Unicode keeps for programs' own use, U+FDD0 to U+FDEF; the marks of `quotes` are among them.
_RESERVED = re.compile(r"&#(?:x0*+fd[de][0-9a-f](?![0-9a-f])|0*+(?:6497[6-9]|649[89][0-9]|6500[0-7])(?![0-9]));?", re.I)
_NO_BREAK = "\xa0"
_BODY = re.compile(r"<body(?=[\s>])", re.I)


@dataclass(frozen=True, slots=True)
class Safe:
    """HTML to show within a page. remote: it refers to pictures on other servers."""

    html: str
    remote: bool = False


@dataclass(slots=True)
class Budget:
    """What the parts of one mail have taken of its bounds so far. markup, data: in characters."""

    markup: int = 0
    data: int = 0
    copies: Copies = NO_COPIES


def make_safe(
    markup: str, *, inline: Mapping[str, str] = _NONE, show_remote: bool = False, budget: Budget | None = None
) -> Safe:
    """HTML without anything that acts. What a tree of it would cost too much for is shown as its text.

    inline: where the mail's own pictures are, by Content-ID. show_remote: the reader wants to see remote pictures.
    budget: that of the mail, where this is one part of several.
    It is cleaned until that changes nothing, so a browser builds the very tree that was judged here.
    """
    budget = budget or Budget()
    shown = None
    if budget.markup + len(markup) <= MAX_MARKUP:
        budget.markup += len(markup)
        shown = _at_rest(_BODY.sub("<div", markup, count=1), _Reading(inline, show_remote, budget))
    return shown or Safe(preformatted(without_tags(markup[:MAX_MARKUP]).strip()))


def _at_rest(shown: str, reading: _Reading) -> Safe | None:
    """What cleaning leaves as it is; None where that isn't reached within bounds."""
    for _ in range(_MAX_PASSES):
        cleaned = _clean(shown, reading)
        if cleaned is None:
            break
        if cleaned == shown:
            reading.spend()
            return Safe(cleaned, reading.remote)
        shown = cleaned
    reading.spend(shown=False)
    return None


def _clean(markup: str, reading: _Reading) -> str | None:
    """The markup with what is listed, and nothing else; None where a tree of it would cost too much."""
    simple = reading.simplified(markup)
    if simple is None:
        return None
    clean = nh3.clean(
        _RESERVED.sub("\ufffd", simple),
        tags=set(KNOWN),
        clean_content_tags=set(),
        attributes={name: set(known) for name, known in KNOWN.items()},
        attribute_filter=reading.judge,
        filter_style_properties={*PROPERTIES, _BLOCKED_STYLE},
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer nofollow",
        url_schemes={"cid", "data", "http", "https", "mailto", "tel"},
        url_relative=lambda url: url if url in reading.own else None,
    )
    clean = _WRITTEN_TAG.sub(_put_aside, clean)
    return _LINE_IN_PRE.sub(r"\1\n", _STYLED_CELL.sub(_give_background, clean) if reading.show_remote else clean)


def preformatted(text: str) -> str:
    """A text as HTML, written as a cleaning leaves it; a parser drops the first line end of <pre>."""
    start = "\n" if text.startswith("\n") else ""
    return f"<pre>{start}{entities.escape(text, quote=False).replace(_NO_BREAK, '&nbsp;')}</pre>"


def unstyled(safe: str) -> str:
    """Safe HTML without its styles, for who lays it out as text: a style can ask for a billion blank lines."""
    return _WRITTEN_TAG.sub(lambda tag: _WRITTEN_STYLE.sub("", tag[0]), safe)


def _put_aside(tag: re.Match[str]) -> str:
    """A tag as nh3 wrote it, with blocked addresses under names that nothing follows."""
    return re.sub(rf' (src|background)="{_BLOCKED}', r' data-blocked-\1="', tag[0])


def _give_background(tag: re.Match[str]) -> str:
    """A table or a part of it, with the picture that its style asks for behind it.

    Chromium tells the other server our address with a picture of a style, but not with one of an attribute.
    """
    return tag[0] if ' background="' in tag[0] else f'{tag[1]} background="{tag[2]}">'


@dataclass(slots=True)
class _Reading:
    """One reading of one part. own: addresses of its own pictures. remote: whether others were met.

    data, copies: what is spent of the budget with this part; of the latter, by the pass that took the most.
    """

    inline: Mapping[str, str]
    show_remote: bool
    budget: Budget
    own: frozenset[str] = field(init=False)
    remote: bool = False
    data: int = 0
    copies: Copies = field(init=False)

    def __post_init__(self) -> None:
        self.own = frozenset(self.inline.values())
        self.copies = self.budget.copies

    def simplified(self, markup: str) -> str | None:
        """The markup before a pass, in its simple form; None where a tree of it would cost too much."""
        found = simplify(markup, KNOWN, self.budget.copies)
        if found is None:
            return None
        simple, copies = found
        self.data = self.budget.data
        self.copies = Copies(max(self.copies.elements, copies.elements), max(self.copies.size, copies.size))
        return simple

    def spend(self, *, shown: bool = True) -> None:
        """Trees that were built are paid for in any case, pictures where they are shown."""
        self.budget.copies = self.copies
        if shown:
            self.budget.data = self.data

    def judge(self, element: str, name: str, value: str) -> str | None:
        """What becomes of an attribute: its value, another one, or None where it goes."""
        if name == "style":
            return self._style(value) or None
        if name == "href":
            return value if _LINK.match(value.strip()) else None
        if name == "src":
            return self._picture(value.strip())
        if name == "background":
            return self._remote(value.strip())
        if name.startswith("data-"):
            return value if _is_remote(value) else None
        return value

    def _picture(self, url: str) -> str | None:
        """A picture of the mail's own, in itself, or elsewhere."""
        if url in self.own:
            return url
        scheme, _, rest = url.partition(":")
        if scheme.lower() == "cid":
            return self.inline.get(unquote(rest))
        if scheme.lower() == "data":
            self.data += len(url)
            return url if self.data <= MAX_DATA and _DATA.fullmatch(url) else None
        return self._remote(url)

    def _remote(self, url: str) -> str | None:
        """An address on another server: as it is where it may be shown, else where nothing follows it."""
        if not _is_remote(url):
            return None
        self.remote = True
        return url if self.show_remote else f"{_BLOCKED}{url}"

    def _style(self, style: str) -> str:
        """The declarations that are harmless, by name and by value; no value can hold an escape or a comment."""
        if len(style) > _MAX_STYLE:
            return ""
        return ";".join(kept for one in style.split(";") if (kept := self._declaration(*one.partition(":")[::2])))

    def _declaration(self, name: str, value: str) -> str:
        name, value = name.strip().lower(), " ".join(value.split())
        if name == _BLOCKED_STYLE:
            return f"{name}:{value}" if _fits_style(value[1:-1]) and value[0] == value[-1] == '"' else ""
        shown = self._background(name, value) if name in _BACKGROUNDS else None
        if shown is not None:
            return shown
        harmless = name in PROPERTIES and _VALUE.fullmatch(value)
        return f"{name}:{value}" if harmless and not _BELOW_ZERO.search(value) else ""

    def _background(self, name: str, value: str) -> str | None:
        """A background with a picture on another server; None where it has none."""
        found = _STYLE_URL.search(value)
        url = next((one for one in found.groups() if one), "") if found else ""
        if found is None or not _fits_style(url):
            return None
        self.remote = True
        rest = " ".join(f"{value[: found.start()]} {value[found.end() :]}".split())
        beside = f"{name}:{rest}" if _VALUE.fullmatch(rest) else ""
        return ";".join(part for part in (beside, f'{_BLOCKED_STYLE}:"{url}"') if part)


def _is_remote(url: str) -> bool:
    return len(url) <= _MAX_URL and _REMOTE.fullmatch(url) is not None


def _fits_style(url: str) -> bool:
    """Whether it is a remote address that can end neither the text it stands in nor the declaration."""
    return _is_remote(url) and not _UNFIT_IN_STYLE.search(url)
