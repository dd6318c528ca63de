"""Inference requests as a run takes them up."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from gateway.acr.submission import Submission
from gateway.credentials.authorization import RequestCredentials
from gateway.errors import AlreadyKnown, InvalidRequest
from gateway.inference.identity import request_id
from gateway.inference.lease import RequestLease, take
from gateway.inference.row import WORK as REQUESTS
from gateway.inference.studies_form import request_for_studies
from gateway.retrieval.open_sources import OpenSources, addresses_of
from tasks.node import node
from tasks.payloads import Claim


def keep_studies_request(flow_run_id: str, archive: str, studies: list[str], workflows: list[str]) -> UUID:
    """Keep the request of a run for studies of a registered archive; return its id. A repeat changes nothing.

    Raises InvalidRequest with all that is wrong with it.
    """
    transaction_id = f"retrieve-studies {flow_run_id}"
    studies, workflows = (list(filter(str.strip, items)) for items in (studies, workflows))  # a form leaves empty ones
    request = request_for_studies(transaction_id, archive.strip(), studies, workflows)
    known = [peer.name for peer in node().settings.dicomweb_sources]
    if archive.strip() not in known:
        told = ", ".join(known) or "none is registered"
        raise InvalidRequest([f"there is no such archive in [[dicomweb_sources]] of the settings: {told}"])
    with suppress(AlreadyKnown):
        submission = Submission(request, RequestCredentials({}, {}))
        node().requests.accept(submission, None, node().now(), flow_run_id=UUID(flow_run_id))
    return request_id(transaction_id)


def take_request(request: UUID, flow_run_id: str) -> RequestLease | None:
    """Take a request for this run; None where it is announced already."""
    here = node()
    return take(here.requests, request, UUID(flow_run_id), here.now())


def claim_of(lease: RequestLease) -> Claim:
    """What tasks are told of a lease."""
    return Claim(REQUESTS.kind, str(lease.request_id), lease.fencing_token)


def names_of_sources(lease: RequestLease) -> dict[int, str]:
    """What the sources of a request are called, by their index in `inputResources`: a registered name, or the host."""
    return {number: str(address) for number, address in addresses_of(lease.row().request, {}).items()}


@contextmanager
def sources_of(lease: RequestLease) -> Iterator[OpenSources]:
    """The sources of a request that is held, with what lets us in."""
    row, settings = lease.row(), node().settings
    credentials = lease.open_sources(node().vault) if row.had_credentials else {}
    with OpenSources(addresses_of(row.request, credentials), settings) as sources:
        yield sources
