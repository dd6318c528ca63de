"""Studies that a person asks for at the dashboard, on their way to the workflow manager."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.ending import failing_in_words
from flows.retrieval import retrieve_held
from flows.waiting import next_try, waiting, waiting_for_newer_program, waits_for
from gateway.errors import PrefectRefused, PrefectUnavailable, SchemaRefused, TransientError
from gateway.inference.naming import run_name
from gateway.runs.states import set_name
from tasks.node import ask_prefect, node, on_this_node
from tasks.requests import keep_studies_request


@flow(name="retrieve-studies", retries=0, persist_result=False)
@failing_in_words
def retrieve_studies(archive: str, studies: list[str], workflows: list[str] = []) -> State[Any] | None:  # noqa: B006
    """Fetch studies from an archive, store them as one payload and announce it to the workflow manager.

    It becomes an inference request of its own, with this run: `mig inference list` and the API show it, too.

    Args:
        archive: The archive's name, as `[[dicomweb_sources]]` in the settings has it.
        studies: Study Instance UIDs. Never a patient's name or id: whoever sees the dashboard can read them.
        workflows: Ids of the workflows to be run. Without any, the workflow manager decides.
    """
    with on_this_node():
        try:
            request_id = keep_studies_request(str(flow_run.id), archive, studies, workflows)
            _name_run(request_id)
            return retrieve_held(request_id)
        except TransientError as error:
            return waiting(waits_for(error), next_try())
        except SchemaRefused as error:
            return waiting_for_newer_program(error)


def _name_run(request_id: UUID) -> None:
    """As the run of any request is called: Prefect has made a name up. It is a help, and no more than that."""
    row, run_id = node().requests.find(request_id), UUID(str(flow_run.id))
    name = run_name(row.request, request_id) if row else flow_run.name
    if name != flow_run.name:
        with suppress(PrefectUnavailable, PrefectRefused):
            ask_prefect(lambda api: set_name(api, run_id, name))
