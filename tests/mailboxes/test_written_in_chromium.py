"""A mail is written in a browser, arrives at a real Postfix and Dovecot, and stands on the card (E11, compose)."""

from __future__ import annotations

import email
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.product import Firm, until
from tests.mailboxes.submission import Submission, need_postfix

pytestmark = pytest.mark.e2e
STORES = ("sqlite", "postgresql")
PATIENCE = 30_000
"""Milliseconds until what is awaited shows, a sending included."""


@pytest.fixture
def submission(dovecot: Dovecot) -> Iterator[Submission]:
    need_postfix()
    with Submission(dovecot) as made:
        yield made


def test_a_mail_that_is_written_arrives_and_stands_on_the_card(
    firm: Firm, dovecot: Dovecot, submission: Submission, chromium: str
) -> None:
    ann, client = firm.person(), firm.person(address=f"bob{firm.slug.removeprefix('firm')}@client.example")
    card = firm.contact(client.address)
    imap = {"host": "localhost", "port": dovecot.imaps, "security": "tls"}
    firm.connect(ann, imap=imap, smtp={"host": "localhost", "port": submission.port, "security": "tls"})
    serving = firm.product.serving
    link = serving.json("token", "create", "--account", firm.slug, "--user", firm.owner)["sign_in_url"]
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.connect(chromium)
        page = browser.new_page()
        page.goto(serving.url + urlsplit(link).path)
        page.goto(f"{serving.url}/compose?contact={card}")
        expect(page.get_by_label("To", exact=True)).to_have_value(client.address)
        page.get_by_label("Subject").fill("Offer")
        page.get_by_label("Text", exact=True).fill("Hello Bob")
        page.get_by_role("button", name="Send").click()
        page.wait_for_url("**/mail/*")
        expect(page.locator("section.msg")).to_contain_text("The mail server took it.")
        page.get_by_role("link", name=client.address).first.click()
        expect(page.get_by_text("Offer").first).to_be_visible()
        browser.close()
    [uid] = until(lambda: client.uids("INBOX"), lambda uids: len(uids) == 1)
    mail = email.message_from_bytes(client.message("INBOX", uid))
    assert (mail["Subject"], str(mail.get_payload()).strip()) == ("Offer", "Hello Bob")
    assert until(lambda: ann.uids("Sent"), lambda uids: len(uids) == 1)
