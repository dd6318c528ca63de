"""A node that retrieves: a working area on a private directory, and what it fetches there."""

from pathlib import Path
from typing import Any

from gateway.acr.submission import Submission, read_submission
from gateway.config import Settings
from gateway.config.sections import InferenceSettings
from gateway.disk.room import Room
from gateway.inference.identity import request_id
from gateway.lookup.digests import LookupKey
from gateway.retrieval.areas import Areas
from gateway.retrieval.arrivals import Fetching
from gateway.retrieval.fetch import fetch
from gateway.retrieval.fetched import Fetched
from gateway.retrieval.open_sources import OpenSources, addresses_of
from gateway.retrieval.plan import plan_of
from gateway.retrieval.query import query
from gateway.sources.outcome import RetrievalOutcome
from tests.clock import MovableClock
from tests.gateway.acr.requests import Json, as_body, inference_request, source

HASTY = {"answer_seconds": 1, "slowest_bytes_per_second": 1_000_000}
"""Settings for peers that misbehave."""


class Node:
    """Retrieves one request after the other, each in a try of its own."""

    def __init__(self, root: Path, **inference: Any) -> None:
        self.root = root
        self.settings = Settings(inference=InferenceSettings(**inference))
        self.areas = Areas(root, Room(root, 0))
        self.lookup_key: LookupKey | None = None
        self.progress: list[int] = []
        self._epoch = 0

    def retrieve(self, request: Json, epoch: int = 1) -> RetrievalOutcome:
        """Do what a run does: query, then fetch what is missing in the area."""
        self._epoch = epoch
        submission = self.submit(request)
        addresses = addresses_of(submission.request, submission.credentials.sources)
        with (
            OpenSources(addresses, self.settings) as sources,
            self.areas.open(request_id(submission.request.transaction_id), epoch) as area,
        ):
            listed = query(plan_of(submission.request), sources)
            area.keep_fetch_list(listed)
            return fetch(listed, sources, Fetching(area, MovableClock(), self.progress.append, self.lookup_key))

    def files(self, transaction_id: str = "T-1") -> dict[str, bytes]:
        """What is whole in the area, by SOP Instance UID or by the path of a resource."""
        with self.areas.open(request_id(transaction_id), self._epoch) as area:
            entries: dict[str, Fetched] = {**area.instances, **area.resources}
            return {name: (area.directory / entry.file).read_bytes() for name, entry in entries.items()}

    def submit(self, request: Json) -> Submission:
        return read_submission(as_body(request), allow_credentials_over_http=True)


def study_of(url: str, uid: str = "1.2.1", **more: Any) -> Json:
    """A request for one study from one archive."""
    return inference_request(
        {"type": "DICOM_UID", "studies": [{"StudyInstanceUID": uid}]}, sources=[source(url, **more)]
    )


def series_of(url: str, *series: Json, uid: str = "1.2.1") -> Json:
    """A request for series of one study, or for instances of them."""
    studies = [{"StudyInstanceUID": uid, "series": list(series)}]
    return inference_request({"type": "DICOM_UID", "studies": studies}, sources=[source(url)])
