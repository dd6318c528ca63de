"""What operators ask of work, whatever its kind: written down, and then watched until the dispatcher has done it."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from deployments.commands.site import site_settings
from gateway.wording import counted
from gateway.work import MOST_AT_ONCE

if TYPE_CHECKING:
    from gateway.node_context import NodeContext
    from gateway.work.commands import CommandRow, Commands, OperatorCommand

Find = Callable[[str], UUID]
FindAll = Callable[[str], Sequence[UUID]]

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids, or their first digits.")]
TheseIds = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids, or their first digits.")]
InState = Annotated[str | None, typer.Option(help="All that are in this state, e.g. failed.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether that many are meant.")]

_SHOWN_WITHIN_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.1
_MANY = 10  # are worth a progress bar


def ask_and_show(kind: str, work_id: UUID, command: "OperatorCommand", destinations: Sequence[str] = ()) -> None:
    """Ask, and say what became of it. Raises NothingToDo, also where the dispatcher finds that there is nothing to do.

    Whoever does not want to wait may go: it is written down, and done when dispatcher and Prefect are there.
    """
    from gateway.kinds import ask, refused
    from gateway.node_context import NodeContext
    from gateway.work.commands import Commands, Wish

    with closing(NodeContext(site_settings(), may_upgrade=False)) as node:
        command_id = ask(node, Wish(kind, work_id, command, tuple(destinations)), "command line")
        row = _wait_for(Commands(node.database), command_id)
    if not row.done:
        typer.echo(f"{kind} {work_id}: {_noted(row)}")
    elif not row.carried_out:
        raise refused(kind, work_id, row.outcome)
    else:
        typer.echo(f"{kind} {work_id}: {row.outcome}")


def retry_chosen(
    kind: str, ids: Sequence[str], state: str | None, *, states: Sequence[str], find: Find, find_all: FindAll, yes: bool
) -> None:
    """Retry the work with these ids, or all in a state, after a question. Raises BadParameter where both are said."""
    from gateway.work.commands import OperatorCommand

    if bool(ids) == bool(state):
        raise typer.BadParameter("either ids, or --state", param_hint="ID")
    if state is None:
        ask_of(kind, [find(each) for each in ids], OperatorCommand.RETRY, yes=True)
        return
    check_state(state, states)
    found = find_all(state)
    if len(found) > MOST_AT_ONCE:
        typer.echo(f"more than {counted(MOST_AT_ONCE, kind)}: the newest are meant, ask again for the others", err=True)
    ask_of_all(kind, found[:MOST_AT_ONCE], OperatorCommand.RETRY, yes=yes)


def ask_of(
    kind: str,
    work_ids: Sequence[UUID],
    command: "OperatorCommand",
    *,
    yes: bool,
    destinations: Sequence[str] = (),
) -> None:
    """Ask the same of all these: of one it is said what became of it, of many that is counted."""
    if len(work_ids) == 1:
        ask_and_show(kind, work_ids[0], command, destinations)
    else:
        ask_of_all(kind, work_ids, command, yes=yes, destinations=destinations)


def check_state(state: str | None, states: Sequence[str]) -> None:
    """Raise BadParameter where a state is named that there is none of."""
    if state not in {None, *states}:
        raise typer.BadParameter(f"one of {', '.join(states)}", param_hint="--state")


def ask_of_all(
    kind: str,
    work_ids: Sequence[UUID],
    command: "OperatorCommand",
    *,
    yes: bool,
    destinations: Sequence[str] = (),
) -> None:
    """Ask the same of much work, after a question, and say what became of it, counted.

    The exit code is 1 where nothing was to be done for any of it.
    """
    from gateway.node_context import NodeContext

    if not work_ids:
        typer.echo(f"no {kind} is meant: nothing is done")
        return
    where = f" to {', '.join(destinations)}" if destinations else ""
    if not yes and not typer.confirm(f"{command} {counted(len(work_ids), kind)}{where}?"):
        typer.echo("nothing is done")
        return
    with closing(NodeContext(site_settings(), may_upgrade=False)) as node:
        outcomes = _outcomes(node, kind, work_ids, command, destinations)
    for (done, outcome), count in sorted(outcomes.items(), reverse=True):
        typer.echo(f"{counted(count, kind)}: {outcome}", err=not done)
    if not any(done for done, _ in outcomes):
        from deployments.process.exit_codes import ExitCode

        raise typer.Exit(ExitCode.FAILED)


def _outcomes(
    node: "NodeContext",
    kind: str,
    work_ids: Sequence[UUID],
    command: "OperatorCommand",
    destinations: Sequence[str],
) -> Counter[tuple[bool, str]]:
    """How often which outcome was had, and whether something was done."""
    from rich.progress import track

    from gateway.kinds import ask
    from gateway.work.commands import Commands, NothingToDo, Wish

    commands, asked = Commands(node.database), []
    outcomes: Counter[tuple[bool, str]] = Counter()
    for work_id in track(work_ids, "Asking", disable=len(work_ids) < _MANY, transient=True):
        try:
            asked.append(ask(node, Wish(kind, work_id, command, tuple(destinations)), "command line"))
        except NothingToDo as error:
            outcomes[False, error.reason] += 1
    within_seconds = _SHOWN_WITHIN_SECONDS  # a dispatcher that carries out none in time is not waited for with each
    for command_id in track(asked, "Doing", disable=len(asked) < _MANY, transient=True):
        row = _wait_for(commands, command_id, within_seconds)
        within_seconds = _SHOWN_WITHIN_SECONDS if row.done else 0.0
        outcomes[(bool(row.carried_out), row.outcome) if row.done else (True, _noted(row))] += 1
    return outcomes


def _noted(row: "CommandRow") -> str:
    """What is said of a command that nobody has carried out yet."""
    return row.outcome or f"{row.command} is noted, and is done as soon as the dispatcher and Prefect answer"


def _wait_for(commands: "Commands", command_id: UUID, within_seconds: float | None = None) -> "CommandRow":
    """Return a command when it is done, or as it is after that time."""
    deadline = time.monotonic() + (_SHOWN_WITHIN_SECONDS if within_seconds is None else within_seconds)
    while True:
        row = commands.row(command_id)
        assert row
        if row.done or time.monotonic() >= deadline:
            return row
        time.sleep(_LOOK_AGAIN_SECONDS)
