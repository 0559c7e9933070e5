"""A request that comes twice is carried out once: its answer is kept with what it did, and given again.

A client that heard no answer sends its request again with the same Idempotency-Key. Which key it was, what was asked
and what was answered is written in the transaction that did it, so that no crash leaves one without the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar, cast

from gateway.sealing import Keyring, SealError
from gateway.store.answers import KEPT_MS, Kept, add_answer, drop_old_answers, find_answer
from gateway.store.engine import EVERYWHERE, Store, Tx

T = TypeVar("T")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was given. body: its bytes."""

    status: int
    body: bytes


class AnsweredError(Exception):
    """The request was carried out before. answer: what was said then."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("this request was answered before")
        self.answer = answer


class KeyReusedError(Exception):
    """The key was sent before, with another request."""


class LostAnswerError(Exception):
    """The request was carried out before, and no key of ours opens what was answered then."""


Render = Callable[[object], Answer | None]
"""The answer to what a use case gives; None where it is a refusal, which changes nothing and is decided anew."""


class Once:
    """A store as one request with an Idempotency-Key sees it: what is done in its first write is answered for once.

    request: tells the request apart from others, asked for once its body was read. render: set by the door as soon as
    it knows the route. Only what succeeded is kept.
    """

    def __init__(self, store: Store, keyring: Keyring, account: int, key: str, request: Callable[[], bytes]) -> None:
        self._store, self._account, self._asked = store, account, request
        self._keyring = keyring or Keyring([key])  # where no secret is set, who doesn't know the key can't open it
        self._key = blake2b(key.encode(), digest_size=32).digest()
        self._pepper = blake2b(key.encode(), digest_size=32, person=b"request").digest()
        self.render: Render = lambda _: None
        self.kept = False
        self._looked = self._wrote = False

    async def look(self) -> None:
        """Raises AnsweredError where this request was carried out before, KeyReusedError where another one was.

        LostAnswerError where what was answered can't be read any more.
        """
        self._looked = True
        known = await self._store.read(self._find)
        if known is not None:
            self._give_again(known)

    async def read(self, function: Callable[[Tx], T]) -> T:
        return await self._store.read(function)

    async def empty_log(self) -> bool:
        return await self._store.empty_log()

    async def write(self, function: Callable[[Tx], T], *, account: int = EVERYWHERE) -> T:
        """As the store's. The first one looks again, since another process may have been quicker; raises as `look`."""
        if self._wrote:
            return await self._store.write(function, account=account)

        def once(tx: Tx) -> T | Kept:
            known = self._find(tx)
            if known is not None:
                return known
            result = function(tx)
            answer = self.render(result)
            if answer is not None:
                self._add(tx, answer)
            return result

        result = await self._store.write(once, account=account)
        if isinstance(result, Kept):
            self._give_again(result)
        self._wrote = True
        return cast("T", result)

    async def keep(self, answer: Answer) -> None:
        """Keeps an answer that was not known yet when the work was done; none of a call that changes nothing."""
        if self._looked and not self.kept:
            await self._store.write(lambda tx: self._add(tx, answer), account=self._account)

    def _request(self) -> bytes:
        """Which request it is. A password may stand in it: who doesn't know the key can't try out which (E10)."""
        return blake2b(self._asked(), digest_size=32, key=self._pepper).digest()

    def _find(self, tx: Tx) -> Kept | None:
        return find_answer(tx, self._account, self._key, _now())

    def _add(self, tx: Tx, answer: Answer) -> None:
        sealed = self._keyring.seal(answer.body, self._about)
        add_answer(tx, self._account, self._key, Kept(self._request(), answer.status, sealed), _now())
        self.kept = True

    def _give_again(self, known: Kept) -> None:
        if known.request != self._request():
            raise KeyReusedError
        self.kept = True
        try:
            body = self._keyring.open(known.body, self._about)
        except SealError:
            raise LostAnswerError from None
        raise AnsweredError(Answer(known.status, body))

    @property
    def _about(self) -> str:
        return f"answers/{self._account}/{self._key.hex()}"


async def forget_answers(store: Store) -> int:
    """Drops answers that were kept for a day; how many there were."""
    return await store.write(lambda tx: drop_old_answers(tx, _now() - KEPT_MS, _AT_ONCE))


def _now() -> int:
    return time.time_ns() // 1_000_000
