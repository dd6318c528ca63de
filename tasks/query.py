"""Ask the sources of an inference request what they have."""

from prefect import task

from gateway.inference.plan import plan_of
from gateway.inference.problem import error_of
from gateway.retrieval.fetch import outcome_so_far
from gateway.retrieval.query import query
from tasks.retrying import RETRIED
from tasks.surroundings import areas, held, settings, sources_of


@task(name="query", task_run_name="query", timeout_seconds=3600, **RETRIED)
def query_sources(request_id: str, epoch: int) -> None:
    """List what is to be fetched, and keep the list. Then raises PeerUnavailable if a source is away."""
    hold = held(request_id, epoch)
    request = hold.row().request
    with sources_of(hold) as peers, areas().open(hold.request_id, epoch) as area:
        wanted = query(plan_of(request), peers, settings().inference)
        area.keep_wanted(wanted)
        hold.note_outcome(outcome_so_far(wanted, area))
    error = error_of([problem for problem in wanted.problems if not problem.final])
    if error:
        raise error
