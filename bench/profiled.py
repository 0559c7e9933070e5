"""Our server under cProfile: `python -m bench.profiled` serves SMTP as `smartgate serve` does.

Only the thread of the event loop is looked at. When the server ends, what it took stands in `profile.pstats`.
"""

from __future__ import annotations

import asyncio
import cProfile
import sys

import typer

import config
from gateway import app

PSTATS = "profile.pstats"


def _serve() -> int:
    return asyncio.run(app.serve(config.load(), frozenset({"smtp"}), typer.echo))


if __name__ == "__main__":
    looker = cProfile.Profile()
    status = looker.runcall(_serve)
    looker.dump_stats(PSTATS)
    sys.exit(status)
