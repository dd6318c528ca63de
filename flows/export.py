"""Results on their way to PACS, viewers and archives."""

from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.futures import wait
from prefect.states import Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.waiting import put_back, wait_for, wait_for_destinations, wait_for_newer_program, wait_until
from gateway.errors import DatabaseUnavailable, PeerUnavailable, PermanentError, SchemaRefused, TransientError
from gateway.exports.report import export_report, one_line
from gateway.exports.run import DestinationAway, ExportRun
from gateway.exports.settlement import ExportStatus, Settlement
from gateway.exports.states import ExportRow, ExportState
from tasks.export_surroundings import export_area, settled_in_this_run, take_export_up
from tasks.fetch import fetch_files
from tasks.report import report_export
from tasks.send import send_files
from tasks.stopping import STOPPING, ended_in_order

_NOTHING_LEFT: State[Any] = Completed(message="exported before: nothing was left to do")
_SIDE_BY_SIDE: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=16)  # destinations of one export


@flow(name="export", retries=0, persist_result=False, task_runner=_SIDE_BY_SIDE)
def export_files(export_id: str) -> State[Any] | None:
    """Send the files of an export request to each of its destinations, and report.

    Done again from any point, only what is missing is sent. What waiting can help is waited for outside the worker's
    slots, for as long as `retry_for_seconds` of the destination says.
    """
    try:
        if ended := settled_in_this_run(export_id):
            return _as_settled(ended)
        run = take_export_up(export_id)
        if run is None:
            return _NOTHING_LEFT
        try:
            return _go_on(export_id, run)
        except TransientError as error:
            return _wait_for_part(run, error)
    except DatabaseUnavailable as error:  # nothing can be noted
        return wait_for(error)
    except SchemaRefused as error:
        return wait_for_newer_program(error)


def _go_on(export_id: str, run: ExportRun) -> State[Any] | None:
    with ended_in_order(), export_area(run):
        _try(export_id, run)
    if STOPPING.is_set():
        return put_back("Stopped between two files.")
    if left := run.what_is_left():
        state, next_try = wait_for_destinations(left.names, left.reason, left.until)
        run.wait(left.reason, next_try)
        return state
    return _end(run, report_export(export_id, run.attempt.epoch))


def _try(export_id: str, run: ExportRun) -> None:
    """Fetch and send what can be tried now: to all destinations side by side."""
    rows = run.to_try()
    if not rows:
        return
    try:
        fetch_files(export_id, run.attempt.epoch)
    except PermanentError as error:
        run.give_up_fetching(str(error))
        return
    sends = [send_files.submit(export_id, run.attempt.epoch, row.position, run.label(row.name)) for row in rows]
    for state in (send.state for send in wait(sends).done):
        failure = state.result(raise_on_failure=False)
        if isinstance(failure, Exception) and not isinstance(failure, PeerUnavailable | DestinationAway):
            raise failure


def _wait_for_part(run: ExportRun, error: TransientError) -> State[Any] | None:
    """A part of ours is away: wait for it, or give up."""
    until = run.until_for_part()
    if until is None:
        run.give_up_fetching(str(error))
        return _end(run, run.settle())
    state, next_try = wait_until(error, until)
    run.wait_for_part(str(error), next_try)
    return state


def _as_settled(export: ExportRow) -> State[Any]:
    """Tell Prefect what it did not hear."""
    return _NOTHING_LEFT if export.state is ExportState.SUCCEEDED else Failed(message=one_line(export.message))


def _end(run: ExportRun, settlement: Settlement) -> State[Any] | None:
    export = run.attempt.row()
    report = export_report(export, settlement, run.labels())
    create_markdown_artifact(report, key=f"export-{export.export_id}", description="What went where, and what did not")
    if settlement.status is ExportStatus.SUCCESS:
        return None
    return Failed(message=one_line(settlement.message))
