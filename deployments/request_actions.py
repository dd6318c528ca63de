"""What an operator does with an inference request: try now, or give up."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from prefect.states import Cancelling

from deployments.prefect_side.prefect_api import prefect_client, prefect_errors
from deployments.run_retry import NothingToRetry, start_again
from gateway.errors import CredentialsLost, NotInPrefect, PermanentError
from gateway.inference.row import RequestRow, RequestState
from gateway.inference.store import RequestStore


class NothingToCancel(PermanentError):
    """The request is announced."""


def retry_request(store: RequestStore, row: RequestRow) -> None:
    """Have the request's run start now, or another one where it is gone.

    Raises NothingToRetry, CredentialsLost where it has to be submitted again, and what Prefect raises.
    """
    if row.state is RequestState.COMPLETED:
        raise NothingToRetry(f"request {row.request_id} is announced")
    if row.had_credentials and not row.holds_credentials and not row.uploaded:
        raise CredentialsLost(f"request {row.request_id}: its credentials are no longer held, submit it again")
    if row.flow_run_id is None:
        raise NothingToRetry(f"request {row.request_id} has no run yet: the dispatcher asks for one")
    try:
        start_again(row.flow_run_id)
    except NotInPrefect:
        store.queue_again(row.request_id)


def cancel_request(store: RequestStore, row: RequestRow) -> None:
    """End a request, and its run. Raises NothingToCancel, and what Prefect raises: then nothing is changed."""
    if row.state is RequestState.COMPLETED:
        raise NothingToCancel(f"request {row.request_id} is announced: there is nothing left to cancel")
    if row.flow_run_id is not None:  # first, and else nothing: a run that goes on would take the request up again
        asyncio.run(_cancel_run(row.flow_run_id))
    store.cancel(row.request_id, "cancelled by an operator", datetime.now(UTC))


async def _cancel_run(run_id: UUID) -> None:
    with suppress(NotInPrefect):  # deleted: there is nothing to end
        async with prefect_client() as client:
            with prefect_errors():
                run = await client.read_flow_run(run_id)
                if run.state and not run.state.is_final():
                    await client.set_flow_run_state(run_id, Cancelling())
