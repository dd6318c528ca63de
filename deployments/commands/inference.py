"""`mig inference`: requests for data to be retrieved."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from deployments.commands.operator import Ids, InState, Yes, ask_and_show, check_state, retry_chosen
from deployments.commands.site import site_settings
from deployments.commands.tables import AsJson, moment, print_more, print_object, print_rows, the_one
from gateway.work import MOST_AT_ONCE

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.inference.row import RequestRow
    from gateway.inference.store import RequestStore

app = typer.Typer(help="Inference requests.", no_args_is_help=True)

RequestId = Annotated[str, typer.Argument(metavar="ID", help="The request's id, or its first digits.")]

_COLUMNS = ("id", "state", "priority_class", "created", "tries", "found", "fetched", "bytes", "message")


@app.command()
def submit(
    file: Annotated[typer.FileBinaryRead, typer.Argument(metavar="FILE", help="The request, as JSON; - for stdin.")],
    wait: Annotated[bool, typer.Option("--wait", help="Show how far it comes, until it is over.")] = False,
) -> None:
    """Submit a request of the ACR DSI, as a POST to /inference would.

    The exit code is 1 where the request is refused or, with --wait, does not end well.
    """
    from gateway.inference.identity import request_id

    with _requests() as (store, settings):
        from gateway.inference.acceptance import RequestAcceptance
        from gateway.inference.row import RequestState

        submission = RequestAcceptance(store, settings, None).accept(file.read())
        request = request_id(submission.request.transaction_id)
        typer.echo(str(request))
        if wait and _wait(store, str(request)).state is not RequestState.COMPLETED:
            from deployments.process.exit_codes import ExitCode

            raise typer.Exit(ExitCode.FAILED)


@app.command("list")
def list_requests(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many on a page.")] = 20,
    page: Annotated[int, typer.Option(min=1, help="Which page.")] = 1,
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    as_json: AsJson = False,
) -> None:
    """List requests, the newest first."""
    with _requests() as (store, settings):
        from gateway.inference.row import RequestState
        from gateway.inference.view import view_of

        check_state(state, list(RequestState))
        wanted = RequestState(state) if state else None
        rows = store.newest(limit + 1, (page - 1) * limit, wanted)
        shown = [view_of(row, settings).model_dump() for row in rows[:limit]]
        print_rows(shown, _COLUMNS, as_json=as_json)
        counts = store.work.counts()
        total = counts.get(wanted, 0) if wanted else sum(counts.values())
        print_more(len(shown), total, f"--page {page + 1}" if len(rows) > limit else None)


@app.command()
def show(request_id: RequestId, as_json: AsJson = False) -> None:
    """Show how far a request has come, source by source."""
    with _requests() as (store, settings):
        from gateway.inference.view import view_of

        print_object(view_of(_found(store, request_id), settings).model_dump(), as_json=as_json)


@app.command()
def retry(
    request_ids: Ids = None,
    state: InState = None,
    since: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME|2h", help="Of them those taken then or later.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Try now: start the runs of requests that wait, have failed or were cancelled."""
    from gateway.inference.row import RequestState

    def all_in(state: str) -> list[UUID]:
        with _requests() as (store, _):
            return [row.request_id for row in store.newest(MOST_AT_ONCE + 1, 0, RequestState(state), since=since)]

    retry_chosen("request", request_ids or (), state, states=list(RequestState), find=_id_of, find_all=all_in, yes=yes)


@app.command()
def cancel(request_id: RequestId) -> None:
    """End a request: its run is cancelled, and the credentials for its sources are erased."""
    from gateway.work.commands import OperatorCommand

    ask_and_show("request", _id_of(request_id), OperatorCommand.CANCEL)


def _id_of(request_id: str) -> UUID:
    with _requests() as (store, _):
        return _found(store, request_id).request_id


@contextmanager
def _requests() -> "Iterator[tuple[RequestStore, Settings]]":
    from gateway.inference.store import opened_request_store

    settings = site_settings()
    with opened_request_store(settings.database_url, may_upgrade=False) as store:
        yield store, settings


def _found(store: "RequestStore", request_id: str) -> "RequestRow":
    return the_one(store.matching(request_id), "request", request_id)


def _wait(store: "RequestStore", request_id: str) -> "RequestRow":
    import gc

    from rich.console import Console

    from deployments.commands.request_progress import wait_shown

    gc.enable()  # it may take hours
    return wait_shown(lambda: _found(store, request_id), Console(stderr=True, highlight=False))
