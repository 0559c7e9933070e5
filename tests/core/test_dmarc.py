"""DMARC (RFC 9989): records, the tree walk, the organisational domain, alignment and the policy asked for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.core.dmarc import Record, Walk, aligned, asked_policy, read_record, walk


def walked(domain: str, published: Mapping[str, str]) -> Walk:
    """The walk as the door makes it, from records by domain."""
    found = Walk(domain)
    for name in walk(domain):
        record = read_record([published[name]]) if name in published else None
        found = Walk(domain, (*found.found, (name, record)) if record else found.found)
        if found.over:
            break
    return found


WALKS = {
    "example.com": ("example.com", "com"),
    "com": ("com",),
    "a.b.c.d.e.f.g": ("a.b.c.d.e.f.g", "b.c.d.e.f.g", "c.d.e.f.g", "d.e.f.g", "e.f.g", "f.g", "g"),
    "a.b.c.d.e.f.g.h.i.j.mail.example.com": (
        "a.b.c.d.e.f.g.h.i.j.mail.example.com",
        "g.h.i.j.mail.example.com",
        "h.i.j.mail.example.com",
        "i.j.mail.example.com",
        "j.mail.example.com",
        "mail.example.com",
        "example.com",
        "com",
    ),
}


@pytest.mark.parametrize(("domain", "names"), WALKS.items(), ids=WALKS)
def test_a_walk_asks_at_most_eight_names(domain: str, names: tuple[str, ...]) -> None:
    assert walk(domain) == names


RECORDS = {
    # story: (texts, record)
    "the least": (["v=DMARC1"], Record()),
    "a policy for all": (["v=DMARC1; p=reject"], Record("reject", "reject", "reject")),
    "policies for three": (["v=DMARC1;p=none;sp=quarantine;np=reject;"], Record("none", "quarantine", "reject")),
    "what is below takes after it": (["v=DMARC1; p=none; sp=reject"], Record("none", "reject", "reject")),
    "strict": (["v=DMARC1; adkim=s; aspf=S"], Record(strict_dkim=True, strict_spf=True)),
    "a public suffix": (["v=DMARC1; psd=y"], Record(psd="y")),
    "in test": (["v=DMARC1; p=reject; t=y"], Record("reject", "reject", "reject", testing=True)),
    "blanks": (["v = DMARC1 ; p = Reject ;"], Record("reject", "reject", "reject")),
    "tags nobody knows": (["v=DMARC1; pct=0; x=1; p=reject"], Record("reject", "reject", "reject")),
    "a policy nobody knows": (["v=DMARC1; p=delete; rua=mailto:a@b.example"], Record()),
    "a policy below nobody knows": (["v=DMARC1; p=reject; sp=delete"], Record()),
    "another text beside it": (["hello", "v=DMARC1; p=reject"], Record("reject", "reject", "reject")),
    "two records": (["v=DMARC1; p=reject", "v=DMARC1; p=none"], None),
    "the version not first": (["p=reject; v=DMARC1"], None),
    "another version": (["v=DMARC2; p=reject"], None),
    "the version in lower case": (["v=dmarc1; p=reject"], None),
    "nothing": ([], None),
}


@pytest.mark.parametrize(("texts", "record"), RECORDS.values(), ids=RECORDS)
def test_a_record_is_read(texts: list[str], record: Record | None) -> None:
    assert read_record(texts) == record


ORGANIZATIONS = {
    # story: (domain, published, organisational domain)
    "nobody publishes": ("a.mail.example.com", {}, "a.mail.example.com"),
    "its own record": ("example.com", {"example.com": "v=DMARC1"}, "example.com"),
    "a parent's": ("a.example.com", {"example.com": "v=DMARC1"}, "example.com"),
    "the shortest of several": (
        "a.mail.example.com",
        {"mail.example.com": "v=DMARC1", "example.com": "v=DMARC1"},
        "example.com",
    ),
    "one that is no public suffix ends it": (
        "a.mail.example.com",
        {"mail.example.com": "v=DMARC1; psd=n", "example.com": "v=DMARC1"},
        "mail.example.com",
    ),
    "below a public suffix": ("a.mail.example.bank", {"bank": "v=DMARC1; psd=y"}, "example.bank"),
    "below a public suffix of two labels": ("a.shop.co.example", {"co.example": "v=DMARC1; psd=y"}, "shop.co.example"),
    "a public suffix that writes": ("bank", {"bank": "v=DMARC1; psd=y"}, "bank"),
    "right below a public suffix": ("example.bank", {"bank": "v=DMARC1; psd=y"}, "example.bank"),
}


@pytest.mark.parametrize(("domain", "published", "organization"), ORGANIZATIONS.values(), ids=ORGANIZATIONS)
def test_the_walk_finds_the_organisation(domain: str, published: dict[str, str], organization: str) -> None:
    assert walked(domain, published).organization == organization


ALL = {"example.com": "v=DMARC1; p=quarantine; sp=reject; np=none"}
POLICIES = {
    # story: (domain, published, exists, asked)
    "nobody publishes": ("example.com", {}, True, "none"),
    "its own": ("example.com", ALL, True, "quarantine"),
    "a sub-domain": ("a.example.com", ALL, True, "reject"),
    "a sub-domain that is not there": ("a.example.com", ALL, False, "none"),
    "a sub-domain of its own mind": ("a.example.com", {**ALL, "a.example.com": "v=DMARC1; p=none"}, True, "none"),
    "between it and the organisation nobody is asked": (
        "a.b.example.com",
        {"b.example.com": "v=DMARC1; p=none", **ALL},
        True,
        "reject",
    ),
    "a public suffix for those who publish nothing": (
        "a.example.bank",
        {"bank": "v=DMARC1; psd=y; p=none; sp=reject"},
        True,
        "reject",
    ),
    "reject in test": ("example.com", {"example.com": "v=DMARC1; p=reject; t=y"}, True, "quarantine"),
    "quarantine in test": ("example.com", {"example.com": "v=DMARC1; p=quarantine; t=y"}, True, "none"),
    "none in test": ("example.com", {"example.com": "v=DMARC1; p=none; t=y"}, True, "none"),
}


@pytest.mark.parametrize(("domain", "published", "exists", "asked"), POLICIES.values(), ids=POLICIES)
def test_the_policy_that_is_asked_for(domain: str, published: dict[str, str], exists: bool, asked: str) -> None:
    assert asked_policy(walked(domain, published), exists=exists) == asked


ONE = {"example.com": "v=DMARC1"}
ALIGNED = {
    # story: (authenticated, author, published, strict, aligned)
    "the same": ("example.com", "example.com", {}, False, True),
    "the same, strictly": ("example.com", "example.com", ONE, True, True),
    "below the author": ("mail.example.com", "example.com", ONE, False, True),
    "above the author": ("example.com", "mail.example.com", ONE, False, True),
    "beside the author": ("a.example.com", "b.example.com", ONE, False, True),
    "below the author, strictly": ("mail.example.com", "example.com", ONE, True, False),
    "another organisation": ("example.net", "example.com", ONE, False, False),
    "a longer name": ("notexample.com", "example.com", ONE, False, False),
    "beside, where the author is no suffix": (
        "a.example.com",
        "b.example.com",
        {"b.example.com": "v=DMARC1; psd=n", **ONE},
        False,
        False,
    ),
    "beside, below a public suffix": ("a.example", "b.example", {"example": "v=DMARC1; psd=y"}, False, False),
    "beside, below a suffix that does not say so": ("a.co.uk", "b.co.uk", {"co.uk": "v=DMARC1"}, False, False),
    "below the author, below a suffix that does not say so": (
        "mail.b.co.uk",
        "b.co.uk",
        {"co.uk": "v=DMARC1"},
        False,
        True,
    ),
    "beside, below a suffix that says it is none": (
        "a.co.uk",
        "b.co.uk",
        {"co.uk": "v=DMARC1; psd=n"},
        False,
        True,
    ),
    "nobody publishes: the list of suffixes says so": ("mail.example.com", "example.com", {}, False, True),
    "nobody publishes, and two organisations": ("a.co.uk", "b.co.uk", {}, False, False),
}


@pytest.mark.parametrize(("domain", "author", "published", "strict", "same"), ALIGNED.values(), ids=ALIGNED)
def test_alignment(domain: str, author: str, published: dict[str, str], strict: bool, same: bool) -> None:
    found = aligned(domain, walked(author, published), walked(domain, published), _by_list, strict=strict)

    assert found is same


def _by_list(domain: str) -> str:
    labels = domain.split(".")
    kept = 3 if labels[-2:] == ["co", "uk"] else 2
    return ".".join(labels[-kept:]) if len(labels) >= kept else ""
