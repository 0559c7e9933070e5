"""A store with many mails in it, made in minutes: two mails are handed over by SMTP, all others are rows after theirs.

How they are dealt out: every twentieth mail goes to one of N/1000 regulars, so that each regular has 50; the others
go to clients who get five each, all of them over 300 days. The first mail of a client makes contact, lead,
conversation and thread, the later ones join them. Ids rise with time, identities are random and cards come in the order
of the mails, so pages fill as they do in a store that has grown. Of the texts there are only some dozens, compressed
and stored as each mail's own.
"""

from __future__ import annotations

import contextlib
import os
import smtplib
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import zstandard

from bench import indexed
from bench.letters import SMART_ADDRESS, Letters
from bench.ours import Ours, Sqlite
from bench.rows import KIB
from gateway.core.mail import message_id_key
from gateway.store.ids import first_id
from gateway.store.tables import metadata

MAILS_OF_A_REGULAR = 50
FEWEST = 1_000
STEPS = 20
"""How often a filling tells how far it is."""
_EVERY_REGULAR = 20
_MAILS_OF_A_CLIENT = 5
_SPAN_MS = 300 * 86_400_000
_CHUNK = 5_000
_TEXTS = 64
_FROM = b"\r\nSubject: "

Values = dict[str, Any]
Row = tuple[Any, ...]
_Samples = Mapping[str, tuple[list[Values], list[Values]]]
_Fit = Callable[["_Mail"], Row]
_SHARED = (
    "accounts",
    "slugs",
    "own_domains",
    "users",
    "tokens",
    "audit",
    "never_log",
    "audit",
    "quotas",
    "search_entries",
    "search_walks",
)


@dataclass(frozen=True, slots=True)
class Filled:
    """A store under a folder, as `Ours` takes it. mails: the two samples included. seconds: how long it took."""

    folder: Path
    mails: int
    megabytes: float
    seconds: float


def fill(folder: Path, mails: int, stepped: Callable[[], None] = lambda: None) -> Filled:
    """Make a store of `mails` mails, beside the two samples, under an empty folder. mails: a multiple of 1,000, so
    that it comes out even. stepped: called STEPS times.
    """
    if mails < FEWEST or mails % FEWEST:
        raise ValueError(f"{mails} mails can't be dealt out evenly: a multiple of {FEWEST} is needed")
    begun = time.monotonic()
    database = Sqlite()
    _hand_over(Ours(database), folder)
    with contextlib.closing(sqlite3.connect(database.path, isolation_level=None)) as store:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-1000000"):
            store.execute(f"PRAGMA {pragma}").fetchall()
        samples = _samples(store)
        store.execute("BEGIN")
        opened = time.time_ns() // 1_000_000 - _SPAN_MS
        step = mails // STEPS
        [account] = {row["account"] for row in samples["messages"][0]}
        index = indexed.Indexed(account, _letters(), _people(samples))
        for start in range(0, mails, step):
            some = [_Mail(number, mails, opened) for number in range(start, start + step)]
            for table, rows in _chunks(samples, iter(some)):
                store.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)
            for at in range(0, len(some), _CHUNK):
                indexed.put(store, index.rows(some[at : at + _CHUNK], _found_by, _subject_of))
            stepped()
        indexed.complete(store, account)
        store.execute("COMMIT")
    with contextlib.closing(sqlite3.connect(database.path)) as store:
        store.execute("PRAGMA journal_mode=WAL").fetchall()
    with database.path.open("rb") as file:
        os.fsync(file.fileno())
    size = database.path.stat().st_size / 1e6
    return Filled(folder, database.kept(), size, time.monotonic() - begun)


def regulars(path: Path, most: int) -> list[tuple[str, str]]:
    """Id and address of up to `most` regulars, spread over the whole store."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        query = "SELECT contact, email FROM contact_emails WHERE email LIKE 'regular%' ORDER BY contact"
        found = [(str(contact), str(email)) for contact, email in store.execute(query)]
    return found[:: max(len(found) // most, 1)][:most]


def _hand_over(server: Ours, folder: Path) -> None:
    """The two sample mails, through the real door: one opens everything, one joins it."""
    server.start(folder)
    try:
        letter = Letters(3 * KIB, "sample").letter(0)
        first = b"".join(letter.pieces)[:-3]
        head, _, rest = first.partition(b"\r\nMessage-ID: <")
        message_id, _, rest = rest.partition(b">")
        again = b"%s\r\nMessage-ID: <again.%s>%s" % (head, message_id, rest)
        again = again.replace(_FROM, b"\r\nIn-Reply-To: <%s>%sRe: " % (message_id, _FROM), 1)
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            for mail in (first, again):
                client.sendmail(letter.sender.decode(), SMART_ADDRESS.decode(), mail)
    finally:
        server.stop()


def _samples(store: sqlite3.Connection) -> _Samples:
    """The rows of the two sample mails by table: those of the first, those of the second."""
    store.row_factory = sqlite3.Row
    found: dict[str, list[Values]] = {
        table: [dict(row) for row in store.execute(f"SELECT * FROM {table}")] for table in metadata.tables
    }
    store.row_factory = None
    first, second = sorted(found["messages"], key=lambda row: str(row["id"]))
    samples = {}
    for table, rows in found.items():
        if table in _SHARED:
            continue
        later = [row for row in rows if second["id"] in (row.get("id"), row.get("message"), row.get("subject"))]
        samples[table] = ([row for row in rows if row not in later], later)
    if first["conversation"] != second["conversation"] or len(samples["cards"][1]) != 2:
        raise RuntimeError("the sample mails were not filed as the filling expects: adapt bench/filling.py")
    return samples


class _Mail:
    """What the rows of the n-th mail are about."""

    __slots__ = ("at", "client", "first", "name", "number", "of_client", "opened", "stamp", "talk")

    def __init__(self, number: int, mails: int, begun: int) -> None:
        turn, place = divmod(number, _EVERY_REGULAR)
        regular = place == _EVERY_REGULAR - 1
        nth, each = (turn, MAILS_OF_A_REGULAR) if regular else (number - turn, _MAILS_OF_A_CLIENT)
        of_regulars = mails // _EVERY_REGULAR
        many = (of_regulars if regular else mails - of_regulars) // each
        kind, client = ("regular" if regular else "client"), nth % many
        opening = client * _EVERY_REGULAR + _EVERY_REGULAR - 1 if regular else client + client // (_EVERY_REGULAR - 1)
        step = _SPAN_MS // mails
        self.number = number
        self.first = nth < many
        self.of_client = each
        self.at = begun + number * step
        self.opened = f"{first_id(begun + opening * step)}%s{opening:015d}"
        self.stamp = f"{first_id(self.at)}%s{number:015d}"
        self.client = f"{kind}{client}@client{client % 397}.example"
        self.name = f"{kind.title()} Number{client}"
        self.talk = self.opened % "M"


def _chunks(samples: _Samples, mails: Iterator[_Mail]) -> Iterator[tuple[str, list[Row]]]:
    """The rows of these mails, some thousand mails at a time, table after table."""
    fits = {table: tuple([_fit(table, row) for row in rows] for rows in both) for table, both in samples.items()}
    while some := list(islice(mails, _CHUNK)):
        for table, (of_first, of_later) in fits.items():
            rows = [fit(mail) for mail in some for fit in (of_first if mail.first else of_later)]
            if rows:
                yield table, rows


def _fit(table: str, sample: Values) -> _Fit:
    """How a row of the sample becomes one of another mail: the columns that differ are put in, all others kept."""
    columns = [column.name for column in metadata.tables[table].columns]
    row = [sample[name] for name in columns]
    changes = [(columns.index(name), change) for name, change in _changes(table, sample).items()]

    def fit(mail: _Mail) -> Row:
        for at, change in changes:
            row[at] = change(mail)
        return tuple(row)

    return fit


def _id(letter: str) -> Callable[[_Mail], str]:
    """An id of the mail's own. The letters that tell kinds apart are of the alphabet of ids."""
    return lambda mail: mail.stamp % letter


def _opened(letter: str) -> Callable[[_Mail], str]:
    """An id of what the client's first mail opened."""
    return lambda mail: mail.opened % letter


_MESSAGE, _CONTACT, _LEAD, _THREAD, _RECEIPT = "M", "C", "D", "T", "R"
_EVENTS = {"contact.created": ("A", _CONTACT), "lead.created": ("B", _LEAD), "message.filed": ("E", _MESSAGE)}


def _at(mail: _Mail) -> int:
    return mail.at


def _client(mail: _Mail) -> str:
    return mail.client


def _subject(mail: _Mail) -> str:
    return f"Offer {mail.talk[-15:]} for {mail.name}"


def _message_id(mail: _Mail) -> str:
    return f"<filled.{mail.number}@acme.example>"


def _letters() -> list[bytes]:
    letters = Letters(3 * KIB, "filling")
    return [b"".join(letters.letter(number).pieces)[:-3] for number in range(_TEXTS)]


def _texts() -> list[bytes]:
    packed = zstandard.ZstdCompressor(level=1)
    return [packed.compress(letter) for letter in _letters()]


def _people(samples: _Samples) -> list[str]:
    """Names and addresses of those who are in every mail."""
    rows = [row for both in samples["participants"] for row in both if row["kind"] != "client"]
    return list(dict.fromkeys(str(text) for row in rows for text in (row["name"], row["address"]) if text))


def _found_by(mail: Any) -> tuple[str, str, str]:
    return mail.stamp % _MESSAGE, mail.opened % _CONTACT, mail.opened % _LEAD


def _subject_of(mail: Any) -> str:
    return _subject(mail)


def _changes(table: str, sample: Values) -> Mapping[str, Callable[[_Mail], Any]]:
    """The columns of a table that differ from mail to mail, each with what stands in it."""
    if table == "participants":
        return _person(sample)
    if table == "events":
        letter, subject = _EVENTS[sample["type"]]
        about = _id(_MESSAGE) if subject == _MESSAGE else _opened(subject)
        place = list(_EVENTS).index(sample["type"]) + 1
        return {
            "id": _id(letter),
            "at": _at,
            "subject": about,
            "conversation": _opened(_MESSAGE),
            "position": lambda mail: -(mail.number * len(_EVENTS) + place),
        }
    if table == "messages":
        rest = str(sample["identity"])[16:]
        return {
            "id": _id(_MESSAGE),
            "at": _at,
            "message_id": _message_id,
            "date": _at,
            "primary": _client,
            "identity": lambda mail: message_id_key(_message_id(mail)) + rest,
            "subject": _subject,
            "base_subject": _subject,
            "conversation": _opened(_MESSAGE),
        }
    if table == "bodies":
        texts = _texts()
        return {"message": _id(_MESSAGE), "data": lambda mail: texts[mail.number % _TEXTS]}
    if table == "cards":
        card = _opened(_CONTACT if sample["kind"] == "contact" else _LEAD)
        return {"card": card, "at": _at, "message": _id(_MESSAGE)}
    if table not in _OTHERS:
        raise RuntimeError(f"filing writes rows of {table}, which the filling doesn't know: adapt bench/filling.py")
    return _OTHERS[table]


def _person(sample: Values) -> Mapping[str, Callable[[_Mail], Any]]:
    if sample["kind"] == "client":
        return {"message": _id(_MESSAGE), "address": _client, "key": _client, "name": lambda mail: mail.name}
    return {"message": _id(_MESSAGE)}


_OTHERS: Mapping[str, Mapping[str, Callable[[_Mail], Any]]] = {
    "contacts": {"id": _opened(_CONTACT), "name": lambda mail: mail.name, "created_at": _at},
    "contact_emails": {"email": _client, "contact": _opened(_CONTACT)},
    "leads": {"id": _opened(_LEAD), "name": _subject, "main_contact": _opened(_CONTACT), "created_at": _at},
    "lead_contacts": {"lead": _opened(_LEAD), "contact": _opened(_CONTACT)},
    "conversations": {"id": _opened(_MESSAGE), "lead": _opened(_LEAD)},
    "threads": {
        "id": _opened(_THREAD),
        "client": _client,
        "subject_key": lambda mail: _subject(mail).casefold(),
        "subject": _subject,
        "last_at": _at,
        "conversation": _opened(_MESSAGE),
        "count": lambda mail: mail.of_client,
    },
    "sources": {"message": _id(_MESSAGE), "thread": _opened(_THREAD), "at": _at},
    "receipts": {
        "id": _id(_RECEIPT),
        "at": _at,
        "message": _id(_MESSAGE),
        "message_id": _message_id,
        "subject": _subject,
    },
}
