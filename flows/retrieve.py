"""An inference request on its way from the archives to the workflow manager."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.ending import failing_in_words
from flows.retrieval import retrieve_held
from flows.waiting import next_try, waiting, waiting_for_newer_program, waits_for
from gateway.errors import SchemaRefused, TransientError
from tasks.ids import id_of
from tasks.node import on_this_node


@flow(name="retrieve", retries=0, persist_result=False)
@failing_in_words
def retrieve_request(request_id: str) -> State[Any] | None:
    """Fetch what an inference request names, store it as one payload and announce it to the workflow manager.

    Done again from any point to the same effect. What waiting can help is waited for outside the worker's slots.

    Args:
        request_id: The request's own id, as its status tells it; not its transaction id.
    """
    with on_this_node():
        try:
            return retrieve_held(id_of("request", request_id))
        except TransientError as error:
            return waiting(waits_for(error), next_try())
        except SchemaRefused as error:
            return waiting_for_newer_program(error)
