"""`mig status`: is each part up, how deep is each queue, how old the oldest item."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from deployments.commands.tables import AsJson, Row, print_rows

if TYPE_CHECKING:
    from gateway.config import Settings


def status(as_json: AsJson = False) -> None:
    """Say whether each part is up, and how much waits where.

    The exit code is 3 where a part can't be reached.
    """
    from deployments.process.exit_codes import ExitCode
    from gateway.config import load_settings

    settings = load_settings().settings
    parts, queues = _parts(settings), _queues(settings)
    if as_json:
        print_rows([*parts, *queues], (), as_json=True)
    else:
        print_rows(parts, ("part", "state", "detail"), as_json=False)
        typer.echo()
        print_rows(queues, ("queue", "count", "oldest"), as_json=False)
    if any(part["state"] != "up" for part in parts):
        raise typer.Exit(ExitCode.UNREACHABLE)


def _parts(settings: "Settings") -> list[Row]:
    from deployments.health import parts_health

    return [
        {"part": health.part, "state": "up" if health.up else "down", "detail": health.detail}
        for health in parts_health(settings)
    ]


def _queues(settings: "Settings") -> list[Row]:
    from deployments.queues import export_depths, request_depths, run_depths, spool_depths
    from gateway.errors import GatewayError

    rows: list[Row] = []
    places = {"spool": spool_depths, "runs": run_depths, "exports": export_depths, "requests": request_depths}
    for what, depths in places.items():
        try:
            rows += [asdict(depth) for depth in depths(settings)]
        except GatewayError as error:
            typer.echo(f"{what}: {error}", err=True)
    return rows
