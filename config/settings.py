"""The settings model: every name, its default, its bounds and one sentence of help. The reference is made from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PrivateAttr
from pydantic_settings import BaseSettings, SettingsConfigDict

from config import kinds, values
from config.fields import number, setting
from config.kinds import (
    BlobUrl,
    DatabaseUrl,
    Domain,
    DomainNames,
    Domains,
    File,
    Hidden,
    ListenAddress,
    ListenPlace,
    Mode,
    Name,
    NameServers,
    Networks,
    PublicUrl,
    Secret,
    Secrets,
    Truth,
    Whole,
)
from config.mailbox_settings import MailboxSettings
from config.sign_in_settings import SignInSettings

PREFIX = "SMARTGATE_"
_MIB = 1024 * 1024


class _ServerSettings(BaseSettings):
    """What the doors for mail, the store and the web take; those of mailboxes come after them."""

    database_url: DatabaseUrl = setting(
        "sqlite:///var/smartgate.db",
        "The store: one SQLite file, made when it is not there (a relative path starts at the working folder), or a "
        "PostgreSQL database, for more than one process or machine (docs/operations.md).",
        "sqlite:///PATH, with a fourth slash for an absolute path, or postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
    )
    blob_url: BlobUrl | None = setting(
        None,
        "Where mails go that are too large for the store: a folder, or a bucket of S3-compatible storage. Left out: "
        "the folder `blobs` beside the SQLite file, or, with PostgreSQL, `var/blobs`. Gateways on several machines "
        "need a bucket, or one folder that all of them reach.",
        "file:///FOLDER or s3://BUCKET/PREFIX?endpoint=URL&region=NAME, of which only the bucket is needed",
    )
    s3_access_key_id: Name | None = setting(
        None,
        "The id of the key to the bucket of BLOB_URL. Left out: AWS_ACCESS_KEY_ID, or the role of the machine.",
        "a text without blanks",
    )
    s3_secret_access_key: Annotated[Hidden | None, kinds.needs("s3_access_key_id")] = setting(
        None,
        "The key to the bucket of BLOB_URL. Left out: AWS_SECRET_ACCESS_KEY, or the role of the machine.",
        "a text without blanks",
    )
    domains: Domains = setting(
        "mail.kommo.com",
        "The gateway domains: mail to other domains is refused (rule A1). International names may be written as such.",
        "domain names, separated by commas",
    )
    hostname: Domain = Field(
        default_factory=kinds.own_name,
        description="The name given in the greeting. Left out: the machine's own full name, else localhost.",
        json_schema_extra={"allowed": "a domain name"},
    )
    smtp_listen: ListenAddress = setting(
        "127.0.0.1:8025",
        "Where mail comes in by SMTP. Port 0 takes a free port; `serve` prints the real one.",
        "HOST:PORT or [IPV6]:PORT",
    )
    lmtp_listen: ListenPlace | None = setting(
        None,
        "Where a mail server on this machine or network hands mail over by LMTP. Left out: nowhere.",
        "HOST:PORT, [IPV6]:PORT, unix:/PATH or /PATH",
    )
    lmtp_socket_mode: Mode = setting(
        "660",
        "Who may connect to LMTP_LISTEN where that is a unix socket: its file's mode.",
        "three octal digits, as chmod takes them",
    )
    http_listen: ListenAddress = setting(
        "127.0.0.1:8080",
        "Where the API and the console answer. Port 0 takes a free port; `serve` prints the real one.",
        "HOST:PORT or [IPV6]:PORT",
    )
    public_url: PublicUrl | None = setting(
        None,
        "The console's address as people reach it; links in replies begin with it. Left out: http:// and HTTP_LISTEN.",
        "http://HOST or https://HOST, with a port and path if needed",
    )
    tls_cert: File | None = setting(
        None,
        "The certificate shown after STARTTLS, with its chain. Read again when it changes. Left out: no STARTTLS.",
        "a file in PEM",
    )
    tls_key: Annotated[File | None, kinds.needs("tls_cert")] = setting(
        None,
        "The private key of TLS_CERT, without a password. Left out: it stands in the file of TLS_CERT.",
        "a file in PEM",
    )
    tls_required: Annotated[Truth, kinds.needs("tls_cert")] = setting(
        False,
        "Whether mail is taken over TLS only. Loopback and TRUSTED_RELAYS are spared.",
        "true or false",
    )
    proxy_protocol_from: Networks = setting(
        "",
        "Load balancers in front: each of their connections must begin with a PROXY header, version 1 or 2.",
        "IP addresses and blocks such as 10.0.0.0/8, separated by commas",
    )
    held_days: Whole = number(
        30, 1, 3650, "How long held mail waits for an admin, in days; then it is refused and its content dropped (B7)."
    )
    deleted_days: Whole = number(
        30, 1, 3650, "How long a deleted message can be restored, in days; then its content is dropped (E8)."
    )
    receipt_days: Whole = number(
        365,
        1,
        36500,
        "How long receipts are kept, in days; those of held mail never go before it. Their public pages go with them.",
    )
    delivery_days: Whole = number(
        30, 4, 3650, "How long it is remembered, in days, what became of events on their way to CRM back ends."
    )
    audit_days: Whole = number(365, 1, 36500, "How long it is known who did what in an account, in days.")
    webhook_allow_private: Truth = setting(
        False,
        "Whether webhooks may go to private, loopback and link-local addresses: for receivers of your own network.",
        "true or false",
    )
    former_name_days: Whole = number(
        3650, 0, 36500, "How long the former name of a renamed account stays reserved to it, in days (rule A4)."
    )
    secret_key: Secret | None = setting(
        None,
        "The key that encrypts stored credentials. Left out, a SQLite store keeps one of its own in a file beside it, "
        "named as the store and ending in .key.",
        "at least 32 characters",
    )
    secret_keys_old: Secrets = setting(
        "",
        "Former secret keys that are still accepted while the new one takes over.",
        "keys of at least 32 characters each, separated by commas",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(kinds.lower)] = setting(
        "info", "The least important events that are logged.", "debug, info, warning or error"
    )
    log_format: Annotated[Literal["console", "json"], BeforeValidator(kinds.lower)] = setting(
        "console", "How events are written to standard error: for people or for programs.", "console or json"
    )
    trusted_relays: Networks = setting(
        "",
        "Mail servers in front of this one: trusted to have checked who sent a mail (rule B5), and spared where limits "
        "are counted by address (rule A8).",
        "IP addresses and blocks such as 10.0.0.0/8, separated by commas",
    )
    authenticity: Annotated[Literal["enforce", "mark", "off"], BeforeValidator(kinds.lower)] = setting(
        "enforce",
        "Whether SPF, DKIM, ARC and DMARC are evaluated, and may refuse and hold mail or only mark it (rule B5).",
        "enforce, mark or off",
    )
    relay_authserv_id: Domain | None = setting(
        None,
        "The name under which the trusted relays write Authentication-Results, which are then believed (rule B5).",
        "a domain name",
    )
    arc_trusted_sealers: DomainNames = setting(
        "",
        "Whose ARC seals are believed: forwarders and lists that say what they found before they changed a mail (B5).",
        "domain names, separated by commas",
    )
    dns_servers: NameServers = setting(
        "",
        "The DNS servers to ask. Left out: those of this machine.",
        "IP addresses, each with a port if it is not 53, separated by commas",
    )
    max_message_bytes: Whole = number(
        35 * _MIB, 64 * 1024, 1024 * _MIB, "The largest mail that is taken, in bytes; announced as SIZE (rule A8)."
    )
    max_recipients: Whole = number(100, 1, 10_000, "The most recipients of one transaction (rule A8).")
    max_sessions: Whole = number(12_000, 1, 1_000_000, "The most SMTP connections held at one time (rule A8).")
    max_command_errors: Whole = number(
        20, 1, 1000, "The most wrong commands of one connection before it is closed (rule A8)."
    )
    max_commands: Whole = number(
        1000,
        10,
        1_000_000,
        "The most commands of one connection without a mail, accepted recipients left out (rule A8).",
    )
    max_unknown_recipients: Whole = number(
        20, 1, 10_000, "The most refused recipients of one connection before it is closed (rule A8)."
    )
    max_sessions_per_address: Whole = number(
        50, 1, 1_000_000, "The most connections at one time from one IPv4 address or IPv6 /64 (rule A8)."
    )
    max_connections_per_minute: Whole = number(
        300, 1, 1_000_000, "The most new connections a minute from one IPv4 address or IPv6 /64 (rule A8)."
    )
    max_mails_per_minute: Whole = number(
        600, 1, 1_000_000, "The most mails a minute from one IPv4 address or IPv6 /64 (rule A8)."
    )
    max_names_per_hour: Whole = number(
        10,
        1,
        1_000_000,
        "How many addresses an IPv4 /24 or IPv6 /48 may ask for in vain in an hour; then all are put off (rule A8).",
    )
    session_idle_seconds: Whole = number(
        300, 1, 86_400, "How long a connection may stay silent between commands, in seconds (rule A8)."
    )
    data_seconds: Whole = number(
        600, 1, 86_400, "How long the transfer of one mail's content may take, in seconds (rule A8)."
    )
    data_bytes_per_second: Whole = number(
        256, 1, 1_000_000, "How fast a mail's content must come on average, in bytes a second (rule A8)."
    )
    max_header_bytes: Whole = number(
        256 * 1024, 1024, 16 * _MIB, "The largest header section that is read, in bytes (rule B4b)."
    )
    max_header_lines: Whole = number(1000, 10, 100_000, "The most header lines that are read (rule B4b).")
    max_addresses: Whole = number(500, 1, 10_000, "The most addresses in From, To and Cc together (rule B4b).")
    max_mime_depth: Whole = number(50, 1, 500, "How deep the parts of a mail may be nested (rule B4b).")
    max_mime_parts: Whole = number(1000, 1, 100_000, "The most parts a mail may have (rule B4b).")
    max_received: Whole = number(
        50, 1, 1000, "The most Received lines; a mail with more goes round in circles (rule B3)."
    )
    max_contacts_per_message: Whole = number(
        20, 1, 1000, "The most contacts that one mail may make; the others are named in its trace (rule C4)."
    )
    max_new_per_hour_account: Whole = number(
        300,
        1,
        1_000_000,
        "The most new contacts and leads an hour that all outsiders together, in one account, may cause (rule B8b).",
    )
    max_new_per_hour_domain: Whole = number(
        60,
        1,
        1_000_000,
        "The most new contacts and leads an hour that outsiders of one author's domain may cause (rule B8b).",
    )
    max_new_per_hour_author: Whole = number(
        20, 1, 1_000_000, "The most new contacts and leads an hour that one outsider may cause (rule B8b)."
    )
    max_new_per_hour_block: Whole = number(
        60,
        1,
        1_000_000,
        "The most new contacts and leads an hour that outsiders in one IPv4 /24 or IPv6 /48 may cause (rule B8b).",
    )

    max_api_requests: Whole = number(
        600, 1, 1_000_000, "The most requests of one token to the API within 10 seconds; counted by each machine."
    )
    api_spare_loopback: Truth = setting(
        True,
        "Whether programs on this machine are spared by MAX_API_REQUESTS. Requests that a proxy marks as passed on "
        "(Forwarded, X-Forwarded-For, X-Real-IP or Via) never are. Set it to false where a proxy here marks none.",
        "true or false",
    )
    egress_addresses: Networks = setting(
        "",
        "The addresses from which this gateway connects to other servers, as the API lists them for firewalls (E12).",
        "IP addresses and blocks such as 192.0.2.0/28, separated by commas",
    )

    @property
    def on_postgresql(self) -> bool:
        """Whether the store is a PostgreSQL database, which several processes and machines may share."""
        return values.is_postgresql(self.database_url)

    @property
    def database(self) -> Path | str:
        """The store: the SQLite file as an absolute path, or the URL of a PostgreSQL database."""
        return self.database_url if self.on_postgresql else values.database_path(self.database_url)

    @property
    def database_name(self) -> str:
        """The store as it may be shown: a path, or a URL without its password."""
        return values.without_password(str(self.database))

    @property
    def blob_path(self) -> Path:
        """The folder for large mails, as an absolute path; with a bucket, the one they wait in until it has them."""
        beside = (Path("var") if isinstance(self.database, str) else self.database.parent).absolute()
        if self.blob_url is None:
            return beside / "blobs"
        return beside / "spool" if values.is_bucket(self.blob_url) else values.blob_path(self.blob_url)

    @property
    def blob_bucket(self) -> values.Bucket | None:
        """The bucket for large mails, where one is named."""
        named = self.blob_url is not None and values.is_bucket(self.blob_url)
        return values.bucket(self.blob_url) if named and self.blob_url else None


class Settings(SignInSettings, MailboxSettings, _ServerSettings):
    """Everything that may be set. Made by `config.load`; frozen, so that a running server never changes under itself.

    The name outside is SMARTGATE_ and the field in capitals.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, enable_decoding=False, env_ignore_empty=True, extra="forbid", frozen=True
    )
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)


SECRETS = frozenset(
    {
        "secret_key",
        "secret_keys_old",
        "s3_secret_access_key",
        "oauth_google_client_secret",
        "oauth_microsoft_client_secret",
        "oidc_client_secret",
    }
)
"""Fields that are never shown, and that may also be read from a file of their own."""

KEPT_APART = SECRETS | {"database_url"}
"""Fields that may be read from a file of their own: secrets, and a URL that holds a password (shown without it)."""
