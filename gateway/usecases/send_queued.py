"""Send what waits in the queue: hand it to the server of its mailbox, then see to its copy among the sent mail (E11).

A mail goes in steps, each written down before the next one begins, so that whoever comes after a crash knows how far it
is. Where nobody knows whether a server took it, the folder of sent mail is asked first: what stands there was taken.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from asyncio import sleep
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from gateway import metrics
from gateway.core.mailboxes import AUTH_FAILED, PASSWORD, Credential
from gateway.core.outgoing import FAILED, KEPT, NONE, QUEUED, SENDING, SENT, WANTED, next_look, next_try
from gateway.core.syncplan import LOG_INS
from gateway.sealing import Keyring, SealError
from gateway.store import outgoing as queue
from gateway.store.blobs import Blobs
from gateway.store.bodies import find_body, unpack
from gateway.store.deletions import FILED
from gateway.store.engine import Store, Tx, is_postgresql
from gateway.store.ids import new_id, shared_time
from gateway.store.mailbox_reading import add_refused_log_in, lock_out
from gateway.store.mailboxes import MailboxRow, get_mailbox
from gateway.store.outgoing import Claiming, Outgoing
from gateway.store.troubles import is_passing
from gateway.usecases.credentials import Credentials
from gateway.usecases.mail_servers import Copy, MailServers, Parcel, Passed, Trouble
from gateway.usecases.posting import about_sealed

__all__ = ["Outgoing", "Sender"]
_log = structlog.get_logger(__name__)
WAIT_MS = 30_000
"""How soon a mail is looked at again whose mailbox lets nobody in."""
AGAIN_SECONDS = 1.0
"""Until a store that did not take what became of a mail is asked again."""
_GONE = "It was deleted before it was sent."
_DISCONNECTED = "The mailbox was disconnected before this mail was sent."
_LOCKED = "The mail server of {address} does not let us in; connect the mailbox again, then it is sent."
_SEALED = "The password of this mailbox can't be read here; connect it again, then it is sent."
_TOO_LATE = "It was tried for two days. The last time: {why}."
_UNKNOWN = "Nobody knows whether it arrived: {why}."
_MOST_ERROR = 1_000


@dataclass(frozen=True, slots=True)
class _Facts:
    """What sending a mail takes. message: its bytes. box: its mailbox as it stands."""

    box: MailboxRow
    message: bytes


class Sender:
    """Use cases of the queue over one store. clock: the time that all share. chance: a number from 0 to 1."""

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        servers: MailServers,
        keyring: Callable[[], Keyring],
        clock: Callable[[], int] = shared_time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store, self._blobs, self._servers, self._keyring = store, blobs, servers, keyring
        self._clock, self._chance = clock, chance
        self._name, self._serial = new_id(), itertools.count(1)
        self._holders: dict[tuple[int, str], str] = {}

    async def take_over(self) -> None:
        """On SQLite, where one server sends: takes what its predecessor had in hand. On PostgreSQL claims run out."""
        if not is_postgresql(self._store.url):
            await self._store.write(lambda tx: queue.drop_claims(tx, self._clock()))

    async def claim(self, room: int) -> tuple[Outgoing, ...]:
        """Takes mails that are due in hand, so many at most. One that is in hand here already, and whose claim ran out
        while the store was full or away, is held on to and not taken twice."""
        wanted = Claiming(f"{self._name}-{next(self._serial)}", self._clock(), room)
        if not await self._store.read(lambda tx: queue.is_due(tx, wanted.now)):
            return ()
        claimed: tuple[Outgoing, ...] = await self._store.write_each(_claim, wanted)
        fresh = tuple(one for one in claimed if one.key not in self._holders)
        self._holders |= {one.key: wanted.holder for one in claimed}
        return fresh

    async def keep(self, held: Collection[Outgoing]) -> None:
        """Holds mails for longer."""
        mine = [(one, self._holders[one.key]) for one in held if one.key in self._holders]
        if mine:
            await self._store.write_each(_keep, (mine, self._clock()))

    async def watch(self) -> None:
        """Tells the figures how many mails wait."""
        metrics.outgoing_waiting(await self._store.read(queue.count_waiting))

    async def send(self, one: Outgoing) -> None:
        """The next step of a mail: it is handed over, or its copy is seen to."""
        try:
            await self._take_on(one)
        finally:
            self._holders.pop(one.key, None)

    async def _take_on(self, one: Outgoing) -> None:
        if one.sealed == queue.CLOSED:
            await self._settle(one, one.state)
            return
        facts = await self._find(one)
        if isinstance(facts, str):
            await self._end(one, facts)
        elif facts.box.state == AUTH_FAILED or facts.box.tries >= LOG_INS:
            await self._wait(one, _LOCKED.format(address=facts.box.address))
        else:
            await self._step(one, facts)

    async def _step(self, one: Outgoing, facts: _Facts) -> None:
        credential = await self._credential(one, facts.box)
        if credential is None:
            await self._wait(one, _SEALED)
        elif isinstance(credential, Trouble):
            await self._trouble(one, facts.box, credential)
        elif one.sent_at is not None and one.kept == WANTED:
            await self._see_to_copy(one, facts, credential, one.sent_at)
        elif one.uncertain and one.sealed is None:
            await self._find_out(one, facts, credential)
        else:
            await self._hand_over(one, facts, credential)

    async def _find(self, one: Outgoing) -> _Facts | str:
        """What sending it takes, or why it is sent no more."""

        def find(tx: Tx) -> tuple[MailboxRow | None, tuple[str, int] | None]:
            return get_mailbox(tx, one.account, one.mailbox), queue.find_kept_body(tx, one.account, one.message)

        box, kept = await self._store.read(find)
        if box is None or not box.reachable:
            return _DISCONNECTED
        if one.sealed is not None:
            try:
                return _Facts(box, self._keyring().open(one.sealed, about_sealed(one.account, one.message)))
            except SealError:
                return _GONE
        if kept is None or (kept[0] != FILED and one.sent_at is None):
            return _GONE
        body = await self._store.read(lambda tx: find_body(tx, one.account, one.message, kept[1]))
        if body is None:
            return _GONE
        try:
            return _Facts(box, await asyncio.to_thread(unpack, self._blobs, one.account, body))
        except FileNotFoundError:
            return _GONE

    async def _credential(self, one: Outgoing, box: MailboxRow, *, anew: bool = False) -> Credential | Trouble | None:
        try:
            return await Credentials(self._store, self._keyring).of(one.account, box, self._servers, anew=anew)
        except SealError as fault:
            _log.error("mailbox.not_opened", account=one.account, mailbox=box.id, reason=str(fault))
            return None

    async def _hand_over(self, one: Outgoing, facts: _Facts, credential: Credential) -> None:
        box, parcel = facts.box, Parcel(one.message, one.waiting, facts.message)
        said = await self._servers.send(box.address, box.servers, credential, parcel)
        if isinstance(said, Trouble) and said.kind == "auth" and credential.kind != PASSWORD:
            renewed = await self._credential(one, box, anew=True)
            if isinstance(renewed, Credential):
                said = await self._servers.send(box.address, box.servers, renewed, parcel)
            elif renewed is not None:
                said = renewed
        if isinstance(said, Trouble):
            await self._trouble(one, box, said)
        else:
            await self._passed(one, box, said)

    async def _find_out(self, one: Outgoing, facts: _Facts, credential: Credential) -> None:
        """Whether a mail was taken of which nobody knows: only then it can stand among the sent mail. Where it doesn't,
        it is sent again under its Message-ID, as losing it is worse than a double (RFC 1047)."""
        box = facts.box
        look = Copy(box.sent_path, one.message_id, None)
        found = await self._servers.keep_sent(box.address, box.servers, credential, look)
        if isinstance(found, Trouble):
            await self._trouble(one, box, found, uncertain=True)
        elif found:
            _log.info("outgoing.found", account=one.account, message=one.message)
            await self._passed(one, box, Passed(), kept=KEPT)
        else:
            await self._hand_over(one, facts, credential)

    async def _passed(self, one: Outgoing, box: MailboxRow, said: Passed, kept: str | None = None) -> None:
        """A server took it, for all, for some or for nobody."""
        now, attempts = self._clock(), one.attempts + 1
        later = tuple(address for address, _ in said.later)
        refused = (*one.refused, *(address for address, _ in said.refused))
        error = _joined(one, (*said.refused, *said.later))
        taken = len(said.refused) + len(later) < len(one.waiting)
        sent_at = one.sent_at if one.sent_at is not None or not taken else now
        again = next_try(attempts, one.until, now, self._chance()) if later else None
        if later and again is None:
            later, refused = (), (*refused, *later)
        state = QUEUED if later else FAILED if sent_at is None else SENT
        kept = kept or (one.kept if state != FAILED else NONE)
        look = None
        if sent_at is not None and kept == WANTED:
            look = next_look(sent_at, max(now, sent_at), keeps=self._servers.keeps_copies(box.servers)) or now
        values = {"waiting": later, "refused": refused, "error": error, "attempts": attempts, "sent_at": sent_at}
        await self._settle(one, state, **values, kept=kept, next_at=look if look is not None else again)

    async def _see_to_copy(self, one: Outgoing, facts: _Facts, credential: Credential, sent_at: int) -> None:
        """Looks for the copy, and puts it there once its server has had its time to do so."""
        box, now = facts.box, self._clock()
        look = next_look(sent_at, now, keeps=self._servers.keeps_copies(box.servers))
        copy = Copy(box.sent_path, one.message_id, facts.message if look is None else None, sent_at)
        found = await self._servers.keep_sent(box.address, box.servers, credential, copy)
        if isinstance(found, Trouble):
            await self._copy_trouble(one, found)
        elif found is False:
            await self._settle(one, one.state, next_at=look)
        else:
            await self._settle(one, one.state, kept=NONE if found is None else KEPT, next_at=self._rest(one))

    async def _copy_trouble(self, one: Outgoing, trouble: Trouble) -> None:
        """The mail is sent, and nothing changes that; its copy is tried as long as a mail is."""
        attempts = one.attempts + 1
        again = next_try(attempts, one.until, self._clock(), self._chance(), trouble.after_ms)
        _log.info("outgoing.not_kept", account=one.account, message=one.message, reason=trouble.kind, again=again)
        kept = {"next_at": again} if again is not None else {"kept": NONE, "next_at": self._rest(one)}
        await self._settle(one, one.state, attempts=attempts, **kept)

    def _rest(self, one: Outgoing) -> int | None:
        """When those have their turn whom the server has not taken yet."""
        return next_try(one.attempts, one.until, self._clock(), self._chance()) if one.waiting else None

    async def _trouble(self, one: Outgoing, box: MailboxRow, trouble: Trouble, *, uncertain: bool = False) -> None:
        """It was not taken, or nobody knows."""
        if trouble.kind in ("auth", "revoked"):
            await self._store.write(partial(_refuse, one, box, trouble, self._clock()), account=one.account)
        if one.sent_at is not None and one.kept == WANTED:
            await self._copy_trouble(one, trouble)
            return
        uncertain = uncertain or trouble.kind == "unknown"
        attempts, words = one.attempts + 1, trouble.says
        again = next_try(attempts, one.until, self._clock(), self._chance(), trouble.after_ms)
        if trouble.kind == "rejected" or again is None:
            words = words if again is not None else (_UNKNOWN if uncertain else _TOO_LATE).format(why=words)
            await self._end(one, words)
            return
        state = SENDING if uncertain else QUEUED
        await self._settle(one, state, attempts=attempts, error=_sentence(words), next_at=again)

    async def _wait(self, one: Outgoing, words: str) -> None:
        """Nothing can be done until somebody connects the mailbox again; that is no try."""
        now = self._clock()
        if now + WAIT_MS > one.until:
            await self._end(one, words)
        else:
            state = SENDING if one.uncertain else QUEUED if one.waiting else one.state
            await self._settle(one, state, error=words if one.waiting else one.error, next_at=now + WAIT_MS)

    async def _end(self, one: Outgoing, words: str) -> None:
        """It is tried no more. Whom it reached, it has reached."""
        refused = tuple(dict.fromkeys((*one.refused, *one.waiting)))
        state = FAILED if one.waiting else one.state
        error = _sentence(words) if one.waiting else one.error
        kept = NONE if one.kept == WANTED else one.kept
        await self._settle(one, state, error=error, waiting=(), refused=refused, kept=kept, next_at=None)

    async def _settle(self, one: Outgoing, state: str, **values: object) -> None:
        told = state != one.state or bool(one.waiting)
        if told:
            values["state"] = state

        def settle(tx: Tx) -> bool:
            if one.sealed is not None and state in (SENT, FAILED):
                queue.close_sealed(tx, one, state, self._clock())
                return True
            return queue.settle(tx, one, self._holders.get(one.key, ""), self._clock(), **values)

        if await self._note(one, settle) and told:
            metrics.outgoing_tried("retried" if state in (QUEUED, SENDING) else state)
            _log.info("outgoing.tried", account=one.account, message=one.message, state=state)

    async def _note(self, one: Outgoing, settle: Callable[[Tx], bool]) -> bool:
        """What became of a mail is known here alone, and forgotten it would go out twice: a store that is full or away
        is asked again until it takes it."""
        while True:
            try:
                return await self._store.write(settle, account=one.account)
            except Exception as fault:
                if not is_passing(fault):
                    raise
                _log.warning("outgoing.not_noted", account=one.account, message=one.message)
                await sleep(AGAIN_SECONDS)


def _claim(tx: Tx, wanted: Sequence[Claiming]) -> list[tuple[Outgoing, ...]]:
    return [queue.claim_outgoing(tx, one) for one in wanted]


def _keep(tx: Tx, held: Sequence[tuple[Sequence[tuple[Outgoing, str]], int]]) -> list[None]:
    for some, now in held:
        queue.keep_claims(tx, some, now)
    return [None] * len(held)


def _refuse(one: Outgoing, box: MailboxRow, trouble: Trouble, now: int, tx: Tx) -> None:
    """A log-in was refused: two with one password, and nobody is let in until there is a new one (E10)."""
    row = get_mailbox(tx, one.account, one.mailbox)
    if row is None or row.credential is None or row.credential != box.credential or row.state == AUTH_FAILED:
        return
    add_refused_log_in(tx, one.account, row.id, row.credential)
    if trouble.kind == "revoked" or row.tries + 1 >= LOG_INS:
        lock_out(tx, one.account, row.id, trouble.says, now)
        _log.warning("mailbox.auth_failed", account=one.account, mailbox=row.id)


def _joined(one: Outgoing, said: Sequence[tuple[str, str]]) -> str:
    """Each recipient who did not get it, with why, on a line; what was said before of those who wait still is no more
    of interest."""
    before = [line for line in one.error.split("\n") if line.partition(": ")[0] in one.refused]
    return "\n".join([*before, *(f"{address}: {_sentence(why)}" for address, why in said)])[:_MOST_ERROR]


def _sentence(words: str) -> str:
    text = f"{words[:1].upper()}{words[1:]}"[:_MOST_ERROR]
    return text if text.endswith(".") else f"{text}."
