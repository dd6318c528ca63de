"""One try of a request: query, retrieve, assemble, upload, notify, and what becomes of it when that can't be done."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.waiting import wait_for, waits
from gateway.errors import Dependency, GatewayError, PeerUnavailable, PermanentError, TakenOver, TransientError
from gateway.inference.hold import Hold
from gateway.inference.patience import is_last_try, next_try, silent_since
from gateway.inference.row import RequestRow
from gateway.payloads.report import PhaseTimes, payload_report
from gateway.retrieval.report import sources_report
from tasks.assemble import assemble_payload
from tasks.notify import announce_payload
from tasks.query import query_sources
from tasks.requests import take_request
from tasks.retrieve import retrieve_files
from tasks.surroundings import areas, object_location, settings
from tasks.upload import upload_payload


def retrieve_held(request_id: UUID) -> State[Any] | None:
    """Take a request and carry it out. Returns None when it is announced, else the state of its run.

    Raises TransientError where it can't even be said what becomes of the request: it is tried again all the same.
    """
    try:
        hold = take_request(request_id, str(flow_run.id))
        if hold is None:
            return Completed(message="announced before: nothing was left to do")
        return _carry_out(hold, hold.row())
    except TakenOver as error:
        return Completed(message=str(error))


def _carry_out(hold: Hold, row: RequestRow) -> State[Any] | None:
    times = PhaseTimes()
    try:
        sent = 0 if row.uploaded else _fetch_and_store(hold, row, times)
        with times.phase("notify"):
            announce_payload(str(row.payload_id), hold.epoch)
        hold.complete(datetime.now(UTC))
    except PeerUnavailable as error:
        return _wait_for_sources(hold, row, error)
    except TransientError as error:
        return _noted(hold, wait_for(error), row.waiting_since)
    except TakenOver:
        raise
    except PermanentError as error:
        _fail(hold, error)
        raise
    _show(hold, times, sent)
    with suppress(OSError):  # what is left of it is removed by the dispatcher
        areas().remove(hold.request_id, lambda _request, _epoch: False)
    return None


def _fetch_and_store(hold: Hold, row: RequestRow, times: PhaseTimes) -> int:
    request_id, payload_id = str(row.request_id), str(row.payload_id)
    last_try = is_last_try(row, _retry_for(), datetime.now(UTC))
    retrieve = retrieve_files
    with times.phase("query"):
        try:
            query_sources(request_id, hold.epoch)
        except PeerUnavailable:  # what the other sources have is fetched all the same, once
            retrieve = retrieve_files.with_options(retries=0)
    with times.phase("retrieve"):
        retrieve(request_id, hold.epoch, last_try=last_try)
    with times.phase("assemble"):
        assemble_payload(payload_id, hold.epoch)
    with times.phase("upload"):
        sent = upload_payload(payload_id, hold.epoch)
    hold.note_uploaded(datetime.now(UTC))
    return sent


def _wait_for_sources(hold: Hold, before: RequestRow, error: PeerUnavailable) -> State[Any]:
    now, fetched = datetime.now(UTC), hold.row().fetched
    since = silent_since(before, fetched, now)
    again = next_try(since, _retry_for(), error, flow_run.run_count, now)
    if again is None:
        given_up = PermanentError(f"given up after {_retry_for().total_seconds():g} s without anything new: {error}")
        _fail(hold, given_up)
        raise given_up
    # Who asked to be left alone is not asked whether it answers.
    waits_for = None if error.retry_after_seconds else Dependency.SOURCE
    return _noted(hold, waits(again, str(error), waits_for), since)


def _noted(hold: Hold, state: State[Any], waiting_since: datetime | None) -> State[Any]:
    """Tell the request's status what the run's state tells the dashboard."""
    again = state.state_details.scheduled_time or datetime.now(UTC)
    with suppress(TransientError):  # the database may be what is waited for
        hold.wait(state.message or "", again, waiting_since)
    return state


def _fail(hold: Hold, error: GatewayError) -> None:
    _show_sources(hold)
    with suppress(TransientError):  # the dispatcher says it when the database is back
        hold.fail(str(error), datetime.now(UTC))


def _show(hold: Hold, times: PhaseTimes, sent: int) -> None:
    payload = hold.payload()
    report = payload_report(payload, object_location(payload), sent, times.seconds)
    create_markdown_artifact(
        report, key=f"payload-{payload.payload_id}", description="What was stored, and where it lies"
    )
    _show_sources(hold)


def _show_sources(hold: Hold) -> None:
    with suppress(TransientError):
        report = sources_report(hold.row())
        create_markdown_artifact(report, key=f"sources-{hold.request_id}", description="What each source gave")


def _retry_for() -> timedelta:
    return timedelta(seconds=settings().inference.retry_for_seconds)
