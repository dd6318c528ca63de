"""The command line, `mig`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from deployments.commands import (
    association,
    config,
    database,
    destination,
    export,
    foreseen,
    inference,
    payload,
    processes,
    spool,
    status,
)
from gateway.errors import GatewayError

app = typer.Typer(
    name="mig",
    help="A clinical informatics gateway: studies in, payloads stored and announced, results out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    *(processes.up, processes.scp, processes.api, processes.exports, processes.dispatch, processes.worker),
    status.status,
    foreseen.explain,
):
    app.command()(command)
app.add_typer(association.app, name="association")
app.add_typer(config.app, name="config")
app.add_typer(database.app, name="database")
app.add_typer(destination.app, name="destination")
app.add_typer(export.app, name="export")
app.add_typer(payload.app, name="payload")
app.add_typer(inference.app, name="inference")
app.add_typer(spool.app, name="spool")


def _show_version(wanted: bool) -> None:
    if wanted:
        from gateway.versions import program_version

        typer.echo(program_version())
        raise typer.Exit


@app.callback()
def mig(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The settings; else MIG_CONFIG, else ./gateway.toml.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    import structlog

    # What a command prints may be JSON; a process sets its own log up.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    if config:
        os.environ["MIG_CONFIG"] = str(config.absolute())  # for this process and those that it starts


def main() -> None:
    """Run a command. Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 a part can't be reached."""
    try:
        app()
    except GatewayError as error:
        from deployments.process.exit_codes import exit_code_of

        sys.stderr.write(f"{error}\n")
        sys.exit(exit_code_of(error))
