"""Results on their way to PACS, viewers and archives."""

from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.futures import wait
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.ending import failed, failing_in_words, nothing_left
from flows.waiting import (
    next_try,
    put_back,
    untag,
    waiting,
    waiting_for_newer_program,
    waits_for,
)
from gateway.errors import (
    DatabaseUnavailable,
    NotSetUp,
    PeerUnavailable,
    PermanentError,
    SchemaRefused,
    TakenOver,
    TransientError,
)
from gateway.exports.report import export_report, one_line, stored_lines
from gateway.exports.run import DestinationAway, ExportRun
from gateway.exports.settlement import ExportStatus, Settlement
from gateway.exports.states import ExportRow, ExportState
from tasks.exports import export_area, settled_in_this_run, take_export
from tasks.node import on_this_node
from tasks.run_log import say
from tasks.send import fetch_files, report_export, send_files
from tasks.stopping import STOPPING, ended_in_order

_NOTHING_LEFT = "exported before: nothing was left to do"
_SIDE_BY_SIDE: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=16)  # destinations of one export


@flow(name="export", retries=0, persist_result=False, task_runner=_SIDE_BY_SIDE)
@failing_in_words
def export_files(export_id: str) -> State[Any] | None:
    """Send the files of an export request to each of its destinations, and report.

    Done again from any point, only what is missing is sent. What waiting can help is waited for outside the worker's
    slots, for as long as `retry_for_seconds` of the destination says.
    """
    with on_this_node():
        try:
            if ended := settled_in_this_run(export_id):
                return _as_settled(ended)
            return _take(export_id)
        except DatabaseUnavailable as error:  # nothing can be noted
            return waiting(waits_for(error), next_try())
        except SchemaRefused as error:
            return waiting_for_newer_program(error)
        except TakenOver as error:
            return nothing_left(str(error))


def _take(export_id: str) -> State[Any] | None:
    run = take_export(export_id)
    if run is None:
        return nothing_left(_NOTHING_LEFT)
    untag()
    try:
        return _go_on(export_id, run)
    except (TransientError, NotSetUp) as error:
        return _wait_for_part(run, error)


def _go_on(export_id: str, run: ExportRun) -> State[Any] | None:
    with ended_in_order(), export_area(run):
        _try(export_id, run)
    if STOPPING.is_set():
        return put_back("Stopped between two files.")
    if left := run.give_up_overdue():
        at = next_try(left.until)
        run.wait(left.waits, at)
        return waiting(left.waits, at)
    return _end(run, report_export(export_id, run.lease.fencing_token))


def _try(export_id: str, run: ExportRun) -> None:
    """Fetch and send what can be tried now: to all destinations side by side."""
    rows, token = run.prepare(), run.lease.fencing_token
    if not rows:
        return
    try:
        fetch_files(export_id, token, [row.position for row in rows])
    except NotSetUp:
        raise
    except PermanentError as error:
        run.give_up_fetching(str(error))
        return
    labels = run.labels()
    sends = [send_files.submit(export_id, token, row.position, labels[row.name]) for row in rows]
    for state in (send.state for send in wait(sends).done):
        failure = state.result(raise_on_failure=False)
        if isinstance(failure, Exception) and not isinstance(failure, PeerUnavailable | DestinationAway):
            raise failure


def _wait_for_part(run: ExportRun, error: TransientError | NotSetUp) -> State[Any] | None:
    """A part of ours is away, or refuses us: wait for it, or give up."""
    waits = waits_for(error)
    until = run.until_for_part(waits[0].dependency)
    if until is None:
        run.give_up_fetching(str(error))
        return _end(run, run.settle())
    at = next_try(until)
    run.wait(waits, at)
    return waiting(waits, at)


def _as_settled(export: ExportRow) -> State[Any]:
    """Tell Prefect what it did not hear."""
    if export.state is ExportState.SUCCEEDED:
        return nothing_left(_NOTHING_LEFT)
    return failed(one_line(export.message))


def _end(run: ExportRun, settlement: Settlement) -> State[Any] | None:
    export = run.lease.row()
    labels = run.labels()
    report = export_report(export, settlement, labels)
    create_markdown_artifact(report, key=f"export-{export.export_id}", description="What went where, and what did not")
    for line in stored_lines(settlement, labels):
        say(line)
    if settlement.status is ExportStatus.SUCCESS:
        return None
    return failed(one_line(settlement.message))
