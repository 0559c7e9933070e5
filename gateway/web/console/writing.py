"""What somebody typed on the page where mail is written, from its form and on to a draft."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Collection
from dataclasses import dataclass, fields, replace

from starlette.datastructures import UploadFile
from starlette.requests import Request

from gateway.core.address import parse_address_list
from gateway.core.outgoing import Draft, Prepared, Upload
from gateway.core.recipients import MOST_UPLOADS
from gateway.core.templates import Rendered

_MOST_PART = 4 * 1024 * 1024
_BETWEEN = re.compile(r"[;\r\n]+")


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands on the page. smart: the smart addresses that get a copy. quoted: what an answer quotes, below the
    text. how: reply, reply_all or forward; empty for a new mail. files: names of what a forward takes along. do: which
    button was pressed. html: `on` where the text is HTML."""

    mailbox: str = ""
    to: str = ""
    cc: str = ""
    bcc: str = ""
    smart: tuple[str, ...] = ()
    subject: str = ""
    body: str = ""
    quoted: str = ""
    html: str = ""
    how: str = ""
    answers: str = ""
    forwards: str = ""
    files: tuple[str, ...] = ()
    template: str = ""
    contact: str = ""
    lead: str = ""
    do: str = ""
    uploads: tuple[Upload, ...] = ()

    @property
    def says_something(self) -> bool:
        """Whether there is anything that it would be a pity to lose."""
        return any(one.strip() for one in (self.to, self.cc, self.bcc, self.subject, self.body))

    @property
    def first_address(self) -> str | None:
        """The first address it goes to."""
        found = parse_address_list(_list_of(self.to).encode("utf-8", "replace")).mailboxes
        return found[0].address if found else None

    def addressed(self, to: str, contact: str) -> Typed:
        """The same to somebody, who is a contact (id)."""
        return replace(self, to=to, contact=contact)

    def with_template(self, filled: Rendered) -> Typed:
        """The same with a text put before what is written. The subject of an answer stays."""
        kept = self.subject if self.how else filled.subject or self.subject
        gap = "<br>\n" if filled.html else "\n\n"
        body = f"{filled.body}{gap}{self.body}" if self.body.strip() else filled.body
        return replace(self, subject=kept, body=body, html="on" if filled.html else self.html, template="")


_LISTS = ("smart", "files")
_TEXTS = tuple(one.name for one in fields(Typed) if one.name not in (*_LISTS, "uploads"))


async def read_form(request: Request) -> Typed:
    """What a form brings; what is missing is empty."""
    async with request.form(max_files=MOST_UPLOADS + 1, max_fields=200, max_part_size=_MOST_PART) as sent:
        texts: dict[str, str] = {name: value for name in _TEXTS if isinstance(value := sent.get(name, ""), str)}
        lists = {name: tuple(one for one in sent.getlist(name) if isinstance(one, str)) for name in _LISTS}
        uploads = [
            Upload(one.filename, one.content_type or "application/octet-stream", await one.read())
            for one in sent.getlist("uploads")
            if isinstance(one, UploadFile) and one.filename
        ]
    for name in ("body", "quoted"):
        texts[name] = texts.get(name, "").replace("\r\n", "\n")
    return Typed(**texts, **lists, uploads=tuple(uploads))  # type: ignore[arg-type]


def typed_of(prepared: Prepared, how: str, domains: Collection[str]) -> Typed:
    """An answer as it begins. domains: of the gateway; its addresses among the copies are ticked, not typed."""
    draft = prepared.draft
    smart = tuple(one for one in draft.cc if one.rpartition("@")[2].rstrip(">").lower() in domains)
    return Typed(
        mailbox=draft.mailbox,
        to=", ".join(draft.to),
        cc=", ".join(one for one in draft.cc if one not in smart),
        smart=tuple(_bare(one) for one in smart),
        subject=draft.subject,
        quoted=draft.body.strip("\n"),
        how=how,
        answers=draft.answers or "",
        forwards=draft.forwards or "",
        files=prepared.files,
    )


def written(typed: Typed) -> Draft:
    """What is to be sent."""
    return Draft(
        mailbox=typed.mailbox,
        to=_listed(typed.to),
        cc=(*_listed(typed.cc), *typed.smart),
        bcc=_listed(typed.bcc),
        subject=typed.subject.strip(),
        body=_body(typed),
        html=bool(typed.html),
        answers=typed.answers or None,
        forwards=typed.forwards or None,
        uploads=typed.uploads,
    )


def _body(typed: Typed) -> str:
    quoted = typed.quoted.strip("\n")
    if not quoted:
        return typed.body
    if typed.html:
        shown = entities.escape(quoted).replace("\n", "<br>\n")
        return f"{typed.body}\n<br><br>\n<div>{shown}</div>"
    return f"{typed.body.rstrip()}\n\n{quoted}\n"


def _listed(text: str) -> tuple[str, ...]:
    return (found,) if (found := _list_of(text)) else ()


def _list_of(text: str) -> str:
    """Addresses on one line, between commas, as people write them: with semicolons or on lines of their own as well."""
    return (_BETWEEN.sub(", ", text) if '"' not in text else text).strip(" ,")


def _bare(text: str) -> str:
    found = parse_address_list(text.encode()).mailboxes
    return found[0].address if found else text
