"""What an account, its options and its users may hold; each refusal names the thing, the value and what is allowed."""

from __future__ import annotations

import pytest

from gateway.core import options
from gateway.core.options import AccountError, Options, read_options

DOMAINS = ("mail.kommo.com",)

GOOD = {
    "copy policy": ({"copy_policy": " CC_or_To "}, Options(copy_policy="cc_or_to")),
    "strangers": ({"strangers": "hold"}, Options(strangers="hold")),
    "grace": ({"rename_grace_days": "0"}, Options(rename_grace_days=0)),
    "a name of several words": ({"name": " Acme   Coffee "}, Options(name="Acme Coffee")),
    "domains in any writing": (
        {"own_domains": "ACME.example., .acme.example, Bücher.example,"},
        Options(own_domains=("acme.example", ".acme.example", "xn--bcher-kva.example")),
    ),
    "a domain written twice counts once": (
        {"own_domains": "acme.example,ACME.example"},
        Options(own_domains=("acme.example",)),
    ),
    "no domain at all": ({"own_domains": ""}, Options(own_domains=())),
    "addresses and domains that are never logged": (
        {"never_log": "News@Shop.example, SHOP.example., bücher.example,news@shop.example,"},
        Options(never_log=("news@shop.example", "shop.example", "xn--bcher-kva.example")),
    ),
    "nobody is never logged": ({"never_log": " "}, Options(never_log=())),
    "several at once": ({"name": "A", "strangers": "refuse"}, Options(name="A", strangers="refuse")),
    "a mailbox for links": ({"link_mailbox": " sales@acme.example "}, Options(link_mailbox="sales@acme.example")),
    "nothing": ({}, Options()),
}


@pytest.mark.parametrize(("pairs", "read"), GOOD.values(), ids=GOOD)
def test_options_are_read_as_people_write_them(pairs: dict[str, str], read: Options) -> None:
    assert read_options(pairs, DOMAINS) == read


BAD = {
    "an option that does not exist": ({"colour": "red"}, "'colour' is no option", "copy_policy, strangers"),
    "a copy policy that does not exist": ({"copy_policy": "bcc"}, "copy_policy 'bcc'", "cc, cc_or_to"),
    "a stranger rule that does not exist": ({"strangers": "maybe"}, "strangers 'maybe'", "accept, hold, refuse"),
    "days below nought": ({"rename_grace_days": "-1"}, "rename_grace_days '-1'", "whole number from 0"),
    "days in words": ({"rename_grace_days": "ten"}, "rename_grace_days 'ten'", "whole number from 0"),
    "days beyond a century": ({"rename_grace_days": "36501"}, "'36501'", "to 36500"),
    "a number nobody means": ({"rename_grace_days": "9" * 5000}, "rename_grace_days", "whole number"),
    "digits of another script": ({"rename_grace_days": "٣"}, "rename_grace_days", "whole number"),
    "a name of nothing": ({"name": "  "}, "name '  '", "1 to 200 characters"),
    "a name that colours the terminal": ({"name": "\x1b[31mAcme"}, r"name '\x1b[31mAcme'", "1 to 200 characters"),
    "a name without end": ({"name": "A" * 201}, "name 'AAA", "1 to 200 characters"),
    "a domain of one word": ({"own_domains": "localhost"}, "own_domains: 'localhost'", "acme.example"),
    "an address instead of a domain": ({"own_domains": "ana@acme.example"}, "'ana@acme.example'", "acme.example"),
    "an IP address": ({"own_domains": "192.0.2.1"}, "'192.0.2.1'", "acme.example"),
    "a gateway domain": ({"own_domains": "Mail.Kommo.com"}, "is a gateway domain", "company's own people"),
    "the sub-domains of a gateway domain": ({"own_domains": ".mail.kommo.com"}, "is a gateway domain", "own people"),
    "a public mail domain": ({"own_domains": "gmail.com"}, "'gmail.com' is a public mail domain", "company's alone"),
    "sub-domains of a public mail domain": ({"own_domains": ".yahoo.com"}, "is a public mail domain", "alone"),
    "a word that is never logged": ({"never_log": "shop"}, "never_log: 'shop'", "news@shop.example or shop.example"),
    "a person who is never logged": ({"never_log": "Ana <ana@x.example>"}, "never_log: 'Ana <ana", "news@shop"),
    "an address without a domain": ({"never_log": "ana@[192.0.2.1]"}, "'ana@[192.0.2.1]'", "news@shop.example"),
    "sub-domains alone are never logged": ({"never_log": ".shop.example"}, "'.shop.example'", "takes in its sub-"),
    "an IP address is never logged": ({"never_log": "192.0.2.1"}, "never_log: '192.0.2.1'", "news@shop.example"),
    "one wrong domain among right ones": ({"own_domains": "acme.example,web.de"}, "'web.de'", "alone"),
}


@pytest.mark.parametrize(("pairs", "named", "allowed"), BAD.values(), ids=BAD)
def test_a_wrong_option_is_named_with_its_value_and_what_is_allowed(
    pairs: dict[str, str], named: str, allowed: str
) -> None:
    with pytest.raises(AccountError) as told:
        read_options(pairs, DOMAINS)
    line = str(told.value)
    assert named in line
    assert allowed in line
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 300


def test_a_slug_is_short_plain_and_free_of_meaning_in_mail() -> None:
    assert options.check_slug(" Acme-2 ") == "acme-2"
    for wrong in ("a", "a" * 41, "acme+lead", "acme.inc", "", "ácme", "postmaster", "Abuse", "no-reply"):
        with pytest.raises(AccountError, match="allowed: "):
            options.check_slug(wrong)


def test_an_address_is_kept_in_the_form_in_which_addresses_are_compared() -> None:
    assert options.check_email("Ana.Lima@ACME.Example", DOMAINS) == "ana.lima@acme.example"
    assert options.check_email("ana@bücher.example", DOMAINS) == "ana@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "wrong",
    ["ana", "ana@", "Ana <ana@acme.example>", "a@x.example, b@x.example", "ana@[192.0.2.1]", "", "acme@mail.kommo.com"],
)
def test_what_is_no_persons_address_is_refused(wrong: str) -> None:
    with pytest.raises(AccountError, match="allowed: "):
        options.check_email(wrong, DOMAINS)


def test_roles_and_flags_are_those_that_exist() -> None:
    assert options.check_role("Admin") == "admin"
    assert [options.check_flag("shared_mail", text) for text in ("true", "1", "FALSE", "0")] == [
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(AccountError, match="role 'boss' is not allowed; allowed: admin, user"):
        options.check_role("boss")
    with pytest.raises(AccountError, match="shared_mail 'yes' is not allowed; allowed: true, false, 1, 0"):
        options.check_flag("shared_mail", "yes")


NAMES = {
    "one word": ("ana@acme.example", "Ana"),
    "first and last": ("ana.lima@acme.example", "Ana Lima"),
    "a tag": ("ana+crm@acme.example", "Ana Crm"),
    "nothing to call them by": ("...@acme.example", "...@acme.example"),
}


@pytest.mark.parametrize(("email", "name"), NAMES.values(), ids=NAMES)
def test_a_user_without_a_name_is_called_by_what_stands_before_the_at_sign(email: str, name: str) -> None:
    assert options.name_of(email) == name


NOW = 1_796_000_000_000
ENDS = {
    # story                      text                          when
    "so many hours": ("12h", NOW + 12 * 3_600_000),
    "so many days": (" 90d ", NOW + 90 * 86_400_000),
    "a day, in UTC": ("2027-01-31", 1_801_353_600_000),
    "a moment in UTC": ("2027-01-31T12:00:00Z", 1_801_396_800_000),
    "a moment elsewhere": ("2027-01-31T19:00:00+07:00", 1_801_396_800_000),
}


@pytest.mark.parametrize(("text", "when"), ENDS.values(), ids=ENDS)
def test_a_token_ends_after_a_span_or_at_a_moment(text: str, when: int) -> None:
    assert options.check_expires(text, NOW) == when


@pytest.mark.parametrize("text", ["", "soon", "0d", "90", "-1d", "2020-01-01", "2027-01-31T12:00:00", "9" * 99 + "d"])
def test_an_end_that_is_none_or_has_passed_is_not_allowed(text: str) -> None:
    with pytest.raises(AccountError, match="allowed: a moment to come"):
        options.check_expires(text, NOW)


SCOPES = {
    # story                          scopes                    role     given or refused
    "in their order": (("admin", "read"), "admin", ("read", "admin")),
    "once": (("read", "read"), "user", ("read",)),
    "beyond the role": (("admin",), "user", "allowed: read, write"),
    "none such": (("root",), "admin", "allowed: read, write, admin"),
    "none at all": ((), "user", "allowed: one or more of read, write"),
}


@pytest.mark.parametrize(("scopes", "role", "given"), SCOPES.values(), ids=SCOPES)
def test_scopes_stay_within_the_role(scopes: tuple[str, ...], role: str, given: tuple[str, ...] | str) -> None:
    if isinstance(given, tuple):
        assert options.check_scopes(scopes, role) == given
    else:
        with pytest.raises(AccountError, match=given):
            options.check_scopes(scopes, role)


PASSWORDS = {
    # story                       password                         allowed
    "several words": ("correct horse battery staple", True),
    "ten signs": ("k3-Y/q9:zß", True),
    "nine signs": ("k3-Y/q9:z", False),
    "without an end": ("ab1-" * 51, False),
    "one sign again and again": ("aabbaabbaabb", False),
    "the address": ("Ana.Putri@acme.example", False),
    "the name in it": ("ana.putri", False),
}


@pytest.mark.parametrize(("password", "allowed"), PASSWORDS.values(), ids=PASSWORDS)
def test_a_password_is_long_and_not_the_address_and_never_repeated(password: str, allowed: bool) -> None:
    if allowed:
        assert options.check_password(password, "ana.putri@acme.example") == password
        return
    with pytest.raises(AccountError) as refused:
        options.check_password(password, "ana.putri@acme.example")
    assert password not in str(refused.value)


def test_a_language_is_one_we_have_or_none() -> None:
    for language in ("", "id"):
        assert options.check_language(language, ("en", "id")) == language
    with pytest.raises(AccountError, match=r"'tlh'.*allowed: en, id, or none"):
        options.check_language("tlh", ("en", "id"))
