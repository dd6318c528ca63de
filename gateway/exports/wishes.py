"""What an operator may ask of an export, and when. The dispatcher does it."""

from gateway.errors import PermanentError
from gateway.exports.ledger import ExportLedger
from gateway.exports.states import ExportRow, ExportState, Wanted


class NothingToDo(PermanentError):
    """The export is not in a state in which that means anything. The text says which."""


def ask_to_retry(ledger: ExportLedger, row: ExportRow) -> None:
    """Have what is missing sent now. Raises NothingToDo."""
    if row.state is ExportState.SUCCEEDED:
        raise NothingToDo(f"export {row.export_id} has succeeded: nothing is missing")
    if row.state in {ExportState.RECORDED, ExportState.QUEUED, ExportState.SENDING}:
        raise NothingToDo(f"export {row.export_id} is {row.state}: it goes on by itself")
    ledger.want(row, Wanted.RETRY)


def ask_to_cancel(ledger: ExportLedger, row: ExportRow) -> None:
    """Have an export ended: between two files, with the rest reported as not sent. Raises NothingToDo."""
    if row.state.is_settled:
        raise NothingToDo(f"export {row.export_id} is over: {row.state}")
    ledger.want(row, Wanted.CANCEL)
