"""The store's trouble as a job meets it, look after look: it is told once and in one line, until a look goes well."""

from __future__ import annotations

import structlog

from gateway.usecases.show_health import is_passing

_log = structlog.get_logger(__name__)


class Troubles:
    """What one job has told. job: its name in the log."""

    def __init__(self, job: str) -> None:
        self._job, self._told = job, False

    def over(self) -> None:
        """A look went well."""
        self._told = False

    def is_known(self, fault: Exception) -> bool:
        """Whether it is trouble of the store that passes, and so told here; anything else is a fault of ours."""
        if not is_passing(fault):
            return False
        if not self._told:
            self._told = True
            _log.warning("store.away", job=self._job, reason=" ".join(str(fault).split("\n", 1)[0].split())[:300])
        return True
