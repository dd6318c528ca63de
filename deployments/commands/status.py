"""`mig status`: is each part up, how deep is each queue, how old the oldest item, and what waits for whom."""

from dataclasses import asdict

import typer

from deployments.commands.site import site_settings
from deployments.commands.tables import AsJson, print_rows

_DESTINATION_COLUMNS = ("destination", "state", "queued", "oldest", "failed", "reason")


def status(as_json: AsJson = False) -> None:
    """Say whether each part is up, how much waits where, and for which destination.

    The exit code is 3 where a part can't be reached.
    """
    from deployments.process.exit_codes import ExitCode
    from gateway.operations.status import site_status

    found = site_status(site_settings())
    parts = [{"part": each.part, "state": "up" if each.up else "down", "detail": each.detail} for each in found.parts]
    queues = [asdict(each) for each in found.queues]
    destinations = [{"destination": each.name, **asdict(each)} for each in found.destinations]
    if as_json:
        print_rows([*parts, *queues, *destinations], (), as_json=True)
    else:
        print_rows(parts, ("part", "state", "detail"), as_json=False)
        typer.echo()
        print_rows(queues, ("queue", "count", "oldest"), as_json=False)
        if destinations:
            typer.echo()
            print_rows(destinations, _DESTINATION_COLUMNS, as_json=False)
    for line in found.unknown:
        typer.echo(line, err=True)
    if not found.all_up:
        raise typer.Exit(ExitCode.UNREACHABLE)
