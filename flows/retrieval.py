"""One try of a request: query, retrieve, assemble, upload, notify, and what becomes of it when that can't be done."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.ending import nothing_left
from flows.waiting import next_try, untag, waiting, waits_for
from gateway.errors import (
    DatabaseUnavailable,
    Dependency,
    GatewayError,
    NotSetUp,
    PeerUnavailable,
    PermanentError,
    TakenOver,
    TransientError,
)
from gateway.inference.lease import RequestLease
from gateway.inference.retry_window import is_last_try, silent_since, when_to_try_again
from gateway.inference.row import RequestRow
from gateway.payloads.report import PhaseTimes, payload_report
from gateway.retrieval.open_sources import sources_away
from gateway.sources.outcome import sources_report
from gateway.work.waiting import Wait
from tasks.assemble import assemble_payload
from tasks.node import node
from tasks.notify import announce_payload
from tasks.payloads import announced_before, object_location
from tasks.query import query_sources
from tasks.requests import claim_of, take_request
from tasks.retrieve import retrieve_files
from tasks.upload import upload_payload


def retrieve_held(request_id: UUID) -> State[Any] | None:
    """Take a request and carry it out. Returns None when it is announced, else the state of its run.

    Raises TransientError where it can't even be said what becomes of the request: it is tried again all the same.
    """
    try:
        lease = take_request(request_id, str(flow_run.id))
        if lease is None:
            row = node().requests.find(request_id)
            assert row
            return nothing_left(announced_before(row.payload_id, row.ended))
        untag()
        return _carry_out(lease, lease.row())
    except TakenOver as error:
        return nothing_left(str(error))


def _carry_out(lease: RequestLease, row: RequestRow) -> State[Any] | None:
    times = PhaseTimes()
    try:
        sent = 0 if row.uploaded else _fetch_and_store(lease, row, times)
        with times.phase("notify"):
            announce_payload(claim_of(lease))
        lease.complete(datetime.now(UTC))
    except PeerUnavailable as error:
        return _wait_for_sources(lease, row, error)
    except (TransientError, NotSetUp) as error:
        return _wait(lease, waits_for(error), next_try(), row.waiting_since)
    except TakenOver:
        raise
    except PermanentError as error:
        _fail(lease, error)
        raise
    _show(lease, times, sent)
    with suppress(OSError):  # what is left of it is removed by the dispatcher
        node().retrieved.remove(lease.request_id, lambda _request, _epoch: False)
    return None


def _fetch_and_store(lease: RequestLease, row: RequestRow, times: PhaseTimes) -> int:
    claim = claim_of(lease)
    last_try = is_last_try(row, _retry_for(), datetime.now(UTC))
    retrieve = retrieve_files
    with times.phase("query"):
        try:
            query_sources(claim)
        except PeerUnavailable:  # what the other sources have is fetched all the same, once
            retrieve = retrieve_files.with_options(retries=0)
    with times.phase("retrieve"):
        retrieve(claim, last_try=last_try)
    with times.phase("assemble"):
        assemble_payload(claim)
    with times.phase("upload"):
        sent = upload_payload(claim)
    lease.note_uploaded(datetime.now(UTC))
    return sent


def _wait_for_sources(lease: RequestLease, before: RequestRow, error: PeerUnavailable) -> State[Any]:
    now, after = datetime.now(UTC), lease.row()
    since = silent_since(before, after.fetched, now)
    again = when_to_try_again(since, _retry_for(), error, flow_run.run_count, now)
    if again is None:
        given_up = PermanentError(f"given up after {_retry_for().total_seconds():g} s without anything new: {error}")
        _fail(lease, given_up)
        raise given_up
    return _wait(lease, _waits(after, error), again, since)


def _waits(row: RequestRow, error: PeerUnavailable) -> Sequence[Wait]:
    """Who asked to be left alone is not asked whether it answers."""
    at_once = not error.retry_after_seconds
    names = [str(source) for source in sources_away(row)] or [""]
    return [Wait(Dependency.SOURCE, str(error), name, when_it_answers=at_once) for name in names]


def _wait(lease: RequestLease, waits: Sequence[Wait], at: datetime, waiting_since: datetime | None) -> State[Any]:
    with suppress(DatabaseUnavailable):  # which may be what is waited for
        lease.wait(waits, at, datetime.now(UTC), waiting_since)
    return waiting(waits, at)


def _fail(lease: RequestLease, error: GatewayError) -> None:
    _show_sources(lease)
    with suppress(TransientError):  # the dispatcher says it when the database is back
        lease.fail(str(error), datetime.now(UTC))


def _show(lease: RequestLease, times: PhaseTimes, sent: int) -> None:
    payload = lease.payload()
    report = payload_report(payload, object_location(payload), sent, times.seconds)
    create_markdown_artifact(
        report, key=f"payload-{payload.payload_id}", description="What was stored, and where it lies"
    )
    _show_sources(lease)


def _show_sources(lease: RequestLease) -> None:
    with suppress(TransientError):
        report = sources_report(lease.row().outcome)
        create_markdown_artifact(report, key=f"sources-{lease.request_id}", description="What each source gave")


def _retry_for() -> timedelta:
    return timedelta(seconds=node().settings.inference.retry_for_seconds)
