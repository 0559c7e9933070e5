"""What kinds of value settings hold, and how each is read from text; a wrong one says what is wrong with it."""

from __future__ import annotations

import socket
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, InstanceOf, SecretStr, ValidationInfo

from config import values


def _listen(value: object) -> values.Listen:
    return values.listen(_text(value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is not a text")
    return value.strip()


def lower(value: object) -> str:
    """A word in small letters."""
    return _text(value).lower()


def _whole(value: object) -> int:
    """Read a whole number; a decimal point, a sign in front or thousands marks are no part of one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value)
    raise ValueError("is not a whole number")


def _secret(value: object) -> SecretStr:
    text = value.get_secret_value() if isinstance(value, SecretStr) else _text(value)
    if len(text) < 32:
        raise ValueError("is shorter than 32 characters")
    return SecretStr(text)


def _hidden(value: object) -> SecretStr:
    return SecretStr(values.word(value.get_secret_value() if isinstance(value, SecretStr) else _text(value)))


def own_name() -> str:
    """Name this machine without asking the network: its own name where that is a full domain, else localhost."""
    try:
        name = values.domain(socket.gethostname())
    except ValueError:
        return "localhost"
    return name if "." in name else "localhost"


def needs(needed: str) -> AfterValidator:
    """A setting that means nothing without another one, which stands before it."""

    def check(value: Any, info: ValidationInfo) -> Any:
        if value and needed in info.data and info.data[needed] is None:
            raise ValueError(f"needs SMARTGATE_{needed.upper()} to be set as well")
        return value

    return AfterValidator(check)


ListenAddress = Annotated[InstanceOf[values.Listen], BeforeValidator(_listen)]
ListenPlace = Annotated[
    InstanceOf[values.Listen] | InstanceOf[values.UnixSocket],
    BeforeValidator(lambda v: values.listen_or_path(_text(v))),
]
Mode = Annotated[InstanceOf[values.FileMode], BeforeValidator(lambda v: values.mode(_text(v)))]
Truth = Annotated[bool, BeforeValidator(values.truth)]
File = Annotated[Path, BeforeValidator(lambda v: values.absolute_path(_text(v)))]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(lambda v: tuple(map(_secret, values.comma_list(v))))]
Domain = Annotated[str, BeforeValidator(lambda v: values.domain(_text(v)))]
Domains = Annotated[tuple[str, ...], BeforeValidator(lambda v: values.domains(values.comma_list(v)))]
DomainNames = Annotated[
    tuple[str, ...], BeforeValidator(lambda v: tuple(values.domain(item) for item in values.comma_list(v)))
]
NameServers = Annotated[
    tuple[InstanceOf[values.Listen], ...], BeforeValidator(lambda v: values.name_servers(values.comma_list(v)))
]
Networks = Annotated[
    tuple[InstanceOf[IPv4Network] | InstanceOf[IPv6Network], ...],
    BeforeValidator(lambda v: values.networks(values.comma_list(v))),
]
DatabaseUrl = Annotated[str, BeforeValidator(lambda v: values.database_url(_text(v)))]
BlobUrl = Annotated[str, BeforeValidator(lambda v: values.blob_url(_text(v)))]
Name = Annotated[str, BeforeValidator(lambda v: values.word(_text(v)))]
Hidden = Annotated[SecretStr, BeforeValidator(_hidden)]
Issuer = Annotated[str, BeforeValidator(lambda v: values.issuer(_text(v)))]
Title = Annotated[str, BeforeValidator(lambda v: values.title(_text(v)))]
PublicUrl = Annotated[str, BeforeValidator(lambda v: values.public_url(_text(v)))]
Whole = Annotated[int, BeforeValidator(_whole)]
