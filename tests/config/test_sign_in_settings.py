"""The settings of the provider with which users sign in."""

from __future__ import annotations

from pathlib import Path

import pytest

import config
from config.reference import describe

APP = {"SMARTGATE_OIDC_CLIENT_ID": "app"}
FIRM = APP | {"SMARTGATE_OIDC_ISSUER": "https://id.example"}
ON_POSTGRESQL = {"SMARTGATE_DATABASE_URL": "postgresql://db.example/smartgate"}
WRONG: dict[str, tuple[dict[str, str], str, str]] = {
    # story                      beside             what is set                       what is said of it
    "a provider over http": (APP, "ISSUER=http://id.example", "does not begin with https://; allowed: https://HOST"),
    "a provider by its address": (APP, "ISSUER=https://192.0.2.1/realm", "looks like an IP address"),
    "a provider with a query": (APP, "ISSUER=https://id.example/?a=b", "carries more than"),
    "a name alone": (APP, "ISSUER=id.example", "is no web address"),
    "a provider without our app": ({}, "ISSUER=https://id.example", "needs SMARTGATE_OIDC_CLIENT_ID to be set as well"),
    "a secret without our app": ({}, "CLIENT_SECRET=x", "needs SMARTGATE_OIDC_CLIENT_ID to be set as well"),
    "a name without a provider": (APP, "NAME=Firm", "needs SMARTGATE_OIDC_ISSUER to be set as well"),
    "domains without a provider": (APP, "DOMAINS=a.example", "needs SMARTGATE_OIDC_ISSUER to be set as well"),
    "an address for a domain": (FIRM, "DOMAINS=ana@acme.example", "is no domain name; allowed: domain names"),
    "too long a name": (FIRM, f"NAME={'x' * 41}", "is longer than 40 characters"),
    "a name that can't be shown": (FIRM, "NAME=a\u202eb", "holds one that can't be shown"),
    "no key on a shared store": (
        APP | ON_POSTGRESQL,
        "ISSUER=https://id.example",
        "needs SMARTGATE_SECRET_KEY to be set as well, where the store is PostgreSQL",
    ),
}


@pytest.mark.parametrize(("environ", "wrong", "said"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_stops_the_start(environ: dict[str, str], wrong: str, said: str) -> None:
    name, _, value = wrong.partition("=")
    with pytest.raises(config.SettingsError) as refused:
        config.load(environ | {f"SMARTGATE_OIDC_{name}": value})
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"SMARTGATE_OIDC_{name}: ")
    assert said in line
    assert "; allowed: " in line


def test_an_issuer_is_kept_letter_by_letter_and_domains_in_one_form() -> None:
    given = {
        "ISSUER": "https://id.example/Realm/",
        "NAME": "Konto der Fïrma",
        "DOMAINS": "Acme.example, bücher.example",
    }
    settings = config.load(APP | {f"SMARTGATE_OIDC_{name}": value for name, value in given.items()})
    assert (settings.oidc_issuer, settings.oidc_name) == ("https://id.example/Realm/", "Konto der Fïrma")
    assert settings.oidc_domains == ("acme.example", "xn--bcher-kva.example")


def test_the_secret_may_stand_in_a_file_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    settings = config.load(FIRM | {"SMARTGATE_OIDC_CLIENT_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.oidc_client_secret is not None
    assert settings.oidc_client_secret.get_secret_value() == "s3cret"
    shown = {one.name: (one.value, one.source) for one in describe(settings)}
    assert shown["SMARTGATE_OIDC_CLIENT_SECRET"] == ("***", f"file {tmp_path / 'secret'}")
    assert "s3cret" not in repr(settings)
