"""An inference request on its way from the archives to the workflow manager."""

from typing import Any
from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State

from flows.retrieval import retrieve_held
from flows.waiting import wait_for, wait_for_newer_program
from gateway.errors import SchemaRefused, TransientError


@flow(name="retrieve", retries=0, persist_result=False)
def retrieve_request(request_id: str) -> State[Any] | None:
    """Fetch what an inference request names, store it as one payload and announce it to the workflow manager.

    Done again from any point to the same effect. What waiting can help is waited for outside the worker's slots.

    Args:
        request_id: The request's own id, as its status tells it; not its transaction id.
    """
    try:
        return retrieve_held(UUID(request_id))
    except TransientError as error:
        return wait_for(error)
    except SchemaRefused as error:
        return wait_for_newer_program(error)
