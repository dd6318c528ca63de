"""`mig database`: which schema the gateway's database has, and its upgrade."""

import re
from typing import TYPE_CHECKING, Any

import typer

from deployments.commands.tables import AsJson, print_object

if TYPE_CHECKING:
    from gateway.database.schema import Schema

app = typer.Typer(help="The gateway's database.", no_args_is_help=True)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show which schema the database has, and which this program works with. Nothing is changed.

    The exit code is 1 where this program can't work with it.
    """
    from gateway.config import load_settings
    from gateway.database import database_errors, open_unguarded
    from gateway.database.schema import Schema, SchemaState, read_schema

    url = load_settings().settings.database_url
    if _is_file_that_is_not_there(url):
        schema = Schema(SchemaState.EMPTY, None)
    else:
        engine = open_unguarded(url)
        with database_errors(), engine.connect() as connection:
            schema = read_schema(connection)
        engine.dispose()
    print_object(_shown(schema), as_json=as_json)
    schema.check()


@app.command()
def upgrade(as_json: AsJson = False) -> None:
    """Bring the database to the schema of this program, as the first process that starts would.

    Keep a backup: there is no way back. Processes of an older program are kept out from then on.
    """
    from gateway.config import load_settings
    from gateway.database import database_errors, open_unguarded
    from gateway.database.migrations import HEAD
    from gateway.database.upgrade import upgrade as bring_up_to_date

    engine = open_unguarded(load_settings().settings.database_url)
    with database_errors(), engine.connect() as connection:
        before = bring_up_to_date(connection)
    engine.dispose()
    if as_json:
        print_object({"state": "current", "revision": HEAD, "before": before.revision}, as_json=True)
    elif before.revision == HEAD:
        typer.echo(f"the database has schema {HEAD} already")
    else:
        typer.echo(f"the database has schema {HEAD} now (before: {before.revision or before.state})")


def _shown(schema: "Schema") -> dict[str, Any]:
    from gateway.database.migrations import HEAD
    from gateway.versions import program_version

    return {
        "state": schema.state.value,
        "revision": schema.revision,
        "made_by": schema.program,
        "upgraded": schema.upgraded,
        "program": program_version(),
        "program_revision": HEAD,
    }


def _is_file_that_is_not_there(url: str) -> bool:
    """Whether to look would make it."""
    from pathlib import Path

    found = re.fullmatch(r"sqlite(?:\+\w+)?:///(?P<file>[^?]+)(?:\?.*)?", url)
    return found is not None and not Path(found["file"]).exists()
