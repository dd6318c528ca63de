"""Ask the sources of an inference request what they have."""

from prefect import task

from gateway.inference.plan import plan_of
from gateway.inference.problem import error_of
from gateway.retrieval.fetch import outcome_so_far
from gateway.retrieval.query import query
from tasks.node import node
from tasks.payloads import Claim, held_request
from tasks.requests import sources_of
from tasks.retrying import RETRIED


@task(name="query", task_run_name="query", timeout_seconds=3600, **RETRIED)
def query_sources(claim: Claim) -> None:
    """List what is to be fetched, and keep the list. Then raises PeerUnavailable if a source is away."""
    lease, here = held_request(claim), node()
    request = lease.row().request
    with sources_of(lease) as peers, here.retrieved.open(lease.request_id, lease.fencing_token) as area:
        wanted = query(plan_of(request), peers, here.settings.inference)
        area.keep_wanted(wanted)
        lease.note_outcome(outcome_so_far(wanted, area))
    error = error_of([problem for problem in wanted.problems if not problem.final])
    if error:
        raise error
