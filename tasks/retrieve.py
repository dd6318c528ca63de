"""Fetch what an inference request names."""

import time
from contextlib import suppress

from gateway.clock import SystemClock
from gateway.errors import DatabaseUnavailable, PermanentError
from gateway.inference.lease import RequestLease
from gateway.retrieval.area import Area
from gateway.retrieval.arrivals import Fetching
from gateway.retrieval.fetch import fetch, outcome_so_far
from gateway.retrieval.fetch_list import FetchList
from gateway.retrieval.record import payload_of
from tasks.node import node
from tasks.payloads import Claim, held_request
from tasks.phase import phase
from tasks.progress import RunProgress
from tasks.requests import sources_of
from tasks.run_log import say

_NOTED_EVERY_SECONDS = 3.0


@phase("retrieve", timeout_seconds=24 * 3600)
def retrieve_files(claim: Claim, *, last_try: bool) -> None:
    """Fetch what was listed and is not here, and fix what the payload consists of.

    Raises PeerUnavailable or PeerRefused where something can't be had; all that can is kept for the next try.
    """
    lease, here = held_request(claim), node()
    with sources_of(lease) as sources, here.retrieved.open(lease.request_id, lease.fencing_token) as area:
        listed = area.fetch_list
        if listed is None:
            raise PermanentError("the list of what is to be fetched is not here: retry the run")
        progress = _Progress(lease, listed, area)
        outcome = fetch(listed, sources, Fetching(area, SystemClock(), progress, here.lookup_key))
        progress.shown.finished()
        lease.note_outcome(outcome)
        for line in outcome.lines():
            say(line)
        error = outcome.error(allow_partial=here.settings.inference.allow_partial, last_try=last_try)
        if error:
            raise error
        payload = payload_of(lease.row(), area, here.node_id, here.now(), partial=outcome.is_partial)
        lease.keep_payload(payload)


class _Progress:
    """How far it is: on the run's page, and in the request's status."""

    def __init__(self, lease: RequestLease, listed: FetchList, area: Area) -> None:
        self._lease, self._listed, self._area = lease, listed, area
        missing = listed.count - len(area.instances) - len(area.resources)
        self.shown = RunProgress(f"retrieve-{lease.request_id}", "Fetched, instances and resources", missing)
        self._next = time.monotonic() + _NOTED_EVERY_SECONDS

    def __call__(self, more: int) -> None:
        self.shown(more)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _NOTED_EVERY_SECONDS
            with suppress(DatabaseUnavailable):  # it is told again
                self._lease.note_outcome(outcome_so_far(self._listed, self._area))
