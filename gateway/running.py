"""How the program runs: what signals mean to it, and how its threads and its memory keep peers from waiting."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.workers import at_terminal

TURN_SECONDS = 0.0005
"""How long a thread that reads a large mail may keep the event loop waiting for the interpreter; Python's own is ten
times as much, and the loop waits anew after every statement of a transaction."""


def share_the_interpreter() -> None:
    """Has threads give way to one another often."""
    sys.setswitchinterval(TURN_SECONDS)


def tame_the_collector() -> None:
    """Leaves what was loaded at the start out of garbage collection, and looks for cycles less often.

    A full collection goes through some 300,000 objects of the libraries while every peer waits; a mail makes no cycles.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@contextmanager
def interruptible(renew: Callable[[], None] | None = None) -> Iterator[asyncio.Event]:
    """An event that SIGTERM and the first SIGINT set; the second SIGINT ends the process at once.

    renew: called at SIGHUP, unless that means that the terminal has gone, which is as SIGTERM.
    """
    told, loop = asyncio.Event(), asyncio.get_running_loop()

    def interrupt() -> None:
        if told.is_set():
            os._exit(130)
        told.set()

    loop.add_signal_handler(signal.SIGINT, interrupt)
    loop.add_signal_handler(signal.SIGTERM, told.set)
    loop.add_signal_handler(signal.SIGHUP, told.set if renew is None or at_terminal() else renew)
    try:
        yield told
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
