"""Taking an export up: from then on what earlier runs write is refused."""

from uuid import UUID

from sqlalchemy import Connection, Engine, update

from gateway.database import database_errors
from gateway.errors import PermanentError
from gateway.exports.attempt import Attempt
from gateway.exports.rows import export_of
from gateway.exports.states import ExportRow, ExportState, FileStatus, SendState, Wanted
from gateway.exports.tables import destinations, exports, sends


class NoSuchExport(PermanentError):
    """The ledger has no export with this id."""


def take_up(engine: Engine, export_id: UUID, run_id: UUID | None = None) -> Attempt | None:
    """Begin, go on with or, where it has settled without success, retry an export; None where nothing is missing.

    A retry sends what is missing, and has the whole of `retry_for_seconds` again. `run_id` is that of Prefect's run,
    which is the export's from now on. Raises DatabaseUnavailable and
    NoSuchExport.
    """
    this = exports.c.export_id == export_id
    with database_errors(), engine.begin() as connection:
        connection.execute(update(exports).where(this).values(epoch=exports.c.epoch + 1))  # which locks it
        row = export_of(connection, export_id)
        if row is None:
            raise NoSuchExport(f"there is no export {export_id}")
        if row.state is ExportState.SUCCEEDED:
            return None
        if row.settled:
            _open_again(connection, export_id)
        changes = {"state": ExportState.SENDING, "message": "", "next_try": None}
        connection.execute(update(exports).where(this).values(changes | ({"flow_run_id": run_id} if run_id else {})))
        connection.execute(update(exports).where(this, exports.c.wanted == Wanted.RETRY).values(wanted=None))
    return Attempt(engine, export_id, row.epoch, is_retry=row.settled is not None)


def take_from_run(engine: Engine, row: ExportRow) -> Attempt | None:
    """Take an export from a run that is over; None where it was taken up, or has settled, since it was seen."""
    seen = (exports.c.export_id == row.export_id) & (exports.c.epoch == row.epoch) & (exports.c.state == row.state)
    with database_errors(), engine.begin() as connection:
        taken = connection.execute(update(exports).where(seen).values(epoch=row.epoch + 1)).rowcount
    return Attempt(engine, row.export_id, row.epoch + 1) if taken else None


def _open_again(connection: Connection, export_id: UUID) -> None:
    failed = (sends.c.export_id == export_id) & (sends.c.state == SendState.FAILED)
    pending = {"state": SendState.PENDING, "file_status": FileStatus.SUCCESS}
    connection.execute(update(sends).where(failed).values(pending))
    there = {"waits": False, "away_since": None, "reason": ""}
    connection.execute(update(destinations).where(destinations.c.export_id == export_id).values(there))
    connection.execute(update(exports).where(exports.c.export_id == export_id).values(settled=None))
