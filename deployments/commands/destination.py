"""`mig destination`: where results go, and whether it answers."""

from typing import Annotated

import typer

from deployments.commands.site import site_settings
from deployments.commands.tables import AsJson, print_rows

app = typer.Typer(help="Destinations.", no_args_is_help=True)

_MET = ("name", "kind", "address", "state", "since", "answered", "next_probe")
_COLUMNS = (*_MET, "queued", "oldest", "failed", "reason")


@app.command("list")
def list_destinations(as_json: AsJson = False) -> None:
    """List the destinations that are registered, how exports have last met each (there, away, refuses, unknown), and
    what is queued for it.
    """
    from dataclasses import asdict

    from gateway.exports.ledger import opened_ledger
    from gateway.operations.destinations import destination_views

    settings = site_settings()
    with opened_ledger(settings.database_url, may_upgrade=False) as ledger:
        rows = [asdict(view) for view in destination_views(settings, ledger.engine)]
    print_rows(rows, _COLUMNS, as_json=as_json)


@app.command()
def echo(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Ask whether a destination answers: C-ECHO, a QIDO-RS for one study, or whether a directory can be written.

    The exit code is 1 where it refuses, 3 where it can't be reached.
    """
    from deployments.process.exit_codes import ExitCode
    from gateway.config import load_settings
    from gateway.destinations.registered import Destinations
    from gateway.errors import PeerUnavailable, PermanentError

    settings = load_settings().settings  # it needs no site: one that is being set up is tried out so
    destination = Destinations.of(settings).find_registered(name)
    if destination is None:
        raise PermanentError(f"no destination is registered as {name}")
    try:
        destination.probe()
    except PeerUnavailable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(ExitCode.UNREACHABLE) from error
    typer.echo(f"{name} answers")
