"""The table of mail providers: who hosts an address, on which servers, and how one signs in there (rule E1).

The table is config/providers.toml, whose head tells its form; a table of one's own is asked before it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_BUILT_IN = Path(__file__).with_name("providers.toml")
_AUTHS = ("password", "google", "microsoft")
_LOGINS = ("address", "local")
_SENT = ("program", "server")
_ENDPOINT = re.compile(r"([a-z0-9{][a-z0-9.{}-]*):([0-9]{1,5}) (tls|starttls)", re.ASCII)
_PATTERN = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*(\.\*)?", re.ASCII)
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.ASCII)
"""How the last label of an IP address may be written (inet_aton(3)), and no label of a name's end."""
_COUNTRIES = r"(?:com|(?:(?:co|com|net|org)\.)?[a-z]{2})"
"""What a star behind a name stands for: so nobody's own sub-domain is taken for a provider."""
_TEXTS = frozenset({"name", "imap", "smtp", "login", "auth", "page", "sent", "refused"})
_LISTS = frozenset({"domains", "mx"})
_OAUTH = frozenset({"authorize", "token", "scope"})


class ProvidersError(ValueError):
    """A table that can't be used; the text names the place and what is allowed there."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server of a provider. host: may hold `{domain}`. security: `tls` or `starttls`."""

    host: str
    port: int
    security: str

    def of(self, domain: str) -> Endpoint:
        """The server for addresses of that domain."""
        return Endpoint(self.host.replace("{domain}", domain), self.port, self.security)


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. imap: None where it has no such server, and refused says so in words. local: its log-in name is
    what stands before the @, else the whole address. page: where passwords for programs are made or told of. keeps:
    what is sent through it, it puts into the folder of sent mail by itself."""

    id: str
    name: str
    domains: tuple[str, ...]
    mx: tuple[str, ...]
    imap: Endpoint | None
    smtp: Endpoint | None
    local: bool
    auth: str
    page: str | None
    keeps: bool
    refused: str


@dataclass(frozen=True, slots=True)
class OAuth:
    """Where one signs in by OAuth 2.0 (RFC 6749): the page for people, the place for tokens, what is asked for."""

    authorize: str
    token: str
    scope: str


class Table:
    """Providers, found by domain, by mail exchanger or by server. earlier: asked first."""

    def __init__(
        self, providers: Sequence[Provider], oauth: Mapping[str, Mapping[str, str]], earlier: Table | None = None
    ) -> None:
        self._earlier, self._oauth = earlier, oauth
        self._by_domain = _Names([(pattern, one) for one in providers for pattern in one.domains])
        self._by_mx = _Names([(pattern, one) for one in providers for pattern in one.mx])
        self._by_server = {one.imap.host: one for one in reversed(providers) if one.imap is not None}
        self.providers = tuple(providers)

    def find(self, domain: str) -> Provider | None:
        """Who hosts the addresses of a domain, as the table says."""
        return (self._earlier and self._earlier.find(domain)) or self._by_domain.find(domain)

    def find_by_mx(self, host: str) -> Provider | None:
        """Whose mail exchanger that is."""
        return (self._earlier and self._earlier.find_by_mx(host)) or self._by_mx.find(host)

    def find_by_server(self, host: str) -> Provider | None:
        """Whose IMAP server that is."""
        return (self._earlier and self._earlier.find_by_server(host)) or self._by_server.get(_plain(host))

    def oauth(self, provider: str) -> OAuth:
        """Where one signs in at `google` or `microsoft`."""
        own = self._earlier.given(provider) if self._earlier else {}
        return OAuth(**{**self.given(provider), **own})

    def given(self, provider: str) -> Mapping[str, str]:
        """What this table alone says of the sign-in at a provider."""
        return self._oauth.get(provider, {})


class _Names:
    """Names and patterns of names; whole names go first, then the longest pattern."""

    def __init__(self, pairs: Sequence[tuple[str, Provider]]) -> None:
        self._whole = {name: one for name, one in reversed(pairs) if "*" not in name}
        patterns = sorted((pair for pair in pairs if "*" in pair[0]), key=lambda pair: -len(pair[0]))
        self._patterns = [(_expression(pattern), one) for pattern, one in patterns]

    def find(self, name: str) -> Provider | None:
        name = _plain(name)
        if name in self._whole:
            return self._whole[name]
        return next((one for pattern, one in self._patterns if pattern.fullmatch(name)), None)


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _expression(pattern: str) -> re.Pattern[str]:
    below, name, countries = pattern.startswith("*."), pattern, pattern.endswith(".*")
    name = re.escape(name.removeprefix("*.").removesuffix(".*"))
    return re.compile((r"(?:[a-z0-9_-]+\.)+" if below else "") + name + (rf"\.{_COUNTRIES}" if countries else ""))


@cache
def built_in() -> Table:
    """The table that comes with the program."""
    return _table(_BUILT_IN, None)


def load(own: Path | None = None) -> Table:
    """The built-in table, with one's own before it. Raises ProvidersError."""
    if own is None:
        return built_in()
    base = built_in()
    return Table(base.providers, {name: base.given(name) for name in _AUTHS}, _table(own, None))


def checked(own: Path | None) -> Path | None:
    """A table of one's own as a setting, once it was read: a wrong one stops the start. Raises ProvidersError."""
    load(own)
    return own


def _table(path: Path, earlier: Table | None) -> Table:
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as fault:
        raise ProvidersError(f"can't be read ({getattr(fault, 'strerror', None) or fault})") from None
    _only(found, {"provider", "oauth"}, "at its top")
    providers = [_provider(name, _dict(one, f"provider.{name}")) for name, one in _inside(found, "provider").items()]
    oauth = {name: _oauth(name, _dict(one, f"oauth.{name}")) for name, one in _inside(found, "oauth").items()}
    return Table(providers, oauth, earlier)


def _provider(name: str, found: Mapping[str, Any]) -> Provider:
    where = f"provider.{name}"
    _only(found, _TEXTS | _LISTS, f"in {where}")
    text = {key: _text(found.get(key, ""), f"{where}.{key}") for key in _TEXTS}
    if not text["name"]:
        raise ProvidersError(f"has no {where}.name, as people call it")
    if bool(text["imap"]) == bool(text["refused"]):
        raise ProvidersError(f"has to say in {where} either imap or refused")
    return Provider(
        name,
        text["name"],
        _patterns(found.get("domains", []), f"{where}.domains"),
        _patterns(found.get("mx", []), f"{where}.mx"),
        _endpoint(text["imap"], f"{where}.imap"),
        _endpoint(text["smtp"], f"{where}.smtp"),
        _one_of(text["login"] or "address", _LOGINS, f"{where}.login") == "local",
        _one_of(text["auth"] or "password", _AUTHS, f"{where}.auth"),
        _page(text["page"], f"{where}.page") if text["page"] else None,
        _one_of(text["sent"] or "program", _SENT, f"{where}.sent") == "server",
        text["refused"],
    )


def _endpoint(text: str, where: str) -> Endpoint | None:
    if not text:
        return None
    parts = _ENDPOINT.fullmatch(text)
    if parts is None or not 0 < int(parts[2]) < 65_536 or int(parts[2]) == 25:
        raise ProvidersError(
            f"has {text!r} in {where}, where HOST:PORT tls or HOST:PORT starttls belongs, any port but 25"
        )
    if _NUMBER.fullmatch(parts[1].rpartition(".")[2]):
        raise ProvidersError(f"has {text!r} in {where}, where the server's name belongs and no IP address")
    return Endpoint(parts[1], int(parts[2]), parts[3])


def _patterns(found: object, where: str) -> tuple[str, ...]:
    if not isinstance(found, list):
        raise ProvidersError(f"has no list in {where}")
    for one in found:
        if not isinstance(one, str) or not _PATTERN.fullmatch(one):
            raise ProvidersError(f"has {one!r} in {where}, where NAME, *.NAME or NAME.* belongs, in lower case")
    return tuple(found)


def _oauth(name: str, found: Mapping[str, Any]) -> Mapping[str, str]:
    _one_of(name, _AUTHS[1:], "oauth")
    _only(found, _OAUTH, f"in oauth.{name}")
    text = {key: _text(value, f"oauth.{name}.{key}") for key, value in found.items()}
    for key in text.keys() - {"scope"}:
        _page(text[key], f"oauth.{name}.{key}")
    return text


def _page(text: str, where: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not text.isascii() or not text.isprintable() or " " in text:
        raise ProvidersError(f"has {text!r} in {where}, where an address belongs that begins with https://")
    return text


def _only(found: Mapping[str, Any], known: set[str] | frozenset[str], where: str) -> None:
    if unknown := sorted(found.keys() - known):
        raise ProvidersError(f"has {unknown[0]!r} {where}; known are {', '.join(sorted(known))}")


def _inside(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return _dict(found.get(key, {}), key)


def _dict(found: object, where: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise ProvidersError(f"has no table in {where}")
    return found


def _text(found: object, where: str) -> str:
    if not isinstance(found, str):
        raise ProvidersError(f"has no text in {where}")
    return found


def _one_of(text: str, allowed: Sequence[str], where: str) -> str:
    if text not in allowed:
        raise ProvidersError(f"has {text!r} in {where}, where one of these belongs: {', '.join(allowed)}")
    return text
