"""The value types of settings: each parser takes what a person wrote and gives a checked value or says what is allowed.

Every parser raises ValueError with a sentence that fits after the setting's name and the value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import idna

Network = IPv4Network | IPv6Network

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
# Up to the last @: a password with a mark that belongs written as %XX must not be shown for that either.
_USERINFO = re.compile(r"(?<=://)\S*@|(?<=[?&]password=)[^&\s]*")


@dataclass(frozen=True, slots=True)
class Listen:
    """The TCP address a server listens on. Port 0 asks the system for a free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixSocket:
    """The unix socket a server listens on, by its path."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


_SOCKET_PATH_OCTETS = 107
"""The longest path that Linux takes for a unix socket (unix(7))."""


def listen_or_path(text: str) -> Listen | UnixSocket:
    """Read `unix:/PATH` or `/PATH`, else what `listen` reads."""
    path = text.removeprefix("unix:")
    if path.startswith("/"):
        if len(path.encode()) > _SOCKET_PATH_OCTETS:
            raise ValueError(f"has a path longer than {_SOCKET_PATH_OCTETS} bytes")
        if path.endswith("/") or "\0" in path:
            raise ValueError("names no file")
        return UnixSocket(Path(path))
    if path != text:
        raise ValueError("has a relative path; a unix socket's path begins with a slash")
    return listen(text)


class FileMode(int):
    """The mode of a file; as a text it is what chmod takes."""

    def __str__(self) -> str:
        return f"{int(self):03o}"


def mode(text: str) -> FileMode:
    """Read the mode of a file as chmod writes it, in octal digits."""
    if not (text.isascii() and text.isdigit() and len(text) in (3, 4) and set(text) <= set("01234567")):
        raise ValueError("is no mode of a file")
    if int(text, 8) > 0o777:
        raise ValueError("has more than the rights to read, write and execute")
    return FileMode(text, 8)


def truth(value: object) -> bool:
    """Read true, false, 1 or 0."""
    if isinstance(value, bool):
        return value
    try:
        return {"true": True, "1": True, "false": False, "0": False}[str(value).strip().lower()]
    except KeyError:
        raise ValueError("is neither true nor false") from None


def absolute_path(text: str) -> Path:
    """Read the path of a file; a relative one starts at the working folder."""
    if not text or "\0" in text or text.endswith("/"):
        raise ValueError("names no file")
    return Path(text).absolute()


def listen(text: str) -> Listen:
    """Read `HOST:PORT` or `[IPV6]:PORT`."""
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError("has no port")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f"has the port {port!r}, which is not a number from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("has an IPv6 address without brackets")
    if not host:
        raise ValueError("has no host; 0.0.0.0 means every IPv4 address of this machine")
    return Listen(host, int(port))


def domain(text: str) -> str:
    """Read a domain name into its one form: lower case, A-labels (RFC 5891), no trailing dot."""
    name = text.strip().rstrip(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise ValueError(f"contains {text.strip()!r}, which is no valid international domain ({error})") from None
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"contains {text.strip()!r}, which is no domain name")
    if labels[-1].isdigit():
        raise ValueError(f"contains {text.strip()!r}, which looks like an IP address; a domain name is needed")
    return name


def domains(items: list[str]) -> tuple[str, ...]:
    """Read the gateway domains; written twice counts once, the order is kept."""
    found = tuple(dict.fromkeys(domain(item) for item in items))
    if not found:
        raise ValueError("names no domain")
    return found


def networks(items: list[str]) -> tuple[Network, ...]:
    """Read IP addresses and blocks; a block whose host bits are set is a slip of the pen, so it is not guessed."""
    return tuple(_network(item) for item in items)


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"contains {text!r}, which is neither an IP address nor a block") from None
    raise ValueError(f"contains {text!r}, whose host bits are set; the block is {meant}")


def name_servers(items: list[str]) -> tuple[Listen, ...]:
    """Read the addresses of name servers; port 53 may be left out."""
    return tuple(_name_server(item) for item in items)


def _name_server(text: str) -> Listen:
    try:
        return Listen(str(ip_address(text.removeprefix("[").removesuffix("]"))), 53)
    except ValueError:
        pass
    try:
        server = listen(text)
        return Listen(str(ip_address(server.host)), server.port)
    except ValueError:
        raise ValueError(f"contains {text!r}, which is no IP address, with or without a port") from None


def comma_list(value: object) -> list[str]:
    """Split a comma-separated text; a list (from TOML) passes. Blanks around items and empty items are dropped."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise ValueError("is not a list of texts")
    return [item.strip() for item in items if item.strip()]


def database_url(text: str) -> str:
    """Check the store's URL: a PostgreSQL database, or one file (a store in memory would vanish between commands)."""
    scheme, _, rest = text.partition("://")
    if scheme in {"postgresql", "postgres"}:
        return _postgresql_url(text)
    if scheme != "sqlite" or not rest.startswith("/") or rest in {"/", "/:memory:"} or rest.endswith("/"):
        raise ValueError("names no SQLite file")
    if "?" in rest or "#" in rest:
        raise ValueError("has options after the path; none is known")
    return text


def _postgresql_url(text: str) -> str:
    """Check `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=…`, as libpq reads it."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("contains a blank or a character outside ASCII, to be written as %XX")
    user, _, rest = text.partition("://")[2].rpartition("@")
    if "#" in text or "@" in user or "/" in user:
        raise ValueError("holds a mark in its user or password that must be written as %XX: # is %23, / %2F, @ %40")
    parts = urlsplit(f"//{rest}")
    try:
        wrong = parts.port == 0
    except ValueError:
        wrong = True
    if wrong:
        raise ValueError("has a port that is no number from 1 to 65535")
    if not parts.path.strip("/") or "/" in parts.path[1:]:
        raise ValueError("names no database")
    return text


def is_postgresql(url: str) -> bool:
    """Tell of a checked store's URL whether it names a PostgreSQL database."""
    return url.startswith(("postgresql://", "postgres://"))


def database_path(url: str) -> Path:
    """Give the file of a checked `sqlite:///` URL: relative to the working folder, absolute with a fourth slash."""
    return Path(unquote(url.removeprefix("sqlite:///"))).absolute()


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of S3-compatible storage. prefix: what all names in it begin with, "" or ending in a slash.

    endpoint, region: left out, they are those of the environment (AWS_*), else Amazon's own.
    """

    name: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None


_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()=-]+", re.ASCII)
"""A name in a bucket without what S3 advises against ("Naming Amazon S3 objects")."""
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


def bucket(url: str) -> Bucket:
    """Read `s3://BUCKET/PREFIX?endpoint=URL&region=NAME`; keys have settings of their own, as a URL is shown."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ValueError("holds a key; that belongs into S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY")
    if not parts.netloc:
        raise ValueError("names no bucket")
    if not _BUCKET.fullmatch(parts.netloc) or ".." in parts.netloc:
        raise ValueError(f"names {parts.netloc!r}, which is no name of a bucket")
    steps = [step for step in unquote(parts.path).split("/") if step]
    if wrong := [step for step in steps if not _PREFIX.fullmatch(step) or set(step) == {"."}]:
        raise ValueError(f"has {wrong[0]!r} in its prefix, which is no good name in a bucket")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - {"endpoint", "region"}):
        raise ValueError(f"has the option {unknown[0]!r}; known are endpoint and region")
    region = options.get("region")
    if region is not None and not _REGION.fullmatch(region):
        raise ValueError(f"has the region {region!r}, which is none")
    return Bucket(parts.netloc, "".join(f"{step}/" for step in steps), _endpoint(options.get("endpoint")), region)


def _endpoint(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None or parts.query:
        raise ValueError(f"has the endpoint {without_password(url)!r}, which is no http:// or https:// address")
    return url.rstrip("/")


def is_bucket(url: str) -> bool:
    """Tell of a checked URL for large mails whether it names a bucket."""
    return url.startswith("s3://")


def blob_url(text: str) -> str:
    """Check the URL of the folder or bucket that holds large mails."""
    parts = urlsplit(text)
    if parts.scheme == "s3":
        bucket(text)
        return text
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        raise ValueError("names no folder")
    return text


def blob_path(url: str) -> Path:
    """Give the folder of a checked `file:///` URL."""
    return Path(unquote(urlsplit(url).path))


def word(text: str) -> str:
    """Read a text without blanks, all of it in ASCII."""
    if not text.isascii() or not text.isprintable() or not text or " " in text:
        raise ValueError("contains a blank or a character outside ASCII")
    return text


def public_url(text: str) -> str:
    """Check the console's address as people outside reach it; a trailing slash is dropped."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is no web address")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("carries more than a scheme, a host, a port and a path")
    if text.isascii() and text.isprintable() and " " not in text:
        return text.rstrip("/")
    raise ValueError("contains a blank or a character outside ASCII")


_LONGEST_TITLE = 40


def title(text: str) -> str:
    """Read a few words to be shown on a page."""
    if not text.isprintable() or len(text) > _LONGEST_TITLE:
        raise ValueError(f"is longer than {_LONGEST_TITLE} characters, or holds one that can't be shown")
    return text


def issuer(text: str) -> str:
    """Check the issuer of an OpenID Connect provider; it is compared letter by letter, so nothing of it is changed."""
    url = public_url(text)
    host = urlsplit(url).hostname or ""
    if not url.startswith("https://"):
        raise ValueError("does not begin with https://")
    domain(host)
    return text


def without_password(text: str) -> str:
    """Give a text in which no URL carries a user name or password, to be shown in messages."""
    return _USERINFO.sub(lambda found: "***@" if found[0].endswith("@") else "***", text)
