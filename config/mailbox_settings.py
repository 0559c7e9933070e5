"""The settings of people's own mailboxes: sign-in elsewhere, how much is imported, how often is looked."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated

from pydantic import ValidationInfo
from pydantic.functional_validators import AfterValidator
from pydantic_settings import BaseSettings

from config import kinds, providers
from config.fields import number, setting
from config.kinds import File, Hidden, Name, Truth, Whole


def _not_before(value: int, info: ValidationInfo) -> int:
    least = info.data.get("mailbox_sync_minutes")
    if least is not None and value < least:
        raise ValueError(f"is less than SMARTGATE_MAILBOX_SYNC_MINUTES, which is {least}")
    return value


def _with_certificates(file: Path | None) -> Path | None:
    """A file of authorities, once it was read: a wrong one stops the start. Raises ValueError."""
    if file is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except ssl.SSLError:
            raise ValueError("holds no certificate that can be read") from None
        except OSError as fault:
            raise ValueError(f"can't be read ({fault.strerror})") from None
    return file


class MailboxSettings(BaseSettings):
    """What connecting to mailboxes takes (rules, section E)."""

    oauth_google_client_id: Name | None = setting(
        None,
        "The client id of your own OAuth app at Google, for mailboxes of Gmail and Google Workspace.",
        "a text without blanks",
    )
    oauth_google_client_secret: Annotated[Hidden | None, kinds.needs("oauth_google_client_id")] = setting(
        None, "The client secret of that app.", "a text without blanks"
    )
    oauth_microsoft_client_id: Name | None = setting(
        None,
        "The client id of your own OAuth app at Microsoft, for mailboxes of Outlook.com and Microsoft 365.",
        "a text without blanks",
    )
    oauth_microsoft_client_secret: Annotated[Hidden | None, kinds.needs("oauth_microsoft_client_id")] = setting(
        None, "The client secret of that app.", "a text without blanks"
    )
    mailbox_allow_private: Truth = setting(
        False,
        "Whether mailboxes may stand on servers at private, loopback and link-local addresses: in-house servers.",
        "true or false",
    )
    mailbox_ca_file: Annotated[File | None, AfterValidator(_with_certificates)] = setting(
        None,
        "Certificates, in PEM, of authorities that are trusted beside those of this machine for mail servers, their "
        "autoconfiguration and the provider of OIDC_ISSUER: for in-house servers.",
        "the path of a file with certificates in PEM",
    )
    mailbox_providers_file: Annotated[File | None, AfterValidator(providers.checked)] = setting(
        None,
        "A table of providers of your own, in the form of config/providers.toml, that is asked before that one.",
        "the path of such a table",
    )
    mailbox_import_messages: Whole = number(
        500, 1, 100_000, "How many messages of each folder are imported when a mailbox is connected, the newest (E4)."
    )
    mailbox_import_days: Whole = number(
        31, 1, 3_650, "How old the messages may be that are imported when a mailbox is connected, in days (rule E4)."
    )
    mailbox_sync_minutes: Whole = number(
        15, 1, 1_440, "How long after one look at a mailbox the next one comes at the earliest, in minutes (rule E5)."
    )
    mailbox_sync_minutes_most: Annotated[Whole, AfterValidator(_not_before)] = number(
        30, 1, 1_440, "How long after one look at a mailbox the next one comes at the latest, in minutes (rule E5)."
    )
    mailbox_connections_per_host: Whole = number(
        20, 1, 1_000, "The most connections to one mail server at one time, of all pollers together."
    )
    mailbox_workers: Whole = number(16, 1, 256, "How many mailboxes one process looks into at one time.")
    mailbox_idle_connections: Whole = number(
        1_000,
        0,
        10_000,
        "How many connections one process holds open to hear of new mail at once (IMAP IDLE); 0: none.",
    )
