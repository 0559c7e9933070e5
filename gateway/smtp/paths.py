"""The grammar of MAIL and RCPT: paths and their parameters, by regular expression (RFC 5321 section 4.1.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.core.replies import Reply
from gateway.smtp import answers

_UTF8 = "\xa0-\U0010ffff"  # RFC 6531 section 3.3 adds these to every class; C1 control characters stay out
_ATOM = rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{_UTF8}\-]+"
_LOCAL = rf'{_ATOM}(?:\.{_ATOM})*|"(?:[ !#-\[\]-~{_UTF8}]|\\[ -~])*"'
_LABEL = rf"(?!-)[A-Za-z0-9_{_UTF8}\-]+(?<!-)"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*\.?|\[[!-Z^-~]+\]"
_ROUTE = rf"(?:@(?:{_DOMAIN})(?:,@(?:{_DOMAIN}))*:)?"

_PATH = re.compile(rf"<{_ROUTE}(?P<mailbox>(?P<local>{_LOCAL})@(?:{_DOMAIN}))>")
_POSTMASTER = re.compile(r"<(?P<mailbox>(?P<local>postmaster))>", re.IGNORECASE)
_PARAMETER = re.compile(rf"(?P<name>[A-Za-z0-9][A-Za-z0-9-]*)(?:=(?P<value>[!-<>-~{_UTF8}]+))?")

MAX_PATH_OCTETS = 256
"""With its brackets (RFC 5321 section 4.5.3.1.3)."""
MAX_LOCAL_OCTETS = 64
"""RFC 5321 section 4.5.3.1.1. Asked of recipients only: return paths that name the bounced address are often longer."""


@dataclass(frozen=True, slots=True)
class MailFrom:
    """A MAIL command that was understood. sender: "" is the null sender (B2). utf8: SMTPUTF8 was asked for."""

    sender: str
    utf8: bool


def read_mail(argument: str, max_message_bytes: int) -> MailFrom | Reply:
    """Read what follows the word MAIL; a Reply says what is wrong with it (RFC 5321 section 4.1.1.2)."""
    if argument[:5].upper() != "FROM:":
        return answers.MAIL_SYNTAX
    path = argument[5:].lstrip(" ")
    if path.startswith("<>"):
        end, sender = 2, ""
    elif found := _PATH.match(path):
        end, sender = found.end(), found["mailbox"]
    else:
        return answers.BAD_SENDER if path.startswith("<") else answers.MAIL_SYNTAX
    utf8 = _read_parameters(path[end:], max_message_bytes) if len(path) > end else False
    if isinstance(utf8, Reply):
        return utf8
    if not utf8 and not sender.isascii():
        return answers.NEED_SMTPUTF8
    if _octets(path[:end]) > MAX_PATH_OCTETS:
        return answers.SENDER_TOO_LONG
    return MailFrom(sender, utf8)


def read_rcpt(argument: str, utf8: bool) -> str | Reply:
    """Read what follows the word RCPT: the address without brackets and source route, or what is wrong with it.

    utf8: the transaction began with SMTPUTF8. `<postmaster>` needs no domain (RFC 5321 section 4.1.1.3).
    """
    if argument[:3].upper() != "TO:":
        return answers.RCPT_SYNTAX
    path = argument[3:].lstrip(" ")
    found = _PATH.match(path) or _POSTMASTER.match(path)
    if found is None:
        return answers.BAD_RECIPIENT if path.startswith("<") else answers.RCPT_SYNTAX
    if rest := path[found.end() :]:
        return answers.RCPT_PARAMETER if rest.startswith(" ") else answers.RCPT_SYNTAX
    if not utf8 and not found["mailbox"].isascii():
        return answers.NEED_SMTPUTF8
    if _octets(found[0]) > MAX_PATH_OCTETS or _octets(found["local"]) > MAX_LOCAL_OCTETS:
        return answers.RECIPIENT_TOO_LONG
    return found["mailbox"]


def _read_parameters(text: str, max_message_bytes: int) -> bool | Reply:
    """Whether SMTPUTF8 is among the parameters of MAIL (RFC 1870, 6152, 6531); a Reply when one of them is wrong."""
    if not text.startswith(" "):
        return answers.MAIL_SYNTAX
    seen: dict[str, str | None] = {}
    for written in text.split():
        parameter = _PARAMETER.fullmatch(written)
        if parameter is None:
            return answers.MAIL_SYNTAX
        name = parameter["name"].upper()
        if name not in _VALUES:
            return answers.MAIL_PARAMETER
        if name in seen or not _VALUES[name].fullmatch(parameter["value"] or ""):
            return answers.MAIL_SYNTAX
        seen[name] = parameter["value"]
    if int(seen.get("SIZE") or 0) > max_message_bytes:
        return answers.TOO_BIG
    return "SMTPUTF8" in seen


_VALUES = {
    "SIZE": re.compile(r"[0-9]{1,20}"),
    "BODY": re.compile(r"7BIT|8BITMIME", re.IGNORECASE),
    "SMTPUTF8": re.compile(""),
}


def _octets(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
