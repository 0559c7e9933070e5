"""Reading mail addresses from raw header bytes, by a grammar of our own (RFC 5322 sections 3.4 and 4.4).

Why our own: people decide what is filed, so no second reader may see other people than the first. Nothing is guessed:
what is not an address by the grammar is handed back as unread text (rule C1). Encoded words (RFC 2047) are never
decoded inside an address, only in the display name beside it. Linear in the length of the value; never raises.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

MAX_ADDRESS = 320
_LONGEST_DOMAIN = 253
# The forms of one address are asked for a dozen times while its mail is filed. Only what has a bounded length is kept.
_REMEMBERED = 2_048


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address with the raw bytes of the display name before it.

    local: the local part as written, quotes taken off. domain: lower case, A-labels, no trailing dot; an address
    literal keeps its brackets. phrase: raw bytes, still encoded (RFC 2047) and quoted.
    """

    phrase: bytes
    local: str
    domain: str

    @property
    def address(self) -> str:
        return f"{quote_local(self.local)}@{self.domain}"

    @property
    def key(self) -> str:
        return address_key(self.local, self.domain)


@dataclass(frozen=True, slots=True)
class AddressList:
    """What one header value holds. group: the value used group syntax. trailing: text stood after a closing `>`."""

    mailboxes: tuple[Mailbox, ...]
    unread: tuple[bytes, ...] = ()
    group: bool = False
    trailing: bool = False


@lru_cache(maxsize=_REMEMBERED)
def address_key(local: str, domain: str) -> str:
    """The form in which addresses are compared: the whole address, case-insensitive (rule C7)."""
    return f"{quote_local(local.lower() if local.isascii() else _caseless(local))}@{domain}"


def parse_address(text: str) -> Mailbox | None:
    """One bare addr-spec as a person types it (`bob@example.net`), or None when it is not one."""
    found = parse_address_list(text.strip().encode("utf-8", "surrogatepass"))
    if len(found.mailboxes) != 1 or found.unread or found.group or found.trailing or found.mailboxes[0].phrase:
        return None
    return found.mailboxes[0]


@lru_cache(maxsize=_REMEMBERED)
def quote_local(local: str) -> str:
    """The local part as it may stand in an address: quoted only where the grammar demands it."""
    if _DOT_STRING.fullmatch(local):
        return local
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def normal_domain(domain: str) -> str | None:
    """Lower case, A-labels, no trailing dot; None when it is no domain name (RFC 5321 4.1.2, RFC 5891).

    Of what people type in other scripts only case and composition are evened out. Whatever would have to be replaced or
    left out first (full-width letters, invisible blanks, other dots) is no domain: one reader would take it for another
    domain than the next, and who checked it before us for none at all.
    """
    domain = domain.removesuffix(".")
    return _known_domain(domain) if len(domain) <= _LONGEST_DOMAIN else None


@lru_cache(maxsize=_REMEMBERED)
def _known_domain(domain: str) -> str | None:
    if not domain.isascii():
        if any(_turns_ascii(letter) for letter in domain):
            return None
        try:
            domain = idna.encode(unicodedata.normalize("NFC", domain.lower()), strict=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    if len(domain) > _LONGEST_DOMAIN or not _DOMAIN.fullmatch(domain):
        return None
    return domain.lower()


def _turns_ascii(letter: str) -> bool:
    """Whether a letter of another script becomes one of ASCII by case or composition alone, as the Kelvin sign does."""
    return not letter.isascii() and any(one.isascii() for one in unicodedata.normalize("NFC", letter.lower()))


def _caseless(local: str) -> str:
    """One form for all writings of a text (Unicode 3.13, D145), composed; folding it again changes nothing."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", local).casefold())


_DOT_STRING = re.compile(r"[^\x00-\x20\"(),:;<>@\[\\\]\x7f]+")
_DOMAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*")
_LITERAL = re.compile(rb"\[[^\[\]\\\x00-\x20\x7f-\xff]{1,255}\]")
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bBqQ]\?")

# The forms nearly all mail uses: no quotes, comments, groups, routes or literals in the whole value.
_PLAIN_ONLY = re.compile(rb"[^\"()\\:;\[\]]*")
_PLAIN = re.compile(rb"([^<>@,]*)<([^<>@,\s]+)@([A-Za-z0-9._-]+)>|([^<>@,\s]+)@([A-Za-z0-9._-]+)")
_SIMPLE_PHRASE = re.compile(rb'[ \t\n]*"([^"\\]*)"[ \t\n]*<([^<>@,"()\\:;\[\]\s]+)@([A-Za-z0-9._-]+)>[ \t\n]*')


def parse_address_list(value: bytes) -> AddressList:
    """Reads a From, To or Cc value (line ends already single LF or folded away) into mailboxes, in order."""
    quick = _SIMPLE_PHRASE.fullmatch(value)
    if quick is not None:
        box = _mailbox(quick[1], quick[2], quick[3])
        return AddressList((box,)) if box else AddressList((), (value.strip(),))
    if _PLAIN_ONLY.fullmatch(value):
        plain = _parse_plain(value)
        if plain is not None:
            return plain
    return _Reader(value).read()


def _parse_plain(value: bytes) -> AddressList | None:
    boxes = []
    for item in value.split(b","):
        item = item.strip(b" \t\n")
        if not item:
            continue
        match = _PLAIN.fullmatch(item)
        if match is None:
            return None
        phrase, local, domain = (match[1], match[2], match[3]) if match[2] else (b"", match[4], match[5])
        box = _mailbox(phrase.strip(), local, domain)
        if box is None:
            return None
        boxes.append(box)
    return AddressList(tuple(boxes))


def _mailbox(phrase: bytes, local: bytes, domain: bytes) -> Mailbox | None:
    """Checks decoded parts and builds the value; None when they can't be an address."""
    try:
        local_text, domain_text = local.decode("utf-8"), domain.decode("utf-8")
    except UnicodeDecodeError:
        return None
    normal = domain_text.lower() if domain_text.startswith("[") else normal_domain(domain_text)
    if normal is None or not local_text or len(local_text) + len(normal) > MAX_ADDRESS:
        return None
    if _ENCODED_WORD.search(local_text) or not local_text.isprintable():
        return None
    return Mailbox(phrase, local_text, normal)


# Tokens of the full grammar. "word" is an atom with its dots; "bad" is any byte no token may begin with, and with it
# all that follows an opening quote that is never closed: nobody is guessed out of that, and it is scanned but once.
_TOKEN = re.compile(
    rb"(?P<space>[ \t\n]+)"
    rb'|(?P<quoted>"(?:[^"\\]++|\\.)*+")'
    rb"|(?P<literal>\[[^\[\]\\]*\])"
    rb"|(?P<special>[<>:;,@])"
    rb'|(?P<word>[^\x00-\x20"()<>\[\]:;@\\,\x7f]+)'
    rb'|(?P<bad>".*|.)',
    re.DOTALL,
)
_COMMENT_MARK = re.compile(rb"[()\\]")
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)

_Token = tuple[str, bytes]


class _Reader:
    """One pass over a value: tokens are gathered until a separator at the top level ends the element."""

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.boxes: list[Mailbox] = []
        self.unread: list[bytes] = []
        self.group = False
        self.trailing = False
        self.in_group = False
        self.angle = False
        self.element: list[_Token] = []
        self.start = 0

    def read(self) -> AddressList:
        position, value = 0, self.value
        while position < len(value):
            if value[position] == 0x28:
                position = self._comment(position)
                continue
            match = _TOKEN.match(value, position)
            assert match is not None, "a bad token is any byte"
            self._take(str(match.lastgroup), match[0], position)
            position = match.end()
        self._finish(len(value))
        return AddressList(tuple(self.boxes), tuple(self.unread), self.group, self.trailing)

    def _comment(self, position: int) -> int:
        """Skips a comment, nested ones included; keeps its text, which names the person in the old form."""
        depth, index = 1, position + 1
        while depth:
            mark = _COMMENT_MARK.search(self.value, index)
            if mark is None:
                self.element.append(("bad", self.value[position:]))
                return len(self.value)
            index = mark.end() + (mark[0] == b"\\")
            depth += (mark[0] == b"(") - (mark[0] == b")")
        self.element.append(("comment", self.value[position + 1 : index - 1]))
        return index

    def _take(self, kind: str, text: bytes, position: int) -> None:
        if kind == "special":
            if text == b"<":
                self.angle = True
            elif text == b">":
                self.angle = False
            elif text == b"," and not self.angle:
                self._finish(position)
                return
            elif text == b";" and not self.angle and self.in_group:
                self._finish(position)
                self.in_group = False
                return
            elif text == b":" and not self.angle and not self.in_group:
                self.group = self.in_group = True
                self.element, self.start = [], position + 1
                return
        self.element.append((kind, text))

    def _finish(self, end: int) -> None:
        element, text = self.element, self.value[self.start : end].strip(b" \t\n,;")
        self.element, self.angle, self.start = [], False, end
        if not text or all(kind in ("space", "comment") for kind, _ in element):
            return
        box = self._element(element)
        if box is None:
            self.unread.append(text)
        else:
            self.boxes.append(box)

    def _element(self, element: list[_Token]) -> Mailbox | None:
        if ("special", b"<") not in element:
            comment = next((text for kind, text in reversed(element) if kind == "comment"), b"")
            return _addr_spec(element, comment.strip())
        opening = element.index(("special", b"<"))
        if ("special", b">") not in element:
            return None
        closing = element.index(("special", b">"))
        if any(kind not in ("space", "comment") for kind, _ in element[closing + 1 :]):
            self.trailing = True
            return None
        phrase = b"".join(text for kind, text in element[:opening] if kind != "comment").strip()
        return _addr_spec(_without_route(element[opening + 1 : closing]), phrase)


def _without_route(tokens: list[_Token]) -> list[_Token]:
    """Drops an obsolete source route `@a,@b:` (RFC 5322 section 4.4): it never names a person."""
    first = next((text for kind, text in tokens if kind not in ("space", "comment")), b"")
    if first == b"@" and ("special", b":") in tokens:
        return tokens[tokens.index(("special", b":")) + 1 :]
    return tokens


def _addr_spec(tokens: list[_Token], phrase: bytes) -> Mailbox | None:
    if sum(1 for token in tokens if token == ("special", b"@")) != 1:
        return None
    at = tokens.index(("special", b"@"))
    local, domain = _words(tokens[:at]), _words(tokens[at + 1 :], domain=True)
    if local is None or domain is None:
        return None
    return _mailbox(phrase, local, domain)


def _words(tokens: list[_Token], *, domain: bool = False) -> bytes | None:
    """Joins the words of one side of the @; words that are not joined by a dot are two words, hence no address."""
    words = [token for token in tokens if token[0] not in ("space", "comment")]
    if domain and len(words) == 1 and _LITERAL.fullmatch(words[0][1]):
        return words[0][1]
    parts: list[bytes] = []
    for kind, text in words:
        if kind == "quoted" and not domain:
            text = _QUOTED_PAIR.sub(rb"\1", text[1:-1])
        elif kind != "word":
            return None
        if parts and not (parts[-1].endswith(b".") or text.startswith(b".")):
            return None
        parts.append(text)
    return b"".join(parts) or None
