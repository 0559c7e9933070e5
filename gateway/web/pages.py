"""Rendering pages: one Jinja environment, the words templates share, and who is shown a page at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request

from gateway.core.resources import rfc3339
from gateway.usecases.edit_session import Visitor
from gateway.web import words
from gateway.web.mailbox_words import sentence
from gateway.web.services import WebServices
from gateway.web.tongues import gettext, later, ngettext, spoken

TEMPLATES = Path(__file__).parent / "templates"
_TITLES = {
    403: "You may not do this",
    404: "There is nothing here",
    405: "This can't be done here",
    422: "Something in the address is not right",
    500: "Something went wrong on our side",
}


_SCRIPT = (
    later("The template stands in the mail"),
    later("Sign in, in a new tab"),
    later("We can’t be reached at this moment. Nothing is lost; try again."),
    later("Copied"),
    later("Copied %s"),
    later("Your browser did not allow copying."),
    later("Good morning, %s"),
    later("Good afternoon, %s"),
    later("Good evening, %s"),
    later("just now"),
    later("%s min ago"),
    later("today at %s"),
    later("%s at %s"),
    later("Paused"),
    later("%s new since you paused"),
    later("Inserted %s"),
    later("%s is now in %s"),
    later("%s could not be moved. Load the page again."),
    later("Undo, %s seconds left"),
    later("%s selected"),
    later("Turn letter keys on"),
    later("Turn letter keys off"),
)
"""Sentences of the script, which finds them in `data-words` of the page."""


def script_words() -> str:
    """The script's sentences in the language of this request, as JSON; empty for English."""
    return "" if spoken() == "en" else json.dumps({one: gettext(one) for one in _SCRIPT}, ensure_ascii=False)


class Pages:
    """The templates of one application."""

    def __init__(self, services: WebServices) -> None:
        self._services = services
        self._jinja = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.filters |= {
            "iso": rfc3339,
            "clock": partial(_moment, form="%H:%M"),
            "seconds": partial(_moment, form="%H:%M:%S"),
            "day": _day,
            "moment": _utc,
            "marked": marked,
            "smart": smart,
            "bytes": lambda number: f"{number:,} bytes",
            "host": lambda url: urlsplit(url).hostname or url,
            "initials": words.initials,
            "sentence": sentence,
            "size": words.size,
        }
        self._jinja.policies["ext.i18n.trimmed"] = True
        self._jinja.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
        self._jinja.globals |= {
            "words": words,
            "version": services.version,
            "gateway_domains": services.domains,
            "spoken": spoken,
            "script_words": script_words,
        }

    def text(self, template: str, **context: Any) -> str:
        return self._jinja.get_template(template).render(context)

    def answer(self, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        return HTMLResponse(self.text(template, **context), status)

    def console(self, template: str, reader: Visitor, here: str, status: int = 200, **context: Any) -> HTMLResponse:
        """A page of the console. here: which entry of the navigation it belongs to."""
        return self.answer(template, status, reader=reader, account_name=reader.account_name, here=here, **context)

    def error(self, status: int, detail: str, heading: str = "") -> HTMLResponse:
        title = heading or _TITLES.get(status, "This can't be shown")
        return self.answer("error.html", status, title=title, detail=detail, domain=self._services.domains[0])


def pages_of(request: Request) -> Pages:
    """The templates of the application a request came to."""
    pages: Pages = request.app.state.pages
    return pages


def wants_page(request: Request) -> bool:
    """Browsers outside the API get pages; programs that ask for JSON by name, and the API, don't."""
    if request.url.path == "/v1" or (request.url.path.startswith("/v1/") and request.url.path != "/v1/docs"):
        return False
    accept = request.headers.get("accept", "*/*")
    return "text/html" in accept or "json" not in accept


def marked(text: str, address: str = "") -> Markup:
    """A sentence of ours: `{address}` and what stands in backticks as machine text, what stands in stars strong."""
    shown = escape(text)
    for mark, tag in (("*", "b"), ("`", "code")):
        pieces = shown.split(mark)
        shown = Markup("").join(
            Markup("<{0}>{1}</{0}>").format(tag, piece) if n % 2 else piece for n, piece in enumerate(pieces)
        )
    return shown.replace("{address}", Markup('<span class="addr">{}</span>').format(address))


def smart(address: str) -> Markup:
    """A smart address with the part that differs in bold, still one unbroken text."""
    local, _, domain = address.rpartition("@")
    slug, plus, suffix = local.partition("+")
    ending = Markup("<b>+{}</b>").format(suffix) if plus else ""
    return Markup("{}{}@{}").format(slug, ending, domain)


def _moment(milliseconds: int, *, form: str) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime(form)


def _day(number: int) -> str:
    moment = datetime.fromtimestamp(number * 86_400, UTC)
    return f"{moment.day} {moment:%b}" if spoken() == "en" else _spelled(moment, "d MMM")


def _utc(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    day = f"{moment.day} {moment:%B %Y}" if spoken() == "en" else _spelled(moment, "d MMMM y")
    return f"{day}, {moment:%H:%M} UTC"


def _spelled(moment: datetime, form: str) -> str:
    """A day with its month in the language of this request."""
    from babel.dates import format_date

    return format_date(moment, form, locale=spoken().replace("-", "_"))
