"""Settings: what a person may write, what it becomes, and what is said when it is wrong."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

import config

KEY = "k" * 32


def test_nothing_need_be_set() -> None:
    settings = config.load({})
    assert settings.domains == ("mail.kommo.com",)
    assert settings.smtp_listen == config.Listen("127.0.0.1", 8025)
    assert settings.http_listen == config.Listen("127.0.0.1", 8080)
    assert settings.database == Path("var/smartgate.db").absolute()
    assert settings.blob_path == Path("var/blobs").absolute()
    assert settings.max_message_bytes == 35 * 1024 * 1024
    assert settings.secret_key is None
    assert settings.public_url is None


READINGS = {
    # story                                        name             written                              meant
    "a domain loses case and its last dot": ("DOMAINS", "Mail.Kommo.COM.", ("mail.kommo.com",)),
    "an international domain becomes an A-label": ("DOMAINS", "bücher.example", ("xn--bcher-kva.example",)),
    "a list is separated by commas": ("DOMAINS", "a.example, b.example,", ("a.example", "b.example")),
    "a domain twice counts once": ("DOMAINS", "a.example,A.example", ("a.example",)),
    "port 0 is allowed": ("SMTP_LISTEN", "127.0.0.1:0", config.Listen("127.0.0.1", 0)),
    "IPv6 stands in brackets": ("HTTP_LISTEN", "[::1]:80", config.Listen("::1", 80)),
    "a host name may be listened on": ("HTTP_LISTEN", "localhost:80", config.Listen("localhost", 80)),
    "a single relay and a block": (
        "TRUSTED_RELAYS",
        "192.0.2.7, 2001:db8::/32",
        (ip_network("192.0.2.7/32"), ip_network("2001:db8::/32")),
    ),
    "the console's address loses its slash": ("PUBLIC_URL", "https://gate.example/", "https://gate.example"),
    "a level may be in capitals": ("LOG_LEVEL", "WARNING", "warning"),
    "LMTP may listen on a port": ("LMTP_LISTEN", "127.0.0.1:24", config.Listen("127.0.0.1", 24)),
    "LMTP may listen on a unix socket": ("LMTP_LISTEN", "unix:/run/sg/lmtp", config.UnixSocket(Path("/run/sg/lmtp"))),
    "a path alone is a unix socket": ("LMTP_LISTEN", "/run/sg/lmtp", config.UnixSocket(Path("/run/sg/lmtp"))),
    "a mode is octal": ("LMTP_SOCKET_MODE", "0666", 0o666),
    "a certificate is a file": ("TLS_CERT", "/etc/ssl/mx.pem", Path("/etc/ssl/mx.pem")),
    "a truth value in capitals": ("TLS_REQUIRED", "FALSE", False),
    "an empty value counts as unset": ("MAX_RECIPIENTS", "", 100),
}


@pytest.mark.parametrize(("name", "written", "meant"), READINGS.values(), ids=READINGS)
def test_what_is_written_becomes_what_is_meant(name: str, written: str, meant: object) -> None:
    settings = config.load({f"SMARTGATE_{name}": written})
    assert getattr(settings, name.lower()) == meant


WRONG = {
    # story                                    name              value                        what is said of it
    "no port": ("SMTP_LISTEN", "localhost", "has no port; allowed: HOST:PORT"),
    "no host": ("SMTP_LISTEN", ":25", "has no host"),
    "a port too large": ("SMTP_LISTEN", "127.0.0.1:65536", "has the port '65536'"),
    "a port of foreign digits": ("HTTP_LISTEN", "127.0.0.1:٣", "has the port '٣'"),
    "IPv6 without brackets": ("HTTP_LISTEN", "::1:80", "without brackets"),
    "no domain at all": ("DOMAINS", ",", "names no domain"),
    "an address for a domain": ("DOMAINS", "192.0.2.1", "looks like an IP address"),
    "a mail address for a domain": ("DOMAINS", "acme@mail.example", "is no domain name"),
    "an international domain that is none": ("DOMAINS", "a\u2e3ab.example", "no valid international domain"),
    "a PostgreSQL without a database": ("DATABASE_URL", "postgresql://host:5432/", "names no database"),
    "a mark that ends a URL": ("DATABASE_URL", "postgresql://host/a#b", "must be written as %XX: # is %23"),
    "a PostgreSQL port that is none": ("DATABASE_URL", "postgresql://host:0/db", "has a port that is no number from 1"),
    "a blank in a URL": ("DATABASE_URL", "postgresql://host/my db", "contains a blank"),
    "another driver": ("DATABASE_URL", "postgresql+asyncpg://host/db", "names no SQLite file; allowed: sqlite:///PATH"),
    "a store in memory": ("DATABASE_URL", "sqlite:///:memory:", "names no SQLite file; allowed: sqlite:///PATH"),
    "options on the store": ("DATABASE_URL", "sqlite:///a.db?mode=ro", "has options after the path"),
    "S3 without a bucket": ("BLOB_URL", "s3:///mail", "names no bucket"),
    "a bucket that can't be": ("BLOB_URL", "s3://My_Bucket", "'My_Bucket', which is no name of a bucket"),
    "a prefix S3 advises against": ("BLOB_URL", "s3://bucket/a{b}", "'a{b}' in its prefix"),
    "an unknown option of S3": (
        "BLOB_URL",
        "s3://bucket?zone=1",
        "has the option 'zone'; known are",
    ),
    "an endpoint that is none": ("BLOB_URL", "s3://bucket?endpoint=minio:9000", "'minio:9000', which is no http://"),
    "a region that is none": ("BLOB_URL", "s3://bucket?region=a%20b", "has the region 'a b'"),
    "a folder that is no URL": ("BLOB_URL", "/srv/blobs", "names no folder; allowed: file:///FOLDER"),
    "a block with host bits": ("TRUSTED_RELAYS", "10.1.2.3/8", "the block is 10.0.0.0/8"),
    "a relay by name": ("TRUSTED_RELAYS", "mx.example", "neither an IP address nor a block"),
    "authenticity by halves": ("AUTHENTICITY", "half", "is not allowed; allowed: enforce, mark or off"),
    "a relay's name that is none": ("RELAY_AUTHSERV_ID", "mx example", "is no domain name"),
    "a sealer that is none": ("ARC_TRUSTED_SEALERS", "list.example,@", "is no domain name"),
    "a name server by name": ("DNS_SERVERS", "192.0.2.1,dns.example:53", "'dns.example:53', which is no IP address"),
    "a name server with a wrong port": ("DNS_SERVERS", "192.0.2.1:x", "'192.0.2.1:x', which is no IP address"),
    "no web address": ("PUBLIC_URL", "gate.example", "is no web address; allowed: http://HOST"),
    "a web address with a query": ("PUBLIC_URL", "https://gate.example/?a=b", "carries more than"),
    "a web address with a blank": ("PUBLIC_URL", "https://gate.example/a b", "contains a blank"),
    "a number in words": ("MAX_RECIPIENTS", "many", "is not a whole number; allowed: a whole number from 1"),
    "a number with a point": ("MAX_RECIPIENTS", "1.5", "is not a whole number"),
    "a number out of bounds": ("MAX_SESSIONS", "0", "is not allowed; allowed: a whole number from 1 to 1000000"),
    "a unix socket with a relative path": ("LMTP_LISTEN", "unix:run/lmtp", "begins with a slash; allowed: HOST:PORT"),
    "a unix socket with too long a path": ("LMTP_LISTEN", "/" + "x" * 107, "longer than 107 bytes"),
    "a folder for a unix socket": ("LMTP_LISTEN", "unix:/run/", "names no file"),
    "a mode in words": ("LMTP_SOCKET_MODE", "rw-rw----", "is no mode of a file; allowed: three octal digits"),
    "a mode with more than rights": ("LMTP_SOCKET_MODE", "4660", "more than the rights"),
    "a key without its certificate": ("TLS_KEY", "/etc/ssl/key.pem", "needs SMARTGATE_TLS_CERT to be set as well"),
    "TLS required without a certificate": ("TLS_REQUIRED", "true", "needs SMARTGATE_TLS_CERT to be set as well"),
    "a truth value in words": ("TLS_REQUIRED", "yes", "is neither true nor false; allowed: true or false"),
    "an unknown level": ("LOG_LEVEL", "loud", "is not allowed; allowed: debug, info, warning or error"),
}


@pytest.mark.parametrize(("name", "value", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_answered_with_name_value_and_what_is_allowed(name: str, value: str, said: str) -> None:
    with pytest.raises(config.SettingsError) as refused:
        config.load({f"SMARTGATE_{name}": value})
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"SMARTGATE_{name}: {value!r} ")
    assert said in line
    assert "; allowed: " in line


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "can't be read (No such file or directory)"), ("", "no certificate"), ("mail.example\n", "no certificate")],
    ids=["not there", "empty", "another file"],
)
def test_authorities_that_cant_be_read_stop_the_start(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(config.SettingsError) as refused:
        config.load({"SMARTGATE_MAILBOX_CA_FILE": str(file)})
    line = str(refused.value)
    assert said in line
    assert "SMARTGATE_MAILBOX_CA_FILE" in line
    assert line.endswith("; allowed: the path of a file with certificates in PEM")


def test_name_servers_may_leave_out_their_port() -> None:
    settings = config.load({"SMARTGATE_DNS_SERVERS": "192.0.2.1, 192.0.2.2:5353, 2001:db8::1, [2001:db8::2]:54"})
    shown = [str(one) for one in settings.dns_servers]
    assert shown == ["192.0.2.1:53", "192.0.2.2:5353", "[2001:db8::1]:53", "[2001:db8::2]:54"]


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(config.SettingsError) as refused:
        config.load({"SMARTGATE_MAX_SESSIONS": "-1", "SMARTGATE_SMTP_LISTEN": "x", "SMARTGATE_DOMAIN": "a.example"})
    assert len(str(refused.value).splitlines()) == 3


def test_an_unknown_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(
        config.SettingsError, match=r"^SMARTGATE_SMTP_LISTENER is no setting; .* SMARTGATE_SMTP_LISTEN\?$"
    ):
        config.load({"SMARTGATE_SMTP_LISTENER": "127.0.0.1:25"})


def test_other_programs_variables_are_none_of_our_business() -> None:
    assert config.load({"PATH": "/bin", "smartgate_domains": "a.example"}) == config.load({})


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    file = tmp_path / "smartgate.toml"
    file.write_text('domains = ["a.example", "b.example"]\nmax_sessions = 7\nmax_recipients = 8\npublic_url = ""\n')
    settings = config.load({"SMARTGATE_CONFIG": str(file), "SMARTGATE_MAX_SESSIONS": "9"})
    assert settings.domains == ("a.example", "b.example")
    assert (settings.max_sessions, settings.max_recipients, settings.max_received) == (9, 8, 50)
    sources = {row.name: row.source for row in config.describe(settings)}
    assert sources["SMARTGATE_MAX_SESSIONS"] == "environment SMARTGATE_MAX_SESSIONS"
    assert sources["SMARTGATE_MAX_RECIPIENTS"] == f"file {file}"
    assert sources["SMARTGATE_MAX_RECEIVED"] == "default"


FILES = {
    "an unknown key": ("domain = 'a.example'", "'domain' in {file} is no setting; did you mean domains?"),
    "a wrong value names its file": ("max_sessions = 1.5", "SMARTGATE_MAX_SESSIONS: '1.5' (from file {file}) is not a"),
    "a truth value is no number": ("max_sessions = true", "SMARTGATE_MAX_SESSIONS: 'True' (from file {file}) is not a"),
    "a number is no list": ("domains = 3", "SMARTGATE_DOMAINS: '3' (from file {file}) is not a list of texts"),
    "a number is no address": ("smtp_listen = 25", "SMARTGATE_SMTP_LISTEN: '25' (from file {file}) is not a text"),
    "no TOML": ("domains: a", "SMARTGATE_CONFIG: '{file}' can't be read ("),
}


@pytest.mark.parametrize(("content", "said"), FILES.values(), ids=FILES)
def test_a_mistake_in_the_file_is_told_with_the_file(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "smartgate.toml"
    file.write_text(content)
    with pytest.raises(config.SettingsError) as refused:
        config.load({"SMARTGATE_CONFIG": str(file)})
    assert said.format(file=file) in str(refused.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(config.SettingsError, match=r"SMARTGATE_CONFIG: .*none.toml' can't be read \(No such file"):
        config.load({"SMARTGATE_CONFIG": str(tmp_path / "none.toml")})


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    settings = config.load({"SMARTGATE_SECRET_KEY_FILE": str(file)})
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == KEY


def test_a_secret_may_lie_in_the_secrets_folder(tmp_path: Path) -> None:
    (tmp_path / "SMARTGATE_SECRET_KEYS_OLD").write_text(f"{KEY},{KEY[::-1]}x\n")
    settings = config.load({"SMARTGATE_SECRETS_DIR": str(tmp_path)})
    assert [key.get_secret_value() for key in settings.secret_keys_old] == [KEY, KEY + "x"]


def test_the_environment_wins_over_a_secret_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    settings = config.load({"SMARTGATE_SECRET_KEY_FILE": str(file), "SMARTGATE_SECRET_KEY": "e" * 32})
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == "e" * 32


def test_a_secret_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(config.SettingsError, match=r"SMARTGATE_SECRET_KEY_FILE: .* \(No such file or directory\)"):
        config.load({"SMARTGATE_SECRET_KEY_FILE": str(tmp_path / "none")})
    with pytest.raises(config.SettingsError, match=r"SMARTGATE_SECRETS_DIR: .*none' is no folder"):
        config.load({"SMARTGATE_SECRETS_DIR": str(tmp_path / "none")})


def test_a_secret_is_never_shown() -> None:
    with pytest.raises(config.SettingsError) as refused:
        config.load({"SMARTGATE_SECRET_KEY": "hunter2", "SMARTGATE_SECRET_KEYS_OLD": f"{KEY},hunter3"})
    assert "hunter" not in str(refused.value)
    assert "SMARTGATE_SECRET_KEY: *** is shorter than 32 characters" in str(refused.value)
    settings = config.load({"SMARTGATE_SECRET_KEY": KEY, "SMARTGATE_SECRET_KEYS_OLD": KEY})
    assert KEY not in repr(settings)
    shown = {row.name: row.value for row in config.describe(settings)}
    assert (shown["SMARTGATE_SECRET_KEY"], shown["SMARTGATE_SECRET_KEYS_OLD"]) == ("***", "***")


@pytest.mark.parametrize("mark", ["", "@", "/", "#", ":"])
def test_a_password_in_a_url_is_never_shown(mark: str) -> None:
    with pytest.raises(config.SettingsError) as refused:
        config.load({"SMARTGATE_DATABASE_URL": f"postgresql://me:hunter{mark}hunter@db.example:0/x"})
    assert "'postgresql://***@db.example:0/x'" in str(refused.value)


@pytest.mark.parametrize(
    "url", ["postgresql://me:hunter2@db.example:5433/x", "postgres://db.example/x?password=hunter2"]
)
def test_a_postgresql_store_is_named_without_its_password(url: str) -> None:
    settings = config.load({"SMARTGATE_DATABASE_URL": url})
    shown = {row.name: row.value for row in config.describe(settings)}
    assert settings.database == url
    assert settings.on_postgresql
    assert settings.blob_path == Path("var/blobs").absolute()
    assert "hunter" not in settings.database_name
    assert "hunter" not in shown["SMARTGATE_DATABASE_URL"]


def test_the_store_may_stand_in_a_file_of_its_own_as_it_holds_a_password(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://me:hunter2@db.example/x\n")
    settings = config.load({"SMARTGATE_DATABASE_URL_FILE": str(file)})
    assert settings.database == "postgresql://me:hunter2@db.example/x"


def test_paths_are_absolute_and_the_blobs_lie_beside_the_store(tmp_path: Path) -> None:
    settings = config.load({"SMARTGATE_DATABASE_URL": f"sqlite:///{tmp_path}/a%20b.db"})
    assert settings.database == tmp_path / "a b.db"
    assert settings.blob_path == tmp_path / "blobs"
    assert config.load({"SMARTGATE_BLOB_URL": "file:///srv/mail%20blobs"}).blob_path == Path("/srv/mail blobs")


BUCKETS = {
    "s3://mails": config.Bucket("mails"),
    "s3://mails/": config.Bucket("mails"),
    "s3://mails/eu/gate?region=eu-central-1": config.Bucket("mails", "eu/gate/", None, "eu-central-1"),
    "s3://mails?endpoint=http://10.0.0.9:9000/": config.Bucket("mails", "", "http://10.0.0.9:9000"),
    "s3://mails?endpoint=https%3A%2F%2Fs3.example": config.Bucket("mails", "", "https://s3.example"),
}


@pytest.mark.parametrize(("url", "bucket"), BUCKETS.items())
def test_a_bucket_is_named_with_where_it_is_and_mail_waits_beside_the_store(url: str, bucket: config.Bucket) -> None:
    settings = config.load({"SMARTGATE_BLOB_URL": url, "SMARTGATE_DATABASE_URL": "sqlite:////srv/gate/mail.db"})
    assert settings.blob_bucket == bucket
    assert settings.blob_path == Path("/srv/gate/spool")


def test_the_key_to_a_bucket_may_lie_in_a_file_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("wJalrXUtnFEMI\n")
    environ = {"SMARTGATE_S3_ACCESS_KEY_ID": "AKIA", "SMARTGATE_S3_SECRET_ACCESS_KEY_FILE": str(file)}
    settings = config.load(environ)
    assert settings.s3_secret_access_key is not None
    assert settings.s3_secret_access_key.get_secret_value() == "wJalrXUtnFEMI"
    assert "wJalrXUtnFEMI" not in "".join(map(str, config.describe(settings)))
    for name, value in (("S3_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"), ("BLOB_URL", "s3://AKIA:wJalrXUtnFEMI@mails")):
        with pytest.raises(config.SettingsError, match="S3_ACCESS_KEY_ID") as refused:
            config.load({f"SMARTGATE_{name}": value})
        assert "wJalrXUtnFEMI" not in str(refused.value)


@pytest.mark.parametrize(
    ("machine", "name"), [("MX1.Example.net", "mx1.example.net"), ("box", "localhost"), ("a b", "localhost")]
)
def test_the_greeting_is_the_machines_full_name_or_localhost(
    monkeypatch: pytest.MonkeyPatch, machine: str, name: str
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: machine)
    assert config.load({}).hostname == name


def test_the_sample_file_with_every_line_in_force_sets_the_defaults(tmp_path: Path) -> None:
    lines = Path(config.__file__).with_name("smartgate.example.toml").read_text("utf-8").splitlines()
    file = tmp_path / "smartgate.toml"
    file.write_text("\n".join(line.removeprefix("# ") for line in lines if " = " in line))
    settings = config.load({"SMARTGATE_CONFIG": str(file)})
    assert settings.model_dump() == config.load({}).model_dump()
    assert len(config.describe(settings)) == sum(" = " in line for line in lines)


def test_listen_addresses_are_written_as_they_are_read() -> None:
    assert [str(config.Listen("::1", 25)), str(config.Listen("127.0.0.1", 0))] == ["[::1]:25", "127.0.0.1:0"]


def test_the_mode_of_a_socket_is_shown_as_it_is_written() -> None:
    [shown] = [
        one for one in config.describe(config.load({"SMARTGATE_LMTP_SOCKET_MODE": "600"})) if "SOCKET_MODE" in one.name
    ]
    assert (shown.value, shown.default) == ("600", "660")
