"""The table of providers: its own soundness, how it is asked, one's own table before it, and what others know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config import SettingsError, load
from config.providers import ProvidersError, Table, built_in
from config.providers import load as load_table
from tests import vectors

HOSTS = {
    # domain, or mx                                     provider              imap
    "gmail.com": ("gmail", "imap.gmail.com"),
    "GMAIL.COM.": ("gmail", "imap.gmail.com"),
    "outlook.com": ("outlook", "outlook.office365.com"),
    "hotmail.co.uk": ("outlook", "outlook.office365.com"),
    "contoso.onmicrosoft.com": ("microsoft365", "outlook.office365.com"),
    "yahoo.co.uk": ("yahoo", "imap.mail.yahoo.com"),
    "yahoo.co.jp": ("yahoo-jp", "imap.mail.yahoo.co.jp"),
    "icloud.com": ("icloud", "imap.mail.me.com"),
    "zoho.eu": ("zoho-eu", "imap.zoho.eu"),
    "yandex.kz": ("yandex", "imap.yandex.com"),
    "inbox.lt": ("inbox-lv", "mail.inbox.lt"),
    "mail.ru": ("mail-ru", "imap.mail.ru"),
    "qq.com": ("qq", "imap.qq.com"),
    "t-online.de": ("t-online", "secureimap.t-online.de"),
    "alice.it": ("alice-it", "in.alice.it"),
}
EXCHANGERS = {
    "aspmx.l.google.com": "gmail",
    "alt1.aspmx.l.google.com.": "gmail",
    "aspmx2.googlemail.com": "gmail",
    "acme-com.mail.protection.outlook.com": "microsoft365",
    "acme-com.a-v1.mx.microsoft": "microsoft365",
    "hotmail-com.olc.protection.outlook.com": "outlook",
    "mta7.am0.yahoodns.net": "yahoo",
    "mx01.mail.icloud.com": "icloud",
    "mx.zoho.eu": "zoho-eu-domains",
    "mx2.zoho.com": "zoho-us-domains",
    "mx.yandex.net": "yandex",
    "in1-smtp.messagingengine.com": "fastmail",
    "mxext1.mailbox.org": "mailbox-org",
    "aspmx1.migadu.com": "migadu",
    "mx1.mail.ovh.net": "ovh",
    "mx00.ionos.de": "ionos-de",
    "mx00.kundenserver.de": "ionos-de",
    "mx01.ionos.co.uk": "ionos-uk",
    "mailstore1.secureserver.net": "godaddy",
    "mx1.privateemail.com": "namecheap",
    "mx1.emailsrvr.com": "rackspace",
    "mx1.hostinger.com": "hostinger",
    "spool.mail.gandi.net": "gandi",
    "mail.protonmail.ch": "proton",
    "mail.tutanota.de": "tuta",
}
UNKNOWN = (
    "example.com",
    "gmail.com.example",
    "yahoo.example.com",
    "notgmail.com",
    "outlook.attacker",
    "google.com.evil.xyz",
)


@pytest.mark.parametrize(("domain", "expected"), HOSTS.items(), ids=HOSTS)
def test_a_domain_is_found(domain: str, expected: tuple[str, str]) -> None:
    found = built_in().find(domain)
    assert found is not None
    assert found.imap is not None
    assert (found.id, found.imap.of(domain.lower()).host) == expected


@pytest.mark.parametrize(("host", "expected"), EXCHANGERS.items(), ids=EXCHANGERS)
def test_a_mail_exchanger_is_found(host: str, expected: str) -> None:
    found = built_in().find_by_mx(host)
    assert found is not None
    assert found.id == expected


@pytest.mark.parametrize("domain", UNKNOWN)
def test_what_only_looks_like_a_provider_is_none(domain: str) -> None:
    assert built_in().find(domain) is None
    assert built_in().find_by_mx(domain) is None


def test_the_table_holds_what_its_page_promises() -> None:
    providers = built_in().providers
    assert len(providers) >= 80
    assert len({one.id for one in providers}) == len(providers)
    assert [one.id for one in providers if one.page is None] == []
    assert [one.id for one in providers if one.imap and not {*one.domains, *one.mx}] == []
    assert {one.id for one in providers if one.refused} == {"proton", "tuta", "hey"}
    assert [one.id for one in providers if one.imap and one.imap.port not in (993, 143)] == []
    assert [one.id for one in providers if one.smtp and one.smtp.port not in (465, 587)] == []


def test_no_domain_and_no_exchanger_stands_there_twice() -> None:
    for names in (
        [n for one in built_in().providers for n in one.domains],
        [n for one in built_in().providers for n in one.mx],
    ):
        assert sorted(names) == sorted(set(names))


def test_a_server_tells_whose_it_is() -> None:
    table = built_in()
    assert [getattr(table.find_by_server(host), "id", None) for host in ("imap.gmail.com", "imap.example.com")] == [
        "gmail",
        None,
    ]


RENAMED = {"imap.1und1.de": "imap.ionos.de"}
"""1&1 has been IONOS since 2018, and names its servers so; the old name still answers."""


@vectors.needs("ispdb.json")
def test_the_table_agrees_with_what_mail_programs_know() -> None:
    agree: list[str] = []
    differ: list[str] = []
    for one in json.loads((vectors.FOLDER / "ispdb.json").read_text("utf-8")):
        for domain in one["domains"] if one["imap"] else ():
            found = built_in().find(domain)
            if found is not None and found.imap is not None:
                theirs = {server["host"].replace("%EMAILDOMAIN%", domain) for server in one["imap"]}
                theirs |= {RENAMED[host] for host in theirs if host in RENAMED}
                (agree if found.imap.of(domain).host in theirs else differ).append(domain)
    assert len(agree) > 400
    assert len(agree) >= 0.95 * len(agree + differ), differ


OWN = """
[provider.house]
name = "Our house"
domains = ["house.example", "gmail.com"]
mx = ["*.house.example"]
imap = "imap.{domain}:993 tls"
login = "local"

[oauth.google]
token = "https://sign-in.house.example/token"
"""


def own_table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "providers.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_table_of_ones_own_goes_before_the_built_in_one(tmp_path: Path) -> None:
    table: Table = load_table(own_table(tmp_path, OWN))
    for found in (table.find("house.example"), table.find("gmail.com"), table.find_by_mx("mx.house.example")):
        assert found is not None
        assert (found.id, found.smtp, found.local, found.auth) == ("house", None, True, "password")
    outlook = table.find("outlook.com")
    assert outlook is not None
    assert outlook.id == "outlook"
    assert table.oauth("google").token == "https://sign-in.house.example/token"
    assert table.oauth("google").authorize == built_in().oauth("google").authorize
    assert table.oauth("microsoft") == built_in().oauth("microsoft")


WRONG = {
    "no TOML": ("[provider", "can't be read"),
    "an unknown key at the top": ("provders = 1", "'provders' at its top"),
    "an unknown key of a provider": (OWN.replace("login", "log_in"), "'log_in' in provider.house"),
    "no name": ('[provider.x]\nimap = "i.example:993 tls"', "provider.x.name"),
    "no server and no refusal": ('[provider.x]\nname = "X"', "either imap or refused"),
    "a server in the clear": (OWN.replace(":993 tls", ":143 plain"), "'imap.{domain}:143 plain'"),
    "port 25": (OWN.replace(":993 tls", ":25 starttls"), "any port but 25"),
    "no such port": (OWN.replace(":993 tls", ":99999 tls"), "99999"),
    "a pattern in the middle": (OWN.replace("*.house", "a*.house"), "'a*.house.example'"),
    "a domain that is no list": (
        OWN.replace('["*.house.example"]', '"*.house.example"'),
        "no list in provider.house.mx",
    ),
    "no such log-in": (OWN.replace('"local"', '"both"'), "address, local"),
    "a token over http": (OWN.replace("https://sign-in", "http://sign-in"), "https://"),
    "a page with a blank": (OWN.replace("https://sign-in", "https://sign in"), "https://"),
    "a provider of OAuth that there is not": (OWN.replace("oauth.google", "oauth.yahoo"), "google, microsoft"),
    "no table where one belongs": ('provider = "x"', "no table in provider"),
    "an IP address for a server": ('[provider.x]\nname = "X"\nimap = "10.0.0.1:993 tls"', "no IP address"),
    "an IP address in disguise": (OWN.replace("login", 'smtp = "mail.0x7f:465 tls"\nlogin'), "no IP address"),
    "a number for a text": ('[provider.x]\nname = 7\nimap = "i.example:993 tls"', "no text in provider.x.name"),
}


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_table_stops_the_start_and_says_where_it_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    path = own_table(tmp_path, text)
    with pytest.raises(ProvidersError) as wrong:
        load_table(path)
    assert says in str(wrong.value)
    with pytest.raises(SettingsError) as stopped:
        load({"SMARTGATE_MAILBOX_PROVIDERS_FILE": str(path)})
    assert says in str(stopped.value)
    assert "SMARTGATE_MAILBOX_PROVIDERS_FILE" in str(stopped.value)
    assert str(stopped.value).count("; allowed: ") == 1


def test_a_table_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        load({"SMARTGATE_MAILBOX_PROVIDERS_FILE": str(tmp_path / "none.toml")})


def test_a_sound_table_is_a_setting(tmp_path: Path) -> None:
    path = own_table(tmp_path, OWN)
    assert load({"SMARTGATE_MAILBOX_PROVIDERS_FILE": str(path)}).mailbox_providers_file == path
