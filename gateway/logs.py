"""What the operator reads: events such as `mail.refused account=acme rule=B1`, on standard error, never a mail's body.

Events of ours are named ROOM.WHAT and carry keys; texts of libraries come as event `library` from warnings upward only,
for aiosmtpd writes every command line it reads at a lower level. Values are quoted, so that what a peer sends can
neither start a line of its own nor colour the terminal; tracebacks are plain, without the values of local variables.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LONGEST = 500
"""Characters of one value that are written; a peer does not fill the log."""


def configure(level: str = "info", form: str = "console", stream: TextIO | None = None) -> None:
    """Send every event of `level` and above to `stream` (standard error), in a form for people or as JSON lines."""
    target = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _shorten,
    ]
    render = _renderers(form, target)
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    _route_libraries(level, shared, render, target)


def _renderers(form: str, target: TextIO) -> list[Processor]:
    if form == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=target.isatty(),
            repr_native_str=True,
            pad_event_to=0,
            pad_level=False,
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]


def _route_libraries(level: str, shared: list[Processor], render: list[Processor], target: TextIO) -> None:
    """Give the warnings and errors of libraries, which log through the standard library, the same form."""
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, _library, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    least = max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()])
    logging.basicConfig(handlers=[handler], level=least, force=True)
    logging.captureWarnings(True)


def _library(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep a library's words apart from our event names."""
    event["said"], event["event"] = event["event"], "library"
    return event


def _shorten(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str) and len(value) > LONGEST:
            event[key] = f"{value[:LONGEST]}… ({len(value)} characters)"
    return event
