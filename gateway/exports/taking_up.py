"""Taking the lease on an export: from then on what earlier runs write is refused."""

from uuid import UUID

from sqlalchemy import Connection, Engine, update

from gateway.exports.attempt import Attempt
from gateway.exports.rows import export_of
from gateway.exports.states import ExportState, FileStatus, SendState
from gateway.exports.tables import WORK, destinations, exports, sends
from gateway.work import waiting
from gateway.work.ledger import WorkLedger
from gateway.work.transitions import Event


def take(engine: Engine, export_id: UUID, run_id: UUID | None = None) -> Attempt | None:
    """Begin, go on with or, where it has settled without success, retry an export; None where nothing is missing.

    A retry sends what is missing, and has the whole of `retry_for_seconds` again. `run_id` is that of Prefect's run,
    which is the export's from now on. Raises DatabaseUnavailable and NoSuchWork.
    """
    with WorkLedger(engine, WORK).taking(export_id) as (connection, lease):
        row = export_of(connection, export_id)
        assert row
        if row.state is ExportState.SUCCEEDED:
            return None
        if row.settled:
            _open_again(connection, export_id)
        waiting.interrupt(connection, WORK.key(export_id))
        run = {"flow_run_id": run_id} if run_id else {}
        lease.apply(connection, Event.TAKEN, message="", next_try=None, **run)
    return Attempt(lease, is_retry=row.settled is not None)


def _open_again(connection: Connection, export_id: UUID) -> None:
    failed = (sends.c.export_id == export_id) & (sends.c.state == SendState.FAILED)
    pending = {"state": SendState.PENDING, "file_status": FileStatus.SUCCESS}
    connection.execute(update(sends).where(failed).values(pending))
    there = {"waits": False, "away_since": None, "reason": ""}
    connection.execute(update(destinations).where(destinations.c.export_id == export_id).values(there))
    connection.execute(update(exports).where(exports.c.export_id == export_id).values(settled=None))
