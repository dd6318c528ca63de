"""Inference requests as a run takes them up."""

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from gateway.errors import AlreadyKnown, InvalidRequest
from gateway.inference.credentials import RequestCredentials
from gateway.inference.hold import Hold, take
from gateway.inference.identity import request_id
from gateway.inference.studies_form import request_for_studies
from gateway.inference.submission import Submission
from tasks.surroundings import request_store, settings


def keep_studies_request(flow_run_id: str, archive: str, studies: list[str], workflows: list[str]) -> UUID:
    """Keep the request of a run for studies of a registered archive; return its id. A repeat changes nothing.

    Raises InvalidRequest with all that is wrong with it.
    """
    transaction_id = f"retrieve-studies {flow_run_id}"
    studies, workflows = (list(filter(str.strip, items)) for items in (studies, workflows))  # a form leaves empty ones
    request = request_for_studies(transaction_id, archive.strip(), studies, workflows)
    known = [peer.name for peer in settings().dicomweb_sources]
    if archive.strip() not in known:
        told = ", ".join(known) or "none is registered"
        raise InvalidRequest([f"there is no such archive in [[dicomweb_sources]] of the settings: {told}"])
    with suppress(AlreadyKnown):
        submission = Submission(request, RequestCredentials({}, {}))
        request_store().accept(submission, None, datetime.now(UTC), flow_run_id=UUID(flow_run_id))
    return request_id(transaction_id)


def take_request(request: UUID, flow_run_id: str) -> Hold | None:
    """Take a request for this run; None where it is announced already."""
    return take(request_store(), request, UUID(flow_run_id), datetime.now(UTC))
