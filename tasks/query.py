"""Ask the sources of an inference request what they have."""

from gateway.retrieval.fetch import outcome_so_far
from gateway.retrieval.plan import plan_of
from gateway.retrieval.query import query
from gateway.sources.outcome import error_of
from tasks.node import node
from tasks.payloads import Claim, held_request
from tasks.phase import phase
from tasks.requests import names_of_sources, sources_of
from tasks.run_log import say


@phase("query", timeout_seconds=3600)
def query_sources(claim: Claim) -> None:
    """List what is to be fetched, and keep the list. Then raises PeerUnavailable if a source is away."""
    lease, here = held_request(claim), node()
    request = lease.row().request
    with sources_of(lease) as sources, here.retrieved.open(lease.request_id, lease.fencing_token) as area:
        listed = query(plan_of(request), sources)
        area.keep_fetch_list(listed)
        lease.note_outcome(outcome_so_far(listed, area))
    say(listed.found_line(names_of_sources(lease)))
    error = error_of([problem for problem in listed.problems if not problem.final])
    if error:
        raise error
