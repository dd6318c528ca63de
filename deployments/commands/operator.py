"""What operators ask of work, whatever its kind: written down, and then watched until the dispatcher has done it."""

import time
from contextlib import closing
from typing import TYPE_CHECKING
from uuid import UUID

import typer

from deployments.commands.site import site_settings

if TYPE_CHECKING:
    from gateway.work.commands import CommandRow, Commands, OperatorCommand

_SHOWN_WITHIN_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.1


def ask_and_show(kind: str, work_id: UUID, command: "OperatorCommand") -> None:
    """Ask, and say what became of it. Raises NothingToDo, also where the dispatcher finds that there is nothing to do.

    Whoever does not want to wait may go: it is written down, and done when dispatcher and Prefect are there.
    """
    from gateway.kinds import ask, refused
    from gateway.node_context import NodeContext
    from gateway.work.commands import Commands

    with closing(NodeContext(site_settings(), may_upgrade=False)) as node:
        command_id = ask(node, kind, work_id, command, "command line")
        row = _wait_for(Commands(node.database), command_id)
    if row is None:
        typer.echo(f"{kind} {work_id}: {command} is noted, and is done as soon as the dispatcher and Prefect answer")
    elif not row.carried_out:
        raise refused(kind, work_id, row.outcome)
    else:
        typer.echo(f"{kind} {work_id}: {row.outcome}")


def _wait_for(commands: "Commands", command_id: UUID) -> "CommandRow | None":
    deadline = time.monotonic() + _SHOWN_WITHIN_SECONDS
    while time.monotonic() < deadline:
        row = commands.row(command_id)
        if row and row.done:
            return row
        time.sleep(_LOOK_AGAIN_SECONDS)
    return None
