"""An export as a run goes on with it."""

from contextlib import AbstractContextManager
from pathlib import Path
from uuid import UUID

from prefect.runtime import flow_run

from gateway.exports.area import working_area
from gateway.exports.lease import ExportLease, take
from gateway.exports.run import ExportRun
from gateway.exports.states import ExportRow
from gateway.exports.tables import WORK
from gateway.runs.reading import read_states
from gateway.runs.run import StateType
from gateway.work.lease import Lease
from tasks.ids import id_of
from tasks.node import ask_prefect, node
from tasks.stopping import STOPPING


def take_export(export_id: str) -> ExportRun | None:
    """Take the export for this run; None where it has succeeded before."""
    lease = take(node().database, id_of("export", export_id), _run_id())
    if lease is None:
        return None
    run = _run_of(lease)
    if lease.is_retry:  # by a person, who may know more than the last probe
        run.distrust_circuits()
    return run


def settled_in_this_run(export_id: str) -> ExportRow | None:
    """Return the export where it settled in this very run and Prefect did not hear of it: then this is no retry."""
    row = node().exports.row(id_of("export", export_id))
    run_id = _run_id()
    if run_id is None or row is None or row.settled is None or row.flow_run_id != run_id:
        return None
    states = ask_prefect(lambda api: read_states(api, run_id))
    starts = [number for number, state in enumerate(states) if state.type is StateType.RUNNING]
    since_last_start = states[starts[-2] : starts[-1]] if len(starts) > 1 else states
    return None if any(state.type.is_final for state in since_last_start) else row


def export_run(export_id: str, fencing_token: int) -> ExportRun:
    """The run that has taken the export with this token."""
    return _run_of(ExportLease(Lease(node().database, WORK, UUID(export_id), fencing_token)))


def export_area(run: ExportRun) -> AbstractContextManager[Path]:
    """The directory that the run's files lie in, gone when it ends."""
    return working_area(_areas(), run.lease.export_id, run.lease.fencing_token)


def area_of(export_id: str, fencing_token: int) -> Path:
    """The same, where it is there already."""
    return _areas() / f"{export_id}.{fencing_token}"


def _run_of(lease: ExportLease) -> ExportRun:
    here = node()
    return ExportRun(lease, here.destinations, here.circuits, STOPPING, here.now)


def _run_id() -> UUID | None:
    return UUID(str(flow_run.id)) if flow_run.id else None


def _areas() -> Path:
    return node().settings.paths.exports
