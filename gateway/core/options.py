"""What an account, its options and its users may hold: one check a value, and a sentence where it is not allowed.

Each refusal names the thing, the value and what is allowed, and fits on one line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.core.address import normal_domain, parse_address
from gateway.core.admission import RESERVED_SLUGS, valid_slug


class AccountError(ValueError):
    """A value that can't be; str() is one line for the person who gave it."""


class ConflictError(AccountError):
    """A value that could be, but that something else already has."""


class MissingError(AccountError):
    """A name that names nothing."""


COPY_POLICIES = ("cc", "cc_or_to")
STRANGERS = ("accept", "hold", "refuse")
ROLES = ("admin", "user")
SCOPES = ("read", "write", "admin")
"""What a token may do: ask, change, and do either where only admins may. None goes beyond its user's role."""
MAX_GRACE_DAYS = 36_500
MAX_NAME = 200
MIN_PASSWORD, MAX_PASSWORD = 10, 200
_PUBLIC = (
    "126.com 163.com aol.com bk.ru duck.com fastmail.com foxmail.com free.fr freenet.de gmail.com gmx.at "
    "gmx.ch gmx.com gmx.de gmx.fr gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de "
    "hotmail.es hotmail.fr hotmail.it hushmail.com icloud.com inbox.ru interia.pl laposte.net libero.it "
    "list.ru live.co.uk live.com live.de live.fr live.nl mac.com mail.com mail.ru mailbox.org me.com msn.com "
    "naver.com o2.pl onet.pl orange.fr outlook.com outlook.com.br outlook.de outlook.es outlook.fr outlook.it "
    "pm.me posteo.de proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com rocketmail.com "
    "seznam.cz sina.com sohu.com t-online.de tuta.com tuta.io tutanota.com tutanota.de ukr.net web.de wp.pl "
    "ya.ru yahoo.ca yahoo.co.id yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.ar yahoo.com.au "
    "yahoo.com.br yahoo.com.mx yahoo.com.tr yahoo.de yahoo.es yahoo.fr yahoo.in yahoo.it yandex.by yandex.com "
    "yandex.kz yandex.ru yeah.net ymail.com zoho.com zohomail.com zohomail.eu "
)
PUBLIC_MAIL_DOMAINS = frozenset(_PUBLIC.split())
"""The best known of the domains where anyone may have an address; none of them is one company's (rules, Words)."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of an account that are to change; None leaves one as it is.

    link_mailbox: the mailbox that mails sign-in links, by its id or its address; empty for none. Only the store knows
    which there are.
    """

    name: str | None = None
    copy_policy: str | None = None
    strangers: str | None = None
    rename_grace_days: int | None = None
    own_domains: tuple[str, ...] | None = None
    never_log: tuple[str, ...] | None = None
    link_mailbox: str | None = None


OPTIONS = ("copy_policy", "strangers", "own_domains", "never_log", "rename_grace_days", "name", "link_mailbox")


def read_options(pairs: Mapping[str, str], gateway_domains: Collection[str]) -> Options:
    """Reads `option → text` as it is typed or sent (rules B1, B7, B8a, A4)."""
    for option in pairs:
        if option not in OPTIONS:
            raise AccountError(f"{_shown(option)} is no option of an account; allowed: {', '.join(OPTIONS)}")
    days, domains, hidden = (pairs.get(option) for option in ("rename_grace_days", "own_domains", "never_log"))
    return Options(
        name=check_name(pairs["name"]) if "name" in pairs else None,
        copy_policy=_choice("copy_policy", pairs["copy_policy"], COPY_POLICIES) if "copy_policy" in pairs else None,
        strangers=_choice("strangers", pairs["strangers"], STRANGERS) if "strangers" in pairs else None,
        rename_grace_days=None if days is None else _days(days),
        own_domains=None if domains is None else check_own_domains(domains.split(","), gateway_domains),
        never_log=None if hidden is None else check_never_log(hidden.split(",")),
        link_mailbox=pairs["link_mailbox"].strip() if "link_mailbox" in pairs else None,
    )


def check_slug(text: str) -> str:
    """The slug of an account, case ignored (rules, Words)."""
    slug = text.strip().lower()
    if slug in RESERVED_SLUGS:
        raise AccountError(f"slug {_shown(text)} has a meaning in mail already; allowed: any other name")
    if not valid_slug(slug):
        raise AccountError(f"slug {_shown(text)} is not allowed; allowed: 2 to 40 of a-z, 0-9 and -")
    return slug


def check_name(text: str) -> str:
    """A name as people read it: one line, blanks folded."""
    name = " ".join(text.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise AccountError(f"name {_shown(text)} is not allowed; allowed: 1 to {MAX_NAME} characters on one line")
    return name


def check_email(text: str, gateway_domains: Collection[str]) -> str:
    """A user's address in the form in which addresses are compared (rule C7)."""
    found = parse_address(text)
    if found is None or found.domain.startswith("["):
        raise AccountError(f"email {_shown(text)} is no e-mail address; allowed: one such as ana@example.com")
    if found.domain in gateway_domains:
        raise AccountError(
            f"email {_shown(text)} is at a gateway domain, which only receives; allowed: a person's own address"
        )
    return found.key


def check_own_domains(items: Collection[str], gateway_domains: Collection[str]) -> tuple[str, ...]:
    """Domains whose every address is team; `.acme.example` means the sub-domains. Empty items don't count."""
    return tuple(dict.fromkeys(_own_domain(item, gateway_domains) for item in items if item.strip()))


def check_never_log(items: Collection[str]) -> tuple[str, ...]:
    """Addresses, and domains with their sub-domains, that become no contact (rule B8a). Empty items don't count."""
    return tuple(dict.fromkeys(_never_logged(item.strip()) for item in items if item.strip()))


def check_role(text: str) -> str:
    """What a user may do in the account (rules, F)."""
    return _choice("role", text, ROLES)


def check_password(text: str, email: str) -> str:
    """A password to sign in with: long, and not the address (NIST SP 800-63B section 3.1.1.2).

    Raises AccountError, which never repeats it.
    """
    if not MIN_PASSWORD <= len(text) <= MAX_PASSWORD:
        raise AccountError(f"this password is not allowed; allowed: {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    if text.casefold() in (email, email.partition("@")[0]) or len(set(text)) < 4:
        raise AccountError("this password is easy to guess; allowed: several words, or what a password manager makes")
    return text


def check_language(text: str, languages: Collection[str]) -> str:
    """The language in which a user reads the pages; empty for what their browser asks for."""
    if text and text not in languages:
        raise AccountError(f"language {_shown(text)} is not allowed; allowed: {', '.join(languages)}, or none")
    return text


def check_flag(option: str, text: str) -> bool:
    """A yes or no as settings take it."""
    wanted = text.strip().lower()
    if wanted not in {"true", "false", "1", "0"}:
        raise AccountError(f"{option} {_shown(text)} is not allowed; allowed: true, false, 1, 0")
    return wanted in {"true", "1"}


def _own_domain(text: str, gateway_domains: Collection[str]) -> str:
    dot = "." if text.strip().startswith(".") else ""
    name = normal_domain(text.strip().removeprefix("."))
    if name is None or "." not in name or name.rpartition(".")[2].isdigit():
        raise AccountError(
            f"own_domains: {_shown(text)} is no domain; allowed: names such as acme.example or .acme.example"
        )
    if name in gateway_domains:
        raise AccountError(
            f"own_domains: {_shown(text)} is a gateway domain; allowed: domains of the company's own people"
        )
    if name in PUBLIC_MAIL_DOMAINS:
        raise AccountError(
            f"own_domains: {_shown(text)} is a public mail domain, where anyone may have an address; "
            "allowed: domains that are the company's alone"
        )
    return dot + name


def _never_logged(text: str) -> str:
    """As addresses and domains are compared (rule C7)."""
    box = parse_address(text)
    if box is not None and not box.domain.startswith("["):
        return box.key
    name = normal_domain(text)
    if name is None or "." not in name or name.rpartition(".")[2].isdigit():
        raise AccountError(
            f"never_log: {_shown(text)} is no address and no domain; allowed: such as news@shop.example or "
            "shop.example, which takes in its sub-domains"
        )
    return name


def _choice(option: str, text: str, allowed: tuple[str, ...]) -> str:
    wanted = text.strip().lower()
    if wanted not in allowed:
        raise AccountError(f"{option} {_shown(text)} is not allowed; allowed: {', '.join(allowed)}")
    return wanted


def _days(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 9 and int(digits) <= MAX_GRACE_DAYS):
        raise AccountError(
            f"rename_grace_days {_shown(text)} is not allowed; allowed: a whole number from 0 to {MAX_GRACE_DAYS}"
        )
    return int(digits)


def _shown(text: str) -> str:
    """A value as it may stand on a terminal: quoted, printable ASCII and short, so that it can't act."""
    return ascii(text if len(text) <= 80 else f"{text[:80]}…")


def name_of(email: str) -> str:
    """What a user is called until somebody says otherwise: `ana.lima@…` is Ana Lima."""
    words = re.split(r"[._+-]+", email.partition("@")[0])
    return " ".join(word.capitalize() for word in words if word) or email


def check_scopes(scopes: Collection[str], role: str) -> tuple[str, ...]:
    """The scopes of a token, in the order of SCOPES. role: its user's, which no token exceeds. Raises AccountError."""
    allowed = scopes_of(role)
    for scope in scopes:
        if scope not in SCOPES:
            raise AccountError(f"scope {scope[:80]!a} is not allowed; allowed: {', '.join(allowed)}")
        if scope not in allowed:
            raise AccountError(f"scope {scope!r} is not allowed for role {role!r}; allowed: {', '.join(allowed)}")
    if not scopes:
        raise AccountError(f"no scope is not allowed; allowed: one or more of {', '.join(allowed)}")
    return tuple(scope for scope in SCOPES if scope in scopes)


def scopes_of(role: str) -> tuple[str, ...]:
    """All that a user of a role may do."""
    return SCOPES if role == "admin" else SCOPES[:2]


_SPAN = re.compile(r"([1-9][0-9]{0,4})([hd])")
_HOURS = {"h": 1, "d": 24}


def check_expires(text: str, now: int) -> int:
    """When a token ends, in milliseconds: after a span from `now`, or at a moment to come. Raises AccountError."""
    allowed = "a moment to come as 2027-01-31 or 2027-01-31T12:00:00Z, or a span as 12h or 90d"
    span = _SPAN.fullmatch(text.strip())
    if span is not None:
        return now + int(span[1]) * _HOURS[span[2]] * 3_600_000
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment if moment.tzinfo or len(text.strip()) > 10 else moment.replace(tzinfo=UTC)
        found = int(moment.timestamp() * 1000) if moment.tzinfo else 0
    except (ValueError, OverflowError, OSError):
        found = 0
    if found <= now:
        raise AccountError(f"expires_at {text[:80]!a} is not allowed; allowed: {allowed}")
    return found
