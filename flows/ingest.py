"""Received data on its way to the workflow manager."""

from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.waiting import wait_for
from gateway.errors import TransientError
from gateway.payloads.report import PhaseTimes, payload_report
from tasks.assemble import assemble_payload
from tasks.clear import clear_payload
from tasks.notify import announce_payload
from tasks.surroundings import is_announced, object_location, read_payload
from tasks.upload import upload_payload


@flow(name="ingest", retries=0, persist_result=False)
def ingest_payload(payload_id: str) -> State[Any] | None:
    """Store a received payload and announce it to the workflow manager.

    Done again from any point to the same effect. What waiting can help is waited for outside the worker's slots.
    """
    if is_announced(payload_id):
        clear_payload(payload_id)
        return Completed(message="announced before: nothing was left to do")
    payload, times = read_payload(payload_id), PhaseTimes()
    try:
        with times.phase("assemble"):
            assemble_payload(payload_id)
        with times.phase("upload"):
            sent = upload_payload(payload_id)
        with times.phase("notify"):
            announce_payload(payload_id)
    except TransientError as error:
        return wait_for(error)
    clear_payload(payload_id)
    report = payload_report(payload, object_location(payload), sent, times.seconds)
    create_markdown_artifact(report, key=f"payload-{payload_id}", description="What was stored, and where it lies")
    return None
