"""`mig export`: what is sent out, and what became of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deployments.commands.foreseen import check_dry_run, foresee_export
from deployments.commands.operator import Ids, InState, Yes, ask_and_show, check_state, retry_chosen
from deployments.commands.site import site_settings
from deployments.commands.tables import AsJson, moment, print_more, print_object, print_rows, the_one
from gateway.work import MOST_AT_ONCE

if TYPE_CHECKING:
    from gateway.exports.ledger import ExportLedger
    from gateway.exports.states import ExportRow

app = typer.Typer(help="Exports.", no_args_is_help=True)

ExportId = Annotated[str, typer.Argument(metavar="ID", help="The export's id, or its first digits.")]

_COLUMNS = ("id", "state", "origin", "destinations", "files", "stored", "missing", "received", "next_try", "message")
_FILE_COLUMNS = ("destination", "path", "state", "code", "attempts", "last_tried", "reason")


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The request, in JSON; - for stdin.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Record nothing: say what would be sent where, and what be told.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Of a dry run: print JSON.")] = False,
) -> None:
    """Ask for an export, with the body of an export request.

    The exit code of a dry run is 1 where a file or a destination would be skipped, 3 where a part can't be reached.
    """
    from gateway.errors import PermanentError
    from gateway.exports.request import read_export_request

    check_dry_run(dry_run=dry_run, as_json=as_json)
    try:
        body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise PermanentError(f"{file} can't be read: {error.strerror}") from error
    request = read_export_request(body)
    if dry_run:
        foresee_export(request, as_json=as_json)
        return
    with _ledger() as ledger:
        is_new = ledger.record(request, datetime.now(UTC))
    typer.echo(f"export {request.export_id}: {'recorded' if is_new else 'known already, nothing changes'}")


@app.command("list")
def list_exports(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many on a page.")] = 20,
    page: Annotated[int, typer.Option(min=1, help="Which page.")] = 1,
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    destination: Annotated[str | None, typer.Option(metavar="NAME", help="Only those for this destination.")] = None,
    payload: Annotated[
        str | None, typer.Option(metavar="ID", help="Only those of this payload, by its whole id.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List exports, the newest first."""
    from gateway.exports.listing import ExportFilter, ExportListing
    from gateway.exports.states import ExportState

    check_state(state, list(ExportState))
    wanted = ExportFilter(ExportState(state) if state else None, destination, payload)
    with _ledger() as ledger:
        listing = ExportListing(ledger.engine)
        views = listing.page(limit + 1, (page - 1) * limit, wanted)
        total = listing.total(wanted)
    rows = [view.model_dump() for view in views[:limit]]
    print_rows(rows, _COLUMNS, as_json=as_json)
    print_more(len(rows), total, f"--page {page + 1}" if len(views) > limit else None)


@app.command()
def show(export_id: ExportId, as_json: AsJson = False) -> None:
    """Show everything that is known of an export, file by file."""
    from gateway.exports.listing import ExportListing

    with _ledger() as ledger:
        detail = ExportListing(ledger.engine).view(_found(ledger, export_id).export_id)
    assert detail
    row = detail.model_dump()
    if as_json:
        print_object(row, as_json=True)
        return
    destinations = row["destinations"]
    print_object(row | {"destinations": ", ".join(each["name"] for each in destinations)}, as_json=False)
    typer.echo()
    files = [_in_words(each["name"], file) for each in destinations for file in each["files"]]
    print_rows(files, _FILE_COLUMNS, as_json=False)


@app.command()
def retry(
    export_ids: Ids = None,
    state: InState = None,
    destination: Annotated[str | None, typer.Option(metavar="NAME", help="Of them those for this destination.")] = None,
    since: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME|2h", help="Of them those asked for then or later.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Try now: send what is missing of exports that wait, have failed or were cancelled."""
    from gateway.exports.listing import ExportFilter, ExportListing
    from gateway.exports.states import ExportState

    def all_in(state: str) -> list[UUID]:
        with _ledger() as ledger:
            wanted = ExportFilter(ExportState(state), destination, since=since)
            return [view.id for view in ExportListing(ledger.engine).page(MOST_AT_ONCE + 1, wanted=wanted)]

    retry_chosen("export", export_ids or (), state, states=list(ExportState), find=_id_of, find_all=all_in, yes=yes)


@app.command()
def cancel(export_id: ExportId) -> None:
    """End an export, between two files. What is missing is reported as not sent; retry goes on from there."""
    from gateway.work.commands import OperatorCommand

    ask_and_show("export", _id_of(export_id), OperatorCommand.CANCEL)


def _in_words(destination: str, file: dict[str, Any]) -> dict[str, Any]:
    """A file's line; its status in four hexadecimal digits, as the Standard and every log of a PACS have it."""
    code = file["code"]
    return file | {"destination": destination, "code": "" if code is None else f"{code:04X}"}


def _id_of(export_id: str) -> UUID:
    with _ledger() as ledger:
        return _found(ledger, export_id).export_id


@contextmanager
def _ledger() -> "Iterator[ExportLedger]":
    from gateway.exports.ledger import opened_ledger

    with opened_ledger(site_settings(), may_upgrade=False) as ledger:
        yield ledger


def _found(ledger: "ExportLedger", export_id: str) -> "ExportRow":
    from gateway.exports.listing import ExportListing

    return the_one(ExportListing(ledger.engine).matching(export_id), "export", export_id)
