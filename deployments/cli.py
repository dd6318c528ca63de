"""The command line, `mig`."""

import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_group

from deployments.commands import foreseen, processes, status
from gateway.errors import GatewayError

_GROUPS = ("association", "config", "database", "destination", "export", "payload", "inference", "spool")
"""Each is the `app` of the module of its name."""


class _Commands(TyperGroup):
    """Of the groups the one that is asked for is built: all of them would take a tenth of a command's time."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *_GROUPS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in _GROUPS:
            return _group(cmd_name)
        if cmd_name not in self.commands:  # whatever it is, the error says what may be meant
            self.commands.update({name: _group(name) for name in _GROUPS})
        return super().get_command(ctx, cmd_name)


def _group(name: str) -> TyperGroup:
    group = typer.Typer(rich_markup_mode=None)
    group.add_typer(import_module(f"deployments.commands.{name}").app, name=name)
    return cast(TyperGroup, get_group(group).commands[name])


app = typer.Typer(
    name="mig",
    cls=_Commands,
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
    if config:
        os.environ["MIG_CONFIG"] = str(config.absolute())  # for this process and those that it starts


def main() -> None:
    """Run a command. Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 a part can't be reached."""
    gc.disable()  # nearly all that a command makes are modules, which stay; a process enables it again
    try:
        app()
    except GatewayError as error:
        from deployments.process.exit_codes import exit_code_of

        sys.stderr.write(f"{error}\n")
        sys.exit(exit_code_of(error))
    finally:
        gc.enable()
