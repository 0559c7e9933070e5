"""How a mail that comes in is read: at once where that is soon done, else in a process of its own.

A thread would share the interpreter with the event loop: while it reads a large or hostile mail, the loop had to win it
back for each statement of each transaction. A process leaves the loop alone and uses another core. Where it can't be
had, or ends, the mail is read in a thread: reading never depends on it.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from contextlib import suppress

import structlog

from gateway.core.mail import Limits, Mail, read_mail
from gateway.store.blobs import Spool
from gateway.usecases import reading_process
from gateway.usecases.reading_process import LENGTH, frame

_log = structlog.get_logger(__name__)
READ_IN_LOOP = 64 * 1024
_HEADER_IN_LOOP = 16 * 1024
_BORDERS_IN_LOOP = 200
_LEAVE_SECONDS = 5.0
_OURS = "SMARTGATE_"


class MailReader:
    """Reads mails, of those that take long one at a time; used from one event loop only.

    apart: in a process of its own, which `start` starts and `stop` ends; else in a thread.
    """

    def __init__(self, limits: Limits, *, apart: bool = False) -> None:
        self._limits, self._apart = limits, apart
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts the process ahead of the first mail that needs it."""
        async with self._turn:
            await self._ready()

    async def stop(self) -> None:
        """Lets the process end; what comes yet is read in a thread."""
        self._apart = False
        async with self._turn:
            await self._part()

    async def read(self, content: bytes | Spool) -> Mail:
        """One mail, read within the limits."""
        if isinstance(content, bytes) and soon_read(content):
            return read_mail(content, self._limits)
        async with self._turn:
            mail = await self._ask(content) if self._apart else None
            return mail if mail is not None else await asyncio.to_thread(self._read_here, content)

    def _read_here(self, content: bytes | Spool) -> Mail:
        return read_mail(content if isinstance(content, bytes) else content.read(), self._limits)

    async def _ask(self, content: bytes | Spool) -> Mail | None:
        """The answer of the process; None where there is none to be had."""
        request = frame((content if isinstance(content, bytes) else content.path, self._limits))
        for _ in range(2):
            process = await self._ready()
            if process is None:
                return None
            try:
                answer = await _exchange(process, request)
            except (OSError, EOFError) as fault:
                _log.warning("mail.reader_lost", fault=repr(fault))
                await self._part()
                continue
            except BaseException:  # half an exchange: what comes next from this process belongs to nobody
                process.kill()
                self._process = None
                raise
            if isinstance(answer, Mail):
                return answer
            _log.warning("mail.reader_failed", fault=str(answer))
            return None
        return None

    async def _ready(self) -> asyncio.subprocess.Process | None:
        if self._process is None and self._apart:
            environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
            try:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    reading_process.__name__,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    env=environment,
                )
            except OSError as fault:
                _log.warning("mail.reader_not_started", fault=str(fault))
        return self._process

    async def _part(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _LEAVE_SECONDS)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _exchange(process: asyncio.subprocess.Process, request: bytes) -> object:
    """Asks and hears. Raises EOFError or OSError where the process is gone."""
    if process.stdin is None or process.stdout is None:
        raise EOFError("no line to the process")
    process.stdin.write(request)
    await process.stdin.drain()
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    return pickle.loads(await process.stdout.readexactly(length))  # noqa: S301 - from our own process


def soon_read(content: bytes) -> bool:
    """Whether reading it takes the loop a few milliseconds at most: it is small, and so are its header and its tree."""
    if len(content) > READ_IN_LOOP:
        return False
    empty_line = content.find(b"\r\n\r\n", 0, _HEADER_IN_LOOP) >= 0 or len(content) <= _HEADER_IN_LOOP
    few_dashes = content.count(b"-") <= _BORDERS_IN_LOOP or content.count(b"\n--") <= _BORDERS_IN_LOOP
    return empty_line and few_dashes
