"""Received data on its way to the workflow manager."""

from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.ending import failing_in_words, nothing_left
from flows.waiting import next_try, untag, waiting, waits_for
from gateway.errors import DatabaseRefused, DatabaseUnavailable, NotSetUp, TakenOver, TransientError
from gateway.payloads.report import PhaseTimes, payload_report
from tasks.assemble import assemble_payload
from tasks.clear import clear_payload
from tasks.node import node, on_this_node
from tasks.notify import announce_payload
from tasks.payloads import announced_before, is_announced, note_uploaded, object_location, read_payload, take_payload
from tasks.upload import upload_payload


@flow(name="ingest", retries=0, persist_result=False)
@failing_in_words
def ingest_payload(payload_id: str) -> State[Any] | None:
    """Store a received payload and announce it to the workflow manager.

    Done again from any point to the same effect. What waiting can help is waited for outside the worker's slots.
    """
    with on_this_node():
        if is_announced(payload_id):
            clear_payload(payload_id)
            return nothing_left(announced_before(UUID(payload_id), _announced(payload_id)))
        _note_taken(payload_id)
        try:
            _ingest(payload_id)
        except (TransientError, NotSetUp) as error:
            return _wait(payload_id, error)
        except TakenOver as error:
            return nothing_left(str(error))
        return None


def _ingest(payload_id: str) -> None:
    claim, payload, times = take_payload(payload_id), read_payload(payload_id), PhaseTimes()
    with times.phase("assemble"):
        assemble_payload(claim)
    with times.phase("upload"):
        sent = upload_payload(claim)
    note_uploaded(payload_id)
    with times.phase("notify"):
        announce_payload(claim)
    clear_payload(payload_id, claim)
    report = payload_report(payload, object_location(payload), sent, times.seconds)
    create_markdown_artifact(report, key=f"payload-{payload_id}", description="What was stored, and where it lies")


def _note_taken(payload_id: str) -> None:
    """Where it has waited, it waits no longer. The database is no part of the way: it may be away."""
    if flow_run.run_count > 1:
        untag()
        with suppress(DatabaseUnavailable, DatabaseRefused):
            node().payloads.note_taken(UUID(payload_id))


def _announced(payload_id: str) -> datetime | None:
    """When that was, where the index tells: the dispatcher may not have noted it yet."""
    with suppress(DatabaseUnavailable, DatabaseRefused):
        row = node().payloads.row(UUID(payload_id))
        return row.announced if row else None
    return None


def _wait(payload_id: str, error: TransientError | NotSetUp) -> State[Any]:
    waits, at = waits_for(error), next_try()
    with suppress(DatabaseUnavailable, DatabaseRefused):
        node().payloads.note_wait(UUID(payload_id), waits, at, node().now())
    return waiting(waits, at)
