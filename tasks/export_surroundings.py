"""What the tasks of an export find around them."""

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from prefect.runtime import flow_run
from sqlalchemy import Engine

from gateway.database import open_database
from gateway.errors import PermanentError
from gateway.exports.area import working_area
from gateway.exports.attempt import Attempt
from gateway.exports.circuits import Circuits
from gateway.exports.destinations import Destinations
from gateway.exports.run import ExportRun
from gateway.exports.taking_up import take_up
from tasks.stopping import STOPPING
from tasks.surroundings import settings


@cache
def engine() -> Engine:
    """The gateway's database."""
    return open_database(settings().database_url)


def take_export_up(export_id: str) -> ExportRun | None:
    """Take the export up in this run; None where it has succeeded before."""
    try:
        attempt = take_up(engine(), UUID(export_id), _run_id())
    except ValueError as error:
        raise PermanentError(f"{export_id} is no id of an export") from error
    if attempt is None:
        return None
    run = export_run(export_id, attempt.epoch)
    if attempt.is_retry:  # by a person, who may know more than the last probe
        run.distrust_circuits()
    return run


def export_run(export_id: str, epoch: int) -> ExportRun:
    """The run that has taken the export up with this epoch."""
    return ExportRun(
        Attempt(engine(), UUID(export_id), epoch),
        Destinations.of(settings()),
        Circuits(engine()),
        settings().scu.ae_title,
        STOPPING,
        lambda: datetime.now(UTC),
    )


def export_area(run: ExportRun) -> AbstractContextManager[Path]:
    """The directory that the run's files lie in, gone when it ends."""
    return working_area(_areas(), run.attempt.export_id, run.attempt.epoch)


def area_of(export_id: str, epoch: int) -> Path:
    """The same, where it is there already."""
    return _areas() / f"{export_id}.{epoch}"


def _run_id() -> UUID | None:
    return UUID(str(flow_run.id)) if flow_run.id else None


def _areas() -> Path:
    return settings().data_dir / "exports"
