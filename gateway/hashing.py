"""Passwords at rest: argon2id (RFC 9106), reckoned in threads of their own, so that nobody else waits for it."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_THREADS = 2
"""Each takes 64 MiB while it reckons."""


class Hasher:
    """Hashes passwords and compares them."""

    def __init__(self, argon: PasswordHasher | None = None) -> None:
        self._argon = argon or PasswordHasher()
        self._threads = ThreadPoolExecutor(_THREADS, "password")

    async def hash(self, password: str) -> str:
        """What is kept of a password."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._argon.hash, password)

    async def matches(self, kept: str, password: str) -> bool:
        """Whether it is the password. kept: empty where there is none; it takes as long to say no then."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._matches, kept, password)

    def is_stale(self, kept: str) -> bool:
        """Whether it was hashed at another cost than is usual now."""
        return self._argon.check_needs_rehash(kept)

    def _matches(self, kept: str, password: str) -> bool:
        try:
            found = self._argon.verify(kept or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return found and kept != ""

    @cached_property
    def _nobody(self) -> str:
        """The hash of what nobody types."""
        return self._argon.hash(secrets.token_urlsafe())
