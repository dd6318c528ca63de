"""`mig payload`: what was received, and what became of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from deployments.commands.operator import ask_and_show
from deployments.commands.tables import AsJson, print_object, print_rows, the_one

if TYPE_CHECKING:
    from deployments.payload_list import PayloadList
    from gateway.payloads.index import PayloadIndex, PayloadRow
    from gateway.runs.run import Run

app = typer.Typer(help="Received payloads.", no_args_is_help=True)

PayloadId = Annotated[str, typer.Argument(metavar="ID", help="The payload's id, or its first digits.")]

_COLUMNS = ("id", "state", "called_ae", "calling_ae", "instances", "bytes", "closed", "attempt", "run_state", "message")


@app.command("list")
def list_payloads(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many on a page.")] = 20,
    page: Annotated[int, typer.Option(min=1, help="Which page.")] = 1,
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    as_json: AsJson = False,
) -> None:
    """List payloads, the newest first."""
    with _payloads() as payloads:
        if state not in {None, *payloads.states}:
            raise typer.BadParameter(f"one of {', '.join(payloads.states)}", param_hint="--state")
        views = payloads.page(limit, (page - 1) * limit, state)
        print_rows([asdict(view) for view in views], _COLUMNS, as_json=as_json)
        _end_without_prefect(payloads)


@app.command()
def show(payload_id: PayloadId, as_json: AsJson = False) -> None:
    """Show everything that is known of a payload."""
    with _payloads() as payloads:
        view = payloads.view(_found(payloads.index, payload_id))
        print_object(asdict(view), as_json=as_json)
        _end_without_prefect(payloads)


@app.command()
def retry(payload_id: PayloadId) -> None:
    """Try now: start the run of a payload that waits, has failed or was cancelled."""
    from gateway.work.commands import OperatorCommand

    ask_and_show("payload", _id_of(payload_id), OperatorCommand.RETRY)


@app.command()
def cancel(payload_id: PayloadId) -> None:
    """End the run of a payload. What was received stays on the spool, and goes on when it is retried."""
    from gateway.work.commands import OperatorCommand

    ask_and_show("payload", _id_of(payload_id), OperatorCommand.CANCEL)


def _id_of(payload_id: str) -> UUID:
    from gateway.config import load_settings
    from gateway.payloads.index import opened_payload_index

    with opened_payload_index(load_settings().settings.database_url) as index:
        return _found(index, payload_id).payload_id


@contextmanager
def _payloads() -> "Iterator[PayloadList]":
    """What all these commands look at."""
    from deployments.payload_list import PayloadList
    from gateway.config import load_settings
    from gateway.payloads.index import opened_payload_index
    from gateway.runs.api import asked
    from gateway.runs.reading import runs_by_id
    from gateway.spool.area import scp_area
    from gateway.spool.node import read_node

    settings = load_settings().settings
    spool = settings.paths.spool

    def asked_for(run_ids: "Sequence[UUID]") -> "Mapping[UUID, Run]":
        return asked(settings.prefect_api_url, lambda api: runs_by_id(api, run_ids))

    with opened_payload_index(settings.database_url, may_upgrade=False) as index:
        yield PayloadList(index, scp_area(spool), read_node(spool), asked_for)


def _found(index: "PayloadIndex", payload_id: str) -> "PayloadRow":
    return the_one(index.matching(payload_id), "payload", payload_id)


def _end_without_prefect(payloads: "PayloadList") -> None:
    from deployments.process.exit_codes import ExitCode

    if payloads.prefect_is_away:
        typer.echo("Prefect does not answer: the state of runs is unknown", err=True)
        raise typer.Exit(ExitCode.UNREACHABLE)
