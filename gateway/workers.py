"""`serve --workers N`: one parent that binds the ports, and N children that serve on them.

The children are forked: they share the memory of all code that is loaded by then, and one that died is there again in
no time. That is safe because the parent never does any work: it has no event loop, no thread and no connection, and
waits for signals. The kernel kills the children when their parent dies.
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

_log = structlog.get_logger(__name__)

SIGNALS = frozenset({signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
BACK_OFF_SECONDS = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
"""What a worker waits before it is started again: more with each death in a row."""
STEADY_SECONDS = 60.0
"""A worker that lived so long has begun well: its next death is the first of a row."""
START_LOOK_SECONDS = 0.02
_PR_SET_PDEATHSIG = 1
_FOREVER = 3600.0

Work = Callable[[int, Callable[[], None]], int]
"""What a child does: told its number and what to call once it accepts; its exit status."""


@dataclass(slots=True)
class _Worker:
    """One place in the tree. pid 0: nobody is in it, and somebody will be at `due`. ready: read end of a pipe that
    speaks once the worker accepts; -1 afterwards."""

    number: int
    pid: int = 0
    ready: int = -1
    begun: float = 0.0
    due: float = 0.0
    deaths: int = 0


class Workers:
    """The process tree. work: what each child does. ended: hears the number of each that died and is started again.

    leave: called before they are told to end. drain_seconds: how long they may take for it.
    """

    def __init__(
        self, count: int, work: Work, ended: Callable[[int], None], leave: Callable[[], None], drain_seconds: float
    ) -> None:
        self._workers = [_Worker(number) for number in range(count)]
        self._work, self._ended, self._leave, self._drain_seconds = work, ended, leave, drain_seconds
        self._mask: set[signal.Signals | int] = set()
        self._accepting = False
        self._hurried = False

    def run(self, accepting: Callable[[], None]) -> int:
        """Runs until SIGTERM or SIGINT, or until a worker can't even begin; then ends them all. The exit status.

        accepting: called once all of them accept. Call this in the main thread of a process without other threads.
        """
        self._mask = set(signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS))
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        gc.collect()
        gc.freeze()
        failed = False
        try:
            told = 0
            while told not in (signal.SIGTERM, signal.SIGINT) and not failed:
                self._start_due()
                if not self._accepting and all(one.pid and one.ready < 0 for one in self._workers):
                    self._accepting = True
                    accepting()
                found = signal.sigtimedwait(SIGNALS, self._patience())
                told = found.si_signo if found else 0
                if told == signal.SIGHUP:
                    self._signal(signal.SIGHUP)
                    told = signal.SIGTERM if at_terminal() else told
                self._hear()
                failed = self._bury()
        finally:
            clean = self._end()
        return 130 if self._hurried else int(failed or not clean)

    def _start_due(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if not worker.pid and now >= worker.due:
                self._start(worker)

    def _start(self, worker: _Worker) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            self._live(worker.number, parent, write)
        os.close(write)
        os.set_blocking(read, False)
        worker.pid, worker.ready, worker.begun = pid, read, time.monotonic()

    def _live(self, number: int, parent: int, write: int) -> None:
        """What the child does, and all it ever does."""

        def accepting() -> None:
            os.write(write, b".")
            os.close(write)

        status = 1
        try:
            die_with(parent)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            status = self._work(number, accepting)
        except BaseException:
            _log.exception("worker.failed", worker=number)
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(status)

    def _hear(self) -> None:
        """Notes who has said that it accepts."""
        waiting = {one.ready: one for one in self._workers if one.ready >= 0}
        ready, _, _ = select.select(list(waiting), [], [], 0)
        for end in ready:
            if os.read(end, 1):
                self._close(waiting[end])

    def _close(self, worker: _Worker) -> None:
        if worker.ready >= 0:
            os.close(worker.ready)
            worker.ready = -1

    def _patience(self) -> float:
        """How long nothing can happen but a signal."""
        if any(one.ready >= 0 for one in self._workers):
            return START_LOOK_SECONDS
        due = [one.due for one in self._workers if not one.pid]
        return max(0.0, min(due) - time.monotonic()) if due else _FOREVER

    def _bury(self) -> bool:
        """Says when those that died are started again; True where one did before all had begun to accept."""
        dead = self._reap()
        for worker, status in dead:
            now = time.monotonic()
            worker.deaths = 1 if now - worker.begun >= STEADY_SECONDS else worker.deaths + 1
            wait = BACK_OFF_SECONDS[min(worker.deaths, len(BACK_OFF_SECONDS)) - 1]
            worker.due = now + wait
            if self._accepting:
                _log.error("worker.died", worker=worker.number, status=status, again_in=wait)
                self._ended(worker.number)
        return bool(dead) and not self._accepting

    def _reap(self) -> list[tuple[_Worker, int]]:
        """Those that have ended, with their exit status, or the negative number of the signal that killed them."""
        dead = []
        for worker in self._workers:
            if worker.pid:
                pid, status = os.waitpid(worker.pid, os.WNOHANG)
                if pid:
                    worker.pid = 0
                    self._close(worker)
                    dead.append((worker, os.waitstatus_to_exitcode(status)))
        return dead

    def _signal(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, number)

    def _end(self) -> bool:
        """Lets all workers finish what they have begun; says whether all of them ended well and in time."""
        self._leave()
        self._signal(signal.SIGTERM)
        until = time.monotonic() + self._drain_seconds
        killed = False
        statuses: list[int] = []
        while any(one.pid for one in self._workers):
            if not killed and (self._hurried or time.monotonic() >= until):
                self._signal(signal.SIGKILL)
                killed = True
            found = signal.sigtimedwait(SIGNALS, max(0.0, until - time.monotonic()) or _FOREVER)
            self._hurried = self._hurried or (found is not None and found.si_signo == signal.SIGINT)
            statuses += [status for _, status in self._reap()]
        if killed and not self._hurried:
            _log.error("worker.killed", after=self._drain_seconds)
        return all(status in (0, -signal.SIGTERM) for status in statuses)


def at_terminal() -> bool:
    """Somebody sits before this program: a SIGHUP says that they have left."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def die_with(parent: int) -> None:
    """Lets the kernel kill this process when the one that forked it dies (prctl(2), PR_SET_PDEATHSIG).

    A pipe that reads its end would need an event loop that still turns. Raises OSError where the kernel refuses, or
    where the parent has gone by now.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        raise ProcessLookupError("the parent has gone")
