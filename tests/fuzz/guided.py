"""One target under atheris: `python -m tests.fuzz.guided TARGET PROGRAM OPTION…`, where PROGRAM starts this again."""

from __future__ import annotations

import logging
import sys

import atheris
import structlog

from tests.fuzz import target


def main(name: str, arguments: list[str]) -> None:
    """Never returns: libFuzzer ends the process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with atheris.instrument_imports(include=["gateway"]):
        chosen = target(name)
    atheris.Setup(arguments, chosen.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
