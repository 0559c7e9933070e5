"""The settings of signing in with a provider of the operator's choice (OpenID Connect)."""

from __future__ import annotations

from typing import Annotated

from pydantic import ValidationInfo
from pydantic.functional_validators import AfterValidator
from pydantic_settings import BaseSettings

from config import kinds, values
from config.fields import setting
from config.kinds import DomainNames, Hidden, Issuer, Name, Title


def _with_a_key(value: str | None, info: ValidationInfo) -> str | None:
    on_postgresql = values.is_postgresql(info.data.get("database_url", ""))
    if value is not None and on_postgresql and info.data.get("secret_key") is None:
        raise ValueError("needs SMARTGATE_SECRET_KEY to be set as well, where the store is PostgreSQL")
    return value


class SignInSettings(BaseSettings):
    """Where people sign in who are users here (rules, section F)."""

    oidc_client_id: Name | None = setting(
        None,
        "The client id of your own app at the OpenID Connect provider with which users sign in to the console "
        "(docs/sign-in.md).",
        "a text without blanks",
    )
    oidc_issuer: Annotated[Issuer | None, kinds.needs("oidc_client_id"), AfterValidator(_with_a_key)] = setting(
        None,
        "The issuer of that provider. Left out: nobody signs in elsewhere. Its host may stand in your own network.",
        "https://HOST, with a port and path if needed, written as the provider writes it",
    )
    oidc_client_secret: Annotated[Hidden | None, kinds.needs("oidc_client_id")] = setting(
        None, "The client secret of that app. Left out: the app is a public client.", "a text without blanks"
    )
    oidc_name: Annotated[Title | None, kinds.needs("oidc_issuer")] = setting(
        None,
        "What the provider is called on the sign-in page, such as Google. Left out: the page speaks of the reader's "
        "company.",
        "a text of at most 40 characters",
    )
    oidc_domains: Annotated[DomainNames, kinds.needs("oidc_issuer")] = setting(
        "",
        "The domains whose e-mail addresses the provider gives to nobody but their owners: no others are let in, and "
        "an address of these also where the provider leaves out whether it is verified, as Microsoft does. Left out: "
        "any address that the provider says is verified.",
        "domain names, separated by commas",
    )
