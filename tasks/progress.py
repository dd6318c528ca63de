"""How far a long task is, shown on the run's page: an artifact that is updated now and then, not for each file."""

import time
from typing import cast
from uuid import UUID

import httpx
import structlog
from prefect.artifacts import create_progress_artifact, update_progress_artifact

log = structlog.get_logger(__name__)

_FIRST_AFTER_SECONDS = 3.0
_EVERY_SECONDS = 3.0


class RunProgress:
    """Counts bytes up to `total_bytes`. A task that is done within seconds shows nothing, and asks Prefect nothing."""

    def __init__(self, key: str, description: str, total_bytes: int) -> None:
        self._key = key
        self._description = description
        self._total_bytes = max(total_bytes, 1)
        self._done_bytes = 0
        self._next = time.monotonic() + _FIRST_AFTER_SECONDS
        self._artifact: UUID | None = None

    def __call__(self, more_bytes: int) -> None:
        """Another `more_bytes` are done."""
        self._done_bytes += more_bytes
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY_SECONDS
            self._show_if_possible()

    def finished(self) -> None:
        """All is done: what is shown says so."""
        if self._artifact is not None:
            self._done_bytes = self._total_bytes
            self._show_if_possible()

    def _show_if_possible(self) -> None:
        """Prefect may be away for a while: the work goes on."""
        try:
            self._show()
        except httpx.HTTPError as error:
            log.warning("progress not shown", reason=type(error).__name__)

    def _show(self) -> None:
        percent = round(100 * self._done_bytes / self._total_bytes, 1)
        if self._artifact is None:
            made = create_progress_artifact(percent, key=self._key, description=self._description)
            self._artifact = cast("UUID", made)  # it has an asynchronous face as well
        else:
            update_progress_artifact(self._artifact, percent)
