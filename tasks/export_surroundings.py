"""What the tasks of an export find around them."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from sqlalchemy import Engine

from gateway.database import open_database
from gateway.destinations.circuits import Circuits
from gateway.destinations.registered import Destinations
from gateway.dicomweb.service import Service
from gateway.errors import PermanentError
from gateway.exports.area import working_area
from gateway.exports.attempt import Attempt
from gateway.exports.ledger import ExportLedger
from gateway.exports.run import ExportRun
from gateway.exports.states import ExportRow
from gateway.exports.taking_up import take_up
from gateway.inference.outputs import output_services
from gateway.inference.store import RequestStore
from tasks.stopping import STOPPING
from tasks.surroundings import settings


@cache
def engine() -> Engine:
    """The gateway's database."""
    return open_database(settings().database_url)


def take_export_up(export_id: str) -> ExportRun | None:
    """Take the export up in this run; None where it has succeeded before."""
    attempt = take_up(engine(), _uuid(export_id), _run_id())
    if attempt is None:
        return None
    run = export_run(export_id, attempt.epoch)
    if attempt.is_retry:  # by a person, who may know more than the last probe
        run.distrust_circuits()
    return run


def settled_in_this_run(export_id: str) -> ExportRow | None:
    """Return the export where it settled in this very run and Prefect did not hear of it: then this is no retry."""
    row = ExportLedger(engine()).row(_uuid(export_id))
    run_id = _run_id()
    if run_id is None or row is None or row.settled is None or row.flow_run_id != run_id:
        return None
    with get_client(sync_client=True) as client:
        states = sorted(client.read_flow_run_states(run_id), key=lambda state: state.timestamp)
    starts = [number for number, state in enumerate(states) if state.is_running()]
    since_last_start = states[starts[-2] : starts[-1]] if len(starts) > 1 else states
    return None if any(state.is_final() for state in since_last_start) else row


def export_run(export_id: str, epoch: int) -> ExportRun:
    """The run that has taken the export up with this epoch."""
    return ExportRun(
        Attempt(engine(), UUID(export_id), epoch),
        Destinations.of(settings(), _outputs),
        Circuits(engine()),
        settings().scu.ae_title,
        STOPPING,
        lambda: datetime.now(UTC),
    )


def _outputs(transaction_id: str) -> Sequence[Service]:
    """The services in the `outputResources` of an inference request."""
    return output_services(RequestStore(engine()), transaction_id, settings(), datetime.now(UTC))


def export_area(run: ExportRun) -> AbstractContextManager[Path]:
    """The directory that the run's files lie in, gone when it ends."""
    return working_area(_areas(), run.attempt.export_id, run.attempt.epoch)


def area_of(export_id: str, epoch: int) -> Path:
    """The same, where it is there already."""
    return _areas() / f"{export_id}.{epoch}"


def _uuid(export_id: str) -> UUID:
    try:
        return UUID(export_id)
    except ValueError as error:
        raise PermanentError(f"{export_id} is no id of an export") from error


def _run_id() -> UUID | None:
    return UUID(str(flow_run.id)) if flow_run.id else None


def _areas() -> Path:
    return settings().data_dir / "exports"
