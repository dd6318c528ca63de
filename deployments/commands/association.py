"""`mig association`: who has come to a receiver, who was refused, and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from deployments.commands.site import site_settings
from deployments.commands.tables import AsJson, moment, print_more, print_object, print_rows, the_one
from gateway.wording import counted

if TYPE_CHECKING:
    from gateway.operations.associations import AssociationListing

app = typer.Typer(help="Associations: who came, and who was refused.", no_args_is_help=True)

_COLUMNS = ("id", "outcome", "calling_ae", "called_ae", "address", "ended", "times", "stored", "refused", "reason")
_CONTEXT_COLUMNS = ("result", "name", "abstract_syntax", "transfer_syntax")


@app.command("list")
def list_associations(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many on a page.")] = 20,
    page: Annotated[int, typer.Option(min=1, help="Which page.")] = 1,
    refused: Annotated[bool, typer.Option("--refused", help="Only who was refused, or an instance of whom.")] = False,
    ae: Annotated[str | None, typer.Option(metavar="TITLE", help="Only those that called this AE title.")] = None,
    source: Annotated[
        str | None, typer.Option(metavar="TITLE|ADDRESS", help="Only those with this calling AE title or address.")
    ] = None,
    payload: Annotated[UUID | None, typer.Option(metavar="ID", help="Only those that fed this payload.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME|2h", help="Only those that ended, or were open, then or later."),
    ] = None,
    is_open: Annotated[bool, typer.Option("--open", help="Only those that have not ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """List associations, those that are still open as well, the newest first."""
    from gateway.operations.associations import Wanted

    wanted = Wanted(refused, ae, source, payload, since, is_open or None)
    with _listing() as listing:
        views, total = listing.page(limit, (page - 1) * limit, wanted), listing.count(wanted)
    print_rows([asdict(view) for view in views], _COLUMNS, as_json=as_json)
    print_more(len(views), total, f"--page {page + 1}" if page * limit < total else None)


@app.command()
def show(
    association_id: Annotated[str, typer.Argument(metavar="ID", help="The association's id, or its first digits.")],
    as_json: AsJson = False,
) -> None:
    """Show everything that is known of an association: its presentation contexts, statuses and payloads."""
    with _listing() as listing:
        view = the_one(listing.matching(association_id), "association", association_id)
    row = asdict(view)
    if as_json:
        print_object(row, as_json=True)
        return
    contexts = row.pop("contexts")
    row["statuses"] = ", ".join(f"{counted(count, 'time')} {status}" for status, count in sorted(view.statuses.items()))
    print_object(row, as_json=False)
    if contexts:
        typer.echo()
        print_rows(contexts, _CONTEXT_COLUMNS, as_json=False)


@contextmanager
def _listing() -> "Iterator[AssociationListing]":
    from gateway.database import open_database
    from gateway.operations.associations import AssociationListing

    engine = open_database(site_settings().database_url, may_upgrade=False)
    try:
        yield AssociationListing(engine)
    finally:
        engine.dispose()
