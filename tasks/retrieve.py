"""Fetch what an inference request names."""

import time
from contextlib import suppress
from datetime import UTC, datetime

from prefect import task

from gateway.clock import SystemClock
from gateway.errors import DatabaseUnavailable, PermanentError
from gateway.inference.hold import Hold
from gateway.retrieval.area import Area
from gateway.retrieval.fetch import fetch, outcome_so_far
from gateway.retrieval.record import payload_of
from gateway.retrieval.wanted import Wanted
from tasks.progress import RunProgress
from tasks.retrying import RETRIED
from tasks.surroundings import areas, held, node_id, settings, sources_of

_NOTED_EVERY_SECONDS = 3.0


@task(name="retrieve", task_run_name="retrieve", timeout_seconds=24 * 3600, **RETRIED)
def retrieve_files(request_id: str, epoch: int, *, last_try: bool) -> None:
    """Fetch what was listed and is not here, and fix what the payload consists of.

    Raises PeerUnavailable or PeerRefused where something can't be had; all that can is kept for the next try.
    """
    hold = held(request_id, epoch)
    with sources_of(hold) as peers, areas().open(hold.request_id, epoch) as area:
        wanted = area.wanted
        if wanted is None:
            raise PermanentError("the list of what is to be fetched is not here: retry the run")
        progress = _Progress(hold, wanted, area)
        outcome = fetch(wanted, peers, area, SystemClock(), progress)
        progress.shown.finished()
        hold.note_outcome(outcome)
        error = outcome.error(allow_partial=settings().inference.allow_partial, last_try=last_try)
        if error:
            raise error
        payload = payload_of(hold.row(), area, node_id(), datetime.now(UTC), partial=outcome.is_partial)
        hold.keep_payload(payload)


class _Progress:
    """How far it is: on the run's page, and in the request's status."""

    def __init__(self, hold: Hold, wanted: Wanted, area: Area) -> None:
        self._hold, self._wanted, self._area = hold, wanted, area
        total = len(wanted.resources) + sum(len(study.instances) for study in wanted.studies)
        missing = total - len(area.instances) - len(area.resources)
        self.shown = RunProgress(f"retrieve-{hold.request_id}", "Fetched, instances and resources", missing)
        self._next = time.monotonic() + _NOTED_EVERY_SECONDS

    def __call__(self, more: int) -> None:
        self.shown(more)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _NOTED_EVERY_SECONDS
            with suppress(DatabaseUnavailable):  # it is told again
                self._hold.note_outcome(outcome_so_far(self._wanted, self._area))
